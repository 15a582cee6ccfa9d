//! Feishu's documents. The attack: ask the agent for a document and be given it with rights.

use serde_json::Value;

use crate::checks::Check;
use crate::finding::{Finding, Fix, Place, Severity};
use crate::model::Model;
use crate::model::channels::Account;

pub(super) const CHECK: Check = Check { ids: &["channels.feishu.doc_owner_open_id"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let has = |account: &Account<'_>, field: &str| account.get(field).is_some_and(|value| value.as_str() != Some(""));
    let writes_documents = |account: &&Account<'_>| {
        let doc = account.get("tools").and_then(|tools| tools.get("doc"));
        account.channel == "feishu"
            && doc != Some(&Value::Bool(false))
            && has(account, "appId")
            && has(account, "appSecret")
    };
    let Some(account) = model.channels.live().find(writes_documents) else { return };
    let key = account.key("tools").child("doc");
    let fix = Fix::ask("take the document tool of Feishu away")
        .change(crate::Change::Set { key: key.clone(), to: Value::Bool(false) });
    out.push(
        Finding::new(
            "channels.feishu.doc_owner_open_id",
            Severity::Warn,
            "Whoever asks for a document may be given rights to it",
        )
        .detail(format!(
            "{}: the document tool is on; what it creates can be shared with the user who asked.",
            account.label()
        ))
        .remedy(format!("Set {key} to false unless documents are needed."))
        .at(Place::Key(key))
        .fix(fix),
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{said, snapshot};

    #[test]
    fn the_tool_is_on_unless_it_is_turned_off_or_nothing_is_configured() {
        for (config, count) in [
            (json!({"appId": "cli_a", "appSecret": "s3cr3t"}), 1),
            (json!({"appId": "cli_a", "appSecret": "s3cr3t", "tools": {"doc": false}}), 0),
            (json!({"appId": "cli_a"}), 0),
            (json!({"accounts": {"a": {"appId": "x", "appSecret": "y"}, "b": {"appId": "x", "appSecret": "y"}}}), 1),
        ] {
            let found = snapshot(json!({"channels": {"feishu": config.clone()}}));
            assert_eq!(said(&found, "channels.feishu.doc").len(), count, "{config}");
        }
    }
}
