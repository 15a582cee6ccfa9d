//! The walls that go up last, inside the finished view: no privileges, limits, Landlock, seccomp. Each
//! holds alone; together they hold when one has a hole.

use std::io;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope,
};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, WaitOptions, getrlimit, set_dumpable_behavior, setrlimit, setsid, umask,
    waitpid,
};
use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_capabilities_secure_bits, set_no_new_privs,
};
use stockade_policy::{Access, Limits};

use super::filter;
use super::plan::Plan;
use super::sys::{self, Fork};
use crate::control::Ledger;
use crate::outcome::Refusal;

/// Raises every wall around this process and its children to come.
pub(super) fn raise(plan: &Plan, mut ledger: Ledger) -> Result<Ledger, Refusal> {
    umask(rustix::fs::Mode::from_raw_mode(0o077));
    // A session of its own has no controlling terminal to push input into (CVE-2017-5226).
    setsid().map_err(Refusal::launcher)?;
    ledger.enter("no-new-privs", drop_privileges())?;
    ledger.enter("rlimits", set_limits(&plan.view.limits).and_then(|()| count_processes()))?;
    match fence(plan) {
        Ok(RulesetStatus::FullyEnforced) => {}
        Ok(RulesetStatus::PartiallyEnforced) => {
            ledger.partly(
                "landlock",
                "this kernel's Landlock lacks network or scope rules; the namespaces stand alone there",
            );
        }
        Ok(RulesetStatus::NotEnforced) => ledger.enter("landlock", Err("this kernel has no Landlock"))?,
        Err(error) => ledger.enter("landlock", Err(error))?,
    }
    // Process 1 is our own binary: no process inside may look into it (CVE-2019-5736).
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(Refusal::launcher)?;
    ledger.enter("seccomp", filter::apply())?;
    Ok(ledger)
}

/// Sets the limits of a command on the host. The number of processes is not among them: there it
/// would count everything that the gateway's user runs.
pub(super) fn limit_on_host(limits: &Limits) -> io::Result<()> {
    let mut counted = table(limits).into_iter().filter(|(resource, _)| *resource != Resource::Nproc);
    counted.try_for_each(|(resource, limit)| lower(resource, limit))
}

fn drop_privileges() -> io::Result<()> {
    // The bits say that being or becoming user 0 gives nothing, for good.
    set_capabilities_secure_bits(
        CapabilitiesSecureBits::NO_ROOT
            | CapabilitiesSecureBits::NO_ROOT_LOCKED
            | CapabilitiesSecureBits::NO_SETUID_FIXUP
            | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
            | CapabilitiesSecureBits::KEEP_CAPS_LOCKED
            | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE
            | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED,
    )?;
    for bit in 0..u64::BITS {
        match remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << bit)) {
            // Past the last capability that this kernel knows.
            Err(rustix::io::Errno::INVAL) => break,
            other => other?,
        }
    }
    clear_ambient_capability_set()?;
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?;
    set_no_new_privs(true)?;
    Ok(())
}

fn set_limits(limits: &Limits) -> io::Result<()> {
    table(limits).into_iter().try_for_each(|(resource, limit)| lower(resource, limit))
}

/// Sees whether the number of processes is bounded at all: with a limit of none, a fork must fail. The
/// kernel does not count what the machine's root runs, and in a user namespace made by a root without
/// CAP_SYS_ADMIN the command still is that root.
fn count_processes() -> io::Result<()> {
    let limit = getrlimit(Resource::Nproc);
    setrlimit(Resource::Nproc, Rlimit { current: Some(0), maximum: limit.maximum })?;
    let counted = match sys::fork() {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        Err(error) => Err(error),
        Ok(Fork::Child) => sys::exit(0),
        Ok(Fork::Parent(child)) => {
            waitpid(Some(child), WaitOptions::empty())?;
            Err(io::Error::other(
                "the kernel does not count processes of this user; run the gateway as an ordinary user, or as root with CAP_SYS_ADMIN",
            ))
        }
    };
    setrlimit(Resource::Nproc, limit)?;
    counted
}

const fn table(limits: &Limits) -> [(Resource, u64); 7] {
    [
        (Resource::Cpu, limits.cpu_seconds),
        (Resource::As, limits.address_space),
        (Resource::Fsize, limits.file_size),
        (Resource::Nofile, limits.open_files),
        (Resource::Nproc, limits.processes),
        (Resource::Core, 0),
        (Resource::Memlock, 64 << 10),
    ]
}

/// Lowers a limit; one that is lower already stays.
fn lower(resource: Resource, limit: u64) -> io::Result<()> {
    let limit = getrlimit(resource).maximum.map_or(limit, |maximum| maximum.min(limit));
    Ok(setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })?)
}

/// The same view a second time, as Landlock rules: what a mistake in the mounts would open stays
/// shut. No TCP, no abstract socket and no signal leaves the sandbox either.
fn fence(plan: &Plan) -> Result<RulesetStatus, RulesetError> {
    let all = AccessFs::from_all(NEWEST);
    let read = AccessFs::from_read(NEWEST);
    let write = all & !(AccessFs::MakeChar | AccessFs::MakeBlock);
    let device = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev;
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?;
    let own = WRITABLE.iter().map(|path| (std::path::Path::new(path), write));
    let devices = [("/", read), ("/dev", read | device), ("/proc", read)];
    let folders = plan.view.mounts.iter().filter(|mount| mount.access == Access::Rw);
    let rights = devices
        .into_iter()
        .map(|(path, rights)| (std::path::Path::new(path), rights))
        .chain(own)
        .chain(folders.map(|mount| (mount.target.as_path(), write)));
    for (path, rights) in rights {
        // A path that is not there needs no right.
        if let Ok(folder) = PathFd::new(path) {
            rules = rules.add_rule(PathBeneath::new(folder, rights))?;
        }
    }
    Ok(rules.restrict_self()?.ruleset)
}

/// Network since 4, device ioctls since 5, scopes since 6. Later versions add no restriction.
const NEWEST: ABI = ABI::V6;

const WRITABLE: &[&str] = &["/tmp", "/home/sandbox", "/run", "/dev/shm", "/dev/pts"];
