//! Calls of what is not known: methods of texts and lists, streams, and functions that are handed on.

use super::super::flow::{Flow, concatenated};
use super::super::shell;
use super::super::value::{Api, Data, Value, join};
use super::told;
use crate::finding::Severity::Critical;

impl Flow<'_> {
    pub(super) fn unknown(&mut self, receiver: &Value, method: &str, arguments: &[Value], line: u32) -> Value {
        let none = Value::default();
        let first = arguments.first().unwrap_or(&none);
        if method == "pipe" {
            self.pipe(receiver, first, line);
            return first.clone();
        }
        let from = receiver.name();
        if matches!(method, "toString" | "trim" | "then" | "json" | "text" | "valueOf" | "normalize")
            && receiver.text.is_some()
            && from.is_empty()
        {
            return receiver.clone();
        }
        let literal =
            |text: String| Value { text: Some(text.into()), built: true, ..Value::data(receiver.taint.clone()) };
        match method {
            "join"
                if receiver.fields.is_some()
                    && receiver.items().iter().all(|item| item.is_literal())
                    && !receiver.items().is_empty() =>
            {
                let between = if arguments.is_empty() { "," } else { first.known() };
                return literal(receiver.items().iter().map(|item| item.known()).collect::<Vec<_>>().join(between));
            }
            "reverse" if receiver.fields.is_some() => {
                let mut list = Value { taint: receiver.taint.clone(), ..Value::default() };
                for (index, item) in receiver.items().into_iter().rev().enumerate() {
                    list.set(&index.to_string(), item.clone());
                }
                return list;
            }
            "split" if receiver.is_literal() && receiver.known().len() <= 64 && !arguments.is_empty() => {
                let mut list = Value { taint: receiver.taint.clone(), ..Value::default() };
                let parts: Vec<String> = match first.known() {
                    "" => receiver.known().chars().map(String::from).collect(),
                    by => receiver.known().split(by).map(str::to_owned).collect(),
                };
                for (index, part) in parts.iter().enumerate() {
                    list.set(&index.to_string(), Value::text(part));
                }
                return list;
            }
            "concat" if receiver.text.is_some() => {
                return arguments.iter().cloned().fold(receiver.clone(), concatenated);
            }
            "replace" | "replaceAll" if receiver.is_literal() && first.is_literal() => {
                let by = arguments.get(1).map(Value::known).unwrap_or_default();
                return literal(receiver.known().replace(first.known(), by));
            }
            "toLowerCase" if receiver.is_literal() => return literal(receiver.known().to_lowercase()),
            _ => {}
        }
        let mut taint = receiver.taint.clone();
        for argument in arguments {
            join(&mut taint, &argument.taint);
        }
        let mut result = Value::data(taint);
        if from.starts_with('@') || matches!(method, "then" | "catch" | "finally") {
            result.api = receiver.api.clone();
            result.text.clone_from(&receiver.text);
            if from.starts_with('@')
                && !matches!(method, "on" | "once" | "then" | "pipe" | "setEncoding" | "open" | "unref")
            {
                result.api = Api::Unknown;
                result.text = None;
            }
        }
        result
    }

    pub(super) fn pipe(&mut self, from: &Value, to: &Value, line: u32) {
        let (source, target) = (from.name(), to.name());
        let shell = |value: &Value| shell::is_shell(value.known().split(' ').next().unwrap_or_default());
        let reverse = source.starts_with("@socket") && target.starts_with("@child") && shell(to)
            || source.starts_with("@child") && target.starts_with("@socket") && shell(from);
        if reverse {
            self.say(
                "reverse-shell",
                Critical,
                line,
                "gives a shell to whoever is at the other end of a connection",
                None,
            );
        }
        if target == "@file" && told(from, &[Data::Network]).is_some() {
            self.downloaded(to);
        }
        if target.starts_with("@request") || target.starts_with("@socket") {
            self.judge(from, to.known(), "a stream sends it", line);
        }
    }

    /// Functions that were given: what they are called with, and what they give back.
    pub(super) fn callbacks(
        &mut self,
        path: &str,
        method: &str,
        receiver: &Value,
        arguments: &[Value],
        result: &mut Value,
    ) {
        let functions: Vec<usize> = arguments
            .iter()
            .filter_map(|value| match value.api {
                Api::Local(id) => Some(id),
                _ => None,
            })
            .collect();
        if functions.is_empty() {
            return;
        }
        let line = 0;
        let made = matches!(
            path.split('.').next(),
            Some("fs" | "child_process" | "http" | "axios" | "fetch" | "@request" | "@socket")
        );
        let mut item =
            if made && !path.is_empty() { Value { api: Api::Unknown, ..result.clone() } } else { receiver.clone() };
        if path.starts_with("http.") || path.starts_with("@socket") || path.starts_with("@request") {
            item.api = Api::Path("@response".into());
        }
        let each = matches!(method, "map" | "forEach" | "filter" | "flatMap" | "find" | "some" | "reduce" | "every");
        if each {
            item = self.element(receiver, false, line);
            if receiver.fields.is_none() {
                item.taint.clone_from(&receiver.taint);
                item.rest.clone_from(&receiver.taint);
            }
        }
        for id in functions {
            let second = if method == "reduce" {
                vec![Value::data(item.taint.clone()), item.clone()]
            } else {
                vec![item.clone(), Value::data(item.taint.clone()), Value::data(item.taint.clone())]
            };
            let returned = self.local(id, &second);
            if matches!(method, "then" | "catch" | "map" | "flatMap" | "reduce") || path == "Promise" {
                join(&mut result.taint, &returned.taint);
                join(&mut result.rest, &returned.taint);
                if method == "then" {
                    result.api = returned.api;
                    (result.fields, result.inside) = (returned.fields, returned.inside);
                    result.text = returned.text;
                }
            }
        }
    }

    pub(super) fn give(&mut self, arguments: &[Value], item: &Value) {
        for argument in arguments {
            if let Api::Local(id) = argument.api {
                self.local(id, std::slice::from_ref(item));
            }
        }
    }
}
