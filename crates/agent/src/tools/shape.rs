//! The shape of a tool's arguments: one table per tool, from which both the JSON Schema that a model
//! sees and the check of what it sends are made, so that the two cannot disagree.
//!
//! The check is strict. An argument that is not in the table is refused by name, because an argument
//! that is silently dropped makes what runs differ from what was asked and shown.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use stockade_core::{Denial, Rule, text};
use thiserror::Error;

/// One argument.
#[derive(Debug)]
pub(super) struct Parameter {
    /// The name that the model is told.
    pub(super) name: &'static str,
    /// Other spellings that models are known to use for it, from OpenClaw and its kin.
    pub(super) synonyms: &'static [&'static str],
    pub(super) kind: Kind,
    pub(super) required: bool,
    pub(super) description: &'static str,
}

/// What an argument holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Text without NUL, at most this many bytes.
    Text(usize),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number within these bounds, both included.
    Number(u64, u64),
    /// True or false.
    Flag,
    /// Names of environment variables with their values.
    Variables,
}

/// Why a call does not fit its tool. Names that the model wrote are clipped and made visible.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ShapeError {
    /// No such tool.
    #[error("there is no tool {tool:?}")]
    UnknownTool {
        /// The name that was called.
        tool: String,
    },
    /// The arguments are not one JSON object, or were too large or too deep to read.
    #[error("the arguments of {tool} are not a JSON object")]
    NotAnObject {
        /// The tool.
        tool: &'static str,
    },
    /// An argument that the tool does not have.
    #[error("{tool} has no argument {name:?}; it takes {known}")]
    Unknown {
        /// The tool.
        tool: &'static str,
        /// The argument.
        name: String,
        /// Those that it has.
        known: String,
    },
    /// One argument under two names.
    #[error("{tool}: {name} is given twice, under two names")]
    Twice {
        /// The tool.
        tool: &'static str,
        /// The argument.
        name: &'static str,
    },
    /// A required argument is missing.
    #[error("{tool} needs {name}")]
    Missing {
        /// The tool.
        tool: &'static str,
        /// The argument.
        name: &'static str,
    },
    /// A value of the wrong type, or beyond its bound.
    #[error("{tool}: {name} must be {expected}")]
    Value {
        /// The tool.
        tool: &'static str,
        /// The argument.
        name: &'static str,
        /// What fits.
        expected: String,
    },
}

impl ShapeError {
    /// The error as the judge's refusal.
    #[must_use]
    pub fn denial(&self) -> Denial {
        Denial::policy(Rule::ToolShape, self.to_string())
    }
}

/// Arguments that fit their table.
#[derive(Debug)]
pub(super) struct Arguments<'a> {
    tool: &'static str,
    values: BTreeMap<&'static str, &'a Value>,
}

/// The JSON Schema of a table.
pub(super) fn schema(parameters: &[Parameter]) -> Value {
    let properties: Map<String, Value> = parameters.iter().map(|it| (it.name.to_owned(), it.schema())).collect();
    let required: Vec<_> = parameters.iter().filter(|it| it.required).map(|it| it.name).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

impl Parameter {
    fn schema(&self) -> Value {
        let mut schema = match self.kind {
            Kind::Text(_) => json!({"type": "string"}),
            Kind::Word(words) => json!({"type": "string", "enum": words}),
            Kind::Number(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
            Kind::Flag => json!({"type": "boolean"}),
            Kind::Variables => json!({"type": "object", "additionalProperties": {"type": "string"}}),
        };
        schema["description"] = json!(self.description);
        schema
    }

    fn answers_to(&self, name: &str) -> bool {
        self.name == name || self.synonyms.contains(&name)
    }
}

impl Kind {
    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Text(max) => value.as_str().is_some_and(|text| plain(text, max)),
            Self::Word(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Self::Number(least, most) => value.as_u64().is_some_and(|number| (least..=most).contains(&number)),
            Self::Flag => value.is_boolean(),
            Self::Variables => value.as_object().is_some_and(|variables| {
                let fits = |(name, value): (&String, &Value)| {
                    variable_name(name) && value.as_str().is_some_and(|text| plain(text, MAX_VARIABLE))
                };
                variables.len() <= MAX_VARIABLES && variables.iter().all(fits)
            }),
        }
    }

    fn expected(self) -> String {
        match self {
            Self::Text(max) => format!("text of at most {max} bytes, without NUL"),
            Self::Word(words) => format!("one of {}", words.join(", ")),
            Self::Number(least, most) => format!("a whole number from {least} to {most}"),
            Self::Flag => "true or false".to_owned(),
            Self::Variables => {
                format!("at most {MAX_VARIABLES} names like PATH_2, each with a text of at most {MAX_VARIABLE} bytes")
            }
        }
    }
}

impl<'a> Arguments<'a> {
    /// Checks what a model sent against the table. `null` stands for "not given".
    pub(super) fn check(tool: &'static str, parameters: &[Parameter], value: &'a Value) -> Result<Self, ShapeError> {
        let given = value.as_object().ok_or(ShapeError::NotAnObject { tool })?;
        let mut values = BTreeMap::new();
        for (name, value) in given {
            let parameter = parameters.iter().find(|it| it.answers_to(name)).ok_or_else(|| ShapeError::Unknown {
                tool,
                name: text::clip(&text::visible(name), 40),
                known: parameters.iter().map(|it| it.name).collect::<Vec<_>>().join(", "),
            })?;
            if value.is_null() {
                continue;
            }
            if !parameter.kind.fits(value) {
                return Err(ShapeError::Value { tool, name: parameter.name, expected: parameter.kind.expected() });
            }
            if values.insert(parameter.name, value).is_some() {
                return Err(ShapeError::Twice { tool, name: parameter.name });
            }
        }
        match parameters.iter().find(|it| it.required && !values.contains_key(it.name)) {
            Some(missing) => Err(ShapeError::Missing { tool, name: missing.name }),
            None => Ok(Self { tool, values }),
        }
    }

    /// A text, when it was given.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.values.get(name)?.as_str().map(str::to_owned)
    }

    /// A text that the tool cannot do without.
    pub(super) fn needed(&self, name: &'static str) -> Result<String, ShapeError> {
        self.text(name).ok_or(ShapeError::Missing { tool: self.tool, name })
    }

    /// A number, when it was given.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.values.get(name)?.as_u64()
    }

    /// A number as a count, or `default`.
    pub(super) fn count(&self, name: &str, default: usize) -> usize {
        self.number(name).and_then(|number| usize::try_from(number).ok()).unwrap_or(default)
    }

    /// A flag; false when it was not given.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.values.get(name).and_then(|value| value.as_bool()).unwrap_or(false)
    }

    /// Environment variables; none when they were not given.
    pub(super) fn variables(&self, name: &str) -> BTreeMap<String, String> {
        let variables = self.values.get(name).and_then(|value| value.as_object()).into_iter().flatten();
        variables.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
    }

    /// The refusal of a value that fits the table but not the tool.
    pub(super) fn refuse(&self, name: &'static str, expected: &str) -> ShapeError {
        ShapeError::Value { tool: self.tool, name, expected: expected.to_owned() }
    }
}

/// NUL ends a string for the kernel: what follows it would be shown and not run, or the reverse.
fn plain(text: &str, max: usize) -> bool {
    text.len() <= max && !text.contains('\0')
}

fn variable_name(name: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=128).contains(&name.len()) && name.bytes().all(valid) && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// Longest path that Linux opens, in bytes.
pub(super) const MAX_PATH: usize = 4096;

/// Bytes of a file's content, or of a part of it.
pub(super) const MAX_CONTENT: usize = 1 << 20;

const MAX_VARIABLES: usize = 64;

const MAX_VARIABLE: usize = 32 << 10;

/// The path argument that the file tools share.
pub(super) const PATH: Parameter = Parameter {
    name: "path",
    synonyms: &["file_path", "filePath", "file", "filepath", "filename"],
    kind: Kind::Text(MAX_PATH),
    required: true,
    description: "The file; relative paths start in the workspace.",
};
