//! Ways out of the workspace through the file tools.

use std::os::unix::fs::{MetadataExt as _, symlink};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use stockade_policy::{Access, FileOp, Mount};
use stockade_sandbox::Refusal;

use crate::support::{Bench, CANARY, read, trials, write};

trials! {
    links_out_of_the_workspace_lead_nowhere
    hidden_folders_are_hidden_by_every_name
    links_swapped_while_they_are_used_lead_nowhere
    a_hard_link_is_never_written_through
    only_regular_files_are_opened
    read_only_folders_are_read_only
    sizes_are_bounded
}

fn links_out_of_the_workspace_lead_nowhere() {
    let bench = Bench::new();
    let ws = |name: &str| bench.path("ws").join(name);
    symlink(bench.path("secret/canary"), ws("absolute")).expect("link");
    symlink("../secret/canary", ws("relative")).expect("link");
    symlink("../secret", ws("folder")).expect("link");
    symlink("/proc/self/root", ws("magic")).expect("link");
    symlink(bench.path("secret/new"), ws("dangling")).expect("link");
    let secret = bench.path("secret/canary");
    let paths = [
        "absolute",
        "relative",
        "folder/canary",
        "magic/etc/passwd",
        "dangling",
        "../secret/canary",
        "/workspace/../secret/canary",
        "/etc/passwd",
        "/proc/self/environ",
        "folder/../../secret/canary",
        secret.to_str().expect("a path"),
    ];
    for path in paths {
        assert!(bench.file(path, read()).is_err(), "{path} was read");
        assert!(bench.file(path, write("x")).is_err(), "{path} was written");
        assert!(bench.file(path, FileOp::Edit { old: CANARY.into(), new: "x".into() }).is_err(), "{path} was edited");
    }
    for path in ["folder/new/file", "magic/tmp/stockade-test"] {
        assert!(bench.file(path, write("x")).is_err(), "{path}");
    }
    assert_eq!(std::fs::read_to_string(bench.path("secret/canary")).expect("there"), CANARY);
    assert_eq!(std::fs::read_dir(bench.path("secret")).expect("listed").count(), 1);
}

fn hidden_folders_are_hidden_by_every_name() {
    let mut bench = Bench::new();
    // The whole of the bench is shown, as an open host is, and its secret is hidden.
    bench.call.view.mounts = vec![Mount { host: bench.path(""), target: "/".into(), access: Access::Rw }];
    bench.call.view.hidden = vec![bench.path("secret")];
    symlink("secret", bench.path("ws/../link")).expect("link");
    symlink("secret/canary", bench.path("ws/../file")).expect("link");
    for path in ["/secret/canary", "/link/canary", "/file", "/ws/../link/../link/canary"] {
        assert!(bench.file(path, read()).is_err(), "{path} was read");
        assert!(bench.file(path, write("x")).is_err(), "{path} was written");
    }
    for path in ["/link/new", "/link/new/file", "/secret/new/file", "/link"] {
        assert!(bench.file(path, write("x")).is_err(), "{path} was written");
    }
    assert_eq!(std::fs::read_to_string(bench.path("secret/canary")).expect("there"), CANARY);
    assert_eq!(std::fs::read_dir(bench.path("secret")).expect("listed").count(), 1);
    bench.file("/ws/own", write("x")).expect("what is beside it is not hidden");
    assert!(bench.file("/ws/own", read()).expect("read").text.contains('x'));
}

fn links_swapped_while_they_are_used_lead_nowhere() {
    let bench = Bench::new();
    let (ws, secret) = (bench.path("ws"), bench.path("secret"));
    std::fs::create_dir(ws.join("dir")).expect("folder");
    std::fs::create_dir(ws.join("good")).expect("folder");
    let stop = Arc::new(AtomicBool::new(false));
    let swapper = std::thread::spawn({
        let stop = Arc::clone(&stop);
        move || {
            symlink(&secret, ws.join("evil")).expect("link");
            let mut swaps = 0u64;
            while !stop.load(Ordering::Relaxed) {
                // `dir` is now a folder, now a link out; each time at once.
                let flags = rustix::fs::RenameFlags::EXCHANGE;
                rustix::fs::renameat_with(rustix::fs::CWD, ws.join("dir"), rustix::fs::CWD, ws.join("evil"), flags)
                    .expect("swap");
                swaps += 1;
            }
            swaps
        }
    });
    let (mut held, mut done, end) = (0, 0, Instant::now() + Duration::from_secs(1));
    while Instant::now() < end {
        match bench.file("dir/canary", write("written")) {
            Ok(_) => done += 1,
            Err(_) => held += 1,
        }
        if let Ok(output) = bench.file("dir/canary", read()) {
            assert_eq!(output.text, "written");
        }
    }
    stop.store(true, Ordering::Relaxed);
    let swaps = swapper.join().expect("swapped");
    assert!(swaps > 100 && held > 10 && done > 10, "the race took place: {swaps} swaps, {held} held, {done} done");
    assert_eq!(std::fs::read_to_string(bench.path("secret/canary")).expect("there"), CANARY);
    assert_eq!(std::fs::read_dir(bench.path("secret")).expect("listed").count(), 1);
}

fn a_hard_link_is_never_written_through() {
    let bench = Bench::new();
    std::fs::hard_link(bench.path("secret/canary"), bench.path("ws/hard")).expect("link");
    bench.file("hard", FileOp::Edit { old: CANARY.into(), new: "changed".into() }).expect("edited");
    assert_eq!(std::fs::read_to_string(bench.path("ws/hard")).expect("there"), "changed");
    bench.file("hard", write("again")).expect("written");
    assert_eq!(std::fs::read_to_string(bench.path("secret/canary")).expect("there"), CANARY);
}

fn only_regular_files_are_opened() {
    let bench = Bench::new();
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, bench.path("ws/fifo"), rustix::fs::FileType::Fifo, mode, 0).expect("fifo");
    std::fs::create_dir(bench.path("ws/folder")).expect("folder");
    std::os::unix::net::UnixListener::bind(bench.path("ws/socket")).expect("bind");
    let started = Instant::now();
    for path in ["fifo", "folder", "socket", ".", "/workspace"] {
        assert!(bench.file(path, read()).is_err(), "{path} was read");
        assert!(bench.file(path, write("x")).is_err(), "{path} was written");
    }
    assert!(started.elapsed() < Duration::from_secs(1), "nothing waits for a FIFO");
    std::fs::write(bench.path("ws/suid"), "x").expect("write");
    std::fs::set_permissions(bench.path("ws/suid"), std::os::unix::fs::PermissionsExt::from_mode(0o6755))
        .expect("mode");
    bench.file("suid", write("y")).expect("written");
    assert_eq!(std::fs::metadata(bench.path("ws/suid")).expect("there").mode() & 0o7777, 0o755);
}

fn read_only_folders_are_read_only() {
    let bench = Bench::new();
    for op in [write("x"), FileOp::Edit { old: "read".into(), new: "x".into() }] {
        assert_eq!(bench.file("/agent/note", op), Err(Refusal::ReadOnly { path: "/agent/note".into() }));
    }
    assert!(matches!(bench.file("/agent/new/file", write("x")), Err(Refusal::ReadOnly { .. })));
    assert!(!bench.path("ro/new").exists());
}

fn sizes_are_bounded() {
    let bench = Bench::new();
    std::fs::File::create(bench.path("ws/big")).and_then(|file| file.set_len((4 << 20) + 1)).expect("big");
    assert!(bench.file("big", read()).is_err());
    assert!(bench.file("new", write(&"x".repeat((8 << 20) + 1))).is_err());
    assert!(!bench.path("ws/new").exists());
    let zeros = bench.file("big", FileOp::Edit { old: "\0".into(), new: "x".into() });
    assert!(zeros.is_err());
}
