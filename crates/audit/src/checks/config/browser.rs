//! The browser that an agent drives. Answers the page that breaks out of it, and whoever else can drive it.

use serde_json::Value;

use crate::checks::Check;
use crate::finding::{Finding, Fix, KeyPath, Place, Severity};
use crate::model::Model;
use crate::model::reach::{Endpoint, Reach, endpoint};

pub(super) const CHECK: Check = Check {
    ids: &[
        "browser.control_invalid_config",
        "browser.control_no_auth",
        "browser.remote_cdp_http",
        "browser.remote_cdp_private_host",
        "browser.extension_relay_legacy_auth",
        "browser.no_sandbox",
        "browser.disable_web_security",
    ],
    run,
};

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let config = model.config();
    if config.is_false("browser.enabled") || config.is_false("plugins.entries.browser.enabled") {
        return;
    }
    remotes(model, out);
    out.extend(no_auth(model));
    // On by default for a while: said only where somebody wrote it, or every install would have it.
    if config.is_true("browser.extensionRelay.allowLegacyAuth") {
        out.push(
            Finding::new("browser.extension_relay_legacy_auth", Severity::Warn, "The browser relay takes the old kind of login")
                .detail("browser.extensionRelay.allowLegacyAuth is true: a token that is sent as it is, and that a page or a log may have seen, still drives the browser.")
                .remedy("Update the extensions, then set it to false.")
                .key("browser.extensionRelay.allowLegacyAuth")
                .fix(Fix::ask("Take only the new login at the browser relay").set("browser.extensionRelay.allowLegacyAuth", false)),
        );
    }
    let args = config.list("browser.extraArgs");
    let names: Vec<&str> = args.iter().map(|arg| arg.trim().split('=').next().unwrap_or_default()).collect();
    if config.is_true("browser.noSandbox") || names.iter().any(|name| NO_SANDBOX.contains(name)) {
        out.push(
            Finding::new("browser.no_sandbox", Severity::Warn, "The browser runs without its own sandbox")
                .detail("browser.noSandbox, or --no-sandbox in browser.extraArgs, is set: a page that breaks the browser has the gateway's user, and agents visit pages that strangers choose.")
                .remedy("Remove it; run the browser as a user that may have a sandbox, or in a container.")
                .key("browser.noSandbox")
                .key("browser.extraArgs"),
        );
    }
    let weak: Vec<&str> = names.into_iter().filter(|name| NO_SECURITY.contains(name)).collect();
    if !weak.is_empty() {
        out.push(
            Finding::new("browser.disable_web_security", Severity::Warn, "The browser does not keep sites apart")
                .detail(format!("browser.extraArgs has {}: a page that an agent visits can read other sites with the owner's logins, or be forged on the way.", weak.join(", ")))
                .remedy("Remove it.")
                .key("browser.extraArgs"),
        );
    }
}

/// The gateway makes a token of its own when nothing is said, so only a mode or a browser that somebody wrote counts.
fn no_auth(model: &Model<'_>) -> Option<Finding> {
    let (config, gateway) = (model.config(), &model.gateway);
    let written = gateway.auth_mode_explicit || config.is_true("browser.enabled");
    if gateway.has_auth || !written {
        return None;
    }
    let finding = Finding::new("browser.control_no_auth", Severity::Critical, "Any local program drives the agent's browser")
        .detail("Browser control is on and the gateway has no credential in force: a program of this machine, or a request forged to loopback, uses the browser with its logins.")
        .remedy("Set a long random token in OPENCLAW_GATEWAY_TOKEN, or turn browser.enabled off.")
        .key("gateway.auth.mode");
    Some(finding)
}

fn remotes(model: &Model<'_>, out: &mut Vec<Finding>) {
    let config = model.config();
    let profiles = KeyPath::dotted("browser.profiles");
    let named = config
        .fields("browser.profiles")
        .filter_map(|(name, profile)| Some((profiles.child(name).child("cdpUrl"), profile.get("cdpUrl")?)));
    let root = config.get("browser.cdpUrl").map(|url| (KeyPath::dotted("browser.cdpUrl"), url));
    for (key, url) in root.into_iter().chain(named) {
        // One that was taken out as a secret is not looked into.
        if config.secret_of(url).is_some() || url.is_null() || url.as_str().is_some_and(|url| url.trim().is_empty()) {
            continue;
        }
        match url.as_str().and_then(endpoint).filter(|remote| SCHEMES.contains(&remote.scheme.as_str())) {
            Some(remote) => remote_of(model, key, &remote, out),
            None => out.push(
                Finding::new(
                    "browser.control_invalid_config",
                    Severity::Warn,
                    "The address of a browser cannot be read",
                )
                .detail(format!("{key} is no http, https, ws or wss address."))
                .remedy("Correct or remove it.")
                .at(Place::Key(key)),
            ),
        }
    }
}

fn remote_of(model: &Model<'_>, key: KeyPath, remote: &Endpoint, out: &mut Vec<Finding>) {
    let config = model.config();
    let allowed = |switch: &str| {
        config.get("browser.ssrfPolicy").and_then(|policy| policy.get(switch)) == Some(&Value::Bool(true))
    };
    let private_allowed = allowed("dangerouslyAllowPrivateNetwork") || allowed("allowPrivateNetwork");
    if remote.reach == Reach::Private && private_allowed {
        out.push(
            Finding::new("browser.remote_cdp_private_host", Severity::Warn, "The browser is on the private network")
                .detail(format!(
                    "{key} is {}: whoever reaches that port drives the browser, and it reaches what that machine does.",
                    remote.shown
                ))
                .remedy("Reach it through a tunnel or a tailnet, and let nobody else reach the port.")
                .at(Place::Key(key.clone())),
        );
    }
    if matches!(remote.scheme.as_str(), "http" | "ws") && remote.reach != Reach::Loopback {
        out.push(
            Finding::new("browser.remote_cdp_http", Severity::Warn, "The browser is driven in plain text")
                .detail(format!(
                    "{key} is {}: whoever is on the way sees the pages and their logins, and can drive the browser.",
                    remote.shown
                ))
                .remedy("Use https or wss, or a tunnel.")
                .at(Place::Key(key)),
        );
    }
}

const SCHEMES: &[&str] = &["http", "https", "ws", "wss"];
const NO_SANDBOX: &[&str] = &["--no-sandbox", "--disable-setuid-sandbox", "--disable-namespace-sandbox"];
const NO_SECURITY: &[&str] = &[
    "--disable-web-security",
    "--disable-site-isolation-trials",
    "--ignore-certificate-errors",
    "--allow-running-insecure-content",
    "--allow-file-access-from-files",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{findings, said, snapshot};

    fn of(browser: Value) -> Vec<String> {
        let auth = json!({"mode": "token", "token": "c1f0a6f2b77e4b0d9a3c5e8d7f6a1b2c4d5e6f70"});
        said(&snapshot(json!({"browser": browser, "gateway": {"auth": auth}})), "browser.")
    }

    #[test]
    fn a_browser_elsewhere_is_looked_at() {
        let private = json!({"ssrfPolicy": {"dangerouslyAllowPrivateNetwork": true}, "profiles": {"r": {"cdpUrl": "http://10.0.0.42:9222"}}});
        assert_eq!(of(private), ["warn browser.remote_cdp_http", "warn browser.remote_cdp_private_host"]);
        assert_eq!(of(json!({"cdpUrl": "ws://browser.example"})), ["warn browser.remote_cdp_http"]);
        assert!(of(json!({"profiles": {"l": {"cdpUrl": "http://127.0.0.1:9222"}, "s": {"cdpUrl": "wss://browser.example"}}})).is_empty());
        for url in [json!("10.0.0.2:9222"), json!(9222), json!({}), json!("ftp://x")] {
            assert_eq!(of(json!({ "cdpUrl": url })), ["warn browser.control_invalid_config"], "{url}");
        }
        assert!(of(json!({"enabled": false, "cdpUrl": "http://10.0.0.2"})).is_empty());
        let install = snapshot(json!({"browser": {"cdpUrl": "http://x:hunter2@browser.example/?token=hunter2"}}));
        assert!(!format!("{:?}", findings(&install, "browser.")).contains("hunter2"));
    }

    #[test]
    fn what_weakens_the_browser_is_named() {
        assert_eq!(of(json!({"extraArgs": [" --no-sandbox "]})), ["warn browser.no_sandbox"]);
        assert_eq!(
            of(json!({"noSandbox": true, "extraArgs": ["--disable-web-security=1"]})),
            ["warn browser.disable_web_security", "warn browser.no_sandbox"]
        );
        assert_eq!(
            of(json!({"extensionRelay": {"allowLegacyAuth": true}})),
            ["warn browser.extension_relay_legacy_auth"]
        );
        assert!(of(json!({"extraArgs": ["--lang=en", 5], "extensionRelay": {}})).is_empty());
    }

    #[test]
    fn a_missing_credential_counts_where_none_is_made() {
        let of = |config: Value| said(&snapshot(config), "browser.");
        assert!(of(json!({})).is_empty());
        assert_eq!(of(json!({"gateway": {"auth": {"mode": "none"}}})), ["critical browser.control_no_auth"]);
        assert_eq!(of(json!({"browser": {"enabled": true}})), ["critical browser.control_no_auth"]);
    }
}
