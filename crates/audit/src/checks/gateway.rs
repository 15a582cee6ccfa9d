//! The gateway's door: binding, authentication, proxies, HTTP interfaces, nodes.

use super::Check;

mod auth;
mod bind;
mod control_ui;
mod credentials;
mod http;
mod nodes;
mod proxies;
mod remote;
mod tailscale;
mod terminal;
mod trusted_proxy;

pub(super) const CHECKS: &[Check] = &[
    auth::CHECK,
    bind::CHECK,
    credentials::CHECK,
    proxies::CHECK,
    trusted_proxy::CHECK,
    control_ui::CHECK,
    tailscale::CHECK,
    http::CHECK,
    nodes::CHECK,
    remote::CHECK,
    terminal::CHECK,
];
