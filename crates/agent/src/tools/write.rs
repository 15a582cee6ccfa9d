//! `write`: create or replace a file.

use super::shape::{Arguments, Kind, MAX_CONTENT, PATH, Parameter};
use super::{Proposal, ShapeError, Tool};

pub(super) const TOOL: Tool = Tool {
    name: "write",
    description: "Create a text file in the workspace, or replace the whole content of one.",
    parameters: &[
        PATH,
        Parameter {
            name: "content",
            synonyms: &[],
            kind: Kind::Text(MAX_CONTENT),
            required: true,
            description: "The whole new content.",
        },
    ],
    propose,
};

fn propose(arguments: Arguments<'_>) -> Result<Proposal, ShapeError> {
    Ok(Proposal::Write { path: arguments.needed("path")?, content: arguments.needed("content")? })
}
