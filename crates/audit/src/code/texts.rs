//! What a text names: a file with credentials, a place that data is sent to, a miner. Tables, and nothing but.

/// Stands in a text for a part that is not known.
pub const HOLE: char = '\u{fffc}';

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathKind {
    /// Credentials, or what people keep to themselves.
    Secret,
    /// A file of the system or of the home directory.
    Outside,
    /// The program's own, or not known.
    Other,
}

/// What a path leads to. The home directory is `~`.
#[must_use]
pub fn path_kind(path: &str) -> PathKind {
    let path = path.replace('\\', "/");
    let lower = path.to_ascii_lowercase();
    if SECRET_PATHS.iter().any(|part| lower.contains(part)) || lower == "~/.env" || lower.ends_with(".openclaw/.env") {
        return PathKind::Secret;
    }
    let system = ["/etc/", "/root/", "/home/", "/Users/", "/var/", "/proc/", "~/"];
    if system.iter().any(|start| path.starts_with(start)) { PathKind::Outside } else { PathKind::Other }
}

/// Whether what is written there is started later, or decides what is.
#[must_use]
pub fn is_start_file(path: &str) -> bool {
    let lower = path.replace('\\', "/").to_ascii_lowercase();
    START_FILES.iter().any(|part| lower.contains(part))
}

/// Whether it is OpenClaw's own config or its list of approvals.
#[must_use]
pub fn is_gateway_file(path: &str) -> bool {
    ["openclaw.json", "exec-approvals.json", "stockade.json"].iter().any(|file| path.ends_with(file))
}

/// What is known of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination<'t> {
    /// This machine.
    Loopback,
    /// A place where anybody can collect what is sent, or the address itself is odd: why.
    Odd(&'static str),
    /// A host that is written out.
    Host(&'t str),
    /// Not known.
    Unknown,
}

/// What is known of an address, or of a host alone.
#[must_use]
pub fn destination(text: &str) -> Destination<'_> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let rest = rest.split(['/', '?', '#', ' ']).next().unwrap_or_default();
    let host = rest.rsplit('@').next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    if host.is_empty() || host.starts_with(HOLE) && !host.contains('.') || !host.contains(['.', 'l']) {
        return Destination::Unknown;
    }
    let lower = text.to_ascii_lowercase();
    if DROPS.iter().any(|drop| lower.contains(drop)) {
        return Destination::Odd("an address where anybody can collect data");
    }
    if host == "localhost" || host.starts_with("127.") || host == "0.0.0.0" {
        return Destination::Loopback;
    }
    if let Ok(ip) = host.parse::<std::net::Ipv4Addr>() {
        if ip.is_link_local() {
            return Destination::Odd("the cloud's metadata service");
        }
        return if ip.is_private() { Destination::Host(host) } else { Destination::Odd("a bare public address") };
    }
    if host.contains(HOLE) && host.ends_with(HOLE) {
        return Destination::Unknown;
    }
    if !host.contains('.') {
        return Destination::Unknown;
    }
    if matches!(scheme, "http" | "ws" | "ftp") {
        return Destination::Odd("a host without encryption");
    }
    Destination::Host(host)
}

/// The port of an address, when it is written out.
#[must_use]
pub fn port(text: &str) -> Option<u16> {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next()?;
    host.rsplit_once(':')?.1.parse().ok()
}

/// Whether it names a miner or its pool.
#[must_use]
pub fn is_mining(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    MINING.iter().any(|word| lower.contains(word))
}

/// What an environment variable is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variable {
    /// It says nothing that is secret.
    Harmless,
    /// A credential of somebody whose hosts are known.
    Known(&'static [&'static str]),
    /// A credential by its name.
    Secret,
    /// Anything else.
    Other,
}

/// What an environment variable is, by its name.
#[must_use]
pub fn variable(name: &str) -> Variable {
    if HARMLESS.contains(&name) {
        return Variable::Harmless;
    }
    if let Some((_, hosts)) = OWNERS.iter().find(|(known, _)| *known == name) {
        return Variable::Known(hosts);
    }
    let secret = ["KEY", "TOKEN", "SECRET", "PASS", "CREDENTIAL"].iter().any(|part| name.contains(part));
    if secret { Variable::Secret } else { Variable::Other }
}

/// Base64 or base64url, decoded as far as it goes.
#[must_use]
pub fn base64(text: &str) -> String {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.bytes().take(super::tokens::MAX_TEXT) {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'\n' | b'\r' => continue,
            _ => break,
        };
        bits = bits << 6 | u32::from(value);
        count += 1;
        if count == 4 {
            bytes.extend([(bits >> 16) as u8, (bits >> 8) as u8, bits as u8]);
            (bits, count) = (0, 0);
        }
    }
    match count {
        2 => bytes.push((bits >> 4) as u8),
        3 => bytes.extend([(bits >> 10) as u8, (bits >> 2) as u8]),
        _ => {}
    }
    stockade_core::text::lossy(&bytes)
}

/// Hexadecimal digits, decoded as far as they go.
#[must_use]
pub fn hexadecimal(text: &str) -> String {
    let digits: Vec<u8> = text.chars().map_while(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
    let bytes: Vec<u8> =
        digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
    stockade_core::text::lossy(&bytes)
}

/// Whether a decoded text is a program rather than an image.
#[must_use]
pub fn is_code(text: &str) -> bool {
    let words = [
        "require(", "eval(", "import(", "process.", "function", "http://", "https://", "child_process", "curl ",
        "exec(", "#!/", "=>", "bash", "sh -c", "|sh", "| sh",
    ];
    !text.contains('\u{fffd}') && words.iter().any(|word| text.contains(word))
}

const SECRET_PATHS: &[&str] = &[
    "/.ssh",
    ".ssh/",
    "id_rsa",
    "id_ed25519",
    "id_ecdsa",
    "/.aws",
    ".aws/credentials",
    "/.gnupg",
    "/.kube",
    ".kube/config",
    "/.netrc",
    "/.npmrc",
    "/.pypirc",
    "/.git-credentials",
    "/.docker/config",
    ".config/gcloud",
    "application_default_credentials",
    "auth-profiles.json",
    ".openclaw/credentials",
    ".openclaw/openclaw.json",
    "identity/device.json",
    ".openclaw/secrets",
    "openclaw-agent.sqlite",
    "openclaw.sqlite",
    "/.azure",
    "/.config/gh/hosts",
    "/.pgpass",
    "/.password-store",
    "/etc/shadow",
    "/.bash_history",
    "/.zsh_history",
    "login data",
    "/cookies",
    "cookies.sqlite",
    "logins.json",
    "key4.db",
    "wallet.dat",
    ".electrum",
    "metamask",
    "/keychains",
    "login.keychain",
    ".solana/id.json",
    ".ethereum/keystore",
    "exodus/exodus.wallet",
    "/.claude/.credentials",
    "/proc/self/environ",
    "/.vault-token",
    "/.mozilla/firefox",
    "google/chrome",
    "google-chrome",
];
const START_FILES: &[&str] = &[
    "authorized_keys",
    "/.bashrc",
    "/.zshrc",
    "/.profile",
    "/.bash_profile",
    "/.zprofile",
    "launchagents/",
    "launchdaemons/",
    "systemd/user/",
    "/etc/systemd",
    "/etc/cron",
    "crontab",
    "/.config/autostart",
    "/etc/rc.local",
    "/.ssh/config",
    "/.gitconfig",
    "/etc/sudoers",
    "/etc/ld.so.preload",
    "start menu/programs/startup",
];
const DROPS: &[&str] = &[
    "webhook.site",
    "ngrok.io",
    "ngrok-free",
    "ngrok.app",
    "discord.com/api/webhooks",
    "discordapp.com/api/webhooks",
    "pastebin.com",
    "requestbin",
    "pipedream.net",
    "burpcollaborator",
    "oastify.com",
    "interact.sh",
    "oast.",
    "hookbin",
    "beeceptor",
    "transfer.sh",
    "file.io",
    "0x0.st",
    "trycloudflare.com",
    "serveo.net",
    "localhost.run",
    "termbin.com",
    "dnslog.cn",
    "ceye.io",
    "requestcatcher",
    "hooks.slack.com",
    "api.telegram.org/bot",
    ".onion",
    "paste.ee",
    "ix.io",
];
const MINING: &[&str] = &[
    "stratum+tcp", "stratum+ssl", "coinhive", "cryptonight", "xmrig", "minexmr", "supportxmr", "nanopool.org",
    "hashvault.pro", "moneroocean", "cpuminer", "coin-hive", "randomx_",
];
const HARMLESS: &[&str] = &[
    "NODE_ENV", "PORT", "HOST", "HOME", "USER", "PATH", "DEBUG", "TZ", "LANG", "LC_ALL", "TERM", "PWD", "CI", "VITEST",
    "LOG_LEVEL", "TMPDIR", "SHELL", "NO_COLOR", "FORCE_COLOR", "EDITOR", "DISPLAY", "APPDATA", "LOCALAPPDATA",
    "USERPROFILE", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "OPENCLAW_STATE_DIR", "HTTP_PROXY",
    "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "npm_package_version", "COMSPEC", "SystemRoot",
];
/// Whose credential a variable holds: the hosts that may have it.
const OWNERS: &[(&str, &[&str])] = &[
    ("ANTHROPIC_API_KEY", &["anthropic.com"]),
    ("OPENAI_API_KEY", &["openai.com", "azure.com"]),
    ("GEMINI_API_KEY", &["googleapis.com", "google.com"]),
    ("GOOGLE_API_KEY", &["googleapis.com", "google.com"]),
    ("AWS_SECRET_ACCESS_KEY", &["amazonaws.com"]),
    ("AWS_SESSION_TOKEN", &["amazonaws.com"]),
    ("GITHUB_TOKEN", &["github.com", "githubcopilot.com", "githubusercontent.com"]),
    ("GH_TOKEN", &["github.com", "githubcopilot.com", "githubusercontent.com"]),
    ("OPENROUTER_API_KEY", &["openrouter.ai"]),
    ("XAI_API_KEY", &["x.ai"]),
    ("SLACK_BOT_TOKEN", &["slack.com"]),
    ("DISCORD_BOT_TOKEN", &["discord.com", "discordapp.com"]),
    ("TELEGRAM_BOT_TOKEN", &["telegram.org"]),
    ("STRIPE_SECRET_KEY", &["stripe.com"]),
    ("OPENCLAW_GATEWAY_TOKEN", &[]),
    ("OPENCLAW_GATEWAY_PASSWORD", &[]),
    ("SSH_AUTH_SOCK", &[]),
];
