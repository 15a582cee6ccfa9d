//! What is in force: a loaded config, the policy compiled from it, and the models it names. Replaced
//! as a whole when the config changes; never edited.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stockade_agent::{Api, Endpoint, Model, Patience};
use stockade_config::{ConfigError, Env, Loaded, Paths, Refusal};
use stockade_core::{Decision, Denial, Rule, SessionKey};
use stockade_policy::clients::{BadProxy, TrustedProxies};
use stockade_policy::mounts::{Bind, MountPolicy, judge_mount};
use stockade_policy::policy::PolicyError;
use stockade_policy::{AgentPolicy, Backend, Mount, Policy, View};
use thiserror::Error;
use url::Url;

use crate::places::{self, PlaceError};

/// A config in force.
pub struct Running {
    /// The config.
    pub loaded: Loaded,
    /// The policy.
    pub policy: Policy,
    /// The proxies that are believed.
    pub proxies: TrustedProxies,
    models: BTreeMap<String, Result<Arc<Model>, String>>,
}

/// A config that cannot be put in force.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunningError {
    /// It cannot be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It cannot be enforced.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A folder of an agent cannot be trusted.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// It names a trusted proxy that is no address.
    #[error(transparent)]
    Proxies(#[from] BadProxy),
    /// It would be unsafe to run.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Refused(Vec<Refusal>),
    /// It has no agent.
    #[error("the config names no usable agent; add one to agents.entries")]
    NoAgent,
}

impl Running {
    /// Reads the config that `paths` names and compiles it.
    ///
    /// # Errors
    /// [`RunningError`]; nothing is in force then that was not before.
    pub fn load(paths: &Paths, env: &Env) -> Result<Self, RunningError> {
        Self::of(stockade_config::load(paths, env)?)
    }

    /// Compiles a loaded config.
    ///
    /// # Errors
    /// [`RunningError`].
    pub fn of(loaded: Loaded) -> Result<Self, RunningError> {
        let refusals = stockade_config::startup_refusals(&loaded);
        if !refusals.is_empty() {
            return Err(RunningError::Refused(refusals));
        }
        let mut policy = Policy::compile(&loaded, loaded.approvals.as_ref())?;
        places::resolve(&mut policy)?;
        if policy.default_agent().is_none() {
            return Err(RunningError::NoAgent);
        }
        let gateway = &loaded.config.gateway;
        let proxies = TrustedProxies::new(&gateway.trusted_proxies)?.with_real_ip(gateway.allow_real_ip_fallback);
        let models = models(&loaded, &policy);
        Ok(Self { loaded, policy, proxies, models })
    }

    /// The agent that `main` stands for.
    ///
    /// # Panics
    /// Never: a policy without an agent is not put in force.
    #[must_use]
    pub fn default_agent(&self) -> &AgentPolicy {
        self.policy.default_agent().expect("a policy without an agent is not put in force")
    }

    /// The host's mounts as they are judged for one session of an agent.
    #[must_use]
    pub fn mounts(&self, agent: &AgentPolicy, session: &SessionKey) -> MountPolicy {
        MountPolicy {
            homes: self.loaded.paths.home.iter().cloned().collect(),
            state: self.policy.protected.clone(),
            granted: vec![agent.workspace.clone(), agent.scratch(session)],
            ..MountPolicy::default()
        }
    }

    /// What a session sees. Links in the paths of its folders were resolved when the config came into
    /// force; one that is there now was planted, and is refused. Makes nothing.
    ///
    /// # Errors
    /// A [`Denial`] when one of the folders may not be shown.
    pub fn view(&self, agent: &AgentPolicy, session: &SessionKey) -> Result<View, Denial> {
        let view = View { hidden: self.policy.protected.clone(), ..agent.view(session) };
        let allowed = self.mounts(agent, session);
        // Each link is read once: the paths share most of their folders, and one answer holds for all of them.
        let read = RefCell::new(BTreeMap::new());
        let links = |path: &Path| -> Option<PathBuf> {
            if let Some(known) = read.borrow().get(path) {
                return Option::clone(known);
            }
            let target = std::fs::read_link(path).ok();
            read.borrow_mut().insert(path.to_owned(), target.clone());
            target
        };
        view.mounts.iter().try_for_each(|mount| judge_mounted(&allowed, view.backend, mount, &links))?;
        Ok(view)
    }

    /// The model of an agent, and the name that its provider knows it by.
    ///
    /// # Errors
    /// Why there is none, naming the key that mends it.
    pub fn model(&self, agent: &AgentPolicy) -> Result<(Arc<Model>, String), String> {
        let choice = agent.model.as_deref().ok_or_else(|| {
            "no model is configured; set agents.defaults.model.primary to \"provider/model\" and the provider \
             in models.providers"
                .to_owned()
        })?;
        let (provider, _, name) = self.loaded.config.models.resolve(choice).ok_or_else(|| {
            format!("agents.defaults.model.primary is {choice:?}, but models.providers has no such provider")
        })?;
        let model =
            self.models.get(provider).cloned().unwrap_or_else(|| Err(format!("provider {provider:?} is unknown")));
        model.map(|model| (model, name.to_owned()))
    }
}

/// Judges a mount of a sandbox. On the host nothing is mounted: the session sees it as it is.
fn judge_mounted(
    policy: &MountPolicy,
    backend: Backend,
    mount: &Mount,
    links: &impl Fn(&Path) -> Option<PathBuf>,
) -> Result<(), Denial> {
    if backend == Backend::Host {
        return Ok(());
    }
    let (Some(host), Some(target)) = (mount.host.to_str(), mount.target.to_str()) else {
        return Err(Denial::policy(Rule::Workspace, "a mounted folder has a name that is not UTF-8; rename it"));
    };
    match judge_mount(policy, &Bind::new(host, target, mount.access), links) {
        Decision::Allow { .. } => Ok(()),
        Decision::Deny(denial) => Err(denial),
        Decision::Ask(question) => Err(Denial::policy(question.rule, question.because)),
    }
}

fn models(loaded: &Loaded, policy: &Policy) -> BTreeMap<String, Result<Arc<Model>, String>> {
    let chosen = policy.agents.iter().filter_map(|agent| agent.model.as_deref());
    let providers = chosen.filter_map(|choice| loaded.config.models.resolve(choice));
    providers.map(|(id, provider, _)| (id.to_owned(), model(id, provider).map(Arc::new))).collect()
}

fn model(id: &str, provider: &stockade_config::model::Provider) -> Result<Model, String> {
    let key = format!("models.providers.{id}");
    let base = provider.base_url.as_deref().ok_or_else(|| format!("{key}.baseUrl is missing"))?;
    let base_url = Url::parse(base).map_err(|error| format!("{key}.baseUrl does not parse as a URL: {error}"))?;
    let api = provider.api.map_or(Some(Api::OpenAiCompletions), |api| Api::from_id(api.id()));
    let api =
        api.ok_or_else(|| format!("{key}.api is not supported; use \"openai-completions\" or \"anthropic-messages\""))?;
    let endpoint = Endpoint {
        id: id.to_owned(),
        base_url,
        api_key: provider.api_key.clone(),
        api,
        headers: provider.headers.clone(),
    };
    Model::new(endpoint, Patience::default()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use stockade_policy::Access;

    use super::*;

    #[test]
    fn a_workspace_that_became_a_link_is_not_mounted() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = folder.path().canonicalize().expect("real").join("state");
        std::fs::create_dir_all(state.join("credentials")).expect("made");
        let policy = MountPolicy {
            state: vec![state.clone()],
            granted: vec![state.join("workspace"), state.join("etc")],
            ..MountPolicy::default()
        };
        let judge = |host: &Path, backend| {
            let mount = Mount { host: host.into(), target: "/workspace".into(), access: Access::Rw };
            judge_mounted(&policy, backend, &mount, &|path| std::fs::read_link(path).ok()).is_ok()
        };
        let workspace = state.join("workspace");
        assert!(judge(&workspace, Backend::Native), "granted, though it does not exist yet");
        symlink(state.join("credentials"), &workspace).expect("linked");
        symlink("/etc", state.join("etc")).expect("linked");
        assert!(!judge(&workspace, Backend::Native), "a link to the credentials");
        assert!(!judge(&state.join("etc/ssl"), Backend::Native), "a link to /etc, with a leaf beneath it");
        assert!(!judge(folder.path(), Backend::Native), "holds the state");
        assert!(!judge(Path::new("/"), Backend::Native));
        assert!(judge(Path::new("/"), Backend::Host), "nothing is mounted there");
    }
}
