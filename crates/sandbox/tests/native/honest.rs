//! What a session may expect to work.

use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use stockade_policy::{FileOp, ProcessAction};
use stockade_sandbox::{ExecStatus, ProcessOutput, State, probe};

use crate::support::{Bench, dies, mark, read, trials, write};

trials! {
    every_control_is_active_here
    ordinary_commands_work
    python_finds_what_it_needs
    git_works
    exit_codes_and_signals_are_told
    files_of_the_workspace_land_on_the_host
    a_megabyte_of_output_arrives
    a_background_process_is_talked_to
    files_are_read_written_and_edited
    the_host_backend_runs_and_cleans_up
}

fn every_control_is_active_here() {
    for control in probe() {
        assert_eq!(control.state, State::Active, "{}", control.id);
    }
}

fn ordinary_commands_work() {
    let bench = Bench::new();
    let output = bench.run("echo hi; seq 3 | sort -r | tr '\\n' ' '; id -un; pwd; date +%Y > /dev/null && echo dated");
    assert_eq!(output.status, ExecStatus::Exited { code: 0 });
    assert_eq!(output.output, "hi\n3 2 1 sandbox\n/workspace\ndated\n");
    assert_eq!(output.degraded, Vec::<String>::new());
    assert_eq!(bench.run("cat; echo end").output, "end\n", "standard input is empty");
    assert_eq!(bench.run("echo a > /tmp/x; echo b > ~/y; cat /tmp/x ~/y /agent/note").output, "a\nb\nread me\n");
    assert_eq!(bench.run("ls -A /tmp ~").output, "/home/sandbox:\n\n/tmp:\n", "nothing stays from the last run");
    assert_eq!(bench.run("echo out; echo err >&2").output.len(), 8);
}

fn python_finds_what_it_needs() {
    let bench = Bench::new();
    let text = bench.python(
        "import threading, subprocess, multiprocessing, pty, socket, ssl, time, os\n\
         t = threading.Thread(target=print, args=('thread',)); t.start(); t.join()\n\
         print(subprocess.run(['echo', 'child'], capture_output=True, text=True).stdout.strip())\n\
         q = multiprocessing.SimpleQueue(); q.put('queue'); print(q.get())\n\
         a, b = pty.openpty(); os.write(b, b'pty\\n'); print(os.read(a, 10).decode().strip())\n\
         a, b = socket.socketpair(); a.send(b'socket'); print(b.recv(9).decode())\n\
         ssl.create_default_context(); time.localtime(); print(len(os.urandom(4)))\n",
    );
    assert_eq!(text, "thread\nchild\nqueue\npty\nsocket\n4\n");
}

fn git_works() {
    let bench = Bench::new();
    if bench.run("command -v git").status != (ExecStatus::Exited { code: 0 }) {
        return;
    }
    let output = bench.run("git init -q . && echo x > f && git add f && git -c user.name=a -c user.email=a@b commit -qm one && git status --short && git log --format=%s");
    assert_eq!(output.output, "one\n");
}

fn exit_codes_and_signals_are_told() {
    let bench = Bench::new();
    assert_eq!(bench.run("exit 7").status, ExecStatus::Exited { code: 7 });
    assert_eq!(bench.run("exit 137").status, ExecStatus::Exited { code: 137 }, "an exit code is no signal");
    assert_eq!(bench.run("kill -TERM $$").status, ExecStatus::Signaled { signal: 15 });
    assert_eq!(bench.run("no-such-program").status, ExecStatus::Exited { code: 127 });
    assert_eq!(bench.run("yes | head -1").output, "y\n", "a broken pipe ends a writer");
}

fn files_of_the_workspace_land_on_the_host() {
    let bench = Bench::new();
    bench.run("mkdir d; echo made > d/f; chmod 640 d/f");
    let made = bench.path("ws/d/f");
    let metadata = std::fs::metadata(&made).expect("it is there");
    assert_eq!(metadata.uid(), rustix::process::geteuid().as_raw());
    assert_eq!(metadata.gid(), rustix::process::getegid().as_raw());
    assert_eq!(metadata.mode() & 0o777, 0o640);
    std::fs::write(bench.path("ws/from-host"), "hello\n").expect("write");
    assert_eq!(bench.run("cat from-host; rm from-host; rm -r d").output, "hello\n");
    assert!(!made.exists() && !bench.path("ws/from-host").exists());
}

fn a_megabyte_of_output_arrives() {
    let mut bench = Bench::new();
    bench.call.view.limits.output = 2 << 20;
    let output = bench.run("head -c 1048576 /dev/zero | tr '\\0' x");
    assert_eq!((output.output.len(), output.truncated), (1 << 20, false));
    bench.call.view.limits.output = 1000;
    let output = bench.run("echo first; head -c 1048576 /dev/zero | tr '\\0' x; echo last");
    assert!(output.truncated && output.output.starts_with("first\n") && output.output.ends_with("last\n"));
    assert!(output.output.contains("1047587 bytes dropped"), "{}", &output.output[480..560]);
}

fn a_background_process_is_talked_to() {
    let bench = Bench::new();
    let id = bench.start("while read line; do echo \"got $line\"; done; echo bye");
    let session = "agent:main:main";
    let mut heard = String::new();
    for line in ["one\n", "two\n"] {
        bench.process(session, ProcessAction::Write { id: id.clone(), data: line.into() }).expect("written");
        heard.push_str(&polled(&bench, &id));
    }
    assert_eq!(heard, "got one\ngot two\n");
    let Ok(ProcessOutput::List { processes }) = bench.process(session, ProcessAction::List) else { panic!("no list") };
    assert_eq!(
        processes.iter().map(|process| (process.id.clone(), process.ended.clone())).collect::<Vec<_>>(),
        [(id.clone(), None)]
    );
    assert_eq!(bench.process(session, ProcessAction::Kill { id: id.clone() }), Ok(ProcessOutput::Killed));
    let Ok(ProcessOutput::Poll { info, .. }) = bench.process(session, ProcessAction::Poll { id }) else {
        panic!("no poll")
    };
    assert_eq!(info.ended, Some(ExecStatus::Cancelled));
}

fn polled(bench: &Bench, id: &str) -> String {
    match bench.process("agent:main:main", ProcessAction::Poll { id: id.into() }) {
        Ok(ProcessOutput::Poll { output, .. }) => output,
        other => panic!("{other:?}"),
    }
}

fn files_are_read_written_and_edited() {
    let bench = Bench::new();
    bench.file("new/folder/f.txt", write("one\ntwo\nthree\n")).expect("written");
    let lines = bench.file("/workspace/new/folder/f.txt", FileOp::Read { offset: 2, limit: 1 }).expect("read");
    assert_eq!((lines.text.as_str(), lines.truncated, lines.bytes), ("two\n", true, 14));
    let edit = |old: &str, new: &str| FileOp::Edit { old: old.into(), new: new.into() };
    bench.file("new/folder/f.txt", edit("two", "2")).expect("edited");
    assert_eq!(std::fs::read_to_string(bench.path("ws/new/folder/f.txt")).expect("there"), "one\n2\nthree\n");
    for (old, why) in [("e", "occurs 3 times"), ("four", "does not occur"), ("", "is empty")] {
        let refusal = bench.file("new/folder/f.txt", edit(old, "x")).expect_err("ambiguous");
        assert!(refusal.to_string().contains(why), "{refusal}");
    }
    assert_eq!(bench.file("/agent/note", read()).expect("read").text, "read me\n");
    std::os::unix::fs::symlink("new/folder/f.txt", bench.path("ws/link")).expect("link");
    assert_eq!(bench.file("link", read()).expect("a link that stays inside").text, "one\n2\nthree\n");
    std::fs::write(bench.path("ws/binary"), [0, 1, 2]).expect("write");
    assert_eq!(bench.file("binary", read()).expect("told").text, "[binary file, 3 bytes]");
    assert_eq!(std::fs::read_dir(bench.path("ws/new/folder")).expect("listed").count(), 1, "no temporary file stays");
    std::fs::write(bench.path("ws/long"), "x".repeat(100).repeat(1000)).expect("write");
    let long = bench.file("long", read()).expect("read");
    assert_eq!((long.text.len(), long.truncated), (64 << 10, true));
}

fn the_host_backend_runs_and_cleans_up() {
    let mut bench = Bench::new().on_host();
    let mark = &mark(4410);
    let output = bench.run(&format!("echo $HOME; pwd; setsid sh -c 'sleep {mark} & sleep {mark}' & sleep 0.2; exit 3"));
    assert_eq!(output.status, ExecStatus::Exited { code: 3 });
    assert_eq!(output.output, format!("/home/sandbox\n{}\n", bench.path("ws").display()));
    assert!(dies(mark), "a daemon outlived its command on the host");
    bench.call.timeout = Duration::from_millis(300);
    let output = bench.run(&format!("(setsid sleep {mark} &) ; sleep {mark}"));
    assert_eq!(output.status, ExecStatus::TimedOut);
    assert!(dies(mark), "a daemon outlived the time limit on the host");
}
