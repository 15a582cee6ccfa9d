//! The text of a skill: commands that it tells to run, what it hides from a reader, and what it tells the agent about
//! its own guards. A model reads all of it, comments and invisible characters too.

use std::sync::LazyLock;

use regex::Regex;

use super::shell;
use crate::finding::Severity::{self, Critical, Warn};
use crate::snapshot::code::Evidence;

/// What a text of a skill says.
#[must_use]
pub fn evidence(file: &str, text: &str) -> Vec<Evidence> {
    let mut found = Vec::new();
    let mut say = |rule: &str, severity: Severity, line: u32, what: &str| {
        let known = found.iter().any(|old: &Evidence| old.rule == rule && old.line == line);
        if found.len() < MAX_FOUND && !known {
            let (rule, file, what) = (rule.to_owned(), file.to_owned(), what.to_owned());
            found.push(Evidence { rule, severity, file, line, what, flow: Vec::new() });
        }
    };
    let mut comment = false;
    for (number, line) in (1_u32..).zip(text.lines().take(MAX_LINES)) {
        if let Some(what) = hidden(line) {
            say("hidden-text", Critical, number, what);
        }
        let visible: String = line.chars().filter(|c| !is_invisible(*c)).collect();
        for hit in shell::judge(&visible) {
            say(hit.rule, hit.severity, number, &format!("tells to run what {}", hit.what));
        }
        let opens = visible.contains("<!--");
        if (comment || opens) && COMMANDS.is_match(&visible) {
            say("hidden-text", Critical, number, "a comment that no reader sees holds a command or an instruction");
        }
        comment = match (visible.rfind("<!--"), visible.rfind("-->")) {
            (Some(open), Some(close)) => open > close,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => comment,
        };
        if !NEGATED.is_match(&visible) {
            for (_, what) in INSTRUCTIONS.iter().filter(|(pattern, _)| pattern.is_match(&visible)) {
                say("instructs-agent", Warn, number, what);
            }
        }
    }
    found
}

/// What a line hides by Unicode. Signs that writing systems and emoji need are no hiding.
fn hidden(line: &str) -> Option<&'static str> {
    if line.is_ascii() {
        return None;
    }
    let mut zero_width = 0;
    let mut before = ' ';
    let mut flag = false;
    for c in line.chars() {
        match c {
            '\u{1f3f4}' => flag = true,
            '\u{e0020}'..='\u{e007f}' if flag => flag = c != '\u{e007f}',
            '\u{e0000}'..='\u{e0fff}' => return Some("letters that nobody sees (Unicode tags or variation selectors)"),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                return Some("signs that turn the order of the text around");
            }
            '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{00ad}' => zero_width += 1,
            '\u{200c}' | '\u{200d}' if before.is_ascii() => zero_width += 1,
            _ => flag = false,
        }
        before = c;
    }
    (zero_width >= 2 || zero_width == 1 && !line.starts_with('\u{feff}'))
        .then_some("characters without width inside the text")
}

const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{00ad}' | '\u{e0000}'..='\u{e0fff}')
}

fn pattern(text: &str) -> Regex {
    #[expect(clippy::expect_used, reason = "fixed patterns, each used by a test")]
    Regex::new(text).expect("a pattern")
}

static COMMANDS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(curl|wget)\s+\S*(https?:|-)|\b(ba|z)?sh\s+(-c|<)|\bpowershell\s+-|\brm\s+-|\bbase64\s+-|\bsudo\s+\w|\bchmod\s+[+\d]|\b(assistant|agent|ai|system)\s*:|\b(ignore|disregard)\b.*\binstructions?\b|\b(send|upload|post)\b.*\b(key|token|secret|credential|password|file)s?\b|\bdo not (tell|mention|inform)\b",
    )
});
/// A line that forbids what it names.
static NEGATED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(never|do not|don't|must not|should not|refuse to|avoid|without)\s+(\w+\s+){0,3}(ignore|disregard|disable|bypass|turn off|edit|modify|change|skip|overrid\w*|send|upload|reveal|exfiltrate|forget)",
    )
});
static INSTRUCTIONS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    [
        (r"(?i)\b(ignore|disregard|forget|override)\b\s+(\w+\s+){0,3}(previous|prior|above|earlier|system|your|safety|security)\b(\s+\w+){0,2}\s+(instructions?|prompts?|rules?|guidelines?|messages?|polic(y|ies))",
            "tells the agent to ignore its instructions"),
        (r"(?i)\b(do not|don't|never|without)\b\s+(\w+\s+){0,2}(tell|telling|inform|informing|mention|mentioning|notify|notifying|alert|alerting|show)\b(\s+\w+){0,4}\s*\b(user|owner|operator|human|anyone)\b",
            "tells the agent to keep something from its owner"),
        (r"(?i)\b(disable|turn off|bypass|skip|switch off|remove)\b\s+(\w+\s+){0,4}(sandbox|approvals?|confirmations?|exec[- ]approvals?|permission checks?|safety|guardrails?)\b",
            "tells the agent to put its guards aside"),
        (r"(?i)\b(edit|modify|change|update|write( to)?|add (this|the following)[^.]* to|append to|patch|set)\b[^\n]{0,80}(openclaw\.json|exec-approvals\.json|SOUL\.md|AGENTS\.md)",
            "tells the agent to change what governs it"),
        (r"(?i)\b(send|upload|post|forward|email|transmit|include)\b[^.\n]{0,60}(auth-profiles\.json|\.ssh|id_rsa|\.env\b|private keys?|api keys?|credentials|access tokens?|passwords?)[^.\n]{0,40}\b(to|at|in the)\b[^.\n]{0,20}(https?://|server|endpoint|url|webhook|request body)",
            "tells the agent to send credentials away"),
        (r"(?i)\byou (are|must) now\b[^.\n]{0,40}\b(developer mode|unrestricted|dan|jailbr\w+|root|no restrictions)\b|\[/?(INST|SYSTEM)\]|<\|?(im_start|system)\|?>",
            "pretends to speak for the system"),
        (r"(?i)\b(security|exec|ask)\b[^.\n]{0,20}\bset\b[^.\n]{0,20}\b(full|off|never)\b|\bapprove\b\s+(\w+\s+){0,2}(automatically|every(thing)?|all)\b[^.\n]{0,30}(command|request|exec|tool)",
            "tells the agent to put its guards aside"),
    ]
    .into_iter()
    .map(|(text, what)| (pattern(text), what))
    .collect()
});

const MAX_LINES: usize = 50_000;
const MAX_FOUND: usize = 50;
