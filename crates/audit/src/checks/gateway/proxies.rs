//! Whose `X-Forwarded-For` is believed. Answers the client that writes its own address.

use serde_json::{Value, json};

use crate::checks::Check;
use crate::finding::{Finding, Fix, Severity};
use crate::model::Model;
use crate::model::reach::{Entry, entry};

pub(super) const CHECK: Check = Check {
    ids: &[
        "gateway.trusted_proxies_missing",
        "gateway.trusted_proxies_wide",
        "gateway.trusted_proxies_invalid",
        "gateway.real_ip_fallback_enabled",
    ],
    run,
};

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let (config, gateway) = (model.config(), &model.gateway);
    let written = config.get(KEY).filter(|value| !value.is_null());
    let items = written.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if items.is_empty() && !gateway.beyond_loopback() && gateway.control_ui {
        out.push(missing());
    }
    let wide = items.iter().filter_map(Value::as_str).filter(|text| entry(text) == Entry::Wide).collect::<Vec<_>>();
    if !wide.is_empty() {
        out.push(too_wide(model, &wide));
    }
    let unreadable = items.iter().filter(|item| item.as_str().is_none_or(|text| entry(text) == Entry::Invalid)).count();
    if unreadable > 0 || written.is_some_and(|value| !value.is_array()) {
        out.push(invalid(unreadable));
    }
    if config.is_true("gateway.allowRealIpFallback") {
        out.push(real_ip(model, items));
    }
}

fn missing() -> Finding {
    Finding::new("gateway.trusted_proxies_missing", Severity::Warn, "No reverse proxy is declared")
        .detail(
            "The Control UI is served on loopback and gateway.trustedProxies is empty. Without a reverse proxy that is right. \
             Behind one, its connections come from loopback, and strangers look like the owner's own machine.",
        )
        .remedy("If there is a reverse proxy, list its addresses in gateway.trustedProxies; if there is none, \"127.0.0.1\" says so.")
        .key(KEY)
}

fn too_wide(model: &Model<'_>, wide: &[&str]) -> Finding {
    let gateway = &model.gateway;
    let severity =
        if gateway.beyond_loopback() || gateway.behind_proxy() { Severity::Critical } else { Severity::Warn };
    Finding::new("gateway.trusted_proxies_wide", severity, "Strangers are trusted as proxies")
        .detail(format!(
            "gateway.trustedProxies has {}. Whoever connects from there says in a header where a request comes from{}, and \
             escapes limits by address.",
            wide.join(", "),
            if gateway.behind_proxy() { " and who sent it, which is all that authenticates it" } else { "" },
        ))
        .remedy("List only the addresses of your own proxies, such as \"127.0.0.1\" or \"10.0.0.5\".")
        .key(KEY)
        .fix(Fix::ask("Trust only a proxy on this machine").set(KEY, json!(["127.0.0.1"])))
}

fn invalid(unreadable: usize) -> Finding {
    let what = if unreadable == 0 {
        "is no list".to_owned()
    } else {
        format!("has {unreadable} entries that are no address and no block")
    };
    Finding::new("gateway.trusted_proxies_invalid", Severity::Warn, "A trusted proxy cannot be read")
        .detail(format!(
            "gateway.trustedProxies {what}. Such an entry trusts nobody, or whom nobody meant; the proxy that it stands for \
             passes strangers on as if they were on this machine."
        ))
        .remedy("Write each as \"10.0.0.1\", \"10.0.0.0/24\" or \"2001:db8::/48\"; names are not resolved.")
        .key(KEY)
}

fn real_ip(model: &Model<'_>, items: &[Value]) -> Finding {
    let gateway = &model.gateway;
    let all_own = items.iter().all(|item| item.as_str().is_some_and(|text| OWN.contains(&text.trim())));
    let open = gateway.beyond_loopback() || (gateway.behind_proxy() && !all_own);
    let severity = if open { Severity::Critical } else { Severity::Warn };
    Finding::new("gateway.real_ip_fallback_enabled", severity, "X-Real-IP is believed")
        .detail(
            "gateway.allowRealIpFallback is true. Many proxies pass that header on as the client wrote it, so a client can \
             claim any address, this machine's among them.",
        )
        .remedy("Set gateway.allowRealIpFallback to false and let the proxy write X-Forwarded-For.")
        .key("gateway.allowRealIpFallback")
        .fix(Fix::ask("Do not believe X-Real-IP").set("gateway.allowRealIpFallback", false))
}

const KEY: &str = "gateway.trustedProxies";
/// What OpenClaw calls strictly this machine.
const OWN: &[&str] = &["127.0.0.1", "::1", "127.0.0.1/32", "::1/128"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{said, snapshot};

    fn of(gateway: Value) -> Vec<String> {
        let mut said = said(&snapshot(json!({ "gateway": gateway })), "gateway.");
        said.retain(|line| CHECK.ids.iter().any(|id| line.ends_with(id)));
        said
    }

    #[test]
    fn a_declared_proxy_is_quiet() {
        assert!(of(json!({"trustedProxies": ["127.0.0.1"]})).is_empty());
        assert!(of(json!({"bind": "lan", "trustedProxies": ["10.0.0.0/24", "::1"]})).is_empty());
        assert!(of(json!({"controlUi": {"enabled": false}})).is_empty());
        assert_eq!(of(json!({})), ["warn gateway.trusted_proxies_missing"]);
        assert_eq!(of(json!({"trustedProxies": []})), ["warn gateway.trusted_proxies_missing"]);
    }

    #[test]
    fn everyone_is_no_proxy() {
        assert_eq!(of(json!({"trustedProxies": ["0.0.0.0/0"]})), ["warn gateway.trusted_proxies_wide"]);
        assert_eq!(of(json!({"bind": "lan", "trustedProxies": [" ::/0 "]})), ["critical gateway.trusted_proxies_wide"]);
        let proxied = json!({"auth": {"mode": "trusted-proxy"}, "trustedProxies": ["0.0.0.0/1", "128.0.0.0/1"]});
        assert_eq!(of(proxied), ["critical gateway.trusted_proxies_wide"]);
    }

    #[test]
    fn what_is_no_address_is_said() {
        for list in [json!(["proxy.local"]), json!([7]), json!(["127.0.0.1", {}]), json!([""])] {
            assert_eq!(of(json!({ "trustedProxies": list })), ["warn gateway.trusted_proxies_invalid"], "{list}");
        }
        let none = ["warn gateway.trusted_proxies_invalid", "warn gateway.trusted_proxies_missing"];
        assert_eq!(of(json!({"trustedProxies": "0.0.0.0/0"})), none);
    }

    #[test]
    fn a_header_that_a_client_can_write_is_worse_where_clients_reach() {
        let of = |mut gateway: Value| {
            gateway["allowRealIpFallback"] = json!(true);
            said(&snapshot(json!({ "gateway": gateway })), "gateway.real_ip")
        };
        assert_eq!(of(json!({})), ["warn gateway.real_ip_fallback_enabled"]);
        assert_eq!(of(json!({"bind": "lan"})), ["critical gateway.real_ip_fallback_enabled"]);
        let proxied = |list: Value| of(json!({"auth": {"mode": "trusted-proxy"}, "trustedProxies": list}));
        assert_eq!(proxied(json!(["127.0.0.1", "::1/128"])), ["warn gateway.real_ip_fallback_enabled"]);
        assert_eq!(proxied(json!(["127.0.0.1/8"])), ["critical gateway.real_ip_fallback_enabled"]);
    }
}
