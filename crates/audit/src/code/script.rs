//! Scripts of skills, in shell and Python: line by line, with the names that took something secret remembered. Less is
//! understood than of JavaScript; nothing is run.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

use super::shell;
use crate::finding::Severity::{Critical, Info, Warn};
use crate::snapshot::code::{Evidence, Step};

/// What a script is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// `sh`, `bash` and the like.
    Shell,
    /// Python.
    Python,
}

/// What a script does.
#[must_use]
pub fn evidence(file: &str, text: &str, script: Script) -> Vec<Evidence> {
    let mut seen = Seen { file, found: Vec::new(), names: HashMap::new() };
    let mut joined = String::new();
    let (mut depth, mut first) = (0_i32, 1);
    for (number, line) in (1_u32..).zip(text.lines().take(MAX_LINES)) {
        let code = without_comment(line);
        if joined.is_empty() {
            first = number;
        }
        joined.push_str(code.trim());
        depth += balance(code);
        let goes_on = joined.ends_with('\\') || script == Script::Python && depth > 0;
        if goes_on && joined.len() < MAX_JOINED {
            if joined.ends_with('\\') {
                joined.pop();
            }
            joined.push(' ');
            continue;
        }
        depth = 0;
        let line = std::mem::take(&mut joined);
        match script {
            Script::Shell => seen.shell(&line, first),
            Script::Python => seen.python(&line, first),
        }
    }
    seen.found
}

struct Seen<'f> {
    file: &'f str,
    found: Vec<Evidence>,
    /// Names that took something secret: the way there, and whether it was the network's instead.
    names: HashMap<String, (Vec<Step>, bool)>,
}

impl Seen<'_> {
    fn say(&mut self, rule: &str, severity: crate::finding::Severity, line: u32, what: &str, flow: Vec<Step>) {
        if self.found.len() < MAX_FOUND {
            let (rule, file, what) = (rule.to_owned(), self.file.to_owned(), what.to_owned());
            self.found.push(Evidence { rule, severity, file, line, what, flow });
        }
    }

    fn shell(&mut self, line: &str, number: u32) {
        for hit in shell::judge(line) {
            self.say(hit.rule, hit.severity, number, hit.what, Vec::new());
        }
        self.follow(
            line,
            number,
            &SHELL_NAME,
            shell::reads_secret(line),
            shell::sends(line) && !line.starts_with("echo"),
            false,
        );
    }

    fn python(&mut self, line: &str, number: u32) {
        if PY_SHELL.is_match(line) {
            for hit in shell::judge(line) {
                self.say(hit.rule, hit.severity, number, &format!("a program it starts: {}", hit.what), Vec::new());
            }
        }
        if PY_RUNS.is_match(line) {
            if PY_DECODES.is_match(line)
                || PY_GETS.is_match(line)
                || self.used(line).is_some_and(|(_, network)| network)
            {
                self.say("dynamic-code-execution", Critical, number, "runs what was decoded or downloaded", Vec::new());
            } else {
                let severity = if line.contains("exec(\"") || line.contains("eval(\"") { Info } else { Warn };
                self.say("dynamic-code-execution", severity, number, "runs a text", Vec::new());
            }
        }
        let reads = PY_READS.is_match(line) && shell::reads_secret(&line.replace(", ", "/").replace("','", "/"))
            || PY_ENVIRONMENT.is_match(line);
        self.follow(
            line,
            number,
            &PY_NAME,
            reads,
            PY_SENDS.is_match(line),
            PY_GETS.is_match(line) || PY_DECODES.is_match(line),
        );
    }

    fn used(&self, line: &str) -> Option<(Vec<Step>, bool)> {
        if self.names.is_empty() {
            return None;
        }
        let words = line.split(|c: char| !(c.is_alphanumeric() || c == '_')).take(MAX_WORDS);
        words.filter_map(|word| self.names.get(word)).min_by_key(|(_, network)| *network).cloned()
    }

    fn follow(&mut self, line: &str, number: u32, name: &Regex, reads: bool, sends: bool, network: bool) {
        let used = self.used(line);
        let from = if reads {
            Some((vec![Step { line: number, what: "reads credentials or the environment".into() }], false))
        } else {
            used.or_else(|| network.then(|| (vec![Step { line: number, what: "downloads or decodes".into() }], true)))
        };
        let Some((mut flow, from_network)) = from else { return };
        if sends && !from_network && !self.found.iter().any(|old| old.line == number) {
            flow.push(Step { line: number, what: "sends it".into() });
            self.say("secret-exfiltration", Critical, number, "sends credentials or the environment", flow.clone());
        }
        for taken in name
            .captures_iter(line)
            .filter_map(|found| found.iter().flatten().nth(1).map(|name| name.as_str().to_owned()))
        {
            let mut flow = flow.clone();
            if flow.len() < 8 && self.names.len() < MAX_NAMES {
                flow.push(Step { line: number, what: taken.clone() });
                self.names.insert(taken, (flow, from_network));
            }
        }
    }
}

/// A line up to a comment; a `#` in quotes or inside a word is none.
fn without_comment(line: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        match quote {
            Some(open) if c == open && before != '\\' => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c == '#' && before.is_whitespace() => return line.get(..at).unwrap_or(line),
            None => {}
        }
        before = c;
    }
    line
}

fn balance(line: &str) -> i32 {
    line.bytes()
        .map(|byte| match byte {
            b'(' | b'[' | b'{' => 1,
            b')' | b']' | b'}' => -1,
            _ => 0,
        })
        .sum()
}

fn pattern(text: &str) -> Regex {
    #[expect(clippy::expect_used, reason = "fixed patterns, each used by a test")]
    Regex::new(text).expect("a pattern")
}

static SHELL_NAME: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?:^|[;&\s])(?:export\s+|local\s+|readonly\s+)?([A-Za-z_]\w*)="));
static PY_NAME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^\s*(?:async\s+)?(?:with\s.*\sas\s+([A-Za-z_]\w*)|for\s+([A-Za-z_]\w*).*\sin\s|([A-Za-z_]\w*)(?:\[[^\]]*\])?\s*(?::\s*\w+\s*)?\+?=[^=]|([A-Za-z_]\w*)\.(?:append|update|write|extend)\()",
    )
});
static PY_READS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"open\(|read_text|read_bytes|Path\(|expanduser|glob\(|sqlite3\.connect|copy"));
static PY_ENVIRONMENT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"dict\(\s*os\.environ\s*\)|os\.environ\.(items|copy|values)\(|(dumps|str|repr|urlencode)\(\s*(dict\()?os\.environ\b|\*\*os\.environ\b|(json|data|params)\s*=\s*os\.environ\b\s*[,)]|=\s*os\.environ\s*$|pyperclip\.paste",
    )
});
static PY_SENDS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(requests|httpx|session|client|aiohttp)\.(post|put|patch|get|request)\(|urlopen\(|urllib\.request\.Request\(|\.(send|sendall|sendto|sendmail|send_message)\(|http\.client|gethostbyname\(|getaddrinfo\(",
    )
});
static PY_GETS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(requests|httpx)\.get\(|urlopen\(|urlretrieve\("));
static PY_DECODES: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"b(64|32|85)decode\(|fromhex\(|unhexlify\(|codecs\.decode\(|zlib\.decompress\(|marshal\.loads\(|chr\(.*for\s",
    )
});
static PY_RUNS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:^|[^.\w])(exec|eval|__import__\('builtins'\)\.exec)\(|(?:^|[^.\w])compile\(.*exec|getattr\(__builtins__",
    )
});
static PY_SHELL: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"os\.(system|popen|exec\w*)\(|subprocess\.|Popen\(|pty\.spawn"));

const MAX_LINES: usize = 100_000;
const MAX_JOINED: usize = 16_384;
const MAX_FOUND: usize = 100;
const MAX_NAMES: usize = 1024;
const MAX_WORDS: usize = 2048;
