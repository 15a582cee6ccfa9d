// table: paths that no sandbox is shown, and targets that no mount may shadow
//! The protected paths and the names that mark a credential or a socket wherever they stand. Paths are
//! in normal form: absolute, no dots, no doubled or trailing slash. What refuses ignores the case of letters, as
//! macOS and the drives of Windows do; what lifts a refusal does not.

use std::path::{Path, PathBuf};

use super::Unresolved;
use super::canonical::resolve;

/// Whether `path` is `tree` or lies in it, in whatever case.
pub(super) fn inside(path: &str, tree: &str) -> bool {
    beneath(path, tree).is_some()
}

/// The rest of `path` beneath `tree`, empty when they are the same.
pub(super) fn beneath<'a>(path: &'a str, tree: &str) -> Option<&'a str> {
    if tree == "/" {
        return Some(path.trim_start_matches('/'));
    }
    let (start, rest) = path.split_at_checked(tree.len())?;
    let same = start == tree || start.eq_ignore_ascii_case(tree);
    (same && (rest.is_empty() || rest.starts_with('/'))).then(|| rest.trim_start_matches('/'))
}

/// Whether `path` is `tree` or lies in it, letter by letter: for what lifts a refusal.
pub(super) fn exactly_inside(path: &str, tree: &str) -> bool {
    path.starts_with(tree) && inside(path, tree)
}

/// Whether one of the two lies in the other.
pub(super) fn meets(path: &str, tree: &str) -> bool {
    agree(path, tree) && (inside(path, tree) || inside(tree, path))
}

/// Whether one could be the beginning of the other, by the second byte alone: the tables are long, and most of their
/// entries end here. The first byte of absolute paths says nothing.
fn agree(one: &str, other: &str) -> bool {
    let second = |text: &str| text.as_bytes().get(1).map(u8::to_ascii_lowercase);
    match (second(one), second(other)) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

/// Where the protected paths really are, for those that are links or lie behind one: a disk that grew too small has
/// its `/var/lib/docker` or `/home` elsewhere. Each as its place and its name. Each question is a call of the kernel's,
/// so that only the folders are asked about that are known to be moved, and every tree behind those that were.
pub(super) fn moved<L: Fn(&Path) -> Option<PathBuf>>(
    homes: &[String],
    links: &L,
) -> Result<Vec<(String, String)>, Unresolved> {
    let linked: Vec<&str> = MOVABLE.iter().copied().filter(|tree| links(Path::new(tree)).is_some()).collect();
    let mut names: Vec<String> = Vec::new();
    if !linked.is_empty() {
        let trees = [TREES, WHOLE, HOMES, ROOT_HOMES].into_iter().flatten();
        names.extend(trees.filter(|tree| linked.iter().any(|link| inside(tree, link))).map(|tree| (*tree).to_owned()));
    }
    let mut hidden = String::new();
    for home in homes {
        for name in HOME_HIDDEN {
            hidden.clear();
            hidden.extend([home.as_str(), "/", name]);
            if links(Path::new(&hidden)).is_some() {
                names.push(hidden.clone());
            }
        }
    }
    names.into_iter().map(|name| Ok((resolve(&name, links)?, name))).collect()
}

/// The path that `path` is another name of, on the systems that show a tree twice.
pub(super) fn seen_as(path: &str) -> Option<String> {
    let mut seen: Option<String> = None;
    // Each round takes a prefix off, so that stacked ones end too.
    while let Some(rest) = TWICE.iter().find_map(|(prefix, real)| {
        let rest = beneath(seen.as_deref().unwrap_or(path), prefix)?;
        Some(if rest.is_empty() { (*real).to_owned() } else { format!("{}/{rest}", real.trim_end_matches('/')) })
    }) {
        seen = Some(rest);
    }
    seen
}

/// Why a source is refused, as the end of a sentence. `granted` lifts what keeps a session from its
/// own workspace: hidden folders of a home and root's home, nothing else.
pub(super) fn source<'a>(
    path: &str,
    writable: bool,
    granted: bool,
    homes: impl Iterator<Item = &'a str> + Clone,
) -> Option<&'static str> {
    if TREES.iter().any(|tree| meets(path, tree)) {
        return Some("is, holds or lies in a system folder");
    }
    if ROOT_HOMES.iter().any(|home| inside(home, path) || (!granted && inside(path, home))) {
        return Some("is, holds or lies in root's home");
    }
    if !granted && SERVICES.iter().any(|folder| inside(path, folder)) {
        return Some("is the data of a service of the host");
    }
    if WHOLE.iter().any(|folder| inside(folder, path)) {
        return Some("is a whole system folder; mount a folder in it");
    }
    if writable && READ_ONLY.iter().any(|tree| inside(path, tree)) {
        return Some("is installed software, which is mounted read only (:ro) or not at all");
    }
    if writable && started(path) {
        return Some("is run by the host's tools, and is mounted read only (:ro) or not at all");
    }
    if path.split('/').any(socket) || last(path).is_some_and(socket_file) {
        return Some("is a socket, which speaks to a daemon or an agent of the host");
    }
    if let Some(rest) = beneath(path, "/tmp").or_else(|| beneath(path, "/var/tmp"))
        && SHARED_TMP.iter().any(|start| starts_with(rest, start))
    {
        return Some("is where agents and displays keep their sockets");
    }
    if credential(path) || last(path).is_some_and(secret_file) {
        return Some("is or lies in a credential folder");
    }
    if path.split('/').any(|part| STATES.iter().any(|name| part.eq_ignore_ascii_case(name)))
        && (!granted || secret_state(path))
    {
        return Some("is or lies in a state directory of the gateway");
    }
    let homes = homes.filter_map(|home| beneath(path, home)).chain(usual_home(path));
    homes.into_iter().find_map(|rest| home_entry(rest, writable, granted))
}

/// Why a target is refused, as the end of a sentence.
pub(super) fn target(path: &str) -> Option<&'static str> {
    if !OPEN_TARGETS.iter().any(|tree| inside(path, tree)) && TARGETS.iter().any(|tree| meets(path, tree)) {
        return Some("shadows what the sandbox itself trusts");
    }
    let hidden = usual_home(path).is_some_and(|rest| rest.starts_with('.'));
    (hidden || credential(path)).then_some("shadows the settings of a user")
}

/// Parts of the state directory that no grant reaches.
pub(super) fn secret_state(rest: &str) -> bool {
    rest.is_empty() || rest.split('/').any(|part| STATE_SECRETS.iter().any(|name| part.eq_ignore_ascii_case(name)))
}

/// The rest of a path beneath a home folder in one of the usual places; empty for the home itself.
fn usual_home(path: &str) -> Option<&str> {
    HOMES.iter().find_map(|homes| {
        let user = beneath(path, homes).filter(|rest| !rest.is_empty())?;
        Some(user.split_once('/').map_or("", |(_, rest)| rest))
    })
}

fn home_entry(rest: &str, writable: bool, granted: bool) -> Option<&'static str> {
    if rest.is_empty() {
        return Some("is a whole home folder; mount a folder in it");
    }
    if rest.starts_with('.') && !granted {
        return Some("is a hidden entry of a home folder, where programs keep settings and credentials");
    }
    if writable && HOME_PROGRAMS.iter().any(|name| inside(rest, name)) {
        return Some("is where a user's programs are, and is mounted read only (:ro) or not at all");
    }
    HOME_FOLDERS.iter().any(|name| meets(rest, name)).then_some("is or holds the settings of a user's programs")
}

/// Whether the parts of a credential's name stand one after the other in `path`.
fn credential(path: &str) -> bool {
    let mut rest = path;
    while let Some((_, after)) = rest.split_once('/') {
        let begins = after.bytes().next().is_some_and(|first| CREDENTIAL_STARTS.contains(&first.to_ascii_lowercase()));
        if begins && CREDENTIALS.iter().any(|name| agree(after, name) && inside(after, name)) {
            return true;
        }
        rest = after;
    }
    false
}

/// Whether a path is or lies in what the host's own tools run: hooks of a repository, also of a bare one or of a
/// submodule, and what a shell runs on entering a folder. A folder that holds such things is a workspace.
fn started(path: &str) -> bool {
    let mut in_repository = false;
    path.split('/').any(|part| {
        let found = STARTED.iter().any(|name| part.eq_ignore_ascii_case(name))
            || in_repository && REPOSITORY_PROGRAMS.iter().any(|name| part.eq_ignore_ascii_case(name));
        in_repository |= part.len() >= 4 && ends_with(part, ".git");
        found
    })
}

fn last(path: &str) -> Option<&str> {
    path.rsplit('/').next()
}

fn socket(name: &str) -> bool {
    SOCKETS.iter().any(|socket| name.eq_ignore_ascii_case(socket))
        || name.starts_with("S.gpg-agent")
        || name.starts_with("S.dirmngr")
        || name.starts_with("S.keyboxd")
}

fn socket_file(name: &str) -> bool {
    [".sock", ".socket", "-sock", "_socket", "-socket", ".sock.raw"].iter().any(|end| ends_with(name, end))
}

fn starts_with(name: &str, start: &str) -> bool {
    name.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

fn ends_with(name: &str, end: &str) -> bool {
    let at = name.len().checked_sub(end.len());
    at.and_then(|at| name.get(at..)).is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

fn secret_file(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    // A browser's `Cookies` is one; a folder `cookies` is anybody's.
    [name, &lower].iter().any(|name| SECRET_FILES.contains(name))
        || [".pem", ".key", ".p12", ".pfx", ".ppk", ".kdbx", ".keystore", ".jks", ".keytab", ".ovpn"]
            .iter()
            .any(|end| lower.ends_with(end))
        || (lower.starts_with(".env.") && !lower.ends_with("example") && !lower.ends_with("sample"))
}

/// Refused themselves, with everything inside and everything that holds them.
pub(super) const TREES: &[&str] = &[
    "/etc",
    "/proc",
    "/sys",
    "/dev",
    "/boot",
    "/efi",
    "/esp",
    "/run",
    "/var/run",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/usr/bin",
    "/usr/sbin",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libx32",
    "/usr/libexec",
    "/usr/src",
    "/usr/etc",
    "/usr/local/etc",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/usr/local/var",
    "/opt/homebrew/etc",
    "/opt/homebrew/var",
    "/usr/local/libexec",
    "/lost+found",
    "/cgroup",
    "/selinux",
    "/debug",
    "/tracing",
    "/config",
    "/initrd.img",
    "/vmlinuz",
    "/swapfile",
    "/swap.img",
    "/.dockerenv",
    "/.snapshots",
    "/ostree",
    "/var/lib/docker",
    "/var/lib/docker-engine",
    "/var/lib/containers",
    "/var/lib/containerd",
    "/var/lib/kubelet",
    "/var/lib/k0s",
    "/var/lib/rancher",
    "/var/lib/cni",
    "/var/lib/crio",
    "/var/lib/etcd",
    "/var/lib/lxc",
    "/var/lib/lxd",
    "/var/lib/lxcfs",
    "/var/lib/incus",
    "/var/lib/libvirt",
    "/var/lib/machines",
    "/var/lib/portables",
    "/var/lib/rkt",
    "/var/lib/buildkit",
    "/var/lib/buildah",
    "/var/lib/nerdctl",
    "/var/lib/firecracker",
    "/var/lib/kata-containers",
    "/var/lib/systemd",
    "/var/lib/snapd",
    "/var/lib/flatpak",
    "/var/lib/dbus",
    "/var/lib/sss",
    "/var/lib/private",
    "/var/lib/tailscale",
    "/var/lib/NetworkManager",
    "/var/lib/bluetooth",
    "/var/lib/cloud",
    "/var/lib/polkit-1",
    "/var/lib/AccountsService",
    "/var/lib/gdm",
    "/var/lib/gdm3",
    "/var/lib/lightdm",
    "/var/lib/sudo",
    "/var/lib/pam",
    "/var/lib/dpkg",
    "/var/lib/apt",
    "/var/lib/rpm",
    "/var/lib/pacman",
    "/var/lib/dnf",
    "/var/lib/dhcp",
    "/var/lib/samba",
    "/var/lib/krb5kdc",
    "/var/lib/postgresql",
    "/var/lib/mysql",
    "/var/lib/redis",
    "/var/lib/mongodb",
    "/var/lib/vault",
    "/var/lib/waydroid",
    "/var/lib/jenkins",
    "/var/lib/gitea",
    "/var/lib/waagent",
    "/var/lib/amazon",
    "/var/lib/google",
    "/var/lib/initramfs-tools",
    "/var/lib/dkms",
    "/var/lib/shim-signed",
    "/var/lib/ca-certificates",
    "/var/lib/secrets",
    "/var/opt/gitlab",
    "/var/opt/mssql",
    "/var/opt/chef",
    "/var/opt/opscode",
    "/var/opt/oracle",
    "/var/opt/remi",
    "/var/opt/rh",
    "/var/log",
    "/var/spool",
    "/var/mail",
    "/var/backups",
    "/var/crash",
    "/var/db",
    "/var/lock",
    "/var/snap",
    "/var/cache/ldconfig",
    "/var/kerberos",
    "/var/account",
    "/var/audit",
    "/var/vm",
    "/nix/var",
    "/gnu/var",
    "/opt/containerd",
    "/opt/cni",
    "/snap/docker",
    "/System",
    "/Library",
    "/cores",
    "/.vol",
    "/bootstrap",
    "/mnt/wsl",
    "/mnt/wslg",
    "/wslg",
    "/mnt/c/Windows",
    "/mnt/c/ProgramData",
    "/mnt/c/Program Files",
    "/c/Windows",
    "/usr/lib/modules",
    "/lib/modules",
];

/// Refused as a whole, with what holds them; what is inside may be an ordinary folder.
pub(super) const WHOLE: &[&str] = &[
    "/home", "/Users", "/var/home", "/export", "/export/home", "/usr/home", "/opt", "/srv", "/mnt", "/media",
    "/Volumes", "/Applications", "/nix", "/nix/store", "/gnu", "/snap", "/tmp", "/var/tmp", "/var", "/var/lib",
    "/var/cache", "/var/opt", "/usr", "/usr/share", "/usr/local", "/usr/local/lib", "/usr/local/share", "/private",
    "/host", "/hostfs", "/rootfs", "/sysroot", "/mnt/host", "/mnt/c", "/mnt/d", "/mnt/c/Users", "/c", "/c/Users",
    "/opt/homebrew",
];

/// Folders in which each service of the host keeps its data, credentials among it. No list of services is complete.
const SERVICES: &[&str] = &["/var/lib"];

/// Readable at most.
const READ_ONLY: &[&str] = &["/usr", "/nix", "/gnu", "/snap", "/Applications", "/opt/homebrew"];

/// Homes of root: hidden or not, nothing in them is a project.
const ROOT_HOMES: &[&str] = &["/root", "/var/root"];

/// Folders that hold home folders.
const HOMES: &[&str] =
    &["/home", "/Users", "/var/home", "/export/home", "/usr/home", "/mnt/c/Users", "/mnt/d/Users", "/c/Users"];

/// Entries of a home, not hidden, in which programs keep settings, keys and profiles.
const HOME_FOLDERS: &[&str] = &["Library", "AppData", "Application Data", "snap", "Keychains", "NTUSER.DAT"];

/// Folders of a home that are in its user's search path.
const HOME_PROGRAMS: &[&str] = &[
    "bin", "sbin", "go/bin", "perl5/bin", "node_modules/.bin", "anaconda3/bin", "miniconda3/bin", "miniforge3/bin",
    "mambaforge/bin", "Applications",
];

/// Hidden folders of a home that are often links to elsewhere, and hold credentials.
const HOME_HIDDEN: &[&str] = &[".ssh", ".gnupg", ".aws", ".kube", ".docker", ".config", ".local"];

/// Protected folders that are moved to another disk, or by another system's layout, and left behind as links.
const MOVABLE: &[&str] = &[
    "/etc", "/home", "/Users", "/root", "/run", "/usr", "/opt", "/srv", "/mnt", "/media", "/tmp", "/boot", "/export",
    "/export/home", "/usr/home", "/usr/local", "/var", "/var/home", "/var/root", "/var/tmp", "/var/log", "/var/spool",
    "/var/mail", "/var/backups", "/var/cache", "/var/lib", "/var/lib/docker", "/var/lib/containers",
    "/var/lib/containerd", "/var/lib/kubelet", "/var/lib/rancher", "/var/lib/lxc", "/var/lib/lxd", "/var/lib/incus",
    "/var/lib/libvirt", "/var/lib/machines", "/var/lib/etcd", "/var/lib/postgresql", "/var/lib/mysql",
    "/var/lib/mongodb", "/var/lib/redis", "/var/lib/jenkins", "/var/lib/gitea",
];

/// What tools of the host run from within a project, wherever it stands.
const STARTED: &[&str] = &[".envrc", ".direnv", ".husky", ".githooks"];

/// The same within a repository's own folder: its settings name programs.
const REPOSITORY_PROGRAMS: &[&str] = &["hooks", "config", "config.worktree"];

/// Prefixes under which a system shows a tree a second time.
const TWICE: &[(&str, &str)] = &[
    ("/private", "/"),
    ("/System/Volumes/Data", "/"),
    ("/hostfs", "/"),
    ("/host", "/"),
    ("/rootfs", "/"),
    ("/sysroot", "/"),
    ("/mnt/host", "/"),
    ("/run/host", "/"),
    ("/var/run", "/run"),
    ("/host_mnt", "/"),
    ("/mnt/rootfs", "/"),
    ("/mnt/root", "/"),
    ("/wsl.localhost", "/"),
];

/// Beginnings of the names in `/tmp` that belong to agents, displays and service managers.
const SHARED_TMP: &[&str] = &[
    ".X", ".ICE-unix", ".font-unix", ".Test-unix", ".org.chromium", ".com.google", ".esd-", ".vbox-", ".docker",
    ".s.PGSQL", ".dbus", "ssh-", "tmux-", "dbus-", "gpg-", "pulse-", "systemd-private-", "snap-private-tmp", "snap.",
    "podman-run-", "containers-user-", "runc", "screens", "screen-", "com.apple.launchd", "com.docker", "kwallet",
    "keyring-", "krb5cc", "orbit-", "vscode-", "hsperfdata_",
];

/// Names that are sockets or hold them, wherever they stand.
const SOCKETS: &[&str] = &[
    "docker.sock", "docker.sock.raw", "docker-cli.sock", "podman.sock", "containerd.sock", "crio.sock",
    "cri-dockerd.sock", "dockershim.sock", "buildkitd.sock", "kubelet.sock", "frakti.sock", "system_bus_socket",
    "session_bus_socket", "libvirt-sock", "libvirt-sock-ro", "virtqemud-sock", "snapd.socket", "snapd-snap.socket",
    "tailscaled.sock", "daemon-socket", "docker_engine", "ssh-agent.socket", "SSH_AUTH_SOCK", ".X11-unix", ".ICE-unix",
    ".XIM-unix", ".font-unix", "wayland-0", "wayland-1", "pipewire-0", "agent.sock",
];

/// Paths that are credentials, wherever they stand: a copy of a home is one too.
const CREDENTIALS: &[&str] = &[
    ".ssh",
    ".gnupg",
    ".aws",
    ".azure",
    ".kube",
    ".docker",
    ".oci",
    ".bluemix",
    ".aliyun",
    ".tccli",
    ".hcloud",
    ".minikube",
    ".config/gcloud",
    ".config/gh",
    ".config/hub",
    ".config/glab-cli",
    ".config/git/credentials",
    ".config/op",
    ".config/doctl",
    ".config/heroku",
    ".config/containers",
    ".config/helm",
    ".config/rclone",
    ".config/sops",
    ".config/age",
    ".config/1Password",
    ".config/Bitwarden",
    ".config/google-chrome",
    ".config/chromium",
    ".config/BraveSoftware",
    ".config/microsoft-edge",
    ".config/vivaldi",
    ".config/opera",
    ".config/Slack",
    ".config/discord",
    ".config/Signal",
    ".config/solana",
    ".config/fish",
    ".config/systemd",
    ".config/autostart",
    ".config/github-copilot",
    ".config/claude",
    ".config/anthropic",
    ".config/openai",
    ".config/stripe",
    ".config/ngrok",
    ".config/configstore",
    ".config/pip",
    ".config/composer",
    ".config/kitty",
    ".local/share/keyrings",
    ".local/share/kwalletd",
    ".local/share/containers",
    ".local/share/gnupg",
    ".local/share/pass",
    ".local/share/gopass",
    ".local/share/Bitwarden",
    ".mozilla",
    ".thunderbird",
    ".librewolf",
    ".waterfox",
    ".var/app",
    ".password-store",
    ".pki",
    ".keychain",
    ".keyring",
    ".keyrings",
    ".kde/share/apps/kwallet",
    ".electrum",
    ".bitcoin",
    ".ethereum",
    ".monero",
    ".gcloud",
    ".boto",
    ".s3cfg",
    ".netrc",
    "_netrc",
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
    ".pypirc",
    ".gem/credentials",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".m2/settings.xml",
    ".m2/settings-security.xml",
    ".gradle/gradle.properties",
    ".nuget/NuGet",
    ".composer/auth.json",
    ".git-credentials",
    ".pgpass",
    ".my.cnf",
    ".mylogin.cnf",
    ".mongorc.js",
    ".rediscli_auth",
    ".vault-token",
    ".terraform.d",
    ".terraformrc",
    ".vagrant.d",
    ".ngrok2",
    ".cloudflared",
    ".tailscale",
    ".wireguard",
    ".openvpn",
    ".kaggle",
    ".huggingface",
    ".cache/huggingface/token",
    ".databrickscfg",
    ".snowsql",
    ".snowflake",
    ".irssi",
    ".weechat",
    ".mutt",
    ".msmtprc",
    ".fetchmailrc",
    ".mbsyncrc",
    ".offlineimaprc",
    ".authinfo",
    ".authinfo.gpg",
    ".smbcredentials",
    ".rhosts",
    ".shosts",
    ".Xauthority",
    ".ICEauthority",
    ".dbus",
    ".lastpass",
    ".bitwarden",
    ".sdkman/etc",
    ".bash_history",
    ".zsh_history",
    ".python_history",
    ".psql_history",
    ".mysql_history",
    ".node_repl_history",
    ".sqlite_history",
    ".bashrc",
    ".bash_profile",
    ".bash_login",
    ".bash_logout",
    ".zshrc",
    ".zshenv",
    ".zprofile",
    ".zlogin",
    ".anthropic",
    ".openai",
    ".colima",
    ".lima",
    ".orbstack",
    ".multipass",
    "Library/Keychains",
    "Library/Application Support",
    "Library/Cookies",
    "Library/Safari",
    "Library/Mail",
    "Library/Messages",
    "Library/Group Containers",
    "Library/Containers",
    "AppData/Roaming",
    "AppData/Local",
    "snap/firefox",
    "snap/chromium",
    "snap/docker",
    "auth-profiles.json",
    "exec-approvals.json",
    "openclaw.json",
];

/// The letters that those begin with: most names of folders end here, before the long table.
const CREDENTIAL_STARTS: &[u8] = b"._laseo";

/// Files that are secrets by their name alone.
const SECRET_FILES: &[&str] = &[
    ".env",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "id_ecdsa_sk",
    "id_ed25519_sk",
    "shadow",
    "gshadow",
    "sudoers",
    "credentials.json",
    "credentials.toml",
    "credentials.yml",
    "application_default_credentials.json",
    "service-account.json",
    "service_account.json",
    "client_secret.json",
    "secrets.json",
    "secrets.yml",
    "secrets.yaml",
    "secrets.toml",
    "kubeconfig",
    "token.json",
    "wallet.dat",
    "master.key",
    "htpasswd",
    ".htpasswd",
    "authorized_keys",
    "core_pattern",
    "kcore",
    "kmem",
    "sysrq-trigger",
    "release_agent",
    "login.keychain-db",
    "Cookies",
    "Login Data",
    "logins.json",
    "key4.db",
    "cookies.sqlite",
];

/// Names that state directories have had, wherever they stand.
const STATES: &[&str] = &[".openclaw", ".openclaw-dev", ".clawdbot", ".moltbot", ".clawdis", ".stockade"];

/// Parts of a state directory that hold credentials, identities and transcripts.
const STATE_SECRETS: &[&str] = &[
    "credentials", "identity", "devices", "agent", "sessions", "secrets", "oauth", "pairing", "journal",
    "openclaw.json", "stockade.json", "exec-approvals.json", ".env",
];

/// Targets that nothing may shadow, inside or around.
pub(super) const TARGETS: &[&str] = &[
    "/etc",
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/proc",
    "/sys",
    "/dev",
    "/run",
    "/var/run",
    "/root",
    "/boot",
    "/home/sandbox",
    "/nix",
    "/gnu",
    "/init",
    "/linuxrc",
    "/sbin/init",
    "/cgroup",
    "/selinux",
    "/.dockerenv",
    "/.dockerinit",
    "/docker-entrypoint.sh",
    "/docker-entrypoint.d",
    "/entrypoint.sh",
    "/entrypoint",
    "/tini",
    "/dumb-init",
    "/var/lock",
    "/var/spool",
    "/var/cache/ldconfig",
    "/var/lib/dpkg",
    "/var/lib/apt",
    "/var/lib/rpm",
    "/var/lib/docker",
    "/var/lib/containers",
    "/var/lib/containerd",
    "/var/lib/kubelet",
    "/var/lib/ca-certificates",
    "/opt/nvidia",
    "/snap",
    "/kaniko",
];

/// Folders in those that images keep for applications.
const OPEN_TARGETS: &[&str] = &["/usr/src"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_moved_is_protected_and_so_is_the_way_to_it() {
        let trees: Vec<&str> = [TREES, WHOLE, HOMES, ROOT_HOMES].into_iter().flatten().copied().collect();
        for tree in MOVABLE {
            assert!(trees.contains(tree), "{tree} is asked about for nothing");
            for parent in Path::new(tree).ancestors().skip(1).filter(|parent| *parent != Path::new("/")) {
                assert!(MOVABLE.iter().any(|other| Path::new(other) == parent), "{} on the way", parent.display());
            }
        }
    }

    #[test]
    fn credentials_begin_as_is_said() {
        for name in CREDENTIALS {
            let first = name.bytes().next().map(|first| first.to_ascii_lowercase());
            assert!(first.is_some_and(|first| CREDENTIAL_STARTS.contains(&first)), "{name}");
        }
    }

    #[test]
    fn a_tree_behind_two_links_is_found() {
        let links = |path: &Path| match path.to_str() {
            Some("/var") => Some("/data/var".into()),
            Some("/data/var/lib/docker" | "/data/var/snap") => Some("/big/moved".into()),
            _ => None,
        };
        let moved = moved(&[], &links).expect("no loop");
        let place = |name: &str| moved.iter().find(|(_, tree)| tree == name).map(|(place, _)| place.as_str());
        assert_eq!(place("/var/lib/docker"), Some("/big/moved"));
        assert_eq!(place("/var/snap"), Some("/big/moved"), "asked about once its parent is a link");
        assert_eq!(place("/var/log"), Some("/data/var/log"));
        assert_eq!(place("/etc"), None);
    }
}
