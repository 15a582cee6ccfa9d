//! Ways into the running gateway that must not lead in.

use crate::checks::Check;
use crate::finding::{Finding, Severity};
use crate::model::Model;
use crate::snapshot::live::{Attempt, GatewayFacts, Outcome, Way};

pub(super) const CHECK: Check = Check {
    ids: &[
        "probe.no_auth_needed",
        "probe.wrong_token_accepted",
        "probe.forged_forwarding_accepted",
        "probe.foreign_origin_accepted",
        "probe.foreign_host_accepted",
        "probe.http_without_auth",
    ],
    run,
};

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let Some(live) = &model.snapshot.live else { return };
    let gateway = &live.gateway;
    let open = gateway.admitted(&Way::Anonymous);
    let who = if model.gateway.remote_exposed {
        "Everyone who reaches its port"
    } else {
        "Every program and user of this machine"
    };
    if open {
        out.push(
            Finding::new("probe.no_auth_needed", Severity::Critical, "The running gateway lets in whoever connects")
                .detail(format!("{} answered a connection without any secret. {who} is its operator.", gateway.url))
                .remedy(
                    "Set gateway.auth.mode to \"token\" and gateway.auth.token to a long random value, and restart it.",
                )
                .key("gateway.auth.mode"),
        );
    }
    if gateway.admitted(&Way::WrongSecret) {
        out.push(
            Finding::new(
                "probe.wrong_token_accepted",
                Severity::Critical,
                "The running gateway takes any secret for the right one",
            )
            .detail(format!(
                "{} let in a random secret that was made up for this test. {who} is its operator.",
                gateway.url
            ))
            .remedy("Stop it. Find out what is running there, and replace it.")
            .key("gateway.auth.token"),
        );
    }
    forged(gateway, out);
    from_pages(gateway, open, out);
    over_http(gateway, who, out);
}

fn forged(gateway: &GatewayFacts, out: &mut Vec<Finding>) {
    let mut got: Vec<&str> = Vec::new();
    if gateway.admitted(&Way::ForgedAnonymous) {
        got.push("a connection without a secret was let in");
    }
    if gateway
        .attempts
        .iter()
        .any(|attempt| matches!(attempt, Attempt { way: Way::ForgedHttp(_), outcome: Outcome::Admitted(_) }))
    {
        got.push("a request without a secret was let in");
    }
    if let (Some(Outcome::Admitted(honest)), Some(Outcome::Admitted(forged))) =
        (gateway.outcome(&Way::Secret), gateway.outcome(&Way::ForgedSecret))
        && forged.iter().any(|scope| !honest.contains(scope))
    {
        got.push("a connection with the secret was given more than without the forged headers");
    }
    if got.is_empty() {
        return;
    }
    out.push(
        Finding::new("probe.forged_forwarding_accepted", Severity::Critical, "The running gateway believes forged forwarding headers")
            .detail(format!(
                "With X-Forwarded-For, X-Real-IP and Forwarded set to 127.0.0.1 by the caller, {}. Whoever reaches it, or a proxy \
                 before it, can claim to be on this machine or to be somebody else.",
                got.join("; ")
            ))
            .remedy("Take loopback and wide networks out of gateway.trustedProxies, and turn gateway.auth.trustedProxy.allowLoopback off.")
            .key("gateway.trustedProxies"),
    );
}

/// A browser of the operator visits a page; what can that page do?
fn from_pages(gateway: &GatewayFacts, open: bool, out: &mut Vec<Finding>) {
    let severity = if open { Severity::Critical } else { Severity::Warn };
    let http = |pick: fn(&Way) -> Option<&str>| -> Option<&str> {
        let admitted = gateway.attempts.iter().filter(|attempt| matches!(attempt.outcome, Outcome::Admitted(_)));
        admitted.filter_map(|attempt| pick(&attempt.way)).next()
    };
    let origin_http = http(|way| if let Way::ForeignOriginHttp(path) = way { Some(path) } else { None });
    let host_http = http(|way| if let Way::ForeignHostHttp(path) = way { Some(path) } else { None });
    let how = |path: Option<&str>| match path {
        Some(path) => format!("A request to {path} without a secret"),
        None if open => "A WebSocket without a secret".to_owned(),
        None => "A WebSocket with the secret".to_owned(),
    };
    let worst = |path: Option<&str>| if path.is_some() { Severity::Critical } else { severity };
    if origin_http.is_some() || gateway.admitted(&Way::ForeignOrigin) {
        out.push(
            Finding::new("probe.foreign_origin_accepted", worst(origin_http), "The running gateway takes connections from any web page")
                .detail(format!(
                    "{} was let in with the Origin https://evil.example. {}",
                    how(origin_http),
                    if worst(origin_http) == Severity::Critical {
                        "Any page that is opened in a browser on this machine can command the agents."
                    } else {
                        "A page in the operator's browser can guess at the secret or use one that it got hold of, from inside the network."
                    }
                ))
                .remedy("List the origins that may connect in gateway.controlUi.allowedOrigins, and require a secret.")
                .key("gateway.controlUi.allowedOrigins"),
        );
    }
    if host_http.is_some() || gateway.admitted(&Way::ForeignHost) {
        out.push(
            Finding::new("probe.foreign_host_accepted", worst(host_http), "The running gateway answers to names that are not its own")
                .detail(format!(
                    "{} was let in with the Host evil.example. A page whose name is made to point at this machine (DNS rebinding) \
                     speaks to the gateway as if it were its own.",
                    how(host_http)
                ))
                .remedy("Turn gateway.controlUi.dangerouslyAllowHostHeaderOriginFallback off, and require a secret.")
                .key("gateway.controlUi.dangerouslyAllowHostHeaderOriginFallback"),
        );
    }
}

fn over_http(gateway: &GatewayFacts, who: &str, out: &mut Vec<Finding>) {
    let admitted = gateway.attempts.iter().filter(|attempt| matches!(attempt.outcome, Outcome::Admitted(_)));
    let paths: Vec<&str> = admitted
        .filter_map(|attempt| match &attempt.way {
            Way::Http(path) => Some(path.as_str()),
            _ => None,
        })
        .collect();
    if paths.is_empty() {
        return;
    }
    out.push(
        Finding::new(
            "probe.http_without_auth",
            Severity::Critical,
            "The running gateway serves its HTTP interfaces without a secret",
        )
        .detail(format!(
            "{} took requests without a secret. {who} can use the tools and the models behind them.",
            paths.join(", ")
        ))
        .remedy("Set gateway.auth.mode to \"token\" and a long random gateway.auth.token, and restart it.")
        .key("gateway.auth.mode"),
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::snapshot::Live;
    use crate::testing::{findings, said, snapshot};

    fn of(attempts: &[(Way, Outcome)]) -> Vec<String> {
        let mut install = snapshot(json!({}));
        let mut live = Live::default();
        live.gateway.attempts =
            attempts.iter().map(|(way, outcome)| Attempt { way: way.clone(), outcome: outcome.clone() }).collect();
        install.live = Some(live);
        said(&install, "probe.")
    }

    fn scopes(scopes: &[&str]) -> Outcome {
        Outcome::Admitted(scopes.iter().map(|scope| (*scope).to_owned()).collect())
    }

    #[test]
    fn a_door_that_holds_is_silent() {
        let refused = || Outcome::Refused("AUTH_TOKEN_MISMATCH".into());
        let path = || "/tools/invoke".to_owned();
        let shut = [
            (Way::Secret, scopes(&["operator.read"])),
            (Way::Anonymous, refused()),
            (Way::WrongSecret, Outcome::Unclear("timed out".into())),
            (Way::ForgedAnonymous, refused()),
            (Way::ForgedSecret, scopes(&[])),
            (Way::ForeignOrigin, refused()),
            (Way::ForeignHost, refused()),
            (Way::Http(path()), Outcome::Refused("401".into())),
            (Way::ForgedHttp(path()), Outcome::Refused("403".into())),
        ];
        assert!(of(&shut).is_empty());
    }

    #[test]
    fn each_way_in_is_said() {
        assert_eq!(of(&[(Way::Anonymous, scopes(&[]))]), ["critical probe.no_auth_needed"]);
        assert_eq!(of(&[(Way::WrongSecret, scopes(&[]))]), ["critical probe.wrong_token_accepted"]);
        let forged = ["critical probe.forged_forwarding_accepted"];
        assert_eq!(of(&[(Way::ForgedAnonymous, scopes(&[]))]), forged);
        assert_eq!(of(&[(Way::ForgedHttp("/v1/responses".into()), scopes(&[]))]), forged);
        assert_eq!(of(&[(Way::Secret, scopes(&["a"])), (Way::ForgedSecret, scopes(&["a", "b"]))]), forged);
        assert_eq!(of(&[(Way::Http("/v1/responses".into()), scopes(&[]))]), ["critical probe.http_without_auth"]);
    }

    #[test]
    fn a_page_is_worse_where_it_needs_no_secret() {
        assert_eq!(of(&[(Way::ForeignOrigin, scopes(&[]))]), ["warn probe.foreign_origin_accepted"]);
        assert_eq!(of(&[(Way::ForeignHost, scopes(&[]))]), ["warn probe.foreign_host_accepted"]);
        let open = (Way::Anonymous, scopes(&[]));
        let said = of(&[open, (Way::ForeignOrigin, scopes(&[])), (Way::ForeignHost, scopes(&[]))]);
        assert!(said.contains(&"critical probe.foreign_origin_accepted".to_owned()), "{said:?}");
        assert!(said.contains(&"critical probe.foreign_host_accepted".to_owned()), "{said:?}");
        let path = || "/tools/invoke".to_owned();
        assert_eq!(of(&[(Way::ForeignOriginHttp(path()), scopes(&[]))]), ["critical probe.foreign_origin_accepted"]);
        assert_eq!(of(&[(Way::ForeignHostHttp(path()), scopes(&[]))]), ["critical probe.foreign_host_accepted"]);
    }

    #[test]
    fn who_gets_in_depends_on_who_reaches_the_port() {
        let mut install = snapshot(json!({"gateway": {"bind": "lan"}}));
        let mut live = Live::default();
        live.gateway.attempts = vec![Attempt { way: Way::Anonymous, outcome: scopes(&[]) }];
        install.live = Some(live);
        assert!(findings(&install, "probe.")[0].detail.contains("Everyone who reaches its port"));
    }
}
