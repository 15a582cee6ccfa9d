// table:
//! Which rule holds for the arguments of which program. A program that is not here is `Unknown`.

use super::grammar::Verb;
use super::{projects, queries};

/// How the arguments of a program are judged.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// No argument does harm: it reads what it is told to and writes to its output.
    Any,
    /// Only plain names that no other program gives a meaning: nothing hidden, nothing above.
    Names,
    /// Its arguments are programs, code or remote places: no list makes it pass.
    Never(&'static str),
    /// Harmless but for some options.
    Refuse(Options),
    /// Harmless without any argument; otherwise as `Never`.
    Bare(&'static str),
    /// Harmless with these words only.
    Only(&'static [&'static str]),
    /// Not known.
    Unknown,
    Git,
    Find,
    Sed,
    Awk,
    Jq,
    Tar,
    /// Only the forms of a closed table.
    Forms(&'static [Verb]),
    /// The same, for what runs the project's own code.
    Project(&'static [Verb]),
    /// `ps`.
    Processes,
    /// `curl`.
    Fetch,
    /// `cp` and `mv`.
    Moves,
    /// A build tool, with the verbs that build or test the project itself.
    Build(&'static [&'static str]),
}

/// What a program that is otherwise harmless may not be told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    /// Refused short options.
    pub(super) short: &'static str,
    /// Short options whose value may be attached: the letters after them are no options.
    pub(super) valued: &'static str,
    /// Refused long options, with every abbreviation.
    pub(super) long: &'static [&'static str],
    /// How many operands there may be.
    pub(super) operands: usize,
    /// Whether `--` ends the options, and every short option with a value is in `valued`.
    pub(super) ends: bool,
}

const MANY: usize = usize::MAX;

const fn but(short: &'static str, valued: &'static str, long: &'static [&'static str], operands: usize) -> Kind {
    Kind::Refuse(Options { short, valued, long, operands, ends: false })
}

/// The same, of a program whose `--` ends its options for certain.
const fn but_ended(short: &'static str, valued: &'static str, long: &'static [&'static str]) -> Kind {
    Kind::Refuse(Options { short, valued, long, operands: MANY, ends: true })
}

const CODE: &str = "the program runs code that it is given";
const CARRIES: &str = "the program runs another program";
const REMOTE: &str = "the program reaches other machines";
const RIGHTS: &str = "the program changes who or where the command is";
const WRITES: &str = "the program changes files";
const EDITS: &str = "the program is an editor or a pager, which can start a shell";
const SYSTEM: &str = "the program changes the system";

pub(super) const PROGRAMS: &[(&[&str], Kind)] = &[
    (
        &[
            "cat", "ls", "wc", "head", "tail", "echo", "printf", "pwd", "true", "false", "basename", "dirname", "cut",
            "nl", "tac", "rev", "tr", "comm", "join", "paste", "fold", "expand", "unexpand", "fmt", "od", "stat",
            "readlink", "realpath", "du", "df", "id", "whoami", "uname", "uptime", "who", "w", "groups", "md5sum",
            "sha1sum", "sha224sum", "sha256sum", "sha384sum", "sha512sum", "b2sum", "cksum", "sum", "seq", "sleep",
            "numfmt", "tsort", "nproc", "arch", "tty", "pgrep", "free", "which", "whereis", "cmp", "grep", "egrep",
            "fgrep", "test", "[", "expr", "printenv", "factor", "cal", "column", "dir", "vdir", "logname", "users",
            "pathchk", "lsblk", "lscpu", "lsmem", "vmstat", "sha1", "locale", "getconf", "getent", "lsb_release",
            "pidof", "pstree", "zipinfo", "b3sum",
        ],
        Kind::Any,
    ),
    (&["sort"], but("oT", "kSt", &["output", "compress-program", "temporary-directory", "files0-from"], MANY)),
    (&["uniq"], Kind::Forms(queries::UNIQ)),
    (&["date"], Kind::Forms(queries::DATE)),
    (
        &["file"],
        but("CmzZp", "fFP", &["compile", "magic-file", "uncompress", "uncompress-noreport", "preserve-date"], MANY),
    ),
    (&["diff"], but("l", "CFIUWxXDS", &["paginate"], MANY)),
    // An empty file or folder is harmless, except where its name means something to another program.
    (&["mkdir", "touch", "rmdir"], Kind::Names),
    (&["tree"], Kind::Forms(queries::TREE)),
    (&["rg"], but_ended("z", "ABCEdefgjMmrtT", &["pre", "hostname-bin", "search-zip", "pre-glob"])),
    (&["ag"], but("", "", &["pager", "ackrc", "env"], MANY)),
    (&["hexdump", "hd"], but("f", "ens", &[], MANY)),
    (&["hostname"], but("Fb", "", &["file", "boot"], 0)),
    (&["base64", "base32"], but("", "w", &[], 1)),
    (&["zcat", "gzcat"], but("S", "", &["suffix"], MANY)),
    (&["env"], Kind::Bare(CARRIES)),
    (&["ps"], Kind::Processes),
    (&["curl"], Kind::Fetch),
    (&["cp", "mv"], Kind::Moves),
    (&["docker", "podman"], Kind::Forms(queries::DOCKER)),
    (&["kubectl"], Kind::Forms(queries::KUBECTL)),
    (&["systemctl"], Kind::Forms(queries::SYSTEMCTL)),
    (&["journalctl"], Kind::Forms(queries::JOURNALCTL)),
    (&["ip"], Kind::Forms(queries::IP)),
    (&["dpkg"], Kind::Forms(queries::DPKG)),
    (&["pip"], Kind::Forms(queries::PIP)),
    (&["unzip"], Kind::Forms(queries::UNZIP)),
    (&["xxd"], Kind::Forms(queries::XXD)),
    (&["readelf"], Kind::Forms(queries::READELF)),
    (&["nm"], Kind::Forms(queries::NM)),
    (&["size"], Kind::Forms(queries::SIZE)),
    (&["strings"], Kind::Forms(queries::STRINGS)),
    (&["kill"], Kind::Only(&["-l"])),
    (&["git"], Kind::Git),
    (&["find"], Kind::Find),
    (&["sed", "gsed"], Kind::Sed),
    (&["awk", "gawk", "mawk", "nawk"], Kind::Awk),
    (&["jq"], Kind::Jq),
    (&["tar", "bsdtar", "gtar"], Kind::Tar),
    (
        &["cargo"],
        Kind::Build(&[
            "build", "check", "test", "bench", "clippy", "fmt", "tree", "metadata", "version", "doc", "b", "c", "t",
        ]),
    ),
    (&["go"], Kind::Build(&["build", "test", "vet", "list", "version"])),
    (&["npm"], Kind::Project(projects::NPM)),
    (&["pnpm"], Kind::Project(projects::PNPM)),
    (&["yarn"], Kind::Project(projects::YARN)),
    (&["make", "gmake"], Kind::Project(projects::MAKE)),
    (&["pytest"], Kind::Project(projects::PYTEST)),
    (&["tsc"], Kind::Project(projects::TSC)),
    (&["eslint", "mypy", "flake8", "pylint", "shellcheck", "pyright"], Kind::Project(projects::CHECKERS)),
    (&["prettier", "black", "isort", "rustfmt"], Kind::Project(projects::FORMATTERS)),
    (&["ruff"], Kind::Project(projects::RUFF)),
    (&["gofmt"], Kind::Project(projects::GOFMT)),
    (&["corepack"], Kind::Never(CODE)),
    (
        &[
            "sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh", "rbash", "pwsh", "powershell",
            "cmd", "python", "pypy", "ipython", "perl", "ruby", "irb", "node", "nodejs", "php", "lua", "luajit",
            "tclsh", "wish", "deno", "bun", "java", "jshell", "dotnet", "Rscript", "R", "octave", "ghci", "runghc",
            "elixir", "iex", "erl", "escript", "swift", "scala", "groovy", "julia", "guile", "racket", "sbcl", "clisp",
            "ocaml", "osascript", "bc", "dc", "m4", "gdb", "lldb", "expect", "sqlite", "sqlite3", "psql", "mysql",
            "mariadb", "mongo", "mongosh", "redis-cli", "tsx", "ts-node", "uv", "uvx", "poetry", "pipx", "bundle",
            "rake", "gem", "gnuplot", "latex", "pdflatex", "tex", "gs", "qjs", "ack", "nft", "bpftrace", "yash", "nu",
            "swipl", "prolog", "gprolog", "yap", "duckdb", "groff", "troff", "nroff", "gforth", "maxima", "gap",
            "sage", "scilab", "coqtop", "ghc", "hugs", "chez", "petite", "chibi-scheme", "gosh", "csi", "newlisp",
            "picolisp", "ecl", "abcl", "clj", "clojure", "bb", "janet", "fennel", "kotlin", "crystal", "nim", "raku",
            "perl6", "elvish", "xonsh", "osh", "ysh", "murex", "yaegi", "evcxr", "cling", "usql", "pgcli", "mycli",
            "litecli", "clickhouse", "isql", "sqlplus", "sqlcmd", "cqlsh", "cypher-shell", "influx", "d8", "rhino",
            "jjs", "hermes", "tjs", "bsh", "pike", "regina", "rexx", "snobol4", "gp", "matlab", "mlr", "gomplate",
            "jython", "erb", "prove", "nix-shell", "xterm", "hyperfine", "watchexec", "original-awk", "php-cgi",
        ],
        Kind::Never(CODE),
    ),
    (
        &[
            "busybox", "toybox", "nice", "nohup", "timeout", "xargs", "setsid", "stdbuf", "time", "ionice", "command",
            "flock", "watch", "script", "scriptreplay", "parallel", "taskset", "chrt", "strace", "ltrace", "perf",
            "valgrind", "catchsegv", "ld.so", "ld-linux-x86-64.so", "entr", "inotifywait", "start-stop-daemon",
            "daemonize", "unbuffer", "rlwrap", "dbus-launch", "dbus-run-session", "xvfb-run", "faketime", "eatmydata",
            "cpulimit", "prlimit", "numactl", "tmux", "screen", "npx", "cmake", "ninja", "meson", "bazel", "gradle",
            "mvn", "ant", "just", "task", "gcc", "cc", "g++", "c++", "clang", "rustc", "ld", "as", "run-parts",
            "capsh", "ssh-agent", "fd", "fdfind", "split", "env-parallel", "choom", "setarch", "i386", "linux32",
            "linux64", "uclampset", "pv", "logsave", "direnv", "dtach", "git-shell", "proot", "fakechroot", "rustup",
            "nvm", "pyenv", "rbenv", "asdf", "mise", "conda", "mamba", "micromamba", "pdm", "hatch", "pixi", "rye",
            "bunx", "pnpx", "nodenv", "volta", "fnm", "devbox", "nix", "guix", "chronic", "ts", "nq", "pueue",
            "foreman", "honcho", "overmind", "concurrently", "nodemon", "turbo", "nx", "lerna", "tox", "nox", "invoke",
            "fab", "dotenv", "aws-vault", "op", "doppler", "chamber", "envchain", "ldd",
        ],
        Kind::Never(CARRIES),
    ),
    (
        &[
            "sudo", "su", "doas", "runuser", "setpriv", "unshare", "nsenter", "chroot", "pkexec", "sg", "newgrp",
            "gosu", "firejail", "bwrap", "nerdctl", "ctr", "crictl", "runc", "lxc", "lxc-attach", "oc", "helm",
            "machinectl", "systemd-run", "systemd-nspawn", "fakeroot", "flatpak", "snap", "vagrant", "toolbox",
            "distrobox", "lima", "limactl", "colima", "multipass", "adb", "singularity", "apptainer", "incus",
            "buildah", "devcontainer",
        ],
        Kind::Never(RIGHTS),
    ),
    (
        &[
            "ssh", "scp", "sftp", "rsync", "mosh", "telnet", "ftp", "lftp", "tftp", "wget", "aria2c", "nc", "ncat",
            "netcat", "socat", "openssl", "gpg", "nmap", "dig", "nslookup", "host", "ping", "http", "https", "xh",
            "gh", "glab", "hub", "aws", "gcloud", "az", "rclone", "mail", "sendmail", "svn", "hg", "ansible",
            "terraform", "w3m", "lynx", "heroku", "fly", "flyctl", "salt", "salt-call", "salt-ssh", "pulumi", "tofu",
            "packer", "vercel", "netlify", "railway", "doctl", "ibmcloud", "oci", "eb", "cf", "pssh", "pdsh", "clush",
        ],
        Kind::Never(REMOTE),
    ),
    (
        &[
            "ed", "ex", "vi", "vim", "view", "vimdiff", "nvim", "emacs", "nano", "pico", "micro", "joe", "less",
            "more", "most", "man", "info", "pg", "bat", "batcat", "mc", "ranger", "top", "htop", "code", "rvim",
            "rview", "kak", "hx", "delta",
        ],
        Kind::Never(EDITS),
    ),
    (
        &[
            "dd", "tee", "install", "ln", "rm", "shred", "truncate", "chmod", "chown", "chgrp", "mkfifo", "mknod",
            "zip", "gzip", "gunzip", "bzip", "xz", "zstd", "cpio", "ar", "patch", "sponge", "csplit", "setfacl",
            "setfattr", "unlink", "link", "sqlite-utils", "ffmpeg", "convert", "magick",
        ],
        Kind::Never(WRITES),
    ),
    (
        &[
            "mount", "umount", "service", "at", "batch", "crontab", "apt", "apt-get", "apk", "dnf", "yum", "rpm",
            "brew", "pacman", "killall", "pkill", "reboot", "shutdown", "init", "sysctl", "modprobe", "insmod",
            "iptables", "ifconfig", "useradd", "usermod", "passwd", "chpasswd", "visudo", "ldconfig",
            "update-alternatives", "loginctl", "hostnamectl", "timedatectl", "dmesg", "launchctl", "defaults",
            "loadkeys", "openclaw", "stockade", "skill", "snice", "fuser", "renice", "slay", "xkill", "tcpkill",
            "telinit", "poweroff", "halt", "swapon", "swapoff", "chvt", "rtcwake", "hwclock", "losetup", "dmsetup",
            "fsck", "mkfs", "mkswap", "wipefs", "blkdiscard", "partprobe", "fdisk", "parted", "rfkill", "wall",
            "rmmod", "kexec", "nmcli", "ethtool", "tc", "route", "arp", "ufw", "logrotate", "userdel", "groupadd",
            "groupdel", "groupmod", "gpasswd", "chage", "chsh", "chfn", "setcap", "setenforce", "setsebool",
        ],
        Kind::Never(SYSTEM),
    ),
];

/// Programs that are refused as a rule, and that print their version and stop when it is all that they are asked.
/// Others read code from their input whatever they are told (`dash -V`, `tclsh --version`).
pub(super) const VERSIONED: &[&str] = &[
    "python", "python3", "node", "perl", "ruby", "php", "java", "bash", "gcc", "clang", "make", "cmake", "curl",
    "wget", "docker", "podman", "pip", "deno", "bun", "uv", "dotnet", "gdb", "vim", "sqlite3", "psql", "mysql",
    "openssl", "rsync",
];
