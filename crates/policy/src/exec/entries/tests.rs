//! Entries for certain arguments: what they cover, and what gets past a joined text.

use proptest::prelude::*;
use stockade_config::model::{ExecAsk, ExecSecurity};

use super::*;
use crate::exec::ExecPolicy;
use crate::exec::tests::call;

fn policy(argument_entries: Vec<ArgumentEntry>) -> ExecPolicy {
    ExecPolicy { security: ExecSecurity::Allowlist, ask: ExecAsk::OnMiss, argument_entries, ..ExecPolicy::default() }
}

fn verdict(arguments: &str, command: &str) -> &'static str {
    policy(vec![ArgumentEntry::new("ls", arguments)]).judge(&call(command)).verdict()
}

#[test]
fn an_entry_covers_the_whole_of_the_arguments_and_nothing_else() {
    for command in ["ls -l src", "/usr/bin/ls -l src", "ls '-l' \"src\" 2>/dev/null", "ls -l src && ls -l src"] {
        assert_eq!(verdict("^-l src$", command), "allow", "{command}");
        assert_eq!(verdict("-l [a-z]+", command), "allow", "{command}");
    }
    for command in [
        "ls", "ls -l", "ls -l src more", "ls -la src", "x ls -l src", "cat -l src", "ls -l src; ls", "ls -l $HOME",
        "ls -l s*", "ls -l {src,etc}", "ls -l ~", "echo src | xargs ls -l", "cd /etc && ls -l src",
        "cd src; ls -l src", "/workspace/ls -l src", "ls -l src > out",
    ] {
        assert_eq!(
            verdict("^-l .*$", command).min("ask"),
            if command == "ls -l src more" { "allow" } else { "ask" },
            "{command}"
        );
        assert_eq!(verdict("^-l src$", command), "ask", "{command}");
    }
    assert_eq!(verdict("", "ls"), "allow");
    assert_eq!(verdict("", "ls -l"), "ask");
}

#[test]
fn one_argument_does_not_pass_for_two() {
    for command in [
        "ls '-l src'", "ls -l 'src '", "ls -l src ''", "ls -l\\ src", "ls -l 'src\nx'", "ls -l 'sr\u{e7}'",
        "ls -l 'a\tb'",
    ] {
        assert_eq!(verdict("^-l.*(.|\\s)*$", command), "ask", "{command}");
    }
}

#[test]
fn a_pattern_that_is_not_read_alike_everywhere_never_matches() {
    for pattern in [
        "(", "[", "a{2", "*", "(?i)-L src", "(?=x)", "(?P<n>x)", "(?<n>x)", "\\A-l src", "\\x2d", "\\p{L}",
        "[[:alpha:]]+", "[a&&b]", "[a--b]", "[]a]", "[^]]", "[\\b]", "\\<x", "\\1", "é", "a\nb", "a\0b",
        "x{1000}{1000}", "sha256:argv:00",
    ] {
        let entry = ArgumentEntry::new("ls", pattern);
        let read = entry.defect().is_none();
        assert!(!read || pattern == "sha256:argv:00", "{pattern}");
        assert_eq!(verdict(pattern, "ls -l src"), "ask", "{pattern}");
    }
    assert!(ArgumentEntry::new("ls", &"a".repeat(MAX_PATTERN + 1)).defect().is_some());
    assert!(ArgumentEntry::new("ls", "^(?:sync|list)\\b[-\\w. ]*$").defect().is_none());
}

#[test]
fn the_programs_own_rules_hold_beneath() {
    for (program, command) in [("python3", "python3 safe.py"), ("sort", "sort -o out in"), ("git", "git -c x=y status")]
    {
        let policy = policy(vec![ArgumentEntry::new(program, ".*")]);
        assert_ne!(policy.judge(&call(command)).verdict(), "allow", "{command}");
    }
}

#[test]
fn what_an_approval_left_behind_holds_for_what_was_approved() {
    // `ls -l src` in `/workspace`, as OpenClaw 2026.9.6 writes it.
    let hash = "sha256:cwd-argv:v1:c45436299331687e20b8adb95633aa4622ea76dc01b93dd84eeb7057e7512039";
    assert_eq!(verdict(hash, "ls -l src"), "allow");
    for command in ["ls -l 'src '", "ls -l", "ls -l src src", "ls '-l src'", "cd sub && ls -l src"] {
        assert_eq!(verdict(hash, command), "ask", "{command}");
    }
    let mut elsewhere = call("ls -l src");
    elsewhere.cwd = "/workspace/sub".into();
    assert_eq!(policy(vec![ArgumentEntry::new("ls", hash)]).judge(&elsewhere).verdict(), "ask");

    let entry = |arguments: Option<&str>, source: Option<&str>| AllowlistEntry {
        pattern: "ls".into(),
        arg_pattern: arguments.map(str::to_owned),
        source: source.map(str::to_owned),
    };
    let approved = Some("allow-always");
    let list = [entry(None, approved), entry(Some("-l"), approved), entry(Some(hash), approved), entry(None, None)];
    let (programs, bound) = entries(&list);
    assert_eq!((programs.len(), bound.len()), (1, 1));
}

proptest! {
    #[test]
    fn no_pattern_and_no_words_bring_the_judge_down(pattern in any::<String>(), command in "ls [ -~]{0,40}") {
        let with = verdict(&pattern, &command);
        let all = ExecPolicy { allowlist: vec!["ls".into()], ..policy(Vec::new()) };
        prop_assert!(with != "allow" || all.judge(&call(&command)).verdict() == "allow", "an entry with a pattern allows more than one without");
    }
}
