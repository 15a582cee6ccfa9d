//! What every form of a report keeps to.

use serde_json::json;

use super::*;
use crate::finding::Finding;
use crate::testing::snapshot;

fn hostile() -> Report {
    let mut report = Report::of(&snapshot(json!({})), None);
    let finding = Finding::new("x.y", Severity::Warn, "a \u{1b}[2J<b>title</b>")
        .detail("line \u{1b}]0;x\u{7}\nCRITICAL forged \u{202e}\n<script>")
        .remedy("do <i>this</i>\u{1b}[31m");
    let located = Located { finding, spots: vec![], fingerprint: "0".repeat(16) };
    report.findings = vec![located];
    report
}

#[test]
fn a_terminal_gets_no_control_characters_and_no_heading_of_another() {
    let text = terminal(&hostile(), &Sources::default(), Paint::plain());
    assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text}");
    assert!(!text.lines().any(|line| line.starts_with("CRITICAL")), "{text}");
}

#[test]
fn html_gets_no_markup_of_others() {
    let page = html(&hostile(), &Sources::default(), None);
    assert!(!page.contains("<script") && !page.contains("<i>") && !page.contains("<b>title"), "{page}");
    assert!(page.contains("&lt;script&gt;"));
}

#[test]
fn sarif_gets_no_hidden_characters() {
    let text = sarif(&hostile()).to_string();
    assert!(!text.contains(['\u{202e}', '\u{1b}']) && !text.contains("\\u001b"), "{text}");
}

#[test]
fn lines_of_a_config_are_shown_without_their_secrets_and_columns_stay_true() {
    let mut sources = Sources::default();
    let text = "{\n\tkey: \"s3cret\u{e9}\", b: 1 }\n";
    let at = text.find("s3cret").expect("there");
    sources.add("/c.json", text, std::slice::from_ref(&(at..at + "s3cret\u{e9}".len())));
    assert_eq!(sources.line("/c.json", 2), Some(" key: \"*******\", b: 1 }"));
    assert_eq!(
        (sources.line("/c.json", 0), sources.line("/c.json", 9), sources.line("/d.json", 1)),
        (None, None, None)
    );
}
