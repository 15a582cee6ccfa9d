//! Lists, objects, classes and functions that stand in the code.

use std::borrow::Cow;
use std::rc::Rc;

use super::super::tokens::Kind;
use super::super::value::{Api, Value, join};
use super::{Flow, MAX_ARGUMENTS, MAX_DEPTH, Target, unquoted};

impl Flow<'_> {
    pub(super) fn list(&mut self, from: usize, close: usize) -> Value {
        self.depth += 1;
        let mut list = Value { fields: Some(Rc::default()), ..Value::default() };
        let (mut at, mut index) = (from, 0_usize);
        while at < close {
            let spread = self.is(at, close, "...");
            let (value, next) = self.expression(at, close);
            at = if self.is(next, close, ",") { next + 1 } else { next.max(at + 1) };
            if spread {
                join(&mut list.taint, &value.taint);
                join(&mut list.rest, &value.taint);
                for item in value.items().into_iter().take(MAX_ARGUMENTS).cloned().collect::<Vec<_>>() {
                    list.set(&index.to_string(), item);
                    index += 1;
                }
            } else {
                list.set(&index.to_string(), value);
                index += 1;
            }
        }
        self.depth -= 1;
        list
    }

    pub(super) fn object(&mut self, from: usize, close: usize) -> Value {
        self.depth += 1;
        let mut object = Value { fields: Some(Rc::default()), ..Value::default() };
        let mut at = from;
        while at < close {
            at = self.entry(at, close, &mut object).max(at + 1);
        }
        self.depth -= 1;
        object
    }

    pub(super) fn entry(&mut self, at: usize, close: usize, object: &mut Value) -> usize {
        let mut at = at;
        if self.is(at, close, "...") {
            let (value, next) = self.expression(at + 1, close);
            if value.name() == "process.env" {
                object.api = value.api.clone();
            }
            join(&mut object.taint, &value.taint);
            join(&mut object.rest, &value.rest);
            for (name, part) in value.fields.iter().flat_map(|fields| fields.iter()) {
                object.set(name, part.clone());
            }
            return next + 1;
        }
        while self.kind(at, close).is_some()
            && ["get", "set", "async", "static", "*"].iter().any(|word| self.is(at, close, word))
            && !self.is(at + 1, close, ":")
            && !self.is(at + 1, close, ",")
            && !self.opens(at + 1, close, b'(')
            && at + 1 < close
        {
            at += 1;
        }
        let (key, after, shorthand) = match self.kind(at, close) {
            Some(Kind::Open(b'[')) => {
                let inside = self.partner(at, close);
                let key = self.sequence(at + 1, inside).text.unwrap_or_default();
                (key, inside + 1, None)
            }
            Some(Kind::String) => (Rc::from(unquoted(self.tokens.raw(at))), at + 1, None),
            Some(Kind::Name) => (Rc::from(&*self.tokens.name(at)), at + 1, Some(self.tokens.name(at))),
            Some(Kind::Number) => (Rc::from(self.tokens.raw(at)), at + 1, None),
            _ => return at + 1,
        };
        let after = self.past_generics(after, close);
        if self.is(after, close, ":") {
            let (value, next) = self.expression(after + 1, close);
            object.set(&key, value);
            return next + 1;
        }
        if self.opens(after, close, b'(') {
            let (value, next) = self.function(after, after, close);
            object.set(&key, value);
            return if self.is(next, close, ",") { next + 1 } else { next };
        }
        if let Some(name) = shorthand {
            let value = self.lookup(&name);
            object.set(&key, value);
        }
        after + usize::from(self.is(after, close, ","))
    }

    /// A class: its members are functions, and what they give to `this` is theirs in common.
    pub(super) fn class(&mut self, at: usize, end: usize) -> usize {
        let mut at = at;
        let mut name = None;
        while at < end && !self.opens(at, end, b'{') {
            match self.kind(at, end) {
                Some(Kind::Name) if name.is_none() && self.tokens.raw(at) != "extends" => {
                    name = Some(self.tokens.name(at))
                }
                Some(Kind::Op | Kind::Name) => {}
                Some(Kind::Open(_)) => at = self.partner(at, end),
                _ => return at,
            }
            at += 1;
        }
        let close = self.partner(at, end);
        if self.depth >= MAX_DEPTH || at >= end {
            return close + 1;
        }
        self.depth += 1;
        let before = self.enter(at, false);
        let scope = self.scope;
        self.bind(scope, Cow::Borrowed("this"), Value::default(), self.line(at));
        let mut place = at + 1;
        while place < close {
            place = self.class_member(place, close).max(place + 1);
        }
        self.scope = before;
        self.depth -= 1;
        close + 1
    }

    pub(super) fn class_member(&mut self, at: usize, close: usize) -> usize {
        let after = match self.kind(at, close) {
            Some(Kind::Open(b'{')) => return self.block(at, close),
            Some(Kind::Open(b'[')) => self.partner(at, close) + 1,
            Some(Kind::Name | Kind::String) => at + 1,
            _ => return at + 1,
        };
        let head = self.past_generics(after, close);
        let this = |part: &str| Target { base: Cow::Borrowed("this"), part: Some(part.into()), deeper: false };
        let name = self.tokens.name(at);
        if self.opens(head, close, b'(') {
            self.assign(&this(&name), Value { api: Api::Local(head), ..Value::default() }, self.line(at));
            return self.function(head, head, close).1;
        }
        let equals = self.past_type(after, close);
        if self.is(equals, close, "=") {
            let (value, next) = self.expression(equals + 1, close);
            self.assign(&this(&name), value, self.line(at));
            return next;
        }
        equals.max(at + 1)
    }

    /// A function from its parameters on: `(a, b) {…}`, `(a) => …`, `a => …`.
    pub(super) fn function(&mut self, id: usize, at: usize, end: usize) -> (Value, usize) {
        let value = Value { api: Api::Local(id), ..Value::default() };
        let close = if self.opens(at, end, b'(') { self.partner(at, end) } else { at };
        let mut body = close + 1;
        while body < end && !self.opens(body, end, b'{') && !self.is(body, end, "=>") {
            if self.is(body, end, ";") || self.kind(body, end) == Some(Kind::Close) {
                return (value, body);
            }
            if self.opens(body, end, b'(') || self.opens(body, end, b'[') {
                body = self.partner(body, end);
            }
            body += 1;
        }
        if self.is(close + 1, end, ":") && self.opens(body, end, b'{') {
            let typed = self.partner(body, end) + 1;
            if self.opens(typed, end, b'{') || self.is(typed, end, "=>") {
                body = typed;
            }
        }
        if self.depth >= MAX_DEPTH {
            self.too_deep.get_or_insert(self.line(at));
            return (value, if self.opens(body, end, b'{') { self.partner(body, end) + 1 } else { end });
        }
        self.depth += 1;
        let before = self.enter(id, true);
        self.functions.push(id);
        self.bind_parameters(id, at, close, end);
        let next = if self.is(body, end, "=>") && !self.opens(body + 1, end, b'{') {
            let (result, next) = self.expression(body + 1, end);
            self.returns.entry(id).or_default().merge(result);
            next
        } else {
            let block = if self.is(body, end, "=>") { body + 1 } else { body };
            let last = self.partner(block, end);
            self.statements(block + 1, last);
            last + 1
        };
        self.functions.pop();
        self.scope = before;
        self.depth -= 1;
        (value, next)
    }

    pub(super) fn bind_parameters(&mut self, id: usize, at: usize, close: usize, end: usize) {
        let given = self.parameters.get(&id).cloned().unwrap_or_default();
        if at == close {
            let scope = self.scope;
            return self.pattern(at, end, given.into_iter().next().unwrap_or_default(), scope);
        }
        let (mut place, mut index) = (at + 1, 0);
        while place < close {
            let rest = self.is(place, close, "...");
            place += usize::from(rest);
            while ["private", "public", "protected", "readonly"].iter().any(|word| self.is(place, close, word)) {
                place += 1;
            }
            let mut value = given.get(index).cloned().unwrap_or_default();
            if rest {
                let mut list = Value { fields: Some(Rc::default()), ..Value::default() };
                for (at, item) in given.iter().skip(index).enumerate() {
                    list.set(&at.to_string(), item.clone());
                }
                value = list;
            }
            let mut after = match self.kind(place, close) {
                Some(Kind::Open(_)) => self.partner(place, close) + 1,
                _ => place + 1,
            };
            after = self.past_type(after, close);
            if self.is(after, close, "=") {
                let (default, next) = self.expression(after + 1, close);
                let known = std::mem::replace(&mut value, default);
                value.merge(known);
                after = next;
            }
            let scope = self.scope;
            self.pattern(place, close, value, scope);
            index += 1;
            place = if self.is(after, close, ",") { after + 1 } else { after.max(place + 1) };
        }
    }

    /// What a function of the file gives back for these arguments.
    pub(in crate::code) fn local(&mut self, id: usize, arguments: &[Value]) -> Value {
        let known = self.parameters.entry(id).or_default();
        for (index, argument) in arguments.iter().take(MAX_ARGUMENTS).enumerate() {
            match known.get_mut(index) {
                Some(old) => old.merge(argument.clone()),
                None => known.push(argument.clone()),
            }
        }
        self.returns.get(&id).cloned().unwrap_or_default()
    }
}
