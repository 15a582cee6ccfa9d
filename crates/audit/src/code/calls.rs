//! What a call does with what it is given: where data comes from, where it goes, and what is run.

mod methods;
mod network;
mod programs;

use std::rc::Rc;

use super::flow::{Flow, concatenated, is_mining};
use super::platform::{self, is_dangerous};
use super::texts::{self, Variable};
use super::value::{Api, Data, Origin, Value, join};
use crate::finding::Severity::{Critical, Info, Warn};

impl Flow<'_> {
    /// A part of a value by its name.
    pub(super) fn member(&mut self, value: &Value, name: &str, hidden: bool, line: u32) -> Value {
        if value.name() == "process.env" {
            return self.variable(name, line);
        }
        if let Some(part) = value.field(name) {
            return part.clone();
        }
        let mut part = match &value.api {
            Api::Path(path) => platform::part(path, name),
            Api::Local(_) if name == "constructor" => platform::constructor("function"),
            _ if name == "constructor" => platform::constructor(""),
            _ => Value::default(),
        };
        if hidden {
            self.hidden(&part, line);
        }
        let taint = if value.fields.is_some() { &value.rest } else { &value.taint };
        join(&mut part.taint, taint);
        join(&mut part.rest, taint);
        if value.name().starts_with('@') {
            part.text.clone_from(&value.text);
        }
        part
    }

    /// `value[key]`.
    pub(super) fn indexed(&mut self, value: &Value, key: &Value, line: u32) -> Value {
        let every = key.taint.iter().any(|origin| origin.kind == Data::VariableName);
        if value.name() == "process.env" && (every || !key.is_literal()) {
            let kind = if every { Data::Environment } else { Data::Variable("?".into()) };
            return Value::data(self.origin(kind, line, "process.env[…]"));
        }
        if key.is_literal() {
            return self.member(value, key.known(), key.built, line);
        }
        let mut part = Value::data(value.taint.clone());
        join(&mut part.taint, &key.taint);
        part
    }

    fn variable(&self, name: &str, line: u32) -> Value {
        if matches!(name, "HOME" | "USERPROFILE") {
            return Value::text("~");
        }
        if texts::variable(name) == Variable::Harmless {
            return Value::default();
        }
        Value::data(self.origin(Data::Variable(name.to_owned()), line, format!("process.env.{name}")))
    }

    /// Says so when something dangerous was reached by a name that is not written.
    pub(super) fn hidden(&mut self, value: &Value, line: u32) {
        if is_dangerous(value.name()) {
            let what = format!("{} is reached under a name that is put together or escaped", value.name());
            self.say("hidden-call", Critical, line, &what, None);
        }
    }

    /// A value as text: the whole environment becomes data.
    pub(super) fn serialized(&self, value: Value, line: u32) -> Value {
        if !value.holds_environment(3) {
            return value;
        }
        let mut taint = self.origin(Data::Environment, line, "process.env, whole");
        join(&mut taint, &value.taint);
        Value::data(taint)
    }

    /// A call, `new` among them; the receiver and the name, when it is a method.
    pub(super) fn call(
        &mut self,
        callee: &Value,
        receiver: Option<(Value, Rc<str>)>,
        mut arguments: Vec<Value>,
        line: u32,
        new: bool,
    ) -> Value {
        let (receiver, method) = receiver.unwrap_or_default();
        let mut callee = callee.clone();
        if matches!(&*method, "call" | "apply" | "bind") && receiver.api != Api::Unknown && receiver.name() != "Reflect"
        {
            callee = receiver.clone();
            if &*method == "bind" {
                return callee;
            }
            arguments = arguments.split_off(1.min(arguments.len()));
            if &*method == "apply"
                && let Some(list) = arguments.first().filter(|list| list.fields.is_some())
            {
                arguments = list.items().into_iter().cloned().collect();
            }
        }
        if arguments.iter().any(is_mining) {
            self.say("crypto-mining", Critical, line, "names a miner or its pool in a text that is put together", None);
        }
        if let Api::Local(id) = callee.api {
            return self.local(id, &arguments);
        }
        let path = callee.name().to_owned();
        let mut result = self.platform_call(&path, &receiver, &method, &arguments, line, new);
        self.callbacks(&path, &method, &receiver, &arguments, &mut result);
        result
    }

    fn platform_call(
        &mut self,
        path: &str,
        receiver: &Value,
        method: &str,
        arguments: &[Value],
        line: u32,
        new: bool,
    ) -> Value {
        let none = Value::default();
        let first = arguments.first().unwrap_or(&none);
        match path {
            "require" | "import" => self.load(first, line),
            "module.createRequire" => Value::path("require"),
            "process.getBuiltinModule" | "process.binding" => self.load(first, line),
            "eval" | "Function" | "?constructor" | "globalThis.eval" => self.dynamic(path, arguments, line),
            "setTimeout" | "setInterval" | "setImmediate" | "queueMicrotask" => {
                if first.is_literal() && texts::is_code(first.known()) {
                    self.dynamic("eval", arguments.get(..1).unwrap_or_default(), line);
                }
                self.give(arguments, &none);
                Value::default()
            }
            "os.homedir" => Value::text("~"),
            "process.cwd" | "os.tmpdir" => Value::text("."),
            "path.join" | "path.resolve" => self.joined(arguments),
            "String.fromCharCode" | "String.fromCodePoint" => characters(arguments),
            "atob" => self.decode(texts::base64(first.known()), first, line),
            "Buffer.from" | "buffer.Buffer.from" | "Buffer" => self.buffer(arguments, line),
            "unescape" | "decodeURIComponent" => {
                let text = percent(first.known());
                Value {
                    text: first.text.is_some().then(|| text.into()),
                    built: true,
                    ..Value::data(first.taint.clone())
                }
            }
            "Reflect.apply" => {
                let list: Vec<Value> =
                    arguments.get(2).map(|list| list.items().into_iter().cloned().collect()).unwrap_or_default();
                self.call(first, None, list, line, false)
            }
            "Reflect.get" => self.indexed(first, arguments.get(1).unwrap_or(&none), line),
            "Reflect.construct" => {
                let list: Vec<Value> =
                    arguments.get(1).map(|list| list.items().into_iter().cloned().collect()).unwrap_or_default();
                self.call(first, None, list, line, true)
            }
            "util.promisify" | "Object.freeze" | "Object.create" | "Promise.resolve" | "structuredClone" => {
                first.clone()
            }
            "Promise.all" | "Array.from" if first.name() != "process.env" => first.clone(),
            "Object.assign" => {
                let mut all = Value::default();
                for argument in arguments {
                    all.merge(argument.clone());
                }
                all
            }
            "Object.keys" if first.name() == "process.env" => {
                Value::data(self.origin(Data::VariableName, line, "the names in process.env"))
            }
            "Object.keys" => Value::default(),
            "Object.entries"
            | "Object.values"
            | "JSON.stringify"
            | "URLSearchParams"
            | "Map"
            | "util.inspect"
            | "String"
            | "util.format"
            | "Object.getOwnPropertyDescriptors" => self.serialized(first.clone(), line).only_data(arguments),
            "clipboard.read" | "clipboard.readSync" | "navigator.clipboard.readText" => {
                Value::data(self.origin(Data::Secret, line, "the clipboard"))
            }
            "Proxy" => first.clone(),
            _ if path.starts_with("child_process") => self.execute(path, arguments, line),
            _ if path.starts_with("vm.") => self.dynamic(path, arguments, line),
            _ if path.starts_with("fs.") => self.file(path, arguments, line),
            _ if path.starts_with("Deno.") || path.starts_with("Bun.") => self.other_runtime(path, arguments, line),
            _ if is_sender(path) => self.send(path, receiver, arguments, line, new),
            _ => self.unknown(receiver, method, arguments, line),
        }
    }

    fn other_runtime(&mut self, path: &str, arguments: &[Value], line: u32) -> Value {
        match path.split_once('.').map(|(_, name)| name) {
            Some("readTextFile" | "readFile" | "readTextFileSync" | "readFileSync" | "file") => {
                self.read(arguments, line)
            }
            Some("Command" | "run" | "spawn" | "spawnSync") => self.execute("child_process.spawn", arguments, line),
            _ => Value::default(),
        }
    }

    fn load(&mut self, name: &Value, line: u32) -> Value {
        let module = platform::module(name.known());
        if name.built {
            self.hidden(&module, line);
        }
        let text = name.known();
        if text.starts_with("data:") || text.starts_with("http://") || text.starts_with("https://") {
            self.say("dynamic-code-execution", Critical, line, "loads code from an address or from a text", None);
        }
        if let Some(origin) = told(name, &[Data::Decoded]) {
            self.say("dynamic-code-execution", Critical, line, "loads code whose name was decoded", Some(&origin));
        }
        self.run_download(name, line);
        module
    }

    fn dynamic(&mut self, path: &str, arguments: &[Value], line: u32) -> Value {
        let shown = if path == "?constructor" { "Function" } else { path };
        let all = all(arguments);
        if let Some(origin) =
            told(&all, &[Data::Network, Data::Decoded, Data::Environment, Data::OutsideFile, Data::Secret])
        {
            let what = match origin.kind {
                Data::Network => format!("{shown} runs what came from the network"),
                Data::Decoded => format!("{shown} runs what was decoded from a text"),
                _ => format!("{shown} runs what was read from outside"),
            };
            self.say("dynamic-code-execution", Critical, line, &what, Some(&origin));
            return Value::default();
        }
        let Some(code) = arguments.last() else { return Value::default() };
        if path == "?constructor"
            && !(code.is_literal()
                && (code.built || texts::is_code(code.known()) || code.known().starts_with("return")))
        {
            return Value::data(all.taint);
        }
        if code.is_literal() {
            let hides =
                code.built || ["process", "require", "child_process"].iter().any(|word| code.known().contains(word));
            let severity = if hides { Critical } else { Info };
            let what = format!("{shown} runs a text{}", if hides { " that reaches for the system" } else { "" });
            self.say("dynamic-code-execution", severity, line, &what, None);
            let returned = code.known().trim_start().strip_prefix("return ").unwrap_or(code.known());
            let name = returned.trim_end_matches([';', ' ', '(', ')']);
            return match name {
                "this" => Value::path("globalThis"),
                _ => platform::global(name),
            };
        }
        if path.starts_with("vm.") && !path.contains("run") {
            return Value::data(all.taint);
        }
        self.say(
            "dynamic-code-execution",
            Warn,
            line,
            &format!("{shown} runs a text that is made while it runs"),
            None,
        );
        Value::default()
    }

    fn joined(&self, arguments: &[Value]) -> Value {
        let mut total: Option<Value> = None;
        for argument in arguments {
            total = Some(match total {
                None => argument.clone(),
                Some(total) => concatenated(concatenated(total, Value::text("/")), argument.clone()),
            });
        }
        let mut total = total.unwrap_or_default();
        total.built = false;
        total
    }

    fn decode(&mut self, text: String, from: &Value, line: u32) -> Value {
        let mut value = Value { built: true, ..Value::data(from.taint.clone()) };
        if from.text.is_some() && from.is_literal() {
            if texts::is_mining(&text) {
                self.say("crypto-mining", Critical, line, "names a miner or its pool in an encoded text", None);
            }
            let origin = self.origin(Data::Decoded, line, "a text that is decoded");
            if texts::is_code(&text) && from.known().len() > 16 {
                join(&mut value.taint, &origin);
                if from.known().len() >= 200 {
                    self.say("obfuscated-code", Warn, line, "a long encoded text holds a program", None);
                }
            } else if from.known().len() >= 64 && !text.contains('\u{fffd}') {
                join(&mut value.taint, &origin);
            }
            value.text = Some(text.into());
        }
        value
    }

    fn buffer(&mut self, arguments: &[Value], line: u32) -> Value {
        let none = Value::default();
        let first = arguments.first().unwrap_or(&none);
        match arguments.get(1).map(Value::known) {
            Some("base64" | "base64url") => self.decode(texts::base64(first.known()), first, line),
            Some("hex") => self.decode(texts::hexadecimal(first.known()), first, line),
            _ if first.fields.is_some() => {
                let items: Vec<Value> = first.items().into_iter().cloned().collect();
                let text = characters(&items);
                if texts::is_code(text.known()) {
                    Value { taint: self.origin(Data::Decoded, line, "characters by their numbers"), ..text }
                } else {
                    text
                }
            }
            _ => self.serialized(first.clone(), line),
        }
    }
}

impl Value {
    /// Nothing but the data of this and of others.
    fn only_data(self, others: &[Self]) -> Self {
        let mut taint = self.taint;
        for other in others {
            join(&mut taint, &other.taint);
        }
        let mut value = Self::data(taint);
        value.text = self.text;
        value
    }
}

fn all(arguments: &[Value]) -> Value {
    let mut taint = Vec::new();
    for argument in arguments {
        join(&mut taint, &argument.taint);
    }
    Value::data(taint)
}

fn told(value: &Value, kinds: &[Data]) -> Option<Rc<Origin>> {
    value.taint.iter().find(|origin| kinds.contains(&origin.kind)).cloned()
}

fn characters(arguments: &[Value]) -> Value {
    let text: String = arguments.iter().filter_map(|value| number(value.known())).filter_map(char::from_u32).collect();
    Value { text: (!text.is_empty()).then(|| text.into()), built: true, ..Value::default() }
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn percent(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| byte == b'%') {
            Some(decoded) => {
                bytes.push(decoded);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    stockade_core::text::lossy(&bytes)
}

fn is_below(host: &str, own: &str) -> bool {
    host == own || host.strip_suffix(own).is_some_and(|rest| rest.ends_with('.'))
}

fn is_sender(path: &str) -> bool {
    let (root, name) = path.split_once('.').unwrap_or((path, ""));
    match root {
        "fetch" | "WebSocket" | "XMLHttpRequest" => name.is_empty() || name == "WebSocket",
        "axios" => {
            name.is_empty()
                || matches!(name, "post" | "get" | "put" | "patch" | "request" | "delete" | "head" | "stream")
        }
        "http" => matches!(name, "request" | "get"),
        "undici" => matches!(name, "fetch" | "request" | "stream"),
        "net" => matches!(name, "connect" | "createConnection" | "Socket"),
        "dgram" => name == "createSocket",
        "dns" => name.starts_with("lookup") || name.starts_with("resolve"),
        "navigator" => name == "sendBeacon",
        "@socket" | "@request" => matches!(name, "send" | "write" | "end" | "emit" | "connect" | "open" | "sendMail"),
        _ => false,
    }
}

const COMMON_PORTS: &[u16] = &[80, 443, 8080, 8443, 3000];
