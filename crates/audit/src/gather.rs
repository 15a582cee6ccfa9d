//! Looks at the host, once, and makes a [`Snapshot`]. The only part that reads files. It opens nothing for writing,
//! follows no link out of what it was pointed at, starts no program, and goes on when one thing is broken.

pub mod approvals;
pub mod binds;
pub mod config;
pub mod database;
mod files;
pub mod leaks;
pub mod paired;
pub mod plugins;
pub mod regular;
pub mod skills;
mod survey;
pub mod tree;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use serde_json::{Map, Value, json};
use stockade_config::survey::Survey;
use stockade_config::{Env, KeyPath, Paths};
use stockade_core::secret::NoRandomness;
use stockade_core::{Clock as _, SystemClock};

use crate::finding::Finding;
use crate::gather::config::Redaction;
use crate::model::Model;
use crate::model::generation::generation;
use crate::report::Sources;
use crate::snapshot::config::SECRET;
use crate::snapshot::{Install, Problem, ProblemKind, SecretSource, Snapshot, Trouble, VERSION};

/// What a look at the host gives.
pub struct Gathered {
    /// The facts.
    pub snapshot: Snapshot,
    /// Lines of the config, masked, for reports.
    pub sources: Sources,
    /// The config as it stands in its files, for edits. Holds its secrets.
    pub survey: Survey,
    env: Env,
    redaction: Redaction,
}

/// How far the look has come, for whoever waits.
#[derive(Debug, Default)]
pub struct Progress {
    /// Files that were looked at.
    pub files: AtomicU64,
    /// Bytes that were handed on to be searched for secrets.
    pub bytes: AtomicU64,
}

/// Looks at an install.
///
/// # Errors
/// When the system has no randomness to give; everything else is a part of what was found.
pub fn snapshot(paths: &Paths, env: &Env, progress: &Progress) -> Result<Gathered, NoRandomness> {
    let redaction = Redaction::new()?;
    let mut troubles = Vec::new();
    let openclaw = Survey::read(&paths.config, env);
    let own = Survey::read_own(&paths.own_config, env);
    let env = stockade_config::environment_of(paths, env, &openclaw.value).unwrap_or_else(|(env, error)| {
        troubles.push(Trouble { path: shown(&paths.state.join(".env")), what: error.to_string() });
        env
    });
    let mut sources = Sources::default();
    let config = survey::facts(&openclaw, &redaction, &env, &mut sources);
    let own = own.present.then(|| survey::facts(&own, &redaction, &env, &mut sources));

    let (database, wrong) = database::state(&paths.state);
    troubles.extend(wrong);
    let install = Install {
        home: paths.home.as_deref().map(shown),
        state: shown(&paths.state),
        config: shown(&paths.config),
        uid: rustix::process::geteuid().as_raw(),
        generation: generation(&config.value, database.is_some()),
    };
    let (approvals, wrong) = approvals::approvals(&paths.state, database.as_ref());
    troubles.extend(wrong);
    let credentials = env.get("OPENCLAW_OAUTH_DIR").map_or_else(|| paths.state.join("credentials"), PathBuf::from);
    let (paired, wrong) = paired::paired(&credentials, database.as_ref());
    troubles.extend(wrong);
    let (plugins, wrong) = plugins::plugins(&paths.state);
    troubles.extend(wrong);
    let (installs, wrong) = plugins::installs(&paths.state, paths.home.as_deref(), &openclaw.value, database.as_ref());
    troubles.extend(wrong);
    let (mut databases, wrong) = database::agents(&paths.state);
    troubles.extend(wrong);
    databases.extend(database.as_ref().map(database::Reader::facts));

    let mut snapshot = Snapshot {
        version: VERSION,
        taken: SystemClock.now().0.unsigned_abs(),
        env: redaction.environment(&env),
        install,
        config,
        own,
        approvals,
        paired,
        databases,
        plugins,
        installs,
        ..Snapshot::default()
    };
    let workspaces = files::workspaces(&snapshot);
    snapshot.skills = skills::skills(&paths.state, &workspaces);
    snapshot.links = binds::links(&snapshot);
    let known = files::gateway_secrets(&openclaw.value, &env);
    troubles.extend(files::look(&mut snapshot, &redaction, &known, progress));
    troubles.sort_by(|left, right| (&left.path, &left.what).cmp(&(&right.path, &right.what)));
    troubles.dedup();
    snapshot.troubles = troubles;
    Ok(Gathered { snapshot, sources, survey: openclaw, env, redaction })
}

impl Gathered {
    /// What an audit would say after a fix: [`crate::fix::Auditor`].
    #[must_use]
    pub fn audit_planned(&self, config: &Value, modes: &[(&str, u32)]) -> Vec<Finding> {
        crate::checks::run(&Model::of(&self.planned(config, modes)))
    }

    /// The same install with another config, as it would be written, and other permission bits: what an audit would
    /// look at after a fix. Nothing is read again.
    #[must_use]
    pub fn planned(&self, config: &Value, modes: &[(&str, u32)]) -> Snapshot {
        let mut snapshot = self.snapshot.clone();
        let redacted = self.redaction.redact(config.clone(), &self.env);
        (snapshot.config.value, snapshot.config.secrets) = (redacted.value, redacted.secrets);
        let present = |key: &KeyPath| snapshot.config.at(key).is_some();
        let gone = |problem: &Problem| {
            matches!(problem.kind, ProblemKind::RetiredKey | ProblemKind::UnknownKey)
                && problem.key.as_ref().is_some_and(|key| !present(key))
        };
        snapshot.config.problems = snapshot.config.problems.iter().filter(|problem| !gone(problem)).cloned().collect();
        for entry in &mut snapshot.tree.entries {
            if let Some((_, mode)) = modes.iter().find(|(path, _)| *path == entry.path) {
                entry.mode = *mode;
            }
        }
        for file in &mut snapshot.config.files {
            if let Some((_, mode)) = modes.iter().find(|(path, _)| *path == file.path) {
                file.mode = *mode;
            }
        }
        snapshot
    }
}

/// Takes the gateway's authentication to be another than the config says: `mode`, and for a token or a password its
/// key and the secret.
///
/// # Errors
/// When the system has no randomness to give.
pub fn override_auth(snapshot: &mut Snapshot, mode: &str, secret: Option<(&str, &str)>) -> Result<(), NoRandomness> {
    let config = &mut snapshot.config;
    let mut node = &mut config.value;
    for part in ["gateway", "auth"] {
        if !node.is_object() {
            *node = Value::Object(Map::new());
        }
        let Some(fields) = node.as_object_mut() else { return Ok(()) };
        node = fields.entry(part).or_insert_with(|| Value::Object(Map::new()));
    }
    if !node.is_object() {
        *node = Value::Object(Map::new());
    }
    let Some(auth) = node.as_object_mut() else { return Ok(()) };
    auth.insert("mode".to_owned(), json!(mode));
    if let Some((name, secret)) = secret {
        let fact = Redaction::new()?.fact(secret, SecretSource::Variable("the command line".to_owned()));
        auth.insert(name.to_owned(), json!({ SECRET: config.secrets.len() }));
        config.secrets.push(fact);
    }
    Ok(())
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
