//! The environment as a value: a snapshot taken once at start, so that no later stage depends on
//! process-global state and a test never has to set it.

use std::collections::BTreeMap;

/// A snapshot of environment variables. Values are not shown by `Debug`: many are keys.
#[derive(Clone, Default)]
pub struct Env(BTreeMap<String, String>);

impl Env {
    /// The environment of this process. Names and values that are not UTF-8 are left out.
    #[must_use]
    pub fn of_process() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// The value of a variable; an empty one counts as not set, as in OpenClaw.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Every variable that is set.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// This environment with one variable set, whatever it was before.
    #[must_use]
    pub fn with(mut self, name: &str, value: String) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    /// This environment with variables that it does not have yet: what is set is never overridden.
    #[must_use]
    pub(crate) fn with_fallback(mut self, more: impl IntoIterator<Item = (String, String)>) -> Self {
        for (name, value) in more {
            if self.get(&name).is_none() {
                self.0.insert(name, value);
            }
        }
        self
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl std::fmt::Debug for Env {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Env({} variables)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_wins_and_values_do_not_print() {
        let env = Env::from_iter([("A", "process-secret"), ("EMPTY", "")]);
        let env = env.with_fallback([("A".into(), "file".into()), ("EMPTY".into(), "filled".into())]);
        assert_eq!((env.get("A"), env.get("EMPTY"), env.get("B")), (Some("process-secret"), Some("filled"), None));
        assert!(!format!("{env:?}").contains("process-secret"));
    }
}
