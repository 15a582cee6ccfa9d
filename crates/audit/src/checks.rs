//! The checks: one table, one file a subject. Each is a pure function over what is in force.

use crate::finding::Finding;
use crate::model::Model;

mod channels;
mod code;
mod config;
mod discovery;
mod exec;
mod exposure;
mod files;
mod gateway;
mod hooks;
mod live;
mod models;
mod plugins;
mod sandbox;
mod secrets;
mod summary;
mod tools;

/// One subject that is looked at.
pub struct Check {
    /// Every id that it can report; `<channel>` and the like stand for a part that varies. Each has its page in
    /// `docs/checks`.
    pub ids: &'static [&'static str],
    /// Looks, and reports what is weak.
    pub run: fn(&Model<'_>, &mut Vec<Finding>),
}

/// The subjects, in the order of the report.
const FAMILIES: &[&[Check]] = &[
    summary::CHECKS,
    gateway::CHECKS,
    discovery::CHECKS,
    config::CHECKS,
    exec::CHECKS,
    tools::CHECKS,
    hooks::CHECKS,
    sandbox::CHECKS,
    secrets::CHECKS,
    models::CHECKS,
    exposure::CHECKS,
    files::CHECKS,
    plugins::CHECKS,
    code::CHECKS,
    channels::CHECKS,
    live::CHECKS,
];

/// Every check.
pub fn all() -> impl Iterator<Item = &'static Check> {
    FAMILIES.iter().copied().flatten()
}

/// What every check says of an install.
#[must_use]
pub fn run(model: &Model<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for check in all() {
        (check.run)(model, &mut findings);
    }
    findings
}
