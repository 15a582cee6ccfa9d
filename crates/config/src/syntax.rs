//! Text to values: JSON5 and YAML, by the file's name. Errors give the place and what was expected
//! there, and never quote the text, which may be a secret.

use std::path::Path;

use serde_json::Value;

use crate::bounds::{MAX_DEPTH, MAX_VALUES, Outline};
use crate::error::ConfigError;

/// How a config file is written, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON5, and so JSON: every name but those of YAML.
    Json5,
    /// YAML: `.yaml` and `.yml`.
    Yaml,
}

impl Format {
    /// The format of a file of this name.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        let yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        if yaml { Self::Yaml } else { Self::Json5 }
    }
}

/// A parsed text. YAML has an outline when it is written plainly.
pub(crate) struct Parsed {
    pub(crate) value: Value,
    pub(crate) outline: Option<Outline>,
}

/// Parses a text that stands `depth` levels deep in the whole config.
pub(crate) fn parse(path: &Path, text: &str, depth: usize) -> Result<Parsed, ConfigError> {
    let left = MAX_DEPTH.saturating_sub(depth);
    if Format::of(path) == Format::Yaml {
        let value = parse_yaml(path, text, left.min(MAX_YAML_DEPTH))?;
        let outline = crate::edit::yaml_outline(text, &value);
        return Ok(Parsed { value, outline });
    }
    let outline = Outline::scan(text, left).map_err(|excess| syntax(path, (excess.line, 1), excess.expected))?;
    let value = json5::from_str(text).map_err(|error| {
        let at = error.position().map_or_else(|| end_of(text), |at| (at.line + 1, at.column + 1));
        // Only the parser's own codes: a message from elsewhere could repeat a value.
        let expected = error.code().map_or_else(|| "expected JSON5".to_owned(), |code| worded(&code.to_string()));
        syntax(path, at, expected)
    })?;
    Ok(Parsed { value, outline: Some(outline) })
}

fn parse_yaml(path: &Path, text: &str, depth: usize) -> Result<Value, ConfigError> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: depth,
            flow_nesting_limit: depth,
            max_nodes: MAX_VALUES,
            max_events: MAX_VALUES * 3,
            max_documents: 1,
            max_aliases: 1_000,
        },
        // Answers: the alias bomb ("billion laughs").
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 20_000, max_replay_stack_depth: 16 },
        // YAML 1.2: `mode: off` is the word, not a boolean.
        strict_booleans: true,
        non_finite_float_policy: serde_saphyr::NonFiniteFloatPolicy::Reject,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let at = error.location().map_or_else(|| end_of(text), |at| (number(at.line()), number(at.column())));
        syntax(path, at, expected_yaml(&error))
    })
}

fn worded(code: &str) -> String {
    match code.strip_prefix("EOF parsing ") {
        Some(what) => format!("expected the rest of the {what}, but the file ends"),
        None => code.to_owned(),
    }
}

fn number(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn syntax(path: &Path, (line, column): (usize, usize), expected: String) -> ConfigError {
    ConfigError::Syntax { path: path.to_owned(), line, column, expected }
}

fn end_of(text: &str) -> (usize, usize) {
    let last = text.lines().last().unwrap_or_default();
    (text.lines().count().max(1), last.chars().count() + 1)
}

/// What the YAML parser expected. Its own messages name keys and tags, so that only those with fixed
/// words are passed on.
fn expected_yaml(error: &serde_saphyr::Error) -> String {
    use serde_saphyr::Error;
    match error.without_snippet() {
        Error::DuplicateMappingKey { .. } => "expected each key once".to_owned(),
        Error::NonFiniteFloat { .. } => "expected a finite number".to_owned(),
        Error::UnknownAnchor { .. } => "expected an anchor that stands before its alias".to_owned(),
        Error::MultipleDocuments { .. } => "expected one document".to_owned(),
        Error::Eof { .. } => "expected a value before the end".to_owned(),
        Error::Unexpected { expected, .. } => format!("expected {expected}"),
        Error::Budget { .. } | Error::AliasReplayLimitExceeded { .. } | Error::AliasReplayStackDepthExceeded { .. } => {
            format!("expected at most {MAX_YAML_DEPTH} levels of nesting, {MAX_VALUES} values and few aliases")
        }
        _ => "expected well-formed YAML".to_owned(),
    }
}

/// Less than for JSON5: the YAML parser takes some 20 KB of stack a level in debug builds, and a
/// thread may have 2 MiB.
const MAX_YAML_DEPTH: usize = 40;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(name: &str, text: &str) -> Result<Value, String> {
        parse(Path::new(name), text, 0).map(|parsed| parsed.value).map_err(|error| error.to_string())
    }

    #[test]
    fn both_formats_give_the_same_value() {
        let json5 = read("a.json", "// c\n{discovery: {mdns: {mode: 'off'}}, l: [1, 2.5, true, null,],}");
        let yaml = read("a.yaml", "# c\ndiscovery:\n  mdns:\n    mode: off\nl: [1, 2.5, true, null]\n");
        assert_eq!(json5, Ok(json!({"discovery": {"mdns": {"mode": "off"}}, "l": [1, 2.5, true, null]})));
        assert_eq!(json5, yaml);
    }

    #[test]
    fn errors_name_the_place_and_what_was_expected() {
        assert_eq!(read("c.json", "{\n  a: 1\n  b: 2\n}"), Err("c.json:3:3: expected comma".to_owned()));
        assert_eq!(
            read("c.json", "{\n  a: [1,"),
            Err("c.json:2:6: expected the rest of the value, but the file ends".to_owned())
        );
        let yaml = read("c.yml", "a: [1\nb: 2\n").expect_err("is malformed");
        assert!(yaml.starts_with("c.yml:2:"), "{yaml}");
    }

    #[test]
    fn errors_never_quote_the_text() {
        for (name, text) in [
            ("c.json", "{token: sk-live-0123456789}"),
            ("c.json", "{token: 'sk-live-0123456789}"),
            ("c.yaml", "token: 'sk-live-0123456789"),
            ("c.yaml", "sk-live-0123456789: 1\nsk-live-0123456789: 2\n"),
            ("c.yaml", "a: *sk-live-0123456789"),
            ("c.yaml", "a: !sk-live-0123456789 x: y"),
            ("c.yaml", "a: [sk-live-0123456789\nb: sk-live-0123456789"),
            ("c.yaml", "a: %sk-live-0123456789\n\tb: @sk-live-0123456789"),
            ("c.yaml", "a: \"sk-live-0123456789\\q\""),
        ] {
            let error = read(name, text).expect_err(text);
            assert!(!error.contains("sk-live"), "{error}");
        }
    }

    #[test]
    fn the_deepest_text_that_is_let_through_fits_a_small_stack() {
        let nested = |n: usize| format!("{}1{}", "{a: [".repeat(n / 2), "]}".repeat(n / 2));
        assert!(read("c.json", &nested(MAX_DEPTH)).is_ok());
        assert!(read("c.yaml", &nested(MAX_YAML_DEPTH)).is_ok());
        let block: String = (0..MAX_YAML_DEPTH).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
        assert!(read("c.yaml", &block).is_ok());
    }

    #[test]
    fn yaml_bombs_are_refused() {
        let mut laughs = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..9 {
            let below = vec![format!("*a{}", level - 1); 10].join(",");
            laughs.push_str(&format!("a{level}: &a{level} [{below}]\n"));
        }
        let block: String = (0..400).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
        let dashes = "- ".repeat(100_000);
        assert!(read("c.yaml", &dashes).is_err());
        for bomb in [laughs, "[".repeat(100_000), "{a: ".repeat(100_000), block, "a: .inf\n".into(), "a: .nan\n".into()]
        {
            assert!(read("c.yaml", &bomb).is_err(), "{}", bomb.chars().take(60).collect::<String>());
        }
    }
}
