//! Files that are read and written, and programs that are started.

use super::super::flow::{Flow, concatenated};
use super::super::shell;
use super::super::texts::{self, HOLE, PathKind};
use super::super::value::{Data, Value, join};
use super::told;
use crate::finding::Severity::{Critical, Info};

impl Flow<'_> {
    pub(super) fn file(&mut self, path: &str, arguments: &[Value], line: u32) -> Value {
        let none = Value::default();
        let first = arguments.first().unwrap_or(&none);
        let name = path.rsplit('.').next().unwrap_or_default();
        match name {
            "readFile" | "readFileSync" | "createReadStream" | "open" | "openSync" | "readJson" | "readJsonSync"
            | "readJSON" | "openAsBlob" => self.read(arguments, line),
            "writeFile" | "writeFileSync" | "appendFile" | "appendFileSync" | "outputFile" | "outputFileSync"
            | "createWriteStream" => self.write(name, arguments, line),
            "rm" | "rmSync" | "rmdir" | "rmdirSync" | "remove" | "removeSync" | "emptyDir" => {
                if matches!(first.known(), "~" | "/" | "~/" | "/home" | "~/Documents" | "~/.ssh") {
                    self.say("destructive-delete", Critical, line, "deletes a home directory or the whole disk", None);
                }
                Value::default()
            }
            _ => Value::default(),
        }
    }

    pub(super) fn read(&mut self, arguments: &[Value], line: u32) -> Value {
        let path = arguments.first().cloned().unwrap_or_default();
        let kind = match texts::path_kind(path.known()) {
            PathKind::Secret => Data::Secret,
            PathKind::Outside => Data::OutsideFile,
            PathKind::Other => Data::AnyFile,
        };
        let shown = stockade_core::text::clip(&path.known().replace(HOLE, "…"), 96);
        let what = if shown.is_empty() { "a file".to_owned() } else { format!("the file {shown}") };
        let mut taint = self.origin(kind, line, what);
        join(&mut taint, &path.taint);
        taint.retain(|origin| !matches!(origin.kind, Data::Network | Data::Decoded));
        Value::data(taint)
    }

    pub(super) fn write(&mut self, name: &str, arguments: &[Value], line: u32) -> Value {
        let none = Value::default();
        let path = arguments.first().unwrap_or(&none);
        if texts::is_start_file(path.known()) {
            self.say("persistence", Critical, line, "writes to a file that the system starts or trusts", None);
        } else if texts::is_gateway_file(path.known()) {
            self.say("gateway-tampering", Critical, line, "writes to the gateway's own settings", None);
        }
        if name == "createWriteStream" {
            return Value { text: path.text.clone(), ..Value::path("@file") };
        }
        if let Some(data) = arguments.get(1)
            && told(data, &[Data::Network]).is_some()
        {
            self.downloaded(path);
        }
        Value::default()
    }

    pub(super) fn downloaded(&mut self, path: &Value) {
        let text = path.known().trim_matches(|c| c == HOLE || c == '/');
        if text.len() > 3 && self.downloads.len() < 64 {
            self.downloads.insert(text.into());
        }
    }

    pub(super) fn run_download(&mut self, what: &Value, line: u32) {
        let text = what.known();
        if !text.is_empty() && self.downloads.iter().any(|path| text.contains(&**path)) {
            self.say("download-and-run", Critical, line, "runs a file that it wrote from the network", None);
        }
    }

    pub(super) fn execute(&mut self, path: &str, arguments: &[Value], line: u32) -> Value {
        let none = Value::default();
        let first = arguments.first().unwrap_or(&none);
        let mut command = first.clone();
        if let Some(list) = arguments.get(1).filter(|list| list.fields.is_some() || list.text.is_some()) {
            let numbered = |list: &Value| {
                list.fields
                    .iter()
                    .flat_map(|fields| fields.iter())
                    .take(16)
                    .filter(|(name, _)| name.parse::<u32>().is_ok())
                    .map(|(_, item)| item.clone())
                    .collect::<Vec<_>>()
            };
            for item in numbered(list) {
                command = concatenated(concatenated(command, Value::text(" ")), item);
            }
            join(&mut command.taint, &list.rest);
        }
        let text = command.known().to_owned();
        for hit in shell::judge(&text) {
            let severity = if hit.rule == "destructive-delete" { Critical } else { hit.severity };
            self.say(hit.rule, severity, line, &format!("a program it starts: {}", hit.what), None);
        }
        if let Some(origin) = told(&command, &[Data::Decoded]) {
            self.say("dangerous-exec", Critical, line, "starts a program by a text that was decoded", Some(&origin));
        } else if first.built
            && first.is_literal()
            && !first.known().contains(' ')
            && !path.is_empty()
            && shell::is_shell(first.known())
        {
            self.say("hidden-call", Critical, line, "starts a shell under a name that is put together", None);
        }
        let is_shell = path.ends_with("exec")
            || path.ends_with("execSync")
            || shell::is_shell(text.split(' ').next().unwrap_or_default());
        if is_shell && let Some(origin) = told(&command, &[Data::Network]) {
            self.say("dangerous-exec", Critical, line, "a shell runs what came from the network", Some(&origin));
        }
        self.run_download(&command, line);
        if shell::sends(&text) {
            let place = text
                .split_whitespace()
                .find(|word| word.contains("://") || word.contains('.'))
                .unwrap_or_default()
                .to_owned();
            self.judge(&command, &place, "a program that sends it", line);
            if shell::reads_secret(&text) {
                self.say("potential-exfiltration", Critical, line, "a program sends a file with credentials", None);
            }
        }
        self.say("dangerous-exec", Info, line, "starts a program", None);
        let kind = if shell::reads_secret(&text)
            || ["pbpaste", "xclip -o", "wl-paste", "security find-"].iter().any(|part| text.contains(part))
        {
            Data::Secret
        } else if matches!(text.trim(), "env" | "printenv" | "set" | "export -p") {
            Data::Environment
        } else {
            Data::Output
        };
        let shown = stockade_core::text::clip(&text.replace(HOLE, "…"), 48);
        let taint = self.origin(kind, line, format!("the output of {shown}"));
        Value { text: Some(text.into()), taint: taint.clone(), rest: taint, ..Value::path("@child") }
    }
}
