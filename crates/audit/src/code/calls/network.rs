//! What leaves the machine: where to, and whether it may.

use std::rc::Rc;

use super::super::flow::Flow;
use super::super::texts::{self, Destination, Variable};
use super::super::value::{Data, Value, join};
use super::{COMMON_PORTS, all, is_below, told};
use crate::finding::Severity::{Critical, Warn};

impl Flow<'_> {
    pub(super) fn send(&mut self, path: &str, receiver: &Value, arguments: &[Value], line: u32, new: bool) -> Value {
        let none = Value::default();
        let first = arguments.first().unwrap_or(&none);
        let given =
            ["url", "uri", "hostname", "host", "baseURL"].iter().find_map(|name| first.field(name)).unwrap_or(first);
        let address = if path.starts_with('@') { receiver.text.clone() } else { given.text.clone() };
        let address = address.unwrap_or_default();
        if path == "WebSocket" && new || path == "net.connect" {
            let odd = texts::port(&address).is_some_and(|port| !COMMON_PORTS.contains(&port));
            if path == "WebSocket" && odd && texts::destination(&address) != Destination::Loopback {
                self.say("suspicious-network", Warn, line, "opens a WebSocket to an unusual port", None);
            }
        }
        if let Destination::Odd(why @ ("a bare public address" | "the cloud's metadata service")) =
            texts::destination(&address)
        {
            self.say("suspicious-network", Warn, line, &format!("goes to {why}"), None);
        }
        if path.starts_with("dns.") {
            if let Some(origin) =
                told(&all(arguments), &[Data::Secret, Data::Environment, Data::OutsideFile, Data::Output])
            {
                self.say("potential-exfiltration", Critical, line, "sends data in the name of a host", Some(&origin));
            } else if let Some(origin) = first
                .taint
                .iter()
                .find(|o| matches!(&o.kind, Data::Variable(name) if texts::variable(name) != Variable::Other))
            {
                let origin = Rc::clone(origin);
                self.say("env-harvesting", Critical, line, "sends a credential in the name of a host", Some(&origin));
            }
            return Value::default();
        }
        let mut sent = all(arguments);
        if arguments.iter().any(|argument| argument.holds_environment(4)) {
            let taint = self.origin(Data::Environment, line, "process.env, whole");
            join(&mut sent.taint, &taint);
        }
        self.judge(&sent, &address, &format!("{} sends it", path.trim_start_matches('@')), line);
        let kind = match path {
            "WebSocket" | "net.connect" | "net.createConnection" | "net.Socket" | "net.tls" | "dgram.createSocket" => {
                "@socket"
            }
            "http.request" | "http.get" | "XMLHttpRequest" => "@request",
            "@socket.connect" | "@request.open" => return receiver.clone(),
            _ => "@response",
        };
        let taint = self.origin(Data::Network, line, format!("what {} gives", path.trim_start_matches('@')));
        Value { text: Some(address), rest: taint.clone(), taint, ..Value::path(kind) }
    }

    /// Data on its way out: whether it may go there.
    pub(super) fn judge(&mut self, sent: &Value, address: &str, what: &str, line: u32) {
        let place = texts::destination(address);
        if place == Destination::Loopback {
            return;
        }
        let mut credentials = 0;
        for origin in &sent.taint {
            match &origin.kind {
                Data::Environment => self.say("env-harvesting", Critical, line, what, Some(origin)),
                Data::Secret => self.say("potential-exfiltration", Critical, line, what, Some(origin)),
                Data::OutsideFile => self.say("potential-exfiltration", Warn, line, what, Some(origin)),
                Data::Output if matches!(place, Destination::Odd(_)) => {
                    self.say("potential-exfiltration", Critical, line, what, Some(origin));
                }
                Data::AnyFile if matches!(place, Destination::Odd(why) if why != "a host without encryption") => {
                    self.say("potential-exfiltration", Critical, line, what, Some(origin));
                }
                Data::Variable(name) => {
                    let kind = texts::variable(name);
                    credentials += usize::from(!matches!(kind, Variable::Other));
                    let wrong = match (kind, place) {
                        (Variable::Known(_) | Variable::Secret, Destination::Odd(why)) => Some(why),
                        (Variable::Known(hosts), Destination::Host(host))
                            if !hosts.iter().any(|own| is_below(host, own)) =>
                        {
                            Some("a host that is not its owner's")
                        }
                        _ => None,
                    };
                    if let Some(why) = wrong {
                        self.say("env-harvesting", Critical, line, &format!("{what} to {why}"), Some(origin));
                    }
                }
                _ => {}
            }
        }
        if credentials >= 4
            && let Some(origin) = sent.taint.iter().find(|origin| matches!(origin.kind, Data::Variable(_)))
        {
            self.say("env-harvesting", Critical, line, &format!("{what}, with others"), Some(origin));
        }
    }
}
