//! The walk over two versions of the documents, key by key.

use std::collections::BTreeSet;

use serde_json::Value;
use stockade_config::Documents;
use stockade_core::text;

use super::keys::{self, File};
use super::order::{Order, wider};
use super::{Change, Direction, normal};

/// Every change, in no order.
pub(super) fn changes(old: &Documents, new: &Documents) -> Vec<Change> {
    let mut changes = Vec::new();
    for (file, old, new) in [
        (File::OpenClaw, &old.openclaw, &new.openclaw),
        (File::Own, &old.own, &new.own),
        (File::Approvals, &old.approvals, &new.approvals),
    ] {
        if too_deep(old) || too_deep(new) {
            changes.push(Change::new(file.name(), wider("it is nested too deeply to be compared")));
            continue;
        }
        if old == new {
            continue;
        }
        if file == File::OpenClaw && normal::default_agent(old) != normal::default_agent(new) {
            changes.push(Change::new("agents.entries.*.default", wider("another agent gets what names none")));
        }
        let (old, new) = match file {
            File::OpenClaw => (normal::openclaw(old), normal::openclaw(new)),
            File::Own => (old.clone(), new.clone()),
            File::Approvals => (normal::approvals(old), normal::approvals(new)),
        };
        let mut walk = Walk { file, old: &old, new: &new, path: Vec::new(), changes: &mut changes };
        walk.value(present(Some(&old)), present(Some(&new)));
    }
    changes
}

struct Walk<'d, 'c> {
    file: File,
    old: &'d Value,
    new: &'d Value,
    path: Vec<&'d str>,
    changes: &'c mut Vec<Change>,
}

impl<'d> Walk<'d, '_> {
    fn value(&mut self, old: Option<&'d Value>, new: Option<&'d Value>) {
        if old == new {
            return;
        }
        let order = keys::order_of(self.file, &self.path);
        if let Some(part @ (Order::Part | Order::Route)) = order
            && let Some((direction, because)) = self.came_or_went(part, old, new)
        {
            return self.push(direction, because.to_owned());
        }
        let inside =
            matches!(order, None | Some(Order::Part | Order::Route | Order::Section | Order::Any | Order::Neutral));
        let fields = |value: Option<&'d Value>| match value {
            None => Some(None),
            Some(value) => value.as_object().map(Some),
        };
        if let (true, Some(before), Some(after)) = (inside, fields(old), fields(new)) {
            let names: BTreeSet<&'d String> =
                before.into_iter().chain(after).flat_map(|fields| fields.keys()).collect();
            if names.is_empty() {
                return self.empty(order);
            }
            for name in names {
                self.path.push(name);
                self.value(before.and_then(|it| present(it.get(name))), after.and_then(|it| present(it.get(name))));
                self.path.pop();
            }
            return;
        }
        self.leaf(order, old, new);
    }

    /// The verdict when a named part is on one side only, or nothing when it is on both.
    fn came_or_went(
        &self,
        order: Order,
        old: Option<&Value>,
        new: Option<&Value>,
    ) -> Option<(Direction, &'static str)> {
        match (order, old, new) {
            (_, Some(_), Some(_)) | (_, None, None) => None,
            (Order::Route, None, Some(_)) => Some((Direction::Widening, "added: it replaces what held for all")),
            (Order::Route, Some(_), None) => Some((Direction::Widening, "removed: what holds for all replaces it")),
            (_, None, Some(part)) if self.is_off(part) => Some((Direction::Tightening, "added, switched off")),
            (_, None, Some(_)) => Some((Direction::Widening, "added")),
            (_, Some(part), None) if self.is_off(part) => {
                Some((Direction::Widening, "removed, and it was switched off"))
            }
            (_, Some(_), None) => Some((Direction::Tightening, "removed")),
        }
    }

    /// Whether a part is switched off, by a switch that parts of its kind have.
    fn is_off(&self, part: &Value) -> bool {
        let switch = |name: &'static str| keys::order_of(self.file, &[self.path.as_slice(), &[name]].concat());
        part.get("enabled") == Some(&Value::Bool(false)) && matches!(switch("enabled"), Some(Order::On(_)))
            || part.get("disabled") == Some(&Value::Bool(true)) && matches!(switch("disabled"), Some(Order::Off(_)))
    }

    /// A section without keys came or went.
    fn empty(&mut self, order: Option<Order>) {
        match order {
            Some(Order::Neutral | Order::Section) => {}
            _ if keys::is_section(self.file, &self.path) => {}
            _ => self.push(Direction::Widening, UNKNOWN.to_owned()),
        }
    }

    fn leaf(&mut self, order: Option<Order>, old: Option<&'d Value>, new: Option<&'d Value>) {
        let nested = |value: Option<&Value>| value.is_some_and(Value::is_object);
        match order {
            None => self.push(Direction::Widening, UNKNOWN.to_owned()),
            // What is neutral as a value may hold, as an object, what is not.
            Some(_) if nested(old) || nested(new) => {
                self.push(Direction::Widening, "it is no longer what it was".into())
            }
            Some(order) => {
                if self.may_come_from_elsewhere(old, new) && !matches!(order, Order::Neutral) {
                    return self.push(Direction::Widening, "what the default account says may hold".into());
                }
                let (before, after) = (self.in_effect(self.old, old), self.in_effect(self.new, new));
                if before == after {
                    return self.push(Direction::Neutral, "as what holds for all".to_owned());
                }
                let (direction, because) = order.judge(before, after);
                self.push(direction, because);
            }
        }
    }

    /// A value, or what is inherited where it is absent.
    fn in_effect(&self, document: &'d Value, value: Option<&'d Value>) -> Option<&'d Value> {
        value.or_else(|| keys::inherited(self.file, &self.path).iter().find_map(|path| at(document, path)))
    }

    /// Whether the default account of a channel says what an account of it does not.
    fn may_come_from_elsewhere(&self, old: Option<&Value>, new: Option<&Value>) -> bool {
        let Some(path) = keys::default_account(self.file, &self.path) else { return false };
        let says = |document: &Value, value: Option<&Value>| value.is_none() && at(document, &path).is_some();
        says(self.old, old) || says(self.new, new)
    }

    fn push(&mut self, direction: Direction, because: String) {
        let key =
            self.path.iter().map(|part| text::clip(&text::single_line(part), MAX_KEY)).collect::<Vec<_>>().join(".");
        let key = match self.file {
            File::OpenClaw if key.is_empty() => self.file.name().to_owned(),
            File::OpenClaw => key,
            File::Own | File::Approvals if key.is_empty() => self.file.name().to_owned(),
            File::Own | File::Approvals => format!("{key} ({})", self.file.name()),
        };
        self.changes.push(Change { key, direction, because });
    }
}

fn at<'v>(document: &'v Value, path: &[&str]) -> Option<&'v Value> {
    present(path.iter().try_fold(document, |value, key| value.get(key)))
}

/// Null is what is not there.
fn present(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null())
}

/// Whether a value is nested more deeply than any config that is loaded; without recursion.
fn too_deep(value: &Value) -> bool {
    let mut open = vec![(value, 0_usize)];
    while let Some((value, depth)) = open.pop() {
        if depth > MAX_DEPTH {
            return true;
        }
        match value {
            Value::Object(fields) => open.extend(fields.values().map(|field| (field, depth + 1))),
            Value::Array(items) => open.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    false
}

const UNKNOWN: &str = "not known to be harmless";
/// Characters of a part of a key that are shown.
const MAX_KEY: usize = 80;
/// The loader's own bound.
const MAX_DEPTH: usize = 128;
