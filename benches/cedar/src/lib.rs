//! The same questions for two judges: ours, and Cedar under rules that say as much of it as Cedar can.
//!
//! Cedar gets its facts ready: no text to parse, no link to follow, no list of hops to walk. What it cannot say at all
//! (a shell command, a chain of proxies) has no column.

pub mod cedar;
pub mod questions;
pub mod stockade;

/// One question, with the answer that both must give.
pub struct Question {
    /// What is asked, for the table.
    pub name: &'static str,
    /// Whether it must be allowed; for a client, whether its address is known.
    pub allowed: bool,
    /// The facts.
    pub facts: Facts,
}

/// The facts of a question, as text: what a gateway has in its hands.
pub enum Facts {
    /// May this agent call this tool.
    Tool(&'static str),
    /// May this be mounted.
    Mount(String),
    /// May this be fetched.
    Url(String),
    /// Who is behind these headers.
    Headers(Vec<(&'static str, String)>),
    /// May a request set this variable.
    Variable(&'static str, &'static str),
    /// May this command run.
    Command(String),
}
