//! Tailscale in front of the gateway: for one's own tailnet, or for everyone.

use crate::checks::Check;
use crate::finding::{Finding, Fix, Severity};
use crate::model::Model;

pub(super) const CHECK: Check = Check { ids: &["gateway.tailscale_funnel", "gateway.tailscale_serve"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let finding = match model.gateway.tailscale.as_str() {
        "funnel" => Finding::new("gateway.tailscale_funnel", Severity::Critical, "The gateway is on the public Internet")
            .detail("gateway.tailscale.mode is \"funnel\": anyone on the Internet reaches the login of this gateway, and scanners find it.")
            .remedy("Use \"serve\", which only your own tailnet reaches.")
            .fix(Fix::ask("Serve to the tailnet instead of to everyone").set("gateway.tailscale.mode", "serve")),
        "serve" => Finding::new("gateway.tailscale_serve", Severity::Info, "The gateway is served to the tailnet")
            .detail("gateway.tailscale.mode is \"serve\": every device and user of the tailnet that its rules let through reaches the gateway.")
            .remedy("Keep the tailnet's access rules narrow."),
        _ => return,
    };
    out.push(finding.key("gateway.tailscale.mode"));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{said, snapshot};

    #[test]
    fn everyone_is_told_from_the_tailnet() {
        let of = |mode: serde_json::Value| {
            said(&snapshot(json!({"gateway": {"tailscale": {"mode": mode}}})), "gateway.tailscale")
        };
        assert_eq!(of(json!(" Funnel ")), ["critical gateway.tailscale_funnel"]);
        assert_eq!(of(json!("serve")), ["info gateway.tailscale_serve"]);
        assert!(of(json!("off")).is_empty() && of(json!(null)).is_empty() && of(json!(["funnel"])).is_empty());
    }
}
