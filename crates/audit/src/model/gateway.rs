//! How the gateway can be reached, and what guards it, by OpenClaw's rules. A word that nobody knows is never the safe
//! one: ` LOOPBACK` is not `loopback`, and a number where a word belongs is exposed.

use serde_json::Value;

use crate::snapshot::{ConfigFacts, EnvFacts, SecretFact, SecretSource, Snapshot};

/// How the gateway can be reached, and what guards it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// `gateway.bind`; absent, `loopback`. Another spelling of `loopback` stays as it is written and is not it.
    pub bind: String,
    /// `gateway.tailscale.mode`; absent, `off`.
    pub tailscale: String,
    /// Whether anything beyond this machine can reach it: bound wider than loopback, or through Tailscale.
    pub remote_exposed: bool,
    /// How it authenticates: the config's mode, else `password` when there is one, else `token`.
    pub auth_mode: String,
    /// Whether the mode stands in the config.
    pub auth_mode_explicit: bool,
    /// The token in force: the config's, else the environment's, else the one for a remote gateway. One that is blank
    /// is kept only when there is no other.
    pub token: Option<SecretFact>,
    /// The password in force, likewise; the one for a remote gateway does not count behind a proxy that authenticates.
    pub password: Option<SecretFact>,
    /// Whether the mode in force has what it needs. An unknown mode has nothing.
    pub has_auth: bool,
    /// Whether a Tailscale identity is enough.
    pub allow_tailscale: bool,
    /// Whether the Control UI is served: unless it was turned off.
    pub control_ui: bool,
}

impl Gateway {
    /// Derives it.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        let (config, env) = (&snapshot.config, &snapshot.env);
        let (bind, tailscale) = (word(config, "gateway.bind", LOOPBACK), word(config, "gateway.tailscale.mode", OFF));
        let explicit = written(config, "gateway.auth.mode").then(|| word(config, "gateway.auth.mode", ""));
        let behind_proxy = explicit.as_deref() == Some("trusted-proxy");
        let token = credential(config, env, "token", "OPENCLAW_GATEWAY_TOKEN", true);
        let password = credential(config, env, "password", "OPENCLAW_GATEWAY_PASSWORD", !behind_proxy);
        let (token_counts, password_counts) = (counts(token.as_ref()), counts(password.as_ref()));
        let has_auth = match explicit.as_deref() {
            None => token_counts || password_counts,
            Some("token") => token_counts,
            Some("password") => password_counts,
            Some(other) => other == "trusted-proxy",
        };
        let auth_mode_explicit = explicit.is_some();
        let auth_mode = explicit.unwrap_or_else(|| if password_counts { "password" } else { "token" }.to_owned());
        let allow_tailscale = match config.get("gateway.auth.allowTailscale").and_then(Value::as_bool) {
            Some(set) => set,
            None => tailscale == "serve" && !matches!(auth_mode.as_str(), "password" | "trusted-proxy"),
        };
        let remote_exposed = bind != LOOPBACK || tailscale != OFF;
        let control_ui = !config.is_false("gateway.controlUi.enabled");
        Self {
            bind,
            tailscale,
            remote_exposed,
            auth_mode,
            auth_mode_explicit,
            token,
            password,
            has_auth,
            allow_tailscale,
            control_ui,
        }
    }

    /// Whether it listens on more than loopback.
    #[must_use]
    pub fn beyond_loopback(&self) -> bool {
        self.bind != LOOPBACK
    }

    /// Whether what the mode in force needs is known to be there. A reference to a variable that is not set is a
    /// credential that nobody can show: OpenClaw counts it as one, and as missing over HTTP.
    #[must_use]
    pub fn can_be_shown(&self) -> bool {
        let fact = match self.auth_mode.as_str() {
            "token" => self.token.as_ref(),
            "password" => self.password.as_ref(),
            _ => return self.has_auth,
        };
        let unset = |fact: &SecretFact| {
            matches!(&fact.source, SecretSource::Reference(from, _) if from == "env") && !fact.has_value()
        };
        self.has_auth && !fact.is_some_and(unset)
    }

    /// Whether a proxy's word is enough to get in.
    #[must_use]
    pub fn behind_proxy(&self) -> bool {
        self.auth_mode == "trusted-proxy"
    }
}

/// Whether a key has a value: `null` is none.
fn written(config: &ConfigFacts, key: &str) -> bool {
    config.get(key).is_some_and(|value| !value.is_null())
}

/// The word at a key, without case and surrounding space; but only the default's own spelling is the default.
fn word(config: &ConfigFacts, key: &str, default: &str) -> String {
    match config.get(key) {
        None | Some(Value::Null) => default.to_owned(),
        Some(Value::String(text)) => {
            let plain = text.trim().to_lowercase();
            if plain == default && text != default { text.clone() } else { plain }
        }
        Some(_) => "(not a word)".to_owned(),
    }
}

/// The credential in force. A reference counts as one though its value is not known; a `${NAME}` of which nothing is
/// known does not.
fn credential(config: &ConfigFacts, env: &EnvFacts, name: &str, variable: &str, remote: bool) -> Option<SecretFact> {
    let known = |fact: &&SecretFact| !matches!(fact.source, SecretSource::MissingVariable(_));
    let local = config.secret(&format!("gateway.auth.{name}")).filter(known);
    let away = config.secret(&format!("gateway.remote.{name}")).filter(known).filter(|_| remote);
    let all = [local, env.secrets.get(variable), away];
    let in_force = all.into_iter().flatten().find(|fact| counts(Some(fact)));
    in_force.or(local).cloned()
}

/// Whether there is something to ask for.
fn counts(fact: Option<&SecretFact>) -> bool {
    fact.is_some_and(|fact| fact.has_value() || matches!(fact.source, SecretSource::Reference(..)))
}

const LOOPBACK: &str = "loopback";
const OFF: &str = "off";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::snapshot_with;

    const LONG: &str = "c1f0a6f2b77e4b0d9a3c5e8d7f6a1b2c4d5e6f70";

    fn gateway(value: Value, env: &[(&str, &str)]) -> Gateway {
        Gateway::of(&snapshot_with(json!({ "gateway": value }), env))
    }

    #[test]
    fn an_empty_install_is_near_and_has_no_credential() {
        let empty = gateway(json!({}), &[]);
        assert_eq!(
            (empty.bind.as_str(), empty.tailscale.as_str(), empty.auth_mode.as_str()),
            ("loopback", "off", "token")
        );
        assert!(!empty.has_auth && !empty.remote_exposed && !empty.auth_mode_explicit && empty.control_ui);
    }

    #[test]
    fn a_credential_comes_from_the_config_then_the_environment_then_the_remote_one() {
        let token = |value, env: &[(&str, &str)]| gateway(value, env).token.map(|fact| fact.characters);
        let env = [("OPENCLAW_GATEWAY_TOKEN", "12345")];
        assert_eq!(token(json!({"auth": {"token": "123"}, "remote": {"token": "1234"}}), &env), Some(3));
        assert_eq!(token(json!({"remote": {"token": "1234"}}), &env), Some(5));
        assert_eq!(token(json!({"remote": {"token": "1234"}}), &[]), Some(4));
        assert_eq!(token(json!({"auth": {"token": "  "}}), &env), Some(5), "a blank one does not hide the next");
        assert_eq!(token(json!({"auth": {"token": "  "}}), &[]), Some(0));
        assert_eq!(token(json!({"auth": {"token": "${NOBODY_SET_IT}"}}), &env), Some(5));
        assert_eq!(token(json!({"auth": {"token": "${NOBODY_SET_IT}"}}), &[]), None);
    }

    #[test]
    fn the_mode_decides_which_credential_counts() {
        let has = |auth: Value| gateway(json!({ "auth": auth }), &[]).has_auth;
        let reference = json!({"source": "exec", "provider": "vault", "id": "gw"});
        assert!(has(json!({"token": LONG})) && has(json!({"password": LONG})) && has(json!({"token": reference})));
        assert!(has(json!({"mode": "token", "token": LONG})) && !has(json!({"mode": "token", "password": LONG})));
        assert!(has(json!({"mode": "password", "password": LONG})) && !has(json!({"mode": "password", "token": LONG})));
        assert!(!has(json!({"mode": "none", "token": LONG})) && has(json!({"mode": "trusted-proxy"})));
        assert!(!has(json!({"mode": "whatever", "token": LONG})) && !has(json!({"mode": 7, "token": LONG})));
        assert!(!has(json!({"token": ""})) && !has(json!({"token": 5})));
        assert_eq!(gateway(json!({"auth": {"password": LONG, "token": LONG}}), &[]).auth_mode, "password");
        let proxied = json!({"auth": {"mode": "trusted-proxy"}, "remote": {"password": LONG}});
        assert_eq!(gateway(proxied, &[]).password, None);
    }

    #[test]
    fn a_reference_to_a_variable_that_is_not_set_cannot_be_shown() {
        let reference = |from: &str| json!({"auth": {"token": {"source": from, "provider": "default", "id": "T"}}});
        let of = |from, env: &[(&str, &str)]| {
            let gateway = gateway(reference(from), env);
            (gateway.has_auth, gateway.can_be_shown(), gateway.token.map(|fact| fact.characters))
        };
        assert_eq!(of("env", &[]), (true, false, Some(0)));
        assert_eq!(of("env", &[("T", "12345")]), (true, true, Some(5)));
        assert_eq!(of("exec", &[("T", "12345")]), (true, true, Some(0)), "no program is asked");
    }

    #[test]
    fn a_tailscale_identity_is_enough_only_behind_serve_and_without_a_password() {
        let allowed = |value| gateway(value, &[]).allow_tailscale;
        assert!(allowed(json!({"tailscale": {"mode": "serve"}})));
        assert!(!allowed(json!({"tailscale": {"mode": "serve"}, "auth": {"password": LONG}})));
        assert!(!allowed(json!({"tailscale": {"mode": "serve"}, "auth": {"mode": "trusted-proxy"}})));
        assert!(!allowed(json!({"tailscale": {"mode": "funnel"}})));
        assert!(allowed(json!({"auth": {"allowTailscale": true, "password": LONG}})));
        assert!(!allowed(json!({"tailscale": {"mode": "serve"}, "auth": {"allowTailscale": false}})));
    }

    #[test]
    fn what_is_no_known_safe_word_is_exposed() {
        for bind in
            [json!("LAN"), json!("LOOPBACK"), json!(" loopback"), json!("everywhere"), json!(1), json!([]), json!({})]
        {
            assert!(gateway(json!({ "bind": bind }), &[]).remote_exposed, "{bind}");
        }
        for mode in [json!(" Funnel "), json!("Off"), json!(true), json!("public")] {
            assert!(gateway(json!({"tailscale": {"mode": mode}}), &[]).remote_exposed, "{mode}");
        }
        assert_eq!(gateway(json!({"tailscale": {"mode": " Funnel "}}), &[]).tailscale, "funnel");
        assert!(!gateway(json!({"bind": null}), &[]).remote_exposed);
    }
}
