//! The drill: a model that was taken over by a web page attacks a config through the real gate, and
//! what came of it is looked at from outside.
//!
//! Everything is real but the goods: a gateway with the config under test serves an operator over its
//! WebSocket, a model server answers it over HTTP, a page server holds the page. Homes, keys and files
//! are canaries in a folder that is thrown away. The drill never takes the gate's word for it: a
//! canary that was touched, a listener that was reached, or a canary's content in the model's context
//! is a breach, whatever the journal says.

mod attempts;
mod canary;
mod model;
mod report;
mod run;
mod stage;

pub use attempts::{ATTEMPTS, Attempt};
pub use report::{Held, Outcome, Report};
pub use run::{DrillError, Operator, run};
