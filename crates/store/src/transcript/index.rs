//! `sessions.json`: OpenClaw's map from session key to session id, with our label beside it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stockade_core::{AgentId, Label, SessionKey, Timestamp};

use super::{SessionMeta, TranscriptError};
use crate::folder::Folder;

/// One entry, keyed by the session key.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    session_id: String,
    updated_at: Timestamp,
    created_at: Timestamp,
    #[serde(rename = "stockade:label")]
    label: Option<Label>,
}

/// The sessions folder of an agent, made when it is absent.
pub(super) fn folder(root: &Folder, agent: &AgentId) -> Result<Folder, TranscriptError> {
    Ok(root.private_child(agent.as_str())?.private_child("sessions")?)
}

/// Reads the index of an agent; no index is no sessions.
pub(super) fn read(root: &Folder, agent: &AgentId) -> Result<Vec<SessionMeta>, TranscriptError> {
    let folder = folder(root, agent)?;
    let unusable = |why: String| TranscriptError::Index { file: folder.path_of(FILE), why };
    let bytes = match folder.read_whole(FILE, MAX_FILE) {
        Ok(bytes) => bytes,
        Err(error) if error.is_absent() => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let rows: BTreeMap<String, Row> = serde_json::from_slice(&bytes).map_err(|error| unusable(error.to_string()))?;
    rows.into_iter()
        .map(|(key, row)| {
            let key = SessionKey::parse(&key).map_err(|error| unusable(error.to_string()))?;
            // The id becomes a file name: it is a UUID or it is an attack.
            let id = uuid::Uuid::parse_str(&row.session_id).map_err(|error| unusable(error.to_string()))?;
            if key.agent() != *agent {
                return Err(unusable(format!("`{key}` is a session of another agent")));
            }
            Ok(SessionMeta {
                key,
                session_id: id.to_string(),
                agent: agent.clone(),
                created_at: row.created_at,
                updated_at: row.updated_at,
                label: row.label,
            })
        })
        .collect()
}

/// Writes the index of an agent.
pub(super) fn write<'a>(
    folder: &Folder,
    sessions: impl Iterator<Item = &'a SessionMeta>,
) -> Result<(), TranscriptError> {
    let rows: BTreeMap<&str, Row> = sessions
        .map(|meta| {
            let row = Row {
                session_id: meta.session_id.clone(),
                updated_at: meta.updated_at,
                created_at: meta.created_at,
                label: meta.label.clone(),
            };
            (meta.key.as_str(), row)
        })
        .collect();
    let json = serde_json::to_vec_pretty(&rows)
        .map_err(|error| TranscriptError::Index { file: folder.path_of(FILE), why: error.to_string() })?;
    Ok(folder.replace(FILE, &json)?)
}

const FILE: &str = "sessions.json";
const MAX_FILE: u64 = 64 * 1024 * 1024;
