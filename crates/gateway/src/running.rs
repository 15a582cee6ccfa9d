//! What is in force: a loaded config, the policy compiled from it, and the models it names. Replaced
//! as a whole when the config changes; never edited.

use std::collections::BTreeMap;
use std::sync::Arc;

use stockade_agent::{Api, Endpoint, Model, Patience};
use stockade_config::{ConfigError, Env, Loaded, Paths, Refusal};
use stockade_policy::clients::{BadProxy, TrustedProxies};
use stockade_policy::policy::PolicyError;
use stockade_policy::{AgentPolicy, Policy};
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
        let approvals = stockade_config::approvals_file(&loaded.paths)?;
        let mut policy = Policy::compile(&loaded, approvals.as_ref())?;
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
