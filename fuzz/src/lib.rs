//! The properties that the fuzz targets look for a counterexample of. They live with the tests that replay them.

#[path = "../../crates/policy/tests/properties/mod.rs"]
pub mod properties;
