//! One transcript file: a `session` line, then `message` lines, each naming the one before it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, Write as _};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use stockade_core::{Label, Labeled, Timestamp};

use super::message::{Message, Stored};
use super::{SessionMeta, TranscriptError};
use crate::folder::{FileError, Folder};

/// An open transcript.
pub(super) struct Transcript {
    file: File,
    path: PathBuf,
    /// The length that is known to end with a whole line.
    end: u64,
    messages: u64,
    last_id: Option<String>,
}

/// One line.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line {
    Session {
        version: u32,
        id: String,
        timestamp: String,
        cwd: String,
    },
    #[serde(rename_all = "camelCase")]
    Message {
        id: String,
        parent_id: Option<String>,
        timestamp: String,
        message: Box<Said>,
        stockade: Ours,
    },
}

/// OpenClaw keeps the time in milliseconds inside the message.
#[derive(Serialize, Deserialize)]
struct Said {
    #[serde(flatten)]
    message: Message,
    timestamp: Timestamp,
}

/// What OpenClaw's form has no place for.
#[derive(Serialize, Deserialize)]
struct Ours {
    label: Label,
}

impl Transcript {
    /// Begins the transcript of a new session.
    pub(super) fn begin(folder: &Folder, meta: &SessionMeta, workspace: &str) -> Result<Self, TranscriptError> {
        let mut transcript = Self::open(folder, meta)?;
        transcript.write_first(meta, workspace)?;
        Ok(transcript)
    }

    /// Opens the transcript of a known session, and answers the join of its labels. Half a line at its end, left by a
    /// crash, is cut off.
    pub(super) fn resume(folder: &Folder, meta: &SessionMeta) -> Result<(Self, Option<Label>), TranscriptError> {
        let mut transcript = Self::open(folder, meta)?;
        let mut label: Option<Label> = None;
        let (mut messages, mut last_id) = (0, None);
        let end = transcript.each(|stored| {
            label = Some(super::joined(label.as_ref(), stored.message.label()));
            messages = stored.seq;
            last_id = Some(stored.id);
        })?;
        transcript.file.set_len(end).map_err(|error| transcript.failed("cut the torn end of", error))?;
        (transcript.end, transcript.messages, transcript.last_id) = (end, messages, last_id);
        if end == 0 {
            // Someone removed the file. The session goes on empty, and its label stays.
            transcript.write_first(meta, "")?;
        }
        Ok((transcript, label))
    }

    /// Appends a message.
    pub(super) fn append(&mut self, message: Labeled<Message>, at: Timestamp) -> Result<Stored, TranscriptError> {
        let seq = self.messages + 1;
        let id: String = uuid::Uuid::new_v4().simple().to_string().chars().take(16).collect();
        let (content, label) = message.into_parts();
        let line = Line::Message {
            id: id.clone(),
            parent_id: self.last_id.clone(),
            timestamp: at.to_string(),
            message: Box::new(Said { message: content.clone(), timestamp: at }),
            stockade: Ours { label: label.clone() },
        };
        self.write(&line)?;
        self.messages = seq;
        self.last_id = Some(id.clone());
        Ok(Stored { id, seq, at, message: Labeled::new(content, label) })
    }

    /// The last messages, oldest first.
    pub(super) fn last(&mut self, limit: usize) -> Result<Vec<Stored>, TranscriptError> {
        let mut kept = VecDeque::new();
        self.each(|stored| {
            kept.push_back(stored);
            if kept.len() > limit {
                kept.pop_front();
            }
        })?;
        Ok(kept.into())
    }

    fn open(folder: &Folder, meta: &SessionMeta) -> Result<Self, TranscriptError> {
        let name = format!("{}.jsonl", meta.session_id);
        let file = folder.append(&name)?;
        Ok(Self { file, path: folder.path_of(&name), end: 0, messages: 0, last_id: None })
    }

    fn write_first(&mut self, meta: &SessionMeta, workspace: &str) -> Result<(), TranscriptError> {
        self.write(&Line::Session {
            version: VERSION,
            id: meta.session_id.clone(),
            timestamp: meta.created_at.to_string(),
            cwd: workspace.to_owned(),
        })
    }

    fn write(&mut self, line: &Line) -> Result<(), TranscriptError> {
        let mut bytes =
            serde_json::to_vec(line).map_err(|error| self.failed("encode a line of", std::io::Error::from(error)))?;
        bytes.push(b'\n');
        if bytes.len() > MAX_LINE {
            return Err(TranscriptError::TooLarge { bytes: bytes.len() });
        }
        if let Err(error) = self.file.write_all(&bytes) {
            // Half a line would make every later one unreadable; if it stays, `resume` will say which.
            let _ = self.file.set_len(self.end);
            return Err(self.failed("write", error));
        }
        self.end += bytes.len() as u64;
        Ok(())
    }

    /// Visits every message; answers where the last whole line ends.
    fn each(&mut self, mut visit: impl FnMut(Stored)) -> Result<u64, TranscriptError> {
        let file = self.file.try_clone().map_err(|error| self.failed("read", error))?;
        let mut reader = BufReader::new(file);
        reader.rewind().map_err(|error| self.failed("read", error))?;
        let (mut end, mut number, mut seq) = (0, 0, 0);
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            reader
                .by_ref()
                .take(MAX_LINE as u64)
                .read_until(b'\n', &mut bytes)
                .map_err(|error| self.failed("read", error))?;
            number += 1;
            let unusable = |why: String| TranscriptError::Line { file: self.path.clone(), line: number, why };
            if bytes.last() != Some(&b'\n') {
                return if bytes.len() == MAX_LINE { Err(unusable("it is too long".into())) } else { Ok(end) };
            }
            end += bytes.len() as u64;
            match serde_json::from_slice(&bytes).map_err(|error| unusable(error.to_string()))? {
                Line::Session { version: VERSION, .. } => {}
                Line::Session { version, .. } => return Err(unusable(format!("version {version} is not known"))),
                Line::Message { id, message, stockade: Ours { label }, .. } => {
                    let Said { message, timestamp } = *message;
                    seq += 1;
                    visit(Stored { id, seq, at: timestamp, message: Labeled::new(message, label) });
                }
            }
        }
    }

    fn failed(&self, doing: &'static str, error: std::io::Error) -> TranscriptError {
        FileError::system(doing, &self.path, error).into()
    }
}

/// A line, in bytes, newline included.
pub(super) const MAX_LINE: usize = 4 * 1024 * 1024;
/// The form that OpenClaw calls version 3.
const VERSION: u32 = 3;
