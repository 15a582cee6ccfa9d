// table: forms of administrative programs that only ask
//! Programs that rule a machine, in the forms that only look at it: closed tables, so that an option that points
//! elsewhere (`-H`, `--context`, `--kubeconfig`, `--root`, `-D`) or a verb that acts is not in them. Answers the classes
//! "other daemon", "configuration with an exec plugin", "query with an output file".

use super::grammar::{Grammar, Letters, Verb, is_name, is_path, plain_value};
use crate::command::Word;

const ANY: usize = 64;

const LIST: Grammar = Grammar::of(
    "aqsl",
    "nf",
    &["all", "quiet", "size", "latest", "last=", "filter=", "format=", "no-trunc", "digests"],
)
.with(is_name, 1);
const NAMED: Grammar = Grammar::of("s", "f", &["size", "format=", "type="]).with(is_name, ANY);
const LOGS: Grammar =
    Grammar::of("t", "n", &["timestamps", "tail=", "since=", "until=", "details"]).with(is_name, 1).valued(plain_value);
const ABOUT: Grammar = Grammar::of("", "f", &["format="]);

pub(super) const DOCKER: &[Verb] = &[
    (&["ps"], LIST),
    (&["images"], LIST),
    (&["container", "ls"], LIST),
    (&["image", "ls"], LIST),
    (&["volume", "ls"], LIST),
    (&["network", "ls"], LIST),
    (&["logs"], LOGS),
    (&["inspect"], NAMED),
    (&["image", "inspect"], NAMED),
    (&["volume", "inspect"], NAMED),
    (&["network", "inspect"], NAMED),
    (&["history"], Grammar::of("qH", "", &["quiet", "no-trunc", "format="]).with(is_name, 1)),
    (&["port"], Grammar::of("", "", &[]).with(is_name, 2)),
    (&["top"], Grammar::of("", "", &[]).with(is_name, 1)),
    (&["stats", "--no-stream"], Grammar::of("a", "", &["all", "no-trunc", "format="]).with(is_name, ANY)),
    (&["system", "df"], Grammar::of("v", "", &["verbose", "format="])),
    (&["context", "ls"], ABOUT),
    (&["version"], ABOUT),
    (&["info"], ABOUT),
    (&["--version"], Grammar::of("", "", &[])),
    (&["-v"], Grammar::of("", "", &[])),
];

/// Kinds that hold no secret, in a list, or one with the name of an object.
fn is_kind(word: &Word) -> bool {
    let listed = |kind: &str| KINDS.contains(&kind);
    is_resource(word) && word.text.split(',').all(|part| listed(part.split('/').next().unwrap_or_default()))
}

/// The name of an object, or a listed kind with one.
fn is_resource(word: &Word) -> bool {
    let kind = word.text.split_once('/').is_none_or(|(kind, _)| KINDS.contains(&kind));
    is_name_list(word) && kind
}

fn is_name_list(word: &Word) -> bool {
    word.is_plain()
        && word.text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && word.text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./,".contains(c))
        && !word.text.contains("..")
}

/// How kubectl shows what it got: never from a file.
fn shows(option: &str, value: &str) -> bool {
    if !matches!(option, "o" | "output") {
        return value.chars().all(|c| c.is_ascii_alphanumeric() || "_-.,=/!:{}[]() '\"@*?$".contains(c));
    }
    let value = value.strip_prefix('=').unwrap_or(value);
    let by = |form: &str| value.strip_prefix(form).is_some_and(|rest| !rest.is_empty());
    matches!(value, "wide" | "yaml" | "json" | "name") || by("jsonpath=") || by("custom-columns=")
}

const GET: Grammar = Grammar::of(
    "A",
    "nloL",
    &[
        "all-namespaces", "namespace=", "selector=", "field-selector=", "output=", "sort-by=", "show-labels",
        "no-headers", "ignore-not-found", "label-columns=",
    ],
)
.with(is_resource, 8)
.first(is_kind)
.valued(shows);
const KUBE_LOGS: Grammar = Grammar::of(
    "p",
    "ncl",
    &[
        "namespace=", "container=", "all-containers", "tail=", "since=", "timestamps", "previous", "selector=",
        "prefix", "limit-bytes=",
    ],
)
.with(is_name, 2)
.valued(shows);

pub(super) const KUBECTL: &[Verb] = &[
    (&["get"], GET),
    (&["describe"], GET),
    (&["logs"], KUBE_LOGS),
    (
        &["top"],
        Grammar::of("A", "n", &["namespace=", "all-namespaces", "no-headers"])
            .with(is_resource, 2)
            .first(is_kind)
            .valued(shows),
    ),
    (&["version"], Grammar::of("", "o", &["client", "output=", "short"]).valued(shows)),
    (&["cluster-info"], Grammar::of("", "", &[])),
    (&["api-resources"], Grammar::of("", "o", &["output=", "namespaced="]).valued(shows)),
    (&["config", "current-context"], Grammar::of("", "", &[])),
    (&["config", "get-contexts"], Grammar::of("", "", &[])),
    (
        &["rollout", "status"],
        Grammar::of("", "n", &["namespace=", "timeout="]).with(is_resource, 1).first(is_kind).valued(shows),
    ),
    (&["rollout", "history"], Grammar::of("", "n", &["namespace="]).with(is_resource, 1).first(is_kind).valued(shows)),
];

const KINDS: &[&str] = &[
    "pods",
    "pod",
    "po",
    "services",
    "service",
    "svc",
    "deployments",
    "deployment",
    "deploy",
    "replicasets",
    "replicaset",
    "rs",
    "statefulsets",
    "statefulset",
    "sts",
    "daemonsets",
    "daemonset",
    "ds",
    "jobs",
    "job",
    "cronjobs",
    "cronjob",
    "cj",
    "nodes",
    "node",
    "no",
    "namespaces",
    "namespace",
    "ns",
    "events",
    "event",
    "ev",
    "ingresses",
    "ingress",
    "ing",
    "endpoints",
    "ep",
    "hpa",
    "pvc",
    "pv",
    "storageclasses",
    "sc",
    "networkpolicies",
    "netpol",
    "persistentvolumes",
    "persistentvolumeclaims",
    "horizontalpodautoscalers",
];

const UNITS: Grammar = Grammar::of(
    "alq",
    "nt",
    &[
        "no-pager", "full", "lines=", "all", "type=", "state=", "failed", "user", "system", "no-legend", "plain",
        "quiet",
    ],
)
.with(is_name, ANY)
.valued(plain_value);

pub(super) const SYSTEMCTL: &[Verb] = &[
    (&["status"], UNITS),
    (&["is-active"], UNITS),
    (&["is-enabled"], UNITS),
    (&["is-failed"], UNITS),
    (&["list-units"], UNITS),
    (&["list-unit-files"], UNITS),
    (&["list-timers"], UNITS),
    (&["list-sockets"], UNITS),
    (&["list-dependencies"], UNITS),
    (&["is-system-running"], UNITS),
    (
        &["--failed"],
        Grammar::of("alq", "", &["no-pager", "full", "all", "user", "system", "no-legend", "plain", "quiet"]),
    ),
    (&["--user", "status"], UNITS),
    (&["--no-pager", "status"], UNITS),
    (&["--version"], Grammar::of("", "", &[])),
];

pub(super) const JOURNALCTL: &[Verb] = &[(
    &[],
    Grammar::of(
        "bkxerqal",
        "unpoSUtg",
        &[
            "unit=", "user-unit=", "lines=", "no-pager", "since=", "until=", "priority=", "boot", "dmesg", "catalog",
            "pager-end", "reverse", "output=", "grep=", "identifier=", "list-boots", "disk-usage", "quiet", "utc",
            "user", "system", "no-hostname", "all", "full", "no-full", "version",
        ],
    )
    .valued(plain_value),
)];

/// A plain file below the working folder or elsewhere, but no option and no pattern.
fn is_file(word: &Word) -> bool {
    word.is_plain() && !word.text.is_empty() && !word.text.starts_with('-')
}

/// `unzip` reads its options in any place; only forms that begin with a listing or a test are known.
pub(super) const UNZIP: &[Verb] = &[
    (&["-l"], Grammar::of("", "", &[]).with(is_file, ANY)),
    (&["-lv"], Grammar::of("", "", &[]).with(is_file, ANY)),
    (&["-lq"], Grammar::of("", "", &[]).with(is_file, ANY)),
    (&["-ql"], Grammar::of("", "", &[]).with(is_file, ANY)),
    (&["-v"], Grammar::of("", "", &[]).with(is_file, ANY)),
    (&["-t"], Grammar::of("", "", &[]).with(is_file, ANY)),
    (&["-tq"], Grammar::of("", "", &[]).with(is_file, ANY)),
    (&["-qt"], Grammar::of("", "", &[]).with(is_file, ANY)),
    (&["-Z"], Grammar::of("", "", &[]).with(is_file, ANY)),
    (&["-Z1"], Grammar::of("", "", &[]).with(is_file, ANY)),
];

const LISTED: Grammar = Grammar::of("", "", &["json", "outdated", "not-required", "user", "local"]).with(is_name, ANY);
pub(super) const PIP: &[Verb] = &[
    (&["list"], LISTED),
    (&["show"], LISTED),
    (&["freeze"], LISTED),
    (&["check"], LISTED),
    (&["--version"], Grammar::of("", "", &[])),
    (&["-V"], Grammar::of("", "", &[])),
];

pub(super) const DPKG: &[Verb] = &[
    (&["-l"], Grammar::of("", "", &[]).with(is_name, ANY)),
    (&["-L"], Grammar::of("", "", &[]).with(is_name, ANY)),
    (&["-s"], Grammar::of("", "", &[]).with(is_name, ANY)),
    (&["-S"], Grammar::of("", "", &[]).with(is_file, 1)),
    (&["--list"], Grammar::of("", "", &[]).with(is_name, ANY)),
    (&["--version"], Grammar::of("", "", &[])),
];

/// `ip` in the forms that show: an object alone, or with `show`.
pub(super) const IP: &[Verb] = &[
    (&["addr"], Grammar::of("", "", &[])),
    (&["a"], Grammar::of("", "", &[])),
    (&["addr", "show"], Grammar::of("", "", &[]).with(is_name, 2)),
    (&["link", "show"], Grammar::of("", "", &[]).with(is_name, 2)),
    (&["route"], Grammar::of("", "", &[])),
    (&["route", "show"], Grammar::of("", "", &[])),
    (&["-br", "a"], Grammar::of("", "", &[])),
    (&["-br", "addr"], Grammar::of("", "", &[])),
];

/// Numbers, dates and file names only; xxd reads some of its options by their first letters.
fn is_xxd_value(_: &str, value: &str) -> bool {
    value.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, 'x' | '-' | '+'))
}

pub(super) const XXD: &[Verb] =
    &[(&[], Grammar::of("abeipuE", "cglos", &[]).with(is_file, 1).valued(is_xxd_value).reading(Letters::Single))];

pub(super) const READELF: &[Verb] = &[(
    &[],
    Grammar::of("ahlSsdnrVtWwe", "", &["all", "file-header", "segments", "sections", "symbols", "wide", "dynamic"])
        .with(is_object, ANY),
)];
pub(super) const NM: &[Verb] = &[(
    &[],
    Grammar::of("aACDgnpruS", "", &["demangle", "dynamic", "defined-only", "undefined-only"]).with(is_object, ANY),
)];
pub(super) const SIZE: &[Verb] = &[(
    &[],
    Grammar::of("ABGdotx", "", &["common", "totals", "format=", "radix="]).with(is_object, ANY).valued(plain_value),
)];
pub(super) const STRINGS: &[Verb] = &[(
    &[],
    Grammar::of("adfow0123456789", "nets", &["all", "data", "print-file-name", "bytes=", "radix=", "encoding="])
        .with(is_object, ANY)
        .valued(plain_value),
)];

/// An object file. To the tools that read one, `@x` is a file of further options, which can name a plugin to load.
fn is_object(word: &Word) -> bool {
    !word.text.is_empty() && !word.text.starts_with(['-', '@'])
}

/// A second operand is written to. An option after the first is one too, where `POSIXLY_CORRECT` is set.
pub(super) const UNIQ: &[Verb] = &[(
    &[],
    Grammar::of(
        "cdDiuz",
        "fsw",
        &[
            "count", "repeated", "unique", "ignore-case", "zero-terminated", "skip-fields=", "skip-chars=",
            "check-chars=",
        ],
    )
    .with(is_input, 1)
    .valued(is_number)
    .reading(Letters::Leading),
)];

fn is_input(word: &Word) -> bool {
    is_file(word) || word.text == "-" && word.is_plain()
}

fn is_number(_: &str, value: &str) -> bool {
    value.chars().all(|c| c.is_ascii_digit())
}

const CLOCK: Grammar = Grammar::of(
    "uRI",
    "dr",
    &["utc", "universal", "rfc-email", "iso-8601", "iso-8601=", "rfc-3339=", "date=", "reference="],
)
.with(is_format, 1);

/// An operand that does not begin with `+` sets the clock.
pub(super) const DATE: &[Verb] = &[
    (&[], CLOCK),
    (&["-Iseconds"], CLOCK),
    (&["-Iminutes"], CLOCK),
    (&["-u", "-Iseconds"], CLOCK),
    (&["--version"], Grammar::of("", "", &[])),
];

fn is_format(word: &Word) -> bool {
    word.is_plain() && word.text.starts_with('+')
}
pub(super) const TREE: &[Verb] = &[(
    &[],
    Grammar::of(
        "adflixpsuhgDFqNQrtUcvSnCAJX",
        "LIP",
        &["noreport", "dirsfirst", "filelimit=", "gitignore", "prune", "du", "si", "inodes", "device", "version"],
    )
    .with(is_tree_folder, ANY)
    .reading(Letters::Apart),
)];

/// An option of tree is read in any place.
fn is_tree_folder(word: &Word) -> bool {
    is_path(word) || word.is_plain() && word.text.starts_with('/')
}
