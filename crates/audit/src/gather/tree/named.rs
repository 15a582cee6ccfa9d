//! What the config names beside the fixed layout.

use serde_json::Value;

use crate::snapshot::tree::Role;
use crate::snapshot::{ConfigFacts, ConfigFile, EnvFacts, Install, ProblemKind};

/// What is looked at beside the fixed layout.
#[derive(Debug, Clone, Default)]
pub struct Named<'n> {
    /// The config and what it includes, the config first.
    pub config_files: &'n [ConfigFile],
    /// Files of the config that were not read. Broken, large or shut, they are its files all the same.
    pub unread: Vec<(String, Role)>,
    /// Workspaces of agents.
    pub workspaces: Vec<String>,
    /// Folders of agents' keys that stand elsewhere: the agent, and its `agentDir`.
    pub agent_dirs: Vec<(String, String)>,
    /// `logging.file`.
    pub log_file: Option<String>,
    /// Files of secrets: `tokenFile` and its like, those of secret providers, private keys.
    pub secret_files: Vec<String>,
    /// `OPENCLAW_OAUTH_DIR`, where credentials stand elsewhere.
    pub credentials: Option<String>,
    /// The folder where logs go unless told otherwise: [`DEFAULT_LOGS`](Self::DEFAULT_LOGS).
    pub default_logs: Option<&'n str>,
}

impl<'n> Named<'n> {
    /// Where OpenClaw writes its logs unless told otherwise.
    pub const DEFAULT_LOGS: &'static str = "/tmp/openclaw";

    /// What a config and the environment name.
    #[must_use]
    pub fn of(install: &Install, config: &'n ConfigFacts, env: &EnvFacts) -> Self {
        let whole = |text: &str| expanded(install, text);
        let mut secret_files = Vec::new();
        file_keys(&config.value, &mut secret_files);
        let providers = config.fields("secrets.providers").filter_map(|(_, provider)| provider.get("path")?.as_str());
        secret_files.extend(providers.map(str::to_owned));
        let agents = config.get("agents");
        let entries = agents.and_then(|agents| agents.get("entries")).and_then(Value::as_object);
        let listed = agents.and_then(|agents| agents.get("list")).and_then(Value::as_array);
        let listed = || {
            listed
                .into_iter()
                .flatten()
                .map(|agent| (agent.get("id").and_then(Value::as_str).unwrap_or_default(), agent))
        };
        let each = || entries.into_iter().flatten().map(|(id, agent)| (id.as_str(), agent)).chain(listed());
        let workspaces = each()
            .map(|(_, agent)| agent)
            .chain(agents.and_then(|agents| agents.get("defaults")))
            .filter_map(|agent| agent.get("workspace")?.as_str())
            .filter_map(whole)
            .collect();
        let agent_dirs =
            each().filter_map(|(id, agent)| Some((id.trim().to_lowercase(), whole(agent.get("agentDir")?.as_str()?)?)));
        Self {
            agent_dirs: agent_dirs.collect(),
            config_files: &config.files,
            unread: unread(install, config),
            workspaces,
            log_file: config.text("logging.file").and_then(whole),
            secret_files: secret_files.iter().filter_map(|path| whole(path)).collect(),
            credentials: env.text("OPENCLAW_OAUTH_DIR").and_then(whole),
            default_logs: Some(Self::DEFAULT_LOGS),
        }
    }

    /// Each with its role, the most telling first.
    pub(super) fn places(&self) -> Vec<(String, Role)> {
        let config = self
            .config_files
            .iter()
            .enumerate()
            .map(|(index, file)| (file.path.clone(), if index == 0 { Role::Config } else { Role::Include }));
        let each = |paths: &[String], role: Role| -> Vec<(String, Role)> {
            paths.iter().map(|path| (path.clone(), role.clone())).collect()
        };
        config
            .chain(self.unread.iter().cloned())
            .chain(self.log_file.iter().map(|path| (path.clone(), Role::Log)))
            .chain(self.credentials.iter().map(|path| (path.clone(), Role::CredentialsDir)))
            .chain(each(&self.secret_files, Role::SecretFile))
            .chain(self.agent_dirs.iter().map(|(id, path)| (path.clone(), Role::AgentDir(id.clone()))))
            .chain(each(&self.workspaces, Role::Workspace))
            .collect()
    }
}

fn unread(install: &Install, config: &ConfigFacts) -> Vec<(String, Role)> {
    let lost = [ProblemKind::Unreadable, ProblemKind::TooLarge, ProblemKind::NotText];
    let files = config.problems.iter().filter(|problem| lost.contains(&problem.kind)).map(|problem| &problem.file);
    let role = |file: &str| if file == install.config { Role::Config } else { Role::Include };
    files.map(|file| (file.clone(), role(file))).collect()
}

/// An absolute path from one that may begin with `~`; nothing for one that is relative to who knows what.
pub(crate) fn expanded(install: &Install, path: &str) -> Option<String> {
    let path = path.trim();
    match (path.strip_prefix("~/"), &install.home) {
        (Some(rest), Some(home)) => Some(format!("{home}/{rest}")),
        (None, Some(home)) if path == "~" => Some(home.clone()),
        _ => path.starts_with('/').then(|| path.to_owned()),
    }
}

/// Every text under a key that names a file of secrets, wherever it stands.
fn file_keys(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(path) if FILE_KEYS.contains(&key.as_str()) => out.push(path.clone()),
                    other => file_keys(other, out),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| file_keys(item, out)),
        _ => {}
    }
}

/// Keys whose value is the path of a file of secrets.
const FILE_KEYS: &[&str] = &[
    "tokenFile", "botTokenFile", "appTokenFile", "secretFile", "webhookSecretFile", "passwordFile", "keyPath",
    "identityFile", "privateKeyFile", "serviceAccountFile", "credentialsFile",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_config_names_files_in_many_places() {
        let install = Install { home: Some("/home/op".into()), ..Install::default() };
        let value = json!({
            "channels": {"telegram": {"accounts": {"a": {"tokenFile": "~/tg"}}}},
            "secrets": {"providers": {"vault": {"source": "file", "path": "/etc/oc/secrets.json"}}},
            "gateway": {"tls": {"keyPath": "relative/key.pem"}},
            "logging": {"file": " ~/oc.log "},
            "agents": {
                "defaults": {"workspace": "~/work"},
                "entries": {"Coder": {"workspace": "/srv/code", "agentDir": "/srv/agent"}},
                "list": [{"id": "feb", "workspace": "~/feb", "agentDir": "~/keys"}],
            },
        });
        let config = ConfigFacts { value, ..ConfigFacts::default() };
        let named = Named::of(&install, &config, &EnvFacts::default());
        assert_eq!(named.secret_files, ["/home/op/tg", "/etc/oc/secrets.json"]);
        assert_eq!(named.workspaces, ["/srv/code", "/home/op/feb", "/home/op/work"]);
        let agent_dirs = [("coder", "/srv/agent"), ("feb", "/home/op/keys")];
        assert_eq!(named.agent_dirs, agent_dirs.map(|(id, path)| (id.to_owned(), path.to_owned())));
        assert_eq!(named.log_file.as_deref(), Some("/home/op/oc.log"));
    }
}
