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

/// Real code of others, when a folder of it is named: how many of its files are alarms.
#[test]
#[ignore = "needs a folder of code, in STOCKADE_CODE"]
fn alarms_in_a_folder() {
    let Some(folder) = std::env::var_os("STOCKADE_CODE") else { return };
    let (mut files, mut alarms, mut folders) = (0, Vec::new(), vec![std::path::PathBuf::from(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if entry.file_type().expect("known").is_dir() {
                folders.push(path);
                continue;
            }
            let Some(language) = Language::of(&path.display().to_string()) else { continue };
            let Ok(bytes) = std::fs::read(&path) else { continue };
            if bytes.len() > 1024 * 1024 {
                continue;
            }
            files += 1;
            for found in scan(&path.display().to_string(), &bytes, language) {
                if found.severity > Severity::Info {
                    alarms.push(format!(
                        "{:?} {} {}:{} {} {:?}",
                        found.severity, found.rule, found.file, found.line, found.what, found.flow
                    ));
                }
            }
        }
    }
    panic!("{} alarms in {files} files:\n{}", alarms.len(), alarms.join("\n"));
}
