//! table: the methods of the protocol, each with the scope that it needs. A method that is not here
//! does not exist, and a method without its scope does not run.

pub mod agent;
pub mod approvals;
pub mod catalog;
pub mod chat;
pub mod config;
pub mod params;
pub mod sessions;
pub mod system;

use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Value, json};
use stockade_core::Scope;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::frame::{self, Request, WireError};
use super::handshake::Session;
use crate::Gateway;
use params::Params;

/// Who calls, and how they are answered later.
#[derive(Clone)]
pub struct Caller {
    gateway: Arc<Gateway>,
    session: Arc<Session>,
    answers: mpsc::Sender<String>,
}

/// An answer.
pub type Outcome = Result<Value, WireError>;

/// Answers one request after the method has returned; several times when the protocol says so.
pub struct Later {
    id: String,
    answers: mpsc::Sender<String>,
    _in_flight: OwnedSemaphorePermit,
}

/// The rest of a method that answers later; it runs in a task of its own.
pub type Job = Box<dyn FnOnce(Later) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

enum Handler {
    /// Answers at once.
    Now(fn(&Caller, &Params) -> Outcome),
    /// Answers through [`Later`].
    Later(fn(&Caller, &Params) -> Result<Job, WireError>),
}

struct Method {
    name: &'static str,
    scope: Option<Scope>,
    handler: Handler,
}

const fn now(name: &'static str, scope: Option<Scope>, handler: fn(&Caller, &Params) -> Outcome) -> Method {
    Method { name, scope, handler: Handler::Now(handler) }
}

const fn later(name: &'static str, scope: Scope, handler: fn(&Caller, &Params) -> Result<Job, WireError>) -> Method {
    Method { name, scope: Some(scope), handler: Handler::Later(handler) }
}

const METHODS: &[Method] = &[
    now("health", None, system::health),
    now("status", Some(Scope::Read), system::status),
    now("system-presence", Some(Scope::Read), system::presence),
    now("agents.list", Some(Scope::Read), catalog::agents),
    now("models.list", Some(Scope::Read), catalog::models),
    now("agent.identity.get", Some(Scope::Read), catalog::identity),
    now("stockade.config.held", Some(Scope::Admin), config::held),
    later("stockade.config.confirm", Scope::Admin, config::confirm),
    now("tools.effective", Some(Scope::Read), catalog::tools),
    later("agent", Scope::Write, agent::agent),
    later("agent.wait", Scope::Write, agent::wait),
    now("chat.send", Some(Scope::Write), chat::send),
    now("chat.abort", Some(Scope::Write), chat::abort),
    now("chat.history", Some(Scope::Read), chat::history),
    now("sessions.list", Some(Scope::Read), sessions::list),
    now("sessions.describe", Some(Scope::Read), sessions::describe),
    now("sessions.resolve", Some(Scope::Read), sessions::resolve),
    now("sessions.subscribe", Some(Scope::Read), sessions::subscribe),
    now("sessions.messages.subscribe", Some(Scope::Read), sessions::messages_subscribe),
    later("exec.approval.request", Scope::Approvals, approvals::request),
    later("exec.approval.waitDecision", Scope::Approvals, approvals::wait),
    now("exec.approval.list", Some(Scope::Approvals), approvals::list),
    now("plugin.approval.list", Some(Scope::Approvals), approvals::none),
    now("openclaw.approval.list", Some(Scope::Approvals), approvals::none),
    now("exec.approval.get", Some(Scope::Approvals), approvals::get),
    now("exec.approval.resolve", Some(Scope::Approvals), approvals::resolve),
    now("approval.get", Some(Scope::Approvals), approvals::unified_get),
    now("approval.resolve", Some(Scope::Approvals), approvals::unified_resolve),
    now("approval.history", Some(Scope::Approvals), approvals::history),
];

/// The names of the methods.
#[must_use]
pub fn names() -> Vec<&'static str> {
    METHODS.iter().map(|method| method.name).collect()
}

/// Runs a request. `None` when it is answered later.
pub fn dispatch(caller: &Caller, request: Request, in_flight: OwnedSemaphorePermit) -> Option<(String, Outcome)> {
    let Request { id, method, params, .. } = request;
    let Some(method) = METHODS.iter().find(|known| known.name == method) else {
        let admin = caller.session.scopes().covers(Scope::Admin);
        let shown = stockade_core::text::clip(&stockade_core::text::visible(&method), 80);
        let unknown = WireError::invalid(format!("unknown method: {shown}"));
        return Some((id, Err(if admin { unknown } else { missing(Scope::Admin) })));
    };
    if let Some(scope) = method.scope.filter(|scope| !caller.session.scopes().covers(*scope)) {
        return Some((id, Err(missing(scope))));
    }
    let params = match Params::new(method.name, params) {
        Ok(params) => params,
        Err(error) => return Some((id, Err(error))),
    };
    match method.handler {
        Handler::Now(handler) => Some((id, handler(caller, &params))),
        Handler::Later(handler) => match handler(caller, &params) {
            Ok(job) => {
                let later = Later { id, answers: caller.answers.clone(), _in_flight: in_flight };
                caller.gateway.tasks.start(method.name, job(later));
                None
            }
            Err(error) => Some((id, Err(error))),
        },
    }
}

impl Caller {
    pub(super) fn new(gateway: Arc<Gateway>, session: Session, answers: mpsc::Sender<String>) -> Self {
        Self { gateway, session: Arc::new(session), answers }
    }

    /// The connection's session.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The gateway.
    #[must_use]
    pub const fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }
}

impl Later {
    /// Completes when the client's connection has ended.
    pub async fn gone(&self) {
        self.answers.closed().await;
    }

    /// Sends an answer. A client that is gone hears nothing, and nothing else changes.
    pub async fn answer(&self, outcome: Outcome) {
        let _ = self.answers.send(frame::answer(&self.id, outcome.as_ref())).await;
    }
}

fn missing(scope: Scope) -> WireError {
    let details = json!({ "code": "MISSING_SCOPE", "missingScope": scope.id(), "requiredScopes": [scope.id()] });
    WireError::new("FORBIDDEN", format!("missing scope: {}", scope.id())).details(details)
}
