//! Commands: what is allowed is understood in full and runs only what is listed.
//!
//! Input: words, a NUL, the command. A word is an allowlist entry; `~name` is a safe bin, `!` turns strict inline
//! evaluation on, `@` runs on the host. Without a NUL everything is the command, under the usual list.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use stockade_config::model::{ExecAsk, ExecSecurity};
use stockade_core::{AgentId, Digest, SessionKey, TurnId};
use stockade_policy::Sender;
use stockade_policy::call::{CallContext, ExecCall, Executable};
use stockade_policy::command::{Analysis, MAX_COMMAND, Role, analyze};
use stockade_policy::environment::build_env;
use stockade_policy::exec::ExecPolicy;
use stockade_policy::view::{Backend, Limits, View};

/// Checks one input.
pub fn holds(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    let (words, command) = text.split_once('\0').unwrap_or((USUAL, text));
    let question = Question::read(words);
    let analysis = analyze(command);
    assert_eq!(analysis, analyze(command), "the analysis is deterministic");
    assert!(analysis.operands(command).is_none_or(|operands| operands.len() <= 256));
    assert!(analysis.patterns(command).iter().all(|folder| !folder.is_empty()));
    let allows = question.allows(&question.policy, command);
    assert_eq!(allows, question.allows(&question.policy, command), "the answer is deterministic");
    for tighter in question.tighter() {
        assert!(allows || !question.allows(&tighter, command), "a tighter policy allows more: {tighter:?}");
    }
    if !allows {
        return;
    }
    question.allowed_is_understood(&analysis, command);
    let longer = format!("{command}\n{UNLISTED}");
    assert!(!question.allows(&question.policy, &longer), "another line hides in what was allowed");
}

struct Question {
    policy: ExecPolicy,
    backend: Backend,
}

impl Question {
    fn read(words: &str) -> Self {
        let mut policy =
            ExecPolicy { security: ExecSecurity::Allowlist, ask: ExecAsk::OnMiss, ..ExecPolicy::default() };
        let mut backend = Backend::Native;
        for word in words.split_whitespace().take(32) {
            match (word, word.strip_prefix('~')) {
                ("!", _) => policy.strict_inline_eval = true,
                ("@", _) => backend = Backend::Host,
                (_, Some(bin)) => policy.safe_bins.push(bin.to_owned()),
                // Patterns list what they match; here each program must be listed by its own name.
                (entry, None) if entry != UNLISTED && !entry.contains(['*', '?']) => {
                    policy.allowlist.push(entry.to_owned());
                }
                _ => {}
            }
        }
        Self { policy, backend }
    }

    fn allows(&self, policy: &ExecPolicy, command: &str) -> bool {
        policy.judge(&self.call(command)).verdict() == "allow"
    }

    /// Every policy with one permission less.
    fn tighter(&self) -> Vec<ExecPolicy> {
        let own = &self.policy;
        let mut tighter = vec![
            ExecPolicy { strict_inline_eval: true, ..own.clone() },
            ExecPolicy { safe_bins: Vec::new(), ..own.clone() },
            ExecPolicy { ask: ExecAsk::Always, ..own.clone() },
            ExecPolicy { security: ExecSecurity::Deny, ..own.clone() },
        ];
        for at in 0..own.allowlist.len() {
            let mut less = own.clone();
            less.allowlist.remove(at);
            tighter.push(less);
        }
        tighter
    }

    /// What the resolver of this world finds: a listed name in `/usr/bin`, an absolute path itself.
    fn find(&self, word: &str) -> Option<PathBuf> {
        if word.starts_with('/') {
            return Some(word.into());
        }
        let listed = self.policy.allowlist.iter().chain(&self.policy.safe_bins);
        let found = listed.map(Path::new).find(|entry| !word.contains('/') && entry.file_name() == Some(word.as_ref()));
        found.map(|entry| if entry.is_absolute() { entry.to_owned() } else { Path::new("/usr/bin").join(word) })
    }

    fn allowed_is_understood(&self, analysis: &Analysis, command: &str) {
        assert_eq!(analysis.opaque, None, "what is not understood was allowed");
        assert!(command.len() <= MAX_COMMAND && !analysis.commands.is_empty());
        // Told apart by nobody's parser: without quotes and escapes these run something.
        if !command.contains(['\'', '\\', '#']) && !command.contains("<<") {
            let runs = ["`", "$(", "<(", ">(", "${!", "$["];
            assert!(!runs.iter().any(|piece| command.contains(piece)), "a substitution was allowed");
        }
        for simple in &analysis.commands {
            let quiet = |name: &str| ["/dev/null", "/dev/stdout", "/dev/stderr"].contains(&name);
            assert!(simple.writes.iter().all(|file| quiet(&file.text)), "a file is written: {simple:?}");
            let word = simple.words.first().map(|word| word.text.as_str()).expect("a command has a word");
            match simple.role {
                Role::Program => assert!(self.lists(word), "{word:?} is not listed"),
                Role::Wrapper => {
                    let name = word.rsplit('/').next().unwrap_or(word);
                    assert!(WRAPPERS.contains(&name), "{word:?} was seen through");
                }
                Role::Builtin | Role::ChangeFolder => {}
            }
        }
    }

    fn lists(&self, word: &str) -> bool {
        let Some(path) = self.find(word) else { return false };
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let by_path = |entry: &str| Path::new(entry) == path || entry == word;
        self.policy.allowlist.iter().any(|entry| entry == name || by_path(entry))
            || self.policy.safe_bins.iter().any(|bin| bin == name)
    }

    fn call(&self, command: &str) -> ExecCall {
        let agent = AgentId::parse("main").expect("an id");
        let found =
            |word: &str| Executable { word: word.to_owned(), path: self.find(word), identity: Some([1, 2, 3, 4]) };
        ExecCall {
            context: CallContext {
                session: SessionKey::main(&agent),
                sender: Sender::owner(),
                agent,
                turn: TurnId::parse("fuzz").expect("an id"),
                call_id: String::new(),
                generation: Digest::of(b""),
            },
            command: command.to_owned(),
            cwd: "/workspace".into(),
            env: build_env(&BTreeMap::new(), "/home/sandbox").expect("the base is allowed"),
            programs: analyze(command).programs().map(found).collect(),
            operands: Vec::new(),
            unbound: None,
            view: View {
                backend: self.backend,
                mounts: Vec::new(),
                workdir: "/workspace".into(),
                network: false,
                hidden: Vec::new(),
                accept_degraded: Vec::new(),
                limits: Limits::default(),
            },
            background: false,
            timeout: Duration::from_secs(1),
        }
    }
}

const USUAL: &str =
    "ls cat grep head tail wc sort uniq git find tar sed awk xargs cargo python3 node make echo ~jq ~cut";
const UNLISTED: &str = "frobnicate";
const WRAPPERS: &[&str] = &[
    "env", "nice", "nohup", "timeout", "stdbuf", "setsid", "time", "ionice", "xargs", "command", "sh", "bash", "dash",
];
