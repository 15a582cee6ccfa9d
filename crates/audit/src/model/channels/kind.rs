//! What differs from channel to channel: one table.

/// What differs from one channel to another.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its name in the config and in check ids.
    pub id: &'static str,
    /// Its name for people.
    pub label: &'static str,
    /// Whether strangers can write to it directly, so that it has a policy for them.
    pub direct: bool,
    /// Whether it takes `groupAllowFrom`, a list of who may speak in groups. A key that a channel does not take makes
    /// OpenClaw refuse the whole config.
    pub group_senders: bool,
    /// Whether `allowFrom` counts in groups where `groupAllowFrom` is empty.
    pub falls_back: bool,
    /// Whether a closed group policy admits only groups that the config names.
    pub named_groups: bool,
    /// Whether every member of such a group may speak where `groupAllowFrom` is empty.
    pub empty_admits: bool,
    /// Whether a group policy that nobody set is open.
    pub open_unset: bool,
    /// The list of senders that a group with a policy of its own takes.
    pub nested_senders: Option<&'static str>,
    /// Keys of the channel that make an account of their own, beside those under `accounts`.
    pub credentials: &'static [&'static str],
    /// The shape of an id that nobody else can take.
    pub id_shape: IdShape,
    /// Whether it can be told to match senders by what they call themselves.
    pub names: bool,
}

/// The shape of an id that its holder cannot change and nobody else can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdShape {
    /// Digits.
    Digits,
    /// Digits, a mention of them, or anything that says it is an id: `user:`, `pk:`.
    Discord,
    /// `U0123ABCD`, also as a mention or after `user:`.
    Slack,
    /// A number of Google's, perhaps after `users/`; an address can be given away.
    GoogleChat,
    /// A nick with its host; a bare nick is whoever takes it.
    Irc,
    /// `@name:server`.
    Matrix,
    /// Twenty-six letters and digits.
    Mattermost,
    /// A directory object's UUID, or Teams' own `29:` id.
    Teams,
    /// Nothing is known of its ids, so none is called weak.
    Unknown,
}

/// What is known of a channel; of one that is not in the table, what is safe to say of any.
#[must_use]
pub fn kind(id: &str) -> &'static Kind {
    KINDS.iter().find(|kind| kind.id == id).unwrap_or(&OTHER)
}

impl Kind {
    /// Whether it is in the table.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.id != OTHER.id
    }

    /// An entry without what channels put in front of ids, so that two spellings of one sender are one.
    #[must_use]
    pub fn plain<'e>(&self, entry: &'e str) -> &'e str {
        let entry = entry.trim();
        let prefixes = [self.id, if self.id == "telegram" { "tg" } else { "user" }];
        let plain = prefixes.iter().find_map(|prefix| {
            let (head, rest) = entry.split_once(':')?;
            head.eq_ignore_ascii_case(prefix).then_some(rest.trim())
        });
        let plain = plain.unwrap_or(entry);
        let mention = plain.strip_prefix("<@").and_then(|rest| rest.strip_suffix('>'));
        mention.map_or(plain, |id| id.trim_start_matches('!'))
    }

    /// Whether an entry of a list of senders is a name that somebody else may take: a handle, a tag, an address.
    #[must_use]
    pub fn is_name(&self, entry: &str) -> bool {
        let entry = entry.trim();
        let plain = self.plain(entry);
        if matches!(plain, "" | "*") || entry.starts_with("accessGroup:") {
            return false;
        }
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let word = |text: &str, len: usize| text.len() >= len && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let stable = match self.id_shape {
            IdShape::Digits => digits(plain),
            IdShape::Discord => {
                digits(plain) || ["user:", "discord:", "pk:"].iter().any(|head| entry.starts_with(head))
            }
            IdShape::Slack => {
                word(plain, 8)
                    || plain.starts_with(['U', 'W', 'B', 'C', 'G', 'D', 'T'])
                        && word(plain, 3)
                        && !plain.bytes().any(|byte| byte.is_ascii_lowercase())
            }
            IdShape::GoogleChat => word(plain.strip_prefix("users/").unwrap_or(plain), 1) && !plain.contains('@'),
            IdShape::Irc => plain.contains(['!', '@']),
            IdShape::Matrix => plain.starts_with('@') && plain.contains(':'),
            IdShape::Mattermost => plain.len() == 26 && word(plain, 26),
            IdShape::Teams => {
                plain.starts_with("29:")
                    || plain.len() == 36 && plain.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
            }
            IdShape::Unknown => true,
        };
        !stable
    }
}

const fn row(id: &'static str, label: &'static str, credentials: &'static [&'static str]) -> Kind {
    Kind {
        id,
        label,
        direct: true,
        group_senders: true,
        falls_back: true,
        named_groups: false,
        empty_admits: false,
        open_unset: false,
        nested_senders: None,
        credentials,
        id_shape: IdShape::Unknown,
        names: false,
    }
}

const fn named(row: Kind, id_shape: IdShape) -> Kind {
    Kind { id_shape, names: true, ..row }
}

const fn without_fallback(row: Kind) -> Kind {
    Kind { falls_back: false, ..row }
}

const fn by_group(row: Kind) -> Kind {
    Kind { named_groups: true, ..row }
}

const fn without_group_senders(row: Kind) -> Kind {
    Kind { group_senders: false, ..row }
}

const fn without_policies(row: Kind) -> Kind {
    Kind { direct: false, group_senders: false, ..row }
}

/// The channels of OpenClaw's schema.
const KINDS: &[Kind] = &[
    without_policies(row("a2a", "A2A", &[])),
    Kind { direct: false, nested_senders: Some("groupAllowFrom"), ..row("buzz", "Buzz", &["privateKey"]) },
    without_policies(row("clickclack", "ClickClack", &["token", "tokenFile"])),
    without_group_senders(named(row("discord", "Discord", &["token"]), IdShape::Discord)),
    row("feishu", "Feishu", &["appId", "appSecret"]),
    without_fallback(by_group(named(
        row("googlechat", "Google Chat", &["serviceAccount", "serviceAccountFile"]),
        IdShape::GoogleChat,
    ))),
    row("imessage", "iMessage", &["cliPath", "dbPath", "service"]),
    by_group(named(row("irc", "IRC", &["host", "nick"]), IdShape::Irc)),
    without_fallback(row("line", "LINE", &["channelAccessToken", "tokenFile"])),
    without_fallback(by_group(named(row("matrix", "Matrix", &["homeserver", "accessToken"]), IdShape::Matrix))),
    named(row("mattermost", "Mattermost", &["botToken"]), IdShape::Mattermost),
    named(row("msteams", "Microsoft Teams", &["appId", "appPassword"]), IdShape::Teams),
    row("nextcloud-talk", "Nextcloud Talk", &["botSecret", "botSecretFile"]),
    without_group_senders(row("nostr", "Nostr", &["privateKey"])),
    Kind { direct: false, ..row("qa-channel", "QA Channel", &[]) },
    without_policies(row("raft", "Raft", &[])),
    without_policies(row("reef", "Reef", &[])),
    row("signal", "Signal", &["account", "httpUrl"]),
    without_group_senders(named(row("slack", "Slack", &["botToken", "appToken"]), IdShape::Slack)),
    without_group_senders(row("sms", "SMS", &["accountSid", "authToken"])),
    without_group_senders(named(row("synology-chat", "Synology Chat", &["token"]), IdShape::Digits)),
    Kind {
        nested_senders: Some("allowFrom"),
        id_shape: IdShape::Digits,
        ..row("telegram", "Telegram", &["botToken", "tokenFile"])
    },
    without_policies(row("tlon", "Tlon", &["ship", "code"])),
    without_policies(row("twitch", "Twitch", &["accessToken"])),
    row("whatsapp", "WhatsApp", &[]),
    Kind { open_unset: true, ..row("zalo", "Zalo", &["botToken", "tokenFile"]) },
    Kind {
        falls_back: false,
        named_groups: true,
        empty_admits: true,
        ..named(row("zalouser", "Zalo Personal", &["profile"]), IdShape::Unknown)
    },
];
/// A channel that is not in the table: a plugin of someone's.
const OTHER: Kind = without_group_senders(row("other", "This channel", &[]));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_can_be_taken_is_told_from_an_id() {
        for (channel, ids, names) in [
            ("telegram", &["123456", "tg:123456", "TELEGRAM: 42"][..], &["@owner", "owner", "-100 12"][..]),
            ("discord", &["123", "<@!123>", "user:alice", "pk:x"], &["alice#1234", "alice"]),
            ("slack", &["U0123ABCD", "slack:U0123ABCD", "<@U0123ABCD>"], &["@bob", "bob"]),
            ("irc", &["bob!b@host", "bob@host"], &["bob"]),
            ("matrix", &["@a:example.org"], &["Alice", "alice:example.org"]),
            ("googlechat", &["users/123"], &["boss@example.com"]),
            ("msteams", &["29:abc", "0f8fad5b-d9cb-469f-a165-70867728950e"], &["Boss Name"]),
            ("whatsapp", &["+15550001111", "anything"], &[]),
        ] {
            let kind = kind(channel);
            ids.iter().for_each(|id| assert!(!kind.is_name(id), "{channel} {id}"));
            names.iter().for_each(|name| assert!(kind.is_name(name), "{channel} {name}"));
        }
        assert!(!kind("telegram").is_name("*") && !kind("telegram").is_name("accessGroup:ops"));
    }

    #[test]
    fn an_unknown_channel_has_the_row_of_any() {
        assert!(!kind("evil.channel").is_known());
        assert!(!kind("evil.channel").group_senders);
        assert!(kind("synology-chat").is_known());
    }
}
