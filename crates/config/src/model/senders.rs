//! `toolsBySender`: the keys that name who wrote, as OpenClaw 2026.9.6 reads them.

/// Whom a key names. Letter case decides nothing in a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SenderKey {
    /// `channel:<channel>:<id>`: this person on this channel.
    Channel {
        /// The channel's canonical id.
        channel: String,
        /// The sender's id there.
        id: String,
    },
    /// `id:<id>`, or a key without a prefix: this id on any channel.
    Id(String),
    /// `e164:<phone>`.
    E164(String),
    /// `username:<handle>`, with or without `@`.
    Username(String),
    /// `name:<display name>`. Anyone may call themselves so.
    Name(String),
    /// `*`: everybody.
    Anyone,
}

impl SenderKey {
    /// Reads a key. `None` when it names nobody (`id:`, `channel:telegram`): OpenClaw drops such an entry
    /// without a word, and with it what it denies.
    #[must_use]
    pub fn parse(key: &str) -> Option<Self> {
        let key = key.trim().to_lowercase();
        if key == "*" {
            return Some(Self::Anyone);
        }
        let value = |prefix: &str| key.strip_prefix(prefix).map(|value| value.trim().to_owned());
        let parsed = if let Some(value) = value("channel:") {
            let (channel, id) = value.split_once(':')?;
            let channel = canonical_channel(channel);
            if channel.is_empty() || id.trim().is_empty() {
                return None;
            }
            Self::Channel { channel, id: id.trim().to_owned() }
        } else if let Some(id) = value("id:") {
            Self::Id(id)
        } else if let Some(phone) = value("e164:") {
            Self::E164(phone)
        } else if let Some(handle) = value("username:") {
            Self::Username(without_at(&handle).to_owned())
        } else if let Some(name) = value("name:") {
            Self::Name(name)
        } else {
            Self::Id(without_at(&key).to_owned())
        };
        match &parsed {
            Self::Id(value) | Self::E164(value) | Self::Username(value) | Self::Name(value) if value.is_empty() => None,
            _ => Some(parsed),
        }
    }
}

/// The canonical id of a channel: lower case, aliases resolved.
#[must_use]
pub fn canonical_channel(name: &str) -> String {
    let name = name.trim().to_lowercase();
    CHANNEL_ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, canonical)| (*canonical).to_owned())
}

/// A handle without its `@`.
#[must_use]
pub fn without_at(handle: &str) -> &str {
    handle.strip_prefix('@').unwrap_or(handle)
}

const CHANNEL_ALIASES: &[(&str, &str)] = &[
    ("gchat", "googlechat"),
    ("google-chat", "googlechat"),
    ("imsg", "imessage"),
    ("internet-relay-chat", "irc"),
    ("lark", "feishu"),
    ("nc", "nextcloud-talk"),
    ("nc-talk", "nextcloud-talk"),
    ("teams", "msteams"),
    ("twitch-chat", "twitch"),
    ("zl", "zalo"),
    ("zlu", "zalouser"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_openclaw_reads_them() {
        let text = str::to_owned;
        for (key, expected) in [
            ("*", SenderKey::Anyone),
            ("channel:Teams:29:aBc", SenderKey::Channel { channel: text("msteams"), id: text("29:abc") }),
            (" ID: Bob ", SenderKey::Id(text("bob"))),
            ("id:@bob:hs.org", SenderKey::Id(text("@bob:hs.org"))),
            ("@Bob", SenderKey::Id(text("bob"))),
            ("discord:1", SenderKey::Id(text("discord:1"))),
            ("e164:+15551234567", SenderKey::E164(text("+15551234567"))),
            ("username:@Bob", SenderKey::Username(text("bob"))),
            ("name:Ann Lee", SenderKey::Name(text("ann lee"))),
        ] {
            assert_eq!(SenderKey::parse(key), Some(expected), "{key}");
        }
        for key in ["", " ", "id:", "name: ", "username:@", "@", "channel:", "channel:x", "channel::1", "channel:x:"] {
            assert_eq!(SenderKey::parse(key), None, "{key:?}");
        }
    }
}
