//! The stage: the config under test, moved into a folder that is thrown away. Nothing of the
//! operator's state, home or workspace is there to be harmed; every rule of the config stays as it is.

use std::path::{Path, PathBuf};

use stockade_config::model::{Agents, ModelChoice, providers};
use stockade_config::{Loaded, Paths};

/// A folder that is removed when dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> std::io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;
        let path = std::env::temp_dir().join(format!("stockade-drill-{}", uuid::Uuid::new_v4().simple()));
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is left in the temporary folder, private to this user.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Moves a loaded config into `root`, with the hostile model in the place of every provider.
pub(crate) fn relocate(mut loaded: Loaded, root: &Path, model: &str) -> std::io::Result<Loaded> {
    let state = root.join("state");
    let text = std::fs::read(&loaded.paths.config).unwrap_or_default();
    let approvals = std::fs::read(loaded.paths.state.join("exec-approvals.json")).ok();
    stockade_config::create_state_dir(&state).map_err(std::io::Error::other)?;
    let mut paths = Paths::in_state_dir(&state);
    paths.home = Some(root.join("home"));
    let write = |path: &Path, content: &[u8]| {
        let text = std::str::from_utf8(content).map_err(std::io::Error::other)?;
        stockade_config::write_new(path, text).map_err(std::io::Error::other)
    };
    write(&paths.config, &text)?;
    if let Some(approvals) = approvals {
        write(&state.join("exec-approvals.json"), &approvals)?;
    }
    loaded.files = vec![paths.config.clone()];
    loaded.paths = paths;
    point_at(&mut loaded, model);
    strip_places(&mut loaded.config.agents);
    Ok(loaded)
}

/// Keeps the names of providers and models, because tool layers hang on them.
fn point_at(loaded: &mut Loaded, model: &str) {
    let hostile = || providers::Provider {
        base_url: Some(format!("{model}/v1")),
        api: Some(providers::Api::OpenaiCompletions),
        ..providers::Provider::default()
    };
    let config = &mut loaded.config;
    config.models.providers.values_mut().for_each(|provider| *provider = hostile());
    let usable = |choice: &Option<ModelChoice>, providers: &providers::Models| {
        choice
            .as_ref()
            .and_then(|choice| choice.primary.as_deref())
            .is_some_and(|name| providers.resolve(name).is_some())
    };
    let stand_in = || Some(ModelChoice { primary: Some("drill/hostile".to_owned()), fallbacks: Vec::new() });
    if !usable(&config.agents.defaults.model, &config.models) {
        config.agents.defaults.model = stand_in();
    }
    for agent in &mut config.agents.entries {
        if agent.keys.model.is_some() && !usable(&agent.keys.model, &config.models) {
            agent.keys.model = stand_in();
        }
    }
    config.models.providers.insert("drill".to_owned(), hostile());
}

fn strip_places(agents: &mut Agents) {
    agents.defaults.workspace = None;
    agents.defaults.sandbox.workspace_root = None;
    for agent in &mut agents.entries {
        agent.keys.workspace = None;
        agent.keys.sandbox.workspace_root = None;
    }
}
