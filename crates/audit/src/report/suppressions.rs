//! What the operator accepted: OpenClaw's `security.audit.suppressions` in `openclaw.json`, and ours, which may end on
//! a day, in `audit.suppressions` of `stockade.json`. What is suppressed is shown as such in every report.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;

use super::{Located, Suppressed};
use crate::snapshot::tree::{Entry, Role};
use crate::snapshot::{ConfigFacts, Snapshot};

struct Rule {
    check_id: String,
    title: Option<String>,
    detail: Option<String>,
    key: Option<String>,
    reason: Option<String>,
    expires: Option<String>,
}

/// What counts, what is suppressed, and what is to be said about the rules themselves.
pub(super) fn apply(located: Vec<Located>, snapshot: &Snapshot) -> (Vec<Located>, Vec<Suppressed>, Vec<String>) {
    let today = i64::try_from(snapshot.taken)
        .ok()
        .and_then(|millis| Timestamp::from_millisecond(millis).ok())
        .map(|now| now.to_zoned(jiff::tz::TimeZone::UTC).date());
    let (mut rules, mut remarks) = rules(snapshot);
    rules.retain(|rule| match ended(rule, today) {
        Ok(false) => true,
        Ok(true) => {
            let day = rule.expires.as_deref().unwrap_or_default();
            remarks.push(format!("the suppression of {} ended on {day}; what it hid counts again", rule.check_id));
            false
        }
        Err(()) => {
            remarks.push(format!(
                "the suppression of {} is not applied: its `expires` is no day such as 2026-12-31",
                rule.check_id
            ));
            false
        }
    });
    let (mut counts, mut suppressed) = (Vec::new(), Vec::new());
    for located in located {
        match rules.iter().find(|rule| rule.fits(&located)) {
            Some(rule) => {
                suppressed.push(Suppressed { located, reason: rule.reason.clone(), expires: rule.expires.clone() });
            }
            None => counts.push(located),
        }
    }
    (counts, suppressed, remarks)
}

/// The rules of both configs, and what is to be said of those that are not taken.
fn rules(snapshot: &Snapshot) -> (Vec<Rule>, Vec<String>) {
    let places =
        [(Some(&snapshot.config), "security.audit.suppressions"), (snapshot.own.as_ref(), "audit.suppressions")];
    let (mut taken, mut remarks) = (Vec::new(), Vec::new());
    for (facts, key) in places {
        let Some(facts) = facts else { continue };
        let listed = facts.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        match strangers_file(facts, snapshot).filter(|_| !listed.is_empty()) {
            // Whoever can write a weakness can write that it is accepted.
            Some(path) => remarks.push(format!("{key} is not applied: others than its owner may write {path}")),
            None => {
                let read: Vec<Rule> = listed.iter().filter_map(rule).collect();
                let left = listed.len().saturating_sub(read.len());
                if left > 0 {
                    remarks.push(format!("{left} of {key} are not applied: a checkId or a bound is no text"));
                }
                taken.extend(read);
            }
        }
    }
    (taken, remarks)
}

fn rule(value: &Value) -> Option<Rule> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    // What narrows a rule and is no word would be left out, and the rule hide more than was meant, or for ever.
    let narrowing = ["titleIncludes", "detailIncludes", "key", "expires"];
    if narrowing.iter().any(|key| value.get(key).is_some_and(|value| !value.is_string())) {
        return None;
    }
    Some(Rule {
        check_id: text("checkId")?,
        title: text("titleIncludes"),
        detail: text("detailIncludes"),
        key: text("key"),
        reason: text("reason"),
        expires: text("expires"),
    })
}

/// A file of a config that somebody else than its operator may write or replace.
fn strangers_file<'s>(facts: &'s ConfigFacts, snapshot: &'s Snapshot) -> Option<&'s str> {
    let owners = [0, snapshot.install.uid, snapshot.tree.owner];
    let file = facts.files.iter().find(|file| file.mode & 0o022 != 0 || !owners.contains(&file.uid));
    let open = |entry: &&Entry| entry.role == Role::StateDir && entry.mode & 0o022 != 0;
    let folder = snapshot.tree.entries.iter().find(open);
    file.map(|file| file.path.as_str()).or(folder.map(|entry| entry.path.as_str()))
}

fn ended(rule: &Rule, today: Option<Date>) -> Result<bool, ()> {
    let Some(expires) = &rule.expires else { return Ok(false) };
    let day: Date = expires.parse().map_err(|_| ())?;
    Ok(today.is_none_or(|today| today > day))
}

impl Rule {
    fn fits(&self, located: &Located) -> bool {
        let found = &located.finding;
        let includes = |text: &str, part: &Option<String>| {
            part.as_ref().is_none_or(|part| text.to_lowercase().contains(&part.to_lowercase()))
        };
        let of_key = |key: &String| located.spots.iter().any(|spot| spot.key.as_ref() == Some(key));
        found.check_id == self.check_id
            // OpenClaw: what says that something is suppressed cannot be.
            && found.check_id != "security.audit.suppressions.active"
            && includes(&found.title, &self.title)
            && includes(&found.detail, &self.detail)
            && self.key.as_ref().is_none_or(of_key)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::snapshot::ConfigFile;
    use crate::testing::snapshot;

    #[test]
    fn a_rule_whose_bounds_are_no_words_hides_nothing() {
        let count = |rule: Value| rules(&snapshot(json!({"security": {"audit": {"suppressions": [rule]}}}))).0.len();
        assert_eq!(count(json!({"checkId": "a.b", "titleIncludes": "x", "reason": "known"})), 1);
        for bound in ["titleIncludes", "detailIncludes", "key", "expires"] {
            assert_eq!(count(json!({"checkId": "a.b", bound: 20_261_231})), 0, "{bound}");
        }
    }

    #[test]
    fn what_says_that_something_is_suppressed_cannot_be() {
        let active = "security.audit.suppressions.active";
        let accepts = |id: &str| json!({"security": {"audit": {"suppressions": [{"checkId": id, "reason": "quiet"}]}}});
        let counts = |id: &str| {
            let report = crate::report::Report::of(&snapshot(accepts(id)), None);
            report.findings.iter().any(|located| located.finding.check_id == id)
        };
        assert!(counts(active));
        assert!(!counts("config.insecure_or_dangerous_flags"), "others can");
    }

    #[test]
    fn who_can_write_a_weakness_cannot_write_that_it_is_accepted() {
        let accepts = json!({"security": {"audit": {"suppressions": [{"checkId": "a.b", "reason": "mine"}]}}});
        let with = |mode: u32, uid: u32| {
            let mut snapshot = snapshot(accepts.clone());
            let path = snapshot.install.config.clone();
            snapshot.config.files = vec![ConfigFile { path, mode, uid, ..ConfigFile::default() }];
            let (taken, remarks) = rules(&snapshot);
            (taken.len(), remarks.len())
        };
        assert_eq!((with(0o600, 1000), with(0o644, 1000), with(0o600, 0)), ((1, 0), (1, 0), (1, 0)));
        assert_eq!((with(0o622, 1000), with(0o660, 1000), with(0o600, 1001)), ((0, 1), (0, 1), (0, 1)));
    }
}
