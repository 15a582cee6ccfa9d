//! Whether the gateway answered whoever may speak to it.

use crate::checks::Check;
use crate::finding::{Finding, Severity};
use crate::model::Model;

pub(super) const CHECK: Check =
    Check { ids: &["gateway.probe_failed", "gateway.probe_auth_secretref_unavailable"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let Some(live) = &model.snapshot.live else { return };
    let gateway = &live.gateway;
    if !gateway.url.is_empty() && !gateway.ok {
        let why = gateway.error.as_deref().unwrap_or("no answer");
        out.push(
            Finding::new("gateway.probe_failed", Severity::Warn, "The running gateway could not be looked at")
                .detail(format!(
                    "{}: {why}. What it lets in was not seen: only what the files say was audited.",
                    gateway.url
                ))
                .remedy("Start the gateway, or give its secret with --token or --password, and run the audit with --deep again."),
        );
    }
    if let Some(key) = &gateway.reference {
        out.push(
            Finding::new(
                "gateway.probe_auth_secretref_unavailable",
                Severity::Warn,
                "The gateway's secret is a reference that the audit does not follow",
            )
            .detail(format!("{key} names a secret that is kept elsewhere. The gateway was met without it."))
            .remedy(
                "Set OPENCLAW_GATEWAY_TOKEN or OPENCLAW_GATEWAY_PASSWORD in this shell, or use --token or --password.",
            )
            .key(key),
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::snapshot::Live;
    use crate::testing::{said, snapshot};

    #[test]
    fn a_gateway_that_is_down_is_said_and_one_that_answers_is_not() {
        let mut install = snapshot(json!({}));
        assert!(said(&install, "gateway.probe").is_empty(), "without --deep");
        let mut live = Live::default();
        live.gateway.url = "ws://127.0.0.1:18789".into();
        live.gateway.error = Some("connect ECONNREFUSED 127.0.0.1:18789".into());
        install.live = Some(live.clone());
        assert_eq!(said(&install, "gateway.probe"), ["warn gateway.probe_failed"]);
        live.gateway.ok = true;
        live.gateway.reference = Some("gateway.auth.token".into());
        install.live = Some(live);
        assert_eq!(said(&install, "gateway.probe"), ["warn gateway.probe_auth_secretref_unavailable"]);
    }
}
