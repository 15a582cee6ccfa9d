//! Code of plugins and skills; only with `--deep`.

use super::Check;
use crate::finding::{Finding, Place, Severity};
use crate::snapshot::code::{Evidence, Scanned};

mod plugins;
mod skills;

pub(super) const CHECKS: &[Check] = &[plugins::CHECK, skills::CHECK];

/// One finding for what a plugin or a skill does, as bad as the worst of it; nothing when there is nothing.
fn finding(id: &str, titles: [&str; 3], scanned: &Scanned, evidence: &[&Evidence]) -> Option<Finding> {
    let worst = evidence.iter().map(|evidence| evidence.severity).max()?;
    let title = match worst {
        Severity::Critical => titles[0],
        Severity::Warn => titles[1],
        Severity::Info => titles[2],
    };
    let mut sorted = evidence.to_vec();
    sorted.sort_by_key(|evidence| std::cmp::Reverse(evidence.severity));
    let mut detail = format!("{} ({} files of code were read):", scanned.name, scanned.files);
    for evidence in sorted.iter().take(MAX_SHOWN) {
        detail.push_str(&format!("\n- {}:{} {} [{}]", evidence.file, evidence.line, evidence.what, evidence.rule));
        if !evidence.flow.is_empty() {
            let steps = evidence.flow.iter().map(|step| format!("{} (line {})", step.what, step.line));
            detail.push_str(&format!("\n  data: {}", steps.collect::<Vec<_>>().join(" → ")));
        }
    }
    let more = sorted.len().saturating_sub(MAX_SHOWN) + scanned.more as usize;
    if more > 0 {
        detail.push_str(&format!("\n- and {more} more"));
    }
    let mut finding = Finding::new(id, worst, title).detail(detail);
    for evidence in sorted.iter().take(MAX_SHOWN) {
        finding = finding.at(Place::Line(format!("{}/{}", scanned.path, evidence.file), evidence.line));
    }
    Some(finding)
}

/// What was not read is not known to be clean.
fn unread(id: &str, title: &str, scanned: &Scanned) -> Option<Finding> {
    if scanned.unread.is_empty() {
        return None;
    }
    let detail = format!("{} was not read wholly:\n- {}", scanned.name, scanned.unread.join("\n- "));
    let remedy = "Read what is listed yourself, or take the folder away. A large plugin can be built without what it does not need.";
    Some(Finding::new(id, Severity::Warn, title).detail(detail).remedy(remedy).at(Place::File(scanned.path.clone())))
}

const MAX_SHOWN: usize = 12;
