//! What is understood is understood as the shell does; everything else is opaque.

use proptest::prelude::*;

use super::*;

fn words(command: &str) -> Vec<Vec<String>> {
    let analysis = analyze(command);
    assert_eq!(analysis.opaque, None, "{command:?}");
    analysis.commands.into_iter().map(|simple| simple.words).collect()
}

#[test]
fn plain_commands_are_understood() {
    assert_eq!(words("git status"), [["git", "status"]]);
    assert_eq!(words("a 'b c' \"d e\" f\\ g;"), [["a", "b c", "d e", "f g"]]);
    assert_eq!(words("a && b || c | d\ne"), [["a"], ["b"], ["c"], ["d"], ["e"]]);
    assert_eq!(words("ls 2>/dev/null"), [["ls"]]);
    assert_eq!(words("ls 2>&1 | head"), [["ls"], ["head"]]);
    assert_eq!(words("echo 'a $x `b`'"), [["echo", "a $x `b`"]]);
    let analysis = analyze("sort < in > out");
    assert_eq!((analysis.commands[0].reads[0].as_str(), analysis.commands[0].writes[0].as_str()), ("in", "out"));
}

#[test]
fn everything_else_is_opaque() {
    for command in [
        "", " ", ";", "a ;; b", "a &", "a & b", "a && ", "| a", "a |", "$(id)", "a $(id)", "a `id`", "a \"`id`\"",
        "a \"$(id)\"", "a $X", "a ${X}", "X=1 a", "LD_PRELOAD=x ls", "(a)", "{ a; }", "! a", "if a; then b; fi",
        "for x in a; do b; done", "a <<EOF\nb\nEOF", "a <(b)", "a >(b)", "a >| b", "a <> b", "a <&3", "a 3>&1",
        "a 7>b", "eval a", ". ./a", "source a", "exec a", "command a", "alias ls=rm", "a 'b", "a \"b", "a \\", "a # b",
        "~/x", "l?", "/bin/l[s]", "a \\\nb", "a |& b", "> f", "function f", "[[ a ]]", "a\u{1b}b", "cd /tmp",
        "export A=b", "a\rb", "a 0>&1", "a *.sh", "a x?", "a [x]y", "a ~/x",
    ] {
        assert!(analyze(command).opaque.is_some(), "{command:?} passed as {:?}", analyze(command).commands);
    }
}

#[test]
fn hostile_sizes_are_bounded() {
    assert!(analyze(&"(".repeat(MAX_COMMAND + 1)).opaque.is_some());
    assert!(analyze(&"\"$(".repeat(20_000)).opaque.is_some());
    assert!(analyze(&"a;".repeat(60)).opaque.is_none());
    assert!(analyze(&"a;".repeat(70)).opaque.is_some());
    assert!(analyze(&"a ".repeat(2_000)).opaque.is_some());
}

#[test]
fn operands_of_an_opaque_command_are_all_its_pieces() {
    let command = "X=./a.sh; bash $X `cat b.sh`";
    let operands = analyze(command).operands(command).expect("few");
    assert!(["./a.sh", "b.sh", "bash"].iter().all(|piece| operands.iter().any(|word| word == piece)), "{operands:?}");
    let command = "python3 --config=c.py run.py";
    let operands = analyze(command).operands(command).expect("few");
    assert!(["c.py", "run.py"].iter().all(|piece| operands.iter().any(|word| word == piece)), "{operands:?}");
}

#[test]
fn what_cannot_all_be_bound_is_not_bound_in_part() {
    let padded = format!("sh zz.sh {}", (0..300).map(|n| n.to_string()).collect::<Vec<_>>().join(" "));
    assert_eq!(analyze(&padded).operands(&padded), None);
    let padded = format!("cd d && {padded}");
    assert_eq!(analyze(&padded).operands(&padded), None);
}

#[test]
fn operands_are_looked_for_where_the_command_goes() {
    let bound = |command: &str| analyze(command).operands(command).expect("few");
    assert!(bound("cd sub && sh run.sh").contains(&"sub/run.sh".to_owned()));
    assert!(bound("cd a; cd b; sh run.sh").contains(&"a/b/run.sh".to_owned()));
    assert!(bound("make -C sub $(x) Makefile").contains(&"sub/Makefile".to_owned()));
    let patterns = |command: &str| analyze(command).patterns(command);
    assert_eq!(patterns("sh z*.sh"), ["."]);
    assert_eq!(patterns("sh sub/z?.sh /workspace/*"), ["/workspace/", "sub/"]);
    assert!(patterns("ls -l").is_empty());
}

proptest! {
    #[test]
    fn any_text_has_an_answer(command in "\\PC{0,200}") {
        let analysis = analyze(&command);
        prop_assert!(analysis.opaque.is_some() || analysis.commands.iter().all(|simple| !simple.words.is_empty()));
    }

    #[test]
    fn quoting_any_word_gives_that_word(word in "[^'\0]{1,40}") {
        let command = format!("a '{word}'");
        prop_assert_eq!(words(&command), vec![vec!["a".to_owned(), word]]);
    }
}
