//! Closed tables of options: what is not in a table is not understood, and asks. Reads a command's words as getopt(3)
//! does, so that a value is never taken for an option nor an option for a value. Answers the classes "option after the
//! operand", "combined flags", "abbreviated long option", "`--` as the value of an option".

use crate::command::Word;

/// The words that one form of a program may be given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grammar {
    /// Short options without a value.
    pub(super) flags: &'static str,
    /// Short options with a value, attached or as the next word.
    pub(super) valued: &'static str,
    /// Long options, spelled in full; those that end in `=` have a value, attached or as the next word.
    pub(super) long: &'static [&'static str],
    /// Which operands there may be, and what they may look like.
    pub(super) operand: fn(&Word) -> bool,
    /// How many operands there may be.
    pub(super) most: usize,
    /// What the value of an option, given without its dashes, may look like.
    pub(super) value: fn(&str, &str) -> bool,
    /// Whether the words after `--` are for a script of the project.
    pub(super) script: bool,
    /// What the first operand must be.
    pub(super) first: fn(&Word) -> bool,
    /// How the program reads a word of short options.
    pub(super) letters: Letters,
}

/// How a program reads a word of short options; not every one reads it as getopt(3) does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Letters {
    /// Many flags, and at the end one letter with its value, attached or as the next word.
    Clustered,
    /// Many letters; a value is always a word of its own (tree).
    Apart,
    /// One letter, with its value attached or as the next word, and none after the first operand (xxd).
    Single,
    /// As clustered, and none after the first operand (uniq, which may take it for a file to write).
    Leading,
}

/// A form of a program: the words that select it, and what may follow.
pub(super) type Verb = (&'static [&'static str], Grammar);

impl Grammar {
    /// A grammar with these options and no operands.
    pub(super) const fn of(flags: &'static str, valued: &'static str, long: &'static [&'static str]) -> Self {
        Self {
            flags,
            valued,
            long,
            operand: no_word,
            most: 0,
            value: any_value,
            script: false,
            first: any_word,
            letters: Letters::Clustered,
        }
    }

    /// With operands of this look, at most so many.
    pub(super) const fn with(self, operand: fn(&Word) -> bool, most: usize) -> Self {
        Self { operand, most, ..self }
    }

    /// With values of this look.
    pub(super) const fn valued(self, value: fn(&str, &str) -> bool) -> Self {
        Self { value, ..self }
    }

    /// With a first operand of this look.
    pub(super) const fn first(self, first: fn(&Word) -> bool) -> Self {
        Self { first, ..self }
    }

    /// With short options that are read in another way.
    pub(super) const fn reading(self, letters: Letters) -> Self {
        Self { letters, ..self }
    }

    /// With words for a script after `--`.
    pub(super) const fn for_script(self) -> Self {
        Self { script: true, ..self }
    }

    /// The operands, when every word is one that the table knows.
    pub(super) fn read<'a>(&self, words: &'a [Word]) -> Option<Vec<&'a Word>> {
        let mut operands = Vec::new();
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            let text = word.text.as_str();
            // What looks like an option after the operand, or the dashes themselves, would name a file.
            let leading = matches!(self.letters, Letters::Single | Letters::Leading);
            if leading && (text == "--" || !operands.is_empty() && text.starts_with('-')) {
                return None;
            }
            if text == "--" && word.is_plain() {
                if self.script {
                    let known = are_for_script(rest.as_slice());
                    return known.then_some(operands).filter(|found| self.takes(found));
                }
                operands.extend(rest);
                break;
            }
            let Some(option) = text.strip_prefix('-').filter(|option| !option.is_empty()) else {
                operands.push(word);
                continue;
            };
            if !word.is_plain() {
                return None;
            }
            let wants = match option.strip_prefix('-') {
                Some(long) => self.long(long)?,
                None => self.cluster(option)?,
            };
            if let Some(name) = wants {
                let value = rest.next().filter(|value| value.is_plain())?;
                if looks_like_option(&value.text) || !(self.value)(name, &value.text) {
                    return None;
                }
            }
        }
        self.takes(&operands).then_some(operands)
    }

    fn takes(&self, operands: &[&Word]) -> bool {
        operands.len() <= self.most
            && operands.first().is_none_or(|word| (self.first)(word))
            && operands.iter().all(|word| (self.operand)(word))
    }

    /// The option whose value the next word is; `None` inside when it needs none.
    fn long<'a>(&self, long: &'a str) -> Option<Option<&'a str>> {
        let known = |name: &str, valued: bool| {
            self.long
                .iter()
                .any(|known| known.strip_suffix('=') == valued.then_some(name) && (valued || *known == name))
        };
        match long.split_once('=') {
            Some((name, value)) => (known(name, true) && (self.value)(name, value)).then_some(None),
            None if known(long, false) => Some(None),
            None => known(long, true).then_some(Some(long)),
        }
    }

    fn cluster<'a>(&self, cluster: &'a str) -> Option<Option<&'a str>> {
        for (at, letter) in cluster.char_indices() {
            if self.valued.contains(letter) {
                let end = at + letter.len_utf8();
                let (name, value) = (cluster.get(at..end)?, cluster.get(end..)?);
                return match (value.is_empty(), self.letters) {
                    (_, Letters::Single) if at > 0 => None,
                    (true, _) => Some(Some(name)),
                    (false, Letters::Apart) => None,
                    (false, _) => (self.value)(name, value).then_some(None),
                };
            }
            let alone = self.letters != Letters::Single || cluster.len() == 1;
            if !alone || !self.flags.contains(letter) {
                return None;
            }
        }
        Some(None)
    }
}

/// Whether one of the forms holds for the words. The longest selection counts.
pub(super) fn is_known(verbs: &[Verb], words: &[Word]) -> bool {
    let selects = |names: &[&str]| {
        words.len() >= names.len() && names.iter().zip(words).all(|(name, word)| word.is_plain() && word.text == *name)
    };
    let form = verbs.iter().filter(|(names, _)| selects(names)).max_by_key(|(names, _)| names.len());
    form.is_some_and(|(names, grammar)| words.get(names.len()..).is_some_and(|rest| grammar.read(rest).is_some()))
}

fn looks_like_option(text: &str) -> bool {
    text.strip_prefix('-').is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// What a project's own script may be told: names in the project, and options that cannot by their words name code or
/// a file elsewhere.
fn are_for_script(words: &[Word]) -> bool {
    let mut valued = false;
    words.iter().all(|word| {
        let text = word.text.as_str();
        let option = text.starts_with('-');
        // A name after an option may be its value: a reporter, a setup file.
        let may_be_value = std::mem::replace(&mut valued, option && !SWITCHES.contains(&text)) && !option;
        let number = text.chars().all(|c| c.is_ascii_digit());
        word.is_plain()
            && (!may_be_value || number)
            && if option { !super::arguments::is_suspect_option(text) } else { is_path(word) }
    })
}

/// Options of test runners that have no value.
const SWITCHES: &[&str] = &[
    "--", "--coverage", "--watch", "--watchAll", "--run", "--runInBand", "--verbose", "--silent", "--ci", "--bail",
    "-v", "-b", "-w", "-u", "--watch=false", "--watchAll=false",
];

pub(super) const fn no_word(_: &Word) -> bool {
    false
}

pub(super) const fn any_word(_: &Word) -> bool {
    true
}

/// A name as registries, units and containers have it: no option, no assignment, no folder above.
pub(super) fn is_name(word: &Word) -> bool {
    word.is_plain() && is_named(&word.text)
}

fn is_named(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '@' || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:@".contains(c))
        && !text.contains("..")
}

/// A path below the working folder.
pub(super) fn is_path(word: &Word) -> bool {
    let text = word.text.as_str();
    word.is_plain()
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:@[]+,".contains(c))
        && !text.contains("..")
}

pub(super) const fn any_value(_: &str, _: &str) -> bool {
    true
}

/// Numbers, dates, names: nothing that could be a path elsewhere, a file to read (`@x`) or a template.
pub(super) fn plain_value(_: &str, value: &str) -> bool {
    value.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-' || c == '+')
        && value.chars().all(|c| c.is_ascii_alphanumeric() || "_-.,:@+ ".contains(c))
        && !value.contains("..")
}
