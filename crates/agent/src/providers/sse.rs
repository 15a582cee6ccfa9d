//! Server-sent events (WHATWG HTML, section 9.2), as far as model providers use them. Owns the
//! bounds on lines and events: a stream without a line end must not grow without end.

use std::collections::VecDeque;

use super::WireError;

/// One event: its type and its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// The `event` field; empty when there was none.
    pub(crate) name: String,
    /// The `data` fields, joined by line feeds.
    pub(crate) data: String,
}

/// Takes bytes in any pieces and gives events out.
#[derive(Debug, Default)]
pub(crate) struct EventReader {
    line: Vec<u8>,
    name: String,
    data: Option<String>,
    after_cr: bool,
    begun: bool,
    ready: VecDeque<Event>,
}

/// Bytes of one line, and of one event's data.
pub(crate) const MAX_EVENT: usize = 1 << 20;

impl EventReader {
    /// Takes the next bytes of the stream.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        for &byte in bytes {
            let ends_crlf = std::mem::take(&mut self.after_cr) && byte == b'\n';
            match byte {
                b'\n' if ends_crlf => {}
                b'\n' | b'\r' => {
                    self.after_cr = byte == b'\r';
                    self.end_line()?;
                }
                _ if self.line.len() >= MAX_EVENT => return Err(WireError::TooLarge("a line of the stream")),
                _ => self.line.push(byte),
            }
        }
        Ok(())
    }

    /// The next whole event. What follows the last blank line is not one.
    pub(crate) fn next(&mut self) -> Option<Event> {
        self.ready.pop_front()
    }

    fn end_line(&mut self) -> Result<(), WireError> {
        let bytes = std::mem::take(&mut self.line);
        let line = std::str::from_utf8(&bytes).map_err(|_| WireError::Malformed("text that is not UTF-8"))?;
        let line = if self.begun { line } else { line.trim_start_matches('\u{feff}') };
        self.begun = true;
        if line.is_empty() {
            let name = std::mem::take(&mut self.name);
            self.ready.extend(self.data.take().map(|data| Event { name, data }));
            return Ok(());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                let held = self.data.as_ref().map_or(0, |data| data.len() + 1);
                if held + value.len() > MAX_EVENT {
                    return Err(WireError::TooLarge("an event of the stream"));
                }
                match self.data.as_mut() {
                    Some(data) => data.extend(["\n", value]),
                    None => self.data = Some(value.to_owned()),
                }
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> Result<Vec<(String, String)>, WireError> {
        let mut reader = EventReader::default();
        let mut events = Vec::new();
        for piece in pieces {
            reader.push(piece)?;
            while let Some(event) = reader.next() {
                events.push((event.name, event.data));
            }
        }
        Ok(events)
    }

    #[test]
    fn every_split_of_the_stream_reads_the_same() {
        let stream =
            "\u{feff}: hi\r\ndata: a\r\ndata:b\r\n\r\nevent: e\rdata: é漢\rid: 1\r\rdata\n\ndata: lost".as_bytes();
        let whole = read(&[stream]).expect("a stream");
        let pairs = [("", "a\nb"), ("e", "é漢"), ("", "")];
        assert_eq!(whole, pairs.map(|(name, data)| (name.to_owned(), data.to_owned())));
        for at in 0..=stream.len() {
            let (head, tail) = stream.split_at(at);
            assert_eq!(read(&[head, tail]).expect("a stream"), whole, "split at {at}");
        }
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(read(&bytes).expect("a stream"), whole);
    }

    #[test]
    fn endless_lines_and_events_are_refused() {
        let endless = vec![b'x'; MAX_EVENT + 1];
        assert_eq!(read(&[&endless]), Err(WireError::TooLarge("a line of the stream")));
        let line = [b"data: ".as_slice(), &vec![b'x'; 1000], b"\n"].concat();
        assert_eq!(read(&[&line.repeat(1100)]), Err(WireError::TooLarge("an event of the stream")));
        assert_eq!(read(&[b"data: \xff\n\n"]), Err(WireError::Malformed("text that is not UTF-8")));
    }
}
