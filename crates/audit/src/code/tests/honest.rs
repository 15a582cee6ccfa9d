use std::io::Write as _;

use super::*;

#[test]
fn what_honest_code_does_is_no_alarm() {
    let corpus = snippets(include_str!("honest.txt"));
    assert!(corpus.len() >= 40);
    let wrong: Vec<String> = corpus
        .iter()
        .filter(|(name, text)| worst(text, language(name)) > Some(Severity::Info))
        .map(|(name, text)| format!("{name}: {:?}", scan("f", text.as_bytes(), language(name))))
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), corpus.len(), wrong.join("\n"));
}

/// Real plugins: those that OpenClaw brings. None of them is an exfiltration.
#[test]
fn real_plugins_are_no_alarm() {
    let installed = std::env::var_os("STOCKADE_TEST_NPM").map(std::path::PathBuf::from);
    let installed =
        installed.unwrap_or_else(|| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/interop/npm"));
    let extensions = installed.join("node_modules/openclaw/dist/extensions");
    if !extensions.is_dir() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "OpenClaw must be installed in CI");
        let _ = writeln!(std::io::stderr(), "skipped: OpenClaw is not installed (`cargo xtask test` does)");
        return;
    }
    let (mut files, mut alarms, mut folders) = (0, Vec::new(), vec![extensions]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if entry.file_type().expect("known").is_dir() {
                folders.push(path);
                continue;
            }
            let Some(language) = Language::of(&path.display().to_string()) else { continue };
            let Ok(bytes) = std::fs::read(&path) else { continue };
            // The larger ones are bundles of what stands beside them, and slow without optimisation.
            if bytes.len() > 64 * 1024 {
                continue;
            }
            files += 1;
            let found = scan(&path.display().to_string(), &bytes, language);
            alarms.extend(found.into_iter().filter(|found| found.severity == Severity::Critical));
        }
    }
    assert!(files > 200, "only {files} files were looked at");
    assert!(alarms.is_empty(), "{alarms:#?}");
}
