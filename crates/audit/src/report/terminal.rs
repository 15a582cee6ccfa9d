//! The report for a terminal: the worst first, each with its place underlined in the file.

use std::fmt::Write as _;

use stockade_core::text::visible;

use super::{Located, Report, Sources, Spotted};
use crate::finding::{Safety, Severity};

/// How words are coloured. Colour never carries the meaning alone.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    /// For what is bad.
    pub bad: fn(&str) -> String,
    /// For what is in doubt.
    pub doubt: fn(&str) -> String,
    /// For what is good.
    pub good: fn(&str) -> String,
    /// For headings.
    pub heading: fn(&str) -> String,
}

impl Paint {
    /// No colours.
    #[must_use]
    pub const fn plain() -> Self {
        Self { bad: str::to_owned, doubt: str::to_owned, good: str::to_owned, heading: str::to_owned }
    }
}

/// The report as text.
#[must_use]
pub fn terminal(report: &Report, sources: &Sources, paint: Paint) -> String {
    let mut out = String::new();
    let [critical, warn, info] = [Severity::Critical, Severity::Warn, Severity::Info].map(|kind| report.count(kind));
    line(&mut out, (paint.heading)(&format!("Security audit of {}", report.install.state)));
    line(&mut out, format!("Summary: {critical} critical · {warn} warn · {info} info"));
    if !report.suppressed.is_empty() {
        line(&mut out, format!("Suppressed: {} by configuration", report.suppressed.len()));
    }
    if !report.known.is_empty() {
        line(&mut out, format!("Known: {} in the baseline", report.known.len()));
    }
    for (severity, heading) in [(Severity::Critical, "CRITICAL"), (Severity::Warn, "WARN"), (Severity::Info, "INFO")] {
        let of: Vec<_> = report.findings.iter().filter(|located| located.finding.severity == severity).collect();
        if of.is_empty() {
            continue;
        }
        let colour = match severity {
            Severity::Critical => paint.bad,
            Severity::Warn => paint.doubt,
            Severity::Info => paint.heading,
        };
        line(&mut out, format!("\n{}", colour(heading)));
        for located in of {
            finding(&mut out, located, sources, paint);
        }
    }
    if !report.suppressed.is_empty() {
        line(&mut out, format!("\n{}", (paint.heading)("SUPPRESSED")));
        for suppressed in &report.suppressed {
            let found = &suppressed.located.finding;
            let reason = suppressed.reason.as_deref().unwrap_or("no reason given");
            let until = suppressed.expires.as_ref().map(|day| format!(", until {day}")).unwrap_or_default();
            line(&mut out, visible(&format!("{} ({}) {reason}{until}", found.check_id, found.severity.id())));
        }
    }
    if !report.remarks.is_empty() {
        out.push('\n');
        for remark in &report.remarks {
            line(&mut out, format!("{} {}", (paint.doubt)("note:"), visible(remark)));
        }
    }
    let fixes = || report.findings.iter().filter_map(|located| located.finding.fix.as_ref());
    let [safe, ask] = [Safety::Safe, Safety::Ask].map(|safety| fixes().filter(|fix| fix.safety == safety).count());
    if safe + ask > 0 {
        line(
            &mut out,
            format!(
                "\n{safe} can be mended safely and {ask} after a question: see `stockade security audit --fix --dry-run`"
            ),
        );
    } else if critical + warn == 0 {
        line(&mut out, format!("\n{}", (paint.good)("Nothing weak was found.")));
    }
    out
}

fn finding(out: &mut String, located: &Located, sources: &Sources, paint: Paint) {
    let found = &located.finding;
    line(out, format!("\n{} {}", (paint.heading)(&visible(&found.check_id)), visible(&found.title)));
    for text in found.detail.lines() {
        line(out, format!("  {}", visible(text)));
    }
    for spot in located.spots.iter().take(MAX_PLACES) {
        place(out, spot, sources);
    }
    if located.spots.len() > MAX_PLACES {
        line(out, format!("  … and {} more places", located.spots.len() - MAX_PLACES));
    }
    if let Some(remediation) = &found.remediation {
        let mut lines = remediation.lines();
        line(out, format!("  {} {}", (paint.good)("Fix:"), visible(lines.next().unwrap_or_default())));
        for more in lines {
            line(out, format!("       {}", visible(more)));
        }
    }
    if let Some(fix) = &found.fix {
        let how = match fix.safety {
            Safety::Safe => "--fix:",
            Safety::Ask => "--fix (asks first):",
        };
        line(out, format!("  {} {}", (paint.good)(how), visible(&fix.what)));
    }
}

/// The place, and the line of the file with the place underlined.
fn place(out: &mut String, spot: &Spotted, sources: &Sources) {
    let mut at = spot.file.clone();
    for number in [spot.line, spot.column].into_iter().flatten() {
        let _ = write!(at, ":{number}");
    }
    let key = spot.key.as_ref().map(|key| format!(" ({key})")).unwrap_or_default();
    line(out, format!("  --> {}", visible(&format!("{at}{key}"))));
    let (Some(number), Some(column), Some(length)) = (spot.line, spot.column, spot.length) else { return };
    let Some(text) = sources.line(&spot.file, number) else { return };
    // A window around the place: a config on one line is a long line.
    let start = usize::try_from(column.saturating_sub(1)).unwrap_or(0);
    let from = start.saturating_sub(WINDOW / 4);
    let shown: String = text.chars().skip(from).take(WINDOW).collect();
    let (before, after) =
        (if from > 0 { "…" } else { "" }, if text.chars().count() > from + WINDOW { "…" } else { "" });
    let margin = " ".repeat(number.to_string().len());
    let indent = " ".repeat(start - from + before.chars().count());
    let room = (WINDOW - (start - from)).max(1);
    let marks = "^".repeat(usize::try_from(length).unwrap_or(1).clamp(1, room));
    line(out, format!("  {margin} |"));
    line(out, format!("  {number} | {before}{shown}{after}"));
    line(out, format!("  {margin} | {indent}{marks}"));
}

fn line(out: &mut String, text: impl AsRef<str>) {
    out.push_str(text.as_ref());
    out.push('\n');
}

const MAX_PLACES: usize = 6;
const WINDOW: usize = 100;
