//! Findings that the config hides. Answers the config that was made to declare itself clean.

use serde_json::Value;

use crate::checks::Check;
use crate::finding::{Finding, Severity};
use crate::model::Model;

pub(super) const CHECK: Check = Check { ids: &["security.audit.suppressions.active"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let count = model.config().get(KEY).and_then(Value::as_array).map_or(0, Vec::len);
    if count > 0 {
        out.push(
            Finding::new("security.audit.suppressions.active", Severity::Info, "Findings are suppressed")
                .detail(format!("{KEY} has {count} entries. What they match is listed apart from the other findings and does not count."))
                .remedy("Look through them from time to time; this one cannot be suppressed.")
                .key(KEY),
        );
    }
}

const KEY: &str = "security.audit.suppressions";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{said, snapshot};

    #[test]
    fn only_a_list_with_entries_suppresses() {
        let of = |list: serde_json::Value| {
            said(&snapshot(json!({"security": {"audit": {"suppressions": list}}})), "security.audit")
        };
        assert_eq!(of(json!([{}])), ["info security.audit.suppressions.active"]);
        assert!(of(json!([])).is_empty() && of(json!({"checkId": "x"})).is_empty());
    }
}
