//! Background processes: started by an `exec` permit, used through `process` permits. Each belongs to
//! one session; another session's processes cannot be named.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use stockade_core::{SessionKey, text};
use stockade_policy::ProcessAction;
use tokio::io::AsyncWriteExt as _;
use tokio::process::ChildStdin;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::capture::Capture;
use crate::child::Launched;
use crate::floor::Floor;
use crate::native::plan::Plan;
use crate::outcome::{ExecStatus, Refusal};
use crate::runs::Run;

/// Background processes that one session may run at a time.
pub const MAX_BACKGROUND: usize = 8;

/// The outcome of a `process` call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ProcessOutput {
    /// The session's processes.
    List {
        /// Oldest first.
        processes: Vec<ProcessInfo>,
    },
    /// What came out since the last poll.
    Poll {
        /// How it stands.
        info: ProcessInfo,
        /// New standard output and error, bounded by `Limits::output`.
        output: String,
        /// True when something was dropped from `output`.
        truncated: bool,
    },
    /// The data was written.
    Written {
        /// How many bytes.
        bytes: usize,
    },
    /// The whole tree is dead.
    Killed,
}

/// One background process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessInfo {
    /// Its name within the session.
    pub id: String,
    /// The beginning of its command, fit for display.
    pub command: String,
    /// How long it ran.
    pub running_for: Duration,
    /// How it ended; `None` while it runs.
    pub ended: Option<ExecStatus>,
}

/// One process of the registry. Dropping it closes its pipes, at which its launcher kills the tree.
#[derive(Debug)]
pub(crate) struct Background {
    id: String,
    command: String,
    started: Instant,
    state: Arc<State>,
    stdin: tokio::sync::Mutex<Option<ChildStdin>>,
    stop: Arc<Notify>,
    ended: watch::Receiver<Option<(ExecStatus, Duration)>>,
    _carrier: JoinSet<()>,
}

#[derive(Debug)]
struct State {
    capture: Mutex<Capture>,
    news: Notify,
}

impl Background {
    pub(crate) fn start(id: String, plan: &Plan, mut launched: Launched, run: Run, floor: Floor) -> Self {
        let started = Instant::now();
        let state = Arc::new(State { capture: Mutex::new(Capture::new(plan.view.limits.output)), news: Notify::new() });
        let limit = plan.limit;
        let (stop, stdin) = (Arc::new(Notify::new()), launched.stdin.take());
        let (end, ended) = watch::channel(None);
        let mut carrier = JoinSet::new();
        carrier.spawn({
            let (state, stop) = (Arc::clone(&state), Arc::clone(&stop));
            async move {
                let stopped = async {
                    tokio::select! { () = stop.notified() => {}, () = run.stopped() => {} }
                };
                let sink = |bytes: &[u8]| {
                    lock(&state.capture).push(bytes);
                    state.news.notify_one();
                };
                let status = launched.carry(limit, &floor, stopped, sink).await.unwrap_or_else(|refusal| {
                    lock(&state.capture).push(format!("\n[stopped: {refusal}]\n").as_bytes());
                    ExecStatus::Cancelled
                });
                end.send_replace(Some((status, started.elapsed())));
                state.news.notify_one();
            }
        });
        let command = text::clip(&text::visible(&plan.command), 200);
        Self { id, command, started, state, stdin: tokio::sync::Mutex::new(stdin), stop, ended, _carrier: carrier }
    }

    fn info(&self) -> ProcessInfo {
        let ended = self.ended.borrow().clone();
        let running_for = ended.as_ref().map_or_else(|| self.started.elapsed(), |(_, duration)| *duration);
        ProcessInfo {
            id: self.id.clone(),
            command: self.command.clone(),
            running_for,
            ended: ended.map(|(status, _)| status),
        }
    }

    async fn poll(&self) -> ProcessOutput {
        if self.ended.borrow().is_none() {
            _ = tokio::time::timeout(POLL, self.state.news.notified()).await;
        }
        // The end is read first: output that comes after is still there for the next poll.
        let info = self.info();
        let (output, truncated) = lock(&self.state.capture).take();
        ProcessOutput::Poll { info, output, truncated }
    }

    async fn write(&self, data: &str) -> Result<ProcessOutput, Refusal> {
        let refuse = |why: &str| Refusal::Process { id: self.id.clone(), why: why.to_owned() };
        if data.len() > MAX_INPUT {
            return Err(refuse("at most 64 KiB of input at a time"));
        }
        let mut stdin = self.stdin.lock().await;
        let pipe = stdin.as_mut().ok_or_else(|| refuse("its standard input is closed"))?;
        match tokio::time::timeout(WRITE, pipe.write_all(data.as_bytes())).await {
            Ok(Ok(())) => Ok(ProcessOutput::Written { bytes: data.len() }),
            Ok(Err(_)) => Err(refuse("it does not read its standard input any more")),
            Err(_) => {
                // How much was taken is not known, so nothing may follow it.
                *stdin = None;
                Err(refuse("it did not take the input in time; its standard input is closed now"))
            }
        }
    }

    async fn kill(&self) -> ProcessOutput {
        self.stop.notify_one();
        let mut ended = self.ended.clone();
        _ = ended.wait_for(Option::is_some).await;
        ProcessOutput::Killed
    }
}

/// The background processes of every session.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    sessions: Mutex<HashMap<SessionKey, Places>>,
    next: AtomicU64,
}

/// One session's processes by number; `None` is one that is being started.
type Places = BTreeMap<u64, Option<Arc<Background>>>;

/// A place in the registry that is given back unless it is filled.
pub(crate) struct Slot<'a> {
    registry: &'a Registry,
    session: SessionKey,
    number: u64,
    id: String,
    filled: bool,
}

impl Registry {
    /// Takes one of the session's places.
    pub(crate) fn reserve(&self, session: &SessionKey) -> Result<Slot<'_>, Refusal> {
        let mut sessions = self.sessions();
        let processes = sessions.entry(session.clone()).or_default();
        if processes.len() >= MAX_BACKGROUND {
            // Ended ones make room, oldest first.
            let ended =
                processes.iter().find(|(_, process)| process.as_ref().is_some_and(|p| p.ended.borrow().is_some()));
            let Some(number) = ended.map(|(number, _)| *number) else {
                let why = format!("the session already has {MAX_BACKGROUND}: kill one first");
                return Err(Refusal::Process { id: "(new)".into(), why });
            };
            processes.remove(&number);
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        processes.insert(number, None);
        Ok(Slot { registry: self, session: session.clone(), number, id: format!("p{number}"), filled: false })
    }

    /// Does what a `process` call says.
    pub(crate) async fn act(&self, session: &SessionKey, action: ProcessAction) -> Result<ProcessOutput, Refusal> {
        match action {
            ProcessAction::List => {
                let sessions = self.sessions();
                let processes = sessions.get(session).into_iter().flat_map(BTreeMap::values).flatten();
                Ok(ProcessOutput::List { processes: processes.map(|process| process.info()).collect() })
            }
            ProcessAction::Poll { id } => Ok(self.find(session, &id)?.poll().await),
            ProcessAction::Write { id, data } => self.find(session, &id)?.write(&data).await,
            ProcessAction::Kill { id } => Ok(self.find(session, &id)?.kill().await),
        }
    }

    /// Forgets the processes of `session`, or all; dropping them kills them.
    pub(crate) fn forget(&self, session: Option<&SessionKey>) {
        let mut sessions = self.sessions();
        match session {
            Some(session) => drop(sessions.remove(session)),
            None => sessions.clear(),
        }
    }

    fn find(&self, session: &SessionKey, id: &str) -> Result<Arc<Background>, Refusal> {
        let sessions = self.sessions();
        let processes = sessions.get(session).into_iter().flat_map(BTreeMap::values).flatten();
        let found = processes.into_iter().find(|process| process.id == id).cloned();
        found.ok_or_else(|| Refusal::Process {
            id: text::clip(&text::visible(id), 40),
            why: "this session has none of that name".into(),
        })
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<SessionKey, Places>> {
        lock(&self.sessions)
    }
}

impl Slot<'_> {
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Puts the process in its place; returns its name.
    pub(crate) fn fill(mut self, process: Background) -> String {
        if let Some(place) =
            self.registry.sessions().get_mut(&self.session).and_then(|places| places.get_mut(&self.number))
        {
            *place = Some(Arc::new(process));
        }
        // Otherwise the session was killed meanwhile: the process is dropped here, and so killed.
        self.filled = true;
        self.id.clone()
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        if !self.filled
            && let Some(places) = self.registry.sessions().get_mut(&self.session)
        {
            places.remove(&self.number);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long a poll waits for news.
const POLL: Duration = Duration::from_secs(2);
/// How long a write may block on a process that does not read.
const WRITE: Duration = Duration::from_secs(5);
const MAX_INPUT: usize = 64 << 10;
