//! `process`: look after the background processes of the session.

use stockade_policy::ProcessAction;

use super::shape::{Arguments, Kind, MAX_CONTENT, Parameter};
use super::{Proposal, ShapeError, Tool};

pub(super) const TOOL: Tool = Tool {
    name: "process",
    description: "List, poll, write to or kill the background processes that exec started in this session.",
    parameters: &[
        Parameter {
            name: "action",
            synonyms: &[],
            kind: Kind::Word(&["list", "poll", "write", "kill"]),
            required: true,
            description: "What to do.",
        },
        Parameter {
            name: "sessionId",
            synonyms: &["session_id", "id"],
            kind: Kind::Text(128),
            required: false,
            description: "The process, as exec named it; needed for all but list.",
        },
        Parameter {
            name: "data",
            synonyms: &["input"],
            kind: Kind::Text(MAX_CONTENT),
            required: false,
            description: "What to write to its standard input; needed for write.",
        },
    ],
    propose,
};

fn propose(arguments: Arguments<'_>) -> Result<Proposal, ShapeError> {
    let id = || arguments.needed("sessionId");
    Ok(Proposal::Process(match arguments.needed("action")?.as_str() {
        "poll" => ProcessAction::Poll { id: id()? },
        "write" => ProcessAction::Write { id: id()?, data: arguments.needed("data")? },
        "kill" => ProcessAction::Kill { id: id()? },
        _ => ProcessAction::List,
    }))
}
