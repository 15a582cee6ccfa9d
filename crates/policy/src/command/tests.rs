//! What is understood is understood as the shell does; everything else is opaque.

use proptest::prelude::*;

use super::*;

fn words(command: &str) -> Vec<Vec<String>> {
    let analysis = analyze(command);
    assert_eq!(analysis.opaque, None, "{command:?}");
    let text = |simple: Simple| simple.words.into_iter().map(|word| word.text).collect();
    analysis.commands.into_iter().map(text).collect()
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
    let sort = &analysis.commands[0];
    assert_eq!((sort.reads[0].text.as_str(), sort.writes[0].text.as_str()), ("in", "out"));
}

#[test]
fn everything_else_is_opaque() {
    for command in [
        "",
        " ",
        ";",
        "a ;; b",
        "a &",
        "a & b",
        "a && ",
        "| a",
        "a |",
        "$(id)",
        "a $(id)",
        "a `id`",
        "a \"`id`\"",
        "a \"$(id)\"",
        "a $X",
        "a ${X}",
        "X=1",
        "X=1; a",
        "X+=1 a",
        "X[0]=1 a",
        "\"X\"=1 a",
        "(a)",
        "{ a; }",
        "if a; then b",
        "if a; b; fi",
        "if; then b; fi",
        "if a; then; fi",
        "if a; then b; else fi",
        "if a; then b; fi c",
        "if a; then b; fi > f",
        "if a; then b; fi fi",
        "if a; then cd b; fi",
        "if a; then cat <<'E'\nE\nfi",
        "then a",
        "fi",
        "done",
        "a; do b",
        "'if' a; then b; fi",
        "X=1 if a; then b; fi",
        "time if a; then b; fi",
        "for x in a; do b; done > f",
        "for x in a; do b > \"$x\"; done",
        "for x in a; do $x; done",
        "for x in a; do \"$x\"b; done",
        "for x in a; do nice $x; done",
        "for x in a; do b; done; c $x",
        "for x in; do b; done",
        "for x; do b; done",
        "for x in $(a); do b; done",
        "for x in 'a b'; do c $x; done",
        "for x in '*'; do c $x; done",
        "for x in *.c; do c $x; done",
        "for x in ''; do c $x; done",
        "for x in a; do for x in b; do c $x; done; done",
        "for PATH in a; do b; done",
        "for IFS in a; do b; done",
        "for HOME in a; do b; done",
        "for my_x in a; do b; done",
        "for 'x' in a; do b; done",
        "for x in a b do c; done",
        "for x in a;; do c; done",
        "for x in a; do c ${x%a}; done",
        "for x in PATH=/; do $x b; done",
        "while a; do b; done",
        "until a; do b; done",
        "case a in a) b;; esac",
        "select x in a; do b; done",
        "coproc a",
        "((1))",
        "for ((;;)); do a; done",
        "for x in a { b; }",
        "a <<EOF\nb",
        "a <<EOF\n$(b)\nEOF",
        "a <<E\"O\"F\nEOF",
        "a <(b)",
        "a >(b)",
        "a >| b",
        "a <> b",
        "a <&3",
        "a 3>&1",
        "a 7>b",
        "eval a",
        ". ./a",
        "source a",
        "exec a",
        "alias ls=rm",
        "a 'b",
        "a \"b",
        "a \\",
        "~/x",
        "l?",
        "/bin/l[s]",
        "a\\\nb",
        "a |\\\n| b",
        "a && \\\n& b",
        "> f",
        "function f",
        "[[ a ]]",
        "a\u{1b}b",
        "cd",
        "cd -",
        "cd $X",
        "cd -P a",
        "export A=b",
        "a\rb",
        "a 0>&1",
        "a {b,c}",
        "a {1..3}",
        "a $'b'",
        "a $\"b\"",
        "a $0",
        "a $@",
        "a $USER",
        "a \"-$USER\"",
        "a \"$USER\"-o",
        "a \"$PATH\"",
        "a ~root",
        "read X",
        "printf -v X a",
        "printf '%n' PATH",
        "set -k",
        "set -x a",
        "set -- a",
        "test -v 'a[$(id)]'",
        "trap 'id' DEBUG",
        "builtin eval id",
        "command cd /",
        "env cd /",
        "hash -p /tmp/x ls",
        "compgen -C id",
        "! ! {",
        "a < $(b)",
        "a &> b",
        "a ;\n; b",
        "a x=~",
        "a x=b:~/c",
        "a x=\"\"~",
        "env env env env env ls",
        "sh -c 'sh -c \"sh -c ls; $(id)\"'",
    ] {
        assert!(analyze(command).opaque.is_some(), "{command:?} passed as {:?}", analyze(command).commands);
    }
}

#[test]
fn what_both_shells_read_alike_is_understood() {
    assert_eq!(words("cat <<'EOF' | wc -l\n$(id)\nEOF\nls"), [vec!["cat"], vec!["wc", "-l"], vec!["ls"]]);
    assert_eq!(words("cat <<-EOF\n\tplain\n\tEOF"), [["cat"]]);
    assert_eq!(words("a # b; c\nd"), [["a"], ["d"]]);
    assert_eq!(words("a \\\n  b"), [["a", "b"]]);
    assert_eq!(words("! grep -q 'x$' \"y$\""), [["grep", "-q", "x$", "y$"]]);
    assert_eq!(words("git show HEAD@{1} stash@{0}"), [["git", "show", "HEAD@{1}", "stash@{0}"]]);
    assert_eq!(words("\n\na\n\nb\n"), [["a"], ["b"]]);
    assert_eq!(words("a >&2 2>&1 1>&2"), [["a"]]);
    assert_eq!(words("set -euo pipefail; a"), [vec!["set", "-euo", "pipefail"], vec!["a"]]);
}

#[test]
fn every_branch_and_every_turn_is_analysed() {
    assert_eq!(
        words("if a x; then b; elif ! c; then d; else e | f; fi && g"),
        [vec!["a", "x"], vec!["b"], vec!["c"], vec!["d"], vec!["e"], vec!["f"], vec!["g"]]
    );
    assert_eq!(
        words("for x in a 'b c'\ndo\n ls \"$x\" \"${x}y\" '$x'\ndone | wc"),
        [vec!["ls", "a", "ay", "$x"], vec!["ls", "b c", "b cy", "$x"], vec!["wc"]]
    );
    assert_eq!(words("for x in -exec; do find . $x id; done"), [["find", ".", "-exec", "id"]]);
    assert_eq!(words("for x in 'id -u'; do sh -c \"$x\"; done")[1], ["id", "-u"]);
    let nested = words("for x in a b; do for y in 1 2; do e $x$y; done; done");
    assert_eq!(nested, [["e", "a1"], ["e", "a2"], ["e", "b1"], ["e", "b2"]]);
    assert!(analyze("for x in *.c; do wc -l \"$x\"; done").commands[0].words[2].glob);
    let deep = "for a in 1 2 3 4 5 6 7 8; do for b in 1 2 3 4 5 6 7 8; do for c in 1 2; do e; done; done; done";
    assert!(analyze(deep).opaque.is_some());
}

#[test]
fn wrappers_are_seen_through_and_stay_in_the_list() {
    let found = analyze("env -i TZ=UTC nice -n5 timeout -k 1 5 ls -l");
    assert_eq!(found.opaque, None);
    assert_eq!(found.programs().collect::<Vec<_>>(), ["env", "nice", "timeout", "ls"]);
    assert_eq!(found.commands.last().map(|inner| inner.words.len()), Some(2));
    assert_eq!(found.commands[1].variables[0].0, "TZ");
    assert_eq!(analyze("sh -c 'ls | wc'").programs().collect::<Vec<_>>(), ["sh", "ls", "wc"]);
    for whole in
        ["env -S 'ls'", "time -o x ls", "setsid -f ls", "sh -xc ls", "sh -c ls a b", "nice", "xargs", "env -u PATH ls"]
    {
        assert_eq!(analyze(whole).commands.len(), 1, "{whole}");
    }
    assert!(analyze("xargs cat").commands[1].appended);
}

#[test]
fn hostile_sizes_are_bounded() {
    assert!(analyze(&"(".repeat(MAX_COMMAND + 1)).opaque.is_some());
    assert!(analyze(&"\"$(".repeat(20_000)).opaque.is_some());
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
    let padded = format!("cd d && $(x) {padded}");
    assert_eq!(analyze(&padded).operands(&padded), None);
}

#[test]
fn operands_are_looked_for_where_the_command_goes() {
    let bound = |command: &str| analyze(command).operands(command).expect("few");
    for (command, file) in [
        ("cd sub && sh run.sh", "sub/run.sh"),
        ("cd sub && sh run.sh", "run.sh"),
        ("cd a; cd b; sh run.sh", "a/b/run.sh"),
        ("cd a && cd ./b; python3 run.py", "a/./b/run.py"),
        ("make -C sub $(x) Makefile", "sub/Makefile"),
        ("cd sub && $(x) run.sh", "sub/run.sh"),
    ] {
        assert!(bound(command).contains(&file.to_owned()), "{command}: {:?}", bound(command));
    }
    let patterns = |command: &str| analyze(command).patterns(command);
    assert_eq!(patterns("sh z*.sh"), ["."]);
    assert_eq!(patterns("sh sub/z?.sh /workspace/*"), ["/workspace/", "sub/"]);
    assert!(patterns("ls -l").is_empty());
}

#[test]
fn more_commands_or_words_than_anyone_reads_are_not_analysed() {
    assert!(analyze(&"a;".repeat(60)).opaque.is_none());
    assert!(analyze(&"a;".repeat(70)).opaque.is_some());
    assert!(analyze(&"a ".repeat(2_000)).opaque.is_some());
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
