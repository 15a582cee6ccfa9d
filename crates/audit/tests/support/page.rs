//! The pages of `docs/checks` as scenes: what stands in a home, what the audit says of it, what the fix makes of it.

use std::collections::BTreeMap;

use serde_json::Value;
use stockade_audit::gather::Depth;
use stockade_audit::snapshot::Live;

use super::Home;

/// One page.
pub struct Page {
    /// The id that its first line names.
    pub id: String,
    pub scenes: Vec<Scene>,
}

/// One section of a page with blocks in it.
#[derive(Default)]
pub struct Scene {
    pub heading: String,
    /// `openclaw.json`, and other files by the path in the home that stands behind the block's language.
    pub files: BTreeMap<String, String>,
    pub modes: String,
    pub env: String,
    /// What text alone cannot make: see [`Home::set_up`].
    pub setup: String,
    /// What a look at what runs found, as it is saved; [`None`] without one.
    pub live: Option<String>,
    /// Whether code is looked at too.
    pub deep: bool,
    /// The whole report, `severity id` a line; `None` in a scene where only this page's check must be silent.
    pub findings: Option<Vec<String>>,
    /// What the fix makes of the files.
    pub fixed: BTreeMap<String, String>,
    pub fixed_modes: String,
}

impl Page {
    /// Reads a page. A block is ```` ```json5 ```` (openclaw.json), ```` ```text .openclaw/.env ```` (a file of the
    /// home), `modes`, `env`, `setup`, `live` (what a look at what runs found, as JSON), `deep` (code
    /// is looked at too), `findings`; with `fixed` behind it, what is there afterwards.
    pub fn parse(text: &str) -> Self {
        let id = text.lines().next().unwrap_or_default().trim_start_matches("# ").trim_matches('`').to_owned();
        let mut scenes: Vec<Scene> = Vec::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(heading) = line.strip_prefix("## ") {
                scenes.push(Scene { heading: heading.to_owned(), ..Scene::default() });
            } else if let Some(info) = line.strip_prefix("```") {
                let mut body = String::new();
                for line in lines.by_ref().take_while(|line| *line != "```") {
                    body.push_str(line);
                    body.push('\n');
                }
                let Some(scene) = scenes.last_mut() else { panic!("{id}: a block before the first section") };
                scene.block(info, body);
            }
        }
        scenes.retain(Scene::stands);
        Self { id, scenes }
    }
}

impl Scene {
    fn block(&mut self, info: &str, body: String) {
        let mut words: Vec<&str> = info.split_whitespace().collect();
        let fixed = words.last() == Some(&"fixed");
        if fixed {
            words.pop();
        }
        let kind = words.first().copied().unwrap_or_default();
        match (kind, fixed) {
            ("modes", false) => self.modes.push_str(&body),
            ("modes", true) => self.fixed_modes.push_str(&body),
            ("env", _) => self.env.push_str(&body),
            ("live", _) => self.live = Some(body),
            ("deep", _) => self.deep = true,
            ("setup", _) => self.setup.push_str(&body),
            ("findings", _) => {
                let mut lines: Vec<String> = body.lines().map(str::to_owned).collect();
                lines.sort();
                self.findings = Some(lines);
            }
            ("json5" | "yaml" | "text" | "jsonc" | "js" | "markdown", _) => {
                let default = if kind == "yaml" { ".openclaw/openclaw.yaml" } else { ".openclaw/openclaw.json" };
                let path = words.get(1).copied().unwrap_or(default).to_owned();
                if fixed { &mut self.fixed } else { &mut self.files }.insert(path, body);
            }
            // A command to show, or the output of one.
            _ => {}
        }
    }

    /// Whether there is anything in it to look at.
    fn stands(&self) -> bool {
        let staged = !self.files.is_empty() || !self.modes.is_empty() || !self.setup.is_empty();
        staged || self.live.is_some() || self.findings.is_some()
    }

    /// The scene's home.
    pub fn home(&self) -> Home {
        let mut home = Home::new();
        home.folders(&home.path().join(".openclaw"));
        if !self.files.keys().any(|path| path.starts_with(".openclaw/openclaw.")) {
            home.write(".openclaw/openclaw.json", CLEAN);
        }
        for (path, text) in &self.files {
            home.write(path, &text.replace("@HOME@", &home.path().display().to_string()));
        }
        home.set_up(&self.setup);
        let path = home.path().display().to_string();
        home.live = self.live.as_deref().map(|text| live(&text.replace("@HOME@", &path)));
        home.depth = if self.deep { Depth::Code } else { Depth::Install };
        home.modes(&self.modes);
        home.variables("OPENCLAW_GATEWAY_TOKEN=c1f0a6f2b77e4b0d9a3c5e8d7f6a1b2c4d5e6f70\n");
        home.variables(&self.env);
        home
    }
}

/// What a look at what runs found. What a page does not write is as in a look that saw nothing; what it writes must have
/// been read, or a misspelt word would leave a scene empty and the check silent.
fn live(text: &str) -> Live {
    let written: Value = serde_json::from_str(text).expect("JSON");
    let live: Live = serde_json::from_value(written.clone()).expect("what was found");
    let read = serde_json::to_value(&live).expect("JSON");
    assert!(holds(&read, &written), "a field of {text} is none of a look at what runs");
    live
}

fn holds(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(name, part)| whole.get(name).is_some_and(|whole| holds(whole, part)))
        }
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part).all(|(whole, part)| holds(whole, part))
        }
        _ => whole == part,
    }
}

/// A config of which the audit has nothing to say.
pub const CLEAN: &str = include_str!("clean.json5");
