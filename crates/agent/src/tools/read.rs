//! `read`: the lines of a text file.

use super::shape::{Arguments, Kind, PATH, Parameter};
use super::{Proposal, ShapeError, Tool};

pub(super) const TOOL: Tool = Tool {
    name: "read",
    description: "Read a text file of the workspace. Returns at most `limit` lines, starting at line `offset`.",
    parameters: &[
        PATH,
        Parameter {
            name: "offset",
            synonyms: &[],
            kind: Kind::Number(1, 1_000_000_000),
            required: false,
            description: "First line to return, counted from 1. Default 1.",
        },
        Parameter {
            name: "limit",
            synonyms: &[],
            kind: Kind::Number(1, 10_000),
            required: false,
            description: "Most lines to return. Default 2000.",
        },
    ],
    propose,
};

fn propose(arguments: Arguments<'_>) -> Result<Proposal, ShapeError> {
    Ok(Proposal::Read {
        path: arguments.needed("path")?,
        offset: arguments.count("offset", 1),
        limit: arguments.count("limit", 2000),
    })
}
