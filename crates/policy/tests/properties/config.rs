//! Configs: hostile documents are refused and not suffered, and a ratchet that says "no wider" is right.
//!
//! Input: the old `openclaw.json`, a NUL, the new one; without a NUL they are the same. A document that begins with
//! `%` is read as YAML.
#![allow(clippy::disallowed_methods, reason = "puts the documents where the loader reads them")]

use std::path::Path;

use stockade_config::{Documents, Env, Loaded, Paths, load};
use stockade_core::SessionKey;
use stockade_policy::egress::judge_url;
use stockade_policy::ratchet::{compare, weaker, widenings};
use stockade_policy::tools::{Layer, judge_tool, known_tools};
use stockade_policy::{AgentPolicy, Policy, Sender, Tool};
use url::Url;

/// Checks one input.
pub fn holds(data: &[u8]) {
    if data.len() > MAX_DOCUMENTS {
        return;
    }
    let cut = data.iter().position(|byte| *byte == 0);
    let (old, new) = cut.map_or((data, data), |at| (&data[..at], &data[at + 1..]));
    FOLDER.with(|folder| {
        let (Some(old), Some(new)) = (compiled(folder.path(), old), compiled(folder.path(), new)) else { return };
        for config in [&old, &new] {
            assert_eq!(compare(pair(config), pair(config)), [], "a config is another than itself");
            tightening_is_free(config);
        }
        let changes = compare(pair(&old), pair(&new));
        assert_eq!(changes, compare(pair(&old), pair(&new)), "the answer is deterministic");
        let alone = weaker(&old.documents, &new.documents);
        let kept = |key: &str| widenings(&changes).any(|found| found == key || found.starts_with('…'));
        assert!(widenings(&alone).all(kept), "what the documents show is not lost");
        if widenings(&changes).next().is_none() {
            allows_no_more(&old.policy, &new.policy);
        }
    });
}

/// A config that was accepted.
struct Config {
    documents: Documents,
    policy: Policy,
}

const fn pair(config: &Config) -> (&Documents, &Policy) {
    (&config.documents, &config.policy)
}

/// The policy of a document; `None` when it is refused. Loading twice gives the same.
fn compiled(folder: &Path, document: &[u8]) -> Option<Config> {
    let (name, text) = document.strip_prefix(b"%").map_or(("c.json", document), |yaml| ("c.yaml", yaml));
    let config = folder.join(name);
    std::fs::write(&config, text).expect("written");
    let paths = Paths { config, home: Some("/home/op".into()), ..Paths::in_state_dir(folder) };
    let read = || -> Result<Loaded, String> { load(&paths, &Env::default()).map_err(|error| error.to_string()) };
    let (first, second) = (read(), read());
    match (first, second) {
        (Ok(first), Ok(second)) => {
            assert_eq!(first.fingerprint, second.fingerprint, "loading is deterministic");
            let policy = Policy::compile(&first, None).ok()?;
            Some(Config { documents: first.resolved, policy })
        }
        (first, second) => {
            assert_eq!(first.err(), second.err(), "refusing is deterministic");
            None
        }
    }
}

/// One more denial, for each agent, is no widening, and takes the tool away.
fn tightening_is_free(config: &Config) {
    for tool in ["exec", "group:fs", "*"] {
        let mut tighter = config.policy.clone();
        for agent in &mut tighter.agents {
            agent.tool_layers.push(Layer { deny: [tool].into_iter().collect(), ..Layer::default() });
            assert!(tool != "exec" || !allows(agent, &SessionKey::main(&agent.id), tool));
        }
        let changes = compare(pair(config), (&config.documents, &tighter));
        assert_eq!(widenings(&changes).next(), None, "denying {tool} is no widening");
    }
}

/// What the ratchet promises, asked of the judges themselves.
fn allows_no_more(old: &Policy, new: &Policy) {
    for agent in &new.agents {
        let before = old.agent(&agent.id).expect("a new agent is a widening");
        for tool in known_tools() {
            let session = SessionKey::main(&agent.id);
            assert!(!allows(agent, &session, tool) || allows(before, &session, tool), "{tool} is new");
        }
        assert!(agent.exec.allowlist.iter().all(|entry| before.exec.allowlist.contains(entry)));
        assert!(!agent.exec.safe_bins.iter().any(|bin| !before.exec.safe_bins.contains(bin)));
    }
    for address in ["http://127.0.0.1/", "http://127.0.0.1:8080/", "https://example.com/", "http://nas.local/"] {
        let url = Url::parse(address).expect("an address");
        assert!(judge_url(&new.egress, &url).is_err() || judge_url(&old.egress, &url).is_ok(), "{address} is new");
    }
    assert!(new.max_tool_calls <= old.max_tool_calls && new.turn_timeout <= old.turn_timeout);
}

fn allows(agent: &AgentPolicy, session: &SessionKey, tool: &str) -> bool {
    let owner = Sender::owner();
    judge_tool(agent.layers(session, &owner), &owner, &Tool::core(tool)).is_ok()
}

thread_local! {
    static FOLDER: tempfile::TempDir = tempfile::tempdir().expect("a folder");
}

const MAX_DOCUMENTS: usize = 256 << 10;
