// table: system calls that a sandboxed command may not make
//! System calls that a sandboxed command may not make, as data. Everything else is allowed: the
//! namespaces and Landlock decide what it can reach, and this filter takes away what could weaken
//! them, the kernel's largest attack surfaces, and other doors into it.
//!
//! Answers filters that miss the newer spelling of a call or compare 64 bits of a 32-bit argument
//! (CVE-2021-41133, CVE-2019-10063).

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter, sock_filter,
};

/// Puts the filters up around this process and its children to come.
pub(super) fn apply() -> Result<(), Error> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
    apply_filter(&NUMBERS)?;
    let gone = REFUSED.iter().map(|call| (*call, Vec::new()));
    let conditional = conditional()?;
    put_up(libc::EPERM, gone.chain(conditional), architecture)?;
    put_up(libc::ENOSYS, ABSENT.iter().map(|call| (*call, Vec::new())), architecture)?;
    put_up(libc::EAFNOSUPPORT, families()?, architecture)?;
    put_up(libc::EPROTONOSUPPORT, protocols()?, architecture)
}

fn put_up(
    errno: i32,
    calls: impl IntoIterator<Item = (i64, Vec<SeccompRule>)>,
    architecture: TargetArch,
) -> Result<(), Error> {
    let mut rules = BTreeMap::<i64, Vec<SeccompRule>>::new();
    for (call, conditions) in calls {
        rules.entry(call).or_default().extend(conditions);
    }
    let errno = SeccompAction::Errno(errno.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, errno, architecture)?;
    apply_filter(&BpfProgram::try_from(filter)?)
}

/// Calls that are refused for some arguments only.
fn conditional() -> Result<Vec<(i64, Vec<SeccompRule>)>, Error> {
    use SeccompCmpOp::{Eq, MaskedEq, Ne};
    let mut rules = Vec::new();
    // A new namespace gives capabilities inside it, and with them most of the kernel's attack surface.
    for flag in NEW_NAMESPACE {
        rules.push((libc::SYS_clone, vec![all(&[(0, MaskedEq(*flag), *flag)])?]));
    }
    // Input pushed into a terminal is a command typed by its owner (CVE-2017-5226); a line discipline
    // loads kernel code. Only the low 32 bits are compared, as the kernel reads them.
    for request in [TIOCSTI, TIOCLINUX, TIOCSETD] {
        rules.push((libc::SYS_ioctl, vec![all(&[(1, Eq, request)])?]));
    }
    // Turns off address randomisation or emulates another system; asking (-1) and the default (0) are fine.
    rules.push((libc::SYS_personality, vec![all(&[(0, Ne, 0), (0, Ne, 0xffff_ffff)])?]));
    for bit in SET_ID {
        for (call, mode) in MODES {
            rules.push((*call, vec![all(&[(*mode, MaskedEq(bit), bit)])?]));
        }
        for (call, flags) in CREATES {
            let creating = |flag| all(&[(*flags, MaskedEq(flag), flag), (*flags + 1, MaskedEq(bit), bit)]);
            rules.push((*call, vec![creating(O_CREAT)?, creating(O_TMPFILE)?]));
        }
    }
    Ok(rules)
}

/// Protocols of the IP families other than TCP, UDP and ICMP. Landlock's rules for TCP do not see
/// multipath TCP (262) and SMC (256); SCTP, DCCP and the rest are kernel code that nothing here needs.
fn protocols() -> Result<Vec<(i64, Vec<SeccompRule>)>, Error> {
    use SeccompCmpOp::{Eq, Ne};
    let common = [0, libc::IPPROTO_TCP, libc::IPPROTO_UDP];
    [(libc::AF_INET, libc::IPPROTO_ICMP), (libc::AF_INET6, libc::IPPROTO_ICMPV6)]
        .into_iter()
        .map(|(family, echo)| {
            let others = common.into_iter().chain([echo]).map(|protocol| (2, Ne, u64::from(protocol.unsigned_abs())));
            let conditions: Vec<_> = others.chain([(0, Eq, u64::from(family.unsigned_abs()))]).collect();
            Ok((libc::SYS_socket, vec![all(&conditions)?]))
        })
        .collect()
}

/// Sockets of families other than Unix and IP: packet, netlink, vsock (reaches the hypervisor), the
/// kernel's crypto and the rarely used rest.
fn families() -> Result<Vec<(i64, Vec<SeccompRule>)>, Error> {
    use SeccompCmpOp::Ne;
    let (unix, inet, inet6) = (libc::AF_UNIX, libc::AF_INET, libc::AF_INET6);
    let other = all(&[unix, inet, inet6].map(|family| (0, Ne, u64::from(family.unsigned_abs()))))?;
    let pair = all(&[(0, Ne, u64::from(unix.unsigned_abs()))])?;
    Ok(vec![(libc::SYS_socket, vec![other]), (libc::SYS_socketpair, vec![pair])])
}

fn all(conditions: &[(u8, SeccompCmpOp, u64)]) -> Result<SeccompRule, Error> {
    let conditions = conditions
        .iter()
        .map(|(argument, operator, value)| {
            SeccompCondition::new(*argument, SeccompCmpArgLen::Dword, operator.clone(), *value)
        })
        .collect::<Result<_, _>>()?;
    Ok(SeccompRule::new(conditions)?)
}

/// Refused with EPERM, whatever the arguments.
const REFUSED: &[i64] = &[
    // Mounts: the view is finished.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    // The new mount interface says the same in other words (CVE-2021-41133).
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    OPEN_TREE_ATTR,
    // Namespaces: neither new ones nor another's.
    libc::SYS_unshare,
    libc::SYS_setns,
    // Other processes' memory and descriptors.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    // Programs in the kernel, and counters that tell what others do.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    // Stops the kernel at a chosen page: the tool of most exploits of races.
    libc::SYS_userfaultfd,
    // Keys are not namespaced per sandbox; a session keyring of the gateway would be shared.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // Loading and replacing the kernel.
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    // Files by handle: past every folder permission (CVE-2014-9357's class).
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    // The machine: restart, swap, accounting, quotas, log, clock.
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
    libc::SYS_nfsservctl,
    libc::SYS_lookup_dcookie,
    libc::SYS_fanotify_init,
    // Memory that the kernel itself cannot look into.
    libc::SYS_memfd_secret,
    // Memory placement across processes.
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_kexec_file_load,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_uselib,
    #[cfg(target_arch = "x86_64")]
    libc::SYS__sysctl,
];

/// Answered as by a kernel that does not have them, so that programs fall back.
const ABSENT: &[i64] = &[
    // Its flags are in memory, where a filter cannot read them: the C library falls back to clone.
    libc::SYS_clone3,
    // Its mode is in memory too; the C library does not use it, and programs fall back to openat.
    libc::SYS_openat2,
    // A second way to make nearly every call, past this filter.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
];

/// Calls that give a file its mode, and which argument that is. Inside, set-user-id means nothing
/// (no_new_privs, nosuid); on the host the file belongs to the gateway's user and would lend his rights to
/// whoever runs it.
const MODES: &[(i64, u8)] = &[
    (libc::SYS_fchmod, 1),
    (libc::SYS_fchmodat, 2),
    (FCHMODAT2, 2),
    (libc::SYS_mkdirat, 2),
    (libc::SYS_mknodat, 2),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_chmod, 1),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_creat, 1),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_mkdir, 1),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_mknod, 1),
];

/// Calls that have a mode only when they make a file, and which argument are the flags that say so; the
/// mode comes right after them.
const CREATES: &[(i64, u8)] = &[
    (libc::SYS_openat, 2),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_open, 1),
];

/// Set-user-id and set-group-id.
const SET_ID: [u64; 2] = [0o4000, 0o2000];
const O_CREAT: u64 = 0o100;
/// The kernel's own bit, without O_DIRECTORY, which O_TMPFILE of the C library contains.
const O_TMPFILE: u64 = 0o20_000_000;

/// The same numbers on every architecture; the C library's headers lack them for some.
const FCHMODAT2: i64 = 452;
/// Open_tree and mount_setattr in one (Linux 6.15).
const OPEN_TREE_ATTR: i64 = 467;

/// CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. NEWTIME shares its bit with the
/// exit signal of clone and cannot be asked for there.
const NEW_NAMESPACE: &[u64] =
    &[0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000];

const TIOCSTI: u64 = 0x5412;
const TIOCLINUX: u64 = 0x541c;
const TIOCSETD: u64 = 0x5423;

/// The last call that was looked at when the tables above were written: removexattrat of Linux 6.13.
const KNOWN: u32 = 466;

/// Looks at numbers alone. Kills a process that makes an x32 call: the same calls under other numbers,
/// with bit 30 set, that a filter by number does not see. (The other foreign call tables have an
/// architecture of their own, and every filter kills those.) Calls newer than [`KNOWN`] do not exist
/// here, so that a newer kernel opens no door that nobody has looked at.
const NUMBERS: [sock_filter; 6] = [
    // Load the call's number; at or above bit 30 go to the kill, above the last known one to the error.
    sock_filter { code: 0x20, jt: 0, jf: 0, k: 0 },
    sock_filter { code: 0x35, jt: 2, jf: 0, k: 0x4000_0000 },
    sock_filter { code: 0x25, jt: 2, jf: 0, k: KNOWN },
    sock_filter { code: 0x06, jt: 0, jf: 0, k: libc::SECCOMP_RET_ALLOW },
    sock_filter { code: 0x06, jt: 0, jf: 0, k: libc::SECCOMP_RET_KILL_PROCESS },
    sock_filter { code: 0x06, jt: 0, jf: 0, k: libc::SECCOMP_RET_ERRNO | libc::ENOSYS.unsigned_abs() },
];
