//! The containers that OpenClaw made, from the engine's own mouth: the Docker Engine API over its socket, which Podman
//! speaks too. Only asks; runs no command.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use stockade_core::text;

use super::http::exchange;
use super::line::Line;
use crate::snapshot::Trouble;
use crate::snapshot::live::{Container, Mounted, Published};

/// What the engines said.
#[derive(Debug, Default)]
pub(super) struct Engines {
    /// The containers.
    pub containers: Vec<Container>,
    /// The engine that gave no answer in time.
    pub silent: Option<String>,
    /// Engines that could not be asked, or did not answer as engines do.
    pub troubles: Vec<Trouble>,
}

/// Asks every engine that is there. `host` is `DOCKER_HOST`; where it names a socket, that is Docker's.
pub(super) fn containers(host: Option<&str>, uid: u32, timeout: Duration) -> Engines {
    let mut found = Engines::default();
    if let Some(host) = host.filter(|host| !host.trim().is_empty() && !host.starts_with("unix:///")) {
        let what = "names a container engine that is no socket of this machine; its sandboxes were not looked at";
        let shown = host.split("://").next().unwrap_or_default();
        found.troubles.push(Trouble { path: format!("DOCKER_HOST ({shown})"), what: what.to_owned() });
    }
    for socket in sockets(host, uid) {
        match of(&socket, Instant::now() + timeout) {
            Ok(containers) => found.containers.extend(containers),
            // No engine: nothing to say.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {}
            Err(error) if error.kind() == ErrorKind::TimedOut => found.silent = Some(socket.display().to_string()),
            Err(error) => {
                let what = format!("the container engine cannot be asked: {error}");
                found.troubles.push(Trouble { path: socket.display().to_string(), what });
            }
        }
    }
    found
}

fn sockets(host: Option<&str>, uid: u32) -> Vec<PathBuf> {
    let named = host.and_then(|host| host.strip_prefix("unix://")).filter(|path| path.starts_with('/'));
    let mut sockets: Vec<PathBuf> = match named {
        Some(path) => vec![PathBuf::from(path)],
        None => vec![PathBuf::from("/var/run/docker.sock"), PathBuf::from(format!("/run/user/{uid}/docker.sock"))],
    };
    sockets.extend([PathBuf::from(format!("/run/user/{uid}/podman/podman.sock"))]);
    sockets.push(PathBuf::from("/run/podman/podman.sock"));
    let mut known = Vec::new();
    sockets.retain(|socket| {
        let Ok(real) = socket.canonicalize() else { return false };
        let new = !known.contains(&real);
        known.push(real);
        new
    });
    sockets
}

fn of(socket: &Path, until: Instant) -> std::io::Result<Vec<Container>> {
    let mut ids: Vec<String> = Vec::new();
    for label in ["openclaw.sandbox%3D1", "openclaw.sandboxBrowser%3D1"] {
        let listed =
            get(socket, &format!("/containers/json?all=1&filters=%7B%22label%22%3A%5B%22{label}%22%5D%7D"), until)?;
        for id in listed.as_array().into_iter().flatten().filter_map(|one| one.get("Id")?.as_str()) {
            // It becomes part of a path.
            if !ids.iter().any(|known| known == id) && id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric()) {
                ids.push(id.to_owned());
            }
        }
    }
    ids.truncate(MAX_CONTAINERS);
    let mut containers = Vec::new();
    for id in ids {
        match get(socket, &format!("/containers/{id}/json"), until) {
            Ok(inspected) => containers.push(container(&inspected)),
            // It ended in between.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(containers)
}

fn get(socket: &Path, path: &str, until: Instant) -> std::io::Result<Value> {
    let mut line = Line::unix(socket, until)?;
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: engine\r\nAccept: application/json\r\nConnection: close\r\n\r\n");
    let response = exchange(&mut line, &request, MAX_BODY)?;
    match response.status {
        200 => serde_json::from_slice(&response.body)
            .map_err(|_| std::io::Error::new(ErrorKind::InvalidData, "its answer is not JSON")),
        404 => Err(ErrorKind::NotFound.into()),
        status => Err(std::io::Error::other(format!("it answered with HTTP {status}"))),
    }
}

fn container(inspected: &Value) -> Container {
    let at = |pointer: &str| inspected.pointer(pointer);
    let word = |pointer: &str| at(pointer).and_then(Value::as_str).map(shown).unwrap_or_default();
    let is = |pointer: &str| at(pointer) == Some(&Value::Bool(true));
    let list = |pointer: &str| -> Vec<String> {
        let items = at(pointer).and_then(Value::as_array).into_iter().flatten().take(MAX_ITEMS);
        items.filter_map(Value::as_str).map(shown).collect()
    };
    let label = |name: &str| {
        let labels = at("/Config/Labels").and_then(Value::as_object);
        labels.and_then(|labels| labels.get(name)?.as_str()).map(shown).filter(|text| !text.is_empty())
    };
    let devices = at("/HostConfig/Devices").and_then(Value::as_array).into_iter().flatten().take(MAX_ITEMS);
    Container {
        name: word("/Name").trim_start_matches('/').to_owned(),
        running: is("/State/Running"),
        browser: label("openclaw.sandboxBrowser").as_deref() == Some("1"),
        scope: label("openclaw.sessionKey"),
        config_hash: label("openclaw.configHash"),
        browser_epoch: label("openclaw.browserConfigEpoch"),
        mounts: mounts(at("/Mounts")),
        published: published(at("/NetworkSettings/Ports"), at("/HostConfig/PortBindings")),
        privileged: is("/HostConfig/Privileged"),
        cap_add: list("/HostConfig/CapAdd"),
        cap_drop: list("/HostConfig/CapDrop"),
        network: word("/HostConfig/NetworkMode"),
        pid: word("/HostConfig/PidMode"),
        ipc: word("/HostConfig/IpcMode"),
        user: word("/Config/User"),
        security: list("/HostConfig/SecurityOpt"),
        read_only: is("/HostConfig/ReadonlyRootfs"),
        pids_limit: at("/HostConfig/PidsLimit").and_then(Value::as_i64).filter(|limit| *limit > 0),
        devices: devices.filter_map(|device| device.get("PathOnHost")?.as_str()).map(shown).collect(),
    }
}

fn mounts(mounts: Option<&Value>) -> Vec<Mounted> {
    let mounts = mounts.and_then(Value::as_array).into_iter().flatten().take(MAX_ITEMS);
    let binds = mounts.filter(|mount| mount.get("Type").and_then(Value::as_str) == Some("bind"));
    let word = |mount: &Value, key: &str| mount.get(key).and_then(Value::as_str).map(shown).unwrap_or_default();
    binds
        .map(|mount| {
            let source = word(mount, "Source");
            let real = std::fs::canonicalize(&source).ok().map(|real| real.display().to_string());
            Mounted {
                real: real.filter(|real| *real != source),
                target: word(mount, "Destination"),
                writable: mount.get("RW") == Some(&Value::Bool(true)),
                source,
            }
        })
        .collect()
}

/// Ports as they are published, or will be when the container is started again.
fn published(now: Option<&Value>, configured: Option<&Value>) -> Vec<Published> {
    let mut found: Vec<Published> = Vec::new();
    for ports in [now, configured].into_iter().flatten().filter_map(Value::as_object) {
        for (port, bindings) in ports.iter().take(MAX_ITEMS) {
            for binding in bindings.as_array().into_iter().flatten().take(MAX_ITEMS) {
                let address = binding.get("HostIp").and_then(Value::as_str).map(shown).unwrap_or_default();
                let one = Published { port: shown(port), address };
                if !found.contains(&one) {
                    found.push(one);
                }
            }
        }
    }
    found
}

fn shown(said: &str) -> String {
    text::clip(&text::single_line(said), MAX_WORD)
}

const MAX_BODY: usize = 8 << 20;
const MAX_CONTAINERS: usize = 1000;
const MAX_ITEMS: usize = 256;
/// As long as a path can be.
const MAX_WORD: usize = 4096;
