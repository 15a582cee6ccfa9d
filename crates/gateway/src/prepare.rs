//! From what somebody wants to a call that can be judged: every fact that decides what will really
//! happen is gathered here, once, for a turn, for `/v1/decide` and for `stockade explain` alike.
//! Decides nothing and makes nothing.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use stockade_core::{Denial, Rule, SessionKey, TurnId};
use stockade_policy::call::{
    CallContext, ExecCall, Executable, FetchCall, FileCall, FileOp, ProcessAction, ProcessCall, ScriptOperand, Words,
};
use stockade_policy::{AgentPolicy, Backend, Sender, View, command, environment};
use stockade_sandbox::facts::{self, FactError};
use url::Url;

use crate::running::Running;

/// Who wants something, under which config.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    /// The config in force.
    pub running: &'a Running,
    /// The agent.
    pub agent: &'a AgentPolicy,
    /// The session.
    pub session: &'a SessionKey,
    /// Who wants it.
    pub sender: &'a Sender,
    /// The turn.
    pub turn: &'a TurnId,
    /// The id of the call.
    pub call_id: &'a str,
    /// What was looked up for other questions of the same moment. A turn looks up everything itself.
    pub known: Option<&'a Lookups>,
}

/// What was found in the file system, for questions that come together. Bounded in number and in time.
pub struct Lookups {
    until: Instant,
    views: RefCell<BTreeMap<SessionKey, Result<View, Denial>>>,
    programs: RefCell<BTreeMap<(SessionKey, PathBuf, String), Executable>>,
    operands: RefCell<BTreeMap<(SessionKey, PathBuf), Vec<ScriptOperand>>>,
}

/// A command that somebody wants to run.
pub struct ExecWish {
    /// The command.
    pub command: String,
    /// Where; relative to the session's working directory.
    pub workdir: Option<String>,
    /// Variables to set.
    pub env: BTreeMap<String, String>,
    /// Wall-clock bound, in seconds; 0 and absent are the policy's.
    pub timeout_seconds: Option<u64>,
    /// Keep it running after the call returns.
    pub background: bool,
}

/// An address that somebody wants to fetch.
pub struct FetchWish {
    /// Which.
    pub url: Url,
    /// Where it stands.
    pub words: Words,
    /// Whether the session has read untrusted content.
    pub untrusted: bool,
    /// At most this many characters come back.
    pub max_chars: usize,
}

impl Default for Lookups {
    fn default() -> Self {
        Self {
            until: Instant::now() + LOOKUP_TIME,
            views: RefCell::default(),
            programs: RefCell::default(),
            operands: RefCell::default(),
        }
    }
}

impl Asking<'_> {
    /// A command with its programs, its operands and its environment. Blocks on the file system.
    ///
    /// # Errors
    /// A [`Denial`] when a fact cannot be had, or the request sets what it may not.
    pub fn exec(&self, wish: &ExecWish, view: View) -> Result<ExecCall, Denial> {
        let home = match view.backend {
            Backend::Native => "/home/sandbox".to_owned(),
            Backend::Host => self.agent.home.to_string_lossy().into_owned(),
        };
        let env = environment::build_env(&wish.env, &home)?;
        let cwd = view.absolute(Path::new(wish.workdir.as_deref().unwrap_or(".")));
        if view.locate(&cwd).is_none() {
            return Err(Denial::policy(Rule::Workspace, "the working directory is outside what this session may see"));
        }
        let analysis = command::analyze(&wish.command);
        let programs: Vec<String> = analysis.programs().map(str::to_owned).collect();
        // Words mean what they mean in the working directory of the call.
        let there = View { workdir: cwd.clone(), ..view.clone() };
        let found = programs.iter().map(|word| self.program(&there, word)).collect::<Result<_, _>>();
        let programs = found.map_err(|error| Denial::unreadable(Rule::ExecOpaque, error.to_string()))?;
        let (operands, unbound) = match self.operands(&analysis, &wish.command, &there) {
            Ok(operands) => (operands, None),
            Err(why) => (Vec::new(), Some(why)),
        };
        let timeout = wish.timeout_seconds.map_or(view.limits.wall, |asked| match asked {
            0 => view.limits.wall,
            asked => Duration::from_secs(asked).min(view.limits.wall),
        });
        Ok(ExecCall {
            context: self.context(),
            command: wish.command.clone(),
            cwd,
            env,
            programs,
            operands,
            unbound,
            view,
            background: wish.background,
            timeout,
        })
    }

    /// What the session sees, without making any of it.
    ///
    /// # Errors
    /// As [`Running::view`].
    pub fn view(&self) -> Result<View, Denial> {
        if let Some(found) = self.known.and_then(|known| known.views.borrow().get(self.session).cloned()) {
            return found;
        }
        let found = self.running.view(self.agent, self.session);
        remember(self.known.map(|known| &known.views), || self.session.clone(), &found);
        found
    }

    /// An act on a background process.
    #[must_use]
    pub fn process(&self, action: ProcessAction) -> ProcessCall {
        ProcessCall { context: self.context(), action }
    }

    /// A file operation.
    #[must_use]
    pub fn file(&self, path: &str, op: FileOp, view: View) -> FileCall {
        FileCall { context: self.context(), path: view.absolute(Path::new(path)), op, view }
    }

    /// A request to the web.
    #[must_use]
    pub fn fetch(&self, wish: &FetchWish) -> FetchCall {
        FetchCall {
            context: self.context(),
            url: wish.url.clone(),
            words: wish.words,
            untrusted: wish.untrusted,
            max_chars: wish.max_chars.min(self.agent.fetch_max_chars),
        }
    }

    fn context(&self) -> CallContext {
        CallContext {
            agent: self.agent.id.clone(),
            session: self.session.clone(),
            sender: self.sender.clone(),
            turn: self.turn.clone(),
            call_id: self.call_id.to_owned(),
            generation: self.running.policy.generation,
        }
    }

    fn program(&self, there: &View, word: &str) -> Result<Executable, FactError> {
        let key = || (self.session.clone(), there.workdir.clone(), word.to_owned());
        if let Some(found) = self.known.and_then(|known| known.programs.borrow().get(&key()).cloned()) {
            return Ok(found);
        }
        let (found, _) = facts::resolve(there, &[word.to_owned()], &[])?;
        let nothing = || Executable { word: word.to_owned(), path: None, identity: None };
        let found = found.into_iter().next().unwrap_or_else(nothing);
        remember(self.known.map(|known| &known.programs), key, &found);
        Ok(found)
    }

    /// The files to bind: those that the command names, and those that its patterns may stand for. The error
    /// says why they cannot all be bound.
    fn operands(&self, analysis: &command::Analysis, text: &str, there: &View) -> Result<Vec<ScriptOperand>, String> {
        let too_many =
            || "it names more files than one approval can bind; put it into a script and run that".to_owned();
        let named = analysis.operands(text).ok_or_else(too_many)?;
        let mut paths: Vec<PathBuf> = named.iter().map(|word| there.workdir.join(word)).collect();
        for folder in analysis.patterns(text) {
            self.in_time()?;
            paths.extend(facts::list(there, &there.workdir.join(folder)).map_err(|error| error.to_string())?);
        }
        paths.sort();
        paths.dedup();
        if paths.len() > MAX_BOUND {
            return Err(too_many());
        }
        let mut found = Vec::new();
        for path in paths {
            self.in_time()?;
            found.extend(self.operand(there, path).map_err(|error| error.to_string())?);
        }
        Ok(found)
    }

    /// Answers "name files until the gateway does nothing else": a question is not worth that much reading.
    fn in_time(&self) -> Result<(), String> {
        match self.known {
            Some(known) if Instant::now() > known.until => {
                Err("it names more than can be looked up for a question; ask about less at a time".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn operand(&self, there: &View, path: PathBuf) -> Result<Vec<ScriptOperand>, FactError> {
        let key = || (self.session.clone(), path.clone());
        if let Some(found) = self.known.and_then(|known| known.operands.borrow().get(&key()).cloned()) {
            return Ok(found);
        }
        let (_, found) = facts::resolve(there, &[], std::slice::from_ref(&path))?;
        remember(self.known.map(|known| &known.operands), key, &found);
        Ok(found)
    }
}

/// Keeps what was found, while there is room.
fn remember<K: Ord, V: Clone>(known: Option<&RefCell<BTreeMap<K, V>>>, key: impl FnOnce() -> K, found: &V) {
    if let Some(known) = known
        && known.borrow().len() < MAX_KNOWN
    {
        known.borrow_mut().insert(key(), found.clone());
    }
}

/// Files that one approval binds.
const MAX_BOUND: usize = 256;
/// How long files are looked up for questions that come together.
const LOOKUP_TIME: Duration = Duration::from_millis(500);
/// Findings of one kind that are kept for questions that come together.
const MAX_KNOWN: usize = 4096;
