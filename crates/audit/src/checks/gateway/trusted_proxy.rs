//! A proxy that says who somebody is. Answers forged identity headers, and an identity provider that anyone can join.

use serde_json::Value;

use crate::checks::Check;
use crate::finding::{Finding, Fix, Severity};
use crate::model::Model;

pub(super) const CHECK: Check = Check {
    ids: &[
        "gateway.trusted_proxy_auth",
        "gateway.trusted_proxy_no_proxies",
        "gateway.trusted_proxy_no_user_header",
        "gateway.trusted_proxy_allow_loopback",
        "gateway.trusted_proxy_device_auto_approve",
        "gateway.trusted_proxy_device_auto_approve_admin",
        "gateway.trusted_proxy_no_allowlist",
    ],
    run,
};

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    if !model.gateway.behind_proxy() {
        return;
    }
    let config = model.config();
    out.push(
        Finding::new("gateway.trusted_proxy_auth", Severity::Critical, "A reverse proxy decides who gets in")
            .detail(
                "gateway.auth.mode is \"trusted-proxy\": whoever the proxy names is let in, and whoever can reach the gateway \
                 from a trusted address without the proxy can name anyone.",
            )
            .remedy("Make sure that the proxy authenticates, strips the identity headers of clients, and is the only one that reaches the port.")
            .key("gateway.auth.mode"),
    );
    if config.get("gateway.trustedProxies").and_then(Value::as_array).is_none_or(Vec::is_empty) {
        out.push(
            Finding::new("gateway.trusted_proxy_no_proxies", Severity::Critical, "The proxy that authenticates is not named")
                .detail("gateway.trustedProxies is empty: nothing tells the proxy from anyone else, so nobody gets in, or anybody does.")
                .remedy("List the addresses of the proxy in gateway.trustedProxies.")
                .key("gateway.trustedProxies"),
        );
    }
    if config.text("gateway.auth.trustedProxy.userHeader").is_none_or(|header| header.trim().is_empty()) {
        out.push(
            Finding::new("gateway.trusted_proxy_no_user_header", Severity::Critical, "No header says who the user is")
                .detail("gateway.auth.trustedProxy.userHeader is not set, so the proxy's answer cannot be read.")
                .remedy("Name the header that the proxy writes, such as \"x-forwarded-user\".")
                .key("gateway.auth.trustedProxy.userHeader"),
        );
    }
    if config.is_true("gateway.auth.trustedProxy.allowLoopback") {
        out.push(
            Finding::new("gateway.trusted_proxy_allow_loopback", Severity::Warn, "Any local program can be the proxy")
                .detail(
                    "gateway.auth.trustedProxy.allowLoopback is true: every program and user of this machine can send the \
                     identity header and be anyone.",
                )
                .remedy("Set it to false unless the proxy runs here and nobody else does.")
                .key("gateway.auth.trustedProxy.allowLoopback")
                .fix(Fix::ask("Do not take identities from loopback").set("gateway.auth.trustedProxy.allowLoopback", false)),
        );
    }
    auto_approve(model, out);
    if config.list("gateway.auth.trustedProxy.allowUsers").is_empty() {
        out.push(
            Finding::new("gateway.trusted_proxy_no_allowlist", Severity::Warn, "Everyone whom the proxy knows gets in")
                .detail("gateway.auth.trustedProxy.allowUsers is empty: each account of the identity provider operates this gateway.")
                .remedy("List the accounts that may, in gateway.auth.trustedProxy.allowUsers.")
                .key("gateway.auth.trustedProxy.allowUsers"),
        );
    }
}

fn auto_approve(model: &Model<'_>, out: &mut Vec<Finding>) {
    let config = model.config();
    if !config.is_true(&format!("{AUTO}.enabled")) {
        return;
    }
    let fix = || Fix::ask("Ask before a device is paired").set(&format!("{AUTO}.enabled"), false);
    out.push(
        Finding::new("gateway.trusted_proxy_device_auto_approve", Severity::Warn, "New devices are paired without being asked about")
            .detail("gateway.auth.trustedProxy.deviceAutoApprove is on: whoever takes over one account at the proxy pairs a device that stays.")
            .remedy("Turn deviceAutoApprove off and approve devices by hand.")
            .key(&format!("{AUTO}.enabled"))
            .fix(fix()),
    );
    if config.list(&format!("{AUTO}.scopes")).iter().any(|scope| scope.trim() == "operator.admin") {
        out.push(
            Finding::new("gateway.trusted_proxy_device_auto_approve_admin", Severity::Critical, "New devices become administrators without being asked about")
                .detail("deviceAutoApprove grants operator.admin: a stolen proxy account changes the config and approves commands.")
                .remedy("Take operator.admin out of deviceAutoApprove.scopes.")
                .key(&format!("{AUTO}.scopes"))
                .fix(fix()),
        );
    }
}

const AUTO: &str = "gateway.auth.trustedProxy.deviceAutoApprove";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{said, snapshot};

    fn of(proxies: Value, trusted: Value) -> Vec<String> {
        let auth = json!({"mode": "trusted-proxy", "trustedProxy": trusted});
        said(&snapshot(json!({"gateway": {"trustedProxies": proxies, "auth": auth}})), "gateway.trusted_proxy_")
    }

    #[test]
    fn a_proxy_done_right_is_only_named() {
        let right = json!({"userHeader": "x-user", "allowUsers": ["op@home.example"]});
        assert_eq!(of(json!(["10.0.0.5"]), right), ["critical gateway.trusted_proxy_auth"]);
        let off = json!({"gateway": {"auth": {"trustedProxy": {"allowLoopback": true}}}});
        assert!(said(&snapshot(off), "gateway.trusted_proxy_").is_empty());
    }

    #[test]
    fn each_gap_is_named() {
        let gaps = json!({"userHeader": " ", "allowLoopback": true, "allowUsers": [], "deviceAutoApprove": {"enabled": true, "scopes": [" operator.admin "]}});
        let all = [
            "critical gateway.trusted_proxy_auth",
            "critical gateway.trusted_proxy_device_auto_approve_admin",
            "critical gateway.trusted_proxy_no_proxies",
            "critical gateway.trusted_proxy_no_user_header",
            "warn gateway.trusted_proxy_allow_loopback",
            "warn gateway.trusted_proxy_device_auto_approve",
            "warn gateway.trusted_proxy_no_allowlist",
        ];
        assert_eq!(of(json!([]), gaps), all);
        assert_eq!(of(json!("0.0.0.0/0"), json!(7)).len(), 4);
    }
}
