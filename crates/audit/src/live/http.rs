//! One HTTP/1.1 request and its answer, over a [`super::line::Line`]: for the gateway's HTTP side and for a container
//! engine. Knows nothing of redirects, cookies or compression, and keeps no connection.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};

/// An answer.
#[derive(Debug)]
pub(super) struct Response {
    /// The status.
    pub status: u16,
    /// The body; empty when it was not asked for.
    pub body: Vec<u8>,
}

/// Sends a request and reads the answer; of the body only as much as `most`, and an error when it is longer.
///
/// # Errors
/// The connection's, and `InvalidData` for what is not HTTP or too long.
pub(super) fn exchange(line: &mut (impl Read + Write), request: &str, most: usize) -> Result<Response> {
    line.write_all(request.as_bytes())?;
    line.flush()?;
    let mut reader = BufReader::new(line);
    let (status, framing) = head(&mut reader)?;
    let mut body = Vec::new();
    if most > 0 {
        match framing {
            Framing::Chunked => chunks(&mut reader, &mut body, most)?,
            Framing::Length(length) if length > most => return Err(wrong("the answer is too long")),
            Framing::Length(length) => exactly(&mut reader, length, &mut body)?,
            Framing::End => {
                let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
                reader.take(limit).read_to_end(&mut body)?;
                if body.len() > most {
                    return Err(wrong("the answer is too long"));
                }
            }
        }
    }
    Ok(Response { status, body })
}

/// How the end of a body is told.
enum Framing {
    Length(usize),
    Chunked,
    End,
}

fn head(reader: &mut impl BufRead) -> Result<(u16, Framing)> {
    let mut budget = MAX_HEAD;
    let first = text_line(reader, &mut budget)?;
    let rest = first.strip_prefix("HTTP/1.").ok_or_else(|| wrong("this is not HTTP/1"))?;
    let status = rest.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status: u16 = status.filter(|status| (100..1000).contains(status)).ok_or_else(|| wrong("no HTTP status"))?;
    let (mut length, mut chunked) = (None, false);
    loop {
        let line = text_line(reader, &mut budget)?;
        if line.is_empty() {
            break;
        }
        let Some((name, value)) = line.split_once(':') else { return Err(wrong("a header without a colon")) };
        if name.eq_ignore_ascii_case("content-length") {
            let given: usize = value.trim().parse().map_err(|_| wrong("a length that is no number"))?;
            if length.replace(given).is_some_and(|other| other != given) {
                return Err(wrong("two lengths"));
            }
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            if !value.trim().eq_ignore_ascii_case("chunked") {
                return Err(wrong("an unknown transfer encoding"));
            }
            chunked = true;
        }
    }
    match (length, chunked) {
        (Some(_), true) => Err(wrong("a length and chunks")),
        (_, true) => Ok((status, Framing::Chunked)),
        (Some(length), false) => Ok((status, Framing::Length(length))),
        (None, false) => Ok((status, Framing::End)),
    }
}

fn chunks(reader: &mut impl BufRead, body: &mut Vec<u8>, most: usize) -> Result<()> {
    // The framing of tiny chunks counts too: a chunk of one byte costs six.
    let mut budget = most.saturating_add(MAX_HEAD);
    loop {
        let line = text_line(reader, &mut budget)?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| wrong("a chunk without a size"))?;
        if size == 0 {
            return Ok(());
        }
        if size > most.saturating_sub(body.len()) {
            return Err(wrong("the answer is too long"));
        }
        exactly(reader, size, body)?;
        if !text_line(reader, &mut budget)?.is_empty() {
            return Err(wrong("a chunk that does not end"));
        }
    }
}

fn exactly(reader: &mut impl Read, length: usize, body: &mut Vec<u8>) -> Result<()> {
    let before = body.len();
    let limit = u64::try_from(length).unwrap_or(u64::MAX);
    reader.take(limit).read_to_end(body)?;
    if body.len().saturating_sub(before) < length { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}

/// One line without its end, taken out of what may still come.
fn text_line(reader: &mut impl BufRead, budget: &mut usize) -> Result<String> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(*budget).unwrap_or(u64::MAX);
    reader.by_ref().take(limit).read_until(b'\n', &mut bytes)?;
    *budget = budget.saturating_sub(bytes.len());
    if bytes.pop() != Some(b'\n') {
        return Err(wrong("a line that does not end"));
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    String::from_utf8(bytes).map_err(|_| wrong("a header that is not text"))
}

fn wrong(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

const MAX_HEAD: usize = 32 << 10;

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// What comes in, whatever goes out.
    struct Said(Cursor<Vec<u8>>);

    impl Read for Said {
        fn read(&mut self, into: &mut [u8]) -> Result<usize> {
            self.0.read(into)
        }
    }

    impl Write for Said {
        fn write(&mut self, bytes: &[u8]) -> Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    fn answer(said: &str) -> Result<Response> {
        exchange(&mut Said(Cursor::new(said.as_bytes().to_vec())), "GET / HTTP/1.1\r\n\r\n", 64)
    }

    #[test]
    fn bodies_are_read_however_they_are_framed() {
        for said in [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, more",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
            "HTTP/1.0 200 OK\n\nhello",
        ] {
            let response = answer(said).expect("an answer");
            assert_eq!((response.status, response.body.as_slice()), (200, b"hello".as_slice()), "{said:?}");
        }
    }

    #[test]
    fn what_a_hostile_server_says_is_an_error_and_not_a_wait() {
        let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "a".repeat(MAX_HEAD));
        let headers = format!("HTTP/1.1 200 OK\r\n{}", "a: b\r\n".repeat(MAX_HEAD));
        let bytes = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}", "1\r\na\r\n".repeat(100));
        let long = format!("HTTP/1.1 200 OK\r\n\r\n{}", "a".repeat(65));
        for said in [
            "",
            "SSH-2.0-OpenSSH_9.2\r\n",
            "HTTP/1.1 99999999 OK\r\n\r\n",
            "HTTP/1.1 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 65\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n",
            "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            &endless,
            &headers,
            &bytes,
            &long,
        ] {
            assert!(answer(said).is_err(), "{:?}", &said[..said.len().min(90)]);
        }
    }
}
