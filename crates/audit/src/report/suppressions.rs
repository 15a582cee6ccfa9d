//! What the operator accepted: OpenClaw's `security.audit.suppressions` in `openclaw.json`, and ours, which may end on
//! a day, in `audit.suppressions` of `stockade.json`. What is suppressed is shown as such in every report.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;

use super::{Located, Suppressed};
use crate::snapshot::Snapshot;

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
    let (mut rules, mut remarks) = (rules(snapshot), Vec::new());
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

fn rules(snapshot: &Snapshot) -> Vec<Rule> {
    let of = |value: &Value| {
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
    };
    let listed = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let openclaw = listed(snapshot.config.get("security.audit.suppressions"));
    let own = listed(snapshot.own.as_ref().and_then(|own| own.get("audit.suppressions")));
    openclaw.iter().chain(&own).filter_map(of).collect()
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
    use crate::testing::snapshot;

    #[test]
    fn a_rule_whose_bounds_are_no_words_hides_nothing() {
        let count = |rule: Value| rules(&snapshot(json!({"security": {"audit": {"suppressions": [rule]}}}))).len();
        assert_eq!(count(json!({"checkId": "a.b", "titleIncludes": "x", "reason": "known"})), 1);
        for bound in ["titleIncludes", "detailIncludes", "key", "expires"] {
            assert_eq!(count(json!({"checkId": "a.b", bound: 20_261_231})), 0, "{bound}");
        }
    }
}
