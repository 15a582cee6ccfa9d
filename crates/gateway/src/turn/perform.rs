//! From a proposal to an output. Each tool is prepared into a typed call, passes the gate, and is
//! handed to the one executor that takes its permit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use stockade_agent::{FetchRefusal, Proposal, fetch, tools};
use stockade_core::{Denial, Integrity, Label, Labeled, Readers, Rule, Stage, text};
use stockade_policy::call::{
    CallContext, ExecCall, FetchCall, FileCall, FileOp, ProcessAction, ProcessCall, ScriptOperand, Words,
};
use stockade_policy::{AgentPolicy, Backend, Judge, Judged, View, command, environment};
use stockade_sandbox::{ExecOutput, ExecStatus, Refusal, facts, files};
use url::Url;

use super::gate::Gated;
use super::{Proposed, ToolResult, Turn, TurnError};
use crate::running::Running;

type Performed = Result<Labeled<ToolResult>, Denial>;

impl Turn<'_> {
    /// Stages 5 to 8 for one proposal.
    pub(super) async fn perform(&self, proposed: &Proposed) -> Result<Performed, TurnError> {
        let call_id = proposed.call.id.clone();
        match tools::parse(&proposed.call) {
            Err(shape) => Ok(Err(Denial::policy(Rule::ToolShape, shape.to_string()))),
            Ok(Proposal::Exec { command, workdir, env, timeout_seconds, background }) => {
                let wish = ExecWish { call_id, command, workdir, env, timeout_seconds, background };
                self.exec(wish).await
            }
            Ok(Proposal::Process(action)) => self.process(ProcessWish { call_id, action }).await,
            Ok(Proposal::Read { path, offset, limit }) => {
                self.file(FileWish { call_id, path, op: FileOp::Read { offset, limit } }).await
            }
            Ok(Proposal::Write { path, content }) => {
                self.file(FileWish { call_id, path, op: FileOp::Write { content } }).await
            }
            Ok(Proposal::Edit { path, old, new }) => {
                self.file(FileWish { call_id, path, op: FileOp::Edit { old, new } }).await
            }
            Ok(Proposal::Fetch { url, max_chars }) => {
                let written = proposed.call.arguments["url"].as_str().unwrap_or_default();
                let words = self.conversation.words(written)?;
                let untrusted = proposed.label.integrity == Integrity::Untrusted;
                self.fetch(FetchWish { call_id, url, words, untrusted, max_chars }).await
            }
        }
    }

    async fn exec(&self, wish: ExecWish) -> Result<Performed, TurnError> {
        let permit = match self.gate(&wish).await? {
            Ok(permit) => permit,
            Err(denial) => return Ok(Err(denial)),
        };
        let digest = permit.digest();
        let outcome = self.gateway.executor.run(permit, self.stop.cancelled()).await;
        let detail = match &outcome {
            Ok(output) => json!({ "ran": true, "status": output.status, "bytes": output.output.len() }),
            Err(refusal) => json!({ "ran": false, "refusal": refusal.to_string() }),
        };
        self.recorder.write(Stage::Output, None, Some(digest), detail).await?;
        Ok(outcome.map(exec_result).map_err(|refusal: Refusal| refusal.denial()))
    }

    async fn process(&self, wish: ProcessWish) -> Result<Performed, TurnError> {
        let permit = match self.gate(&wish).await? {
            Ok(permit) => permit,
            Err(denial) => return Ok(Err(denial)),
        };
        let digest = permit.digest();
        let outcome = self.gateway.executor.process(permit).await;
        self.recorder.write(Stage::Output, None, Some(digest), json!({ "ran": outcome.is_ok() })).await?;
        let label = Label::new(Integrity::Untrusted, Readers::Owner, "exec", "process");
        let text = |output| serde_json::to_string(&output).unwrap_or_default();
        Ok(outcome.map(|output| labelled(text(output), label)).map_err(|refusal| refusal.denial()))
    }

    async fn file(&self, wish: FileWish) -> Result<Performed, TurnError> {
        let permit = match self.gate(&wish).await? {
            Ok(permit) => permit,
            Err(denial) => return Ok(Err(denial)),
        };
        let (digest, path) = (permit.digest(), permit.call().path.clone());
        let outcome = tokio::task::block_in_place(|| files::run(permit, self.gateway.clock.now()));
        let detail = json!({ "ran": outcome.is_ok(), "path": path });
        self.recorder.write(Stage::Output, None, Some(digest), detail).await?;
        // What stands in a file may have been put there by anyone who could write it.
        let label = Label::new(Integrity::Untrusted, Readers::Owner, "file", path.to_string_lossy());
        Ok(outcome.map(|output| labelled(output.text, label)).map_err(|refusal| refusal.denial()))
    }

    async fn fetch(&self, wish: FetchWish) -> Result<Performed, TurnError> {
        let permit = match self.gate(&wish).await? {
            Ok(permit) => permit,
            Err(denial) => return Ok(Err(denial)),
        };
        let (digest, url) = (permit.digest(), permit.call().url.clone());
        let running = self.gateway.running();
        let outcome = fetch(&self.gateway.client, permit, &running.policy.egress, &*self.gateway.clock).await;
        let status = outcome.as_ref().ok().map(|output| output.status);
        let detail = json!({ "ran": outcome.is_ok(), "url": url, "status": status });
        self.recorder.write(Stage::Output, None, Some(digest), detail).await?;
        let label = Label::new(Integrity::Untrusted, Readers::Public, "web", url.as_str());
        match outcome {
            Ok(page) => {
                let text = format!("{} {}\n{}", page.status, page.url, page.text);
                Ok(Ok(labelled(text, label)))
            }
            Err(FetchRefusal::Denied(denial)) => Ok(Err(denial)),
            Err(FetchRefusal::Failed(error)) => {
                let failed = ToolResult { text: format!("the fetch failed: {error}"), is_error: true };
                Ok(Ok(Labeled::new(failed, label)))
            }
        }
    }

    fn context(&self, running: &Running, call_id: &str) -> CallContext {
        CallContext {
            agent: self.admitted.agent.clone(),
            session: self.admitted.inbound.session.clone(),
            turn: self.admitted.inbound.turn.clone(),
            call_id: call_id.to_owned(),
            generation: running.policy.generation,
        }
    }
}

/// What the model hears of a refusal: the gateway's own words.
pub(super) fn refused(denial: &Denial) -> Labeled<ToolResult> {
    let label = Label::new(Integrity::Service, Readers::Public, "gateway", "refusal");
    Labeled::new(ToolResult { text: format!("The gateway refused this call: {denial}."), is_error: true }, label)
}

struct ExecWish {
    call_id: String,
    command: String,
    workdir: Option<String>,
    env: BTreeMap<String, String>,
    timeout_seconds: Option<u64>,
    background: bool,
}

impl Gated for ExecWish {
    type Call = ExecCall;

    fn prepare(&self, turn: &Turn<'_>, running: &Running, agent: &AgentPolicy) -> Result<ExecCall, Denial> {
        let view = turn.gateway.view(agent, &turn.admitted.inbound.session)?;
        let home = match view.backend {
            Backend::Native => "/home/sandbox".to_owned(),
            Backend::Host => agent.home.to_string_lossy().into_owned(),
        };
        let env = environment::build_env(&self.env, &home)?;
        let cwd = view.absolute(Path::new(self.workdir.as_deref().unwrap_or(".")));
        if view.locate(&cwd).is_none() {
            return Err(Denial::policy(Rule::Workspace, "the working directory is outside what this session may see"));
        }
        let analysis = command::analyze(&self.command);
        let programs: Vec<String> = analysis.programs().map(str::to_owned).collect();
        // Words mean what they mean in the working directory of the call.
        let there = View { workdir: cwd.clone(), ..view.clone() };
        let (programs, _) = facts::resolve(&there, &programs, &[])
            .map_err(|error| Denial::unreadable(Rule::ExecOpaque, error.to_string()))?;
        let (operands, unbound) = match operands(&analysis, &self.command, &there) {
            Ok(operands) => (operands, None),
            Err(why) => (Vec::new(), Some(why)),
        };
        let timeout = self.timeout_seconds.map_or(view.limits.wall, |asked| match asked {
            0 => view.limits.wall,
            asked => Duration::from_secs(asked).min(view.limits.wall),
        });
        Ok(ExecCall {
            context: turn.context(running, &self.call_id),
            command: self.command.clone(),
            cwd,
            env,
            programs,
            operands,
            unbound,
            view,
            background: self.background,
            timeout,
        })
    }

    fn judge(judge: &Judge<'_>, call: ExecCall) -> Judged<ExecCall> {
        judge.exec(call)
    }

    fn card(call: &ExecCall, agent: &AgentPolicy, because: &str) -> (String, Value) {
        let command = text::visible(&call.command);
        let complete = command::analyze(&call.command).opaque.is_none();
        let resolved: Vec<_> =
            call.programs.iter().map(|program| json!({ "word": program.word, "path": program.path })).collect();
        let host = match call.view.backend {
            Backend::Native => "sandbox",
            Backend::Host => "gateway",
        };
        let only = match call.programs.as_slice() {
            [program] => program.path.clone(),
            _ => None,
        };
        let request = json!({
            "command": command,
            "cwd": call.cwd,
            "nodeId": null,
            "host": host,
            "security": agent.exec.security.id(),
            "ask": agent.exec.ask.id(),
            "warningText": because,
            "allowedDecisions": ["allow-once", "deny"],
            "unavailableDecisions": ["allow-always"],
            "agentId": call.context.agent,
            "sessionKey": call.context.session,
            "resolvedPath": only,
            "runId": call.context.turn,
            "toolCallId": call.context.call_id,
            "stockade": {
                "programs": resolved,
                "files": call.operands,
                "bindsEverything": complete,
                "env": call.env,
                "sees": call.view.mounts,
                "network": call.view.network,
                "background": call.background,
                "timeoutSeconds": call.timeout.as_secs(),
            },
        });
        (command, request)
    }
}

/// The files to bind: those that the command names, and those that its patterns may stand for. The error
/// says why they cannot all be bound.
fn operands(analysis: &command::Analysis, text: &str, there: &View) -> Result<Vec<ScriptOperand>, String> {
    let too_many = || "it names more files than one approval can bind; put it into a script and run that".to_owned();
    let named = analysis.operands(text).ok_or_else(too_many)?;
    let mut paths: Vec<PathBuf> = named.iter().map(|word| there.workdir.join(word)).collect();
    for folder in analysis.patterns(text) {
        paths.extend(facts::list(there, &there.workdir.join(folder)).map_err(|error| error.to_string())?);
    }
    paths.sort();
    paths.dedup();
    if paths.len() > MAX_BOUND {
        return Err(too_many());
    }
    facts::resolve(there, &[], &paths).map(|(_, operands)| operands).map_err(|error| error.to_string())
}

/// Files that one approval binds.
const MAX_BOUND: usize = 256;

struct ProcessWish {
    call_id: String,
    action: ProcessAction,
}

impl Gated for ProcessWish {
    type Call = ProcessCall;

    fn prepare(&self, turn: &Turn<'_>, running: &Running, _: &AgentPolicy) -> Result<ProcessCall, Denial> {
        Ok(ProcessCall { context: turn.context(running, &self.call_id), action: self.action.clone() })
    }

    fn judge(judge: &Judge<'_>, call: ProcessCall) -> Judged<ProcessCall> {
        judge.process(call)
    }

    fn card(call: &ProcessCall, _: &AgentPolicy, because: &str) -> (String, Value) {
        let command = match &call.action {
            ProcessAction::Write { id, data } => format!("(input to the running command {id}) {}", text::visible(data)),
            ProcessAction::List | ProcessAction::Poll { .. } | ProcessAction::Kill { .. } => "process".to_owned(),
        };
        let request = json!({
            "command": command, "warningText": because, "allowedDecisions": ["allow-once", "deny"],
            "agentId": call.context.agent, "sessionKey": call.context.session, "runId": call.context.turn,
            "toolCallId": call.context.call_id,
        });
        (command, request)
    }
}

struct FileWish {
    call_id: String,
    path: String,
    op: FileOp,
}

impl Gated for FileWish {
    type Call = FileCall;

    fn prepare(&self, turn: &Turn<'_>, running: &Running, agent: &AgentPolicy) -> Result<FileCall, Denial> {
        let view = turn.gateway.view(agent, &turn.admitted.inbound.session)?;
        let path = view.absolute(Path::new(&self.path));
        Ok(FileCall { context: turn.context(running, &self.call_id), path, op: self.op.clone(), view })
    }

    fn judge(judge: &Judge<'_>, call: FileCall) -> Judged<FileCall> {
        judge.file(call)
    }

    fn card(call: &FileCall, _: &AgentPolicy, because: &str) -> (String, Value) {
        let shown = text::visible(&call.path.to_string_lossy());
        (shown.clone(), json!({ "command": shown, "warningText": because }))
    }
}

struct FetchWish {
    call_id: String,
    url: Url,
    words: Words,
    untrusted: bool,
    max_chars: usize,
}

impl Gated for FetchWish {
    type Call = FetchCall;

    fn prepare(&self, turn: &Turn<'_>, running: &Running, agent: &AgentPolicy) -> Result<FetchCall, Denial> {
        let max_chars = self.max_chars.min(agent.fetch_max_chars);
        Ok(FetchCall {
            context: turn.context(running, &self.call_id),
            url: self.url.clone(),
            words: self.words,
            untrusted: self.untrusted,
            max_chars,
        })
    }

    fn judge(judge: &Judge<'_>, call: FetchCall) -> Judged<FetchCall> {
        judge.fetch(call)
    }

    fn card(call: &FetchCall, _: &AgentPolicy, because: &str) -> (String, Value) {
        (call.url.to_string(), json!({ "command": call.url, "warningText": because }))
    }
}

fn labelled(text: String, label: Label) -> Labeled<ToolResult> {
    Labeled::new(ToolResult { text, is_error: false }, label)
}

fn exec_result(output: ExecOutput) -> Labeled<ToolResult> {
    let (note, is_error) = match &output.status {
        ExecStatus::Exited { code: 0 } => (String::new(), false),
        ExecStatus::Exited { code } => (format!("\n[exit code {code}]"), true),
        ExecStatus::Signaled { signal } => (format!("\n[killed by signal {signal}]"), true),
        ExecStatus::TimedOut => ("\n[timed out; the whole process tree was killed]".to_owned(), true),
        ExecStatus::Cancelled => ("\n[cancelled; the whole process tree was killed]".to_owned(), true),
        ExecStatus::Background { id } => {
            (format!("\n[running in the background as {id}; see the tool process]"), false)
        }
    };
    let label = Label::new(Integrity::Untrusted, Readers::Owner, "exec", "output");
    Labeled::new(ToolResult { text: format!("{}{note}", output.output), is_error }, label)
}
