//! Who asks, and how far their connection reaches (OpenClaw's operator scopes).

use serde::{Deserialize, Serialize};

/// Who stands behind a request. Established by the gateway from credentials, never from a
/// self-declared client id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Principal {
    /// Someone who presented the gateway's shared secret, without a device key.
    SharedSecret {
        /// What the client calls itself; for display only.
        client: String,
    },
    /// A device that proved its Ed25519 key.
    Device {
        /// SHA-256 of the public key, lower-case hexadecimal.
        id: String,
        /// What the client calls itself; for display only.
        client: String,
    },
    /// The gateway itself: expiry, start, stop.
    Gateway,
    /// The built-in drill.
    Drill,
}

impl std::fmt::Display for Principal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SharedSecret { client } => write!(f, "shared-secret ({client})"),
            Self::Device { id, client } => {
                write!(f, "device {} ({client})", id.chars().take(12).collect::<String>())
            }
            Self::Gateway => f.write_str("gateway"),
            Self::Drill => f.write_str("drill"),
        }
    }
}

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident = $id:literal,)*) => {
        /// An operator scope of OpenClaw's protocol.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Scope { $($(#[$doc])* $name,)* }

        impl Scope {
            /// Every scope.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name on the wire.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }
        }
    };
}

scopes! {
    /// Everything.
    Admin = "operator.admin",
    /// Read state.
    Read = "operator.read",
    /// Start turns.
    Write = "operator.write",
    /// See and answer approvals.
    Approvals = "operator.approvals",
    /// Answer questions.
    Questions = "operator.questions",
    /// Pair devices.
    Pairing = "operator.pairing",
    /// Talk mode.
    Talk = "operator.talk",
}

impl Scope {
    /// The scope with this wire name.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|scope| scope.id() == id)
    }
}

/// The scopes that a connection holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeSet(Vec<Scope>);

impl ScopeSet {
    /// No scope at all; only `health` answers.
    #[must_use]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// The known ones among the requested names, in the order given; unknown names are dropped.
    #[must_use]
    pub fn requested<S: AsRef<str>>(names: &[S]) -> Self {
        let mut scopes = Vec::new();
        for scope in names.iter().filter_map(|name| Scope::from_id(name.as_ref())) {
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        Self(scopes)
    }

    /// Whether the set covers `scope`: admin implies all, write implies read and talk.
    #[must_use]
    pub fn covers(&self, scope: Scope) -> bool {
        self.0.iter().any(|held| match held {
            Scope::Admin => true,
            Scope::Write => matches!(scope, Scope::Write | Scope::Read | Scope::Talk),
            Scope::Read | Scope::Approvals | Scope::Questions | Scope::Pairing | Scope::Talk => *held == scope,
        })
    }

    /// The names on the wire.
    #[must_use]
    pub fn ids(&self) -> Vec<&'static str> {
        self.0.iter().map(|scope| scope.id()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_imply_only_what_the_protocol_says() {
        let write = ScopeSet::requested(&["operator.write", "operator.nonsense"]);
        assert!(write.covers(Scope::Read) && write.covers(Scope::Write));
        assert!(!write.covers(Scope::Approvals) && !write.covers(Scope::Admin));
        let admin = ScopeSet::requested(&["operator.admin"]);
        assert!(Scope::ALL.iter().all(|scope| admin.covers(*scope)));
        assert!(Scope::ALL.iter().all(|scope| !ScopeSet::none().covers(*scope)));
    }
}
