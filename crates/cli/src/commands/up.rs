//! `stockade up`: from nothing, or from an existing install, to a listening gateway, and a few lines
//! that say what holds.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use stockade_config::{baseline, create_state_dir, own_baseline, write_new};
use stockade_core::{Secret, SystemClock};
use stockade_gateway::controls::{self, Holds};
use stockade_gateway::{Gateway, Running, confirmed, reload, serve};
use stockade_policy::ratchet::{Change, Direction};
use tokio::signal::unix::{SignalKind, signal};

use crate::commands::config;
use crate::output;
use crate::wiring::Place;

/// Starts the gateway and runs it until it is told to stop.
pub async fn run(place: &Place, port: Option<u16>) -> anyhow::Result<ExitCode> {
    let stop = stop_signal()?;
    let fresh = make_config(place, port)?;
    let confirmed::Start { running, rest } = confirmed::at_start(&place.paths, &place.env)?;
    let listener = serve::bind(&running).await?;
    let address = listener.local_addr().context("the listener has no address")?;
    let gateway = Gateway::open(running, place.redactor.clone(), Arc::new(SystemClock))?;
    gateway.record_control("start", serde_json::json!({ "listen": address.to_string() })).await?;
    let waits = confirmed::begin(&gateway, rest).await?;
    serve::start(&gateway, listener);
    output::say(format!("{} ws://{address} (pid {})", output::good("listening on"), std::process::id()));
    if let Err(error) = reload::start(&gateway, place.paths.clone(), place.env.clone()) {
        output::say(output::doubt(&format!("config changes need a restart: the files cannot be watched ({error})")));
    }
    let probe = tokio::task::spawn_blocking(stockade_sandbox::probe);
    let probed = probe.await.context("the sandbox could not be probed")?;
    report_waiting(&gateway, &waits);
    report(&gateway.running(), &probed, fresh, address);
    let why = stop.await;
    output::say(format!("stopping: {why}"));
    gateway.stop("gateway stopping").await;
    Ok(ExitCode::SUCCESS)
}

/// Makes the state directory and the baseline where there is no config. Never overwrites.
fn make_config(place: &Place, port: Option<u16>) -> anyhow::Result<bool> {
    let paths = &place.paths;
    if paths.config.exists() {
        return Ok(false);
    }
    create_state_dir(&paths.state)?;
    let token = Secret::random()?;
    write_new(&paths.config, &baseline(port.unwrap_or(stockade_config::model::gateway::DEFAULT_PORT), &token))?;
    if !paths.own_config.exists() {
        write_new(&paths.own_config, own_baseline())?;
    }
    output::say(format!("{} {}", output::good("made"), paths.config.display()));
    Ok(true)
}

/// A config that was changed while the gateway was down, and allows more, is not what runs: said first.
fn report_waiting(gateway: &Gateway, changes: &[Change]) {
    let Some((generation, _)) = gateway.held().filter(|_| !changes.is_empty()) else { return };
    output::say(output::bad("the config on the disk would allow more than the confirmed one, which is in force:"));
    for change in changes.iter().filter(|change| change.direction == Direction::Widening) {
        output::say(format!("  {} {}: {}", output::doubt("waits   "), change.key, change.because));
    }
    let short = config::short(&generation.hex());
    output::say(format!("see `stockade config held`; `stockade config confirm {short}` puts it in force"));
}

fn report(running: &Running, probed: &[stockade_sandbox::Control], fresh: bool, address: SocketAddr) {
    for line in controls::report(running, probed) {
        let (word, text) = match line.state {
            Holds::Active(text) => (output::good("active  "), text),
            Holds::Degraded(text) => (output::doubt("degraded"), text),
            Holds::Off(text) => (output::bad("off     "), text),
        };
        output::say(format!("  {word} {:<16} {text}", line.control));
    }
    for remark in &running.policy.remarks {
        output::say(format!("  {} {remark}", output::doubt("note")));
    }
    for note in &running.loaded.notes {
        output::say(format!("  {} {note}", output::doubt("note")));
    }
    if !fresh {
        for point in controls::weak(running) {
            output::say(format!("  {} {}: {}; {}", output::doubt("weak"), point.key, point.what, point.remedy));
        }
    }
    output::say("approve with `stockade approvals watch`; stop everything with `stockade incident contain`");
    output::say(format!("clients: openclaw gateway call health --url ws://{address} --token <gateway.auth.token>"));
}

/// Listens from the call on, not from the first poll: a stop that comes while the gateway starts is a clean one
/// too, recorded in the journal, and the probe's processes have ended before this one does.
fn stop_signal() -> anyhow::Result<impl Future<Output = &'static str>> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be handled")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be handled")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "interrupted",
        }
    })
}
