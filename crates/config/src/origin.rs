//! Where each value of a config came from when several files were merged into one.

use std::collections::HashMap;

use serde_json::Value;

use crate::bounds::{Outline, ROOT};

/// Where one value stands, and those below it.
#[derive(Debug, Default)]
pub(crate) struct Origin {
    /// Every place that holds the key; the last one counts. Several when files were merged there.
    pub(crate) at: Vec<Spot>,
    fields: HashMap<String, Self>,
    items: Vec<Self>,
}

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot {
    /// The file, by its number.
    pub(crate) source: usize,
    /// The node of its outline, when it has one.
    pub(crate) node: Option<usize>,
}

impl Origin {
    /// The root of a file.
    pub(crate) fn root(source: usize) -> Self {
        Self { at: vec![Spot { source, node: Some(ROOT) }], ..Self::default() }
    }

    /// A key or an item below this one, in the same file.
    pub(crate) fn below(&self, part: &str, outline: Option<&Outline>) -> Self {
        let at = self.at.iter().map(|spot| {
            let node = spot.node.and_then(|node| outline?.child(node, part));
            Spot { source: spot.source, node }
        });
        Self { at: at.collect(), ..Self::default() }
    }

    /// Adds what stands below a key.
    pub(crate) fn put(&mut self, key: String, origin: Self) {
        self.fields.insert(key, origin);
    }

    /// Adds what stands below the next item.
    pub(crate) fn push(&mut self, origin: Self) {
        self.items.push(origin);
    }

    /// What is directly below.
    pub(crate) fn get(&self, part: &str) -> Option<&Self> {
        self.fields.get(part).or_else(|| self.items.get(part.parse::<usize>().ok()?))
    }

    /// What is below, by its path.
    pub(crate) fn find(&self, key: &[String]) -> Option<&Self> {
        key.iter().try_fold(self, |origin, part| origin.get(part))
    }

    /// What is directly below, by name or index.
    pub(crate) fn children(&self) -> impl Iterator<Item = (String, &Self)> {
        let fields = self.fields.iter().map(|(key, origin)| (key.clone(), origin));
        fields.chain(self.items.iter().enumerate().map(|(at, origin)| (at.to_string(), origin)))
    }
}

/// A value and where it came from.
pub(crate) type Traced = (Value, Origin);

/// `over` on top of `base`: objects merge, lists are joined, everything else is replaced. `shadowed`
/// hears of each value that another one replaces, with its path from here.
pub(crate) fn merge(
    base: Traced,
    over: Traced,
    path: &mut Vec<String>,
    shadowed: &mut dyn FnMut(&[String], &Origin),
) -> Traced {
    let ((base, mut under), (over, mut upper)) = (base, over);
    let mut at = under.at.clone();
    at.append(&mut upper.at);
    let merged = match (base, over) {
        (Value::Object(mut base), Value::Object(over)) => {
            for (key, value) in over {
                let origin = upper.fields.remove(&key).unwrap_or_default();
                let merged = match base.shift_remove(&key) {
                    Some(below) => {
                        path.push(key.clone());
                        let lower = under.fields.remove(&key).unwrap_or_default();
                        let merged = merge((below, lower), (value, origin), path, shadowed);
                        path.pop();
                        merged
                    }
                    None => (value, origin),
                };
                base.insert(key.clone(), merged.0);
                under.put(key, merged.1);
            }
            (Value::Object(base), under)
        }
        (Value::Array(mut base), Value::Array(over)) => {
            base.extend(over);
            under.items.append(&mut upper.items);
            (Value::Array(base), under)
        }
        (base, over) => {
            if base != over {
                shadowed(path, &under);
            }
            (over, upper)
        }
    };
    (merged.0, Origin { at, ..merged.1 })
}
