//! What an operator wrote that has no effect, or less than it says. Always on the stricter side: what would be
//! laxer than it reads is refused when the config is loaded.

use stockade_config::exec_approvals::{ApprovalLayer, ExecApprovals};
use stockade_config::model::{Config, ExecKeys, ExecSecurity};

use crate::exec::entries;

pub(super) fn of(config: &Config, approvals: Option<&ExecApprovals>) -> Vec<String> {
    let agents = config.agents.entries.iter();
    let agents = agents.map(|agent| (format!("agents.entries.{}.tools.exec", agent.id), &agent.keys.tools.exec));
    let keys = std::iter::once(("tools.exec".to_owned(), &config.tools.exec)).chain(agents);
    let mut remarks: Vec<String> = keys.flat_map(|(origin, keys)| exec(&origin, keys)).collect();
    if let Some(file) = approvals {
        let agents = file.agents.iter().map(|(id, layer)| (format!("agents.{id}"), layer));
        let layers = std::iter::once(("defaults".to_owned(), &file.defaults)).chain(agents);
        remarks.extend(layers.flat_map(|(origin, layer)| host(&origin, layer)));
    }
    remarks
}

fn exec(origin: &str, keys: &ExecKeys) -> Vec<String> {
    let mut remarks = Vec::new();
    let listed = keys.safe_bins.iter().flatten();
    for program in listed.filter(|program| keys.has_own_profile(program)) {
        remarks.push(format!(
            "{origin}.safeBinProfiles.{program}: rules of one's own are not read, so it is no safe program; an \
             exec allowlist entry with an argPattern says the same"
        ));
    }
    if !keys.safe_bin_trusted_dirs.is_empty() {
        remarks
            .push(format!("{origin}.safeBinTrustedDirs has no effect: safe programs are those of /usr/bin and /bin"));
    }
    if keys.path_prepend.as_ref().is_some_and(|folders| !folders.is_empty()) {
        remarks.push(format!("{origin}.pathPrepend has no effect: name programs outside the system by their path"));
    }
    remarks
}

/// Of the approvals file. A pattern itself is not repeated.
fn host(origin: &str, layer: &ApprovalLayer) -> Vec<String> {
    let defect = |(at, entry)| {
        let (_, bound) = entries([entry]);
        let why = bound.first()?.defect()?;
        Some(format!("exec-approvals.json: {origin}.allowlist[{at}].argPattern never matches: {why}"))
    };
    let mut remarks: Vec<String> = layer.allowlist.iter().enumerate().filter_map(defect).collect();
    if layer.ask_fallback == Some(ExecSecurity::Full) {
        remarks.push(format!(
            "exec-approvals.json: {origin}.askFallback is \"full\" and is taken for \"allowlist\": what nobody \
             answers runs only when the allowlist covers it"
        ));
    }
    remarks
}
