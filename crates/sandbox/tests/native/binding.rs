//! Approve A, run B: every way to change what runs after it was approved.

use std::path::PathBuf;
use std::time::Duration;

use stockade_policy::{Backend, FileOp, ProcessAction};
use stockade_sandbox::{ExecStatus, ProcessOutput, Refusal, facts};

use crate::support::{Bench, trials, write};

trials! {
    what_was_approved_runs
    a_script_swapped_after_approval_is_refused
    a_link_on_the_way_is_refused
    a_script_cannot_be_changed_while_it_runs
    a_command_cannot_rewrite_its_own_operand
    a_program_changed_after_approval_is_refused
    programs_named_by_path_run
    a_program_named_by_path_is_the_one_that_was_approved
    a_script_that_another_process_can_write_is_refused
    a_later_process_cannot_take_the_seal_away
    the_file_tools_cannot_take_the_seal_away
    the_host_backend_checks_too
}

/// A session whose command is `sh /workspace/run.sh`, approved as it is now.
fn approved() -> Bench {
    let mut bench = Bench::new();
    std::fs::write(bench.path("ws/run.sh"), "echo good\n").expect("write");
    bind(&mut bench, &["run.sh"]);
    bench
}

fn bind(bench: &mut Bench, operands: &[&str]) {
    let operands: Vec<PathBuf> = operands.iter().map(PathBuf::from).collect();
    let (programs, operands) = facts::resolve(&bench.call.view, &["sh".into()], &operands).expect("facts");
    assert!(programs[0].identity.is_some() && !operands.is_empty());
    (bench.call.programs, bench.call.operands) = (programs, operands);
}

fn what_was_approved_runs() {
    assert_eq!(approved().run("sh run.sh").output, "good\n");
}

fn a_script_swapped_after_approval_is_refused() {
    let bench = approved();
    for content in ["echo evil\n", "", "echo good\n "] {
        std::fs::write(bench.path("ws/run.sh"), content).expect("write");
        assert_eq!(bench.try_run("sh run.sh"), Err(Refusal::Changed { what: "/workspace/run.sh".into() }));
    }
    std::fs::remove_file(bench.path("ws/run.sh")).expect("removed");
    assert!(matches!(bench.try_run("sh run.sh"), Err(Refusal::Changed { .. })));
}

fn a_link_on_the_way_is_refused() {
    let mut bench = approved();
    std::fs::write(bench.path("ws/evil.sh"), "echo evil\n").expect("write");
    std::os::unix::fs::symlink("run.sh", bench.path("ws/link.sh")).expect("link");
    assert!(facts::resolve(&bench.call.view, &[], &["link.sh".into()]).is_err(), "not even approved");
    // A file that became a link to the same content after the approval could be pointed elsewhere.
    std::fs::rename(bench.path("ws/run.sh"), bench.path("ws/moved.sh")).expect("moved");
    std::os::unix::fs::symlink("moved.sh", bench.path("ws/run.sh")).expect("link");
    assert!(matches!(bench.try_run("sh run.sh"), Err(Refusal::Changed { .. })));
    bench.call.operands.clear();
    assert_eq!(bench.run("sh run.sh").output, "good\n");
}

fn a_script_cannot_be_changed_while_it_runs() {
    let bench = approved();
    let target = bench.path("ws/run.sh");
    let writer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        std::fs::write(target, "echo evil\n").expect("write");
    });
    let output = bench.run("sleep 1; sh run.sh; cat run.sh");
    writer.join().expect("it wrote");
    assert_eq!(output.output, "good\necho good\n");
    assert_eq!(
        std::fs::read_to_string(bench.path("ws/run.sh")).expect("there"),
        "echo evil\n",
        "the attack took place"
    );
}

fn a_command_cannot_rewrite_its_own_operand() {
    let bench = approved();
    let output = bench.run(
        "echo 'echo evil' > run.sh; echo 'echo evil' > e; mv -f e run.sh; ln -sf e run.sh; rm -f run.sh; \
         mv run.sh x; chmod +w run.sh; sh run.sh",
    );
    assert!(output.output.ends_with("good\n") && !output.output.contains("\nevil"), "{}", output.output);
}

fn a_program_changed_after_approval_is_refused() {
    let mut bench = Bench::new();
    let tool = bench.path("ws/tool");
    std::fs::write(&tool, "#!/bin/sh\necho good\n").expect("write");
    std::fs::set_permissions(&tool, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("mode");
    bench.call.programs = facts::resolve(&bench.call.view, &["./tool".into()], &[]).expect("facts").0;
    assert_eq!(bench.run("./tool").output, "good\n");
    std::fs::write(&tool, "#!/bin/sh\necho evil\n").expect("write");
    assert_eq!(bench.try_run("./tool"), Err(Refusal::Changed { what: "/workspace/tool".into() }));
    std::fs::remove_file(&tool).expect("removed");
    assert!(matches!(bench.try_run("./tool"), Err(Refusal::Changed { .. })));
}

/// As the gateway does: every word is a program that may be run and a file whose content counts.
fn bind_words(bench: &mut Bench, command: &str) {
    let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
    let paths: Vec<PathBuf> = words.iter().map(PathBuf::from).collect();
    (bench.call.programs, bench.call.operands) = facts::resolve(&bench.call.view, &words[..1], &paths).expect("facts");
}

fn script(bench: &Bench, name: &str, text: &str) {
    std::fs::write(bench.path("ws").join(name), text).expect("write");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(bench.path("ws").join(name), mode).expect("mode");
}

fn programs_named_by_path_run() {
    let mut bench = Bench::new();
    script(&bench, "x.py", "print('from python')\n");
    script(&bench, "run.sh", "#!/bin/sh\necho from $0\n");
    std::fs::copy("/usr/bin/env", bench.path("ws/tool")).expect("copy");
    for (command, said) in [
        ("/usr/bin/python3 x.py", "from python"),
        ("./run.sh", "from ./run.sh"),
        ("/workspace/run.sh", "from /workspace/run.sh"),
        ("./tool echo from-tool", "from-tool"),
        ("/bin/ls /", "workspace"),
        ("/bin/sh ./run.sh", "from ./run.sh"),
    ] {
        bind_words(&mut bench, command);
        assert!(bench.call.programs[0].identity.is_some() && !bench.call.operands.is_empty(), "{command}");
        let output = bench.run(command);
        assert_eq!(output.status, ExecStatus::Exited { code: 0 }, "{command}: {}", output.output);
        assert!(output.output.lines().any(|line| line == said), "{command}: {}", output.output);
    }
}

fn a_program_named_by_path_is_the_one_that_was_approved() {
    let mut bench = Bench::new();
    script(&bench, "run.sh", "#!/bin/sh\necho good\n");
    bind_words(&mut bench, "./run.sh");
    let refused = || Err(Refusal::Changed { what: "/workspace/run.sh".into() });
    // The same content in another file, another content in the same file, and both.
    script(&bench, "twin", "#!/bin/sh\necho good\n");
    std::fs::rename(bench.path("ws/run.sh"), bench.path("ws/kept")).expect("moved");
    std::fs::rename(bench.path("ws/twin"), bench.path("ws/run.sh")).expect("moved");
    assert_eq!(bench.try_run("./run.sh"), refused());
    script(&bench, "run.sh", "#!/bin/sh\necho evil\n");
    assert_eq!(bench.try_run("./run.sh"), refused());
    std::fs::rename(bench.path("ws/kept"), bench.path("ws/run.sh")).expect("moved back");
    // Inside, neither the command nor the host's writer changes what runs under the name.
    let target = bench.path("ws/run.sh");
    let writer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        std::fs::write(target, "#!/bin/sh\necho evil\n").expect("write");
    });
    let attack =
        "echo 'echo evil' > run.sh; echo 'echo evil' > e; chmod +x e; mv -f e run.sh; rm -f run.sh; sleep 1; ./run.sh";
    let output = bench.run(attack).output;
    writer.join().expect("it wrote");
    assert!(output.ends_with("good\n") && !output.contains("\nevil"), "{output}");
}

fn a_script_that_another_process_can_write_is_refused() {
    let bench = approved();
    let mut quiet = bench.call.clone();
    quiet.operands.clear();
    quiet.programs.clear();
    let mut other = Bench::new();
    other.call = quiet;
    other.executor = bench.executor.clone();
    // Renames from another mount namespace make the kernel detach a seal: the writer must be gone.
    other.start("while :; do echo 'echo evil' > e; mv e run.sh; done");
    assert_eq!(
        bench.try_run("sh run.sh").map(|output| output.output),
        Err(Refusal::Contended { path: bench.path("ws/run.sh") })
    );
    assert_eq!(bench.block_on(bench.executor.kill_all()), 1);
    std::fs::write(bench.path("ws/run.sh"), "echo good\n").expect("write");
    assert_eq!(bench.run("sh run.sh").output, "good\n");
}

/// A running command that will run `d/run.sh`, approved as it is, when `go` appears.
fn waiting() -> (Bench, String) {
    let mut bench = Bench::new();
    std::fs::create_dir(bench.path("ws/d")).expect("folder");
    std::fs::write(bench.path("ws/d/run.sh"), "echo good\n").expect("write");
    bind(&mut bench, &["d/run.sh"]);
    let id = bench.start("while ! test -e go; do sleep 0.05; done; sh d/run.sh");
    (bench.call.operands, bench.call.programs) = (Vec::new(), Vec::new());
    (bench, id)
}

fn outcome(bench: &Bench, id: &str) -> String {
    std::fs::write(bench.path("ws/go"), "").expect("write");
    let mut heard = String::new();
    loop {
        match bench.process("agent:main:main", ProcessAction::Poll { id: id.into() }) {
            Ok(ProcessOutput::Poll { info, output, .. }) => {
                heard.push_str(&output);
                if info.ended.is_some() {
                    return heard;
                }
            }
            other => panic!("{other:?}"),
        }
    }
}

fn a_later_process_cannot_take_the_seal_away() {
    let (bench, id) = waiting();
    let attack = "echo 'echo evil' > e; mv -f e d/run.sh && echo GOT; rm -f d/run.sh && echo GOT; \
                  mv d elsewhere && echo GOT; rm -rf d && echo GOT; ln -sf e d/run.sh && echo GOT; \
                  mkdir x; mv -T --exchange x d 2> /dev/null && echo GOT; \
                  python3 -c 'import os; os.rename(\"e\", \"d/run.sh\"); print(\"GOT\")'; \
                  echo 'echo evil' > d/run.sh; cat d/run.sh";
    let output = bench.run(attack).output;
    assert!(!output.contains("GOT") && output.ends_with("echo evil\n"), "{output}");
    assert_eq!(outcome(&bench, &id), "good\n");
    bench.block_on(bench.executor.kill_all());
    assert_eq!(
        bench.run("rm -r d; ls -d d || echo gone").output.lines().last(),
        Some("gone"),
        "the pin ends with the run"
    );
}

fn the_file_tools_cannot_take_the_seal_away() {
    let (bench, id) = waiting();
    std::os::unix::fs::symlink("d", bench.path("ws/alias")).expect("link");
    for path in ["d/run.sh", "alias/run.sh", "/workspace/d/../d/run.sh"] {
        let refusal = bench.file(path, write("echo evil\n")).expect_err(path);
        assert!(refusal.to_string().contains("is running"), "{refusal}");
        assert!(bench.file(path, FileOp::Edit { old: "good".into(), new: "evil".into() }).is_err());
    }
    bench.file("d/other", write("fine")).expect("its neighbours are free");
    assert_eq!(outcome(&bench, &id), "good\n");
    bench.block_on(bench.executor.kill_all());
    bench.file("d/run.sh", write("echo new\n")).expect("free again");
}

fn the_host_backend_checks_too() {
    let mut bench = Bench::new().on_host();
    let script = bench.path("ws/run.sh");
    std::fs::write(&script, "echo good\n").expect("write");
    bench.call.view.mounts.clear();
    assert_eq!(bench.call.view.backend, Backend::Host);
    bind(&mut bench, &[script.to_str().expect("a path")]);
    assert_eq!(bench.run("sh run.sh").output, "good\n");
    std::fs::write(&script, "echo evil\n").expect("write");
    assert!(matches!(bench.try_run("sh run.sh"), Err(Refusal::Changed { .. })));
    assert_eq!(bench.call.operands.len(), 1);
    bench.call.operands.clear();
    assert_eq!(bench.run("sh run.sh").status, ExecStatus::Exited { code: 0 });
}
