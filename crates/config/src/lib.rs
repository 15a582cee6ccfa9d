//! Reads OpenClaw's `openclaw.json` and our own `stockade.json`, and writes the first, hardened
//! baseline of both.
//!
//! What it must never do: print a secret, overwrite a file, guess at a key or a word that it does
//! not know in a security section, or hand untrusted nesting to a recursive parser. No async, no
//! network.
//!
//! [`load()`] is the way in: it reads, includes, interpolates, resolves references, checks every key
//! against the table of OpenClaw's keys, and gives one [`Loaded`].

pub mod baseline;
mod bounds;
pub mod confirmed;
pub mod documents;
mod dotenv;
pub mod edit;
pub mod environment;
pub mod error;
pub mod exec_approvals;
pub mod files;
mod include;
mod interpolate;
pub mod key_path;
mod known_keys;
pub mod load;
pub mod model;
pub mod note;
mod origin;
pub mod own;
pub mod paths;
mod secret_ref;
pub mod strength;
pub mod survey;
mod syntax;
pub mod weak_points;

pub use baseline::{baseline, own_baseline};
pub use confirmed::Confirmed;
pub use documents::Documents;
pub use environment::Env;
pub use error::ConfigError;
pub use exec_approvals::{AllowlistEntry, ApprovalLayer, ExecApprovals, approvals_file};
pub use files::{create_state_dir, write_new};
pub use interpolate::interpolated;
pub use key_path::KeyPath;
pub use known_keys::secret_keys;
pub use load::{Loaded, environment as environment_of, load};
pub use model::Config;
pub use note::{Note, NoteKind};
pub use own::{OwnConfig, SandboxPart};
pub use paths::Paths;
pub use strength::{Refusal, Weakness, startup_refusals, weakness};
pub use survey::{Fault, FaultKind, Place, Source, Survey, Unowned};
pub use syntax::Format;
pub use weak_points::{WeakPoint, weak_points};
