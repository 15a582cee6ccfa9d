//! Who asked for a turn, and the tool layers that hold for them (`toolsBySender`). A layer for somebody only
//! tightens; what a person can choose for themselves, a handle or a display name, never frees them from what
//! holds for everybody. Answers the class "display name spoofs an allowlisted sender".

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stockade_config::model::senders::{canonical_channel, without_at};
use stockade_config::model::{SenderKey, ToolLayer};
use stockade_core::Principal;

use crate::tools::Layer;

/// Who asked. Its fields come from the gateway and the channel's adapter, never from the text of a message.
/// The default is a stranger.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sender {
    /// Whether the gateway is theirs.
    pub owner: bool,
    /// The channel that they wrote on.
    pub channel: Option<String>,
    /// Their id on that channel.
    pub id: Option<String>,
    /// Their phone number, when the channel vouches for it.
    pub e164: Option<String>,
    /// Their handle.
    pub username: Option<String>,
    /// The name that they show.
    pub name: Option<String>,
}

/// One `toolsBySender` map.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SenderLayers(Vec<(SenderKey, Layer)>);

impl Sender {
    /// The owner, at the gateway itself.
    #[must_use]
    pub fn owner() -> Self {
        Self { owner: true, ..Self::default() }
    }

    /// The person behind an authenticated request. Who may start a turn over the gateway's own protocol
    /// holds its secret or a paired device, and is its owner; what the gateway starts by itself nobody
    /// asked for.
    #[must_use]
    pub fn of(principal: &Principal) -> Self {
        match principal {
            Principal::SharedSecret { .. } | Principal::Device { .. } | Principal::Drill => Self::owner(),
            Principal::Gateway => Self::default(),
        }
    }

    /// Whether a key names this sender.
    fn is(&self, key: &SenderKey) -> bool {
        let fold = |value: &Option<String>| value.as_deref().map(|value| value.trim().to_lowercase());
        let same = |value: &Option<String>, key: &str| fold(value).is_some_and(|value| value == key);
        // As other programs may write them: `telegram:42` for `42`, and the id of a phone's channel is its number.
        let bare = |id: &str| {
            let prefix = self.channel.as_deref().map(|channel| format!("{}:", canonical_channel(channel)));
            prefix.and_then(|prefix| id.strip_prefix(&prefix).map(str::to_owned)).unwrap_or_else(|| id.to_owned())
        };
        let same_id = |key: &str| {
            fold(&self.id).map(|id| bare(&id)).is_some_and(|id| {
                id == key || without_at(&id) == key || phone(key).is_some_and(|number| phone(&id) == Some(number))
            })
        };
        let same_phone = |key: &str| {
            let number = phone(key);
            let own = [&self.e164, &self.id].into_iter().filter_map(fold).filter_map(|own| phone(&bare(&own)));
            number.is_some_and(|number| own.into_iter().any(|own| own == number))
        };
        match key {
            SenderKey::Anyone => true,
            SenderKey::Channel { channel, id } => {
                self.channel.as_deref().is_some_and(|own| canonical_channel(own) == *channel) && same_id(id)
            }
            SenderKey::Id(id) => same_id(id),
            SenderKey::E164(number) => same(&self.e164, number) || same_phone(number),
            SenderKey::Username(handle) => fold(&self.username).is_some_and(|own| without_at(&own) == handle),
            SenderKey::Name(name) => same(&self.name, name),
        }
    }
}

/// The digits of a phone number: at least seven, with nothing between them but what people write there.
fn phone(text: &str) -> Option<String> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let rest = text.chars().all(|c| c.is_ascii_digit() || " -.()".contains(c));
    (rest && (7..=15).contains(&digits.len())).then_some(digits)
}

impl SenderLayers {
    /// Reads a map that stands at `origin`.
    pub(crate) fn new(origin: &str, map: &BTreeMap<String, ToolLayer>) -> Self {
        // A key that names nobody does not load; if one did, what it denies would hold for everybody.
        let key = |text: &str| SenderKey::parse(text).unwrap_or(SenderKey::Anyone);
        let layer = |text: &str, tools| Layer::of(format!("{origin}.toolsBySender.{text}"), tools);
        Self(map.iter().map(|(text, tools)| (key(text), layer(text, tools))).collect())
    }

    /// The layers that hold for a sender. OpenClaw applies one entry: that of the channel's id, the id, the
    /// phone number, the handle, the name or `*`, whichever comes first. Here only `channel:` and `e164:`
    /// stand in the place of `*`: a handle and a name are the sender's to choose, and an id alone may be
    /// somebody else's on another channel, so those hold beside it.
    pub fn of<'a>(&'a self, sender: &'a Sender) -> impl Iterator<Item = &'a Layer> {
        let named = move |place: Place| {
            self.0.iter().filter(move |(key, _)| Place::of(key) == place && sender.is(key)).map(|(_, layer)| layer)
        };
        let exact =
            [Place::Channel, Place::Phone, Place::Anyone].into_iter().find(|place| named(*place).next().is_some());
        named(Place::Beside).chain(exact.into_iter().flat_map(named))
    }

    /// Every layer of the map.
    pub(crate) fn every_layer(&self) -> impl Iterator<Item = &Layer> {
        self.0.iter().map(|(_, layer)| layer)
    }

    /// Somebody for each entry that stands in the place of `*`.
    pub(crate) fn exceptions(&self) -> impl Iterator<Item = Sender> {
        self.0.iter().filter_map(|(key, _)| match key.clone() {
            SenderKey::Channel { channel, id } => {
                Some(Sender { channel: Some(channel), id: Some(id), ..Sender::default() })
            }
            SenderKey::E164(phone) => Some(Sender { e164: Some(phone), ..Sender::default() }),
            SenderKey::Anyone | SenderKey::Id(_) | SenderKey::Username(_) | SenderKey::Name(_) => None,
        })
    }

    /// The entries that hold beside the others.
    pub(crate) fn beside(&self) -> impl Iterator<Item = (&SenderKey, &Layer)> {
        self.0.iter().filter(|(key, _)| Place::of(key) == Place::Beside).map(|(key, layer)| (key, layer))
    }
}

/// What an entry stands in the place of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Channel,
    Phone,
    Anyone,
    Beside,
}

impl Place {
    const fn of(key: &SenderKey) -> Self {
        match key {
            SenderKey::Channel { .. } => Self::Channel,
            SenderKey::E164(_) => Self::Phone,
            SenderKey::Anyone => Self::Anyone,
            SenderKey::Id(_) | SenderKey::Username(_) | SenderKey::Name(_) => Self::Beside,
        }
    }
}

#[cfg(test)]
#[path = "sender/tests.rs"]
mod tests;
