use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

const ALL: &[Language] = &[Language::JavaScript, Language::Shell, Language::Python, Language::Prose, Language::Native];

proptest! {
    #[test]
    fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        for language in ALL {
            prop_assert!(stands_within(&scan("f", &bytes, *language), &bytes));
        }
    }

    #[test]
    fn no_order_of_words_breaks_it(words in proptest::collection::vec(proptest::sample::select(WORDS), 0..200)) {
        for language in ALL {
            for text in [words.join(" "), words.concat()] {
                prop_assert!(stands_within(&scan("f", text.as_bytes(), *language), text.as_bytes()));
            }
        }
    }
}

/// Whether everything that is said is said of a line that the file has, and bounded.
fn stands_within(found: &[Evidence], bytes: &[u8]) -> bool {
    let lines = bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r' | 0xe2)).count() + 1;
    let has = |line: u32| line >= 1 && usize::try_from(line).is_ok_and(|line| line <= lines);
    found.len() <= bytes.len() + 1
        && found.iter().all(|found| has(found.line) && found.flow.iter().all(|step| has(step.line)))
}

const WORDS: &[&str] = &[
    "(", ")", "[", "]", "{", "}", "`", "${", "=>", "=", "...", ",", ";", ":", "?", "?.", ".", "+", "!", "<", ">", "/",
    "'", "\"", "\\", "\n", "const", "let", "function", "class", "import", "from", "async", "await", "new", "return",
    "for", "of", "in", "process", "env", "fetch", "require", "eval", "a", "b", "'child_process'", "exec", "then",
    "map", "1", "this", "constructor", "bind", "apply", "call", "join", "split", "reverse", "#", "<!--", "-->", "curl",
    "| sh", "as", "type",
];

#[test]
fn hostile_files_take_no_longer_than_others() {
    for piece in [
        "[", "(", "{", "`", "`${", "a=", "a=>", "x.", "a?b:", "(a,", "!", "f(", "\\", "/", "'", "\"", "<", "function ",
        "class ", "import ", "async ", "new ", "const ", "for(", "...", "/*", "a+", "[...", "{a:", "${", "}", ")",
        "a<b,", "x=x+x;", "o={...o,a:o};", "p.push(p);", "f=()=>{f(f)};", "a[a]", "const {a}=a;", "import{a} from ",
        "():", "case ", "if(", "async ",
    ] {
        let text = piece.repeat(300_000 / piece.len());
        let start = Instant::now();
        let _ = scan("f", text.as_bytes(), Language::JavaScript);
        assert!(start.elapsed() < Duration::from_secs(20), "{piece}: {:?}", start.elapsed());
    }
}

#[test]
fn what_is_nested_too_deep_is_said() {
    let text = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    assert_eq!(worst(&text, Language::JavaScript), Some(Severity::Warn));
}

#[test]
fn prose_and_scripts_are_read_in_one_go() {
    for piece in [
        "curl ", "| sh ", "rm -rf ", "<!-- ", "$(", "ignore ", "a=a;", "open(", "requests.post(x", "\u{200b}", "env | ",
    ] {
        let text = piece.repeat(100_000 / piece.len());
        for language in [Language::Shell, Language::Python, Language::Prose] {
            let start = Instant::now();
            let _ = scan("f", text.as_bytes(), language);
            assert!(start.elapsed() < Duration::from_secs(20), "{piece} {language:?}: {:?}", start.elapsed());
        }
    }
}
