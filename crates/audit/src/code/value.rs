//! What is known of a value without running anything: what it can call, its text when that follows from the code, and
//! where data in it came from.

use std::rc::Rc;

use super::texts::HOLE;

/// A value, as far as it is known.
#[derive(Debug, Clone, Default)]
pub struct Value {
    /// What it is, when it is something of the platform or a function of the file.
    pub api: Api,
    /// Its text; parts that are not known are [`HOLE`].
    pub text: Option<Rc<str>>,
    /// Whether the text was put together or decoded instead of written.
    pub built: bool,
    /// The data in it, whatever is inside.
    pub taint: Vec<Rc<Origin>>,
    /// Its named parts; items of a list by their index.
    pub fields: Option<Rc<Parts>>,
    /// The data in parts that have no name here.
    pub rest: Vec<Rc<Origin>>,
    /// How many parts are inside each other, at most [`MAX_INSIDE`].
    pub inside: u8,
}

/// The named parts of a value.
pub type Parts = Vec<(Rc<str>, Value)>;

/// What a value is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Api {
    /// Nothing that is known.
    #[default]
    Unknown,
    /// Something of the platform by its dotted name: `child_process.exec`, `process.env`.
    Path(Rc<str>),
    /// A function of the file, by its first token.
    Local(usize),
}

/// Where data came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// What kind of data.
    pub kind: Data,
    /// The line of the source.
    pub line: u32,
    /// The source in words.
    pub what: String,
    /// The names that it went through, the first [`MAX_NAMES`].
    pub names: Vec<(u32, String)>,
}

/// What kind of data; the more telling, the later.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Data {
    /// A name of an environment variable, from a loop over all of them.
    VariableName,
    /// A file that somebody named, or the program's own.
    AnyFile,
    /// One environment variable, by its name.
    Variable(String),
    /// What a program printed.
    Output,
    /// What came from the network.
    Network,
    /// What was decoded from a text in the code and looks like a program.
    Decoded,
    /// A file of the system or the home directory.
    OutsideFile,
    /// What people keep to themselves: credentials, the clipboard.
    Secret,
    /// The environment as a whole.
    Environment,
}

impl Value {
    /// A written text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self { text: Some(text.into()), ..Self::default() }
    }

    /// Something of the platform.
    #[must_use]
    pub fn path(path: &str) -> Self {
        Self { api: Api::Path(path.into()), ..Self::default() }
    }

    /// Data and nothing else.
    #[must_use]
    pub fn data(taint: Vec<Rc<Origin>>) -> Self {
        Self { rest: taint.clone(), taint, ..Self::default() }
    }

    /// Its dotted name, when it is something of the platform.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.api {
            Api::Path(path) => path,
            _ => "",
        }
    }

    /// Its text; empty when it is not known.
    #[must_use]
    pub fn known(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }

    /// Whether the text is known from end to end.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        self.text.as_ref().is_some_and(|text| !text.contains(HOLE))
    }

    /// A part by its name, when it is known.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Self> {
        self.fields.as_ref()?.iter().rev().find(|(known, _)| **known == *name).map(|(_, value)| value)
    }

    /// The items, when it is a list.
    #[must_use]
    pub fn items(&self) -> Vec<&Self> {
        self.fields.iter().flat_map(|fields| fields.iter()).map(|(_, value)| value).collect()
    }

    /// With a part.
    pub fn set(&mut self, name: &str, value: Self) {
        join(&mut self.taint, &value.taint);
        let value = if value.inside >= MAX_INSIDE { Self::data(value.taint) } else { value };
        self.inside = self.inside.max(value.inside + 1);
        let fields = Rc::make_mut(self.fields.get_or_insert_default());
        let room = fields.len() < MAX_FIELDS;
        match fields.iter_mut().find(|(known, _)| **known == *name) {
            Some((_, old)) => {
                old.merge(value);
                self.inside = self.inside.max(old.inside + 1);
            }
            None if room => fields.push((name.into(), value)),
            None => join(&mut self.rest, &value.taint),
        }
    }

    /// Either of both.
    pub fn merge(&mut self, other: Self) {
        join(&mut self.taint, &other.taint);
        join(&mut self.rest, &other.rest);
        if other.api != Api::Unknown {
            self.api = other.api;
        }
        if other.text.is_some() {
            (self.text, self.built) = (other.text, other.built);
        }
        if other.fields.is_some() {
            (self.fields, self.inside) = (other.fields, other.inside);
        }
    }

    /// Whether the whole environment is in it, at most `depth` parts deep.
    #[must_use]
    pub fn holds_environment(&self, depth: usize) -> bool {
        self.name() == "process.env"
            || depth > 0 && self.items().iter().take(MAX_FIELDS).any(|item| item.holds_environment(depth - 1))
    }
}

/// Adds data; keeps the most telling when there is too much.
pub fn join(to: &mut Vec<Rc<Origin>>, from: &[Rc<Origin>]) {
    for origin in from {
        let known = to.iter().any(|old| Rc::ptr_eq(old, origin) || old.kind == origin.kind && old.line == origin.line);
        if known {
            continue;
        }
        to.push(Rc::clone(origin));
        if to.len() > MAX_ORIGINS
            && let Some(least) = (0..to.len()).min_by_key(|at| to.get(*at).map(|origin| origin.kind.clone()))
        {
            to.swap_remove(least);
        }
    }
}

/// The same data, after it went through a name.
#[must_use]
pub fn through(taint: &[Rc<Origin>], name: &str, line: u32) -> Vec<Rc<Origin>> {
    let step = |origin: &Rc<Origin>| {
        if origin.names.len() >= MAX_NAMES || origin.names.iter().any(|(_, known)| known == name) {
            return Rc::clone(origin);
        }
        let mut origin = (**origin).clone();
        origin.names.push((line, stockade_core::text::clip(name, 64)));
        Rc::new(origin)
    };
    taint.iter().map(step).collect()
}

const MAX_INSIDE: u8 = 8;
const MAX_FIELDS: usize = 64;
const MAX_ORIGINS: usize = 8;
/// How many names on the way are kept.
pub const MAX_NAMES: usize = 8;
