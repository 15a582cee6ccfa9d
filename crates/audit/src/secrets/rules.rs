// table: the shapes of secrets, as their issuers document them.
//! The shapes of secrets. A mark is what an issuer puts before each of its secrets so that they can be found; what has
//! none is known by its whole shape, and only where something is assigned.

use super::shape::Class::{Alnum, Base64, Digit, Hex, Host, Lines, Password, Scheme, Upper, User, Word};
use super::shape::Part::{Gap, Run, Text};
use super::shape::{Part, Rule};

const fn rule(id: &'static str, what: &'static str, prefixes: &'static [&'static str], then: &'static [Part]) -> Rule {
    Rule { id, what, lead: None, prefixes, then }
}

/// Secrets with a mark: found wherever they stand.
pub(super) const MARKED: &[Rule] = &[
    // Models.
    rule("anthropic", "Anthropic key", &["sk-ant-"], &[Run(Word, 32, 250)]),
    rule("openai", "OpenAI key", &["sk-proj-", "sk-svcacct-", "sk-admin-"], &[Run(Word, 32, 250)]),
    rule("openrouter", "OpenRouter key", &["sk-or-v1-"], &[Run(Hex, 64, 64)]),
    rule("openai", "OpenAI key", &["sk-"], &[Run(Alnum, 48, 48)]),
    rule("deepseek", "DeepSeek key", &["sk-"], &[Run(Hex, 32, 32)]),
    rule("model-key", "model provider's key", &["sk-"], &[Run(Alnum, 40, 64)]),
    rule("elevenlabs", "ElevenLabs key", &["sk_"], &[Run(Hex, 48, 48)]),
    rule("google-api", "Google API key", &["AIza"], &[Run(Word, 35, 35)]),
    rule("google-oauth-client", "Google OAuth client secret", &["GOCSPX-"], &[Run(Word, 28, 28)]),
    rule("google-oauth", "Google OAuth access token", &["ya29."], &[Run(Word, 50, 600)]),
    rule("google-refresh", "Google OAuth refresh token", &["1//0"], &[Run(Word, 40, 200)]),
    rule("huggingface", "Hugging Face token", &["hf_"], &[Run(Alnum, 34, 40)]),
    rule("replicate", "Replicate token", &["r8_"], &[Run(Alnum, 37, 40)]),
    rule("groq", "Groq key", &["gsk_"], &[Run(Alnum, 48, 60)]),
    rule("xai", "xAI key", &["xai-"], &[Run(Alnum, 60, 100)]),
    rule("perplexity", "Perplexity key", &["pplx-"], &[Run(Alnum, 40, 64)]),
    rule("cerebras", "Cerebras key", &["csk-"], &[Run(Alnum, 40, 64)]),
    rule("tavily", "Tavily key", &["tvly-"], &[Run(Word, 28, 80)]),
    // Code and packages.
    rule("github", "GitHub token", &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], &[Run(Alnum, 36, 251)]),
    rule("github", "GitHub fine-grained token", &["github_pat_"], &[Run(Word, 82, 82)]),
    rule("gitlab", "GitLab token", &["glpat-", "gldt-", "glrt-", "glptt-", "glcbt-", "glsoat-"], &[Run(Word, 20, 64)]),
    rule("npm", "npm token", &["npm_"], &[Run(Alnum, 36, 36)]),
    rule("pypi", "PyPI token", &["pypi-AgE"], &[Run(Word, 50, 300)]),
    rule("docker", "Docker Hub token", &["dckr_pat_", "dckr_oat_"], &[Run(Word, 27, 64)]),
    // Clouds.
    rule("aws-access-key", "AWS access key", &["AKIA", "ASIA"], &[Run(Upper, 16, 16)]),
    rule("azure-storage", "Azure storage key", &["AccountKey="], &[Run(Base64, 88, 88)]),
    rule("azure-shared-access", "Azure shared access key", &["SharedAccessKey="], &[Run(Base64, 44, 44)]),
    rule("digitalocean", "DigitalOcean token", &["dop_v1_", "doo_v1_", "dor_v1_"], &[Run(Hex, 64, 64)]),
    rule("cloudflare", "Cloudflare origin key", &["v1.0-"], &[Run(Hex, 24, 24), Text("-"), Run(Hex, 146, 146)]),
    rule("heroku", "Heroku key", &["HRKU-"], &[Run(Word, 36, 70)]),
    rule("netlify", "Netlify token", &["nfp_"], &[Run(Alnum, 36, 40)]),
    rule("vercel", "Vercel token", &["vcp_"], &[Run(Alnum, 24, 64)]),
    rule("tailscale", "Tailscale key", &["tskey-"], &[Run(Word, 20, 90)]),
    rule("vault", "Vault token", &["hvs.", "hvb."], &[Run(Word, 24, 250)]),
    rule("onepassword", "1Password service token", &["ops_eyJ"], &[Run(Word, 200, 1500)]),
    rule("age", "age secret key", &["AGE-SECRET-KEY-1"], &[Run(Upper, 58, 58)]),
    // Messages.
    rule("slack", "Slack token", &["xoxb-", "xoxp-", "xoxa-", "xoxs-", "xoxr-", "xoxe-"], &[Run(Word, 24, 300)]),
    rule("slack-config", "Slack configuration token", &["xoxe.xoxp-", "xoxe.xoxb-"], &[Run(Word, 30, 300)]),
    rule("slack-app", "Slack app token", &["xapp-"], &[Run(Word, 40, 200)]),
    rule(
        "slack-webhook",
        "Slack webhook address",
        &["hooks.slack.com/services/T"],
        &[Run(Upper, 7, 12), Text("/B"), Run(Upper, 7, 12), Text("/"), Run(Alnum, 24, 24)],
    ),
    rule(
        "discord-webhook",
        "Discord webhook address",
        &["discord.com/api/webhooks/", "discordapp.com/api/webhooks/"],
        &[Run(Digit, 17, 20), Text("/"), Run(Word, 60, 80)],
    ),
    Rule {
        id: "telegram",
        what: "Telegram bot token",
        lead: Some((Digit, 8, 10)),
        prefixes: &[":AA"],
        then: &[Run(Word, 33, 33)],
    },
    rule("sendgrid", "SendGrid key", &["SG."], &[Run(Word, 22, 22), Text("."), Run(Word, 43, 43)]),
    rule("mailgun", "Mailgun key", &["key-"], &[Run(Hex, 32, 32)]),
    // Money and work.
    rule("stripe", "Stripe key", &["sk_live_", "rk_live_", "sk_test_", "rk_test_"], &[Run(Alnum, 24, 250)]),
    rule("stripe-webhook", "webhook signing secret", &["whsec_"], &[Run(Base64, 32, 64)]),
    rule("square", "Square secret", &["sq0csp-", "sq0atp-"], &[Run(Word, 22, 43)]),
    rule("shopify", "Shopify token", &["shpat_", "shpca_", "shppa_", "shpss_"], &[Run(Hex, 32, 32)]),
    rule("linear", "Linear key", &["lin_api_", "lin_oauth_"], &[Run(Alnum, 32, 64)]),
    rule("notion", "Notion token", &["ntn_"], &[Run(Alnum, 40, 50)]),
    rule("notion", "Notion token", &["secret_"], &[Run(Alnum, 43, 43)]),
    rule("atlassian", "Atlassian token", &["ATATT3"], &[Run(Word, 150, 250), Text("="), Run(Upper, 8, 8)]),
    rule("atlassian", "Atlassian token", &["ATATT3"], &[Run(Word, 150, 250)]),
    rule("sentry", "Sentry token", &["sntryu_"], &[Run(Hex, 64, 64)]),
    rule("sentry", "Sentry token", &["sntrys_"], &[Run(Base64, 60, 400), Text("_"), Run(Base64, 40, 60)]),
    rule("grafana", "Grafana token", &["glsa_"], &[Run(Alnum, 32, 32), Text("_"), Run(Alnum, 8, 8)]),
    // Keys and tokens of no one issuer.
    rule(
        "private-key",
        "private key",
        &[
            "-----BEGIN PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----",
            "-----BEGIN EC PRIVATE KEY-----",
            "-----BEGIN DSA PRIVATE KEY-----",
            "-----BEGIN OPENSSH PRIVATE KEY-----",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----",
        ],
        &[Gap, Run(Lines, 40, 1800)],
    ),
    rule("private-key", "PGP private key", &["-----BEGIN PGP PRIVATE KEY BLOCK-----"], &[Gap, Run(Lines, 40, 1800)]),
    rule(
        "jwt",
        "JSON Web Token",
        &["eyJhbGciOi", "eyJ0eXAiOi", "eyJraWQiOi"],
        &[Run(Word, 8, 600), Text("."), Run(Word, 16, 900), Text("."), Run(Word, 20, 500)],
    ),
    Rule {
        id: "url-password",
        what: "address with a password",
        lead: Some((Scheme, 2, 14)),
        prefixes: &["://"],
        then: &[Run(User, 0, 64), Text(":"), Run(Password, 6, 128), Text("@"), Run(Host, 1, 128)],
    },
];

/// Secrets without a mark that is rare enough to look for: known when the whole value has the shape.
pub(super) const BARE: &[Rule] = &[
    Rule {
        id: "discord",
        what: "Discord bot token",
        lead: None,
        prefixes: &["M", "N", "O"],
        then: &[Run(Alnum, 22, 27), Text("."), Run(Word, 6, 6), Text("."), Run(Word, 27, 38)],
    },
    rule("twilio", "Twilio key", &["SK"], &[Run(Hex, 32, 32)]),
    rule("brave", "Brave Search key", &["BSA"], &[Run(Word, 24, 30)]),
    rule("square", "Square access token", &["EAAA"], &[Run(Word, 60, 60)]),
    rule("databricks", "Databricks token", &["dapi"], &[Run(Hex, 32, 32)]),
    rule("azure-client", "Azure client secret", &["7Q~", "8Q~"], &[Run(Word, 31, 34)]),
];

/// A secret that is known by the name of what it is assigned to.
pub(super) struct Named {
    /// As [`Rule::id`].
    pub(super) id: &'static str,
    /// As [`Rule::what`].
    pub(super) what: &'static str,
    /// A piece of the name, in small letters without `_` and `-`.
    pub(super) name: &'static str,
}

/// Secrets that are known by the name of what they are assigned to.
pub(super) const NAMED: &[Named] = &[
    Named { id: "aws-secret-key", what: "AWS secret key", name: "secretaccesskey" },
    Named { id: "cloudflare", what: "Cloudflare token", name: "cloudflare" },
    Named { id: "heroku", what: "Heroku key", name: "heroku" },
    Named { id: "vercel", what: "Vercel token", name: "vercel" },
    Named { id: "datadog", what: "Datadog key", name: "datadog" },
    Named { id: "datadog", what: "Datadog key", name: "ddapikey" },
    Named { id: "pagerduty", what: "PagerDuty key", name: "pagerduty" },
    Named { id: "twilio", what: "Twilio token", name: "twilio" },
    Named { id: "mailgun", what: "Mailgun key", name: "mailgun" },
    Named { id: "azure", what: "Azure secret", name: "azure" },
    Named { id: "discord", what: "Discord secret", name: "discord" },
    Named { id: "gateway-token", what: "gateway token", name: "openclawgateway" },
];

/// What a name ends with that is given a secret.
pub(super) const ASSIGNED: &[&str] = &[
    "API_KEY", "api_key", "apiKey", "ApiKey", "apikey", "api-key", "ccessKey", "ACCESS_KEY", "access_key", "_TOKEN",
    "_token", "uthToken", "oken\"", "oken\\", "_SECRET", "_secret", "ecret\"", "ecret\\", "ecretKey", "PASSWORD",
    "assword", "earer ", "--token",
];
