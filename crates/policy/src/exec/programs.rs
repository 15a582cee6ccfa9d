// table:
//! Which rule holds for the arguments of which program. A program that is not here is `Unknown`.

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
}

const MANY: usize = usize::MAX;

const fn but(short: &'static str, valued: &'static str, long: &'static [&'static str], operands: usize) -> Kind {
    Kind::Refuse(Options { short, valued, long, operands })
}

pub(super) const CODE: &str = "the program runs code that it is given";
pub(super) const CARRIES: &str = "the program runs another program";
const REMOTE: &str = "the program reaches other machines";
pub(super) const RIGHTS: &str = "the program changes who or where the command is";
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
            "fgrep", "test", "[", "expr", "printenv", "factor", "cal", "strings", "column", "dir", "vdir", "rmdir",
            "logname", "users", "pathchk",
        ],
        Kind::Any,
    ),
    (&["sort"], but("oT", "kSt", &["output", "compress-program", "temporary-directory", "files0-from"], MANY)),
    (&["uniq"], but("", "fsw", &[], 1)),
    (&["date"], but("s", "dfrI", &["set"], MANY)),
    (&["file"], but("Cmzp", "fFP", &["compile", "magic-file", "uncompress", "preserve-date"], MANY)),
    (&["diff"], but("l", "CFIUWxXDS", &["paginate"], MANY)),
    // An empty file or folder is harmless, except where its name means something to another program.
    (&["mkdir", "touch"], Kind::Names),
    // Its clusters are read on after a letter with a value: no such letter is told from an output.
    (&["tree"], but("oRLPIHT", "", &["output"], MANY)),
    (&["rg"], but("z", "ABCEefgjMmrtT", &["pre", "hostname-bin", "search-zip", "pre-glob"], MANY)),
    (&["ag"], but("", "", &["pager", "ackrc", "env"], MANY)),
    (&["hexdump", "hd"], but("f", "ens", &[], MANY)),
    (&["hostname"], but("Fb", "", &["file", "boot"], 0)),
    (&["base64", "base32"], but("", "w", &[], 1)),
    (&["zcat", "gzcat"], but("S", "", &["suffix"], MANY)),
    (&["env"], Kind::Bare(CARRIES)),
    // `e` shows the environment of other processes.
    (&["ps"], Kind::Only(&["aux", "ax", "-ef", "-e", "-A", "-f", "auxww", "-aux", "-u", "-x"])),
    (&["kill"], Kind::Only(&["-l"])),
    (&["git"], Kind::Git),
    (&["find"], Kind::Find),
    (&["sed", "gsed"], Kind::Sed),
    (&["awk", "gawk", "mawk", "nawk"], Kind::Awk),
    (&["jq"], Kind::Jq),
    (&["tar", "bsdtar", "gtar"], Kind::Tar),
    (
        &["cargo"],
        Kind::Build(&["build", "check", "test", "clippy", "fmt", "tree", "metadata", "version", "b", "c", "t"]),
    ),
    (&["go"], Kind::Build(&["build", "test", "vet", "list", "version"])),
    // Their settings in the working folder name programs.
    (&["npm", "pnpm", "yarn", "corepack"], Kind::Never(CODE)),
    (
        &[
            "sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh", "rbash", "pwsh", "powershell",
            "cmd", "python", "pypy", "ipython", "perl", "ruby", "irb", "node", "nodejs", "php", "lua", "luajit",
            "tclsh", "wish", "deno", "bun", "java", "jshell", "dotnet", "Rscript", "R", "octave", "ghci", "runghc",
            "elixir", "iex", "erl", "escript", "swift", "scala", "groovy", "julia", "guile", "racket", "sbcl", "clisp",
            "ocaml", "osascript", "bc", "dc", "m4", "gdb", "lldb", "expect", "sqlite", "sqlite3", "psql", "mysql",
            "mariadb", "mongo", "mongosh", "redis-cli", "tsx", "ts-node", "uv", "uvx", "poetry", "pipx", "bundle",
            "rake", "gem", "pip", "pytest", "gnuplot", "latex", "pdflatex", "tex", "gs", "qjs", "ack", "nft",
            "bpftrace", "xxd", "yash", "jython", "erb", "prove", "nix-shell", "xterm", "hyperfine", "watchexec",
            "original-awk", "php-cgi",
        ],
        Kind::Never(CODE),
    ),
    (
        &[
            "busybox", "toybox", "nice", "nohup", "timeout", "xargs", "setsid", "stdbuf", "time", "ionice", "command",
            "flock", "watch", "script", "scriptreplay", "parallel", "taskset", "chrt", "strace", "ltrace", "perf",
            "valgrind", "catchsegv", "ld.so", "ld-linux-x86-64.so", "entr", "inotifywait", "start-stop-daemon",
            "daemonize", "unbuffer", "rlwrap", "dbus-launch", "dbus-run-session", "xvfb-run", "faketime", "eatmydata",
            "cpulimit", "prlimit", "numactl", "tmux", "screen", "npx", "make", "gmake", "cmake", "ninja", "meson",
            "bazel", "gradle", "mvn", "ant", "just", "task", "gcc", "cc", "g++", "c++", "clang", "rustc", "ld", "as",
            "run-parts", "capsh", "ssh-agent", "fd", "fdfind", "split", "env-parallel", "choom", "setarch", "i386",
            "linux32", "linux64", "uclampset", "pv", "logsave", "direnv", "dtach", "git-shell", "proot", "fakechroot",
            "rustup", "nvm", "pyenv", "rbenv", "asdf", "mise",
        ],
        Kind::Never(CARRIES),
    ),
    (
        &[
            "sudo", "su", "doas", "runuser", "setpriv", "unshare", "nsenter", "chroot", "pkexec", "sg", "newgrp",
            "gosu", "firejail", "bwrap", "docker", "podman", "nerdctl", "ctr", "crictl", "runc", "lxc", "lxc-attach",
            "kubectl", "oc", "helm", "machinectl", "systemd-run", "systemd-nspawn", "fakeroot", "flatpak", "snap",
            "vagrant",
        ],
        Kind::Never(RIGHTS),
    ),
    (
        &[
            "ssh", "scp", "sftp", "rsync", "mosh", "telnet", "ftp", "lftp", "tftp", "curl", "wget", "aria2c", "nc",
            "ncat", "netcat", "socat", "openssl", "gpg", "nmap", "dig", "nslookup", "host", "ping", "http", "https",
            "xh", "gh", "glab", "hub", "aws", "gcloud", "az", "rclone", "mail", "sendmail", "svn", "hg", "ansible",
            "terraform", "w3m", "lynx",
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
            "dd", "tee", "install", "cp", "mv", "ln", "rm", "shred", "truncate", "chmod", "chown", "chgrp", "mkfifo",
            "mknod", "zip", "unzip", "gzip", "gunzip", "bzip", "xz", "zstd", "cpio", "ar", "patch", "sponge", "csplit",
            "setfacl", "setfattr", "unlink", "link", "sqlite-utils", "ffmpeg", "convert", "magick",
        ],
        Kind::Never(WRITES),
    ),
    (
        &[
            "mount", "umount", "systemctl", "service", "at", "batch", "crontab", "dpkg", "apt", "apt-get", "apk",
            "dnf", "yum", "rpm", "brew", "pacman", "killall", "pkill", "reboot", "shutdown", "init", "sysctl",
            "modprobe", "insmod", "iptables", "ip", "ifconfig", "useradd", "usermod", "passwd", "chpasswd", "visudo",
            "ldconfig", "update-alternatives", "loginctl", "hostnamectl", "timedatectl", "journalctl", "dmesg",
            "launchctl", "defaults", "loadkeys", "openclaw", "stockade",
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
