//! The honest use: what is kept, what is shown, what undo gives back.

use std::os::unix::fs::symlink;

use super::*;
use crate::finding::Change;
use crate::snapshot::{Entry, Kind};

#[test]
fn only_the_value_changes_and_undo_gives_back_every_byte_and_mode() {
    let home = Home::new(CONFIG);
    let before = home.tree();
    let outcome = home.fix(&usual(&home)).expect("fixed");
    assert_eq!(home.text(), CONFIG.replace("'open'", "'allowlist'").replace("\"allowlist\"", "'allowlist'"));
    assert_eq!((mode(&home.state), mode(&home.config)), (0o700, 0o600));
    assert_eq!(outcome.changes, ["channels.irc.groupPolicy=open -> allowlist"]);
    let actions = serde_json::to_value(&outcome.actions).expect("is JSON");
    assert_eq!(actions[0]["kind"], "chmod");
    assert_eq!(actions[1]["mode"], 0o600);
    let record = std::fs::read_to_string(home.record()).expect("readable");
    assert!(!record.contains("k3jd92"), "a secret elsewhere in the file is not copied: {record}");
    assert_eq!((mode(&home.record()), mode(home.record().parent().expect("has one"))), (0o600, 0o700));

    let undone = home.undo().expect("undone");
    assert!(undone.refused.is_empty(), "{undone:?}");
    assert_eq!(home.tree(), before);
    assert!(matches!(home.undo(), Err(FixError::Unknown { .. })), "a second undo has nothing to do");
    assert_eq!(home.tree(), before);
}

#[test]
fn fixing_twice_changes_nothing() {
    let home = Home::new(CONFIG);
    home.fix(&usual(&home)).expect("fixed");
    let before = home.tree();
    let again = home.fix(&usual(&home)).expect("nothing to do");
    assert_eq!((again.id, again.changes.len(), again.actions.len()), (None, 0, 0));
    assert_eq!(home.tree(), before);
}

#[test]
fn runs_are_taken_back_one_by_one_the_latest_first() {
    let home = Home::new(CONFIG);
    let before = home.tree();
    home.fix(&[finding("a", Fix::safe("a").set("logging.level", "info"))]).expect("fixed");
    let between = home.text();
    home.fix(&[finding("b", Fix::ask("b").remove("channels.irc.password"))]).expect("fixed");
    let listed = runs(&home.state).expect("readable");
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|run| run.whole) && listed[0].at < listed[1].at);
    let refused = undo(&home.grounds(), Some(&listed[0].id), false).expect("readable");
    assert_eq!(refused.refused.len(), 1, "the first lies under the second");
    home.undo().expect("undone");
    assert_eq!(home.text(), between);
    home.undo().expect("undone");
    assert_eq!(home.tree(), before);
}

#[test]
fn an_edit_goes_into_the_file_that_owns_the_key() {
    let home = Home::new("{ channels: { $include: './channels.json5' }, /* mine */ }\n");
    let include = home.write("channels.json5", "{\n\t// rooms\n\tirc: { groupPolicy: 'open' },\n}\n", 0o640);
    let before = home.tree();
    let outcome = home.fix(&usual(&home)).expect("fixed");
    assert_eq!(home.text(), "{ channels: { $include: './channels.json5' }, /* mine */ }\n");
    let text = std::fs::read_to_string(&include).expect("readable");
    assert!(text.contains("// rooms") && text.contains("allowlist") && !text.contains("open"), "{text}");
    assert_eq!(mode(&include), 0o640, "the mode of a file is kept when its text is edited");
    assert_eq!(outcome.written, [include.canonicalize().expect("is there").display().to_string()]);
    home.undo().expect("undone");
    assert_eq!(home.tree(), before);
}

#[test]
fn a_key_that_several_files_make_is_refused_and_the_rest_goes_on() {
    let home = Home::new("{ channels: { $include: ['./a.json', './b.json'] }, logging: { level: 'debug' } }\n");
    home.write("a.json", r#"{"irc": {"groupPolicy": "allowlist"}}"#, 0o600);
    home.write("b.json", r#"{"irc": {"groupPolicy": "open"}}"#, 0o600);
    let mut findings = usual(&home);
    findings.push(finding("log", Fix::safe("log less").set("logging.level", "info")));
    let outcome = home.fix(&findings).expect("the rest is fixed");
    assert_eq!(outcome.changes, ["logging.level=debug -> info"]);
    assert_eq!(outcome.refused.len(), 1);
    assert_eq!(outcome.refused[0].checks, ["groups"]);
}

#[test]
fn a_fix_is_all_or_none() {
    let home = Home::new(CONFIG);
    let half = Fix::safe("half").set("logging.level", "info").mode("/etc/passwd", 0o600);
    let before = home.tree();
    let outcome = home.fix(&[finding("half", half)]).expect("nothing to do");
    assert_eq!(outcome.id, None);
    assert!(outcome.refused[0].why.contains("outside"), "{:?}", outcome.refused);
    assert_eq!(home.tree(), before, "no journal is made for nothing");
}

#[test]
fn fixes_that_contradict_each_other_are_not_made() {
    let home = Home::new(CONFIG);
    let findings = [
        finding("a", Fix::safe("a").set("channels.irc.groupPolicy", "allowlist")),
        finding("b", Fix::safe("b").set("channels.irc.groupPolicy", "disabled").set("logging.level", "info")),
        finding("c", Fix::safe("c").set("gateway.bind", "loopback")),
        finding("d", Fix::safe("d").set("gateway.bind", "loopback")),
        finding("e", Fix::ask("e").remove("gateway.auth")),
    ];
    let (survey, snapshot, grounds) = (home.survey(), home.snapshot(), home.grounds());
    let plan = plan(&findings, &Choice::SafeOnly, &survey, &snapshot, &grounds);
    assert_eq!(plan.checks().into_iter().collect::<Vec<_>>(), ["c", "d"]);
    let [conflict] = plan.conflicts() else { panic!("{:?}", plan.conflicts()) };
    assert_eq!((conflict.one.0.as_str(), conflict.other.0.as_str()), ("a", "b"));
    assert_eq!(plan.changes(&Mask::of(&survey)), ["gateway.bind=unset -> loopback"]);
}

#[test]
fn keys_below_one_that_goes_contradict_it() {
    let home = Home::new(CONFIG);
    let findings = [
        finding("a", Fix::safe("a").remove("channels.irc")),
        finding("b", Fix::safe("b").set("channels.irc.groupPolicy", "allowlist")),
    ];
    let (survey, snapshot, grounds) = (home.survey(), home.snapshot(), home.grounds());
    assert!(plan(&findings, &Choice::All, &survey, &snapshot, &grounds).is_empty());
}

#[test]
fn items_go_from_the_last_on() {
    let home =
        Home::new("{ tools: { allow: [\n  'a', // one\n  'b',\n  'c',\n] }, bindings: [ {n: 1}, {n: 2}, {n: 3} ] }\n");
    let drop = |item: &str| Change::Drop { key: "tools.allow".split('.').collect(), item: item.into() };
    let fix = Fix::ask("prune").change(drop("a")).change(drop("c")).remove("bindings.0").remove("bindings.1");
    home.fix(&[finding("x", fix)]).expect("fixed");
    assert_eq!(home.survey().value, serde_json::json!({"tools": {"allow": ["b"]}, "bindings": [{"n": 3}]}));
}

#[test]
fn a_linked_config_is_written_where_it_is_and_the_link_stays() {
    let home = Home::new(CONFIG);
    let target = home.dir.path().join("dotfiles");
    std::fs::create_dir(&target).expect("made");
    std::fs::rename(&home.config, target.join("oc.json")).expect("moved");
    symlink("../dotfiles/oc.json", &home.config).expect("linked");
    let before = home.tree();
    let groups = finding("groups", Fix::safe("close").set("channels.irc.groupPolicy", "allowlist"));
    let modes = Fix::safe("close").mode(home.config.to_str().expect("UTF-8"), 0o600);
    let outcome = home.fix(&[groups, finding("files", modes)]).expect("fixed");
    assert!(std::fs::symlink_metadata(&home.config).expect("is there").is_symlink());
    assert!(std::fs::read_to_string(target.join("oc.json")).expect("readable").contains("allowlist"));
    assert_eq!(mode(&target.join("oc.json")), 0o644, "no mode is set through a link");
    assert!(outcome.actions[0].skipped.as_deref().is_some_and(|why| why.contains("link")));
    home.undo().expect("undone");
    assert_eq!(home.tree(), before);
}

#[test]
fn a_linked_state_directory_works() {
    let mut home = Home::new(CONFIG);
    let real = home.dir.path().join("disk");
    std::fs::rename(&home.state, &real).expect("moved");
    symlink(&real, &home.state).expect("linked");
    home.config = home.state.join("openclaw.json");
    let env = home.write(".env", "A=1\n", 0o644);
    let before = home.tree();
    let mut findings = usual(&home);
    findings.push(finding("env", Fix::safe("close").mode(env.to_str().expect("UTF-8"), 0o600)));
    let outcome = home.fix(&findings).expect("fixed");
    assert_eq!(outcome.refused.len(), 1, "the link itself has no mode: {:?}", outcome.refused);
    assert_eq!((mode(&env), mode(&real.join("openclaw.json"))), (0o600, 0o600));
    home.undo().expect("undone");
    assert_eq!(home.tree(), before);
}

#[test]
fn a_fix_takes_bits_away_and_gives_none() {
    let home = Home::new("{}\n");
    let read_only = home.write("a/token", "t", 0o444);
    let folder = home.state.join("a");
    chmod(&folder, 0o2555);
    let before = home.tree();
    let close = Fix::safe("close").mode(read_only.to_str().expect("UTF-8"), 0o600);
    let close = close.mode(folder.to_str().expect("UTF-8"), 0o700);
    home.fix(&[finding("files", close)]).expect("fixed");
    assert_eq!((mode(&read_only), mode(&folder)), (0o400, 0o2500));
    home.undo().expect("undone");
    assert_eq!(home.tree(), before);
}

#[test]
fn the_stricter_of_two_modes_is_set_and_what_changed_since_the_audit_is_not() {
    let home = Home::new("{}\n");
    let (one, two) = (home.write("one", "", 0o666), home.write("two", "", 0o644));
    let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    let findings = [
        finding("a", Fix::safe("a").mode(text(&one), 0o640)),
        finding("b", Fix::safe("b").mode(text(&one), 0o600).mode(text(&two), 0o600)),
    ];
    let (survey, mut snapshot, grounds) = (home.survey(), home.snapshot(), home.grounds());
    let uid = std::fs::metadata(&two).expect("is there").uid();
    snapshot.tree.entries = vec![Entry { path: text(&two), kind: Kind::File, mode: 0o666, uid, ..Entry::default() }];
    let plan = plan(&findings, &Choice::All, &survey, &snapshot, &grounds);
    assert_eq!(plan.modes().collect::<Vec<_>>(), [(text(&one).as_str(), 0o600)]);
    assert!(plan.refused()[0].why.contains("changed since"), "{:?}", plan.refused());
}

#[test]
fn the_diff_shows_the_change_and_no_secret() {
    let home = Home::new(CONFIG);
    let before = home.tree();
    let (survey, snapshot, grounds) = (home.survey(), home.snapshot(), home.grounds());
    let findings = usual(&home);
    let plan = plan(&findings, &Choice::All, &survey, &snapshot, &grounds);
    let diff = plan.diff(&Mask::of(&survey));
    assert!(diff.contains("\n-      groupPolicy: 'open', // for now\n+      groupPolicy: "), "{diff}");
    assert_eq!(diff.matches("diff --git").count(), 2, "one heading a file: {diff}");
    assert!(diff.contains("old mode 100644\nnew mode 100600\n--- a") && diff.contains("@@ -3,7 +3,7 @@"), "{diff}");
    assert!(!diff.contains("k3jd92") && diff.contains("token: \"[secret]\""), "{diff}");
    assert!(diff.contains("${IRC_PASSWORD}"), "a reference is no secret: {diff}");
    assert_eq!(home.tree(), before, "looking changes nothing");
}

#[test]
fn secrets_are_masked_however_they_are_written() {
    let texts = [
        ("{gateway: {auth: {token: \"s\\u0065cret-one\"}, port: 1}}\n", "cret-one"),
        ("{gateway: {auth: {token: \"first-one\", token: \"second-one\"}, port: 1}}\n", "first-one"),
        ("{gateway: {auth: {token: 'sec\\\nret-one'}, port: 1}}\n", "ret-one"),
    ];
    for (text, secret) in texts {
        let home = Home::new(text);
        let shown = Mask::of(&home.survey()).hide(text);
        assert!(!shown.contains(secret) && shown.contains("port: 1"), "{shown}");
    }
}

#[test]
fn a_text_without_a_last_line_end_is_shown_and_kept_so() {
    let home = Home::new("{\"logging\": {\"level\": \"debug\"}}");
    let findings = [finding("a", Fix::safe("a").set("logging.level", "info"))];
    let (survey, snapshot, grounds) = (home.survey(), home.snapshot(), home.grounds());
    let diff = plan(&findings, &Choice::All, &survey, &snapshot, &grounds).diff(&Mask::of(&survey));
    let hunk = "@@ -1 +1 @@\n-{\"logging\": {\"level\": \"debug\"}}\n\\ No newline at end of file\n\
                +{\"logging\": {\"level\": \"info\"}}\n\\ No newline at end of file\n";
    assert!(diff.ends_with(hunk), "{diff}");
    home.fix(&findings).expect("fixed");
    assert_eq!(home.text(), "{\"logging\": {\"level\": \"info\"}}");
}

#[test]
fn what_would_be_worse_is_not_written() {
    let home = Home::new(CONFIG);
    let before = home.tree();
    let findings = usual(&home);
    let (survey, snapshot, grounds) = (home.survey(), home.snapshot(), home.grounds());
    let attempt = |after: Vec<Finding>| {
        let plan = plan(&findings, &Choice::All, &survey, &snapshot, &grounds);
        apply(plan, &home.clock, &Env::default(), &move |_: &Value, _| after.clone())
    };
    let graver = Finding::new("groups", Severity::Critical, "graver").key("groups");
    let error = attempt(vec![graver]).expect_err("is worse").to_string();
    assert!(error.contains("groups (critical)"), "{error}");
    let other = Finding::new("doors", Severity::Warn, "weak").key("elsewhere");
    assert!(matches!(attempt(vec![other]), Err(FixError::Worse { .. })));
    assert_eq!(home.tree(), before);
    let fewer = vec![findings[1].clone(), Finding::new("note", Severity::Info, "a note")];
    attempt(fewer).expect("is better");
}

#[test]
fn a_finding_that_was_known_is_not_new_where_it_is_shown_now() {
    let home = Home::new(CONFIG);
    let findings: Vec<Finding> = usual(&home)
        .into_iter()
        .chain([
            Finding::new("everywhere", Severity::Warn, "weak").key("channels.telegram.x").key("channels.discord.x"),
            Finding::new("open", Severity::Warn, "weak").key("channels.discord.groupPolicy"),
        ])
        .collect();
    let (survey, snapshot, grounds) = (home.survey(), home.snapshot(), home.grounds());
    let attempt = |after: Vec<Finding>| {
        let plan = plan(&findings, &Choice::All, &survey, &snapshot, &grounds);
        apply(plan, &home.clock, &Env::default(), &move |_: &Value, _| after.clone())
    };
    let left = Finding::new("broad", Severity::Warn, "weak").key("channels.discord.guilds");
    let moved = Finding::new("everywhere", Severity::Warn, "weak").key("channels.discord.x");
    let graver = Finding { severity: Severity::Critical, ..left.clone() };
    assert!(matches!(attempt(vec![moved.clone(), graver]), Err(FixError::Worse { .. })));
    attempt(vec![moved, left]).expect("is better");
}

#[test]
fn yaml_is_edited_in_place() {
    let mut home = Home::new("");
    std::fs::remove_file(&home.config).expect("removed");
    let text = "# rooms\nchannels:\n  irc:\n    groupPolicy: open # now\n";
    home.config = home.write("openclaw.yaml", text, 0o644);
    let before = home.tree();
    let outcome = home.fix(&usual(&home)).expect("fixed");
    assert_eq!((mode(&home.state), mode(&home.config)), (0o700, 0o600));
    assert!(outcome.refused.is_empty(), "{:?}", outcome.refused);
    assert_eq!(home.text(), text.replace("open", "allowlist"));
    home.undo().expect("undone");
    assert_eq!(home.tree(), before);
}

#[test]
fn the_gateways_own_folder_is_left_and_only_what_was_asked_for_is_done() {
    let home = Home::new(CONFIG);
    let own = home.state.join("stockade");
    std::fs::create_dir(&own).expect("made");
    chmod(&own, 0o700);
    let before = home.tree();
    let (survey, snapshot, grounds) = (home.survey(), home.snapshot(), home.grounds());
    let mut findings = usual(&home);
    findings.push(finding("ask", Fix::ask("drop it").remove("channels.irc.nickserv")));
    let only = |ids: &[&str]| Choice::Ids(ids.iter().map(|id| (*id).to_owned()).collect());
    let plan = plan(&findings, &only(&["ask"]), &survey, &snapshot, &grounds);
    assert_eq!(plan.modes().count(), 0);
    apply(plan, &home.clock, &Env::default(), &|_, _| Vec::new()).expect("fixed");
    assert!(!home.text().contains("nickserv") && home.text().contains("'open'"));
    home.undo().expect("undone");
    assert_eq!(home.tree(), before);
}

#[test]
fn a_log_elsewhere_belongs_to_the_install_when_it_was_audited() {
    let home = Home::new("{}\n");
    let logs = tempfile::tempdir().expect("temp dir");
    let log = logs.path().join("openclaw.log");
    std::fs::write(&log, "").expect("written");
    chmod(&log, 0o644);
    let path = log.to_str().expect("UTF-8").to_owned();
    let close = [finding("log", Fix::safe("close").mode(path.clone(), 0o600))];
    let (survey, mut snapshot) = (home.survey(), home.snapshot());
    let unknown = Grounds::of(&snapshot);
    assert!(plan(&close, &Choice::All, &survey, &snapshot, &unknown).is_empty());
    let uid = std::fs::metadata(&log).expect("is there").uid();
    snapshot.tree.entries = vec![Entry { path, mode: 0o644, uid, ..Entry::default() }];
    let grounds = Grounds::of(&snapshot);
    let plan = plan(&close, &Choice::All, &survey, &snapshot, &grounds);
    apply(plan, &home.clock, &Env::default(), &|_, _| Vec::new()).expect("fixed");
    assert_eq!(mode(&log), 0o600);
    assert!(matches!(undo(&unknown, None, false), Err(FixError::Record { .. })));
    undo(&unknown.with(logs.path()), None, false).expect("undone");
    assert_eq!(mode(&log), 0o644);
}
