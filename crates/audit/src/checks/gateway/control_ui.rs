//! Which web pages may drive the Control UI. Answers the page in another tab that opens a connection to the gateway.

use crate::checks::Check;
use crate::finding::{Change, Finding, Fix, KeyPath, Severity};
use crate::model::Model;
use crate::snapshot::Generation;

pub(super) const CHECK: Check = Check {
    ids: &[
        "gateway.control_ui.allowed_origins_required",
        "gateway.control_ui.allowed_origins_wildcard",
        "gateway.control_ui.host_header_origin_fallback",
        "gateway.control_ui.embed_trusted",
        "gateway.control_ui.external_embed_urls",
        "gateway.control_ui.insecure_auth",
        "gateway.control_ui.device_auth_disabled",
    ],
    run,
};

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    origins(model, out);
    out.extend(embeds(model));
    out.extend(february(model));
}

fn origins(model: &Model<'_>, out: &mut Vec<Finding>) {
    let (config, gateway) = (model.config(), &model.gateway);
    let origins = config.list("gateway.controlUi.allowedOrigins");
    let named = origins.iter().any(|origin| !origin.trim().is_empty());
    let fallback = config.is_true(FALLBACK);
    let severity = if gateway.beyond_loopback() { Severity::Critical } else { Severity::Warn };
    if gateway.beyond_loopback() && gateway.control_ui && !named && !fallback {
        out.push(
            Finding::new("gateway.control_ui.allowed_origins_required", Severity::Critical, "No web origin is named for the Control UI")
                .detail(format!(
                    "gateway.bind is \"{}\" and gateway.controlUi.allowedOrigins is empty: nothing says which web pages may \
                     drive the gateway from a visitor's browser.",
                    gateway.bind
                ))
                .remedy("List the origins that you open it by, such as \"https://gateway.example.net\".")
                .key("gateway.controlUi.allowedOrigins"),
        );
    }
    if origins.iter().any(|origin| origin.trim() == "*") {
        out.push(
            Finding::new("gateway.control_ui.allowed_origins_wildcard", severity, "Any web page may drive the Control UI")
                .detail("gateway.controlUi.allowedOrigins has \"*\": a page that the owner merely visits can open a connection to the gateway from their browser.")
                .remedy("List the origins that you open it by.")
                .key("gateway.controlUi.allowedOrigins")
                .fix(drop_wildcard(&origins)),
        );
    }
    if fallback {
        out.push(
            Finding::new("gateway.control_ui.host_header_origin_fallback", severity, "The Host header is taken for the origin")
                .detail(
                    "gateway.controlUi.dangerouslyAllowHostHeaderOriginFallback is true: a name that an attacker controls and \
                     points at this machine (DNS rebinding) passes for the gateway's own page.",
                )
                .remedy("Turn it off and list the origins in gateway.controlUi.allowedOrigins.")
                .key(FALLBACK)
                .fix(Fix::ask("Do not take the Host header for the origin").remove(FALLBACK)),
        );
    }
}

fn drop_wildcard(origins: &[String]) -> Fix {
    let fix = Fix::ask("Take \"*\" out of the allowed origins");
    origins.iter().filter(|origin| origin.trim() == "*").fold(fix, |fix, origin| {
        let key = KeyPath::dotted("gateway.controlUi.allowedOrigins");
        fix.change(Change::Drop { key, item: origin.as_str().into() })
    })
}

fn embeds(model: &Model<'_>) -> Vec<Finding> {
    let config = model.config();
    let mut found = Vec::new();
    let sandbox = config.text("gateway.controlUi.embedSandbox").unwrap_or_default();
    if sandbox.trim().eq_ignore_ascii_case("trusted") {
        found.push(
            Finding::new("gateway.control_ui.embed_trusted", Severity::Warn, "What an agent shows runs as the Control UI itself")
                .detail(
                    "gateway.controlUi.embedSandbox is \"trusted\": content that an agent embeds shares the page's origin, so text \
                     that steers the agent can read the operator's credential and act with it.",
                )
                .remedy("Set it to \"scripts\" or \"strict\".")
                .key("gateway.controlUi.embedSandbox")
                .fix(Fix::ask("Keep embedded content apart from the page").set("gateway.controlUi.embedSandbox", "scripts")),
        );
    }
    if config.is_true("gateway.controlUi.allowExternalEmbedUrls") {
        found.push(
            Finding::new("gateway.control_ui.external_embed_urls", Severity::Warn, "An agent can show any web page inside the Control UI")
                .detail(
                    "gateway.controlUi.allowExternalEmbedUrls is true: an agent that was talked into it can show a false login, or \
                     send what it knows away in the address of a page.",
                )
                .remedy("Set it to false.")
                .key("gateway.controlUi.allowExternalEmbedUrls")
                .fix(Fix::ask("Embed nothing from elsewhere").set("gateway.controlUi.allowExternalEmbedUrls", false)),
        );
    }
    found
}

fn february(model: &Model<'_>) -> Vec<Finding> {
    let config = model.config();
    let february = model.snapshot.install.generation == Generation::February;
    let mut found = Vec::new();
    if config.is_true(INSECURE) {
        // A current OpenClaw refuses the key; until it is gone, whichever version runs there may still take it.
        found.push(
            Finding::new("gateway.control_ui.insecure_auth", Severity::Critical, "A token sent over plain HTTP is enough")
                .detail("gateway.controlUi.allowInsecureAuth is true: the Control UI takes a token without a device identity, so whoever overhears or finds it is the operator.")
                .remedy("Remove it and open the Control UI over HTTPS (Tailscale Serve) or on localhost.")
                .key(INSECURE)
                .fix(Fix::ask("Ask for a device identity").remove(INSECURE)),
        );
    }
    if february && config.is_true("gateway.controlUi.dangerouslyDisableDeviceAuth") {
        found.push(
            Finding::new(
                "gateway.control_ui.device_auth_disabled",
                Severity::Critical,
                "The Control UI does not ask for a device identity",
            )
            .detail(
                "gateway.controlUi.dangerouslyDisableDeviceAuth is true: a leaked token is enough from any machine.",
            )
            .remedy("Remove it and pair the devices that you use.")
            .key("gateway.controlUi.dangerouslyDisableDeviceAuth")
            .fix(Fix::ask("Ask for a device identity").remove("gateway.controlUi.dangerouslyDisableDeviceAuth")),
        );
    }
    found
}

const FALLBACK: &str = "gateway.controlUi.dangerouslyAllowHostHeaderOriginFallback";
const INSECURE: &str = "gateway.controlUi.allowInsecureAuth";

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{said, snapshot};

    fn of(bind: &str, ui: Value) -> Vec<String> {
        said(&snapshot(json!({"gateway": {"bind": bind, "controlUi": ui}})), "gateway.control_ui.")
    }

    #[test]
    fn beyond_loopback_origins_must_be_named() {
        let required = ["critical gateway.control_ui.allowed_origins_required"];
        assert_eq!(of("lan", json!({})), required);
        assert_eq!(of("lan", json!({"allowedOrigins": [" ", ""]})), required);
        assert_eq!(of("lan", json!({"allowedOrigins": "https://x"})), required, "a text is no list");
        assert!(of("lan", json!({"allowedOrigins": ["https://x.example"]})).is_empty());
        assert!(of("lan", json!({"enabled": false})).is_empty() && of("loopback", json!({})).is_empty());
    }

    #[test]
    fn any_origin_is_worse_where_others_reach() {
        assert_eq!(
            of("lan", json!({"allowedOrigins": [" * "]})),
            ["critical gateway.control_ui.allowed_origins_wildcard"]
        );
        assert_eq!(
            of("loopback", json!({"allowedOrigins": ["*"]})),
            ["warn gateway.control_ui.allowed_origins_wildcard"]
        );
        let fallback = json!({"dangerouslyAllowHostHeaderOriginFallback": true});
        assert_eq!(of("lan", fallback.clone()), ["critical gateway.control_ui.host_header_origin_fallback"]);
        assert_eq!(of("loopback", fallback), ["warn gateway.control_ui.host_header_origin_fallback"]);
    }

    #[test]
    fn embedded_content_is_kept_apart() {
        let both = ["warn gateway.control_ui.embed_trusted", "warn gateway.control_ui.external_embed_urls"];
        assert_eq!(of("loopback", json!({"embedSandbox": " Trusted", "allowExternalEmbedUrls": true})), both);
        assert!(of("loopback", json!({"embedSandbox": "scripts", "allowExternalEmbedUrls": false})).is_empty());
    }

    #[test]
    fn february_switches_count_where_they_work() {
        let ui = json!({"gateway": {"controlUi": {"allowInsecureAuth": true, "dangerouslyDisableDeviceAuth": true}}});
        let mut install = snapshot(ui);
        assert_eq!(said(&install, "gateway.control_ui."), ["critical gateway.control_ui.insecure_auth"]);
        install.install.generation = Generation::February;
        let both = ["critical gateway.control_ui.device_auth_disabled", "critical gateway.control_ui.insecure_auth"];
        assert_eq!(said(&install, "gateway.control_ui."), both);
    }
}
