//! table: which keys there are, and how the values of each are ordered. The keys and defaults are those of
//! OpenClaw 2026.9.6; the first pattern that matches counts. In a pattern `*` is one part of a key, `**` any
//! number of parts, and a part may begin or end with `*`.
//!
//! A key that no pattern knows is treated as one that widens, so that what is listed here as neutral is all that
//! an agent may change unasked.

use std::sync::LazyLock;

use super::order::Absent::{Is, Unsure};
use super::order::Order::{self, Allow, Any, Deny, Less, More, Neutral, Off, On, Part, Route, Section, Words};
use super::order::Unlisted::{self, All, Nothing};

/// One of the documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum File {
    OpenClaw,
    Own,
    Approvals,
}

impl File {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::OpenClaw => "openclaw.json",
            Self::Own => "stockade.json",
            Self::Approvals => "exec-approvals.json",
        }
    }

    fn table(self) -> &'static [Row] {
        match self {
            Self::OpenClaw => &OPENCLAW_ROWS,
            Self::Own => &OWN_ROWS,
            Self::Approvals => &APPROVALS_ROWS,
        }
    }
}

struct Row {
    pattern: Vec<&'static str>,
    order: Order,
}

/// The order of a key's values; `None` when the key is not known.
pub(super) fn order_of(file: File, path: &[&str]) -> Option<Order> {
    file.table().iter().find(|row| matches(&row.pattern, path)).map(|row| row.order)
}

/// The patterns of one order, for the tests of the table itself.
#[cfg(test)]
pub(super) fn patterns(file: File, wanted: impl Fn(Order) -> bool) -> Vec<Vec<&'static str>> {
    file.table().iter().filter(|row| wanted(row.order)).map(|row| row.pattern.clone()).collect()
}

/// Whether a key is a section of which keys are known by name.
pub(super) fn is_section(file: File, path: &[&str]) -> bool {
    let begins = |row: &Row| {
        row.pattern.len() > path.len()
            && row.pattern.iter().zip(path).all(|(pattern, part)| *pattern != "**" && is_part(pattern, part))
    };
    file.table().iter().any(begins)
}

/// Where the value of an absent key comes from, nearest first. A tool layer inherits nothing: every layer counts.
pub(super) fn inherited<'p>(file: File, path: &[&'p str]) -> Vec<Vec<&'p str>> {
    match (file, path) {
        (File::OpenClaw, ["agents", "entries", _, first, ..]) if *first != "tools" => {
            vec![["agents", "defaults"].into_iter().chain(path.iter().skip(3).copied()).collect()]
        }
        (File::OpenClaw, ["channels", channel, "accounts", _, ..]) => {
            let rest = || path.iter().skip(4).copied();
            vec![
                ["channels", *channel].into_iter().chain(rest()).collect(),
                ["channels", "defaults"].into_iter().chain(rest()).collect(),
            ]
        }
        (File::OpenClaw, ["channels", _, rest @ ..]) => {
            vec![["channels", "defaults"].into_iter().chain(rest.iter().copied()).collect()]
        }
        _ => Vec::new(),
    }
}

/// What an account may inherit from beside its channel; whether it does, and before or after it, differs by channel.
pub(super) fn default_account<'p>(file: File, path: &[&'p str]) -> Option<Vec<&'p str>> {
    match (file, path) {
        (File::OpenClaw, ["channels", channel, "accounts", id, rest @ ..]) if *id != "default" && !rest.is_empty() => {
            Some(["channels", *channel, "accounts", "default"].into_iter().chain(rest.iter().copied()).collect())
        }
        _ => None,
    }
}

fn matches(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), None) => matches(rest, path),
        (Some((&"**", rest)), Some((_, below))) => matches(rest, path) || matches(pattern, below),
        (Some((first, rest)), Some((part, below))) => is_part(first, part) && matches(rest, below),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

fn is_part(pattern: &str, part: &str) -> bool {
    match (pattern, pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        ("*", ..) => true,
        (_, Some(end), _) => part.ends_with(end),
        (_, _, Some(start)) => part.starts_with(start),
        _ => pattern == part,
    }
}

static OPENCLAW_ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| rows(OPENCLAW));
static OWN_ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| rows(OWN));
static APPROVALS_ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| rows(APPROVALS));

fn rows(table: &[(Order, &'static [&'static str])]) -> Vec<Row> {
    let row = |order: Order, pattern: &'static str| Row { pattern: pattern.split('.').collect(), order };
    table.iter().flat_map(|(order, patterns)| patterns.iter().map(move |pattern| row(*order, pattern))).collect()
}

/// A list that restricts where it is present.
const RESTRICTS: Order = Allow(All);
/// A list that grants what is on it.
const GRANTS: Order = Allow(Nothing);
/// A list without which something else holds.
const NARROWS: Order = Allow(Unlisted::Unsure);

const SECURITY: Order = Words(&[&["deny"], &["allowlist"], &["full"]], Is("full"));
const ASK: Order = Words(&[&["always"], &["on-miss"], &["off"]], Is("off"));
const DM_POLICY: Order = Words(&[&["disabled"], &["allowlist"], &["pairing"], &["open"]], Is("pairing"));
const GROUP_POLICY: Order = Words(&[&["disabled"], &["allowlist"], &["open"]], Is("allowlist"));

/// `openclaw.json`.
const OPENCLAW: &[(Order, &[&str])] = &[
    // What is there by a name of its own, whatever the name: first, because a name may be chosen to look like a key.
    (Section, &["channels.defaults"]),
    (Any, &["channels.modelByChannel.**"]),
    (Part, &["gateway.roles.definitions.*"]),
    (Route, &["**.toolsBySender.*"]),
    (Part, &["agents.entries.*"]),
    (Part, &["channels.*", "channels.*.accounts.*"]),
    (Route, &["channels.**.groups.*", "channels.**.guilds.*", "channels.**.teams.*", "channels.**.rooms.*"]),
    (Route, &["channels.*.**.channels.*", "channels.**.topics.*", "channels.**.direct.*", "channels.**.dms.*"]),
    (Part, &["mcp.servers.*", "nodeHost.mcp.servers.*", "models.providers.*", "auth.profiles.*", "accessGroups.*"]),
    (Part, &["plugins.entries.*", "skills.entries.*", "hooks.internal.entries.*", "browser.profiles.*"]),
    // What names itself dangerous, wherever it stands.
    (On(Is(false)), &["**.dangerously*", "**.allowInsecure*", "**.allowUnsafe*", "**.insecureSkipVerify"]),
    (On(Is(false)), &["**.allowPrivateNetwork", "**.allowRfc2544BenchmarkRange", "**.allowIpv6UniqueLocalRange"]),
    (GRANTS, &["**.ssrfPolicy.allowedHostnames", "**.ssrfPolicy.hostnameAllowlist"]),
    (Deny, &["**.ssrfPolicy.blockedHostnames"]),
    // Secrets, wherever they stand.
    (
        Any,
        &[
            "**.token", "**.*Token", "**.password", "**.*Password", "**.secret", "**.*Secret", "**.apiKey", "**.*Key",
            "**.passphrase", "**.tokenFile", "**.*File", "**.headers.**", "**.env.**",
        ],
    ),
    // Where the gateway listens and who may connect.
    (Words(&[&["loopback"], &["tailnet", "custom", "auto"], &["lan"]], Is("loopback")), &["gateway.bind"]),
    (Words(&[&["token", "password", "trusted-proxy"], &["none"]], Unsure), &["gateway.auth.mode"]),
    (Words(&[&["off"], &["serve"], &["funnel"]], Is("off")), &["gateway.tailscale.mode"]),
    (Words(&[&["off"], &["minimal"], &["full"]], Is("minimal")), &["discovery.mdns.mode"]),
    (Off(Is(false)), &["gateway.tls.enabled"]),
    (On(Is(false)), &["gateway.allowRealIpFallback", "gateway.auth.trustedProxy.allowLoopback"]),
    (On(Is(false)), &["gateway.auth.trustedProxy.deviceAutoApprove.enabled"]),
    (On(Is(false)), &["gateway.controlUi.allowExternalEmbedUrls", "gateway.controlUi.experimental.customPlugins"]),
    (On(Is(false)), &["gateway.http.endpoints.chatCompletions.enabled", "gateway.http.endpoints.responses.enabled"]),
    (On(Is(true)), &["gateway.controlUi.enabled", "gateway.auth.rateLimit.exemptLoopback"]),
    (
        On(Unsure),
        &["gateway.auth.allowTailscale", "gateway.nodes.pairing.autoApproveLocal", "gateway.terminal.enabled"],
    ),
    (
        On(Unsure),
        &["gateway.nodes.pluginTools.enabled", "gateway.cliAgents.enabled", "gateway.http.endpoints.**.allowUrl"],
    ),
    (GRANTS, &["gateway.trustedProxies", "gateway.controlUi.allowedOrigins", "gateway.nodes.pairing.autoApproveCidrs"]),
    (GRANTS, &["gateway.nodes.commands.allow", "gateway.nodes.allowCommands", "gateway.tools.allow"]),
    (GRANTS, &["gateway.auth.identityScopes.*"]),
    (NARROWS, &["gateway.auth.trustedProxy.allowUsers", "gateway.auth.trustedProxy.deviceAutoApprove.scopes"]),
    (NARROWS, &["gateway.nodes.pairing.sshVerify.cidrs", "gateway.http.endpoints.**.urlAllowlist"]),
    (NARROWS, &["gateway.roles.definitions.*.scopes", "gateway.roles.definitions.*.agents"]),
    (Deny, &["gateway.nodes.commands.deny", "gateway.nodes.denyCommands", "gateway.tools.deny"]),
    (Deny, &["gateway.auth.trustedProxy.requiredHeaders"]),
    (More(Is(10)), &["gateway.auth.rateLimit.maxAttempts"]),
    (Less(Is(60_000)), &["gateway.auth.rateLimit.windowMs"]),
    (Less(Is(300_000)), &["gateway.auth.rateLimit.lockoutMs"]),
    (Any, &["gateway.auth.**", "gateway.tls.**", "gateway.remote.**", "gateway.customBindHost", "gateway.mode"]),
    (Any, &["gateway.publicOrigin", "gateway.push.**", "gateway.portals.**", "gateway.http.securityHeaders.**"]),
    (Neutral, &["gateway.port", "gateway.controlUi.environment.label", "gateway.controlUi.environment.color"]),
    (Neutral, &["gateway.controlUi.communityInvite", "gateway.controlUi.chatMessageMaxWidth"]),
    (Neutral, &["gateway.controlUi.toolTitles", "gateway.reload.debounceMs"]),
    // Tools: the same keys at the top, for an agent, for a group.
    (
        Words(&[&["minimal"], &["messaging", "coding"], &["full"]], Is("full")),
        &["**.tools.profile", "**.tools.byProvider.*.profile"],
    ),
    (RESTRICTS, &["**.tools.allow", "**.tools.byProvider.*.allow", "**.tools.message.actions.allow", "**.toolsAllow"]),
    (GRANTS, &["**.tools.alsoAllow", "**.tools.byProvider.*.alsoAllow"]),
    (Deny, &["**.tools.deny", "**.tools.byProvider.*.deny"]),
    (NARROWS, &["**.toolsBySender.*.allow", "**.toolsBySender.*.alsoAllow"]),
    (Deny, &["**.toolsBySender.*.deny"]),
    (SECURITY, &["**.tools.exec.security"]),
    (ASK, &["**.tools.exec.ask"]),
    (Words(&[&["sandbox"], &["auto"], &["gateway", "node"]], Is("auto")), &["**.tools.exec.host"]),
    (NARROWS, &["**.tools.exec.safeBins", "**.tools.exec.safeBinTrustedDirs", "**.tools.exec.applyPatch.allowModels"]),
    (Off(Is(false)), &["**.tools.exec.strictInlineEval", "**.tools.fs.workspaceOnly"]),
    (Off(Is(true)), &["**.tools.exec.applyPatch.workspaceOnly"]),
    (Off(Unsure), &["**.tools.loopDetection.enabled"]),
    (More(Unsure), &["**.tools.exec.timeoutSeconds", "tools.web.fetch.maxCharsCap", "tools.web.fetch.maxRedirects"]),
    (
        More(Unsure),
        &["tools.web.fetch.maxResponseBytes", "tools.web.search.maxResults", "**.tools.exec.grantExpiryDays"],
    ),
    (More(Is(20_000)), &["tools.web.fetch.maxChars"]),
    (Any, &["**.tools.exec.**"]),
    (On(Is(true)), &["**.tools.elevated.enabled", "tools.web.fetch.enabled", "tools.agentToAgent.enabled"]),
    (GRANTS, &["**.tools.elevated.allowFrom.*"]),
    (RESTRICTS, &["tools.agentToAgent.allow"]),
    (Words(&[&["self"], &["tree", "agent"], &["all"]], Is("all")), &["tools.sessions.visibility"]),
    (
        On(Unsure),
        &["tools.web.search.enabled", "tools.web.search.openaiCodex.enabled", "**.tools.message.broadcast.enabled"],
    ),
    (
        On(Unsure),
        &["**.tools.message.crossContext.allowWithinProvider", "**.tools.message.crossContext.allowAcrossProviders"],
    ),
    (
        On(Unsure),
        &["**.tools.codeMode.enabled", "**.tools.swarm.enabled", "tools.links.enabled", "tools.media.*.enabled"],
    ),
    (
        On(Unsure),
        &[
            "tools.sessions_spawn.attachments.enabled",
            "tools.toolSearch.enabled",
            "**.tools.message.allowCrossContextSend",
        ],
    ),
    (RESTRICTS, &["tools.web.search.openaiCodex.allowedDomains"]),
    (Any, &["tools.media.**", "tools.links.**", "**.tools.github.**"]),
    // Agents and their sandbox.
    (Words(&[&["all"], &["non-main"], &["off"]], Is("off")), &["agents.**.sandbox.mode"]),
    (Words(&[&["session"], &["agent"], &["shared"]], Is("agent")), &["agents.**.sandbox.scope"]),
    (Words(&[&["none"], &["ro"], &["rw"]], Is("none")), &["agents.**.sandbox.workspaceAccess"]),
    (Words(&[&["spawned"], &["all"]], Is("spawned")), &["agents.**.sandbox.sessionToolsVisibility"]),
    (Words(&[&["none"]], Unsure), &["agents.**.sandbox.docker.network", "agents.**.sandbox.browser.network"]),
    (
        GRANTS,
        &["agents.**.sandbox.docker.binds", "agents.**.sandbox.browser.binds", "agents.**.sandbox.docker.extraHosts"],
    ),
    (Deny, &["agents.**.sandbox.docker.capDrop"]),
    (Off(Unsure), &["agents.**.sandbox.docker.readOnlyRoot", "agents.**.sandbox.ssh.strictHostKeyChecking"]),
    (More(Unsure), &["agents.**.sandbox.docker.pidsLimit", "agents.**.sandbox.docker.cpus"]),
    (On(Is(false)), &["agents.**.sandbox.browser.enabled", "agents.**.sandbox.browser.allowHostControl"]),
    (Any, &["agents.**.sandbox.**"]),
    (RESTRICTS, &["agents.**.skills", "agents.**.modelPolicy.allow"]),
    (GRANTS, &["agents.**.subagents.allowAgents"]),
    (Off(Is(false)), &["agents.**.subagents.requireAgentId"]),
    (More(Unsure), &["agents.**.subagents.maxSpawnDepth", "agents.**.subagents.maxChildrenPerAgent"]),
    (
        More(Unsure),
        &[
            "agents.**.subagents.maxConcurrent",
            "agents.**.subagents.runTimeoutSeconds",
            "agents.defaults.maxConcurrent",
        ],
    ),
    (More(Is(172_800)), &["agents.defaults.timeoutSeconds"]),
    (Any, &["agents.**.workspace", "agents.**.cwd", "agents.**.agentDir", "agents.**.repoRoot", "agents.**.default"]),
    (
        Any,
        &[
            "agents.**.model",
            "agents.**.model.*",
            "agents.**.*Model.**",
            "agents.**.mediaModels.**",
            "agents.**.models.**",
        ],
    ),
    (Any, &["agents.**.params.**", "agents.**.memory.**", "agents.**.runtime.**", "agents.**.heartbeat.**"]),
    (
        Neutral,
        &["agents.entries.*.name", "agents.**.identity.name", "agents.**.identity.emoji", "agents.**.identity.theme"],
    ),
    (
        Neutral,
        &[
            "agents.defaults.humanDelay.**",
            "agents.entries.*.humanDelay.**",
            "agents.**.typingMode",
            "agents.**.typingIntervalSeconds",
        ],
    ),
    (Neutral, &["agents.**.blockStreamingBreak", "agents.**.blockStreamingDefault"]),
    (
        Neutral,
        &[
            "agents.defaults.blockStreamingChunk.**",
            "agents.entries.*.blockStreamingChunk.**",
            "agents.defaults.blockStreamingCoalesce.**",
            "agents.entries.*.blockStreamingCoalesce.**",
        ],
    ),
    (Neutral, &["agents.**.thinkingDefault", "agents.**.fastModeDefault", "agents.**.toolProgressDetail"]),
    (Neutral, &["agents.**.userTimezone", "agents.**.imageMaxDimensionPx", "agents.**.imageQuality"]),
    (Neutral, &["agents.**.mediaMaxMb", "agents.**.pdfMaxMb", "agents.**.pdfMaxBytesMb", "agents.**.pdfMaxPages"]),
    (
        Neutral,
        &[
            "agents.defaults.silentReply.**",
            "agents.defaults.silentReplyRewrite.**",
            "agents.entries.*.silentReplyRewrite.**",
            "agents.**.compaction.notifyUser",
        ],
    ),
    (
        Neutral,
        &["**.tts.maxTextLength", "**.tts.timeoutMs", "**.tts.personas.*.label", "**.tts.personas.*.description"],
    ),
    // Who reaches the agents, through which channel.
    (On(Is(true)), &["channels.*.enabled", "channels.*.accounts.*.enabled", "channels.**.configWrites"]),
    (DM_POLICY, &["channels.**.dmPolicy", "channels.**.dm.policy"]),
    (GROUP_POLICY, &["channels.*.groupPolicy", "channels.*.accounts.*.groupPolicy"]),
    (Words(&[&["disabled"], &["allowlist"], &["open"]], Unsure), &["channels.**.groupPolicy"]),
    (
        GRANTS,
        &[
            "channels.*.allowFrom",
            "channels.*.accounts.*.allowFrom",
            "channels.**.dm.allowFrom",
            "channels.**.dmAllowlist",
        ],
    ),
    (
        GRANTS,
        &["channels.**.groupInviteAllowlist", "channels.**.autoJoinAllowlist", "channels.**.defaultAuthorizedShips"],
    ),
    (
        GRANTS,
        &["channels.**.trustedLocalFileRoots", "channels.**.attachmentRoots", "channels.**.remoteAttachmentRoots"],
    ),
    (
        GRANTS,
        &[
            "channels.**.mediaAllowHosts",
            "channels.**.mediaAuthAllowHosts",
            "channels.**.interactions.allowedSourceIps",
        ],
    ),
    (NARROWS, &["channels.**.allowFrom", "channels.**.groupAllowFrom", "channels.**.groupSenderAllowFrom"]),
    (
        NARROWS,
        &["channels.**.users", "channels.**.roles", "channels.**.allowedRoles", "channels.**.execApprovals.approvers"],
    ),
    (NARROWS, &["channels.**.mentionPatterns.allowIn", "channels.**.skills"]),
    (Deny, &["channels.**.mentionPatterns.denyIn"]),
    (Off(Is(true)), &["channels.*.requireMention", "channels.*.accounts.*.requireMention"]),
    (
        Off(Unsure),
        &["channels.**.requireMention", "channels.**.ignoreOtherMentions", "channels.**.botLoopProtection.enabled"],
    ),
    (On(Is(true)), &["channels.**.implicitMentions.*"]),
    (On(Is(false)), &["channels.**.allowBots"]),
    (
        On(Unsure),
        &[
            "channels.**.actions.*",
            "channels.**.dm.enabled",
            "channels.**.dm.groupEnabled",
            "channels.**.dms.*.enabled",
        ],
    ),
    (On(Unsure), &["channels.**.groups.*.enabled", "channels.**.topics.*.enabled", "channels.**.rooms.*.enabled"]),
    (On(Unsure), &["channels.**.channels.*.enabled", "channels.**.direct.*.enabled", "channels.**.voice.enabled"]),
    (
        On(Unsure),
        &["channels.**.autoAcceptDmInvites", "channels.**.autoAcceptGroupInvites", "channels.**.autoDiscoverChannels"],
    ),
    (Words(&[&["allowlist"], &["allowlist_quote"], &["all"]], Is("all")), &["channels.**.contextVisibility"]),
    (Any, &["channels.**.systemPrompt", "channels.**.baseUrl", "channels.**.webhook*", "channels.**.proxy"]),
    (Any, &["channels.**.streaming.**.commandText"]),
    (
        Neutral,
        &[
            "channels.*.streaming.**",
            "channels.*.accounts.*.streaming.**",
            "channels.*.markdown.**",
            "channels.*.accounts.*.markdown.**",
            "channels.**.textChunkLimit",
        ],
    ),
    (Neutral, &["channels.**.responsePrefix", "channels.**.messagePrefix", "channels.**.ackReaction"]),
    (
        Neutral,
        &[
            "channels.**.ackReactionScope",
            "channels.*.heartbeatVisibility.**",
            "channels.*.accounts.*.heartbeatVisibility.**",
            "channels.**.typingIndicator",
        ],
    ),
    (Neutral, &["channels.**.typingReaction", "channels.**.sendReadReceipts", "channels.**.replyToMode"]),
    (
        Neutral,
        &[
            "channels.*.replyToModeByChatType.**",
            "channels.*.accounts.*.replyToModeByChatType.**",
            "channels.**.replyStyle",
            "channels.**.renderMode",
        ],
    ),
    (Neutral, &["channels.**.suppressEmbeds", "channels.**.joinIntro", "channels.**.silentErrorReplies"]),
    (Neutral, &["channels.**.maxLinesPerMessage", "channels.**.mediaMaxMb", "channels.**.reactionLevel"]),
    (Neutral, &["channels.**.nativeProgress", "channels.**.richMessages", "channels.**.showModelSignature"]),
    (Neutral, &["channels.**.healthMonitor.enabled", "channels.**.welcomeCard", "channels.**.groupWelcomeCard"]),
    (Neutral, &["channels.**.pollTimeoutMs", "channels.**.httpTimeoutMs"]),
    (
        Neutral,
        &[
            "channels.**.status",
            "channels.**.activity",
            "channels.**.activityType",
            "channels.*.autoPresence.**",
            "channels.*.accounts.*.autoPresence.**",
        ],
    ),
    (Neutral, &["channels.*.name", "channels.*.accounts.*.name"]),
    (Neutral, &["surfaces.*.silentReply.**"]),
    // Programs, plugins, servers that are run or spoken to.
    (On(Is(true)), &["mcp.servers.*.enabled", "nodeHost.mcp.servers.*.enabled", "plugins.enabled"]),
    (Off(Is(false)), &["mcp.servers.*.disabled"]),
    (Off(Is(true)), &["mcp.servers.*.sslVerify", "nodeHost.mcp.servers.*.sslVerify"]),
    (RESTRICTS, &["mcp.servers.*.toolFilter.include", "nodeHost.mcp.servers.*.toolFilter.include"]),
    (Deny, &["mcp.servers.*.toolFilter.exclude", "nodeHost.mcp.servers.*.toolFilter.exclude"]),
    (Any, &["mcp.**", "nodeHost.mcp.servers.**"]),
    (On(Unsure), &["plugins.entries.*.enabled", "skills.entries.*.enabled", "hooks.internal.entries.*.enabled"]),
    (
        On(Unsure),
        &["plugins.entries.*.hooks.allow*", "plugins.entries.*.llm.allow*", "plugins.entries.*.subagent.allow*"],
    ),
    (NARROWS, &["plugins.entries.*.llm.allowed*", "plugins.entries.*.subagent.allowedModels"]),
    (RESTRICTS, &["plugins.allow", "skills.allowBundled"]),
    (Deny, &["plugins.deny"]),
    (
        GRANTS,
        &[
            "plugins.load.paths",
            "skills.load.extraDirs",
            "skills.load.allowSymlinkTargets",
            "hooks.internal.load.extraDirs",
        ],
    ),
    (On(Is(false)), &["skills.install.allowUploadedArchives", "hooks.enabled", "hooks.allowRequestSessionKey"]),
    (On(Unsure), &["hooks.internal.enabled", "nodeHost.skills.enabled", "nodeHost.browserProxy.enabled"]),
    (RESTRICTS, &["hooks.allowedAgentIds", "hooks.allowedSessionKeyPrefixes"]),
    (GRANTS, &["hooks.presets", "accessGroups.*.members.*"]),
    (Any, &["plugins.**", "skills.**", "hooks.**", "accessGroups.**", "auth.**"]),
    (Neutral, &["models.providers.*.timeoutSeconds"]),
    (Any, &["models.**"]),
    (On(Is(true)), &["browser.enabled", "browser.evaluateEnabled"]),
    (
        On(Is(false)),
        &["browser.noSandbox", "browser.allowSystemProfileImport", "browser.extensionRelay.allowLegacyAuth"],
    ),
    (Neutral, &["browser.headless"]),
    (Any, &["browser.**"]),
    // Commands in chats, schedules, approvals, sessions, secrets, the environment.
    (On(Is(false)), &["commands.bash", "commands.config", "commands.debug", "commands.mcp", "commands.plugins"]),
    (On(Is(true)), &["commands.restart", "cron.enabled"]),
    (Off(Is(true)), &["commands.useAccessGroups"]),
    (NARROWS, &["commands.allowFrom.*", "commands.ownerAllowFrom"]),
    (On(Unsure), &["cron.triggers.enabled", "acp.enabled", "acp.dispatch.enabled", "telemetry.enabled"]),
    (NARROWS, &["acp.allowedAgents", "nodeHost.browserProxy.allowProfiles"]),
    (On(Is(false)), &["approvals.exec.enabled", "approvals.plugin.enabled", "env.shellEnv.enabled"]),
    (
        Words(&[&["per-account-channel-peer"], &["per-channel-peer"], &["per-peer"], &["main"]], Is("main")),
        &["session.dmScope"],
    ),
    (Words(&[&["per-sender"], &["global"]], Is("per-sender")), &["session.scope"]),
    (Off(Unsure), &["secrets.egressProxy.enabled", "security.installPolicy.enabled", "logging.audit.enabled"]),
    (NARROWS, &["secrets.egressProxy.allowedHosts"]),
    (GRANTS, &["secrets.egressProxy.bypassHosts", "security.audit.suppressions"]),
    (RESTRICTS, &["secrets.providers.*.allowlist"]),
    (Neutral, &["session.notifyOnCreate"]),
    (Any, &["commands.**", "cron.**", "acp.**", "approvals.**", "session.**", "secrets.**", "security.**", "env.**"]),
    (Any, &["bindings", "broadcast.**", "proxy.**", "cloudWorkers.**", "nodeHost.**", "logging.file"]),
    // How things look and sound.
    (Neutral, &["$schema", "ui.**", "meta.lastTouched*", "wizard.lastRun*"]),
    (Neutral, &["logging.level", "logging.consoleLevel", "logging.consoleStyle", "logging.maxFileBytes"]),
    (Neutral, &["messages.ackReaction", "messages.ackReactionScope", "messages.messagePrefix"]),
    (Neutral, &["messages.responsePrefix", "messages.statusReactions.**", "messages.responseUsage.**"]),
    (Neutral, &["messages.queue.**", "messages.inbound.**"]),
    (Neutral, &["talk.speechLocale", "talk.silenceTimeoutMs", "talk.interruptOnSpeech", "memory.citations"]),
];

/// `stockade.json`.
const OWN: &[(Order, &[&str])] = &[
    (GRANTS, &["egress.allow", "sandbox.acceptDegraded"]),
    (Deny, &["egress.deny"]),
    (More(Is(120)), &["approvals.timeoutSeconds"]),
    (More(Is(64)), &["turn.maxToolCalls"]),
    (More(Is(1800)), &["turn.timeoutSeconds"]),
];

/// `exec-approvals.json`.
const APPROVALS: &[(Order, &[&str])] = &[
    (Neutral, &["version"]),
    (SECURITY, &["defaults.security", "agents.*.security"]),
    (ASK, &["defaults.ask", "agents.*.ask"]),
    (Words(&[&["deny"], &["allowlist"], &["full"]], Unsure), &["defaults.askFallback", "agents.*.askFallback"]),
    (On(Is(false)), &["defaults.autoAllowSkills", "agents.*.autoAllowSkills"]),
    (GRANTS, &["defaults.allowlist", "agents.*.allowlist"]),
];
