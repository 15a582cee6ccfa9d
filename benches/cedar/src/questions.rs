//! The questions: of each kind what is allowed, what is refused, and the deepest that an honest caller asks.

use crate::{Facts, Question};

/// All of them, by kind.
#[must_use]
pub fn all() -> Vec<Question> {
    let q = |name, allowed, facts| Question { name, allowed, facts };
    let deep = "/srv/team/projects/gateway/crates/policy/src/tables/paths/linux/more/deep";
    let long = format!("https://docs.example.com/{}?page=2#top", "guide/".repeat(40));
    let hops = |text: &str| vec![("X-Forwarded-For", text.to_owned()), ("Host", "gw.example.com".to_owned())];
    vec![
        q("tool: allowed by the profile", true, Facts::Tool("read")),
        q("tool: denied by name", false, Facts::Tool("process")),
        q("tool: denied by a group", false, Facts::Tool("browser")),
        q("tool: in no profile", false, Facts::Tool("nodes")),
        q("tool: of a plugin, unknown", false, Facts::Tool("mcp__github__create_issue")),
        q("mount: a project", true, Facts::Mount("/srv/app/data:/data:ro".into())),
        q("mount: a folder of the home", true, Facts::Mount("/home/u/code/app:/app".into())),
        q("mount: 12 folders deep", true, Facts::Mount(format!("{deep}:/data:rw"))),
        q("mount: 12 folders, dots and slashes", true, Facts::Mount(format!("//{}/./x/../:/data", deep))),
        q("mount: the Docker socket", false, Facts::Mount("/var/run/docker.sock:/x".into())),
        q("mount: keys in the home", false, Facts::Mount("/home/u/.ssh:/keys:ro".into())),
        q("mount: keys, by dots", false, Facts::Mount("/home/u/code/../.ssh/id_ed25519:/k".into())),
        q("url: a page", true, Facts::Url("https://example.com/a?b=c".into())),
        q("url: 300 bytes", true, Facts::Url(long)),
        q("url: a public address", true, Facts::Url("http://93.184.215.14/".into())),
        q("url: metadata", false, Facts::Url("http://169.254.169.254/latest/meta-data/".into())),
        q("url: private IPv6", false, Facts::Url("http://[fd00::1]/".into())),
        q("url: a denied zone", false, Facts::Url("https://a.evil.example/".into())),
        q("url: an unusual port", false, Facts::Url("http://example.com:6379/".into())),
        q("client: no proxy list", false, Facts::Headers(vec![("Host", "gw.example.com".into())])),
        q("client: one hop", true, Facts::Headers(hops("203.0.113.9"))),
        q("client: 5 hops", true, Facts::Headers(hops("6.6.6.6, 198.51.100.7, 10.0.0.3, 10.0.0.4, 10.0.0.5"))),
        q("client: an obscured hop", false, Facts::Headers(hops("203.0.113.9, unknown, 10.0.0.5"))),
        q(
            "client: 20 headers, RFC 7239",
            true,
            Facts::Headers(
                (0..19)
                    .map(|_| ("Accept-Language", "en".to_owned()))
                    .chain([("Forwarded", "for=\"[2001:db8:9::1]:4711\";proto=https, for=10.0.0.4".to_owned())])
                    .collect(),
            ),
        ),
        q("variable: harmless", true, Facts::Variable("TZ", "Europe/Vienna")),
        q("variable: the loader's", false, Facts::Variable("LD_PRELOAD", "/tmp/x.so")),
        q("variable: an interpreter's", false, Facts::Variable("NODE_OPTIONS", "--require /tmp/x.js")),
        q("command: 200 bytes, allowed", true, Facts::Command(command("ls -la src"))),
        q("command: 200 bytes, one unlisted", false, Facts::Command(command("frobnicate"))),
        q("command: 200 bytes, opaque", false, Facts::Command(command("ls $(id)"))),
    ]
}

/// A pipeline of about 200 bytes.
fn command(last: &str) -> String {
    let text = "grep -rn --include='*.rs' \"fn main\" src crates | sort -u | head -n 20 | cut -d: -f1 | uniq -c && \
                git log --oneline -n 5 --no-color && wc -l src/main.rs 2>/dev/null && TZ=UTC date +%s && \
                cat README.md && ";
    format!("{text}{last}")
}
