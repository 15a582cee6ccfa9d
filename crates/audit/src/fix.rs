//! Plans, writes and undoes edits.
