//! Who shares a session with whom. The attack: two senders have one conversation, and each can ask what the other said.

mod route;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::direct::admitted;
use crate::checks::Check;
use crate::finding::{Finding, Fix, Place, Severity};
use crate::model::Model;
use crate::model::channels::{Account, word};
use crate::snapshot::Generation;
use route::{Route, Routes};

pub(super) const CHECK: Check = Check {
    ids: &[
        "channels.dm.session_collision.<accounts>.<n>",
        "channels.<channel>.routing.owner_missing.<account>",
        "channels.<channel>.dm.wildcard_routing_unverified.<account>",
        "channels.<channel>.dm.scope_main_multiuser",
    ],
    run,
};

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let accounts = model.channels.live().filter(|account| account.kind.direct && account.dm_policy() != "disabled");
    if model.snapshot.install.generation == Generation::February {
        let scope = model.config().text("session.dmScope").unwrap_or("main");
        out.extend(accounts.filter(|account| scope == "main" && is_shared(account)).map(scope_main));
        return;
    }
    let routes = Routes::of(model);
    let mut sessions = Sessions::default();
    for account in accounts {
        let everyone = has_everyone(account);
        let mut senders = admitted(account);
        if everyone {
            senders.extend(routes.bound_peers(account));
            senders.sort();
            senders.dedup();
        }
        let targets = senders.iter().map(|sender| Some(sender.as_str())).chain(everyone.then_some(None));
        let mut owned = true;
        for sender in targets {
            match routes.resolve(account, sender.unwrap_or_default()) {
                Some(route) => sessions.add(account, &route, sender, &routes),
                None => owned = false,
            }
        }
        if !owned {
            out.push(owner_missing(account));
        }
        if everyone && !account.kind.is_known() {
            out.push(unverified(account));
        }
    }
    out.extend(sessions.collisions(model));
}

fn has_everyone(account: &Account<'_>) -> bool {
    account.allow_from().iter().any(|entry| entry == "*")
}

fn is_shared(account: &Account<'_>) -> bool {
    has_everyone(account) || admitted(account).len() > 1
}

/// Which senders end up in which session.
#[derive(Debug, Default)]
struct Sessions {
    buckets: BTreeMap<Bucket, Vec<Member>>,
}

/// A session, or all the sessions of one form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Bucket {
    agent: String,
    session: Session,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Session {
    One(String),
    /// Whatever a stranger who is not known yet would get, by what their session is named after.
    AnyOf(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    account: String,
    /// Who it is; one person by a link between channels.
    person: String,
    /// What a stranger's session would be named after.
    stranger: Option<&'static str>,
}

impl Sessions {
    fn add(&mut self, account: &Account<'_>, route: &Route, sender: Option<&str>, routes: &Routes<'_>) {
        let name = format!("{}-{}", word(account.channel), word(account.id));
        let mut put = |session: Session, person: String, stranger: Option<&'static str>| {
            let bucket = Bucket { agent: route.agent.clone(), session };
            self.buckets.entry(bucket).or_default().push(Member { account: name.clone(), person, stranger });
        };
        let by_channel = format!("channel:{}", account.channel);
        let Some(sender) = sender else {
            let person = format!("stranger of {name}");
            match route.scope.as_str() {
                "per-peer" => put(Session::AnyOf("peer".into()), person, Some("per-peer")),
                "per-channel-peer" => {
                    put(Session::AnyOf(by_channel), person.clone(), Some("per-channel-peer"));
                    put(Session::AnyOf("peer".into()), person, Some("per-channel-peer"));
                }
                "per-account-channel-peer" => {}
                // Two strangers are enough to share.
                _ => (1..=2).for_each(|n| put(Session::One(route.main.clone()), format!("{person} {n}"), None)),
            }
            return;
        };
        let linked = routes.linked(account.channel, sender);
        let peer = linked.clone().filter(|_| route.scope != "main").unwrap_or_else(|| sender.to_lowercase());
        let person = linked.map_or_else(
            || format!("{}:{}:{}", account.channel, account.id, sender.to_lowercase()),
            |name| format!("linked:{name}"),
        );
        let session = match route.scope.as_str() {
            _ if routes.global => route.main.clone(),
            "per-peer" => format!("direct:{peer}"),
            "per-channel-peer" => format!("{}:direct:{peer}", account.channel),
            "per-account-channel-peer" => format!("{}:{}:direct:{peer}", account.channel, account.id),
            _ => route.main.clone(),
        };
        if session != route.main {
            put(Session::AnyOf("peer".into()), person.clone(), None);
            if route.scope != "per-peer" {
                put(Session::AnyOf(by_channel), person.clone(), None);
            }
        }
        put(Session::One(session), person, None);
    }

    /// The sessions that several share. What is true of any sender's session says nothing more of one channel's.
    fn collisions(&self, model: &Model<'_>) -> Vec<Finding> {
        let persons = |members: &[Member]| members.iter().map(|member| member.person.clone()).collect::<BTreeSet<_>>();
        let shared = || self.buckets.iter().filter(|(_, members)| persons(members).len() > 1);
        let has = |members: &[Member], form: &str| members.iter().any(|member| member.stranger == Some(form));
        let broad: BTreeSet<_> = shared()
            .filter(|(bucket, members)| bucket.session == Session::AnyOf("peer".into()) && has(members, "per-peer"))
            .map(|(bucket, _)| bucket.agent.as_str())
            .collect();
        let told = shared().filter(|(bucket, members)| match &bucket.session {
            Session::One(_) => true,
            Session::AnyOf(form) if form == "peer" => has(members, "per-peer"),
            Session::AnyOf(_) => !broad.contains(bucket.agent.as_str()) && has(members, "per-channel-peer"),
        });
        told.enumerate()
            .map(|(index, (bucket, members))| collision(model, index + 1, bucket, members, persons(members).len()))
            .collect()
    }
}

fn collision(model: &Model<'_>, number: usize, bucket: &Bucket, members: &[Member], persons: usize) -> Finding {
    let accounts: BTreeSet<_> = members.iter().map(|member| member.account.as_str()).collect();
    let accounts: Vec<_> = accounts.into_iter().collect();
    let global = model.config().text("session.scope") == Some("global");
    let certain = matches!(bucket.session, Session::One(_));
    let finding = Finding::new(
        format!("channels.dm.session_collision.{}.{number}", accounts.join("_")),
        Severity::Warn,
        if certain { "Senders share a session" } else { "Senders may share a session" },
    )
    .detail(format!(
        "{persons} admitted senders of {} {} one session of agent {}{}. Each can have the agent tell what the others \
         wrote and what it did for them.",
        accounts.join(", "),
        if certain { "have" } else { "can come to have" },
        bucket.agent,
        if global { ", because session.scope is \"global\"" } else { "" }
    ))
    .remedy("Set session.dmScope to \"per-channel-peer\", or \"per-account-channel-peer\" with several accounts.")
    .key("session.dmScope");
    if global {
        return finding.key("session.scope");
    }
    let to = if accounts.len() > 1 { "per-account-channel-peer" } else { "per-channel-peer" };
    finding.fix(Fix::ask("give every sender a session of their own").set("session.dmScope", to))
}

fn owner_missing(account: &Account<'_>) -> Finding {
    let what = format!("routing.owner_missing.{}", word(account.id));
    Finding::new(account.check_id(&what), Severity::Warn, "No agent is named for a channel's messages")
        .detail(format!(
            "{}: agents.ownership is \"explicit\", there are several agents, and no binding says which of them answers. \
             Messages wait for whoever adds one, perhaps for the agent with the most rights.",
            account.label()
        ))
        .remedy("Add a binding with this channel and account, and the agent that is meant.")
        .at(Place::Key(account.root_key()))
        .key("bindings")
}

fn unverified(account: &Account<'_>) -> Finding {
    let what = format!("dm.wildcard_routing_unverified.{}", word(account.id));
    Finding::new(account.check_id(&what), Severity::Warn, "How a channel keeps strangers apart is not known")
        .detail(format!(
            "{}: everyone is admitted, and the channel is of a plugin that is not known here; it may route two strangers \
             to one session.",
            stockade_core::text::single_line(&account.label())
        ))
        .remedy("Name the senders, or look at how the plugin routes them.")
        .at(Place::Key(account.allow_from_key()))
}

fn scope_main(account: &Account<'_>) -> Finding {
    Finding::new(account.check_id("dm.scope_main_multiuser"), Severity::Warn, "Senders share the main session")
        .detail(format!(
            "{}: more than one sender is admitted, and session.dmScope is \"main\": all of them write into one session. \
             Each can have the agent tell what the others wrote.",
            account.label()
        ))
        .remedy("Set session.dmScope to \"per-channel-peer\".")
        .key("session.dmScope")
        .fix(Fix::ask("give every sender a session of their own").set("session.dmScope", Value::from("per-channel-peer")))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::snapshot::{Generation, Paired};
    use crate::testing::{said, snapshot};

    fn sessions(config: Value) -> Vec<String> {
        said(&snapshot(config), "channels.")
            .into_iter()
            .filter(|id| id.contains("collision") || id.contains("routing"))
            .collect()
    }
    #[test]
    fn two_who_are_admitted_share_the_main_session_and_one_does_not() {
        let config =
            |list: Value, session: Value| json!({"channels": {"telegram": {"allowFrom": list}}, "session": session});
        let shared = ["warn channels.dm.session_collision.telegram-default.1"];
        assert_eq!(sessions(config(json!([7, "8"]), json!({}))), shared);
        assert_eq!(sessions(config(json!(["*"]), json!({}))), shared);
        assert!(sessions(config(json!([7, "tg:7", " 7 "]), json!({}))).is_empty());
        assert!(sessions(config(json!([7, 8]), json!({"dmScope": "per-channel-peer"}))).is_empty());
        assert!(sessions(config(json!([7, 8]), json!({"identityLinks": {"me": [7, "telegram:8"]}}))).is_empty());
        assert_eq!(sessions(config(json!([7, 8]), json!({"dmScope": "per-channel-peer", "scope": "global"}))), shared);
    }

    #[test]
    fn who_was_paired_counts_and_two_accounts_may_meet() {
        let mut found = snapshot(json!({"channels": {"telegram": {"allowFrom": [7]}}}));
        found.paired = vec![Paired { channel: "telegram".into(), entries: vec!["9".into()], ..Paired::default() }];
        assert_eq!(said(&found, "channels.dm.").len(), 1);
        let two = json!({"telegram": {"allowFrom": ["7"]}, "signal": {"allowFrom": ["7"]}});
        assert_eq!(
            sessions(json!({"channels": two, "session": {"dmScope": "per-peer"}})),
            ["warn channels.dm.session_collision.signal-default_telegram-default.1"]
        );
        let star = json!({"telegram": {"allowFrom": ["*"]}, "signal": {"allowFrom": ["7"]}});
        assert_eq!(
            sessions(json!({"channels": star, "session": {"dmScope": "per-peer"}})),
            ["warn channels.dm.session_collision.signal-default_telegram-default.1"]
        );
    }

    #[test]
    fn bindings_route_senders_to_agents_and_scopes() {
        let agents = json!({"ownership": "explicit", "entries": {"a": {}, "b": {}}});
        let config = |bindings: Value| json!({"agents": agents.clone(), "bindings": bindings, "channels": {"telegram": {"allowFrom": [7, 8]}}});
        assert_eq!(sessions(config(json!([]))), ["warn channels.telegram.routing.owner_missing.default"]);
        let all = json!({"agentId": "a", "match": {"channel": "telegram", "accountId": "*"}});
        assert_eq!(sessions(config(json!([all]))).len(), 1);
        let one = json!({"agentId": "b", "match": {"channel": "Telegram", "peer": {"kind": "direct", "id": "8"}}});
        assert!(sessions(config(json!([all, one]))).is_empty());
        let scoped =
            json!({"agentId": "a", "match": {"channel": "telegram"}, "session": {"dmScope": "per-channel-peer"}});
        assert!(sessions(config(json!([scoped]))).is_empty());
    }

    #[test]
    fn february_says_it_of_the_channel() {
        let mut found =
            snapshot(json!({"channels": {"telegram": {"dm": {"allowFrom": [7, 8]}}, "signal": {"allowFrom": ["+1"]}}}));
        found.install.generation = Generation::February;
        assert_eq!(said(&found, "channels."), ["warn channels.telegram.dm.scope_main_multiuser"]);
    }
}
