//! Who may write to an agent, channel by channel.

use super::Check;

mod bots;
mod closing;
mod commands;
mod direct;
mod feishu;
mod groups;
mod mentions;
mod names;
mod operators;
mod paired;
mod sessions;
mod synology;
mod telegram;
mod webhooks;

pub(super) const CHECKS: &[Check] = &[
    direct::CHECK,
    groups::CHECK,
    names::CHECK,
    sessions::CHECK,
    telegram::CHECK,
    commands::CHECK,
    feishu::CHECK,
    synology::CHECK,
    webhooks::CHECK,
    operators::CHECK,
    mentions::CHECK,
    bots::CHECK,
    paired::CHECK,
];
