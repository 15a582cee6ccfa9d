//! Runs that are cut off: by an error, by a full disk, by the end of the process.

use std::cell::Cell;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::super::undo::undo_watched;
use super::*;

const MOMENTS: [Moment; 5] = [Moment::Recorded, Moment::Mode, Moment::Drafted, Moment::Swapped, Moment::Changed];

/// An install with two texts and three modes to change.
fn two_files() -> (Home, Vec<Finding>) {
    let home = Home::new("{ channels: { $include: './channels.json5' }, logging: { level: 'debug' } }\n");
    home.write("channels.json5", "{ irc: { groupPolicy: 'open' } }\n", 0o644);
    let mut findings = usual(&home);
    findings.push(finding("log", Fix::safe("log less").set("logging.level", "info")));
    (home, findings)
}

/// Acts at the `nth` time that a moment comes.
fn at<'a>(
    moment: Moment,
    nth: usize,
    seen: &'a Cell<usize>,
    act: impl Fn() -> io::Result<()> + 'a,
) -> impl Fn(Moment, &Path) -> io::Result<()> + 'a {
    move |now, _| {
        if now == moment {
            seen.set(seen.get() + 1);
            if seen.get() == nth {
                return act();
            }
        }
        Ok(())
    }
}

#[test]
fn an_error_at_any_step_leaves_everything_as_it_was() {
    for moment in MOMENTS {
        for nth in 1..=2 {
            let (home, findings) = two_files();
            let (before, seen) = (home.tree(), Cell::new(0));
            let full = || Err(io::Error::from(io::ErrorKind::StorageFull));
            match home.fix_watched(&findings, &at(moment, nth, &seen, full)) {
                Err(FixError::Failed { left, .. }) => {
                    assert!(left.is_empty(), "{moment:?} {nth}: {left:?}");
                    assert_eq!(home.tree(), before, "{moment:?} {nth}");
                }
                Ok(_) => assert!(seen.get() < nth, "{moment:?} {nth} was not told"),
                Err(other) => panic!("{moment:?} {nth}: {other}"),
            }
        }
    }
}

#[test]
fn a_config_that_means_something_else_afterwards_is_taken_back() {
    let home = Home::new("{ channels: { irc: { groupPolicy: 'open' } }, tools: { $include: './tools.json5' } }\n");
    let other = home.write("tools.json5", "{ profile: 'minimal' }\n", 0o600);
    let before = home.text();
    // Somebody else saves another file of the same config while ours is written.
    let saves = |now: Moment, _: &Path| match now {
        Moment::Changed => std::fs::write(&other, "{ profile: 'full' }\n"),
        _ => Ok(()),
    };
    match home.fix_watched(&usual(&home), &saves) {
        Err(FixError::Failed { source, left, .. }) => {
            assert!(source.to_string().contains("means something else"), "{source}");
            assert!(left.is_empty(), "{left:?}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!((home.text(), mode(&home.config)), (before, 0o644));
    assert_eq!(std::fs::read_to_string(&other).expect("there"), "{ profile: 'full' }\n", "what was saved stays");
    assert!(!home.state.join("stockade").exists());
}

#[test]
fn a_run_that_was_killed_before_it_was_recorded_leaves_nothing() {
    let (home, findings) = two_files();
    let before = home.tree();
    let cut = || {
        let fixes = home.state.join("stockade/fixes");
        let run = fixes.join("20261123T031529067Z-b37cd792");
        for folder in [&home.state.join("stockade"), &fixes, &run] {
            std::fs::create_dir(folder).expect("made");
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).expect("ours");
        }
        std::fs::write(run.join("record.json.new"), "{").expect("written");
    };
    cut();
    assert!(matches!(home.undo(), Err(FixError::Unknown { .. })));
    assert_eq!(home.tree(), before);
    cut();
    home.fix(&findings).expect("fixed");
    home.undo().expect("undone");
    assert_eq!(home.tree(), before);
    std::fs::create_dir(home.state.join("stockade")).expect("made");
    assert!(home.undo().is_err());
    assert_eq!(home.tree(), before);
    // What somebody keeps beside it stays, and so does its folder.
    cut();
    std::fs::write(home.state.join("stockade/mine"), "").expect("written");
    assert!(home.undo().is_err());
    assert!(home.state.join("stockade/mine").exists() && !home.state.join("stockade/fixes").exists());
}

#[test]
fn a_run_that_was_killed_is_seen_and_can_be_taken_back() {
    for moment in MOMENTS {
        for nth in 1..=2 {
            let (home, findings) = two_files();
            let (before, seen) = (home.tree(), Cell::new(0));
            let kill = || -> io::Result<()> { panic!("killed") };
            let killed = catch_unwind(AssertUnwindSafe(|| home.fix_watched(&findings, &at(moment, nth, &seen, kill))));
            if killed.is_ok() {
                assert!(seen.get() < nth, "{moment:?} {nth} was not told");
                continue;
            }
            let level = home.survey().value["logging"]["level"].clone();
            assert!(level == "debug" || level == "info", "a file is old or new: {level}");
            let [run] = runs(&home.state).expect("readable").try_into().expect("one run");
            assert!(!run.whole);
            let again = home.fix(&findings).expect_err("is interrupted").to_string();
            assert!(again.contains(&run.id), "{again}");
            let undone = home.undo().expect("undone");
            assert!(undone.refused.is_empty(), "{moment:?} {nth}: {undone:?}");
            assert_eq!(home.tree(), before, "{moment:?} {nth}");
            home.fix(&findings).expect("and then finished");
        }
    }
}

#[test]
fn an_undo_that_was_killed_goes_on_where_it_was() {
    for moment in [Moment::Mode, Moment::Drafted, Moment::Swapped] {
        for nth in 1..=2 {
            let (home, findings) = two_files();
            let (before, seen) = (home.tree(), Cell::new(0));
            home.fix(&findings).expect("fixed");
            let kill = || -> io::Result<()> { panic!("killed") };
            let watch = at(moment, nth, &seen, kill);
            let grounds = home.grounds();
            let killed = catch_unwind(AssertUnwindSafe(|| undo_watched(&grounds, None, false, &watch)));
            assert!(killed.is_err(), "{moment:?} {nth}");
            assert!(home.undo().expect("undone").refused.is_empty());
            assert_eq!(home.tree(), before, "{moment:?} {nth}");
        }
    }
}

#[test]
fn a_record_that_was_never_finished_stops_nothing() {
    let home = Home::new(CONFIG);
    let half = home.write("stockade/fixes/20261123T013031123Z-1a2b3c4d/record.json.new", "{\"vers", 0o600);
    for folder in half.ancestors().skip(1).take(3) {
        chmod(folder, 0o700);
    }
    assert!(runs(&home.state).expect("readable").is_empty());
    home.fix(&usual(&home)).expect("fixed");
    assert!(!half.exists());
}

#[test]
fn two_runs_at_once_do_not_mix() {
    let (home, findings) = two_files();
    let inner = Cell::new(false);
    let watch = |moment: Moment, _: &Path| {
        if moment == Moment::Drafted {
            inner.set(matches!(home.undo(), Err(FixError::Busy { .. })));
        }
        Ok(())
    };
    home.fix_watched(&findings, &watch).expect("fixed");
    assert!(inner.get());
}

#[test]
fn without_the_right_to_write_nothing_changes() {
    let home = Home::new(CONFIG);
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let uid = 54_321;
    let shut = home.write("shut/x.json5", "{ irc: { groupPolicy: 'open' } }\n", 0o644);
    std::fs::write(&home.config, "{ channels: { $include: './shut/x.json5' } }\n").expect("written");
    let foreign = home.write("foreign", "", 0o644);
    for path in [home.dir.path(), &home.state, &home.config, shut.parent().expect("has one"), &shut] {
        std::os::unix::fs::chown(path, Some(uid), Some(uid)).expect("root may");
    }
    chmod(shut.parent().expect("has one"), 0o500);
    let before = home.tree();
    let mut findings = usual(&home);
    findings.push(finding("foreign", Fix::safe("close").mode(foreign.to_str().expect("UTF-8"), 0o600)));
    std::thread::scope(|scope| {
        let run = || {
            let id = rustix::fs::Uid::from_raw(uid);
            rustix::thread::set_thread_res_uid(id, id, id).expect("this thread alone");
            let error = home.fix(&findings).expect_err("a folder is shut");
            assert!(matches!(&error, FixError::Failed { left, .. } if left.is_empty()), "{error}");
            let outcome = home.fix(&findings[1..]).expect("modes can be set");
            let skipped = outcome.actions.iter().find(|action| !action.ok).expect("one is not ours");
            assert!(skipped.skipped.as_deref().is_some_and(|why| why.contains("user 0")), "{skipped:?}");
            home.undo().expect("undone");
        };
        scope.spawn(run).join().expect("holds");
    });
    assert_eq!(home.tree(), before);
}

#[test]
fn root_keeps_the_owner_and_leaves_the_journal_to_him() {
    let home = Home::new(CONFIG);
    if !rustix::process::geteuid().is_root() {
        return;
    }
    for path in [&home.state, &home.config] {
        std::os::unix::fs::chown(path, Some(54_321), Some(54_322)).expect("root may");
    }
    home.fix(&usual(&home)).expect("fixed");
    let found = std::fs::metadata(&home.config).expect("is there");
    assert_eq!((found.uid(), found.gid(), found.mode() & 0o777), (54_321, 54_322, 0o600));
    assert_eq!(std::fs::metadata(home.record()).expect("is there").uid(), 54_321);
}
