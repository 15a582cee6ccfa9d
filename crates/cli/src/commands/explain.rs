//! `stockade explain`: a question to the judge, its answer, where the answer comes from, and what would change it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde_json::{Map, Value, json};
use stockade_config::model::SenderKey;
use stockade_config::{Documents, Paths};
use stockade_core::{AgentId, Decision, Denial, Integrity, Rule, SessionKey, text};
use stockade_gateway::confirmed::{Rest, at_start};
use stockade_gateway::decide::{Answer, Call, Label, Question, answer, tools_of};
use stockade_gateway::{Running, containment};
use stockade_policy::egress::EgressPolicy;
use stockade_policy::explain::{Explanation, Subject, explain};
use stockade_policy::tools::Origin;
use stockade_policy::{Lock, Policy, Sender, clients, egress, environment, mounts, ratchet};

use crate::args::{Explain, Place as Where, Who};
use crate::output;
use crate::wiring::Place;

/// Runs the command.
pub fn run(place: &Place, command: Explain) -> anyhow::Result<ExitCode> {
    match command {
        Explain::Exec { command, env, workdir, who } => {
            let mut arguments = Map::new();
            arguments.insert("command".into(), json!(command));
            arguments.extend(workdir.map(|folder| ("workdir".into(), json!(folder))));
            if !env.is_empty() {
                let pairs: BTreeMap<String, String> =
                    env.iter().map(|pair| split(pair, '=')).collect::<Result<_, _>>()?;
                arguments.insert("env".into(), json!(pairs));
            }
            let asked = format!("exec: {}", text::single_line(&command));
            call(place, &asked, Question { tool: "exec".into(), arguments, ..Question::default() }, &who)
        }
        Explain::Tool { name, arguments, plugin, mcp, who } => {
            let origin = match (plugin, mcp) {
                (Some(id), _) => Origin::Plugin(id),
                (None, Some(server)) => Origin::Mcp(server),
                (None, None) => Origin::Core,
            };
            let asked = format!("tool: {}", text::single_line(&name));
            match arguments {
                Some(arguments) => {
                    let arguments = serde_json::from_str(&arguments).context("the arguments are not a JSON object")?;
                    call(place, &asked, Question { tool: name, origin, arguments, ..Question::default() }, &who)
                }
                None => tool(place, &asked, &name, origin, &who),
            }
        }
        Explain::Mount { bind, who } => mount(place, &bind, &who),
        Explain::Url { url, dns, redirects, untrusted, who } => address(place, &url, &dns, redirects, untrusted, &who),
        Explain::Env { variable, source, json } => {
            let (name, value) = split(&variable, '=')?;
            let known = environment::Source::ALL.iter().find(|known| known.id() == source);
            let source = *known.with_context(|| format!("{source} is no source; see `stockade explain env --help`"))?;
            let decision = environment::judge_variable(source, &name, &value);
            let allowed = |by: &&environment::Source| {
                matches!(environment::judge_variable(**by, &name, &value), Decision::Allow { .. })
            };
            let change = match (&decision, environment::Source::ALL.iter().find(allowed)) {
                (Decision::Allow { .. }, _) => "leave it out".to_owned(),
                (_, Some(by)) => format!("{} may set it", by.id()),
                (_, None) => "nobody may set it to this".to_owned(),
            };
            print(
                &format!("env: {}, set by {}", text::single_line(&name), source.id()),
                &decision,
                &plain(change),
                &Value::Null,
                json,
            )
        }
        Explain::Sender { sender, who } => person(place, &sender, &who),
        Explain::Client { peer, headers, json } => connection(place, &peer, &headers, json),
        Explain::Config { old, new, own_old, own_new, json } => {
            let (old, old_policy) = documents(place, &old, own_old.as_deref())?;
            let (new, new_policy) = documents(place, &new, own_new.as_deref())?;
            let changes = ratchet::compare((&old, &old_policy), (&new, &new_policy));
            let widens = ratchet::widenings(&changes).next().is_some();
            if json {
                output::json(&json!({ "widens": widens, "changes": changes }))?;
            } else {
                for change in &changes {
                    output::line(format!("{:<10} {}  ({})", change.direction.id(), change.key, change.because));
                }
                output::say(if widens { "it allows more: an operator must confirm it" } else { "it allows no more" });
            }
            Ok(if widens { ExitCode::from(1) } else { ExitCode::SUCCESS })
        }
    }
}

/// What holds now: the config that a start would put in force, and the lock.
struct Now {
    running: Running,
    lock: Lock,
}

impl Now {
    fn load(place: &Place) -> anyhow::Result<Self> {
        let start = at_start(&place.paths, &place.env)?;
        if let Rest::Waits(..) = start.rest {
            output::say("the config on the disk waits for `stockade config confirm`: this is by the confirmed one");
        }
        // Where no gateway ever ran nothing was contained.
        let ran = place.paths.data.try_exists().unwrap_or(true);
        let lock = if ran { containment(&place.paths.data) } else { Lock::Released };
        Ok(Self { running: start.running, lock })
    }

    fn session(&self, place: &Where) -> anyhow::Result<SessionKey> {
        let own = &self.running.default_agent().id;
        let agent = place.agent.as_deref().map_or_else(|| Ok(own.clone()), AgentId::parse)?;
        Ok(place
            .session
            .as_deref()
            .map_or_else(|| Ok(SessionKey::main(&agent)), |key| SessionKey::resolve(key, &agent))?)
    }

    fn why(&self, asked: &Answer, sender: &Sender, again: Option<&dyn Fn(&EgressPolicy) -> Decision>) -> Explanation {
        let session = asked.session.clone().unwrap_or_else(|| SessionKey::main(&self.running.default_agent().id));
        let subject = Subject {
            agent: self.running.policy.agent(&session.agent()),
            session: &session,
            sender,
            tool: &asked.tool,
            exec: match &asked.call {
                Some(Call::Exec(call)) => Some(call),
                _ => None,
            },
            url: match &asked.call {
                Some(Call::Fetch(call)) => Some(&call.url),
                _ => None,
            },
            again,
        };
        explain(&self.running.policy, &self.running.loaded.resolved, subject, &asked.decision)
    }
}

/// A call with its arguments.
fn call(place: &Place, asked: &str, question: Question, who: &Who) -> anyhow::Result<ExitCode> {
    let now = Now::load(place)?;
    let sender = sender(&who.sender)?;
    let session = now.session(&who.place)?;
    let question = Question { session: Some(session.to_string()), sender: Some(sender.clone()), ..question };
    let told = answer(&now.running, &now.lock, &question);
    print(asked, &told.decision, &now.why(&told, &sender, None), &told.facts(), who.place.json)
}

/// A tool by its name, whatever its arguments would be.
fn tool(place: &Place, asked: &str, name: &str, origin: Origin, who: &Who) -> anyhow::Result<ExitCode> {
    let now = Now::load(place)?;
    let sender = sender(&who.sender)?;
    let session = now.session(&who.place)?;
    let question = Question {
        session: Some(session.to_string()),
        sender: Some(sender.clone()),
        tool: name.to_owned(),
        origin,
        ..Question::default()
    };
    let told = stockade_gateway::decide::by_name(&now.running, &now.lock, &question);
    print(asked, &told.decision, &now.why(&told, &sender, None), &Value::Null, who.place.json)
}

fn mount(place: &Place, bind: &str, who: &Who) -> anyhow::Result<ExitCode> {
    let now = Now::load(place)?;
    let session = now.session(&who.place)?;
    let agent = now.running.policy.agent(&session.agent()).context("there is no such agent in agents.entries")?;
    let home = now.running.loaded.paths.home.as_deref().map(Path::to_string_lossy).unwrap_or_default();
    // As the shell would have done with an unquoted word.
    let bind = bind.strip_prefix("~/").map_or_else(|| bind.to_owned(), |rest| format!("{home}/{rest}"));
    let policy = now.running.mounts(agent, &session);
    let decision = mounts::judge_bind(&policy, &bind, |path| std::fs::read_link(path).ok());
    let change = match decision {
        Decision::Allow { .. } => "nothing forbids it; a sandbox sees it when it is in the sandbox's binds",
        _ => "mount a folder beside it that holds nothing else, at a target of its own such as /data",
    };
    let asked = format!("mount: {}", text::single_line(&bind));
    print(&asked, &decision, &plain(change.to_owned()), &Value::Null, who.place.json)
}

fn address(
    place: &Place,
    url: &str,
    dns: &[String],
    redirects: Vec<String>,
    untrusted: bool,
    who: &Who,
) -> anyhow::Result<ExitCode> {
    let now = Now::load(place)?;
    let sender = sender(&who.sender)?;
    let mut names: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
    for pair in dns {
        let (name, address) = split(pair, '=')?;
        let address = address.parse().with_context(|| format!("{address} is no address"))?;
        names.entry(name.trim_end_matches('.').to_ascii_lowercase()).or_default().push(address);
    }
    let labels = if untrusted { vec![Label { integrity: Integrity::Untrusted, source: None }] } else { Vec::new() };
    let question = Question {
        session: Some(now.session(&who.place)?.to_string()),
        sender: Some(sender.clone()),
        tool: "web_fetch".into(),
        arguments: Map::from_iter([("url".to_owned(), json!(url))]),
        labels,
        ..Question::default()
    };
    let mut told = answer(&now.running, &now.lock, &question);
    let target = match &told.call {
        Some(Call::Fetch(call)) => Some(call.url.clone()),
        _ => None,
    };
    // A name that nothing is said about stands for a public address.
    let resolve = |name: &str| names.get(&name.to_ascii_lowercase()).cloned().unwrap_or_else(|| vec![egress::PUBLIC]);
    let chain = |rules: &EgressPolicy| match &target {
        Some(url) => {
            let mut left = redirects.iter().cloned();
            egress::judge_chain(rules, url, resolve, |_| left.next())
        }
        None => told_already(),
    };
    if let (Decision::Allow { .. }, Some(_)) = (&told.decision, &target) {
        told.decision = chain(&now.running.policy.egress);
    }
    if !who.place.json && names.is_empty() {
        output::say("names are resolved, and each address and redirect judged, when a request is made; see --dns");
    }
    let asked = format!("url: {}", text::single_line(url));
    print(&asked, &told.decision, &now.why(&told, &sender, Some(&chain)), &told.facts(), who.place.json)
}

fn told_already() -> Decision {
    Decision::Deny(Denial::policy(Rule::ToolShape, "it is no address"))
}

fn person(place: &Place, who: &str, at: &Where) -> anyhow::Result<ExitCode> {
    let now = Now::load(place)?;
    let sender = sender(who)?;
    let session = now.session(at)?;
    let tools = tools_of(&now.running, &now.lock, &session, &sender).map_err(|denial| anyhow::anyhow!("{denial}"))?;
    if at.json {
        let rows = tools.iter().map(|(tool, decision)| {
            json!({ "tool": tool, "decision": decision.verdict(), "rule": decision.rule(), "because": decision.reason() })
        });
        output::json(&json!({ "session": session, "owner": sender.owner, "tools": rows.collect::<Vec<_>>() }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let standing =
        if sender.owner { "the owner of the gateway" } else { "not the owner: control-plane tools are refused" };
    output::line(output::heading(&format!("sender: {}, {standing}", text::single_line(who))));
    let has: Vec<&str> = tools
        .iter()
        .filter(|(_, decision)| matches!(decision, Decision::Allow { .. }))
        .map(|(tool, _)| *tool)
        .collect();
    output::line(format!("  has      {}", if has.is_empty() { "no tool".to_owned() } else { has.join(", ") }));
    let mut refused: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (tool, decision) in tools.iter().filter(|(_, decision)| !matches!(decision, Decision::Allow { .. })) {
        let because = decision.reason();
        // One line for what every tool of the kind is told.
        let kind = because.strip_prefix(tool).map_or(because.clone(), |rest| format!("it{rest}"));
        refused.entry(format!("{}: {kind}", decision.rule())).or_default().push(tool);
    }
    for (why, tools) in refused {
        output::line(format!("  has not  {}\n           {why}", tools.join(", ")));
    }
    Ok(ExitCode::SUCCESS)
}

fn connection(place: &Place, peer: &str, headers: &[String], json: bool) -> anyhow::Result<ExitCode> {
    let now = Now::load(place)?;
    let peer: IpAddr = peer.trim().parse().with_context(|| format!("{peer} is no IP address"))?;
    let pairs: Vec<(String, String)> = headers.iter().map(|header| split(header, ':')).collect::<Result<_, _>>()?;
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.trim(), value.trim())).collect();
    let client = clients::client(peer, &pairs, &now.running.proxies);
    let trusted = now.running.proxies.trusts(peer);
    if json {
        output::json(&json!({ "client_ip": client.ip, "is_local": client.is_local, "peer_is_trusted": trusted }))?;
    } else {
        let ip = client.ip.map_or_else(|| "unknown".to_owned(), |ip| ip.to_string());
        output::line(output::heading(&format!(
            "client: {ip}, {}",
            if client.is_local { "this machine" } else { "not local" }
        )));
        let said = if trusted { "is named in" } else { "is not named in" };
        output::line(format!("  from     {peer} {said} gateway.trustedProxies"));
    }
    Ok(if client.is_local { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// A config that stands anywhere, with its references replaced, and its policy as if it stood in its place: that two
/// configs to be compared are different files is no difference between them.
fn documents(place: &Place, file: &Path, own: Option<&Path>) -> anyhow::Result<(Documents, Policy)> {
    let mut paths = Paths { config: std::path::absolute(file)?, ..place.paths.clone() };
    if let Some(own) = own {
        paths.own_config = std::path::absolute(own)?;
    }
    let mut loaded = stockade_config::load(&paths, &place.env)?;
    for (there, here) in [(&paths.config, &place.paths.config), (&paths.own_config, &place.paths.own_config)] {
        let folder = there.parent().and_then(|folder| folder.canonicalize().ok());
        for read in &mut loaded.files {
            let included = folder.as_ref().and_then(|folder| read.strip_prefix(folder).ok());
            if read == there {
                read.clone_from(here);
            } else if let (Some(included), Some(folder), false) =
                (included, here.parent(), read.starts_with(&place.paths.state))
            {
                *read = folder.join(included);
            }
        }
    }
    let policy = Policy::compile(&loaded, loaded.approvals.as_ref())
        .with_context(|| format!("{} cannot be put in force", file.display()))?;
    Ok((loaded.resolved, policy))
}

fn sender(who: &str) -> anyhow::Result<Sender> {
    match who {
        "owner" => return Ok(Sender::owner()),
        "anyone" => return Ok(Sender::default()),
        _ => {}
    }
    let key = SenderKey::parse(who);
    let key = key.with_context(|| format!("{who} names nobody; write owner, anyone, or channel:telegram:42"))?;
    Ok(match key {
        SenderKey::Channel { channel, id } => Sender { channel: Some(channel), id: Some(id), ..Sender::default() },
        SenderKey::Id(id) => Sender { id: Some(id), ..Sender::default() },
        SenderKey::E164(phone) => Sender { e164: Some(phone), ..Sender::default() },
        SenderKey::Username(username) => Sender { username: Some(username), ..Sender::default() },
        SenderKey::Name(name) => Sender { name: Some(name), ..Sender::default() },
        SenderKey::Anyone => Sender::default(),
    })
}

fn print(asked: &str, decision: &Decision, why: &Explanation, facts: &Value, json: bool) -> anyhow::Result<ExitCode> {
    let code = if matches!(decision, Decision::Allow { .. }) { ExitCode::SUCCESS } else { ExitCode::from(1) };
    let (verdict, rule, because) = (decision.verdict(), decision.rule(), decision.reason());
    if json {
        output::json(&json!({
            "question": asked, "decision": verdict, "rule": rule, "because": because,
            "from": why.from, "change": why.change, "facts": facts,
        }))?;
        return Ok(code);
    }
    output::line(output::heading(asked));
    let shown = match decision {
        Decision::Allow { .. } => output::good(verdict),
        Decision::Ask(_) => output::doubt(verdict),
        Decision::Deny(_) => output::bad(verdict),
    };
    let pad = " ".repeat(HEAD.saturating_sub(verdict.len()));
    match decision {
        Decision::Allow { .. } => output::line(format!("  {shown}{pad}{rule}")),
        _ => output::line(format!("  {shown}{pad}{rule}: {because}")),
    }
    for (index, set) in why.from.iter().enumerate() {
        let head = if index == 0 { "from" } else { "" };
        let value = match (&set.value, set.default) {
            (Some(value), _) => format!("= {value}"),
            (None, Some(default)) => format!("is absent: {default}"),
            (None, None) => "is absent".to_owned(),
        };
        output::line(format!("  {head:<HEAD$}{} {value}  ({})", set.key, set.file.name()));
    }
    for (index, change) in why.change.iter().enumerate() {
        let head = if index == 0 { "change" } else { "" };
        output::line(format!("  {head:<HEAD$}{}", change.how));
    }
    for (index, program) in facts["programs"].as_array().into_iter().flatten().enumerate() {
        let head = if index == 0 { "runs" } else { "" };
        let word = text::clip(&text::visible(program["word"].as_str().unwrap_or_default()), 64);
        let path = program["path"].as_str().map_or_else(|| "not found".to_owned(), text::visible);
        output::line(format!("  {head:<HEAD$}{word}: {path}, in the {}", facts["runsIn"].as_str().unwrap_or_default()));
    }
    Ok(code)
}

fn plain(how: String) -> Explanation {
    Explanation { change: vec![stockade_policy::explain::Change { how, edit: None }], ..Explanation::default() }
}

fn split(pair: &str, at: char) -> anyhow::Result<(String, String)> {
    match pair.split_once(at) {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => bail!("{pair:?} has no {at:?} between a name and a value"),
    }
}

/// Columns before the text of a line.
const HEAD: usize = 8;
