//! The platform that code finds itself on: which names mean what, as dotted names that [`super::calls`] judges.

use std::rc::Rc;

use super::value::{Api, Value};

/// What a name means that the file does not bind.
#[must_use]
pub(super) fn global(name: &str) -> Value {
    match name {
        "globalThis" | "global" | "window" | "self" => Value::path("globalThis"),
        "__dirname" | "__filename" => Value::text("."),
        _ if GLOBALS.contains(&name) => Value::path(name),
        _ => Value::default(),
    }
}

/// A module by the name that it is asked for with.
#[must_use]
pub(super) fn module(name: &str) -> Value {
    let name = name.strip_prefix("node:").unwrap_or(name);
    let known = MODULES.iter().find(|(known, _)| *known == name);
    known.map(|(_, path)| Value::path(path)).unwrap_or_default()
}

/// A part of something of the platform.
#[must_use]
pub(super) fn part(path: &str, name: &str) -> Value {
    let path = match (path, name) {
        (_, "default" | "promises") | ("globalThis", "globalThis" | "global" | "window" | "self") => path.to_owned(),
        ("globalThis", _) => return global(name),
        ("process", "mainModule") | ("module" | "require", "main") => "module".to_owned(),
        ("module", "require" | "createRequire") | ("module.constructor", "_load") => "require".to_owned(),
        ("import_meta", "meta") => "import_meta.meta".to_owned(),
        ("import_meta.meta", _) => return Value::text("."),
        (_, "then" | "catch" | "finally" | "toString" | "trim" | "map" | "forEach" | "pipe") => {
            return Value::default();
        }
        (_, "constructor") => return constructor(path),
        _ if path.len() < MAX_PATH => format!("{path}.{name}"),
        _ => return Value::default(),
    };
    Value { api: Api::Path(Rc::from(path)), ..Value::default() }
}

/// `x.constructor` of a value, and of a constructor: the way to `Function` without its name.
#[must_use]
pub(super) fn constructor(path: &str) -> Value {
    match path {
        "" => Value::path("?constructor"),
        "module" => Value::path("module.constructor"),
        _ => Value::path("Function"),
    }
}

/// Whether code that hides that it calls this has a reason to.
#[must_use]
pub(super) fn is_dangerous(path: &str) -> bool {
    let roots = ["child_process", "vm", "eval", "Function", "process.binding", "process.dlopen"];
    path == "process.env"
        || roots.iter().any(|root| path == *root || path.strip_prefix(root).is_some_and(|r| r.starts_with('.')))
}

const MAX_PATH: usize = 64;
const GLOBALS: &[&str] = &[
    "process", "require", "module", "eval", "Function", "fetch", "JSON", "Object", "Array", "String", "Buffer", "atob",
    "btoa", "Reflect", "WebSocket", "XMLHttpRequest", "navigator", "setTimeout", "setInterval", "setImmediate",
    "queueMicrotask", "encodeURIComponent", "encodeURI", "decodeURIComponent", "unescape", "escape", "URL",
    "URLSearchParams", "structuredClone", "Promise", "TextDecoder", "Headers", "FormData", "Blob", "Deno", "Bun",
    "Proxy", "Map", "Set", "Worker",
];
const MODULES: &[(&str, &str)] = &[
    ("child_process", "child_process"),
    ("execa", "child_process"),
    ("cross-spawn", "child_process.spawn"),
    ("shelljs", "child_process"),
    ("fs", "fs"),
    ("fs/promises", "fs"),
    ("fs-extra", "fs"),
    ("graceful-fs", "fs"),
    ("os", "os"),
    ("path", "path"),
    ("path/posix", "path"),
    ("http", "http"),
    ("https", "http"),
    ("http2", "http"),
    ("follow-redirects", "http"),
    ("net", "net"),
    ("tls", "net"),
    ("dgram", "dgram"),
    ("dns", "dns"),
    ("dns/promises", "dns"),
    ("vm", "vm"),
    ("process", "process"),
    ("buffer", "buffer"),
    ("module", "module"),
    ("util", "util"),
    ("worker_threads", "worker"),
    ("axios", "axios"),
    ("got", "axios"),
    ("ky", "axios"),
    ("needle", "axios"),
    ("superagent", "axios"),
    ("request", "axios"),
    ("undici", "undici"),
    ("node-fetch", "fetch"),
    ("cross-fetch", "fetch"),
    ("ws", "WebSocket"),
    ("socket.io-client", "net.connect"),
    ("nodemailer", "nodemailer"),
    ("clipboardy", "clipboard"),
];
