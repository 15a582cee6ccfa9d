//! Files that would lend their owner's rights to whoever runs them. Inside, set-user-id means nothing;
//! on the host the file belongs to the gateway's user, and there it would mean everything.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use stockade_sandbox::ExecStatus;

use crate::support::{Bench, trials};

trials! {
    no_set_id_file_reaches_the_host
    no_system_call_sets_the_bits
    ordinary_modes_work
}

/// Entries below `folder` that carry set-user-id or set-group-id.
fn marked(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("listed").flatten() {
        let metadata = entry.metadata().expect("metadata");
        if metadata.permissions().mode() & 0o6000 != 0 {
            found.push(format!("{} {:o}", entry.path().display(), metadata.permissions().mode()));
        }
        if metadata.is_dir() {
            found.extend(marked(&entry.path()));
        }
    }
    found
}

fn no_set_id_file_reaches_the_host() {
    let bench = Bench::new();
    let bait = bench.path("ro/bait");
    std::fs::write(&bait, "x").expect("bait");
    std::fs::set_permissions(&bait, std::fs::Permissions::from_mode(0o6755)).expect("mode");
    assert_eq!(marked(&bench.path("ro")).len(), 1, "the bait is seen from here");
    let output = bench.run(
        "cp /bin/bash bash; chmod 6755 bash; chmod u+s bash; chmod g+s bash; install -m 4755 /bin/bash two; \
         cp -p /agent/bait three; cp --preserve=mode /usr/bin/su four; mkdir -m 2777 five; mkdir six; chmod g+s six; \
         ln bash seven; chmod 4755 seven; tar cf t.tar -C /agent bait; tar xpf t.tar; \
         python3 -c 'import os; os.chmod(\"bash\", 0o4755)'; exec 5> eight; chmod 4755 /proc/self/fd/5; ls",
    );
    assert!(output.output.contains("eight"), "{}", output.output);
    assert_eq!(marked(&bench.path("ws")), Vec::<String>::new(), "{}", output.output);
}

fn no_system_call_sets_the_bits() {
    let bench = Bench::new();
    let create = i64::from(libc::O_CREAT | libc::O_RDWR);
    // O_TMPFILE needs write access; the file could be given a name afterwards.
    let nameless = i64::from(libc::O_TMPFILE | libc::O_RDWR);
    let mut calls = vec![
        ("fchmod", libc::SYS_fchmod, "F, {mode}".to_owned()),
        ("fchmodat", libc::SYS_fchmodat, "-100, b'f', {mode}".into()),
        ("fchmodat2", 452, "-100, b'f', {mode}, 0".into()),
        ("openat", libc::SYS_openat, format!("-100, b'made-{{mode}}', {create}, {{mode}}")),
        ("openat nameless", libc::SYS_openat, format!("-100, b'.', {nameless}, {{mode}}")),
        ("mkdirat", libc::SYS_mkdirat, "-100, b'dir-{mode}', {mode}".into()),
        ("mknodat", libc::SYS_mknodat, "-100, b'node-{mode}', 0o100000 | {mode}, 0".into()),
    ];
    #[cfg(target_arch = "x86_64")]
    calls.extend([
        ("chmod", libc::SYS_chmod, "b'f', {mode}".to_owned()),
        ("open", libc::SYS_open, format!("b'opened-{{mode}}', {create}, {{mode}}")),
        ("creat", libc::SYS_creat, "b'created-{mode}', {mode}".into()),
        ("mkdir", libc::SYS_mkdir, "b'folder-{mode}', {mode}".into()),
        ("mknod", libc::SYS_mknod, "b'plain-{mode}', 0o100000 | {mode}, 0".into()),
    ]);
    let mut program = String::from(
        "import ctypes, os\nL = ctypes.CDLL(None, use_errno=True)\nF = os.open('f', os.O_CREAT | os.O_RDWR)\n\
         def call(name, nr, *a):\n\
         \tctypes.set_errno(0)\n\
         \tr = L.syscall(ctypes.c_long(nr), *[ctypes.c_long(x) if isinstance(x, int) else x for x in a])\n\
         \tprint(name, ctypes.get_errno() if r == -1 else 'GOT')\n",
    );
    let mut expected = String::new();
    for (name, number, arguments) in calls {
        // High bits that the kernel cuts off must not hide the low ones.
        for mode in ["0o4755", "0o2755", "0o6777", "0x7000000000009ed"] {
            program.push_str(&format!("call('{name}', {number}, {})\n", arguments.replace("{mode}", mode)));
            expected.push_str(&format!("{name} {}\n", libc::EPERM));
        }
    }
    // Its mode is in memory, out of a filter's sight.
    program.push_str("call('openat2', 437, -100, b'f', b'\\0' * 24, 24)\n");
    expected.push_str(&format!("openat2 {}\n", libc::ENOSYS));
    assert_eq!(bench.python(&program), expected);
    assert_eq!(marked(&bench.path("ws")), Vec::<String>::new());
}

fn ordinary_modes_work() {
    let bench = Bench::new();
    let output = bench.run(
        "set -e; umask 022; mkdir -p a/b; mkdir -m 1777 sticky; echo x > a/b/f; chmod 755 a/b/f; chmod u=rwx,go=r a/b/f; \
         cp -p a/b/f a/copy; cp -rp a again; install -m 750 /bin/true tool; ./tool; mkfifo -m 600 pipe; ln a/b/f hard; \
         tar cf t.tar a; mkdir out; tar xpf t.tar -C out; stat -c '%a %n' sticky a/b/f a/copy again/b/f tool pipe out/a/b/f",
    );
    assert_eq!(output.status, ExecStatus::Exited { code: 0 }, "{}", output.output);
    assert_eq!(output.output, "1777 sticky\n744 a/b/f\n744 a/copy\n744 again/b/f\n750 tool\n600 pipe\n744 out/a/b/f\n");
    let text = bench.python(
        "import os, shutil, tempfile\n\
         with tempfile.TemporaryFile(dir='.') as f: f.write(b'x')\n\
         with tempfile.NamedTemporaryFile(dir='.') as f: print(oct(os.stat(f.name).st_mode))\n\
         shutil.copy2('/bin/true', 'true'); print(oct(os.stat('true').st_mode))\n",
    );
    assert_eq!(text, "0o100600\n0o100755\n");
}
