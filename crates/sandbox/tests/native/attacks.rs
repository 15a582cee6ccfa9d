//! Ways out of the sandbox, each looked at from outside.

use std::net::TcpListener;
use std::os::fd::AsFd as _;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::time::{Duration, Instant};

use stockade_policy::{Access, Mount};
use stockade_sandbox::{ExecStatus, Refusal};

use crate::support::{Bench, CANARY, trials};

trials! {
    files_of_the_host_are_not_there
    nothing_outside_the_workspace_is_written
    inherited_descriptors_are_closed
    the_gateways_environment_stays_outside
    processes_of_the_host_are_out_of_reach
    there_is_no_terminal_to_push_input_into
    process_1_is_closed
    listeners_of_the_host_are_out_of_reach
    dangerous_system_calls_are_refused
    foreign_call_numbers_kill
    set_user_id_programs_gain_nothing
    kernel_settings_are_read_only
    a_fork_bomb_is_bounded
    memory_files_and_cpu_are_bounded
    mount_sources_that_became_links_are_refused
    mount_targets_cannot_replace_the_system
    the_working_directory_is_inside
    a_view_with_a_network_is_refused
}

fn files_of_the_host_are_not_there() {
    let bench = Bench::new();
    let canary = bench.path("secret/canary");
    let canary = canary.display();
    let output = bench.run(&format!(
        "for root in '' /proc/1/root /proc/self/root /proc/self/cwd/../.. /proc/1/cwd /agent/../..; do \
           cat $root{canary} $root/etc/shadow $root/root/.bashrc; ls $root/root $root/var $root/sys $root/boot $root/opt; \
         done"
    ));
    assert!(!output.output.contains(CANARY), "{}", output.output);
    assert!(!output.output.contains("root:"), "{}", output.output);
    assert_eq!(bench.run("ls -A /run /home /mnt").output, "/home:\nsandbox\n\n/mnt:\n\n/run:\n");
    let top = bench.run("ls -A /").output;
    assert!(
        !["var", "root", "sys", "boot", "opt", "srv"].iter().any(|name| top.lines().any(|line| line == *name)),
        "{top}"
    );
}

fn nothing_outside_the_workspace_is_written() {
    let bench = Bench::new();
    let output = bench.run(
        "touch /usr/x /usr/bin/x /bin/x /etc/x /lib/x /x /agent/x /dev/x /proc/x /home/x /etc/alternatives/x && echo GOT; \
         echo x >> /etc/passwd && echo GOT; echo x > /usr/bin/env && echo GOT; echo x > /agent/note && echo GOT; \
         rm -f /agent/note && echo GOT; mv /agent/note /tmp/ && echo GOT; chmod 777 /agent/note && echo GOT; \
         ln /agent/note /workspace/hard && echo GOT; ln /usr/bin/env /workspace/env && echo GOT; \
         mount -o remount,rw,bind /agent && echo GOT; mount --bind /workspace /agent && echo GOT; umount /agent && echo GOT; \
         echo x > /proc/self/root/agent/note && echo GOT; echo x > /proc/1/root/agent/note && echo GOT; \
         exec 5< /agent/note; echo x > /proc/self/fd/5 && echo GOT; echo x > /dev/fd/5 && echo GOT; \
         ln -s /agent/note /workspace/soft; echo x > /workspace/soft && echo GOT; true",
    );
    assert!(!output.output.contains("GOT"), "{}", output.output);
    assert_eq!(std::fs::read_to_string(bench.path("ro/note")).expect("still there"), "read me\n");
    assert_eq!(std::fs::read_dir(bench.path("ro")).expect("listed").count(), 1);
    assert!(!std::path::Path::new("/usr/x").exists());
}

fn inherited_descriptors_are_closed() {
    let bench = Bench::new();
    let flags = rustix::fs::OFlags::RDONLY;
    let canary = rustix::fs::open(bench.path("secret/canary"), flags, rustix::fs::Mode::empty()).expect("open");
    let folder = rustix::fs::open(bench.path("secret"), flags, rustix::fs::Mode::empty()).expect("open");
    for fd in [canary.as_fd(), folder.as_fd()] {
        let flags = rustix::io::fcntl_getfd(fd).expect("flags");
        assert!(!flags.contains(rustix::io::FdFlags::CLOEXEC), "the bait must be inheritable");
    }
    let text = bench.python(
        "import os\n\
         print(sorted(os.listdir('/proc/self/fd')))\n\
         for fd in list(range(3, 1024)):\n\
         \ttry: print('read', fd, os.pread(fd, 99, 0))\n\
         \texcept OSError: pass\n\
         \ttry: print('at', fd, os.open('canary', 0, dir_fd=fd))\n\
         \texcept OSError: pass\n",
    );
    // Descriptor 3 is the listing's own, gone when it is tried.
    assert_eq!(text, "['0', '1', '2', '3']\n");
}

fn the_gateways_environment_stays_outside() {
    let bench = Bench::new();
    let usual = ["PATH", "HOME", "LANG", "PWD", "OLDPWD", "SHLVL", "_"];
    let own: Vec<String> =
        std::env::vars().map(|(name, _)| name).filter(|name| !usual.contains(&name.as_str())).collect();
    assert!(!own.is_empty(), "the bait: this program has an environment");
    let output = bench
        .run("tr '\\0' '\\n' < /proc/self/environ; env; cat /proc/*/environ | tr '\\0' '\\n'; cat /proc/*/cmdline");
    for name in own {
        assert!(!output.output.contains(&format!("{name}=")), "{name} in {}", output.output);
    }
    let mut lines: Vec<&str> = output.output.lines().take(3).collect();
    lines.sort_unstable();
    assert_eq!(lines[0..2], ["HOME=/home/sandbox", "LANG=C.UTF-8"]);
}

fn processes_of_the_host_are_out_of_reach() {
    let bench = Bench::new();
    let own = std::process::id();
    let output = bench.run(&format!(
        "ls /proc | grep -c '^[0-9]'; exec 2> /dev/null; kill -9 {own} && echo GOT; kill -9 1; kill -9 -1; \
         cat /proc/{own}/cmdline && echo GOT; echo alive"
    ));
    let count: u32 = output.output.lines().next().and_then(|line| line.parse().ok()).expect("a count");
    assert!(count <= 5, "{count} processes are visible");
    assert!(!output.output.contains("GOT") && output.output.ends_with("alive\n"), "{}", output.output);
}

fn there_is_no_terminal_to_push_input_into() {
    let bench = Bench::new();
    // Fields 6 and 7: the session, which began inside, and its terminal, which is none.
    assert_eq!(bench.run("cut -d' ' -f6,7 /proc/self/stat").output, "1 0\n");
    assert!(bench.run("echo x > /dev/tty").output.contains("No such device"));
}

fn process_1_is_closed() {
    let bench = Bench::new();
    let output = bench.run(
        "for f in environ mem maps auxv stack syscall; do head -c 1 /proc/1/$f | grep -q . && echo GOT $f; done; \
         readlink /proc/1/exe && echo GOT; ls /proc/1/fd/ && echo GOT; ls /proc/1/root/ && echo GOT; echo x > /proc/1/mem && echo GOT; true",
    );
    assert!(!output.output.contains("GOT"), "{}", output.output);
}

fn listeners_of_the_host_are_out_of_reach() {
    let bench = Bench::new();
    let four = TcpListener::bind("127.0.0.1:0").expect("bind");
    let six = TcpListener::bind("[::1]:0").expect("bind");
    let path = bench.path("secret/socket");
    let file = UnixListener::bind(&path).expect("bind");
    let name = format!("stockade-test-{}", std::process::id());
    let hidden = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).expect("name")).expect("bind");
    let text = bench.python(&format!(
        "import socket\n\
         S = socket\n\
         for family, kind, to in [(S.AF_INET, S.SOCK_STREAM, ('127.0.0.1', {four})), (S.AF_INET6, S.SOCK_STREAM, ('::1', {six})),\n\
         \t(S.AF_UNIX, S.SOCK_STREAM, '{path}'), (S.AF_UNIX, S.SOCK_STREAM, '\\0{name}'), (S.AF_INET, S.SOCK_STREAM, ('169.254.169.254', 80)),\n\
         \t(S.AF_INET, S.SOCK_DGRAM, ('8.8.8.8', 53)), (S.AF_UNIX, S.SOCK_STREAM, '/run/docker.sock')]:\n\
         \ttry: s = S.socket(family, kind); s.connect(to); s.send(b'x'); print('GOT', to)\n\
         \texcept OSError as e: print('no', e.errno)\n\
         try: S.socket().bind(('0.0.0.0', 8080)); print('GOT bind')\n\
         except OSError as e: print('bind', e.errno)\n\
         try: S.getaddrinfo('example.com', 80); print('GOT name')\n\
         except OSError: print('no name')\n",
        four = four.local_addr().expect("address").port(),
        six = six.local_addr().expect("address").port(),
        path = path.display(),
    ));
    assert!(!text.contains("GOT") && text.lines().count() == 9, "{text}");
    // Nothing but Landlock stands against this one.
    assert!(text.contains(&format!("bind {}\n", libc::EACCES)), "{text}");
    four.set_nonblocking(true).and(six.set_nonblocking(true)).expect("non-blocking");
    file.set_nonblocking(true).and(hidden.set_nonblocking(true)).expect("non-blocking");
    assert!(four.accept().is_err() && six.accept().is_err() && file.accept().is_err() && hidden.accept().is_err());
    // The bait is good: from outside each can be reached.
    assert!(std::os::unix::net::UnixStream::connect(&path).is_ok());
}

fn dangerous_system_calls_are_refused() {
    let bench = Bench::new();
    let calls: &[(&str, i64, &str, i32)] = &[
        ("mount", libc::SYS_mount, "b'none', b'/tmp', b'tmpfs', 0, 0", libc::EPERM),
        ("umount", libc::SYS_umount2, "b'/agent', 2", libc::EPERM),
        ("pivot_root", libc::SYS_pivot_root, "b'.', b'.'", libc::EPERM),
        ("chroot", libc::SYS_chroot, "b'/tmp'", libc::EPERM),
        ("open_tree", libc::SYS_open_tree, "-100, b'/agent', 1", libc::EPERM),
        ("move_mount", libc::SYS_move_mount, "0, b'', 0, b'', 4", libc::EPERM),
        ("fsopen", libc::SYS_fsopen, "b'tmpfs', 0", libc::EPERM),
        ("fsmount", libc::SYS_fsmount, "0, 0, 0", libc::EPERM),
        ("mount_setattr", libc::SYS_mount_setattr, "-100, b'/agent', 0, 0, 0", libc::EPERM),
        ("unshare user", libc::SYS_unshare, "0x10000000", libc::EPERM),
        ("unshare mount", libc::SYS_unshare, "0x20000", libc::EPERM),
        ("unshare with high bits", libc::SYS_unshare, "0x100000010000000", libc::EPERM),
        ("setns", libc::SYS_setns, "0, 0", libc::EPERM),
        ("clone user", libc::SYS_clone, "0x10000011, 0, 0, 0, 0", libc::EPERM),
        ("clone net", libc::SYS_clone, "0x40000011, 0, 0, 0, 0", libc::EPERM),
        ("clone high bits", libc::SYS_clone, "0x700000010000011, 0, 0, 0, 0", libc::EPERM),
        ("clone3", libc::SYS_clone3, "0, 0", libc::ENOSYS),
        ("io_uring_setup", libc::SYS_io_uring_setup, "1, 0", libc::ENOSYS),
        ("ptrace", libc::SYS_ptrace, "0, 0, 0, 0", libc::EPERM),
        ("process_vm_readv", libc::SYS_process_vm_readv, "1, 0, 0, 0, 0, 0", libc::EPERM),
        ("pidfd_getfd", libc::SYS_pidfd_getfd, "0, 0, 0", libc::EPERM),
        ("bpf", libc::SYS_bpf, "0, 0, 0", libc::EPERM),
        ("perf_event_open", libc::SYS_perf_event_open, "0, 0, 0, 0, 0", libc::EPERM),
        ("userfaultfd", libc::SYS_userfaultfd, "1", libc::EPERM),
        ("add_key", libc::SYS_add_key, "b'user', b'x', b'x', 1, -3", libc::EPERM),
        ("keyctl", libc::SYS_keyctl, "0, -3, 1", libc::EPERM),
        ("request_key", libc::SYS_request_key, "b'user', b'x', 0, 0", libc::EPERM),
        ("name_to_handle_at", libc::SYS_name_to_handle_at, "-100, b'/', 0, 0, 0", libc::EPERM),
        ("open_by_handle_at", libc::SYS_open_by_handle_at, "0, 0, 0", libc::EPERM),
        ("finit_module", libc::SYS_finit_module, "0, b'', 0", libc::EPERM),
        ("kexec_load", libc::SYS_kexec_load, "0, 0, 0, 0", libc::EPERM),
        ("reboot", libc::SYS_reboot, "0, 0, 0, 0", libc::EPERM),
        ("syslog", libc::SYS_syslog, "3, 0, 0", libc::EPERM),
        ("settimeofday", libc::SYS_settimeofday, "0, 0", libc::EPERM),
        ("personality", libc::SYS_personality, "0x40000", libc::EPERM),
        ("TIOCSTI", libc::SYS_ioctl, "0, 0x5412, b'x'", libc::EPERM),
        ("TIOCSTI with high bits", libc::SYS_ioctl, "0, 0x100005412, b'x'", libc::EPERM),
        ("TIOCLINUX", libc::SYS_ioctl, "0, 0x541c, b'x'", libc::EPERM),
        ("netlink", libc::SYS_socket, "16, 3, 0", libc::EAFNOSUPPORT),
        ("packet", libc::SYS_socket, "17, 3, 0", libc::EAFNOSUPPORT),
        ("crypto", libc::SYS_socket, "38, 5, 0", libc::EAFNOSUPPORT),
        ("vsock", libc::SYS_socket, "40, 1, 0", libc::EAFNOSUPPORT),
        ("raw", libc::SYS_socket, "2, 3, 1", libc::EPERM),
        ("multipath TCP", libc::SYS_socket, "2, 1, 262", libc::EPROTONOSUPPORT),
        ("multipath TCP 6", libc::SYS_socket, "10, 1, 262", libc::EPROTONOSUPPORT),
        ("multipath TCP with high bits", libc::SYS_socket, "2, 1, 0x100000106", libc::EPROTONOSUPPORT),
        ("SMC over TCP", libc::SYS_socket, "2, 1, 256", libc::EPROTONOSUPPORT),
        ("SCTP", libc::SYS_socket, "2, 1, 132", libc::EPROTONOSUPPORT),
        ("quotactl_fd", libc::SYS_quotactl_fd, "0, 0, 0, 0", libc::EPERM),
        ("memfd_secret", libc::SYS_memfd_secret, "0", libc::EPERM),
        ("open_tree_attr", 467, "-100, b'/agent', 1, 0, 0", libc::EPERM),
        ("file_getattr, newer than the filter", 468, "-100, b'/agent', 0, 0, 0", libc::ENOSYS),
        ("no such call", 1000, "0", libc::ENOSYS),
        ("setuid", libc::SYS_setuid, "0", libc::EINVAL),
    ];
    let mut program = String::from(
        "import ctypes, os\nL = ctypes.CDLL(None, use_errno=True)\n\
         def call(name, nr, *a):\n\
         \tctypes.set_errno(0)\n\
         \tr = L.syscall(ctypes.c_long(nr), *[ctypes.c_long(x) if isinstance(x, int) else x for x in a])\n\
         \tif r == 0 and nr == 56: os._exit(0)\n\
         \tprint(name, ctypes.get_errno() if r == -1 else 'GOT')\n",
    );
    let mut expected = String::new();
    for (name, number, arguments, errno) in calls {
        program.push_str(&format!("call('{name}', {number}, {arguments})\n"));
        expected.push_str(&format!("{name} {errno}\n"));
    }
    assert_eq!(bench.python(&program), expected);
}

fn foreign_call_numbers_kill() {
    let bench = Bench::new();
    let output = bench.run(
        "exec python3 -c 'import ctypes; ctypes.CDLL(None).syscall(ctypes.c_long(0x40000000 + 39)); print(\"GOT\")'",
    );
    assert_eq!((output.status, output.output.as_str()), (ExecStatus::Signaled { signal: libc::SIGSYS }, ""));
}

fn set_user_id_programs_gain_nothing() {
    let bench = Bench::new();
    std::fs::copy("/usr/bin/id", bench.path("ws/id")).expect("copy");
    let suid = std::os::unix::fs::PermissionsExt::from_mode(0o6755);
    std::fs::set_permissions(bench.path("ws/id"), suid).expect("mode");
    let output = bench.run(
        "su -c 'echo GOT' < /dev/null; sudo -n echo GOT; unshare -Ur echo GOT; ./id -u; \
         python3 -c 'import os; os.setresuid(0,0,0); print(\"GOT\")'; \
         grep -E '^(Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp):' /proc/self/status; \
         grep -cE '^Cap...:.0000000000000000$' /proc/1/status",
    );
    assert!(!output.output.contains("GOT") && output.output.contains("\n1000\n"), "{}", output.output);
    assert!(output.output.ends_with("\n5\n"), "process 1 keeps nothing either: {}", output.output);
    for line in ["CapPrm:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"] {
        assert!(output.output.contains(line), "{}", output.output);
    }
}

fn kernel_settings_are_read_only() {
    let bench = Bench::new();
    let before = std::fs::read_to_string("/proc/sys/kernel/core_pattern").expect("read");
    let output = bench.run(
        "for f in /proc/sys/kernel/core_pattern /proc/sys/vm/overcommit_memory /proc/sys/kernel/pid_max /proc/sysrq-trigger /proc/sys/fs/binfmt_misc/register; do \
           (echo x > $f) 2>/dev/null && test $f != /proc/sysrq-trigger && echo GOT $f; done; \
         for f in kcore keys kallsyms timer_list modules cmdline iomem ioports partitions diskstats mtrr; do head -c 1 /proc/$f 2>/dev/null | grep -q . && echo GOT $f; done; ls /sys; \
         grep -q ' /proc/sys proc ro,' /proc/mounts || echo GOT; true",
    );
    assert!(!output.output.contains("GOT"), "{}", output.output);
    assert_eq!(std::fs::read_to_string("/proc/sys/kernel/core_pattern").expect("read"), before);
}

fn a_fork_bomb_is_bounded() {
    let mut bench = Bench::new();
    bench.call.view.limits.processes = 40;
    let text = bench.python(
        "import os, time\n\
         made = 0\n\
         for _ in range(500):\n\
         \ttry: pid = os.fork()\n\
         \texcept OSError: break\n\
         \tif pid == 0: time.sleep(60); os._exit(0)\n\
         \tmade += 1\n\
         print(made)\n",
    );
    let made: u32 = text.trim().parse().expect("a count");
    assert!((20..40).contains(&made), "{made} processes of 40");
}

fn memory_files_and_cpu_are_bounded() {
    let mut bench = Bench::new();
    bench.call.view.limits.address_space = 300 << 20;
    bench.call.view.limits.file_size = 1 << 20;
    bench.call.view.limits.cpu_seconds = 1;
    bench.call.view.limits.open_files = 32;
    let output = bench.run("python3 -c 'bytearray(400 << 20); print(\"GOT\")' 2>&1 | tail -1");
    assert_eq!(output.output, "MemoryError\n");
    bench.run("head -c 20000000 /dev/zero > big");
    assert!(std::fs::metadata(bench.path("ws/big")).expect("made").len() <= 1 << 20);
    let output = bench
        .run("python3 -c '\nk=[]\ntry:\n  while 1: k.append(open(\"/dev/null\"))\nexcept OSError: print(len(k) < 32)'");
    assert_eq!(output.output, "True\n");
    let started = Instant::now();
    assert_eq!(bench.run("while :; do :; done").status, ExecStatus::Signaled { signal: libc::SIGKILL });
    assert!(started.elapsed() < Duration::from_secs(10));
}

fn mount_sources_that_became_links_are_refused() {
    for (name, place) in [("the folder itself", "ws"), ("a folder above it", "above")] {
        let mut bench = Bench::new();
        std::fs::create_dir_all(bench.path("secret/ws")).expect("folder");
        std::fs::write(bench.path("secret/ws/canary"), CANARY).expect("canary");
        if place == "above" {
            bench.call.view.mounts[0].host = bench.path("above/ws");
        } else {
            std::fs::remove_dir(bench.path("ws")).expect("removed");
        }
        std::os::unix::fs::symlink(bench.path("secret"), bench.path(place)).expect("link");
        let refusal = bench.try_run("cat /workspace/canary /workspace/ws/canary").expect_err(name);
        assert!(matches!(refusal, Refusal::View { .. }), "{name}: {refusal}");
        assert!(bench.file("canary", crate::support::read()).is_err(), "{name}");
    }
}

fn mount_targets_cannot_replace_the_system() {
    for target in ["/", "/usr", "/usr/bin", "/etc", "/bin", "/proc/self", "/dev", "relative"] {
        let mut bench = Bench::new();
        bench.call.view.mounts.push(Mount { host: bench.path("ro"), target: target.into(), access: Access::Ro });
        let refusal = bench.try_run("echo ran").expect_err(target);
        assert!(matches!(refusal, Refusal::View { .. }), "{target}: {refusal}");
    }
    // Inside another folder of the call a missing target is not made on the host.
    let mut bench = Bench::new();
    bench.call.view.mounts.push(Mount {
        host: bench.path("ro"),
        target: "/workspace/in/side".into(),
        access: Access::Ro,
    });
    assert!(matches!(bench.try_run("echo ran"), Err(Refusal::View { .. })));
    assert!(!bench.path("ws/in").exists());
    std::fs::create_dir_all(bench.path("ws/in/side")).expect("folder");
    assert_eq!(bench.run("cat in/side/note; echo x > in/side/note || echo no").output.lines().next(), Some("read me"));
    // A link at the target is resolved inside the view: the host's folder of that name is not touched.
    std::fs::remove_dir_all(bench.path("ws/in")).expect("removed");
    std::os::unix::fs::symlink(bench.path("secret"), bench.path("ws/in")).expect("link");
    assert!(bench.try_run("echo ran").is_err());
}

fn the_working_directory_is_inside() {
    let mut bench = Bench::new();
    std::os::unix::fs::symlink("/proc/1/root", bench.path("ws/out")).expect("link");
    for cwd in ["/proc/self/fd/8", "/proc/1/root", "/proc/self/cwd", "/workspace/out", "/nowhere", "/etc/passwd"] {
        bench.call.cwd = cwd.into();
        let refusal = bench.try_run("pwd").expect_err(cwd);
        assert!(matches!(refusal, Refusal::Path { .. }), "{cwd}: {refusal}");
    }
    bench.call.cwd = "/workspace/../../..".into();
    assert_eq!(bench.run("pwd -P").output, "/\n");
}

fn a_view_with_a_network_is_refused() {
    let mut bench = Bench::new();
    bench.call.view.network = true;
    assert!(matches!(bench.try_run("true"), Err(Refusal::View { .. })));
}
