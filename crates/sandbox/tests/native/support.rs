//! Sessions for the tests: a view, a permit, a run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use stockade_core::{AgentId, Clock as _, Digest, SessionKey, SystemClock, TurnId};
use stockade_policy::testing::permit;
use stockade_policy::{
    Access, Backend, CallContext, ExecCall, FileCall, FileOp, Limits, Mount, ProcessAction, ProcessCall, View,
};
use stockade_sandbox::{ExecOutput, ExecStatus, Executor, FileOutput, PATH, ProcessOutput, Refusal};

/// One test's machine: a folder on the host, an executor and a call to change at will.
pub(crate) struct Bench {
    pub(crate) host: tempfile::TempDir,
    pub(crate) executor: Arc<Executor>,
    pub(crate) call: ExecCall,
    runtime: tokio::runtime::Runtime,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let host = tempfile::tempdir().expect("a folder");
        for name in ["ws", "ro", "secret"] {
            std::fs::create_dir(host.path().join(name)).expect("a folder");
        }
        std::fs::write(host.path().join("secret/canary"), CANARY).expect("a canary");
        std::fs::write(host.path().join("ro/note"), "read me\n").expect("a note");
        let mount =
            |name: &str, target: &str, access| Mount { host: host.path().join(name), target: target.into(), access };
        let view = View {
            backend: Backend::Native,
            mounts: vec![mount("ws", "/workspace", Access::Rw), mount("ro", "/agent", Access::Ro)],
            workdir: "/workspace".into(),
            network: false,
            hidden: Vec::new(),
            accept_degraded: Vec::new(),
            limits: Limits::default(),
        };
        let env = [("PATH", PATH), ("HOME", "/home/sandbox"), ("LANG", "C.UTF-8")];
        let call = ExecCall {
            context: context("agent:main:main"),
            command: String::new(),
            cwd: "/workspace".into(),
            env: env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>(),
            programs: Vec::new(),
            operands: Vec::new(),
            unbound: None,
            view,
            background: false,
            timeout: Duration::from_secs(20),
        };
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        Self { host, executor: Arc::new(Executor::new(Arc::new(SystemClock))), call, runtime }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.host.path().join(name)
    }

    pub(crate) fn on_host(mut self) -> Self {
        self.call.view.backend = Backend::Host;
        self.call.cwd = self.path("ws");
        self
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    pub(crate) fn try_run(&self, command: &str) -> Result<ExecOutput, Refusal> {
        let mut call = self.call.clone();
        call.command = command.into();
        self.block_on(self.executor.run(permit(call, SystemClock.now()), std::future::pending()))
    }

    pub(crate) fn run(&self, command: &str) -> ExecOutput {
        self.try_run(command).unwrap_or_else(|refusal| panic!("{command}: {refusal}"))
    }

    /// Runs a Python program inside.
    pub(crate) fn python(&self, program: &str) -> String {
        std::fs::write(self.path("ws/attack.py"), program).expect("a program");
        let output = self.run("exec python3 /workspace/attack.py");
        assert_eq!(output.status, ExecStatus::Exited { code: 0 }, "{}", output.output);
        output.output
    }

    pub(crate) fn start(&self, command: &str) -> String {
        let mut call = self.call.clone();
        call.command = command.into();
        call.background = true;
        let output = self.block_on(self.executor.run(permit(call, SystemClock.now()), std::future::pending()));
        match output.expect("it starts").status {
            ExecStatus::Background { id } => id,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn process(&self, session: &str, action: ProcessAction) -> Result<ProcessOutput, Refusal> {
        let call = ProcessCall { context: context(session), action };
        self.block_on(self.executor.process(permit(call, SystemClock.now())))
    }

    pub(crate) fn file(&self, path: &str, op: FileOp) -> Result<FileOutput, Refusal> {
        let call = FileCall { context: self.call.context.clone(), path: path.into(), op, view: self.call.view.clone() };
        stockade_sandbox::files::run(permit(call, SystemClock.now()), SystemClock.now())
    }
}

pub(crate) fn read() -> FileOp {
    FileOp::Read { offset: 1, limit: 2000 }
}

pub(crate) fn write(content: &str) -> FileOp {
    FileOp::Write { content: content.into() }
}

fn context(session: &str) -> CallContext {
    CallContext {
        agent: AgentId::parse("main").expect("an id"),
        session: SessionKey::parse(session).expect("a key"),
        sender: stockade_policy::Sender::owner(),
        turn: TurnId::fresh(),
        call_id: "call-1".into(),
        generation: Digest::of(b"policy"),
    }
}

/// An argument for `sleep` that no other process on the machine has.
pub(crate) fn mark(seconds: u32) -> String {
    format!("{seconds}.{}", std::process::id())
}

/// Processes on the host whose command line holds `mark`.
pub(crate) fn alive(mark: &str) -> usize {
    let is_marked = |folder: &Path| {
        std::fs::read(folder.join("cmdline"))
            .is_ok_and(|line| line.windows(mark.len()).any(|part| part == mark.as_bytes()))
    };
    let folders = std::fs::read_dir("/proc").expect("proc").flatten();
    folders.filter(|folder| folder.path() != Path::new("/proc/self") && is_marked(&folder.path())).count()
}

/// Waits until a process is marked so; false after five seconds.
pub(crate) fn lives(mark: &str) -> bool {
    (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        alive(mark) > 0
    })
}

/// Waits until no process is marked so; false after five seconds.
pub(crate) fn dies(mark: &str) -> bool {
    (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        alive(mark) == 0
    })
}

pub(crate) const CANARY: &str = "canary-5ee2a1";

macro_rules! trials {
    ($($name:ident)*) => {
        pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
            vec![$(libtest_mimic::Trial::test(concat!(module_path!(), "::", stringify!($name)), || { $name(); Ok(()) })),*]
        }
    };
}
pub(crate) use trials;
