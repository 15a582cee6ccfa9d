//! Where things are: OpenClaw's state directory and config file, and what is ours beside them.

use std::path::{Path, PathBuf};

use stockade_core::AgentId;

use crate::environment::Env;
use crate::error::ConfigError;
use crate::model::Config;

/// The places of one installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// What `~` stands for in config values, when it is known.
    pub home: Option<PathBuf>,
    /// The state directory: `OPENCLAW_STATE_DIR`, else `~/.openclaw`.
    pub state: PathBuf,
    /// The config: `OPENCLAW_CONFIG_PATH`, else `openclaw.json` in the state directory; where that is
    /// absent, `openclaw.yaml` or `openclaw.yml`.
    pub config: PathBuf,
    /// Our own config beside it: `stockade.json`, or `.yaml`, `.yml`, in the state directory.
    pub own_config: PathBuf,
    /// Our database and journal: `stockade/` in the state directory.
    pub data: PathBuf,
}

impl Paths {
    /// The places that this environment names.
    ///
    /// # Errors
    /// [`ConfigError::NoHome`] when the state directory depends on a home directory that is not known.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let home = set(env, "OPENCLAW_HOME").or_else(|| set(env, "HOME")).map(PathBuf::from);
        let home = home.filter(|home| home.is_absolute());
        let state = match set(env, "OPENCLAW_STATE_DIR") {
            Some(dir) => expand(home.as_deref(), dir).ok_or(ConfigError::NoHome)?,
            None => home.as_ref().ok_or(ConfigError::NoHome)?.join(".openclaw"),
        };
        let mut paths = Self::in_state_dir(&state);
        if let Some(config) = set(env, "OPENCLAW_CONFIG_PATH") {
            paths.config = expand(home.as_deref(), config).ok_or(ConfigError::NoHome)?;
        }
        paths.home = home;
        Ok(paths)
    }

    /// The places inside one state directory.
    #[must_use]
    pub fn in_state_dir(state: &Path) -> Self {
        Self {
            home: None,
            state: state.to_owned(),
            config: first_present(state, "openclaw"),
            own_config: first_present(state, "stockade"),
            data: state.join("stockade"),
        }
    }

    /// A path as written in a config value: `~` is the home directory, and what is relative is
    /// relative to the state directory.
    #[must_use]
    pub fn expand(&self, written: &str) -> PathBuf {
        expand(self.home.as_deref(), written).map_or_else(|| self.state.join(written), |path| self.state.join(path))
    }

    /// The workspace of an agent, as OpenClaw chooses it: its own `workspace`; for the default agent
    /// `agents.defaults.workspace` or `<state>/workspace`; for any other a folder of its own,
    /// `<agents.defaults.workspace>/<id>` or `<state>/workspace-<id>`.
    #[must_use]
    pub fn workspace(&self, config: &Config, id: &AgentId) -> PathBuf {
        let agents = &config.agents;
        if let Some(own) = agents.find(id).and_then(|agent| agent.keys.workspace.as_deref()) {
            return self.expand(own);
        }
        let is_default = agents.default_id().is_none_or(|default| default == id);
        match (agents.defaults.workspace.as_deref(), is_default) {
            (Some(root), true) => self.expand(root),
            (Some(root), false) => self.expand(root).join(id.as_str()),
            (None, true) => self.state.join("workspace"),
            (None, false) => self.state.join(format!("workspace-{id}")),
        }
    }
}

/// A variable that is set to something; OpenClaw reads the words `undefined` and `null`, which
/// careless scripts write, as not set.
fn set<'a>(env: &'a Env, name: &str) -> Option<&'a str> {
    env.get(name).map(str::trim).filter(|value| !matches!(*value, "" | "undefined" | "null"))
}

/// `None` when the path starts at a home directory that is not known.
fn expand(home: Option<&Path>, written: &str) -> Option<PathBuf> {
    match written.strip_prefix('~') {
        Some("") => home.map(Path::to_owned),
        Some(rest) if rest.starts_with('/') => Some(home?.join(rest.trim_start_matches('/'))),
        _ => Some(PathBuf::from(written)),
    }
}

fn first_present(state: &Path, stem: &str) -> PathBuf {
    let json = state.join(format!("{stem}.json"));
    let others = ["yaml", "yml"].map(|extension| state.join(format!("{stem}.{extension}")));
    if json.exists() {
        return json;
    }
    others.into_iter().find(|path| path.exists()).unwrap_or(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(pairs: &[(&str, &str)]) -> Result<Paths, ConfigError> {
        Paths::from_env(&pairs.iter().copied().collect())
    }

    #[test]
    fn the_environment_names_the_places() {
        let default = paths(&[("HOME", "/home/a")]).expect("has a home");
        assert_eq!(default.config, Path::new("/home/a/.openclaw/openclaw.json"));
        assert_eq!(default.data, Path::new("/home/a/.openclaw/stockade"));
        let set = paths(&[("HOME", "/home/a"), ("OPENCLAW_STATE_DIR", "~/s"), ("OPENCLAW_CONFIG_PATH", "/etc/c.yaml")]);
        let set = set.expect("has a home");
        assert_eq!((set.state.as_path(), set.config.as_path()), (Path::new("/home/a/s"), Path::new("/etc/c.yaml")));
        assert_eq!(set.own_config, Path::new("/home/a/s/stockade.json"));
    }

    #[test]
    fn without_a_home_there_is_no_guess() {
        assert!(matches!(paths(&[]), Err(ConfigError::NoHome)));
        assert!(matches!(paths(&[("HOME", "undefined")]), Err(ConfigError::NoHome)));
        assert!(matches!(paths(&[("HOME", "relative")]), Err(ConfigError::NoHome)));
        assert!(matches!(paths(&[("OPENCLAW_STATE_DIR", "~/s")]), Err(ConfigError::NoHome)));
        assert!(paths(&[("OPENCLAW_STATE_DIR", "/s")]).is_ok());
    }

    #[test]
    fn each_agent_has_its_own_workspace() {
        let places = paths(&[("HOME", "/h")]).expect("has a home");
        let config: Config =
            serde_json::from_str(r#"{"agents":{"entries":{"a":{"default":true},"b":{},"c":{"workspace":"~/c"}}}}"#)
                .expect("parses");
        let of = |id: &str| places.workspace(&config, &AgentId::parse(id).expect("valid"));
        assert_eq!(of("a"), Path::new("/h/.openclaw/workspace"));
        assert_eq!(of("b"), Path::new("/h/.openclaw/workspace-b"));
        assert_eq!(of("c"), Path::new("/h/c"));
    }
}
