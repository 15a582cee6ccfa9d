//! The log: on standard error, every line masked before it is written. There is no switch for that.

use std::io::{self, Write};

use stockade_core::{Redactor, text};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Sends the log to standard error, through `redactor`.
pub fn start(verbose: u8, redactor: Redactor) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let levels = CRATES.map(|name| format!("{name}={level}")).join(",");
    let filter = EnvFilter::try_from_env("STOCKADE_LOG").unwrap_or_else(|_| EnvFilter::new(format!("warn,{levels}")));
    let format = tracing_subscriber::fmt::layer().with_writer(Masked(redactor)).with_target(false).with_ansi(false);
    tracing_subscriber::registry().with(filter).with(format).init();
}

/// Makes a writer for each event.
struct Masked(Redactor);

/// Holds one event back until it is whole, so that no secret passes in two halves.
struct Line {
    redactor: Redactor,
    held: Vec<u8>,
}

impl<'a> MakeWriter<'a> for Masked {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { redactor: self.0.clone(), held: Vec::new() }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let line = self.redactor.mask(&text::lossy(&self.held));
        // A log that cannot be written has nowhere to say so.
        let _ = io::stderr().lock().write_all(line.as_bytes());
    }
}

const CRATES: [&str; 4] = ["stockade", "stockade_gateway", "stockade_agent", "stockade_sandbox"];

#[cfg(test)]
mod tests {
    use stockade_core::Secret;

    use super::*;

    #[test]
    fn a_secret_in_pieces_is_still_masked() {
        let redactor = Redactor::new([Secret::new("gateway-token-1234")]);
        let mut line = Line { redactor, held: Vec::new() };
        line.write_all(b"token gateway-to").expect("held");
        line.write_all(b"ken-1234 offered").expect("held");
        assert_eq!(line.redactor.mask(&text::lossy(&line.held)), "token [secret] offered");
        line.held.clear();
    }
}
