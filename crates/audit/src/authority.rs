//! Who can reach what.
pub mod graph;
