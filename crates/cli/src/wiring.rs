//! Where everything meets: the environment, the paths, the runtime, and one command.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context as _;
use stockade_config::{Env, Loaded, Paths};
use stockade_core::{Redactor, Secret};
use stockade_gateway::client::Client;

use crate::args::{Args, Command, OpenClaw, OpenClawCommand};
use crate::commands;

/// The places and the environment of this process.
pub struct Place {
    /// The paths.
    pub paths: Paths,
    /// The environment.
    pub env: Env,
    /// Masks the log; learns the secrets of every config that comes into force.
    pub redactor: Redactor,
}

/// Runs the command.
///
/// # Errors
/// What went wrong, for the operator.
pub fn run(args: Args, redactor: Redactor) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Completions { shell } => return commands::completions::run(shell),
        // No config: the answer depends on the question alone.
        Command::Decide { openapi: true, .. } => return commands::decide::openapi(),
        Command::Decide { openapi: false, .. } => return commands::decide::run(std::io::stdin().lock()),
        _ => {}
    }
    let place = Place::of_process(args.state_dir, redactor)?;
    match args.command {
        Command::Up { port } => runtime()?.block_on(commands::up::run(&place, port)),
        Command::Drill { baseline, json } => runtime()?.block_on(commands::drill::run(&place, baseline, json)),
        Command::Chat { message, session, json } => {
            runtime()?.block_on(commands::chat::run(&place, &message, &session, json))
        }
        Command::Approvals(command) => runtime()?.block_on(commands::approvals::run(&place, command)),
        Command::Config(command) => runtime()?.block_on(commands::config::run(&place, command)),
        Command::Explain(command) => commands::explain::run(&place, command),
        Command::Incident(command) => commands::incident::run(&place, command),
        Command::Journal(command) => commands::journal::run(&place, command),
        Command::Security(command) => commands::security::run(&place, command),
        Command::Trace { turn, json } => commands::trace::run(&place, &turn, json),
        Command::Models(command) => runtime()?.block_on(commands::models::run(&place, command)),
        Command::Completions { shell } => commands::completions::run(shell),
        Command::Decide { .. } => commands::decide::run(std::io::stdin().lock()),
    }
}

/// Runs a command by OpenClaw's words. Like OpenClaw's it succeeds whatever an audit finds or a fix leaves.
///
/// # Errors
/// What went wrong, for the operator.
pub fn run_as_openclaw(args: OpenClaw, redactor: Redactor) -> anyhow::Result<ExitCode> {
    if args.no_color {
        anstream::ColorChoice::Never.write_global();
    }
    let command = match args.command {
        OpenClawCommand::Security(command) => command,
        OpenClawCommand::Other(words) => {
            let word = stockade_core::text::single_line(words.first().map_or("", String::as_str));
            anyhow::bail!(
                "this is stockade, called as openclaw: of OpenClaw's commands it answers `openclaw security audit`, and \
                 `{word}` it does not know; call OpenClaw's own program for that, or see `stockade --help`"
            );
        }
    };
    let env = Env::of_process();
    let state_dir = match &args.profile {
        Some(name) => {
            let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            anyhow::ensure!(!name.is_empty() && name.chars().all(valid), "--profile takes letters, digits, - and _");
            let home = env.get("OPENCLAW_HOME").or_else(|| env.get("HOME")).context("HOME is not set")?;
            Some(std::path::Path::new(home).join(format!(".openclaw-{name}")))
        }
        None => None,
    };
    let judges = matches!(&command, crate::args::Security::Audit(wanted) if wanted.fail_on.is_some());
    let code = commands::security::run(&Place::of_process(state_dir, redactor)?, command)?;
    Ok(if judges { code } else { ExitCode::SUCCESS })
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().context("the runtime could not be started")
}

impl Place {
    fn of_process(state_dir: Option<std::path::PathBuf>, redactor: Redactor) -> anyhow::Result<Self> {
        let mut env = Env::of_process();
        if let Some(dir) = state_dir {
            let dir = std::path::absolute(&dir).with_context(|| format!("{} is no path", dir.display()))?;
            let dir = dir.to_str().context("the state directory's path is not UTF-8")?.to_owned();
            env = env.with("OPENCLAW_STATE_DIR", dir);
        }
        Ok(Self { paths: Paths::from_env(&env)?, env, redactor })
    }

    /// The config.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn load(&self) -> anyhow::Result<Loaded> {
        Ok(stockade_config::load(&self.paths, &self.env)?)
    }

    /// A connection to the gateway of this config.
    ///
    /// # Errors
    /// When there is no config, or no gateway answers.
    pub async fn connect(&self, scopes: &[&str]) -> anyhow::Result<Client> {
        if let Some((address, key)) = stockade_gateway::local_key::read(&self.paths.data)
            && let Ok(client) = Client::connect(address, Some(&key), scopes).await
        {
            return Ok(client);
        }
        let loaded = self.load()?;
        let gateway = &loaded.config.gateway;
        let host = gateway.custom_bind_host.filter(|_| gateway.bind == stockade_config::model::Bind::Custom);
        let host = host.unwrap_or(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));
        let secret: Option<&Secret> = gateway.auth.shared_secret();
        Ok(Client::connect(SocketAddr::new(host, gateway.port()), secret, scopes).await?)
    }
}
