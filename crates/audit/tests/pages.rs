//! The pages of `docs/checks` are the tests of the checks: what a page shows as found is found, exactly; what it shows
//! as mended is what the fix writes; a fix that is made twice changes nothing more, and undo restores every byte and mode.

#![allow(clippy::disallowed_methods, reason = "files of tests are their own")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use stockade_audit::checks;
use stockade_audit::fix::Choice;
use support::Home;
use support::page::{Page, Scene};

#[test]
fn every_check_has_a_page_and_every_page_a_check() {
    let ids: BTreeSet<String> = checks::all().flat_map(|check| check.ids).map(|id| file_name(id)).collect();
    let pages: BTreeSet<String> = pages().keys().cloned().collect();
    let missing: Vec<_> = ids.difference(&pages).collect();
    let stray: Vec<_> = pages.difference(&ids).collect();
    assert!(missing.is_empty() && stray.is_empty(), "without a page: {missing:#?}\nwithout a check: {stray:#?}");
}

#[test]
fn what_the_pages_say_is_so() {
    let only = std::env::var("PAGE").unwrap_or_default();
    let mut wrong = Vec::new();
    for (name, path) in pages() {
        if !name.contains(&only) {
            continue;
        }
        let page = Page::parse(&fs::read_to_string(&path).expect("readable"));
        if file_name(&page.id) != name {
            wrong.push(format!("{name}: its first line names {}", page.id));
        }
        let always = is_background(&format!("info {}", page.id));
        let shows_both =
            page.scenes.iter().any(|scene| scene.findings.is_some()) && (always || page.scenes.iter().any(is_good));
        if !shows_both {
            wrong.push(format!("{name}: needs a scene with `findings` and one without"));
        }
        for scene in &page.scenes {
            wrong.extend(judge(&page, scene).into_iter().map(|why| format!("{name} / {}: {why}", scene.heading)));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn is_good(scene: &Scene) -> bool {
    scene.findings.is_none()
}

fn judge(page: &Page, scene: &Scene) -> Vec<String> {
    let home = scene.home();
    let said = home.said();
    let mut wrong = Vec::new();
    let found = |said: &[String]| said.iter().any(|line| line.split(' ').nth(1).is_some_and(|id| is_of(id, &page.id)));
    match &scene.findings {
        Some(expected) => {
            let weak: Vec<String> = said.iter().filter(|line| !is_background(line)).cloned().collect();
            if weak != *expected {
                wrong.push(format!("expected {expected:#?}, found {weak:#?}"));
            }
            if !found(&said) {
                wrong.push("the check of this page says nothing".to_owned());
            }
        }
        None if found(&said) => wrong.push(format!("is not silent: {said:#?}")),
        None => {}
    }
    if !scene.fixed.is_empty() || !scene.fixed_modes.is_empty() {
        wrong.extend(judge_fix(page, scene, &home));
    }
    wrong
}

/// What every install gets.
fn is_background(line: &str) -> bool {
    line == "info summary.attack_surface"
}

/// The fix of this page's check alone: what it writes, that it ends the finding, that a second one changes nothing, and
/// that undo restores every byte and mode.
fn judge_fix(page: &Page, scene: &Scene, home: &Home) -> Vec<String> {
    let mut wrong = Vec::new();
    let before = home.tree();
    let of_page = |home: &Home| -> BTreeSet<String> {
        let ids = home.said().into_iter().filter_map(|line| line.split(' ').nth(1).map(str::to_owned));
        ids.filter(|id| is_of(id, &page.id)).collect()
    };
    let choice = Choice::Ids(of_page(home));
    match home.fix(&choice) {
        Ok(outcome) if outcome.id.is_some() => {}
        Ok(outcome) => wrong.push(format!("the fix does nothing: {outcome:?}")),
        Err(error) => wrong.push(format!("the fix is refused: {error}")),
    }
    for (path, expected) in &scene.fixed {
        let expected = expected.replace("@HOME@", &home.path().display().to_string());
        let text = fs::read_to_string(home.path().join(path)).unwrap_or_default();
        if text != expected {
            wrong.push(format!("the fix gives {path}:\n{text}"));
        }
    }
    for line in scene.fixed_modes.lines() {
        let (mode, path) = line.split_once(' ').expect("a mode");
        let path = home.path().join(path.trim_start_matches(['f', 'd', ' ']));
        let found = fs::symlink_metadata(&path).expect("is there").permissions().mode() & 0o7777;
        if u32::from_str_radix(mode, 8) != Ok(found) {
            wrong.push(format!("the fix gives {} mode {found:04o}", path.display()));
        }
    }
    let left = of_page(home);
    if !left.is_empty() && !scene.heading.contains("in part") {
        wrong.push(format!("is still found after the fix: {left:?}"));
    }
    let after = home.tree();
    match home.fix(&choice) {
        Ok(outcome) if outcome.id.is_none() => {}
        Ok(outcome) => wrong.push(format!("a second fix changes more: {:?} {:?}", outcome.changes, outcome.actions)),
        Err(error) => wrong.push(format!("a second fix is refused: {error}")),
    }
    if after != home.tree() {
        wrong.push("a second fix changes the tree".to_owned());
    }
    if after != before {
        home.undo();
    }
    if before != home.tree() {
        wrong.push("undo does not restore the tree".to_owned());
    }
    wrong
}

/// Whether an id is one of those that a page is about; the parts in `<…>` vary.
fn is_of(id: &str, page: &str) -> bool {
    let (mut id, mut page) = (id.split('.').peekable(), page.split('.').peekable());
    while let Some(part) = page.next() {
        if part.starts_with('<') {
            // A varying part may hold dots itself: up to what follows it.
            let next = page.peek().copied();
            id.next();
            while id.peek().is_some() && next.is_some_and(|next| !next.starts_with('<') && id.peek() != Some(&next)) {
                id.next();
            }
        } else if id.next() != Some(part) {
            return false;
        }
    }
    id.next().is_none()
}

/// `channels.<channel>.dm.open` has the page `channels.dm.open`.
fn file_name(id: &str) -> String {
    id.split('.').filter(|part| !part.starts_with('<')).collect::<Vec<_>>().join(".")
}

fn pages() -> BTreeMap<String, PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/checks");
    let files = fs::read_dir(folder).expect("docs/checks").map(|entry| entry.expect("readable").path());
    let pages = files.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let named = pages.map(|path| (path.file_stem().expect("named").to_str().expect("UTF-8").to_owned(), path));
    named.filter(|(name, _)| name != "README").collect()
}
