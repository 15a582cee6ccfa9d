//! Statements, declarations and patterns: which names take which part of which value.

use super::super::platform;
use super::super::tokens::Kind;
use super::super::value::{Api, Data, Value};
use super::{Flow, MAX_DEPTH, unquoted};

impl Flow<'_> {
    pub(super) fn statements(&mut self, from: usize, end: usize) {
        if self.depth >= MAX_DEPTH {
            self.too_deep.get_or_insert(self.line(from));
            return;
        }
        self.depth += 1;
        let mut at = from;
        while at < end {
            let next = self.statement(at, end);
            at = next.max(at + 1);
        }
        self.depth -= 1;
    }

    pub(super) fn statement(&mut self, at: usize, end: usize) -> usize {
        match self.kind(at, end) {
            Some(Kind::Open(b'{')) => self.block(at, end),
            Some(Kind::Name) => match self.tokens.raw(at) {
                "const" | "let" => self.declarations(at + 1, end, self.scope),
                "var" => self.declarations(at + 1, end, self.function_scope()),
                "import" if !self.opens(at + 1, end, b'(') && !self.is(at + 1, end, ".") => self.import(at + 1, end),
                "return" | "yield" => self.returning(at + 1, end),
                "if" | "while" | "switch" | "with" if self.opens(at + 1, end, b'(') => {
                    let close = self.partner(at + 1, end);
                    self.statements(at + 2, close);
                    close + 1
                }
                "for" | "catch" => self.loop_head(at + 1, end),
                "interface" | "declare" if self.kind(at + 1, end) == Some(Kind::Name) => at + 1,
                "type" if self.kind(at + 1, end) == Some(Kind::Name) && self.is(at + 2, end, "=") => at + 3,
                "export" | "default" | "else" | "do" | "try" | "finally" | "throw" | "case" | "abstract" | "enum" => {
                    at + 1
                }
                _ => self.expression(at, end).1,
            },
            Some(_) => self.expression(at, end).1,
            None => end,
        }
    }

    pub(super) fn block(&mut self, at: usize, end: usize) -> usize {
        let close = self.partner(at, end);
        if self.depth >= MAX_DEPTH {
            self.too_deep.get_or_insert(self.line(at));
            return close + 1;
        }
        self.depth += 1;
        let before = self.enter(at, false);
        self.statements(at + 1, close);
        self.scope = before;
        self.depth -= 1;
        close + 1
    }

    pub(super) fn returning(&mut self, at: usize, end: usize) -> usize {
        let (value, next) = self.expression(at, end);
        if let Some(function) = self.functions.last() {
            self.returns.entry(*function).or_default().merge(value);
        }
        next
    }

    /// `for (const x of list)`, `for (…; …; …)`, `catch (error)`.
    pub(super) fn loop_head(&mut self, at: usize, end: usize) -> usize {
        let at = if self.is(at, end, "await") { at + 1 } else { at };
        if !self.opens(at, end, b'(') {
            return at;
        }
        let close = self.partner(at, end);
        let first = at + 1;
        let named = ["const", "let", "var"].iter().any(|word| self.is(first, close, word));
        let pattern = if named { first + 1 } else { first };
        let after = match self.kind(pattern, close) {
            Some(Kind::Open(_)) => self.partner(pattern, close) + 1,
            _ => pattern + 1,
        };
        if self.is(after, close, "of") || self.is(after, close, "in") {
            let over_names = self.is(after, close, "in");
            let (value, _) = self.expression(after + 1, close);
            let item = self.element(&value, over_names, self.line(at));
            self.pattern(pattern, close, item, self.scope);
        } else {
            self.statements(first, close);
        }
        close + 1
    }

    /// One of the items of a value.
    pub(in crate::code) fn element(&mut self, value: &Value, names: bool, line: u32) -> Value {
        if value.name() == "process.env" {
            let kind = if names { Data::VariableName } else { Data::Environment };
            return Value::data(self.origin(kind, line, "process.env, one after the other"));
        }
        if names {
            return Value::default();
        }
        let mut item = Value::data(value.taint.clone());
        for known in value.items() {
            item.merge(known.clone());
        }
        item
    }

    pub(super) fn declarations(&mut self, mut at: usize, end: usize, scope: usize) -> usize {
        loop {
            let before = at;
            at = self.declaration(at, end, scope);
            if !self.is(at, end, ",") || at == before {
                return at;
            }
            at += 1;
        }
    }

    pub(super) fn declaration(&mut self, at: usize, end: usize, scope: usize) -> usize {
        let after = match self.kind(at, end) {
            Some(Kind::Open(_)) => self.partner(at, end) + 1,
            Some(Kind::Name) => at + 1,
            _ => return at,
        };
        let equals = self.past_type(after, end);
        if !self.is(equals, end, "=") {
            self.pattern(at, end, Value::default(), scope);
            return equals;
        }
        let (value, next) = self.expression(equals + 1, end);
        self.pattern(at, end, value, scope);
        next
    }

    /// Past `: Type`, to what follows it.
    pub(super) fn past_type(&self, at: usize, end: usize) -> usize {
        let mut at = if self.is(at, end, "!") || self.is(at, end, "?") { at + 1 } else { at };
        if !self.is(at, end, ":") {
            return at;
        }
        at += 1;
        let mut angles = 0_i32;
        while at < end {
            match self.kind(at, end) {
                Some(Kind::Open(_) | Kind::Template) => at = self.partner(at, end),
                Some(Kind::Close) => break,
                Some(Kind::Op) => match self.tokens.raw(at) {
                    "<" => angles += 1,
                    ">" => angles -= 1,
                    ">>" => angles -= 2,
                    "=" | ";" => break,
                    "," if angles <= 0 => break,
                    _ => {}
                },
                Some(Kind::Name) if angles <= 0 && matches!(self.tokens.raw(at), "const" | "let" | "var" | "of") => {
                    break;
                }
                _ => {}
            }
            at += 1;
        }
        at
    }

    /// Gives the names of a pattern their parts of a value.
    pub(super) fn pattern(&mut self, at: usize, end: usize, value: Value, scope: usize) {
        let line = self.line(at);
        match self.kind(at, end) {
            Some(Kind::Name) => self.bind(scope, self.tokens.name(at), value, line),
            Some(Kind::Open(bracket @ (b'{' | b'['))) if self.depth < MAX_DEPTH => {
                self.depth += 1;
                let close = self.partner(at, end);
                let (mut at, mut index) = (at + 1, 0_usize);
                while at < close {
                    let before = at;
                    at = self.pattern_part(at, close, bracket, index, &value, scope).max(before + 1);
                    index += 1;
                }
                self.depth -= 1;
            }
            _ => {}
        }
    }

    pub(super) fn pattern_part(
        &mut self,
        at: usize,
        close: usize,
        bracket: u8,
        index: usize,
        value: &Value,
        scope: usize,
    ) -> usize {
        let mut at = at;
        if self.is(at, close, ",") {
            return at + 1;
        }
        let line = self.line(at);
        let (mut part, place) = if self.is(at, close, "...") {
            (value.clone(), at + 1)
        } else if bracket == b'[' {
            (self.member(value, &index.to_string(), false, line), at)
        } else {
            let (key, built) = match self.kind(at, close) {
                Some(Kind::Open(b'[')) => {
                    let inside = self.partner(at, close);
                    let key = self.expression(at + 1, inside).0;
                    at = inside;
                    (key.text.unwrap_or_default().to_string(), key.built)
                }
                Some(Kind::String) => (unquoted(self.tokens.raw(at)), false),
                _ => (self.tokens.name(at).into_owned(), false),
            };
            let part = self.member(value, &key, built, line);
            if self.is(at + 1, close, ":") { (part, at + 2) } else { (part, at) }
        };
        let mut after = match self.kind(place, close) {
            Some(Kind::Open(_)) => self.partner(place, close) + 1,
            _ => place + 1,
        };
        if self.is(after, close, "=") {
            let (default, next) = self.expression(after + 1, close);
            if part.api == Api::Unknown && part.text.is_none() {
                let known = std::mem::replace(&mut part, default);
                part.merge(known);
            }
            after = next;
        }
        self.pattern(place, close, part, scope);
        if self.is(after, close, ",") { after + 1 } else { after }
    }

    /// `import a, {b as c}, * as d from "m"`.
    pub(super) fn import(&mut self, at: usize, end: usize) -> usize {
        let listed = |at: &usize| match self.kind(*at, end) {
            Some(Kind::Name) => self.tokens.raw(*at) != "import",
            Some(Kind::Open(bracket)) => bracket == b'{',
            Some(Kind::Close) => true,
            Some(Kind::Op) => matches!(self.tokens.raw(*at), "," | "*"),
            _ => false,
        };
        let from = (at..end).find(|at| !listed(at)).unwrap_or(end);
        if self.kind(from, end) != Some(Kind::String) {
            return at.max(from);
        }
        let module = platform::module(&unquoted(self.tokens.raw(from)));
        let mut place = at;
        let mut open = false;
        while place < from {
            let word = self.tokens.name(place);
            match (self.kind(place, from), &*word) {
                (Some(Kind::Open(_)), _) => open = true,
                (Some(Kind::String), _) | (Some(Kind::Name), "from" | "type" | "as") => {}
                (Some(Kind::Name), _) => {
                    let renamed = self.is(place + 1, from, "as");
                    let local = if renamed { place + 2 } else { place };
                    let value =
                        if open { self.member(&module, &word, false, self.line(place)) } else { module.clone() };
                    self.bind(0, self.tokens.name(local), value, self.line(place));
                    place = local;
                }
                (Some(Kind::Op), _) if self.is(place, from, "*") && self.is(place + 1, from, "as") => {
                    self.bind(0, self.tokens.name(place + 2), module.clone(), self.line(place));
                    place += 2;
                }
                _ => {}
            }
            place += 1;
        }
        from + 1
    }
}
