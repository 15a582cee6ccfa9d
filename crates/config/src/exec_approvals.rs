//! `<state>/exec-approvals.json`: the host's own exec policy and allowlists, in the file form of
//! February 2026. A word that it does not know counts as the strictest one; a file that cannot be
//! read whole is an error, never "no restriction".

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::error::ConfigError;
use crate::files::{MAX_CONFIG, read_text};
use crate::model::{ExecAsk, ExecSecurity};
use crate::paths::Paths;
use crate::syntax::parse;

/// The file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ExecApprovals {
    version: u32,
    /// What holds for every agent.
    pub defaults: ApprovalLayer,
    /// By agent id; `*` is every agent.
    pub agents: BTreeMap<String, ApprovalLayer>,
}

/// One layer of host policy. Absent means: this layer says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ApprovalLayer {
    /// Which commands may run at most.
    #[serde(deserialize_with = "security")]
    pub security: Option<ExecSecurity>,
    /// When the operator is asked at least.
    #[serde(deserialize_with = "ask")]
    pub ask: Option<ExecAsk>,
    /// What runs when nobody answers a question. Absent: nothing.
    #[serde(deserialize_with = "security")]
    pub ask_fallback: Option<ExecSecurity>,
    /// Commands that the operator allowed for good.
    pub allowlist: Vec<AllowlistEntry>,
}

/// One allowed command. `autoAllowSkills`, which lets OpenClaw allow the programs that a skill names, is not
/// read: what a skill says of itself is no permission.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AllowlistEntry {
    /// A glob over the resolved path of the program.
    pub pattern: String,
    /// A pattern over the arguments; absent: any.
    #[serde(default)]
    pub arg_pattern: Option<String>,
    /// Where the entry comes from; absent: an operator wrote it.
    #[serde(default)]
    pub source: Option<String>,
}

/// Reads the file; `None` when it is absent.
///
/// # Errors
/// [`ConfigError`] when the file is malformed, has another version, or others may write it: who can
/// write it can allow commands.
pub fn approvals_file(paths: &Paths) -> Result<Option<ExecApprovals>, ConfigError> {
    document(paths)?.map(|value| of(&value, paths)).transpose()
}

/// The file as a value; `None` when it is absent.
pub(crate) fn document(paths: &Paths) -> Result<Option<Value>, ConfigError> {
    let path = place(paths);
    match std::fs::symlink_metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        _ => {}
    }
    let file = read_text(&path, MAX_CONFIG)?;
    if file.mode & 0o022 != 0 {
        let why = format!("others may write it (mode {:04o}); run `chmod 600 {}`", file.mode, path.display());
        return Err(ConfigError::File { path, why });
    }
    Ok(Some(parse(&path, &file.text, 0)?.value))
}

/// The policy in a value; the paths are for the message.
pub(crate) fn of(value: &Value, paths: &Paths) -> Result<ExecApprovals, ConfigError> {
    let refuse = |why: String| ConfigError::File { path: place(paths), why };
    let approvals: ExecApprovals =
        crate::load::typed_value(value).map_err(|(key, expected)| refuse(format!("{key}: {expected}")))?;
    if approvals.version != 1 {
        return Err(refuse("version: expected 1".to_owned()));
    }
    Ok(approvals)
}

fn place(paths: &Paths) -> PathBuf {
    paths.state.join("exec-approvals.json")
}

fn security<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ExecSecurity>, D::Error> {
    strictest(deserializer, ExecSecurity::Deny)
}

fn ask<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ExecAsk>, D::Error> {
    strictest(deserializer, ExecAsk::Always)
}

fn strictest<'de, D: Deserializer<'de>, T: serde::de::DeserializeOwned>(
    deserializer: D,
    strict: T,
) -> Result<Option<T>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(Some(serde_json::from_value(value).unwrap_or(strict)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::write_new;

    fn of(text: &str) -> Result<Option<ExecApprovals>, String> {
        let folder = tempfile::tempdir().expect("temp dir");
        write_new(&folder.path().join("exec-approvals.json"), text).expect("written");
        approvals_file(&Paths::in_state_dir(folder.path())).map_err(|error| error.to_string())
    }

    #[test]
    fn the_file_is_read_and_absence_is_not_an_error() {
        let folder = tempfile::tempdir().expect("temp dir");
        assert!(approvals_file(&Paths::in_state_dir(folder.path())).expect("is absent").is_none());
        let text = r#"{"version":1,"socket":{"path":"x","token":"t"},"defaults":{"security":"allowlist","ask":"on-miss","askFallback":"deny"},
            "agents":{"*":{"allowlist":[{"id":"1","pattern":"/bin/ls","argPattern":"^-l$","lastUsedAt":1}]}}}"#;
        let read = of(text).expect("parses").expect("is there");
        assert_eq!((read.defaults.security, read.defaults.ask), (Some(ExecSecurity::Allowlist), Some(ExecAsk::OnMiss)));
        let entry = &read.agents["*"].allowlist[0];
        assert_eq!((entry.pattern.as_str(), entry.arg_pattern.as_deref()), ("/bin/ls", Some("^-l$")));
        assert_eq!(read.agents["*"].security, None);
    }

    #[test]
    fn unknown_words_are_the_strictest_and_malformed_files_errors() {
        let read = of(r#"{"version":1,"defaults":{"security":"Full","ask":"never","askFallback":7}}"#)
            .expect("parses")
            .expect("is there");
        assert_eq!(read.defaults.security, Some(ExecSecurity::Deny));
        assert_eq!(read.defaults.ask, Some(ExecAsk::Always));
        assert_eq!(read.defaults.ask_fallback, Some(ExecSecurity::Deny));
        for text in [
            "",
            "[]",
            "{}",
            r#"{"version":2}"#,
            r#"{"version":1,"agents":[]}"#,
            r#"{"version":1,"#,
            r#"{"version":1,"agents":{"a":{"allowlist":[{"argPattern":"x"}]}}}"#,
        ] {
            assert!(of(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_file_that_others_may_write_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("exec-approvals.json");
        write_new(&path, r#"{"version":1}"#).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o620)).expect("ours");
        let error = approvals_file(&Paths::in_state_dir(folder.path())).expect_err("is open").to_string();
        assert!(error.contains("0620") && error.contains("chmod 600"), "{error}");
    }
}
