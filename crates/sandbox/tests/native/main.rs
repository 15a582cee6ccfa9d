//! The embedded sandbox under attack, and in honest use. The test program is its own launcher, so it
//! brings its own `main`.
#![allow(clippy::disallowed_methods, reason = "tests stand outside of the sandbox and look in")]

mod attacks;
mod binding;
mod honest;
mod lifecycle;
mod machine;
mod modes;
mod paths;
mod resources;
mod support;

fn main() {
    stockade_sandbox::enter_if_launcher();
    if lifecycle::play_role() || machine::play_role() || resources::play_role() {
        return;
    }
    let arguments = libtest_mimic::Arguments::from_args();
    let suites = [
        attacks::trials(),
        binding::trials(),
        honest::trials(),
        lifecycle::trials(),
        machine::trials(),
        modes::trials(),
        paths::trials(),
        resources::trials(),
    ];
    libtest_mimic::run(&arguments, suites.into_iter().flatten().collect()).exit();
}
