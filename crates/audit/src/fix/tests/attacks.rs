//! Attempts to make a fix or an undo touch what it must not.

use std::cell::Cell;
use std::os::unix::fs::symlink;

use super::*;

fn tamper(home: &Home, change: impl FnOnce(&mut Value)) {
    let path = home.record();
    let mut record: Value = serde_json::from_slice(&std::fs::read(&path).expect("readable")).expect("is JSON");
    change(&mut record);
    std::fs::write(&path, record.to_string()).expect("written");
}

fn fixed() -> Home {
    let home = Home::new(CONFIG);
    home.fix(&usual(&home)).expect("fixed");
    home
}

/// The step of this kind.
fn step<'r>(record: &'r mut Value, kind: &str) -> &'r mut Value {
    let steps = record["steps"].as_array_mut().expect("a list");
    steps.iter_mut().find_map(|step| step.get_mut(kind)).expect("is there")
}

#[test]
fn what_the_user_edited_since_is_not_undone() {
    let home = fixed();
    let edited = home.text().replace("for now", "for good");
    std::fs::write(&home.config, &edited).expect("written");
    let before = home.tree();
    let undone = home.undo().expect("readable");
    assert!(undone.refused.iter().any(|refused| refused.why.contains("edited since")), "{undone:?}");
    assert!(undone.restored.is_empty());
    assert_eq!(home.tree(), before, "all or nothing");
    let partly = undo(&home.grounds(), None, true).expect("readable");
    assert_eq!((mode(&home.state), mode(&home.config)), (0o755, 0o600), "{partly:?}");
    assert_eq!(home.text(), edited);
    std::fs::write(&home.config, edited.replace("for good", "for now")).expect("written");
    home.undo().expect("what was left can still be undone");
    assert_eq!((home.text().as_str(), mode(&home.config)), (CONFIG, 0o644));
}

#[test]
fn a_mode_that_was_changed_since_is_not_undone() {
    let home = fixed();
    chmod(&home.config, 0o640);
    let undone = home.undo().expect("readable");
    assert!(undone.refused[0].why.contains("0640"), "{undone:?}");
    assert_eq!(mode(&home.state), 0o700);
}

#[test]
fn a_tampered_record_reaches_nothing() {
    let outside = tempfile::NamedTempFile::new().expect("temp file");
    let named = outside.path().to_str().expect("UTF-8").to_owned();
    let state = |home: &Home| home.state.canonicalize().expect("is there").display().to_string();
    type Tamper = fn(&mut Value, &str, &str);
    let attempts: &[(&str, Tamper)] = &[
        ("another file", |record, named, _| step(record, "mode")["path"] = named.into()),
        ("the system's", |record, _, _| step(record, "text")["path"] = "/etc/passwd".into()),
        ("a way up", |record, named, state| step(record, "mode")["path"] = format!("{state}/../..{named}").into()),
        ("set-id bits", |record, _, _| step(record, "mode")["from"] = 0o4755.into()),
        ("fewer bits", |record, _, _| step(record, "mode")["from"] = 0.into()),
        ("other bytes", |record, _, _| step(record, "text")["splices"][0]["was"] = "'evil'".into()),
        ("an offset", |record, _, _| step(record, "text")["splices"][0]["at"] = u64::MAX.into()),
        ("another version", |record, _, _| record["version"] = 2.into()),
        ("a key", |record, _, _| record["run"] = "rm".into()),
    ];
    for (what, attempt) in attempts {
        let home = fixed();
        tamper(&home, |record| attempt(record, &named, &state(&home)));
        let before = home.tree();
        match home.undo() {
            Err(FixError::Record { .. }) => {}
            Ok(undone) => assert!(undone.restored.is_empty() && !undone.refused.is_empty(), "{what}: {undone:?}"),
            Err(other) => panic!("{what}: {other}"),
        }
        assert_eq!(home.tree(), before, "{what}");
        assert_eq!(mode(outside.path()), 0o600, "{what}");
    }
}

#[test]
fn a_record_that_others_can_write_is_refused() {
    let home = fixed();
    chmod(&home.record(), 0o666);
    assert!(matches!(runs(&home.state), Err(FixError::Record { .. })));
    assert!(matches!(home.undo(), Err(FixError::Record { .. })));
    let home = fixed();
    let record = home.record();
    std::fs::rename(&record, home.dir.path().join("mine")).expect("moved");
    symlink(home.dir.path().join("mine"), &record).expect("linked");
    assert!(matches!(home.undo(), Err(FixError::Record { .. })), "a link is not a record");
    let home = fixed();
    chmod(&home.state.join("stockade/fixes"), 0o777);
    assert!(matches!(home.undo(), Err(FixError::Journal { .. })));
}

#[test]
fn a_run_is_named_by_its_id_alone() {
    let home = fixed();
    for id in ["..", "../../x", "", "/etc", "20261123T013031123Z-1a2b3c4/"] {
        assert!(matches!(undo(&home.grounds(), Some(id), false), Err(FixError::Unknown { .. })), "{id}");
    }
}

#[test]
fn a_journal_that_was_planted_is_refused() {
    for at in ["stockade", "stockade/fixes"] {
        let home = Home::new(CONFIG);
        chmod(&home.state, 0o777);
        let trap = tempfile::tempdir().expect("temp dir");
        std::fs::create_dir_all(home.state.join(at).parent().expect("has one")).expect("made");
        symlink(trap.path(), home.state.join(at)).expect("linked");
        let before = home.tree();
        assert!(matches!(home.fix(&usual(&home)), Err(FixError::Journal { .. })), "{at}");
        assert_eq!(home.tree(), before);
        assert_eq!(std::fs::read_dir(trap.path()).expect("readable").count(), 0);
    }
    if rustix::process::geteuid().is_root() {
        let home = Home::new(CONFIG);
        std::fs::create_dir_all(home.state.join("stockade")).expect("made");
        std::os::unix::fs::chown(home.state.join("stockade"), Some(54_321), None).expect("root may");
        assert!(matches!(home.fix(&usual(&home)), Err(FixError::Journal { .. })));
    }
}

#[test]
fn an_editor_at_work_wins() {
    for (moment, rename) in [(Moment::Recorded, false), (Moment::Drafted, false), (Moment::Drafted, true)] {
        let home = Home::new(CONFIG);
        let saved = CONFIG.replace("for now", "for ever");
        let watch = |now: Moment, _: &Path| {
            if now == moment && rename {
                let new = home.write("new", &saved, 0o644);
                std::fs::rename(new, &home.config).expect("renamed");
            } else if now == moment {
                std::fs::write(&home.config, &saved).expect("written");
            }
            Ok(())
        };
        let error = home.fix_watched(&usual(&home), &watch).expect_err("somebody edits");
        assert!(error.to_string().contains("was edited"), "{moment:?}: {error}");
        assert_eq!(home.text(), saved, "{moment:?}");
        let drafts = std::fs::read_dir(&home.state).expect("readable");
        let drafts = drafts.filter(|entry| entry.as_ref().is_ok_and(|entry| entry.path() != home.config)).count();
        assert!(drafts <= 1, "only the journal, if that");
    }
}

#[test]
fn a_file_that_changed_after_the_plan_is_left_out_and_the_rest_goes_on() {
    let home = Home::new("{ channels: { $include: './channels.json5' }, logging: { level: 'debug' } }\n");
    let include = home.write("channels.json5", "{ irc: { groupPolicy: 'open' } }\n", 0o644);
    let findings = [
        finding("both", Fix::safe("x").set("channels.irc.groupPolicy", "allowlist").set("gateway.bind", "loopback")),
        finding("log", Fix::safe("y").set("logging.level", "info")),
        finding("files", Fix::safe("z").mode(include.to_str().expect("UTF-8"), 0o600)),
    ];
    let (survey, snapshot, grounds) = (home.survey(), home.snapshot(), home.grounds());
    let plan = plan(&findings, &Choice::All, &survey, &snapshot, &grounds);
    std::fs::write(&include, "{ irc: { groupPolicy: 'open', nick: 'x' } }\n").expect("written");
    let outcome = apply(plan, &home.clock, &Env::default(), &|_, _| Vec::new()).expect("the rest is fixed");
    assert_eq!((outcome.refused.len(), mode(&include)), (2, 0o600), "{:?}", outcome.refused);
    assert_eq!(outcome.changes.len(), 0, "what an edit would mean is not known any more");
    assert!(!home.text().contains("loopback"));
    assert!(std::fs::read_to_string(&include).expect("readable").contains("nick"));
}

#[test]
fn a_link_that_is_swapped_in_is_not_followed() {
    let secret = tempfile::NamedTempFile::new().expect("temp file");
    chmod(secret.path(), 0o644);
    let home = Home::new(CONFIG);
    let credentials = home.write("credentials/x.json", "{}", 0o644);
    let away = home.dir.path().join("away");
    let swap = |now: Moment, path: &Path| {
        if now == Moment::Mode && path.ends_with("x.json") && !away.exists() {
            std::fs::rename(&credentials, &away).expect("moved");
            symlink(secret.path(), &credentials).expect("linked");
        }
        Ok(())
    };
    let close = Fix::safe("close").mode(credentials.to_str().expect("UTF-8"), 0o600);
    let error = home.fix_watched(&[finding("files", close)], &swap).expect_err("was swapped");
    assert!(error.to_string().contains("replaced"), "{error}");
    assert_eq!(mode(secret.path()), 0o644);

    let home = Home::new(CONFIG);
    let swap = |now: Moment, _: &Path| {
        if now == Moment::Drafted {
            std::fs::remove_file(&home.config).expect("removed");
            symlink(secret.path(), &home.config).expect("linked");
        }
        Ok(())
    };
    home.fix_watched(&usual(&home), &swap).expect_err("was swapped");
    assert_eq!(std::fs::read(secret.path()).expect("readable"), b"");
    assert!(std::fs::symlink_metadata(&home.config).expect("is there").is_symlink(), "theirs is put back");
}

#[test]
fn a_folder_above_that_becomes_a_link_is_not_followed() {
    let home = Home::new(CONFIG);
    let file = home.write("credentials/x.json", "{}", 0o644);
    let trap = tempfile::tempdir().expect("temp dir");
    std::fs::write(trap.path().join("x.json"), "{}").expect("written");
    chmod(&trap.path().join("x.json"), 0o644);
    let close = Fix::safe("close").mode(file.to_str().expect("UTF-8"), 0o600);
    home.fix(&[finding("files", close)]).expect("fixed");
    chmod(&trap.path().join("x.json"), 0o600);
    std::fs::rename(home.state.join("credentials"), home.dir.path().join("away")).expect("moved");
    symlink(trap.path(), home.state.join("credentials")).expect("linked");
    let undone = home.undo().expect("readable");
    assert_eq!(undone.refused.len(), 1);
    assert_eq!(mode(&trap.path().join("x.json")), 0o600);
}

#[test]
fn what_stands_at_the_draft_name_is_neither_followed_nor_removed() {
    let secret = tempfile::NamedTempFile::new().expect("temp file");
    let home = Home::new(CONFIG);
    let planted = Cell::new(None);
    let plant = |now: Moment, _: &Path| {
        if now == Moment::Recorded {
            let id = home.record().parent().expect("has one").file_name().expect("named").to_owned();
            let draft = home.state.join(format!(".openclaw.json.{}.fix", id.to_str().expect("UTF-8")));
            symlink(secret.path(), &draft).expect("linked");
            planted.set(Some(draft));
        }
        Ok(())
    };
    home.fix_watched(&usual(&home), &plant).expect_err("the name is taken");
    assert_eq!(std::fs::read(secret.path()).expect("readable"), b"");
    assert!(planted.take().is_some_and(|draft| draft.is_symlink()));
    assert_eq!(home.text(), CONFIG);
}

#[test]
fn hard_links_are_refused() {
    let home = Home::new(CONFIG);
    std::fs::hard_link(&home.config, home.dir.path().join("other")).expect("linked");
    let outcome = home.fix(&usual(&home)).expect("the folder is closed");
    let linked = outcome.refused.iter().filter(|refused| refused.why.contains("hard links")).count();
    assert_eq!(linked, 2, "{:?}", outcome.refused);
    assert_eq!((home.text().as_str(), mode(&home.config)), (CONFIG, 0o644));
}
