//! The report as one HTML file that a phone can show: no script, nothing loaded from elsewhere.

use std::fmt::Write as _;

use super::{Located, Report, Sources, Spotted};
use crate::finding::{Safety, Severity};

/// The report as one HTML document. `graph` is an SVG picture to show in it, made by this crate.
#[must_use]
pub fn html(report: &Report, sources: &Sources, graph: Option<&str>) -> String {
    let mut out = String::from(HEAD);
    let state = escape(&report.install.state);
    let taken = i64::try_from(report.taken).ok().and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    let taken = taken.map(|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string()).unwrap_or_default();
    let _ = write!(out, "<h1>Security audit</h1><p class=where>{state}<br>{taken}</p><p class=sum>");
    for (severity, word) in ORDER {
        let _ = write!(out, "<span class={}>{} {word}</span> ", severity.id(), report.count(severity));
    }
    out.push_str("</p>");
    if let Some(svg) = graph {
        let _ = write!(out, "<details><summary>Who can reach what</summary><div class=graph>{svg}</div></details>");
    }
    for (severity, _) in ORDER {
        for located in report.findings.iter().filter(|located| located.finding.severity == severity) {
            finding(&mut out, located, sources, "");
        }
    }
    section(&mut out, "Known from the baseline", report.known.iter().map(|located| (located, String::new())), sources);
    let suppressed = report.suppressed.iter().map(|suppressed| {
        let until = suppressed.expires.as_ref().map(|day| format!(", until {day}")).unwrap_or_default();
        let reason = suppressed.reason.as_deref().unwrap_or("no reason given");
        (&suppressed.located, format!("Suppressed: {reason}{until}"))
    });
    section(&mut out, "Suppressed", suppressed, sources);
    for remark in &report.remarks {
        let _ = write!(out, "<p class=note>{}</p>", escape(remark));
    }
    out.push_str("</main></body></html>\n");
    out
}

fn section<'r>(out: &mut String, heading: &str, found: impl Iterator<Item = (&'r Located, String)>, sources: &Sources) {
    let mut found = found.peekable();
    if found.peek().is_some() {
        let _ = write!(out, "<h2>{heading}</h2>");
    }
    for (located, note) in found {
        finding(out, located, sources, &note);
    }
}

fn finding(out: &mut String, located: &Located, sources: &Sources, note: &str) {
    let found = &located.finding;
    let severity = found.severity.id();
    let (title, id) = (escape(&found.title), escape(&found.check_id));
    let _ = write!(out, "<details class={severity}><summary><b>{severity}</b> {title}<br><code>{id}</code></summary>");
    if !note.is_empty() {
        let _ = write!(out, "<p class=note>{}</p>", escape(note));
    }
    let _ = write!(out, "<p class=text>{}</p>", escape(&found.detail));
    for spot in located.spots.iter().take(MAX_PLACES) {
        place(out, spot, sources);
    }
    if let Some(remediation) = &found.remediation {
        let _ = write!(out, "<p class=text><b>What to do:</b> {}</p>", escape(remediation));
    }
    if let Some(fix) = &found.fix {
        let how = match fix.safety {
            Safety::Safe => "<code>--fix</code> does it",
            Safety::Ask => "<code>--fix</code> asks first",
        };
        let _ = write!(out, "<p class=text><b>{how}:</b> {}</p>", escape(&fix.what));
    }
    out.push_str("</details>");
}

fn place(out: &mut String, spot: &Spotted, sources: &Sources) {
    let line = spot.line.map(|line| format!(":{line}")).unwrap_or_default();
    let key = spot.key.as_ref().map(|key| format!(" <code>{}</code>", escape(key))).unwrap_or_default();
    let _ = write!(out, "<p class=place>{}{line}{key}</p>", escape(&spot.file));
    let (Some(number), Some(column), Some(length)) = (spot.line, spot.column, spot.length) else { return };
    let Some(text) = sources.line(&spot.file, number) else { return };
    let start = usize::try_from(column.saturating_sub(1)).unwrap_or(0);
    let length = usize::try_from(length).unwrap_or(1);
    let part = |skip: usize, take: usize| escape(&text.chars().skip(skip).take(take).collect::<String>());
    let (before, marked, after) = (part(0, start), part(start, length), part(start + length, MAX_LINE));
    let _ = write!(out, "<pre>{before}<mark>{marked}</mark>{after}</pre>");
}

/// Text that cannot become markup.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in stockade_core::text::visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

const ORDER: [(Severity, &str); 3] =
    [(Severity::Critical, "critical"), (Severity::Warn, "warn"), (Severity::Info, "info")];
const MAX_PLACES: usize = 20;
const MAX_LINE: usize = 500;
/// The policy forbids everything but what stands in the file: hostile text in a report stays text.
const HEAD: &str = "<!doctype html><html lang=en><head><meta charset=utf-8>\
<meta name=viewport content=\"width=device-width,initial-scale=1\">\
<meta http-equiv=Content-Security-Policy content=\"default-src 'none';style-src 'unsafe-inline'\">\
<title>Security audit</title><style>\
:root{color-scheme:light dark;--c:#c62828;--w:#9a6700;--i:#35618e}\
body{font:16px/1.5 system-ui,sans-serif;margin:0}main{max-width:50rem;margin:auto;padding:1rem;overflow-wrap:anywhere}\
h1{font-size:1.4rem;margin:0}h2{font-size:1.1rem}.where,.place{opacity:.75;font-size:.85rem;margin:.3rem 0}\
.sum span{font-weight:600;margin-right:.8rem}.sum .critical,.critical>summary b{color:var(--c)}\
.sum .warn,.warn>summary b{color:var(--w)}.sum .info,.info>summary b{color:var(--i)}\
details{border:1px solid #8886;border-left:4px solid var(--i);border-radius:6px;padding:.6rem .8rem;margin:.6rem 0}\
details.critical{border-left-color:var(--c)}details.warn{border-left-color:var(--w)}summary{cursor:pointer}\
.text{white-space:pre-wrap}pre{overflow-x:auto;padding:.5rem;border:1px solid #8884;border-radius:4px;font-size:.85rem}\
mark{background:#ffd54f;color:#000}.graph{overflow-x:auto}code{font-size:.9em}</style></head><body><main>";
