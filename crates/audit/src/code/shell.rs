//! Commands, as they stand in scripts, in texts of skills and in code that starts programs: a table of shapes, matched
//! in one look. Quotes and breaks that only split a word are taken out first.

use std::sync::LazyLock;

use regex::Regex;

use crate::finding::Severity::{self, Critical, Warn};

/// One thing that a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// The rule, in OpenClaw's words where it has one.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it does, in words.
    pub what: &'static str,
}

/// What a line of commands does.
#[must_use]
pub fn judge(line: &str) -> Vec<Hit> {
    let plain = plain(line);
    let hits = SHAPES.iter().filter(|(shape, _)| shape.is_match(&plain)).map(|(_, hit)| *hit);
    let mut hits: Vec<Hit> = hits.collect();
    if sends(&plain) && reads_secret(&plain) {
        hits.push(Hit { rule: "secret-exfiltration", severity: Critical, what: "sends a file with credentials" });
    }
    hits
}

/// Whether a command sends something away.
#[must_use]
pub fn sends(text: &str) -> bool {
    SENDS.is_match(&plain(text))
}

/// Whether a command names a file with credentials.
#[must_use]
pub fn reads_secret(text: &str) -> bool {
    text.split([' ', '"', '\'', '`', '(', ')', '=', '@', '<', '|', ';'])
        .map(|word| word.replace("$HOME", "~").replace("${HOME}", "~"))
        .any(|word| {
            (word.contains('/') || word.contains("auth-profiles"))
                && super::texts::path_kind(&word) == super::texts::PathKind::Secret
                && !word.ends_with(".pub")
        })
}

/// Whether a program is a shell.
#[must_use]
pub fn is_shell(program: &str) -> bool {
    let name = program.rsplit(['/', '\\']).next().unwrap_or_default().trim_end_matches(".exe").to_ascii_lowercase();
    ["sh", "bash", "zsh", "dash", "ksh", "cmd", "powershell", "pwsh"].contains(&name.as_str())
}

/// A line without what only splits its words.
fn plain(line: &str) -> String {
    let line =
        line.replace("''", "").replace("\"\"", "").replace("${IFS}", " ").replace("$IFS$9", " ").replace("$IFS", " ");
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\\' && chars.peek().is_some_and(char::is_ascii_alphabetic) {
            continue;
        }
        out.push(c);
    }
    out
}

fn shape(pattern: &str) -> Regex {
    // A pattern of this table that is wrong matches nothing, and a test says so.
    Regex::new(pattern).unwrap_or_else(|_| NEVER.clone())
}

static NEVER: LazyLock<Regex> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "one fixed pattern")]
    Regex::new("[^\\s\\S]").expect("a pattern")
});

static SENDS: LazyLock<Regex> = LazyLock::new(|| {
    shape(
        r"(?i)\bcurl\b.*(\s-(d|F|T)\b|\s-X\s*(POST|PUT)|--data|--form|--upload-file|\$\(|`|\?)|\bwget\b.*--(post|body)-|\b(nc|ncat|netcat|socat)\s+(-\w+\s+)*[\w.-]+\s+\d+|\bscp\b\s.*:|\brsync\b.*\w+@?[\w.]+:|invoke-(webrequest|restmethod).*-body|\b(nslookup|dig|host)\b.*(\$\(|`|\$\{?\w)",
    )
});

static SHAPES: LazyLock<Vec<(Regex, Hit)>> = LazyLock::new(|| {
    let table = TABLE.iter();
    table.map(|(rule, severity, what, pattern)| (shape(pattern), Hit { rule, severity: *severity, what })).collect()
});

const TABLE: &[(&str, Severity, &str, &str)] = &[
    (
        "shell-pipe-to-shell",
        Critical,
        "pipes a download into an interpreter",
        r"(?i)\b(curl|wget|fetch)\b[^\n;]*\|\s*(sudo\s+(-\w+\s+)*)?(env\s+(\w+=\S*\s+)*)?(/\S*/)?(ba|z|da|k)?sh\b",
    ),
    (
        "shell-pipe-to-shell",
        Critical,
        "pipes a download into an interpreter",
        r"(?i)\b(curl|wget)\b[^\n;]*\|\s*(sudo\s+)?(/\S*/)?(python3?|node|perl|ruby|php|osascript)\b",
    ),
    (
        "shell-pipe-to-shell",
        Critical,
        "pipes decoded text into an interpreter",
        r"(?i)\b(base64\s+(-d|-D|--decode)|xxd\s+-r|openssl\s+(enc|base64)|rev|tr\s)[^\n;]*\|\s*(sudo\s+)?(/\S*/)?((ba|z|da|k)?sh|python3?|node|perl)\b",
    ),
    (
        "shell-pipe-to-shell",
        Critical,
        "runs a download as it comes",
        r"(?i)(\b(ba|z|da|k)?sh|source|\.|eval|python3?|node|perl)\s+(-\w+\s+)*['\x22]?(<\(|\$\(|`)\s*(curl|wget)\b",
    ),
    (
        "shell-pipe-to-shell",
        Critical,
        "runs decoded text",
        r"(?i)(\b(ba|z|da|k)?sh\s+-c|eval)\s+['\x22]?(\$\(|`)[^\n]*base64\s+(-d|-D|--decode)",
    ),
    (
        "shell-pipe-to-shell",
        Critical,
        "downloads a file and starts it",
        r"(?i)\b(curl|wget)\b[^\n]*\s-(o|O)\s*\S+[^\n]*(&&|;)\s*(sudo\s+)?(chmod\s+\S+\s+\S+\s*(&&|;)\s*(sudo\s+)?\S*/|(ba|z)?sh\s)",
    ),
    (
        "shell-pipe-to-shell",
        Critical,
        "runs a download as it comes",
        r"(?i)\b(iwr|irm|invoke-webrequest|invoke-restmethod|downloadstring)\b[^\n]*(\|\s*|;\s*)(iex|invoke-expression)\b|\b(iex|invoke-expression)\b[^\n]*(iwr|irm|invoke-|downloadstring)|powershell\S*\s[^\n]*-e(nc|ncodedcommand)?\s+[A-Za-z0-9+/=]{40,}",
    ),
    (
        "reverse-shell",
        Critical,
        "gives a shell to whoever is at the other end of a connection",
        r"(?i)/dev/(tcp|udp)/\S+|\b(nc|ncat|netcat)\b[^\n]*\s-\w*[ec]\s*\S*sh\b|\bmkfifo\b[^\n]*\|[^\n]*(nc|ncat|telnet|openssl)\b|socat\b[^\n]*exec:",
    ),
    (
        "secret-exfiltration",
        Critical,
        "sends the environment away",
        r"(?i)\b(env|printenv|export\s+-p|set)\s*(\|\s*(base64|gzip|xxd|grep|sort)[^|\n]*)*\|\s*(curl|wget|nc|ncat)\b|\b(curl|wget)\b[^\n]*(\$\(|`)\s*(env|printenv)\b",
    ),
    (
        "secret-exfiltration",
        Critical,
        "sends a credential to where it does not belong",
        r"(?i)\b(curl|wget)\b[^\n]*(webhook\.site|ngrok|requestbin|pipedream|oast\.|interact\.sh|burpcollaborator)[^\n]*\$\{?\w*(key|token|secret|pass)|\b(curl|wget)\b[^\n]*\$\{?\w*(key|token|secret|pass)\w*\}?[^\n]*(webhook\.site|ngrok|requestbin|pipedream|oast\.|interact\.sh|burpcollaborator)",
    ),
    (
        "persistence",
        Critical,
        "adds a command or a key that the system will take",
        r"(?i)(>>|tee\s+-a)\s*\S*(authorized_keys|\.bashrc|\.zshrc|\.profile|\.bash_profile|crontab|rc\.local|sudoers)|\bcrontab\s+-\s*$|\|\s*crontab\b",
    ),
    (
        "gateway-tampering",
        Critical,
        "weakens the gateway's own settings",
        r"(?i)openclaw\s+config\s+set\s+\S*(sandbox|approv|exec|elevated|dangerously|allowfrom|auth)\S*|(>|>>|sed\s+-i[^\n]*|tee)\s*\S*(openclaw\.json|exec-approvals\.json)\b",
    ),
    (
        "destructive-delete",
        Warn,
        "deletes more than its own files",
        r"\brm\s+(-\w+\s+|--\S+\s+)*(-\w*[rR]\w*|--recursive)\s+(-\w+\s+|--\S+\s+)*['\x22]?(/(\s|['\x22]|\*|$)|/(etc|usr|home|var|boot|root)\b|~|\$\{?HOME|\.(\s|/?\*|$)|\*(\s|$))",
    ),
    (
        "destructive-delete",
        Warn,
        "overwrites a disk",
        r"\bdd\b[^\n]*\bof=/dev/(sd|nvme|disk|hd|vd)|\bmkfs\.\w+\s|:\(\)\s*\{\s*:\|:&\s*\};:|>\s*/dev/sd[a-z]",
    ),
    ("unsafe-permissions", Warn, "opens files to everybody", r"\bchmod\s+(-\w+\s+)*(0?777|a\+rwx|ugo\+rwx)\b"),
    (
        "crypto-mining",
        Critical,
        "names a miner or its pool",
        r"(?i)stratum\+(tcp|ssl)://|\bxmrig\b|\bcoinhive\b|\bcryptonight\b|\bminerd\b",
    ),
    (
        "instructs-quarantine",
        Critical,
        "takes the system's quarantine mark off a download",
        r"\bxattr\s+(-\w+\s+)*(-d|-c)\b[^\n]*(com\.apple\.quarantine|\S)|spctl\s+--master-disable|\bsetenforce\s+0",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_one() {
        for (rule, _, _, pattern) in TABLE {
            assert!(Regex::new(pattern).is_ok(), "{rule}: {pattern}");
        }
        assert!(sends("curl -d x https://a.example"));
    }
}
