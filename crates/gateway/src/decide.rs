//! One question to the judge, from outside a turn: may this session make this call? The same facts are
//! gathered and the same judge answers as for the gateway's own agents, so that another framework, and
//! `stockade explain`, hear what would happen here. Mints no permit, makes nothing, runs nothing.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};
use stockade_agent::{Proposal, tools};
use stockade_core::{
    AgentId, Decision, Denial, Digest, Integrity, Question as Asked, Rule, SessionKey, ToolCall, ToolName, TurnId,
};
use stockade_policy::call::{ExecCall, FetchCall, FileCall, FileOp, ProcessCall, Words};
use stockade_policy::tools::{Origin, known_tools};
use stockade_policy::{AgentPolicy, Bound as _, Judge, Lock, Sender, Tool, facts};

use crate::prepare::{Asking, ExecWish, FetchWish, Lookups};
use crate::running::Running;

/// A question. The body of `POST /v1/decide`, alone or in a list.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Comes back with the answer.
    #[serde(default)]
    pub id: Option<Value>,
    /// The agent. Absent: the session's, or the default one.
    #[serde(default)]
    pub agent: Option<AgentId>,
    /// The session, `agent:<id>:<name>` or `main`. Absent: the agent's main session.
    #[serde(default)]
    pub session: Option<String>,
    /// The turn that the question belongs to, for the journal.
    #[serde(default)]
    pub turn: Option<TurnId>,
    /// Who asked for it. Absent: the owner of the gateway.
    #[serde(default)]
    pub sender: Option<Sender>,
    /// The tool.
    pub tool: String,
    /// Who provides it. Absent: the gateway itself.
    #[serde(default)]
    pub origin: Origin,
    /// Its arguments, as the model gave them.
    #[serde(default)]
    pub arguments: Map<String, Value>,
    /// The labels of everything that the session has read so far. They only ever make the answer stricter.
    #[serde(default)]
    pub labels: Vec<Label>,
    /// Where the address of a `web_fetch` stands. Absent: the model put it together.
    #[serde(default)]
    pub words: Option<Words>,
}

/// What a session has read: a level of trust, alone or with where it came from.
#[derive(Debug, Clone)]
pub struct Label {
    /// How far it may be believed.
    pub integrity: Integrity,
    /// Where it came from, for the journal.
    pub source: Option<String>,
}

/// The answer to a question.
#[derive(Debug)]
pub struct Answer {
    /// The decision.
    pub decision: Decision,
    /// The session that was asked for; absent when there is no such session.
    pub session: Option<SessionKey>,
    /// The tool by its own name.
    pub tool: Tool,
    /// The call with the facts that were judged; absent when it was refused before it had any.
    pub call: Option<Call>,
    /// The policy that decided.
    pub generation: Digest,
}

/// A call of one kind.
#[derive(Debug)]
pub enum Call {
    /// A command.
    Exec(Box<ExecCall>),
    /// An act on a background process.
    Process(Box<ProcessCall>),
    /// A file operation.
    File(Box<FileCall>),
    /// A request to the web.
    Fetch(Box<FetchCall>),
    /// A tool that is judged by its name alone.
    Named,
}

impl Answer {
    /// What the judge knew.
    #[must_use]
    pub fn facts(&self) -> Value {
        match &self.call {
            None => Value::Null,
            Some(Call::Exec(call)) => facts::exec(call),
            Some(Call::Process(call)) => facts::process(call),
            Some(Call::File(call)) => facts::file(call),
            Some(Call::Fetch(call)) => facts::fetch(call),
            Some(Call::Named) => json!({ "judgedByNameAlone": true }),
        }
    }

    /// The digest that binds everything that was decided about.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        match self.call.as_ref()? {
            Call::Exec(call) => Some(call.digest()),
            Call::Process(call) => Some(call.digest()),
            Call::File(call) => Some(call.digest()),
            Call::Fetch(call) => Some(call.digest()),
            Call::Named => None,
        }
    }
}

/// Asks the judge. Total: a question that cannot be answered is denied with the reason. Blocks on the
/// file system, where commands and workspaces are looked up.
#[must_use]
pub fn answer(running: &Running, lock: &Lock, question: &Question) -> Answer {
    answer_one(running, lock, question, &Lookups::default())
}

/// Asks the judge several questions that came together.
pub fn answers(running: &Running, lock: &Lock, questions: &[Question]) -> Vec<Answer> {
    let known = Lookups::default();
    questions.iter().map(|question| answer_one(running, lock, question, &known)).collect()
}

fn answer_one(running: &Running, lock: &Lock, question: &Question, known: &Lookups) -> Answer {
    let named = Tool { name: ToolName::new(&question.tool), origin: question.origin.clone() };
    let tool = Tool { name: ToolName::new(named.canonical()), ..named };
    let answer = |session, decision, call| Answer {
        decision,
        session,
        tool: tool.clone(),
        call,
        generation: running.policy.generation,
    };
    let deny = |denial| answer(None, Decision::Deny(denial), None);
    let session = match session(running, question) {
        Ok(session) => session,
        Err(denial) => return deny(denial),
    };
    let agent = match agent_of(running, &session) {
        Ok(agent) => agent,
        Err(denial) => return deny(denial),
    };
    let turn = match question.turn.clone().map_or_else(|| TurnId::parse("decide"), Ok) {
        Ok(turn) => turn,
        Err(error) => return deny(Denial::policy(Rule::Admission, error.to_string())),
    };
    let sender = question.sender.clone().unwrap_or_else(Sender::owner);
    let asking = Asking {
        running,
        agent,
        session: &session,
        sender: &sender,
        turn: &turn,
        call_id: "decide",
        known: Some(known),
    };
    let judge = Judge::new(&running.policy, lock);
    let (decision, call) = match asking.judge(&judge, &tool, question) {
        Ok((decision, call)) => (decision, Some(call)),
        Err(denial) => (Decision::Deny(denial), None),
    };
    answer(Some(session), decision, call)
}

/// Asks about a tool by its name alone: may it be called at all, whatever its arguments.
#[must_use]
pub fn by_name(running: &Running, lock: &Lock, question: &Question) -> Answer {
    let named = Tool { name: ToolName::new(&question.tool), origin: question.origin.clone() };
    let tool = Tool { name: ToolName::new(named.canonical()), ..named };
    let sender = question.sender.clone().unwrap_or_else(Sender::owner);
    let judged = session(running, question).and_then(|session| {
        let decision = judge_name(running, lock, &session, &sender, &tool)?;
        Ok((session, decision))
    });
    let (session, decision) = match judged {
        Ok((session, decision)) => (Some(session), decision),
        Err(denial) => (session(running, question).ok(), Decision::Deny(denial)),
    };
    Answer { decision, session, tool, call: None, generation: running.policy.generation }
}

/// The decision about every built-in tool, by its name alone.
///
/// # Errors
/// A [`Denial`] when there is no such agent.
pub fn tools_of(
    running: &Running,
    lock: &Lock,
    session: &SessionKey,
    sender: &Sender,
) -> Result<Vec<(&'static str, Decision)>, Denial> {
    agent_of(running, session)?;
    let judge = |name| match judge_name(running, lock, session, sender, &Tool::core(name)) {
        Ok(decision) => decision,
        Err(denial) => Decision::Deny(denial),
    };
    let mut names: Vec<&str> = known_tools().collect();
    names.sort_unstable();
    names.dedup();
    Ok(names.into_iter().map(|name| (name, judge(name))).collect())
}

fn judge_name(
    running: &Running,
    lock: &Lock,
    session: &SessionKey,
    sender: &Sender,
    tool: &Tool,
) -> Result<Decision, Denial> {
    let agent = agent_of(running, session)?;
    Judge::new(&running.policy, lock).tool(agent, session, sender, tool)?;
    Ok(Decision::Allow { rule: Rule::ToolLayers })
}

fn agent_of<'r>(running: &'r Running, session: &SessionKey) -> Result<&'r AgentPolicy, Denial> {
    let nobody = || Denial::policy(Rule::Admission, "there is no such agent in agents.entries");
    running.policy.agent(&session.agent()).ok_or_else(nobody)
}

impl Asking<'_> {
    fn judge(&self, judge: &Judge<'_>, tool: &Tool, question: &Question) -> Result<(Decision, Call), Denial> {
        // Also for a tool whose shape is not known here; the others are judged by it once more.
        judge.tool(self.agent, self.session, self.sender, tool)?;
        if tool.origin != Origin::Core || tools::definition(tool.name.as_str()).is_none() {
            return Ok((without_arguments(self, tool, question), Call::Named));
        }
        let call = ToolCall {
            id: String::new(),
            tool: tool.name.clone(),
            arguments: Value::Object(question.arguments.clone()),
        };
        let proposal = tools::parse(&call).map_err(|error| error.denial())?;
        let file = |path: &str, op| {
            let (decision, call) = judge.file(self.file(path, op, self.view()?)).told();
            Ok((decision, Call::File(Box::new(call))))
        };
        match proposal {
            Proposal::Exec { command, workdir, env, timeout_seconds, background } => {
                let wish = ExecWish { command, workdir, env, timeout_seconds, background };
                let (decision, call) = judge.exec(self.exec(&wish, self.view()?)?).told();
                Ok((decision, Call::Exec(Box::new(call))))
            }
            Proposal::Process(action) => {
                let (decision, call) = judge.process(self.process(action)).told();
                Ok((decision, Call::Process(Box::new(call))))
            }
            Proposal::Read { path, offset, limit } => file(&path, FileOp::Read { offset, limit }),
            Proposal::Write { path, content } => file(&path, FileOp::Write { content }),
            Proposal::Edit { path, old, new } => file(&path, FileOp::Edit { old, new }),
            Proposal::Fetch { url, max_chars } => {
                let untrusted = is_untrusted(question);
                let words = question.words.unwrap_or(Words::Composed);
                let wish = FetchWish { url, words, untrusted, max_chars };
                let (decision, call) = judge.fetch(self.fetch(&wish)).told();
                Ok((decision, Call::Fetch(Box::new(call))))
            }
        }
    }
}

/// The tool layers have allowed the name, and the arguments are not analysed.
fn without_arguments(asking: &Asking<'_>, tool: &Tool, question: &Question) -> Decision {
    let chosen = || tool.is_chosen(asking.agent.layers(asking.session, asking.sender));
    if tool.is_harmless() || chosen() && !is_untrusted(question) {
        return Decision::Allow { rule: Rule::ToolLayers };
    }
    let because = "its arguments are not analysed, and its name alone says too little".to_owned();
    Decision::Ask(Asked { rule: Rule::ToolShape, because })
}

fn is_untrusted(question: &Question) -> bool {
    question.labels.iter().any(|label| label.integrity == Integrity::Untrusted)
}

fn session(running: &Running, question: &Question) -> Result<SessionKey, Denial> {
    let agent = question.agent.as_ref().unwrap_or(&running.default_agent().id);
    let session = match question.session.as_deref() {
        None => Ok(SessionKey::main(agent)),
        Some(session) => SessionKey::resolve(session, agent),
    };
    let session = session.map_err(|error| Denial::policy(Rule::Admission, error.to_string()))?;
    match &question.agent {
        Some(agent) if session.agent() != *agent => {
            Err(Denial::policy(Rule::Admission, "the session belongs to another agent"))
        }
        _ => Ok(session),
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Word(Integrity),
            Whole(Whole),
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Whole {
            integrity: Integrity,
            #[serde(default)]
            source: Option<String>,
        }
        Ok(match Form::deserialize(deserializer)? {
            Form::Word(integrity) => Self { integrity, source: None },
            Form::Whole(Whole { integrity, source }) => Self { integrity, source },
        })
    }
}
