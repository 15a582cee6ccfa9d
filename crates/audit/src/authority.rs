//! Who can reach what: from whoever may speak, through agents and their tools, to what must not be reached. The shortest
//! way to each bad end is the witness; the smallest set of edits that closes every way is the advice.
//!
//! It decides nothing itself: a tool is one that the judge of tools lets the agent have, a bind is bad because the judge
//! of mounts denies it.

mod build;
pub mod edit;
pub mod graph;
mod render;

use std::collections::BTreeSet;

use serde::Serialize;

use crate::model::Model;
pub use edit::KeyEdit;
pub use graph::{Graph, Part};
pub use render::{json, svg, text};

/// Who can reach what in one install.
#[derive(Debug)]
pub struct Authority {
    /// The graph.
    pub graph: Graph,
    /// The edits that close edges, by their numbers in the graph.
    pub edits: Vec<KeyEdit>,
    /// The shortest way to each bad end that can be reached.
    pub witnesses: Vec<Witness>,
    /// The smallest set of edits that closes every way; `None` when some way cannot be closed by an edit.
    pub cut: Option<Cut>,
}

/// A way from somebody to something bad.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Witness {
    /// What is reached.
    pub end: String,
    /// The nodes on the way, whoever begins first.
    pub nodes: Vec<String>,
    /// Why each step is open.
    pub because: Vec<String>,
}

/// A set of edits that closes every way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Their numbers.
    pub edits: BTreeSet<usize>,
    /// Whether no smaller set does.
    pub smallest: bool,
}

impl Authority {
    /// Who can reach what in an install.
    #[must_use]
    pub fn of(model: &Model<'_>) -> Self {
        let (graph, edits) = build::build(model);
        let witnesses = graph.witnesses(&BTreeSet::new()).into_iter().map(|(end, way)| witness(&graph, end, &way));
        let witnesses = witnesses.collect();
        let cost = |edit: usize| edits.get(edit).map_or(u32::MAX, |edit| edit.cost);
        let cut = graph.smallest_cut(&cost).map(|(edits, smallest)| Cut { edits, smallest });
        Self { graph, edits, witnesses, cut }
    }
}

fn witness(graph: &Graph, end: usize, way: &[usize]) -> Witness {
    let label = |node: usize| graph.nodes.get(node).map(|node| node.label.clone()).unwrap_or_default();
    let edges: Vec<_> = way.iter().filter_map(|edge| graph.edges.get(*edge)).collect();
    let nodes = edges.first().map(|edge| label(edge.from)).into_iter();
    Witness {
        end: label(end),
        nodes: nodes.chain(edges.iter().map(|edge| label(edge.to))).collect(),
        because: edges.iter().map(|edge| edge.because.clone()).collect(),
    }
}

#[cfg(test)]
mod tests;
