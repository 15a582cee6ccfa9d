//! The stages of a message's way through the house. The journal, the trace and the docs are made
//! from this one table.

use serde::{Deserialize, Serialize};

macro_rules! stages {
    ($($(#[$doc:meta])* $name:ident = $id:literal / $what:literal,)*) => {
        /// One stage.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Stage { $($(#[$doc])* #[serde(rename = $id)] $name,)* }

        impl Stage {
            /// Every stage, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name in journals, metrics and spans.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// What the stage establishes, for the docs.
            #[must_use]
            pub const fn what(self) -> &'static str {
                match self { $(Self::$name => $what,)* }
            }
        }
    };
}

stages! {
    /// Bytes became a message.
    Inbound = "inbound" / "size and rate limits, schema parse",
    /// Who sent it.
    Identified = "identified" / "who: device key, token, source address",
    /// Whether they may.
    Admitted = "admitted" / "may this person reach this agent, in this session, now",
    /// What the model wants.
    Proposed = "proposed" / "the model says what it wants; it holds no authority",
    /// What the judge says.
    Decision = "decision" / "allow, ask or deny: pure and explained",
    /// What the operator says.
    Approval = "approval" / "a human's answer to what was asked, or its expiry",
    /// The sealed right to run one call.
    Permit = "permit" / "single use, bound to a digest of everything that will run",
    /// What ran and what came of it.
    Output = "output" / "what the executor did with the permit",
    /// Where the output came from.
    Labeled = "labeled" / "where it came from, who may see it",
    /// What was answered.
    Reply = "reply" / "the answer, secrets masked before it leaves",
    /// The gateway's own acts: start, stop, reload, contain, release.
    Control = "control" / "the gateway's own acts",
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id())
    }
}
