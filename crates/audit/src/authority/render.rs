//! The graph as words, as JSON and as a picture.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};
use stockade_core::text::{clip, single_line};

use super::{Authority, Part};

/// The witnesses and the cut, in words.
#[must_use]
pub fn text(authority: &Authority) -> String {
    if authority.witnesses.is_empty() {
        return "Only those whom you let in reach anything that acts.\n".to_owned();
    }
    let mut out = String::new();
    for witness in &authority.witnesses {
        let _ = writeln!(out, "{}", single_line(&witness.end));
        let mut nodes = witness.nodes.iter();
        let _ = writeln!(out, "  {}", single_line(nodes.next().map_or("", String::as_str)));
        for (node, because) in nodes.zip(&witness.because) {
            let _ = writeln!(out, "  -> {}  ({})", single_line(node), single_line(because));
        }
    }
    match &authority.cut {
        Some(cut) => {
            let claim = if cut.smallest { "The smallest set of edits" } else { "A small set of edits" };
            let _ = writeln!(out, "\n{claim} that closes every way:");
            for edit in cut.edits.iter().filter_map(|edit| authority.edits.get(*edit)) {
                let _ = writeln!(out, "  {}", single_line(&edit.to_string()));
            }
        }
        None => out.push_str("\nSome way cannot be closed by an edit of the config alone.\n"),
    }
    out
}

/// Everything, as JSON: `nodes`, `edges`, `witnesses`, `edits`, `cut`.
#[must_use]
pub fn json(authority: &Authority) -> Value {
    let cut = authority.cut.as_ref().map(|cut| {
        let edits: Vec<Value> = cut.edits.iter().filter_map(|edit| authority.edits.get(*edit)).map(edit).collect();
        json!({ "edits": edits, "smallest": cut.smallest })
    });
    json!({
        "version": 1,
        "nodes": authority.graph.nodes,
        "edges": authority.graph.edges,
        "edits": authority.edits.iter().map(edit).collect::<Vec<_>>(),
        "witnesses": authority.witnesses,
        "cut": cut,
    })
}

fn edit(edit: &super::KeyEdit) -> Value {
    json!({ "key": edit.key.to_string(), "act": edit.act, "what": edit.to_string() })
}

/// The graph as an SVG picture: columns from left to right, what the cut closes in dashes.
#[must_use]
pub fn svg(authority: &Authority) -> String {
    let graph = &authority.graph;
    let mut columns: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (id, node) in graph.nodes.iter().enumerate() {
        columns.entry(node.rank).or_default().push(id);
    }
    let mut at: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    for (column, nodes) in columns.values().enumerate() {
        for (row, id) in nodes.iter().enumerate() {
            at.insert(*id, (MARGIN + column * (WIDTH + GAP), MARGIN + row * (HEIGHT + SPACE)));
        }
    }
    let rows = columns.values().map(Vec::len).max().unwrap_or(1);
    let (width, height) =
        (2 * MARGIN + columns.len().max(1) * (WIDTH + GAP) - GAP, 2 * MARGIN + rows * (HEIGHT + SPACE));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" font-family=\"system-ui,sans-serif\" font-size=\"12\" role=\"img\">\
         <title>Who can reach what</title><rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>"
    );
    for edge in &graph.edges {
        let (Some((x1, y1)), Some((x2, y2))) = (at.get(&edge.from), at.get(&edge.to)) else { continue };
        let (x1, y1, y2) = (x1 + WIDTH, y1 + HEIGHT / 2, y2 + HEIGHT / 2);
        // Between two of one column it goes around them.
        let beside = *x2 < x1;
        let x2 = if beside { x1 } else { *x2 };
        let bend = if beside { x1 + GAP / 2 } else { (x1 + x2) / 2 };
        let closed = authority.cut.as_ref().is_some_and(|cut| edge.cuts.iter().any(|edit| cut.edits.contains(edit)));
        let (stroke, dash) = if closed { ("#2e7d32", " stroke-dasharray=\"5 4\"") } else { ("#8a8a8a", "") };
        let _ = write!(
            out,
            "<path d=\"M{x1} {y1}C{bend} {y1} {bend} {y2} {x2} {y2}\" fill=\"none\" stroke=\"{stroke}\"{dash}>\
             <title>{}</title></path>",
            escape(&edge.because)
        );
    }
    for (id, node) in graph.nodes.iter().enumerate() {
        let Some((x, y)) = at.get(&id) else { continue };
        let (fill, stroke) = match node.part {
            Part::Source => ("#fff3e0", "#ef6c00"),
            Part::Way => ("#f3f6fb", "#35618e"),
            Part::BadEnd => ("#ffebee", "#c62828"),
        };
        let _ = write!(
            out,
            "<g><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"6\" \
             fill=\"{fill}\" stroke=\"{stroke}\"/><text x=\"{}\" y=\"{}\" fill=\"#111\">{}</text></g>",
            escape(&node.label),
            x + 8,
            y + HEIGHT / 2 + 4,
            escape(&clip(&single_line(&node.label), 29)),
        );
    }
    out.push_str("</svg>\n");
    out
}

fn escape(text: &str) -> String {
    single_line(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const MARGIN: usize = 16;
const WIDTH: usize = 212;
const HEIGHT: usize = 30;
const GAP: usize = 70;
const SPACE: usize = 14;
