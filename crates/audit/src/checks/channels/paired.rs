//! How many senders were paired. The attack: a sender whom nobody remembers admitting still gives orders.

use crate::checks::Check;
use crate::finding::{Finding, Place, Severity};
use crate::model::Model;
use crate::snapshot::Paired;

pub(super) const CHECK: Check = Check { ids: &["channels.paired_many"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    out.extend(model.snapshot.paired.iter().filter(|store| store.entries.len() > MANY).map(finding));
}

fn finding(store: &Paired) -> Finding {
    let account = store
        .account
        .as_deref()
        .map_or_else(String::new, |id| format!(" (account {})", stockade_core::text::single_line(id)));
    Finding::new("channels.paired_many", Severity::Info, "Many senders were paired")
        .detail(format!(
            "{}{account}: {} senders were paired once and may write directly ever since, whatever the config lists.",
            stockade_core::text::single_line(&store.channel),
            store.entries.len()
        ))
        .remedy("Look through them with the `pairing` command, and revoke whom you do not know.")
        .at(Place::File(store.path.clone()))
}

/// More than a household.
const MANY: usize = 8;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{said, snapshot};

    #[test]
    fn a_household_is_not_many() {
        for (count, said_of) in [(MANY, 0), (MANY + 1, 1)] {
            let mut found = snapshot(json!({}));
            let entries = (0..count).map(|id| id.to_string()).collect();
            found.paired = vec![Paired { channel: "telegram".into(), entries, ..Paired::default() }];
            assert_eq!(said(&found, "channels.paired").len(), said_of, "{count}");
        }
    }
}
