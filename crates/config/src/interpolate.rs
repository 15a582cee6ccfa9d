//! `${NAME}` in string values. A variable that is missing or empty is an error, never an empty value:
//! an auth token that silently became "" is an open door.

use serde_json::Value;

use crate::environment::Env;
use crate::error::ConfigError;
use crate::include::dotted;

/// Replaces `${NAME}` (NAME: `[A-Z_][A-Z0-9_]*`) in every string of a tree, once: what a variable
/// holds is not read again. `$${NAME}` stands for the literal text.
pub(crate) fn interpolate(
    value: &mut Value,
    env: &Env,
    key: &mut Vec<String>,
    place: &dyn Fn(&[String]) -> String,
) -> Result<(), ConfigError> {
    match value {
        Value::String(text) if text.contains("${") => {
            *text = interpolated(text, env).map_err(|name| ConfigError::Variable {
                place: place(key),
                key: dotted(key),
                name,
            })?;
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                key.push(name.clone());
                interpolate(field, env, key, place)?;
                key.pop();
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                key.push(at.to_string());
                interpolate(item, env, key, place)?;
                key.pop();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    Ok(())
}

/// The text with its variables replaced, each once.
///
/// # Errors
/// The name of the first one that is missing.
pub fn interpolated(text: &str, env: &Env) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some((name, tail)) = after.strip_prefix('$').and_then(variable) {
            out.extend(["${", name, "}"]);
            rest = tail;
        } else if let Some((name, tail)) = variable(after) {
            out.push_str(env.get(name).ok_or_else(|| name.to_owned())?);
            rest = tail;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// The name in a text that begins with `{NAME}`, and what follows.
fn variable(text: &str) -> Option<(&str, &str)> {
    let (name, tail) = text.strip_prefix('{')?.split_once('}')?;
    let starts = name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_');
    let valid = name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    (starts && valid).then_some((name, tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<String, String> {
        interpolated(text, &Env::from_iter([("A", "one"), ("B_2", "${A}"), ("EMPTY", "")]))
    }

    #[test]
    fn variables_are_replaced_once() {
        assert_eq!(of("x${A}y$${A}z${B_2}"), Ok("xoney${A}z${A}".into()));
        assert_eq!(of("$A ${a} ${} $ ${A B} ${A"), Ok("$A ${a} ${} $ ${A B} ${A".into()));
        assert_eq!(of("$$${A}"), Ok("$${A}".into()));
        assert_eq!(of("a$$b"), Ok("a$$b".into()));
    }

    #[test]
    fn what_is_missing_or_empty_is_named() {
        assert_eq!(of("${NONE}"), Err("NONE".into()));
        assert_eq!(of("${A}${EMPTY}"), Err("EMPTY".into()));
        let mut value = serde_json::json!({"gateway": {"auth": {"list": ["", "${NONE}"]}}});
        let error = interpolate(&mut value, &Env::default(), &mut Vec::new(), &|_| "f.json:3".into());
        let error = error.expect_err("is missing").to_string();
        assert_eq!(
            error,
            "f.json:3: gateway.auth.list.1: the environment variable NONE is not set or empty; set it, or write $${NONE} for the literal text"
        );
    }
}
