//! Where content came from and who may see it. Labels are attached by the gateway only, join on every
//! combination, and only rise along a session.

use serde::{Deserialize, Serialize};

/// How far the content may be believed. Ordered from most to least trusted; join is the maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Integrity {
    /// The owner's own authenticated words, and the operator's config.
    Owner,
    /// Structured fields that a system trusted by the operator assigned.
    Service,
    /// Everything else: web pages, files, command output, other people's messages.
    Untrusted,
}

/// Who may see the content. Ordered from widest to narrowest; join is the maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Readers {
    /// Anyone.
    Public,
    /// The owner.
    Owner,
    /// Nobody outside the gateway.
    Secret,
}

/// One source of content, for the approval card and the journal; never a reason to allow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Source {
    /// What kind of source: `message`, `web`, `file`, `exec`, `model`, `gateway`.
    pub kind: String,
    /// Which one: a URL, a path, a peer.
    pub name: String,
}

/// The label of a piece of content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// How far it may be believed.
    pub integrity: Integrity,
    /// Who may see it.
    pub readers: Readers,
    /// Where it came from, at most [`Label::MAX_SOURCES`]; then `many` is set.
    pub sources: Vec<Source>,
    /// True when sources were left out.
    pub many: bool,
}

impl Label {
    /// Sources kept before a label says "many".
    pub const MAX_SOURCES: usize = 16;

    /// A label with one source.
    #[must_use]
    pub fn new(integrity: Integrity, readers: Readers, kind: &str, name: impl Into<String>) -> Self {
        Self { integrity, readers, sources: vec![Source { kind: kind.to_owned(), name: name.into() }], many: false }
    }

    /// The label of anything made from both: the lower trust, the fewer readers, all sources.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        let mut sources = self.sources.clone();
        sources.extend(other.sources.iter().filter(|source| !self.sources.contains(source)).cloned());
        let many = self.many || other.many || sources.len() > Self::MAX_SOURCES;
        sources.truncate(Self::MAX_SOURCES);
        Self { integrity: self.integrity.max(other.integrity), readers: self.readers.max(other.readers), sources, many }
    }
}

/// Content with its label. The parts come out together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labeled<T> {
    content: T,
    label: Label,
}

impl<T> Labeled<T> {
    /// Labels content.
    #[must_use]
    pub const fn new(content: T, label: Label) -> Self {
        Self { content, label }
    }

    /// The label.
    #[must_use]
    pub const fn label(&self) -> &Label {
        &self.label
    }

    /// The content, for reading.
    #[must_use]
    pub const fn content(&self) -> &T {
        &self.content
    }

    /// Both parts.
    #[must_use]
    pub fn into_parts(self) -> (T, Label) {
        (self.content, self.label)
    }

    /// Changes the content under the same label.
    #[must_use]
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Labeled<U> {
        Labeled { content: change(self.content), label: self.label }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_join_never_raises_trust_and_never_widens_readers() {
        let owner = Label::new(Integrity::Owner, Readers::Owner, "message", "owner");
        let web = Label::new(Integrity::Untrusted, Readers::Public, "web", "http://x");
        let both = owner.join(&web);
        assert_eq!((both.integrity, both.readers), (Integrity::Untrusted, Readers::Owner));
        assert_eq!(both.sources.len(), 2);
        assert_eq!(both.join(&both), both);
    }

    #[test]
    fn too_many_sources_say_so() {
        let label = (0..40).map(|n| Label::new(Integrity::Service, Readers::Public, "file", n.to_string()));
        let joined = label.reduce(|a, b| a.join(&b)).expect("forty labels");
        assert_eq!(joined.sources.len(), Label::MAX_SOURCES);
        assert!(joined.many);
    }
}
