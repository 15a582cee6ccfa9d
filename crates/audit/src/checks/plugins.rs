//! Plugins, hooks and skills that are installed: which may load, what reaches their tools, and where they came from.

mod allowlist;
mod bundled;
mod reach;
mod records;
mod skills;

use super::Check;
use crate::model::Model;
use crate::snapshot::config::texts;

pub(super) const CHECKS: &[Check] = &[allowlist::CHECK, reach::CHECK, records::CHECK, skills::CHECK];

/// The ids of the folders below `extensions`, as the config names them.
fn extensions<'m>(model: &Model<'m>) -> impl Iterator<Item = String> + use<'m> {
    model.snapshot.plugins.iter().map(|plugin| plugin.folder.trim().to_ascii_lowercase())
}

/// A list of the config, folded as ids are.
fn ids(model: &Model<'_>, key: &str) -> Vec<String> {
    let folded = texts(model.config().get(key)).into_iter().map(|id| id.trim().to_ascii_lowercase());
    folded.filter(|id| !id.is_empty()).collect()
}

/// One a line.
fn lines(items: &[String]) -> String {
    items.iter().map(|item| format!("\n- {item}")).collect()
}
