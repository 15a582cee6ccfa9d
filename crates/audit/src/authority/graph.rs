//! A graph of who can reach what, its shortest ways to a bad end, and the smallest sets of edits that cut them all.
//! Knows nothing of agents: nodes, edges, edits.

use std::collections::{BTreeSet, HashMap, VecDeque};

use serde::Serialize;

/// A node, by its number.
pub type NodeId = usize;
/// An edit, by its number.
pub type EditId = usize;

/// Who or what stands in the way of an attack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// Which column of the picture it stands in, from the left.
    pub rank: usize,
    /// Its name.
    pub label: String,
    /// What it is for an attacker.
    pub part: Part,
}

/// What a node is for an attacker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Part {
    /// Where an attacker begins.
    Source,
    /// On the way.
    Way,
    /// Where it must not come.
    BadEnd,
}

/// A way from one node to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Edge {
    /// From.
    pub from: NodeId,
    /// To.
    pub to: NodeId,
    /// Why the way is open, by the keys that say so.
    pub because: String,
    /// The edits of which each alone closes it.
    pub cuts: Vec<EditId>,
}

/// Nodes and edges. Equal nodes are one node.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Graph {
    /// The nodes.
    pub nodes: Vec<Node>,
    /// The edges.
    pub edges: Vec<Edge>,
    #[serde(skip)]
    known: HashMap<(usize, String), NodeId>,
    /// The edges that leave each node.
    #[serde(skip)]
    leaving: HashMap<NodeId, Vec<usize>>,
}

impl Graph {
    /// The node of this rank and name, made if it is not there.
    pub fn node(&mut self, rank: usize, label: &str, part: Part) -> NodeId {
        let nodes = &mut self.nodes;
        *self.known.entry((rank, label.to_owned())).or_insert_with(|| {
            nodes.push(Node { rank, label: label.to_owned(), part });
            nodes.len() - 1
        })
    }

    /// A way.
    pub fn edge(&mut self, from: NodeId, to: NodeId, because: impl Into<String>, cuts: Vec<EditId>) {
        let edge = Edge { from, to, because: because.into(), cuts };
        let leaving = self.leaving.entry(from).or_default();
        if !leaving.iter().filter_map(|index| self.edges.get(*index)).any(|known| *known == edge) {
            leaving.push(self.edges.len());
            self.edges.push(edge);
        }
    }

    /// The shortest way from a source to a node, as edges, when `made` edits are made.
    #[must_use]
    pub fn way(&self, to: NodeId, made: &BTreeSet<EditId>) -> Option<Vec<usize>> {
        self.back(to, &self.spread(made))
    }

    /// The bad ends that are reached when `made` edits are made, each with its shortest way.
    #[must_use]
    pub fn witnesses(&self, made: &BTreeSet<EditId>) -> Vec<(NodeId, Vec<usize>)> {
        let came = self.spread(made);
        let ends = self.nodes.iter().enumerate().filter(|(_, node)| node.part == Part::BadEnd);
        ends.filter_map(|(id, _)| Some((id, self.back(id, &came)?))).collect()
    }

    /// How each node is reached first, from all sources at once.
    fn spread(&self, made: &BTreeSet<EditId>) -> Vec<Came> {
        let came = self.nodes.iter().map(|node| if node.part == Part::Source { Came::Began } else { Came::Not });
        let mut came: Vec<Came> = came.collect();
        let sources = self.nodes.iter().enumerate().filter(|(_, node)| node.part == Part::Source);
        let mut queue: VecDeque<NodeId> = sources.map(|(id, _)| id).collect();
        while let Some(at) = queue.pop_front() {
            let leaving = self.leaving.get(&at).into_iter().flatten();
            for (index, edge) in leaving.filter_map(|index| Some((*index, self.edges.get(*index)?))) {
                let Some(reached) = came.get_mut(edge.to).filter(|came| matches!(came, Came::Not)) else { continue };
                if !edge.cuts.iter().any(|cut| made.contains(cut)) {
                    *reached = Came::By(index);
                    queue.push_back(edge.to);
                }
            }
        }
        came
    }

    /// The smallest set of edits after which no bad end is reached; among equals the one of least `cost`. The second
    /// value says whether it is proven smallest: a graph of very many ways is cut greedily. `None` when some way has
    /// no edit that closes it.
    #[must_use]
    pub fn smallest_cut(&self, cost: &dyn Fn(EditId) -> u32) -> Option<(BTreeSet<EditId>, bool)> {
        let greedy = self.greedy(cost)?;
        // A step looks at every edge once: whoever writes a config of very many ways must not make it take minutes.
        let most = MAX_STEPS.min(MAX_LOOKS / self.edges.len().max(1));
        let mut search = Search { graph: self, cost, best: None, steps: 0, most };
        for size in 0..=greedy.len() {
            search.descend(&mut BTreeSet::new(), size);
            if search.steps >= most {
                return Some((greedy, false));
            }
            if let Some((_, best)) = search.best {
                return Some((best, true));
            }
        }
        Some((greedy, false))
    }

    /// Cuts the shortest open way by the cheapest edit that closes most of what is open, until nothing is.
    fn greedy(&self, cost: &dyn Fn(EditId) -> u32) -> Option<BTreeSet<EditId>> {
        let mut made = BTreeSet::new();
        while let Some((_, way)) = self.witnesses(&made).into_iter().next() {
            let closing = self.closing(&way);
            let left = |edit: &EditId| {
                let mut after = made.clone();
                after.insert(*edit);
                (self.witnesses(&after).len(), cost(*edit), *edit)
            };
            let best = closing.into_iter().min_by_key(left)?;
            made.insert(best);
        }
        // An edit that a later one made needless is not part of a smallest set.
        for edit in made.clone() {
            let mut without = made.clone();
            without.remove(&edit);
            if self.witnesses(&without).is_empty() {
                made = without;
            }
        }
        Some(made)
    }

    /// The edits that close a way.
    fn closing(&self, way: &[usize]) -> BTreeSet<EditId> {
        way.iter().filter_map(|edge| self.edges.get(*edge)).flat_map(|edge| edge.cuts.iter().copied()).collect()
    }

    fn back(&self, to: NodeId, came: &[Came]) -> Option<Vec<usize>> {
        let (mut way, mut at) = (Vec::new(), to);
        loop {
            match came.get(at)? {
                Came::Not => return None,
                Came::Began => break,
                Came::By(index) => {
                    way.push(*index);
                    at = self.edges.get(*index)?.from;
                }
            }
        }
        way.reverse();
        Some(way)
    }
}

/// How a node was reached.
#[derive(Debug, Clone, Copy)]
enum Came {
    Not,
    Began,
    By(usize),
}

/// Sets of exactly one size: each open way must lose at least one of its edges, so that only its edits are tried.
struct Search<'g> {
    graph: &'g Graph,
    cost: &'g dyn Fn(EditId) -> u32,
    best: Option<(u32, BTreeSet<EditId>)>,
    steps: usize,
    most: usize,
}

impl Search<'_> {
    /// Whether `left` more edits may be enough: ways that share no edit need one each.
    fn fits(&self, made: &BTreeSet<EditId>, left: usize) -> bool {
        let mut taken = made.clone();
        for _ in 0..=left {
            let Some((_, way)) = self.graph.witnesses(&taken).into_iter().next() else { return true };
            taken.extend(self.graph.closing(&way));
        }
        false
    }

    fn descend(&mut self, made: &mut BTreeSet<EditId>, left: usize) {
        self.steps += 1;
        if self.steps >= self.most {
            return;
        }
        let Some((_, way)) = self.graph.witnesses(made).into_iter().next() else {
            let price = made.iter().map(|edit| (self.cost)(*edit)).sum();
            if self.best.as_ref().is_none_or(|(best, _)| price < *best) {
                self.best = Some((price, made.clone()));
            }
            return;
        };
        if left == 0 || !self.fits(made, left) {
            return;
        }
        for edit in self.graph.closing(&way) {
            if made.insert(edit) {
                self.descend(made, left - 1);
                made.remove(&edit);
            }
        }
    }
}

/// The most sets that are tried.
const MAX_STEPS: usize = 20_000;
/// The most edges that are looked at for them.
const MAX_LOOKS: usize = 4_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn graph(edges: &[(usize, usize, &[usize])]) -> Graph {
        let mut graph = Graph::default();
        let last = edges.iter().map(|(_, to, _)| *to).max().unwrap_or(1);
        for id in 0..=last {
            let part = match id {
                0 => Part::Source,
                id if id == last => Part::BadEnd,
                _ => Part::Way,
            };
            graph.node(id, &id.to_string(), part);
        }
        for (from, to, cuts) in edges {
            graph.edge(*from, *to, "", cuts.to_vec());
        }
        graph
    }

    #[test]
    fn the_shortest_way_is_shown_and_one_edit_that_cuts_all_beats_two() {
        // Two ways to 4; edit 9 closes the edge that both end in, edits 1 and 2 one each.
        let graph = graph(&[(0, 1, &[1]), (0, 2, &[2]), (2, 3, &[2]), (1, 3, &[]), (3, 4, &[9])]);
        assert_eq!(graph.witnesses(&BTreeSet::new()), [(4, vec![0, 3, 4])]);
        assert_eq!(graph.smallest_cut(&|_| 1), Some((BTreeSet::from([9]), true)));
    }

    #[test]
    fn what_no_edit_closes_is_said_and_what_is_closed_needs_none() {
        assert_eq!(graph(&[(0, 1, &[])]).smallest_cut(&|_| 1), None);
        assert_eq!(graph(&[(1, 2, &[])]).smallest_cut(&|_| 1), Some((BTreeSet::new(), true)));
    }

    #[test]
    fn among_equals_the_cheaper_edit_is_chosen() {
        let graph = graph(&[(0, 1, &[5, 6]), (1, 2, &[7])]);
        assert_eq!(graph.smallest_cut(&|edit| if edit == 6 { 0 } else { 2 }), Some((BTreeSet::from([6]), true)));
    }

    #[test]
    fn very_many_ways_take_no_minutes() {
        let mut graph = Graph::default();
        let (from, end) = (graph.node(0, "from", Part::Source), graph.node(9, "end", Part::BadEnd));
        for number in 0..200_usize {
            let (way, tool) = (graph.node(1, &number.to_string(), Part::Way), 3 * number);
            graph.edge(from, way, "", vec![]);
            (0..10).for_each(|other| graph.edge(way, end, other.to_string(), vec![tool, tool + 1, tool + 2]));
        }
        let began = std::time::Instant::now();
        let (cut, proven) = graph.smallest_cut(&|_| 1).expect("every way has an edit");
        assert!((cut.len(), proven) == (200, false) && graph.witnesses(&cut).is_empty());
        assert!(began.elapsed().as_secs() < 20);
    }

    proptest! {
        #[test]
        fn a_cut_cuts_and_no_smaller_one_does(
            edges in proptest::collection::vec((0_usize..6, 0_usize..7, proptest::collection::vec(0_usize..5, 1..3)), 1..14)
        ) {
            let mut built = Graph::default();
            for id in 0..7 {
                built.node(id, "n", match id { 0 => Part::Source, 6 => Part::BadEnd, _ => Part::Way });
            }
            for (from, to, cuts) in edges {
                built.edge(from, to, "", cuts);
            }
            let (cut, proven) = built.smallest_cut(&|_| 1).expect("every edge has an edit");
            prop_assert!(built.witnesses(&cut).is_empty());
            prop_assert!(proven);
            for mask in 0_u32..32 {
                let other: BTreeSet<usize> = (0..5).filter(|bit| mask & (1 << bit) != 0).collect();
                if built.witnesses(&other).is_empty() {
                    prop_assert!(other.len() >= cut.len(), "{other:?} is smaller than {cut:?}");
                }
            }
        }
    }
}
