//! DNS messages, as far as mDNS needs them: a question is written, an answer is read. Names that point at themselves,
//! records that say they are longer than the packet, and packets of nothing but records have an end here.

/// A record of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// Whose.
    pub name: String,
    /// What it says.
    pub data: Data,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Data {
    /// PTR: another name.
    Pointer(String),
    /// SRV: the port.
    Service(u16),
    /// TXT: the keys, without their values.
    Keys(Vec<String>),
    /// Anything else.
    Other,
}

/// A question for these names and types, class IN.
pub(super) fn query(questions: &[(&str, u16)]) -> Vec<u8> {
    let count = u16::try_from(questions.len()).unwrap_or(0);
    let mut message = Vec::new();
    for field in [ID, 0, count, 0, 0, 0] {
        message.extend(field.to_be_bytes());
    }
    for (name, kind) in questions {
        for label in labels(name) {
            message.push(u8::try_from(label.len()).unwrap_or(0));
            message.extend(label.as_bytes());
        }
        message.push(0);
        message.extend(kind.to_be_bytes());
        message.extend(IN.to_be_bytes());
    }
    message
}

/// The records of an answer to [`query`]; `None` when it is none.
pub(super) fn records(message: &[u8]) -> Option<Vec<Record>> {
    let mut reader = Reader { message, at: 0 };
    let (id, flags) = (reader.number()?, reader.number()?);
    let counts = [reader.number()?, reader.number()?, reader.number()?, reader.number()?];
    let [questions, rest @ ..] = counts;
    if id != ID || flags & RESPONSE == 0 || questions > MAX_QUESTIONS {
        return None;
    }
    for _ in 0..questions {
        reader.name()?;
        reader.skip(4)?;
    }
    let count: usize = rest.into_iter().map(usize::from).sum();
    // What follows a broken record is not looked at; what stands before it is.
    Some((0..count.min(MAX_RECORDS)).map_while(|_| reader.record()).collect())
}

struct Reader<'m> {
    message: &'m [u8],
    at: usize,
}

impl Reader<'_> {
    fn skip(&mut self, length: usize) -> Option<&[u8]> {
        let end = self.at.checked_add(length)?;
        let bytes = self.message.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }

    fn number(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.skip(2)?.try_into().ok()?))
    }

    fn record(&mut self) -> Option<Record> {
        let name = self.name()?;
        let kind = self.number()?;
        self.skip(6)?;
        let length = usize::from(self.number()?);
        let start = self.at;
        let bytes = self.skip(length)?.to_vec();
        let end = self.at;
        let data = match kind {
            12 => {
                let mut inside = Reader { message: self.message.get(..end)?, at: start };
                Data::Pointer(inside.name()?)
            }
            33 => Data::Service(u16::from_be_bytes(bytes.get(4..6)?.try_into().ok()?)),
            16 => Data::Keys(keys(&bytes)),
            _ => Data::Other,
        };
        Some(Record { name, data })
    }

    /// A name, with `.` and `\` inside of a label escaped. A pointer leads only back, so that there is an end.
    fn name(&mut self) -> Option<String> {
        let (mut name, mut at, mut after) = (String::new(), self.at, None);
        let mut limit = at;
        for _ in 0..MAX_LABELS {
            let length = *self.message.get(at)?;
            match length {
                0 => {
                    self.at = after.unwrap_or(at + 1);
                    return Some(name);
                }
                1..=63 => {
                    let label = self.message.get(at + 1..at + 1 + usize::from(length))?;
                    if !name.is_empty() {
                        name.push('.');
                    }
                    for c in std::str::from_utf8(label).ok()?.chars() {
                        if matches!(c, '.' | '\\') {
                            name.push('\\');
                        }
                        name.push(c);
                    }
                    if name.len() > MAX_NAME {
                        return None;
                    }
                    at += 1 + usize::from(length);
                }
                192.. => {
                    let low = *self.message.get(at + 1)?;
                    let target = usize::from(u16::from_be_bytes([length & 0x3f, low]));
                    if target >= limit {
                        return None;
                    }
                    after = after.or(Some(at + 2));
                    (at, limit) = (target, target);
                }
                _ => return None,
            }
        }
        None
    }
}

/// The labels of a name as [`Reader::name`] writes it.
fn labels(name: &str) -> Vec<String> {
    let (mut labels, mut label, mut characters) = (Vec::new(), String::new(), name.chars());
    while let Some(c) = characters.next() {
        match c {
            '\\' => label.extend(characters.next()),
            '.' => labels.push(std::mem::take(&mut label)),
            c => label.push(c),
        }
    }
    labels.push(label);
    labels.retain(|label| (1..=63).contains(&label.len()));
    labels
}

/// The keys of a TXT record: each piece has its length before it.
fn keys(mut bytes: &[u8]) -> Vec<String> {
    let mut keys = Vec::new();
    while let Some((&length, rest)) = bytes.split_first() {
        let Some((piece, rest)) = rest.split_at_checked(usize::from(length)) else { break };
        bytes = rest;
        let key = piece.split(|byte| *byte == b'=').next().unwrap_or_default();
        if let (Ok(key), true) = (std::str::from_utf8(key), keys.len() < MAX_KEYS && !key.is_empty()) {
            keys.push(key.to_owned());
        }
    }
    keys
}

/// Said in the question and repeated in the answer.
const ID: u16 = 0x5354;
const IN: u16 = 1;
const RESPONSE: u16 = 0x8000;
const MAX_QUESTIONS: u16 = 16;
const MAX_RECORDS: usize = 256;
const MAX_LABELS: usize = 128;
const MAX_NAME: usize = 512;
const MAX_KEYS: usize = 64;

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const SERVICE: &str = "_openclaw-gw._tcp.local";

    pub(crate) fn txt(pieces: &[&str]) -> Vec<u8> {
        pieces.iter().flat_map(|piece| [&[piece.len() as u8], piece.as_bytes()].concat()).collect()
    }

    /// An answer as a responder compresses it: PTR, then SRV and TXT of the instance.
    pub(crate) fn answer(instance: &str, port: u16, txt: &[u8]) -> Vec<u8> {
        let mut message = query(&[(SERVICE, 12)]);
        message[2] = 0x84;
        message[7] = 1;
        message[11] = 2;
        let record = |message: &mut Vec<u8>, pointer: u16, kind: u16, data: &[u8]| {
            message.extend(pointer.to_be_bytes());
            for field in [kind, 1, 0, 4500, data.len() as u16] {
                message.extend(field.to_be_bytes());
            }
            message.extend(data);
        };
        let name = [&[instance.len() as u8], instance.as_bytes(), &[0xc0, 12]].concat();
        record(&mut message, 0xc00c, 12, &name);
        let at = 0xc000 | (message.len() - name.len()) as u16;
        let target = [&[0_u8, 0, 0, 0][..], &port.to_be_bytes(), &[2, b'v', b'm', 0]].concat();
        record(&mut message, at, 33, &target);
        record(&mut message, at, 16, txt);
        message
    }

    #[test]
    fn an_answer_is_read() {
        let read = records(&answer("v.m (OpenClaw)", 28_300, &txt(&["role=gateway", "sshPort=22", "flag", ""])));
        let name = format!("v\\.m (OpenClaw).{SERVICE}");
        let expected = [
            Record { name: SERVICE.into(), data: Data::Pointer(name.clone()) },
            Record { name: name.clone(), data: Data::Service(28_300) },
            Record { name: name.clone(), data: Data::Keys(["role", "sshPort", "flag"].map(str::to_owned).to_vec()) },
        ];
        assert_eq!(read.expect("an answer"), expected);
        assert_eq!(labels(&name)[0], "v.m (OpenClaw)", "and can be asked for");
    }

    #[test]
    fn an_answer_that_is_cut_anywhere_or_has_any_byte_changed_ends() {
        let whole = answer("vm (OpenClaw)", 18_789, &txt(&["role=gateway"]));
        let said = records(&whole).expect("an answer").len();
        for end in 0..whole.len() {
            // What was cut off is not made up.
            assert!(records(&whole[..end]).is_none_or(|records| records.len() <= said), "cut at {end}");
        }
        for at in 0..whole.len() {
            for byte in [0, 1, 63, 64, 0x80, 0xc0, 0xff] {
                let mut changed = whole.clone();
                changed[at] = byte;
                // A record takes eleven bytes at the least: a count alone makes none.
                assert!(records(&changed).is_none_or(|records| records.len() <= whole.len() / 11), "{at} is {byte}");
            }
        }
    }

    #[test]
    fn names_that_lead_in_circles_are_refused() {
        let head = |names: &[u8]| [&query(&[])[..2], &[0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0], names].concat();
        let rest = [0, 12, 0, 1, 0, 0, 0, 0, 0, 2, 0xc0, 12];
        for name in [&[0xc0, 12][..], &[0xc0, 14, 0xc0, 12], &[1, b'a', 0xc0, 12], &[0xc0, 200], &[0x80, 0]] {
            assert_eq!(records(&head(&[name, &rest].concat())), Some(Vec::new()), "{name:?}");
        }
        // Many labels, each pointing at the one before: long, but with an end.
        let mut chain = head(&[0]);
        for at in (13..4000_u16).step_by(4) {
            chain.extend([1, b'a', 0xc0 | ((at - 4).max(12) >> 8) as u8, (at - 4).max(12) as u8]);
        }
        assert!(records(&chain).is_some());
    }
}
