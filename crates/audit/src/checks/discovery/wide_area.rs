//! What is published in DNS, where a scanner reads it.

use crate::checks::Check;
use crate::finding::{Finding, Fix, Severity};
use crate::model::Model;

pub(super) const CHECK: Check = Check { ids: &["discovery.wide_area"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let config = model.config();
    let domain = config.text("discovery.wideArea.domain").map(str::trim).filter(|domain| !domain.is_empty());
    let Some(domain) = domain.filter(|_| !config.is_false("discovery.wideArea.enabled")) else { return };
    out.push(
        Finding::new("discovery.wide_area", Severity::Warn, "The gateway is published in DNS")
            .detail(format!(
                "discovery.wideArea.domain is \"{domain}\": whoever can ask that zone learns the name, the address and the port of \
                 the gateway, from anywhere that the zone answers."
            ))
            .remedy("Remove it, or see to it that only the tailnet can ask the zone.")
            .key("discovery.wideArea.domain")
            .fix(Fix::ask("Publish nothing in DNS").remove("discovery.wideArea.domain")),
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{said, snapshot};

    #[test]
    fn only_a_domain_publishes() {
        let of = |wide: serde_json::Value| said(&snapshot(json!({"discovery": {"wideArea": wide}})), "discovery.");
        assert_eq!(of(json!({"domain": "gw.example.com"})), ["warn discovery.wide_area"]);
        assert!(
            of(json!({"domain": " "})).is_empty() && of(json!({"domain": 5})).is_empty() && of(json!([])).is_empty()
        );
        assert!(of(json!({"enabled": false, "domain": "gw.example.com"})).is_empty());
    }
}
