// table: variables of a known harmless purpose, and the words of application settings
//! What may be set: variables that say how output looks, how much is logged, which locale and zone
//! hold, and an application's own settings when every word of the name is harmless.

use super::Source;

/// A variable that some source may set.
pub(super) struct Known {
    /// The name, exactly: case is significant.
    pub(super) name: &'static str,
    /// The least trusted source that may set it.
    pub(super) by: Source,
    /// What it may hold.
    pub(super) value: Value,
}

/// What a value may look like. A harmless name with a path in it is a way to a file: `TERM` opens a
/// terminfo file, `LANGUAGE` a catalogue whose format strings are used, `TZ` any file at all.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value {
    /// Letters, digits and `. _ : @ + , = -` and spaces: no path, no URL, no quoting, no expansion, no option.
    Word,
    /// Words with signs that no shell acts on in a value: `#ff8800`, `50% off!`.
    Text,
    /// A word that may hold `*`, as log filters do.
    Filter,
    /// A word that may hold `;` and `*`, as colour lists do.
    Colours,
    /// A zone name: a word with single slashes inside, nothing that climbs.
    Zone,
    /// A person's name or address.
    Person,
    /// One of these.
    OneOf(&'static [&'static str]),
}

impl Value {
    pub(super) fn holds(self, value: &str) -> bool {
        let words =
            |more: &str| value.chars().all(|c| c.is_alphanumeric() || "._:@+,=- ".contains(c) || more.contains(c));
        match self {
            Self::Word => words("") && !option(value),
            Self::Text => words("#%!") && !option(value),
            Self::Filter => words("*") && !option(value),
            Self::Colours => words("*;") && !option(value),
            Self::Zone => words("/") && !option(value) && !value.contains("..") && !value.starts_with(['/', ':', '.']),
            Self::Person => words("'()<>") && !option(value),
            Self::OneOf(list) => list.contains(&value),
        }
    }
}

/// A leading dash makes an option of a value that a script uses unquoted; a number is none.
fn option(value: &str) -> bool {
    value.trim_start().strip_prefix('-').is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

pub(super) fn known(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.name == name)
}

/// Whether a name that no family claims is an application's own setting: words in capitals of which the first is a
/// placeholder or a switch, or the last says a harmless purpose; or words in small letters that begin with a placeholder.
pub(super) fn application(name: &str) -> bool {
    let digit = |b: u8| b.is_ascii_digit() || b == b'_';
    let upper = name.bytes().all(|b| b.is_ascii_uppercase() || digit(b));
    let lower = name.bytes().all(|b| b.is_ascii_lowercase() || digit(b));
    let Some(last) = name.rsplit('_').next() else { return false };
    let first = name.split('_').next().unwrap_or(name).to_ascii_uppercase();
    let first = first.trim_end_matches(|c: char| c.is_ascii_digit());
    let placed = NAMESPACES.contains(&first);
    let switch = first.len() < name.len() && SWITCHES.contains(&first);
    upper && (PURPOSES.contains(&last) || placed || switch) || lower && placed && name.contains('_')
}

const fn known_by(by: Source, name: &'static str, value: Value) -> Known {
    Known { name, by, value }
}

const fn any(name: &'static str, value: Value) -> Known {
    known_by(Source::Workspace, name, value)
}

const fn request(name: &'static str, value: Value) -> Known {
    known_by(Source::Request, name, value)
}

const SWITCH: Value = Value::OneOf(&["", "0", "1", "true", "false", "yes", "no", "on", "off"]);
/// The one pager that starts nothing: found on the fixed `PATH`, it copies.
const CAT: Value = Value::OneOf(&["cat"]);

const KNOWN: &[Known] = &[
    // Locale and time.
    any("LANG", Value::Word),
    any("LANGUAGE", Value::Word),
    any("LC_ALL", Value::Word),
    any("LC_ADDRESS", Value::Word),
    any("LC_COLLATE", Value::Word),
    any("LC_CTYPE", Value::Word),
    any("LC_IDENTIFICATION", Value::Word),
    any("LC_MEASUREMENT", Value::Word),
    any("LC_MESSAGES", Value::Word),
    any("LC_MONETARY", Value::Word),
    any("LC_NAME", Value::Word),
    any("LC_NUMERIC", Value::Word),
    any("LC_PAPER", Value::Word),
    any("LC_TELEPHONE", Value::Word),
    any("LC_TIME", Value::Word),
    any("TZ", Value::Zone),
    any("SOURCE_DATE_EPOCH", Value::Word),
    // The terminal.
    request("TERM", Value::Word),
    request("TERM_PROGRAM", Value::Word),
    request("TERM_PROGRAM_VERSION", Value::Word),
    request("COLORTERM", Value::Word),
    request("COLUMNS", Value::Word),
    request("LINES", Value::Word),
    any("NO_COLOR", Value::Word),
    any("CLICOLOR", Value::Word),
    any("CLICOLOR_FORCE", Value::Word),
    any("FORCE_COLOR", Value::Word),
    request("LS_COLORS", Value::Colours),
    request("GREP_COLORS", Value::Colours),
    request("CARGO_TERM_COLOR", Value::Word),
    request("PY_COLORS", Value::Word),
    request("PAGER", CAT),
    request("GIT_PAGER", CAT),
    request("MANPAGER", CAT),
    request("SYSTEMD_PAGER", CAT),
    // How much is said.
    any("DEBUG", Value::Filter),
    any("VERBOSE", Value::Word),
    any("LOG_LEVEL", Value::Word),
    any("LOGLEVEL", Value::Word),
    any("RUST_LOG", Value::Filter),
    any("RUST_BACKTRACE", Value::Word),
    any("RUST_LIB_BACKTRACE", Value::Word),
    any("GOTRACEBACK", Value::Word),
    any("TF_CPP_MIN_LOG_LEVEL", Value::Word),
    any("PYTHONUNBUFFERED", Value::Word),
    any("PYTHONDONTWRITEBYTECODE", Value::Word),
    any("PYTHONFAULTHANDLER", Value::Word),
    any("PYTHONHASHSEED", Value::Word),
    any("PYTHONUTF8", Value::Word),
    any("PYTHONIOENCODING", Value::Word),
    // How a run behaves: no questions, no telemetry, this many threads.
    any("CI", Value::Word),
    any("FEATURE_FLAGS", Value::Word),
    any("NODE_ENV", Value::Word),
    any("RAILS_ENV", Value::Word),
    any("RACK_ENV", Value::Word),
    any("DO_NOT_TRACK", Value::Word),
    request("DEBIAN_FRONTEND", Value::OneOf(&["noninteractive", "teletype", "readline", "dialog"])),
    request("DEBIAN_PRIORITY", Value::Word),
    request("GIT_TERMINAL_PROMPT", Value::Word),
    request("GIT_OPTIONAL_LOCKS", SWITCH),
    request("GIT_AUTHOR_NAME", Value::Person),
    request("GIT_AUTHOR_EMAIL", Value::Person),
    request("GIT_AUTHOR_DATE", Value::Person),
    request("GIT_COMMITTER_NAME", Value::Person),
    request("GIT_COMMITTER_EMAIL", Value::Person),
    request("GIT_COMMITTER_DATE", Value::Person),
    request("PIP_NO_INPUT", SWITCH),
    request("PIP_DISABLE_PIP_VERSION_CHECK", SWITCH),
    request("HOMEBREW_NO_AUTO_UPDATE", SWITCH),
    request("NEXT_TELEMETRY_DISABLED", SWITCH),
    request("CARGO_INCREMENTAL", SWITCH),
    request("CARGO_TERM_VERBOSE", SWITCH),
    request("CGO_ENABLED", SWITCH),
    request("GOOS", Value::Word),
    request("GOARCH", Value::Word),
    request("GOMAXPROCS", Value::Word),
    request("OMP_NUM_THREADS", Value::Word),
    request("OPENBLAS_NUM_THREADS", Value::Word),
    request("MKL_NUM_THREADS", Value::Word),
    request("RAYON_NUM_THREADS", Value::Word),
    request("TOKIO_WORKER_THREADS", Value::Word),
    request("TEST_THREADS", Value::Word),
    request("RUST_TEST_THREADS", Value::Word),
];

/// First words that no tool owns.
const NAMESPACES: &[&str] = &[
    "MY", "APP", "APPLICATION", "MYAPP", "FOO", "BAR", "BAZ", "QUX", "DEMO", "EXAMPLE", "SAMPLE", "FEATURE", "PROJECT",
    "TEST", "TESTING", "TASK", "JOB", "BUILD", "RELEASE", "REPORT", "EXPERIMENT",
];

/// First words of a switch, of what the next words say.
const SWITCHES: &[&str] = &["ENABLE", "DISABLE", "SKIP", "UPDATE", "SHOW", "HIDE"];

/// Last words that say what a setting is for.
const PURPOSES: &[&str] = &[
    "MODE", "ENV", "ENVIRONMENT", "STAGE", "LEVEL", "VERBOSE", "VERBOSITY", "QUIET", "DEBUG", "NAME", "TITLE", "LABEL",
    "TAG", "ID", "NUMBER", "VERSION", "COLOR", "COLORS", "COLOUR", "THEME", "LANG", "LANGUAGE", "LOCALE", "TIMEZONE",
    "DATE", "YEAR", "MONTH", "DAY", "DAYS", "HOURS", "MINUTES", "TIMEOUT", "INTERVAL", "DELAY", "RETRIES", "ATTEMPTS",
    "COUNT", "SIZE", "LIMIT", "MAX", "MIN", "WIDTH", "HEIGHT", "DEPTH", "THREADS", "WORKERS", "JOBS", "CONCURRENCY",
    "BATCH", "SEED", "ITERATIONS", "PORT", "REGION", "ENABLED", "DISABLED", "ENABLE", "DISABLE", "FLAG", "TOGGLE",
    "GREETING", "MESSAGE", "TEXT", "FORMAT", "UNIT", "UNITS", "CURRENCY", "COUNTRY", "CITY", "THRESHOLD", "RATIO",
    "RATE", "TELEMETRY", "REVISION", "BRANCH", "SHA", "MODEL", "TARGET", "QUALITY", "EDITION", "SILENT", "SECONDS",
    "VALUE", "VAR", "RUN", "AUTHOR", "SCHEMA", "TABLE", "MS", "TTL", "TIER",
];
