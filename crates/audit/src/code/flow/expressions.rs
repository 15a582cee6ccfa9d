//! Expressions: operands, operators, calls and templates, without regard to precedence where it does not matter.

use std::rc::Rc;

use super::super::tokens::{Kind, unescaped};
use super::super::value::{Api, Value, join};
use super::{ASSIGNMENTS, FILLING, Flow, MAX_ARGUMENTS, MAX_DEPTH, Target, combined, concatenated, deepen, unquoted};

impl<'s> Flow<'s> {
    /// Follows one expression, up to a comma, a semicolon or a closing bracket.
    pub(in crate::code) fn expression(&mut self, from: usize, end: usize) -> (Value, usize) {
        if self.depth >= MAX_DEPTH {
            self.too_deep.get_or_insert(self.line(from));
            return (Value::default(), end);
        }
        self.depth += 1;
        let result = self.operands(from, end);
        self.depth -= 1;
        result
    }

    pub(super) fn operands(&mut self, from: usize, end: usize) -> (Value, usize) {
        let mut at = from;
        let mut total = Value::default();
        let mut operator = "";
        let mut choices = 0_usize;
        loop {
            let line = self.line(at);
            let (mut value, next, target) = self.operand(at, end);
            at = next;
            let op = if self.kind(at, end) == Some(Kind::Op) { self.tokens.raw(at) } else { "" };
            if ASSIGNMENTS.contains(&op)
                && let Some(target) = target
            {
                let (given, next) = self.expression(at + 1, end);
                let given = if op == "+=" { concatenated(value, given) } else { given };
                self.assign(&target, given.clone(), line);
                (value, at) = (given, next);
            }
            total = combined(total, operator, value);
            operator = match self.kind(at, end) {
                Some(Kind::Op) => self.tokens.raw(at),
                Some(Kind::Name) if matches!(self.tokens.raw(at), "in" | "instanceof" | "as" | "satisfies") => "in",
                _ => return (total, at),
            };
            match operator {
                "?" => choices += 1,
                ":" if choices > 0 => choices -= 1,
                ":" | "," | ";" | "=>" | "..." | "!" | "." | "~" => return (total, at),
                _ => {}
            }
            at += 1;
        }
    }

    /// One operand with everything that is said before and after it.
    pub(super) fn operand(&mut self, from: usize, end: usize) -> (Value, usize, Option<Target<'s>>) {
        let mut at = from;
        let (mut new, mut plain) = (false, false);
        loop {
            match self.kind(at, end) {
                Some(Kind::Op) if matches!(self.tokens.raw(at), "!" | "-" | "~" | "++" | "--") => plain = true,
                Some(Kind::Op) if matches!(self.tokens.raw(at), "+" | "...") => {}
                Some(Kind::Name) if matches!(self.tokens.raw(at), "typeof" | "void" | "delete") => plain = true,
                Some(Kind::Name) if matches!(self.tokens.raw(at), "await" | "yield") => {}
                Some(Kind::Name) if self.tokens.raw(at) == "new" && !self.is(at + 1, end, ".") => new = true,
                _ => break,
            }
            at += 1;
        }
        let (value, mut at, mut target) = self.primary(at, end);
        let (value, next) = self.suffixes(value, at, end, new, &mut target);
        at = next;
        (if plain { Value::default() } else { value }, at, target)
    }

    pub(super) fn primary(&mut self, at: usize, end: usize) -> (Value, usize, Option<Target<'s>>) {
        let Some(kind) = self.kind(at, end) else { return (Value::default(), at, None) };
        match kind {
            Kind::String => (Value::text(&unquoted(self.tokens.raw(at))), at + 1, None),
            Kind::Number => (Value::text(self.tokens.raw(at)), at + 1, None),
            Kind::Regex => (Value::default(), at + 1, None),
            Kind::Template => {
                let close = self.partner(at, end);
                (self.template(at + 1, close), close + 1, None)
            }
            Kind::Name => self.word(at, end),
            Kind::Open(b'(') => {
                let close = self.partner(at, end);
                if self.arrow_follows(close, end) {
                    let (value, next) = self.function(at, at, end);
                    return (value, next, None);
                }
                (self.sequence(at + 1, close), close + 1, None)
            }
            Kind::Open(bracket @ (b'[' | b'{')) => {
                let close = self.partner(at, end);
                if self.is(close + 1, end, "=") {
                    let (value, next) = self.expression(close + 2, end);
                    self.pattern(at, end, value.clone(), self.scope);
                    return (value, next, None);
                }
                if self.depth >= MAX_DEPTH {
                    self.too_deep.get_or_insert(self.line(at));
                    return (Value::default(), close + 1, None);
                }
                let value = if bracket == b'[' { self.list(at + 1, close) } else { self.object(at + 1, close) };
                (value, close + 1, None)
            }
            Kind::Op if self.tokens.raw(at) == "<" => (Value::default(), at + 1, None),
            Kind::Open(_) | Kind::Close | Kind::Chunk | Kind::Op => (Value::default(), at, None),
        }
    }

    pub(super) fn word(&mut self, at: usize, end: usize) -> (Value, usize, Option<Target<'s>>) {
        let name = self.tokens.name(at);
        if self.is(at + 1, end, "=>") {
            let (value, next) = self.function(at, at, end);
            return (value, next, None);
        }
        match &*name {
            "async" if self.is(at + 1, end, "function") || self.arrow_at(at + 1, end) => {
                let (value, next, _) = self.primary(at + 1, end);
                return (value, next, None);
            }
            "function" => {
                let mut head = at + 1;
                while self.is(head, end, "*") {
                    head += 1;
                }
                let named = (self.kind(head, end) == Some(Kind::Name)).then(|| self.tokens.name(head));
                let head = if named.is_some() { head + 1 } else { head };
                let head = self.past_generics(head, end);
                if let Some(name) = named {
                    let scope = self.scope;
                    self.bind(scope, name, Value { api: Api::Local(head), ..Value::default() }, self.line(at));
                }
                let (value, next) = self.function(head, head, end);
                return (value, next, None);
            }
            "class" => return (Value::default(), self.class(at + 1, end), None),
            "import" if self.opens(at + 1, end, b'(') => return (Value::path("import"), at + 1, None),
            "import" => return (Value::path("import_meta"), at + 1, None),
            _ => {}
        }
        let value = self.lookup(&name);
        if name.len() != self.tokens.raw(at).len() {
            self.hidden(&value, self.line(at));
        }
        (value, at + 1, Some(Target { base: name, part: None, deeper: false }))
    }

    pub(super) fn arrow_follows(&self, close: usize, end: usize) -> bool {
        if self.is(close + 1, end, "=>") {
            return true;
        }
        self.is(close + 1, end, ":") && {
            let limit = end.min(close + 40);
            let mut at = close + 2;
            while at < limit && !self.is(at, limit, "=>") {
                match self.kind(at, limit) {
                    Some(Kind::Open(_)) => at = self.partner(at, end),
                    Some(Kind::Close | Kind::String | Kind::Number | Kind::Template | Kind::Chunk) | None => {
                        return false;
                    }
                    Some(Kind::Op) if !matches!(self.tokens.raw(at), "<" | ">" | "|" | "." | "&" | ",") => {
                        return false;
                    }
                    _ => {}
                }
                at += 1;
            }
            self.is(at, limit, "=>")
        }
    }

    pub(super) fn arrow_at(&self, at: usize, end: usize) -> bool {
        self.is(at + 1, end, "=>") || self.opens(at, end, b'(') && self.arrow_follows(self.partner(at, end), end)
    }

    /// Past `<T>` before a bracket.
    pub(super) fn past_generics(&self, at: usize, end: usize) -> usize {
        if !self.is(at, end, "<") {
            return at;
        }
        let mut angles = 0_i32;
        let mut place = at;
        while place < end.min(at + 60) {
            match self.kind(place, end) {
                Some(Kind::Open(_)) => place = self.partner(place, end),
                Some(Kind::Op) => match self.tokens.raw(place) {
                    "<" => angles += 1,
                    ">" => angles -= 1,
                    ">>" => angles -= 2,
                    "," | "." | "|" | "&" | "=" | "?" | ":" | "=>" | ";" => {}
                    _ => return at,
                },
                Some(Kind::Name | Kind::String | Kind::Close) => {}
                _ => return at,
            }
            place += 1;
            if angles <= 0 {
                return if self.opens(place, end, b'(') { place } else { at };
            }
        }
        at
    }

    pub(super) fn suffixes(
        &mut self,
        mut value: Value,
        mut at: usize,
        end: usize,
        mut new: bool,
        target: &mut Option<Target<'s>>,
    ) -> (Value, usize) {
        let mut receiver: Option<(Value, Rc<str>)> = None;
        loop {
            let optional = self.is(at, end, "?.");
            if optional || self.is(at, end, ".") {
                if self.kind(at + 1, end) == Some(Kind::Name) {
                    let name = self.tokens.name(at + 1);
                    let hidden = name.len() != self.tokens.raw(at + 1).len();
                    let part = self.member(&value, &name, hidden, self.line(at));
                    deepen(target, Some(Rc::from(&*name)));
                    receiver = Some((value, Rc::from(&*name)));
                    (value, at) = (part, at + 2);
                    continue;
                }
                if !optional {
                    return (value, at + 1);
                }
                at += 1;
            }
            match self.kind(at, end) {
                Some(Kind::Open(b'[')) => {
                    let close = self.partner(at, end);
                    let key = self.sequence(at + 1, close);
                    let part = self.indexed(&value, &key, self.line(at));
                    deepen(target, key.text.clone());
                    receiver = Some((value, key.text.unwrap_or_default()));
                    (value, at) = (part, close + 1);
                }
                Some(Kind::Open(b'(')) => {
                    let close = self.partner(at, end);
                    let line = self.line(at);
                    let arguments = self.arguments(at + 1, close);
                    if let Some((known, method)) = target.take().zip(receiver.as_ref().map(|(_, method)| method))
                        && FILLING.contains(&&**method)
                    {
                        self.fill(&known, &arguments);
                    }
                    value = self.call(&value, receiver.take(), arguments, line, new);
                    (new, at) = (false, close + 1);
                }
                Some(Kind::Template) => {
                    let close = self.partner(at, end);
                    let text = self.template(at + 1, close);
                    let line = self.line(at);
                    value = self.call(&value, receiver.take(), vec![text], line, new);
                    at = close + 1;
                }
                Some(Kind::Op) if matches!(self.tokens.raw(at), "++" | "--") => at += 1,
                Some(Kind::Op) if self.tokens.raw(at) == "!" => at += 1,
                Some(Kind::Op) if self.tokens.raw(at) == "<" && self.past_generics(at, end) != at => {
                    at = self.past_generics(at, end);
                }
                _ => {
                    if new {
                        let line = self.line(at);
                        value = self.call(&value, None, Vec::new(), line, true);
                    }
                    return (value, at);
                }
            }
        }
    }

    pub(super) fn sequence(&mut self, from: usize, close: usize) -> Value {
        let mut at = from;
        let mut last = Value::default();
        while at < close {
            let (value, next) = self.expression(at, close);
            last = value;
            at = next.max(at + 1);
            if self.is(next, close, ",") {
                at = next + 1;
            }
        }
        last
    }

    pub(super) fn arguments(&mut self, from: usize, close: usize) -> Vec<Value> {
        let mut at = from;
        let mut values: Vec<Value> = Vec::new();
        while at < close {
            let spread = self.is(at, close, "...");
            let (value, next) = self.expression(at, close);
            at = if self.is(next, close, ",") { next + 1 } else { next.max(at + 1) };
            if spread && value.fields.is_some() {
                values.extend(value.items().into_iter().take(MAX_ARGUMENTS).cloned());
            } else if values.len() < MAX_ARGUMENTS {
                values.push(value);
            } else if let Some(last) = values.last_mut() {
                join(&mut last.taint, &value.taint);
            }
        }
        values
    }

    pub(super) fn template(&mut self, from: usize, close: usize) -> Value {
        let mut total = Value::text("");
        let mut at = from;
        while at < close {
            match self.kind(at, close) {
                Some(Kind::Chunk) => {
                    let text = Value::text(&unescaped(self.tokens.raw(at)));
                    let built = total.built;
                    total = concatenated(total, text);
                    total.built = built;
                    at += 1;
                }
                Some(Kind::Open(b'$')) => {
                    let inside = self.partner(at, close);
                    let value = self.sequence(at + 1, inside);
                    let value = self.serialized(value, self.line(at));
                    total = concatenated(total, value);
                    at = inside + 1;
                }
                _ => at += 1,
            }
        }
        total
    }
}
