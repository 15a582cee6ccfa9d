//! The second reading of a JSON5 text, by a parser of other authors. Answers: a text that shows one
//! policy to the program that checks it and another to the one that acts on it.

use jsonc_parser::ast::{self, ObjectPropName};
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde_json::{Map, Number, Value};

use super::{EditError, outline};
use crate::key_path::KeyPath;

/// Whether the second parser reads `value` in a text that the bounds have let through.
pub(super) fn agrees(text: &str, value: &Value) -> Result<(), EditError> {
    // JSON5 takes the mark for white space, the second parser does not know it.
    let plain = text.strip_prefix('\u{feff}').unwrap_or(text);
    let options = ParseOptions { allow_missing_commas: false, ..ParseOptions::default() };
    let parsed = parse_to_ast(plain, &CollectOptions::default(), &options)
        .map_err(|error| disagreement(Some(error.line_display()), None, "the second one refuses it here"))?;
    let Some(read) = parsed.value.as_ref().and_then(plain_value) else {
        return Err(disagreement(None, None, "the second one finds no value"));
    };
    let Some(key) = difference(value, &read) else { return Ok(()) };
    let line = outline(text).ok().and_then(|outline| outline.line_of(&key));
    Err(disagreement(line, Some(key.into_iter().collect()), "the second one finds another value here"))
}

fn disagreement(line: Option<usize>, key: Option<KeyPath>, why: &str) -> EditError {
    EditError::Disagreement { line, key, why: why.to_owned() }
}

fn plain_value(value: &ast::Value<'_>) -> Option<Value> {
    Some(match value {
        ast::Value::StringLit(text) => Value::String(text.value.to_string()),
        ast::Value::NumberLit(number) => number_of(number.value)?,
        ast::Value::BooleanLit(word) => Value::Bool(word.value),
        ast::Value::NullKeyword(_) => Value::Null,
        ast::Value::Array(items) => Value::Array(items.elements.iter().map(plain_value).collect::<Option<_>>()?),
        ast::Value::Object(fields) => {
            let mut map = Map::new();
            for field in &fields.properties {
                let name = match &field.name {
                    ObjectPropName::String(name) => name.value.to_string(),
                    ObjectPropName::Word(name) => name.value.to_owned(),
                };
                map.insert(name, plain_value(&field.value)?);
            }
            Value::Object(map)
        }
    })
}

fn number_of(word: &str) -> Option<Value> {
    let (negative, digits) = match word.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, word.strip_prefix('+').unwrap_or(word)),
    };
    let hexadecimal = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let whole = hexadecimal.map_or_else(|| digits.parse::<i128>(), |digits| i128::from_str_radix(digits, 16));
    if let Ok(whole) = whole {
        let whole = if negative { -whole } else { whole };
        if let Some(number) =
            u64::try_from(whole).map(Number::from).ok().or(i64::try_from(whole).map(Number::from).ok())
        {
            return Some(Value::Number(number));
        }
    }
    let float = digits.parse::<f64>().ok()?;
    Number::from_f64(if negative { -float } else { float }).map(Value::Number)
}

/// The first key that two values differ in; `None` when they are the same.
fn difference(left: &Value, right: &Value) -> Option<Vec<String>> {
    let below = |part: &str, left: Option<&Value>, right: Option<&Value>| {
        let rest = match (left, right) {
            (Some(left), Some(right)) => difference(left, right)?,
            _ => Vec::new(),
        };
        Some([vec![part.to_owned()], rest].concat())
    };
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            let names = left.keys().chain(right.keys().filter(|key| !left.contains_key(*key)));
            names.into_iter().find_map(|key| below(key, left.get(key), right.get(key)))
        }
        (Value::Array(left), Value::Array(right)) => {
            let most = left.len().max(right.len());
            (0..most).find_map(|at| below(&at.to_string(), left.get(at), right.get(at)))
        }
        (left, right) => (left != right).then(Vec::new),
    }
}
