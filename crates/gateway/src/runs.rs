//! The turns under way, by their idempotency key. A repeated request meets the run that it started
//! before; the same key with other words is refused.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use stockade_core::{Digest, SessionKey, Timestamp, TurnId};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How a run stands.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// It is under way.
    Running,
    /// It ended; the final payload, or the error text.
    Ended(Result<Value, String>),
}

/// A run.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its session.
    pub session: SessionKey,
    /// Cancels it.
    pub cancel: CancellationToken,
    /// When it began.
    pub started: Timestamp,
    input: Digest,
    state: watch::Sender<State>,
}

/// What a request for a run meets.
pub enum Entered {
    /// A new run; end it with [`Run::end`].
    New(Run),
    /// The same request was made before.
    Again(Run),
    /// The key was used for something else.
    Conflict,
    /// Too many runs are under way.
    Full,
}

/// The registry.
#[derive(Debug, Default)]
pub struct Runs {
    runs: Mutex<HashMap<TurnId, Run>>,
    turnstiles: Mutex<HashMap<SessionKey, Arc<tokio::sync::Mutex<()>>>>,
}

impl Runs {
    /// Enters a run for `turn`.
    pub fn enter(&self, turn: &TurnId, session: &SessionKey, input: Digest, now: Timestamp) -> Entered {
        let mut runs = self.lock();
        runs.retain(|_, run| *run.state.borrow() == State::Running || now.since(run.started) < REMEMBER);
        if let Some(run) = runs.get(turn) {
            return if run.input == input { Entered::Again(run.clone()) } else { Entered::Conflict };
        }
        if runs.values().filter(|run| *run.state.borrow() == State::Running).count() >= MAX_RUNNING
            || runs.len() >= MAX_RUNS
        {
            return Entered::Full;
        }
        let run = Run {
            session: session.clone(),
            cancel: CancellationToken::new(),
            started: now,
            input,
            state: watch::Sender::new(State::Running),
        };
        runs.insert(turn.clone(), run.clone());
        Entered::New(run)
    }

    /// One turn at a time per session.
    pub fn turnstile(&self, session: &SessionKey) -> Arc<tokio::sync::Mutex<()>> {
        let mut turnstiles = self.turnstiles.lock().unwrap_or_else(PoisonError::into_inner);
        turnstiles.retain(|_, turnstile| Arc::strong_count(turnstile) > 1);
        Arc::clone(turnstiles.entry(session.clone()).or_default())
    }

    /// The run of this key.
    #[must_use]
    pub fn find(&self, turn: &TurnId) -> Option<Run> {
        self.lock().get(turn).cloned()
    }

    /// Cancels the runs of a session, or one of them; answers their keys.
    pub fn cancel(&self, session: &SessionKey, turn: Option<&TurnId>) -> Vec<TurnId> {
        let runs = self.lock();
        let wanted = runs.iter().filter(|(id, run)| {
            run.session == *session && turn.is_none_or(|turn| turn == *id) && *run.state.borrow() == State::Running
        });
        wanted
            .map(|(id, run)| {
                run.cancel.cancel();
                id.clone()
            })
            .collect()
    }

    /// Cancels everything.
    pub fn cancel_all(&self) {
        self.lock().values().for_each(|run| run.cancel.cancel());
    }

    /// Whether a session has a run under way.
    #[must_use]
    pub fn busy(&self, session: &SessionKey) -> Option<TurnId> {
        let runs = self.lock();
        let mut busy = runs.iter().filter(|(_, run)| run.session == *session && *run.state.borrow() == State::Running);
        busy.next().map(|(id, _)| id.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TurnId, Run>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Run {
    /// A guard that ends the run, if nothing else has.
    #[must_use]
    pub fn ending(&self) -> Ending {
        Ending(self.clone())
    }

    /// Ends the run.
    pub fn end(&self, outcome: Result<Value, String>) {
        self.state.send_replace(State::Ended(outcome));
    }

    /// How it stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Waits for its end.
    pub async fn ended(&self) -> Result<Value, String> {
        let mut state = self.state.subscribe();
        let ended = state.wait_for(|state| *state != State::Running).await.map(|state| state.clone());
        match ended {
            Ok(State::Ended(outcome)) => outcome,
            Ok(State::Running) | Err(_) => Err("the run was dropped".to_owned()),
        }
    }
}

/// Ends a run when its task does, whatever way that is.
pub struct Ending(Run);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.state.send_if_modified(|state| {
            let running = *state == State::Running;
            if running {
                *state = State::Ended(Err("the turn broke off".to_owned()));
            }
            running
        });
    }
}

/// How long an ended run is remembered. Source: OpenClaw's dedupe window, 300 s.
const REMEMBER: Duration = Duration::from_secs(300);
/// Turns under way at a time, and runs that are remembered.
const MAX_RUNNING: usize = 64;
const MAX_RUNS: usize = 10_000;

#[cfg(test)]
mod tests {
    use stockade_core::AgentId;

    use super::*;

    #[test]
    fn a_key_is_used_once_for_one_thing() {
        let (runs, now) = (Runs::default(), Timestamp(0));
        let session = SessionKey::main(&AgentId::parse("main").expect("valid"));
        let turn = TurnId::parse("k").expect("valid");
        let Entered::New(run) = runs.enter(&turn, &session, Digest::of(b"a"), now) else { panic!("not new") };
        assert!(matches!(runs.enter(&turn, &session, Digest::of(b"a"), now), Entered::Again(_)));
        assert!(matches!(runs.enter(&turn, &session, Digest::of(b"b"), now), Entered::Conflict));
        assert_eq!(runs.cancel(&session, None), std::slice::from_ref(&turn));
        assert!(run.cancel.is_cancelled());
        drop(run.ending());
        assert_eq!(run.state(), State::Ended(Err("the turn broke off".to_owned())));
        run.end(Ok(Value::Null));
        assert_eq!(runs.busy(&session), None);
        let later = now.after(REMEMBER);
        assert!(matches!(runs.enter(&turn, &session, Digest::of(b"b"), later), Entered::New(_)));
    }
}
