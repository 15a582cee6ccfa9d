//! The agent: it speaks to models and knows the shapes of the tools. It holds no authority.
//!
//! A model's answer comes out of here as text and [`Proposal`]s; whether a proposal may run is
//! decided by `stockade-policy`, and everything that runs needs a permit. Nothing leaves the machine
//! except through [`GuardedClient`], which judges every address and every redirect.

pub mod client;
pub mod fetch;
mod html;
mod json;
pub mod model;
pub mod models;
pub mod providers;
pub mod tools;

pub use client::{ClientError, GuardedClient, Phase, Timeouts};
pub use fetch::{FetchOutput, FetchRefusal, fetch};
pub use model::{
    Answer, Endpoint, EndpointError, Model, ModelError, ModelEvent, ModelRequest, Patience, StopReason, Usage,
};
pub use providers::Api;
pub use tools::{Proposal, ShapeError, ToolDefinition};
