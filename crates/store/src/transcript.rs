//! Session transcripts in OpenClaw's JSONL form, and their index.
//!
//! `<store>/agents/<agentId>/sessions/<sessionId>.jsonl` with `sessions.json` beside it: OpenClaw's layout under our
//! own folder, so that OpenClaw's tree is never written. A message has a label or it does not exist, and a session's
//! label only rises: it is on the disk before the message that raises it, and an index that was set back is raised
//! again by the messages themselves. Answers "launder the session": restart, then read web content as trusted.
//!
//! Messages are written and not synced: after a power cut the last ones may be missing, which the journal shows. The
//! index, with its labels, is synced. One process writes: whoever holds the [`Journal`](crate::Journal).

mod file;
mod index;
mod message;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use stockade_core::{AgentId, Clock, Label, Labeled, Redactor, SessionKey, Source, Timestamp};
use thiserror::Error;

use crate::folder::{FileError, Folder};
use file::Transcript;

pub use message::{Message, Part, Role, Stored, Usage};

/// All sessions of a store folder.
pub struct Sessions {
    root: Folder,
    redactor: Redactor,
    clock: Arc<dyn Clock>,
    state: Mutex<BTreeMap<SessionKey, Session>>,
}

/// What is known about a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionMeta {
    /// Its key.
    pub key: SessionKey,
    /// Its id, a UUID; the name of its file.
    pub session_id: String,
    /// Its agent.
    pub agent: AgentId,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// The join of the labels of everything in it; none while it is empty.
    pub label: Option<Label>,
}

/// A transcript or index that could not be used.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum TranscriptError {
    /// A file could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no such session.
    #[error("there is no session `{key}`")]
    Unknown {
        /// The key.
        key: SessionKey,
    },
    /// The index does not parse. It holds the labels, so nothing stands in for it.
    #[error("{} cannot be used: {why}; restore it, or move it away together with the transcripts beside it", file.display())]
    Index {
        /// The index.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A line of a transcript is not what was written.
    #[error("{} line {line} cannot be used: {why}; move the file away to begin the session anew", file.display())]
    Line {
        /// The transcript.
        file: PathBuf,
        /// Which line, from 1.
        line: u64,
        /// What is wrong.
        why: String,
    },
    /// The message is too large to be kept.
    #[error("a message of {bytes} bytes is larger than a transcript line may be ({} bytes)", file::MAX_LINE)]
    TooLarge {
        /// Its size as JSON.
        bytes: usize,
    },
}

/// A session with its open transcript, once one was needed.
struct Session {
    meta: SessionMeta,
    transcript: Option<Transcript>,
}

impl Sessions {
    /// Opens the sessions of a store folder (`<state>/stockade`).
    ///
    /// # Errors
    /// When a folder or index cannot be used.
    pub fn open(dir: &Path, redactor: Redactor, clock: Arc<dyn Clock>) -> Result<Self, TranscriptError> {
        let root = Folder::private(dir)?.private_child("agents")?;
        let mut state = BTreeMap::new();
        for agent in root.children()?.iter().filter_map(|name| AgentId::parse(name).ok()) {
            for meta in index::read(&root, &agent)? {
                state.insert(meta.key.clone(), Session { meta, transcript: None });
            }
        }
        Ok(Self { root, redactor, clock, state: Mutex::new(state) })
    }

    /// The session of a key; a new one when there is none. `workspace` is noted in the head of a new transcript.
    ///
    /// # Errors
    /// When the new session cannot be written.
    pub fn get_or_create(&self, key: &SessionKey, workspace: &Path) -> Result<SessionMeta, TranscriptError> {
        let mut state = self.state();
        if let Some(session) = state.get(key) {
            return Ok(session.meta.clone());
        }
        let now = self.clock.now();
        let meta = SessionMeta {
            key: key.clone(),
            session_id: uuid::Uuid::new_v4().to_string(),
            agent: key.agent(),
            created_at: now,
            updated_at: now,
            label: None,
        };
        let folder = index::folder(&self.root, &meta.agent)?;
        let transcript = Transcript::begin(&folder, &meta, &self.redactor.mask(&workspace.to_string_lossy()))?;
        state.insert(key.clone(), Session { meta: meta.clone(), transcript: Some(transcript) });
        if let Err(error) = index::write(&folder, of_agent(&state, &meta.agent)) {
            state.remove(key);
            return Err(error);
        }
        Ok(meta)
    }

    /// What is known about a session.
    #[must_use]
    pub fn find(&self, key: &SessionKey) -> Option<SessionMeta> {
        self.state().get(key).map(|session| session.meta.clone())
    }

    /// Appends a message and raises the session's label by its label. Secrets in it are masked.
    ///
    /// # Errors
    /// When there is no such session, or the message or the label cannot be written. The label may then have risen.
    pub fn append(&self, key: &SessionKey, message: Labeled<Message>) -> Result<Stored, TranscriptError> {
        let (content, label) = message.into_parts();
        let message = Labeled::new(content, masked(label, &self.redactor));
        let mut state = self.state();
        close_idle(&mut state, key);
        let session = state.get_mut(key).ok_or_else(|| TranscriptError::Unknown { key: key.clone() })?;
        self.load(session)?;
        let raised = joined(session.meta.label.as_ref(), message.label());
        if session.meta.label.as_ref() != Some(&raised) {
            session.meta.label = Some(raised);
            let agent = session.meta.agent.clone();
            index::write(&index::folder(&self.root, &agent)?, of_agent(&state, &agent))?;
        }
        let session = state.get_mut(key).ok_or_else(|| TranscriptError::Unknown { key: key.clone() })?;
        let now = self.clock.now();
        let transcript = self.load(session)?;
        let stored = transcript.append(message.map(|message| message.masked(&self.redactor)), now)?;
        session.meta.updated_at = now;
        Ok(stored)
    }

    /// The last messages of a session, oldest first, at most `limit`.
    ///
    /// # Errors
    /// When there is no such session, or its transcript cannot be read.
    pub fn history(&self, key: &SessionKey, limit: usize) -> Result<Vec<Stored>, TranscriptError> {
        let mut state = self.state();
        close_idle(&mut state, key);
        let session = state.get_mut(key).ok_or_else(|| TranscriptError::Unknown { key: key.clone() })?;
        self.load(session)?.last(limit)
    }

    /// How many sessions there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.state().len()
    }

    /// All sessions, the latest first.
    #[must_use]
    pub fn list(&self) -> Vec<SessionMeta> {
        let mut metas: Vec<_> = self.state().values().map(|session| session.meta.clone()).collect();
        metas.sort_by_key(|meta| std::cmp::Reverse(meta.updated_at));
        metas
    }

    /// The open transcript of a session. Opening reads it through once and joins what it finds into the label.
    fn load<'a>(&self, session: &'a mut Session) -> Result<&'a mut Transcript, TranscriptError> {
        let transcript = match session.transcript.take() {
            Some(transcript) => transcript,
            None => {
                let folder = index::folder(&self.root, &session.meta.agent)?;
                let (transcript, label) = Transcript::resume(&folder, &session.meta)?;
                if let Some(label) = label {
                    session.meta.label = Some(joined(session.meta.label.as_ref(), &label));
                }
                transcript
            }
        };
        Ok(session.transcript.insert(transcript))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, BTreeMap<SessionKey, Session>> {
        // Every change is made complete or not at all, so that a panic elsewhere leaves nothing half-done here.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").field("root", &self.root).finish_non_exhaustive()
    }
}

/// Names of sources are foreign text too: an address may carry a key.
fn masked(label: Label, redactor: &Redactor) -> Label {
    let mask = |source: Source| Source { name: redactor.mask(&source.name), ..source };
    Label { sources: label.sources.into_iter().map(mask).collect(), ..label }
}

/// Keeps few transcripts open: with one descriptor for each session that ever spoke, the gateway would run
/// out of them, and what cannot be opened then is closed, the containment lock first.
fn close_idle(state: &mut BTreeMap<SessionKey, Session>, keep: &SessionKey) {
    if state.values().filter(|session| session.transcript.is_some()).count() >= MAX_OPEN {
        state.iter_mut().filter(|(key, _)| *key != keep).for_each(|(_, session)| session.transcript = None);
    }
}

/// Transcripts that stay open.
const MAX_OPEN: usize = 64;

fn joined(label: Option<&Label>, other: &Label) -> Label {
    label.map_or_else(|| other.clone(), |label| label.join(other))
}

fn of_agent<'a>(state: &'a BTreeMap<SessionKey, Session>, agent: &'a AgentId) -> impl Iterator<Item = &'a SessionMeta> {
    state.values().map(|session| &session.meta).filter(move |meta| meta.agent == *agent)
}
