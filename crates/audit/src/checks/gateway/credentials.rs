//! How good the gateway's credential is. Answers guessing, and the script that wrote `undefined` for a token.

use crate::checks::Check;
use crate::finding::{Finding, Severity};
use crate::model::Model;

pub(super) const CHECK: Check = Check {
    ids: &[
        "gateway.token_placeholder_value",
        "gateway.password_placeholder_value",
        "gateway.token_too_short",
        "gateway.password_too_short",
    ],
    run,
};

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let gateway = &model.gateway;
    let (name, fact) = match gateway.auth_mode.as_str() {
        "token" => ("token", &gateway.token),
        "password" => ("password", &gateway.password),
        _ => return,
    };
    let Some(fact) = fact else { return };
    let finding = if fact.placeholder {
        Finding::new(format!("gateway.{name}_placeholder_value"), Severity::Critical, format!("The gateway's {name} is no {name}"))
            .detail(format!(
                "The {name} in force is blank, \"undefined\" or \"null\": what a script writes when its variable was not set. \
                 It is the first thing that a stranger tries."
            ))
    } else if fact.has_value() && fact.characters < LEAST {
        Finding::new(format!("gateway.{name}_too_short"), Severity::Warn, format!("The gateway's {name} is short"))
            .detail(format!("The {name} in force has {} characters. A short one can be guessed.", fact.characters))
    } else {
        return;
    };
    out.push(
        finding
            .remedy(format!(
                "Replace it by at least {LEAST} random characters, for example from `openssl rand -hex 32`."
            ))
            .key(&format!("gateway.auth.{name}")),
    );
}

/// What OpenClaw calls long.
const LEAST: u32 = 24;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::{said, snapshot};

    fn of(auth: Value) -> Vec<String> {
        let mut said = said(&snapshot(json!({"gateway": {"auth": auth}})), "gateway.");
        said.retain(|line| line.contains("_placeholder_value") || line.contains("_too_short"));
        said
    }

    #[test]
    fn only_the_credential_in_force_is_measured() {
        assert_eq!(of(json!({"token": "undefined"})), ["critical gateway.token_placeholder_value"]);
        assert_eq!(of(json!({"token": "   "})), ["critical gateway.token_placeholder_value"]);
        assert_eq!(
            of(json!({"mode": "password", "password": " null "})),
            ["critical gateway.password_placeholder_value"]
        );
        assert_eq!(of(json!({"password": "hunter2hunter2", "token": "x"})), ["warn gateway.password_too_short"]);
        assert_eq!(of(json!({"token": "a".repeat(23)})), ["warn gateway.token_too_short"]);
        assert!(of(json!({"token": "a".repeat(24)})).is_empty());
        assert!(of(json!({"mode": "none", "token": "x"})).is_empty());
        assert!(of(json!({"token": {"source": "exec", "provider": "v", "id": "x"}})).is_empty());
    }
}
