//! What enters a model's context. An entry can only be built from labelled content, so that no text
//! reaches a model without a record of where it came from.

use serde::{Deserialize, Serialize};
use stockade_core::{Integrity, Label, Labeled, Readers, ToolCall};

/// Who speaks in an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "camelCase")]
pub enum Speaker {
    /// The gateway's own instructions.
    System,
    /// The person.
    User,
    /// The model.
    Assistant {
        /// The calls that it proposed.
        calls: Vec<ToolCall>,
    },
    /// A tool's result.
    Tool {
        /// The provider's id of the call that this answers.
        call_id: String,
        /// The tool.
        name: String,
        /// Whether the call failed or was refused.
        is_error: bool,
    },
}

/// One entry of a model's context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextEntry {
    speaker: Speaker,
    text: String,
    label: Label,
}

impl ContextEntry {
    /// An entry from labelled text.
    #[must_use]
    pub fn new(speaker: Speaker, text: Labeled<String>) -> Self {
        let (text, label) = text.into_parts();
        Self { speaker, text, label }
    }

    /// Who speaks.
    #[must_use]
    pub const fn speaker(&self) -> &Speaker {
        &self.speaker
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where the text came from.
    #[must_use]
    pub const fn label(&self) -> &Label {
        &self.label
    }
}

/// The label of anything that a model says after it has read `context`: the join of all of it.
/// A model's words are never more trusted than the worst thing it has read.
#[must_use]
pub fn joined(context: &[ContextEntry]) -> Label {
    let clean = Label { integrity: Integrity::Owner, readers: Readers::Public, sources: Vec::new(), many: false };
    context.iter().fold(clean, |label, entry| label.join(entry.label()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_untrusted_entry_marks_everything_after_it() {
        let entry = |integrity| {
            let label = Label::new(integrity, Readers::Public, "message", "x");
            ContextEntry::new(Speaker::User, Labeled::new("hi".to_owned(), label))
        };
        assert_eq!(joined(&[entry(Integrity::Owner)]).integrity, Integrity::Owner);
        assert_eq!(joined(&[entry(Integrity::Owner), entry(Integrity::Untrusted)]).integrity, Integrity::Untrusted);
    }
}
