//! The plugins that OpenClaw 2026.9.6 brings along, by the ids of their manifests.

/// Sorted.
pub(super) const BUNDLED: &[&str] = &[
    "a2a", "active-memory", "admin-http-rpc", "alibaba", "anthropic", "apple-fm", "azure-speech", "beam", "bonjour",
    "browser", "canvas", "clawrouter", "code-mode-quickjs", "copilot-proxy", "crabbox", "cua-computer", "deepgram",
    "device-pair", "document-extract", "elevenlabs", "fal", "file-transfer", "geolocation", "github", "github-copilot",
    "google", "huggingface", "imap", "linux-node", "litellm", "llm-task", "lmstudio", "logbook", "memory-core",
    "memory-wiki", "microsoft", "microsoft-foundry", "migrate-claude", "migrate-hermes", "minimax", "nvidia",
    "oc-path", "ollama", "onepassword", "openai", "opencode-go", "openrouter", "policy", "reef", "runway",
    "senseaudio", "session-share", "sglang", "talk-voice", "telegram", "together", "tts-local-cli", "vault", "vllm",
    "web-readability", "webhooks", "workboard", "xai",
];
