//! Shows what was found.
