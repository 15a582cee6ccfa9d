//! `edit`: replace one exact occurrence of a text in a file.

use super::shape::{Arguments, Kind, MAX_CONTENT, PATH, Parameter};
use super::{Proposal, ShapeError, Tool};

pub(super) const TOOL: Tool = Tool {
    name: "edit",
    description: "Replace a text in a file of the workspace. `oldText` must occur exactly once, white space included.",
    parameters: &[
        PATH,
        Parameter {
            name: "oldText",
            synonyms: &["old_text", "old_string", "oldString", "old_str"],
            kind: Kind::Text(MAX_CONTENT),
            required: true,
            description: "The exact text to replace.",
        },
        Parameter {
            name: "newText",
            synonyms: &["new_text", "new_string", "newString", "new_str"],
            kind: Kind::Text(MAX_CONTENT),
            required: true,
            description: "What stands there afterwards.",
        },
    ],
    propose,
};

fn propose(arguments: Arguments<'_>) -> Result<Proposal, ShapeError> {
    let old = arguments.needed("oldText")?;
    if old.is_empty() {
        return Err(arguments.refuse("oldText", "text that is not empty"));
    }
    Ok(Proposal::Edit { path: arguments.needed("path")?, old, new: arguments.needed("newText")? })
}
