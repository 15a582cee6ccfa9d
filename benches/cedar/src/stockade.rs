//! Our judge, as the gateway asks it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use stockade_config::model::{ExecAsk, ExecSecurity};
use stockade_config::{Env, Paths, load, write_new};
use stockade_core::{Decision, SessionKey, TurnId};
use stockade_policy::call::{CallContext, ExecCall, Executable};
use stockade_policy::clients::{TrustedProxies, client};
use stockade_policy::egress::{self, EgressPolicy};
use stockade_policy::environment::{Source, build_env, judge_variable};
use stockade_policy::mounts::{MountPolicy, judge_bind};
use stockade_policy::{Judge, Lock, Policy, Sender, Tool, command};

use crate::Facts;

/// Everything that is compiled once.
pub struct Stockade {
    policy: Policy,
    mounts: MountPolicy,
    egress: EgressPolicy,
    proxies: TrustedProxies,
}

/// A question with what is made once for it.
pub enum Prepared<'a> {
    Tool(Tool, SessionKey, Sender),
    Call(Box<ExecCall>),
    Plain(&'a Facts),
}

impl Stockade {
    /// The policy that every question is asked under.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = Paths { home: Some("/home/u".into()), ..Paths::in_state_dir(folder.path()) };
        let config = "{tools:{profile:'coding',deny:['browser','group:ui','group:nodes']},\
            agents:{entries:{main:{tools:{deny:['process','gateway']}}},\
            defaults:{workspace:'/ws',sandbox:{mode:'all',scope:'session'}}}}";
        write_new(&paths.config, config).expect("written");
        let loaded = load(&paths, &Env::default()).expect("a valid config");
        let mut policy = Policy::compile(&loaded, None).expect("compiles");
        let exec = &mut policy.agents[0].exec;
        (exec.security, exec.ask) = (ExecSecurity::Allowlist, ExecAsk::OnMiss);
        let programs = "cat cut date df diff du echo file git grep head id ls nl od pwd sort stat tail tr uniq wc";
        exec.allowlist = programs.split(' ').map(|name| format!("/usr/bin/{name}")).collect();
        let egress = EgressPolicy::new(&["http://192.168.1.5:8080"]).expect("usable");
        Self {
            policy,
            mounts: MountPolicy {
                homes: vec!["/home/u".into()],
                state: vec!["/home/u/.openclaw".into()],
                ..MountPolicy::default()
            },
            egress: egress.with_deny(&["evil.example", "203.0.113.0/24"]).expect("usable"),
            proxies: TrustedProxies::new(&["10.0.0.0/8", "2001:db8:1::/48"]).expect("usable"),
        }
    }

    /// What the gateway has before it asks: names as types, programs found.
    #[must_use]
    pub fn prepare<'a>(&self, facts: &'a Facts) -> Prepared<'a> {
        let agent = self.policy.default_agent().expect("an agent");
        let session = SessionKey::main(&agent.id);
        match facts {
            Facts::Tool(name) => Prepared::Tool(Tool::core(name), session, Sender::owner()),
            Facts::Command(text) => {
                let found = |word: &str| Executable {
                    word: word.to_owned(),
                    path: Some(Path::new("/usr/bin").join(word)),
                    identity: Some([1, 2, 3, 4]),
                };
                let view = agent.view(&session);
                Prepared::Call(Box::new(ExecCall {
                    context: CallContext {
                        agent: agent.id.clone(),
                        session,
                        sender: Sender::owner(),
                        turn: TurnId::fresh(),
                        call_id: "call".to_owned(),
                        generation: self.policy.generation,
                    },
                    command: text.clone(),
                    cwd: view.workdir.clone(),
                    env: build_env(&BTreeMap::new(), "/home/sandbox").expect("the base is allowed"),
                    programs: command::analyze(text).programs().map(found).collect(),
                    operands: Vec::new(),
                    unbound: None,
                    view,
                    background: false,
                    timeout: Duration::from_secs(120),
                }))
            }
            _ => Prepared::Plain(facts),
        }
    }

    /// One decision.
    #[must_use]
    pub fn decide(&self, question: &Prepared) -> bool {
        match question {
            Prepared::Tool(tool, session, sender) => {
                let agent = self.policy.default_agent().expect("an agent");
                Judge::new(&self.policy, &Lock::Released).tool(agent, session, sender, tool).is_ok()
            }
            Prepared::Call(call) => {
                let agent = self.policy.default_agent().expect("an agent");
                is_allowed(&agent.exec.judge(call))
            }
            Prepared::Plain(Facts::Mount(bind)) => is_allowed(&judge_bind(&self.mounts, bind, |_| None)),
            Prepared::Plain(Facts::Url(text)) => egress::parse(text)
                .is_ok_and(|url| is_allowed(&egress::judge_chain(&self.egress, &url, |_| vec![PUBLIC], |_| None))),
            Prepared::Plain(Facts::Headers(headers)) => {
                let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
                client(PROXY, &headers, &self.proxies).ip.is_some()
            }
            Prepared::Plain(Facts::Variable(name, value)) => {
                is_allowed(&judge_variable(Source::of("request-env"), name, value))
            }
            Prepared::Plain(Facts::Tool(_) | Facts::Command(_)) => false,
        }
    }
}

impl Default for Stockade {
    fn default() -> Self {
        Self::new()
    }
}

const fn is_allowed(decision: &Decision) -> bool {
    matches!(decision, Decision::Allow { .. })
}

const PUBLIC: IpAddr = IpAddr::V4(Ipv4Addr::new(93, 184, 215, 14));
const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
