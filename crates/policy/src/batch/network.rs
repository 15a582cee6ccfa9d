//! Questions about addresses: may this URL be fetched, and whose request is this.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Deserialize;
use serde_json::Value;
use stockade_core::{Decision, Denial, Rule};

use super::{BadQuestion, Verdict, read, verdict};
use crate::clients::{self, TrustedProxies};
use crate::egress::{self, EgressPolicy, PUBLIC};

/// A URL with what the world would answer.
#[derive(Deserialize)]
struct UrlQuestion {
    url: String,
    /// What each name resolves to. Absent: the question is about the URL alone, and names stand for a
    /// public address.
    dns: Option<BTreeMap<String, Value>>,
    /// Where each request in turn is redirected to.
    #[serde(default)]
    redirects: Vec<String>,
    /// `stockade.json` `egress.allow`.
    #[serde(default)]
    allow: Vec<String>,
    /// `stockade.json` `egress.deny`.
    #[serde(default)]
    deny: Vec<String>,
}

/// A connection with its headers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientQuestion {
    peer: String,
    #[serde(default)]
    trusted_proxies: Vec<String>,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    options: Options,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Options {
    allow_real_ip_fallback: bool,
}

pub fn url(kind: &'static str, question: Value) -> Result<Verdict, BadQuestion> {
    let question: UrlQuestion = read(kind, question)?;
    let policy = EgressPolicy::new(&question.allow).and_then(|policy| policy.with_deny(&question.deny));
    let policy = policy.map_err(|error| BadQuestion::Unusable(error.to_string()))?;
    Ok(verdict(&judge_url(&question, &policy)))
}

fn judge_url(question: &UrlQuestion, policy: &EgressPolicy) -> Decision {
    let url = match egress::parse(&question.url) {
        Ok(url) => url,
        Err(denial) => return Decision::Deny(denial),
    };
    let names = match question.dns.as_ref().map(resolve).transpose() {
        Ok(names) => names,
        Err(denial) => return Decision::Deny(denial),
    };
    let mut redirects = question.redirects.iter().cloned();
    let dns = |name: &str| match &names {
        Some(names) => names.get(&canonical(name)).cloned().unwrap_or_default(),
        None => vec![PUBLIC],
    };
    egress::judge_chain(policy, &url, dns, |_| redirects.next())
}

/// The simulated answers. A name may have one address, several, or several answers of several; as a
/// name that changes its mind is refused by the worst of them, all of them count.
fn resolve(dns: &BTreeMap<String, Value>) -> Result<BTreeMap<String, Vec<IpAddr>>, Denial> {
    let mut names = BTreeMap::new();
    for (name, answers) in dns {
        let addresses: &mut Vec<IpAddr> = names.entry(canonical(name)).or_default();
        let mut left = vec![answers];
        while let Some(answer) = left.pop() {
            match answer {
                Value::Array(answers) => left.extend(answers),
                Value::String(text) => {
                    addresses.push(text.trim().parse().map_err(|_| Denial::unreadable(Rule::Egress, "a DNS answer"))?)
                }
                Value::Null => {}
                _ => return Err(Denial::unreadable(Rule::Egress, "a DNS answer")),
            }
        }
    }
    Ok(names)
}

fn canonical(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

pub fn client(kind: &'static str, question: Value) -> Result<Verdict, BadQuestion> {
    let question: ClientQuestion = read(kind, question)?;
    let peer = question.peer.trim();
    let peer: IpAddr = peer.parse().map_err(|_| BadQuestion::Unusable(format!("peer {peer:?} is no IP address")))?;
    let entries: Vec<&str> = question.trusted_proxies.iter().map(String::as_str).collect();
    let (trusted, error) = match TrustedProxies::new(&entries) {
        Ok(trusted) => (trusted, None),
        Err(error) => (valid(&entries), Some(error.to_string())),
    };
    let trusted = trusted.with_real_ip(question.options.allow_real_ip_fallback);
    let headers: Vec<(&str, &str)> =
        question.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let client = clients::client(peer, &headers, &trusted);
    Ok(Verdict::Client { client_ip: client.ip, is_local: client.is_local && error.is_none(), error })
}

/// The entries that are usable by themselves.
fn valid(entries: &[&str]) -> TrustedProxies {
    let entries: Vec<&str> =
        entries.iter().filter(|entry| TrustedProxies::new(std::slice::from_ref(*entry)).is_ok()).copied().collect();
    TrustedProxies::new(&entries).unwrap_or_default()
}
