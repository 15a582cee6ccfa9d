//! Follows values through one file of JavaScript or TypeScript: statements, expressions, names and functions, as far as
//! they say where data goes. It understands every program a little and no program wholly; nothing is run.
//!
//! Bounded: three looks at each token, brackets at most [`MAX_DEPTH`] deep; what is deeper is said to be unread.

mod expressions;
mod literals;
mod statements;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::texts::{self, HOLE};
use super::tokens::{Kind, MAX_TEXT, Tokens, unescaped};
use super::value::{Api, Data, Origin, Value, join, through};
use crate::finding::Severity;
use crate::snapshot::code::{Evidence, Step};

/// One file that is followed.
pub(super) struct Flow<'s> {
    pub(super) tokens: &'s Tokens<'s>,
    file: &'s str,
    scopes: Vec<Scope<'s>>,
    scope: usize,
    scope_of: HashMap<usize, usize>,
    functions: Vec<usize>,
    parameters: HashMap<usize, Vec<Value>>,
    returns: HashMap<usize, Value>,
    /// Files that took what came from the network.
    pub(super) downloads: HashSet<Rc<str>>,
    pub(super) found: Vec<Evidence>,
    depth: usize,
    too_deep: Option<u32>,
}

struct Scope<'s> {
    parent: usize,
    function: bool,
    names: HashMap<Cow<'s, str>, Value>,
}

/// What an expression can be assigned to.
struct Target<'s> {
    base: Cow<'s, str>,
    part: Option<Rc<str>>,
    deeper: bool,
}

impl<'s> Flow<'s> {
    /// What the code of a file does.
    pub(in crate::code) fn evidence(file: &'s str, tokens: &'s Tokens<'s>) -> Vec<Evidence> {
        let mut flow = Self {
            tokens,
            file,
            scopes: vec![Scope { parent: 0, function: true, names: HashMap::new() }],
            scope: 0,
            scope_of: HashMap::new(),
            functions: Vec::new(),
            parameters: HashMap::new(),
            returns: HashMap::new(),
            downloads: HashSet::new(),
            found: Vec::new(),
            depth: 0,
            too_deep: None,
        };
        for _ in 0..PASSES {
            flow.found.clear();
            flow.statements(0, tokens.list.len());
        }
        if let Some(line) = flow.too_deep {
            flow.say("unreadable-code", Severity::Warn, line, "brackets are nested too deep to be followed", None);
        }
        flow.found
    }

    /// Reports, once for a rule and a line.
    pub(in crate::code) fn say(
        &mut self,
        rule: &str,
        severity: Severity,
        line: u32,
        what: &str,
        origin: Option<&Origin>,
    ) {
        if self.found.len() >= MAX_FOUND || self.found.iter().any(|old| old.line == line && old.rule == rule) {
            return;
        }
        let flow = origin.map(|origin| {
            let source = Step { line: origin.line, what: origin.what.clone() };
            let names = origin.names.iter().map(|(line, name)| Step { line: *line, what: name.clone() });
            let sink = Step { line, what: what.to_owned() };
            std::iter::once(source).chain(names).chain([sink]).collect()
        });
        self.found.push(Evidence {
            rule: rule.to_owned(),
            severity,
            file: self.file.to_owned(),
            line,
            what: what.to_owned(),
            flow: flow.unwrap_or_default(),
        });
    }

    pub(in crate::code) fn origin(&self, kind: Data, line: u32, what: impl Into<String>) -> Vec<Rc<Origin>> {
        vec![Rc::new(Origin { kind, line, what: what.into(), names: Vec::new() })]
    }

    fn line(&self, at: usize) -> u32 {
        self.tokens.get(at).or_else(|| self.tokens.list.last()).map_or(1, |token| token.line)
    }

    fn kind(&self, at: usize, end: usize) -> Option<Kind> {
        (at < end).then(|| self.tokens.get(at).map(|token| token.kind)).flatten()
    }

    fn opens(&self, at: usize, end: usize, bracket: u8) -> bool {
        self.kind(at, end) == Some(Kind::Open(bracket))
    }

    fn is(&self, at: usize, end: usize, word: &str) -> bool {
        matches!(self.kind(at, end), Some(Kind::Op | Kind::Name)) && self.tokens.raw(at) == word
    }

    fn partner(&self, at: usize, end: usize) -> usize {
        self.tokens.get(at).map_or(end, |token| token.partner as usize).min(end).max(at)
    }

    // Names.

    fn enter(&mut self, at: usize, function: bool) -> usize {
        let before = self.scope;
        let new = self.scopes.len();
        self.scope = *self.scope_of.entry(at).or_insert(new);
        if self.scope == new {
            self.scopes.push(Scope { parent: before, function, names: HashMap::new() });
        }
        before
    }

    fn scope_with(&self, name: &str) -> Option<usize> {
        let mut scope = self.scope;
        loop {
            let here = self.scopes.get(scope)?;
            if here.names.contains_key(name) {
                return Some(scope);
            }
            if scope == 0 {
                return None;
            }
            scope = here.parent;
        }
    }

    pub(in crate::code) fn lookup(&self, name: &str) -> Value {
        let bound = self.scope_with(name).and_then(|scope| self.scopes.get(scope)?.names.get(name));
        bound.cloned().unwrap_or_else(|| super::platform::global(name))
    }

    fn bind(&mut self, scope: usize, name: Cow<'s, str>, mut value: Value, line: u32) {
        value.taint = through(&value.taint, &name, line);
        value.rest = through(&value.rest, &name, line);
        let Some(scope) = self.scopes.get_mut(scope) else { return };
        match scope.names.get_mut(&name) {
            Some(old) => old.merge(value),
            None => {
                scope.names.insert(name, value);
            }
        }
    }

    fn function_scope(&self) -> usize {
        let mut scope = self.scope;
        while let Some(here) = self.scopes.get(scope).filter(|here| !here.function && scope != 0) {
            scope = here.parent;
        }
        scope
    }

    fn assign(&mut self, target: &Target<'s>, value: Value, line: u32) {
        let scope = self.scope_with(&target.base).unwrap_or(0);
        let Some(part) = &target.part else { return self.bind(scope, target.base.clone(), value, line) };
        let shown = format!("{}.{part}", target.base);
        let value = if target.deeper { Value::data(value.taint) } else { value };
        let value = Value { taint: through(&value.taint, &shown, line), ..value };
        let Some(scope) = self.scopes.get_mut(scope) else { return };
        scope.names.entry(target.base.clone()).or_default().set(part, value);
    }

    /// What a method puts into the value that it is called on.
    fn fill(&mut self, target: &Target<'s>, arguments: &[Value]) {
        let mut taint = Vec::new();
        for argument in arguments {
            join(&mut taint, &argument.taint);
        }
        let Some(scope) = self.scope_with(&target.base) else { return };
        let Some(value) = self.scopes.get_mut(scope).and_then(|scope| scope.names.get_mut(&target.base)) else {
            return;
        };
        join(&mut value.taint, &taint);
        join(&mut value.rest, &taint);
    }
}

fn deepen(target: &mut Option<Target<'_>>, part: Option<Rc<str>>) {
    if let Some(known) = target {
        if known.part.is_some() {
            known.deeper = true;
        } else {
            known.part = Some(part.unwrap_or_else(|| Rc::from("*")));
        }
    }
}

fn combined(left: Value, operator: &str, right: Value) -> Value {
    match operator {
        "" | "?" | "&&" => right,
        "||" | "??" | ":" => {
            let mut left = left;
            let (api, text) = (left.api.clone(), left.text.clone());
            left.merge(right);
            if api != Api::Unknown {
                left.api = api;
            }
            if text.is_some() && left.text.is_none() {
                left.text = text;
            }
            left
        }
        "+" => concatenated(left, right),
        "==" | "===" | "!=" | "!==" | "<" | ">" | "<=" | ">=" => Value::default(),
        "in" => left,
        _ => {
            let mut taint = left.taint;
            join(&mut taint, &right.taint);
            Value::data(taint)
        }
    }
}

/// Two texts in a row.
pub(super) fn concatenated(left: Value, right: Value) -> Value {
    let mut taint = left.taint;
    join(&mut taint, &right.taint);
    let part = |text: &Option<Rc<str>>| text.clone().unwrap_or_else(|| Rc::from(HOLE.to_string()));
    let (first, second) = (part(&left.text), part(&right.text));
    let mut text = String::with_capacity(first.len() + second.len());
    text.push_str(&first);
    if text.len() < MAX_BUILT {
        text.extend(second.chars().take(MAX_BUILT));
    }
    let both = left.text.is_some() && right.text.is_some() && !first.is_empty() && !second.is_empty();
    let built = left.built || right.built || both;
    Value { text: Some(text.into()), built, rest: taint.clone(), taint, ..Value::default() }
}

/// A string without its quotes, its escapes undone.
pub(super) fn unquoted(raw: &str) -> String {
    let mut inside = raw.chars();
    let quote = inside.next();
    let inside = inside.as_str();
    let inside = quote.and_then(|quote| inside.strip_suffix(quote)).unwrap_or(inside);
    match inside.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => unescaped(inside.get(..end).unwrap_or_default()),
        None => unescaped(inside),
    }
}

pub(super) fn is_mining(value: &Value) -> bool {
    value.built && texts::is_mining(value.known())
}

const PASSES: usize = 3;
const MAX_DEPTH: usize = 160;
const MAX_FOUND: usize = 200;
const MAX_ARGUMENTS: usize = 32;
const MAX_BUILT: usize = 1024;
const FILLING: &[&str] = &["push", "unshift", "append", "set", "add", "write"];
const ASSIGNMENTS: &[&str] = &["=", "+=", "||=", "&&=", "??="];
