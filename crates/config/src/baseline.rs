//! The first config of a fresh machine: everything closed, each line with its reason, and valid for
//! OpenClaw 2026.9.6, whose clients read the same file.

use stockade_core::Secret;

/// A commented `openclaw.json` for one port and token. The token is the one secret in it: write the
/// text with [`crate::files::write_new`] and nowhere else.
#[must_use]
pub fn baseline(port: u16, token: &Secret) -> String {
    let token = serde_json::Value::from(token.expose());
    format!(
        r#"// OpenClaw configuration (JSON5), on Stockade's hardened baseline.
// OpenClaw's clients read this file too; what is Stockade's alone is in stockade.json beside it.
{{
  gateway: {{
    mode: "local",
    port: {port},
    bind: "loopback", // from elsewhere: an SSH tunnel or a tailnet, not a wider bind
    auth: {{
      mode: "token",
      token: {token}, // 256 random bits; "${{NAME}}" takes it from the environment instead
    }},
  }},

  // Say nothing about this machine to the local network.
  discovery: {{ mdns: {{ mode: "off" }} }},

  agents: {{
    defaults: {{
      model: {{ primary: "local/smollm2" }}, // provider/model, from models.providers below
      sandbox: {{
        mode: "all", // every session, the main one too
        scope: "session", // one session sees nothing of another
        workspaceAccess: "none", // "ro" or "rw" shows the workspace to commands
      }},
    }},
  }},

  tools: {{
    exec: {{
      security: "allowlist",
      ask: "always", // each command waits for `stockade approvals`
    }},
    fs: {{ workspaceOnly: true }}, // read, write and edit stay in the workspace
    elevated: {{ enabled: false }}, // nobody leaves the sandbox by a chat command
  }},

  // A group reaches the agent only when it is listed.
  channels: {{ defaults: {{ groupPolicy: "allowlist" }} }},

  models: {{
    providers: {{
      // A llama.cpp server on this machine; `stockade models` fetches weights for it.
      local: {{
        baseUrl: "http://127.0.0.1:8080/v1",
        api: "openai-completions",
        models: [{{ id: "smollm2", name: "SmolLM2" }}],
      }},
      // anthropic: {{ baseUrl: "https://api.anthropic.com", api: "anthropic-messages", apiKey: "${{ANTHROPIC_API_KEY}}", models: [] }},
    }},
  }},
}}
"#
    )
}

/// A commented `stockade.json`.
#[must_use]
pub const fn own_baseline() -> &'static str {
    r#"// Stockade's own configuration (JSON5). OpenClaw does not read this file.
{
  egress: {
    // Origins that the agents' tools may contact although they are not on the public internet, such
    // as "http://127.0.0.1:9000" or "https://*.intranet.example".
    allow: [],
  },
  sandbox: {
    // Layers that this kernel may lack without commands being refused, such as "landlock".
    acceptDegraded: [],
  },
  approvals: { timeoutSeconds: 120 }, // no answer in time is a no
  turn: { maxToolCalls: 64, timeoutSeconds: 1800 },
}
"#
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Env;
    use crate::files::{create_state_dir, write_new};
    use crate::model::{AuthMode, Exposure, SandboxMode};
    use crate::paths::Paths;

    #[test]
    fn the_baseline_loads_without_a_note_and_has_no_weak_point() {
        let folder = tempfile::tempdir().expect("temp dir");
        let state = folder.path().join(".openclaw");
        create_state_dir(&state).expect("made");
        let token = Secret::new("9c1f0b7a5e38d24611fa0c93b7e2d85f40a6c97be1138d52f6077ae4c9b1d305");
        write_new(&state.join("openclaw.json"), &baseline(18_789, &token)).expect("written");
        write_new(&state.join("stockade.json"), own_baseline()).expect("written");
        let loaded = crate::load(&Paths::in_state_dir(&state), &Env::default()).expect("loads");
        assert_eq!(loaded.notes, []);
        assert_eq!(crate::strength::startup_refusals(&loaded), []);
        assert_eq!(crate::weak_points::weak_points(&loaded), []);
        assert_eq!(loaded.files.len(), 2);

        let config = &loaded.config;
        assert_eq!(config.gateway.port(), 18_789);
        assert_eq!(config.gateway.exposure(), Exposure::Loopback);
        assert_eq!(config.gateway.auth.effective_mode(), AuthMode::Token);
        assert!(config.gateway.auth.shared_secret().is_some_and(|secret| secret.matches(token.expose())));
        let main = stockade_core::AgentId::parse("main").expect("valid");
        assert_eq!(config.agents.sandbox(&main).mode, SandboxMode::All);
        let choice = config.agents.model(&main).and_then(|choice| choice.primary.as_deref()).expect("is set");
        let (provider, found, model) = config.models.resolve(choice).expect("resolves");
        assert_eq!(
            (provider, found.base_url.as_deref(), model),
            ("local", Some("http://127.0.0.1:8080/v1"), "smollm2")
        );
        assert!(!format!("{loaded:?}").contains(token.expose()), "the token must not print");
        assert!(loaded.secrets.iter().any(|secret| secret.matches(token.expose())));
    }
}
