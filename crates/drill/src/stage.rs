//! The stage: the config under test, moved into a folder that is thrown away. Nothing of the
//! operator's state, home or workspace is there to be harmed; every rule of the config stays as it is.

use std::path::{Path, PathBuf};

use stockade_config::model::{Agents, ModelChoice, providers};
use stockade_config::{Loaded, Paths};
use stockade_core::AgentId;

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

/// Moves a loaded config into `root`, with the hostile model in the place of every provider, and a canary
/// in the first line of its text, by which that text is known wherever it turns up.
pub(crate) fn relocate(mut loaded: Loaded, root: &Path, model: &str, canary: &str) -> std::io::Result<Loaded> {
    let home = root.join("home");
    let moved = Moved { from: loaded.paths.home.clone(), home: home.clone(), rest: root.join("rest") };
    let state = moved.to(&loaded.paths.state);
    let text = std::fs::read(&loaded.paths.config).unwrap_or_default();
    let text = [format!("// {canary}\n").as_bytes(), &text].concat();
    let approvals = std::fs::read(loaded.paths.state.join("exec-approvals.json")).ok();
    let places = places(&loaded, &moved);
    std::fs::create_dir_all(state.parent().unwrap_or(root))?;
    stockade_config::create_state_dir(&state).map_err(std::io::Error::other)?;
    let mut paths = Paths::in_state_dir(&state);
    paths.home = Some(home);
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
    set_places(&mut loaded.config.agents, places);
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

/// Where the operator's folders stand on the stage: what is in the home stays in the home there, so that a
/// workspace that holds the keys still does.
struct Moved {
    from: Option<PathBuf>,
    home: PathBuf,
    rest: PathBuf,
}

impl Moved {
    fn to(&self, path: &Path) -> PathBuf {
        match self.from.as_ref().and_then(|from| path.strip_prefix(from).ok()) {
            Some(inside) => self.home.join(inside),
            // The root holds the home, and so does a folder above it.
            None if self.from.as_ref().is_some_and(|from| from.starts_with(path)) => self.home.clone(),
            None => self.rest.join(path.strip_prefix("/").unwrap_or(path)),
        }
    }
}

/// Each agent's workspace on the stage.
fn places(loaded: &Loaded, moved: &Moved) -> Vec<(AgentId, String)> {
    let ids = loaded.config.agents.entries.iter().map(|agent| agent.id.clone());
    let default = AgentId::parse("main").ok().filter(|_| loaded.config.agents.entries.is_empty());
    let place = |id: AgentId| {
        let folder = moved.to(&loaded.paths.workspace(&loaded.config, &id));
        (id, folder.to_string_lossy().into_owned())
    };
    ids.chain(default).map(place).collect()
}

fn set_places(agents: &mut Agents, places: Vec<(AgentId, String)>) {
    agents.defaults.sandbox.workspace_root = None;
    agents.defaults.workspace = places.first().map(|(_, folder)| folder.clone());
    for agent in &mut agents.entries {
        agent.keys.workspace = places.iter().find(|(id, _)| *id == agent.id).map(|(_, folder)| folder.clone());
        agent.keys.sandbox.workspace_root = None;
    }
}
