use std::io::Read;
use std::ops::ControlFlow;

use proptest::prelude::*;

use super::shape::{Class, Part, Rule};
use super::*;

/// What is found in a text: rule, line, secret.
fn found(text: &str) -> Vec<(&'static str, u32, String)> {
    read(&mut text.as_bytes())
}

fn read(reader: &mut impl Read) -> Vec<(&'static str, u32, String)> {
    let mut found = Vec::new();
    let keep = |hit: Hit<'_>| {
        found.push((hit.rule, hit.line, hit.secret.to_owned()));
        ControlFlow::Continue(())
    };
    Scanner::new(&[]).scan(reader, &mut Vec::new(), keep).expect("readable");
    found
}

/// Characters of a class, drawn from a seed, of so many.
fn run(class: Class, length: usize, seed: &mut u64) -> String {
    let plain: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let allowed: Vec<u8> = plain.iter().copied().filter(|byte| class.has(*byte)).collect();
    (0..length)
        .map(|_| {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(allowed[(*seed >> 33) as usize % allowed.len()])
        })
        .collect()
}

/// A secret of the shape of a rule.
fn made(rule: &Rule, prefix: usize, seed: &mut u64) -> String {
    let lead = rule.lead.map_or(String::new(), |(class, _, most)| run(class, most, seed));
    let mut text = lead + rule.prefixes[prefix % rule.prefixes.len()];
    for part in rule.then {
        match part {
            Part::Run(class, least, most) => text += &run(*class, (*least).max(1).max((*most).min(*least + 12)), seed),
            Part::Text(fixed) => text += fixed,
            Part::Gap => text.push('\n'),
        }
    }
    text
}

fn cases() -> impl Iterator<Item = (&'static Rule, usize)> {
    rules::MARKED.iter().flat_map(|rule| (0..rule.prefixes.len()).map(move |prefix| (rule, prefix)))
}

#[test]
fn every_rule_finds_its_own_in_every_dress() {
    let mut seed = 7;
    for (rule, prefix) in cases() {
        let secret = made(rule, prefix, &mut seed);
        for text in [
            secret.clone(),
            format!("first line\nKEY={secret}\n"),
            format!("{{\"content\":\"take \\\"{}\\\"\\n\"}}", secret.replace('\n', "\\n")),
            format!("\\n{}\\n", secret.replace('\n', "\\n")),
            format!("\\u0022{}\\u0022", secret.replace('\n', "\\n")),
            format!("see ({secret}), and"),
        ] {
            let hits = found(&text);
            assert_eq!(hits.len(), 1, "{} in {text}: {hits:?}", rule.id);
        }
        assert!(looks_like(&secret).is_some(), "{}: {secret}", rule.id);
        assert!(looks_like(&format!("see {secret}")).is_none(), "{}", rule.id);
    }
}

proptest! {
    /// No secret is shown: at most the mark that all of its kind have, which no one draws.
    #[test]
    fn what_is_shown_gives_nothing_away(seed in any::<u64>()) {
        let mut seed = seed;
        for (rule, prefix) in cases().chain(rules::BARE.iter().map(|rule| (rule, 0))) {
            let secret = made(rule, prefix, &mut seed);
            let shown = mask(&secret);
            let behind = rule.lead.map_or(rule.prefixes[prefix].len(), |_| 0);
            let hidden: Vec<char> = secret[behind..].chars().collect();
            for piece in hidden.windows(8).map(|piece| piece.iter().collect::<String>()) {
                prop_assert!(!shown.contains(&piece), "{}: {} in {}", rule.id, piece, shown);
            }
            prop_assert!(!shown.contains(&secret));
        }
        let bare = run(Class::Alnum, 24, &mut seed);
        prop_assert_eq!(mask(&bare), "…(24)");
    }

    /// Anything at all is looked through without a panic, however it is cut.
    #[test]
    fn garbage_is_only_read(bytes in proptest::collection::vec(any::<u8>(), 0..4096), head in "(sk-|-----BEGIN |://|_TOKEN|eyJhbGciOi|:AA){0,8}") {
        let text = [head.as_bytes(), &bytes, head.as_bytes()].concat();
        let lines = text.iter().filter(|byte| **byte == b'\n').count() + 1;
        for (rule, line, secret) in read(&mut text.as_slice()) {
            prop_assert!((1..=lines).contains(&(line as usize)), "{} in line {} of {}", rule, line, lines);
            prop_assert!(!secret.is_empty() && secret.len() <= text.len(), "{}", rule);
        }
    }
}

#[test]
fn assigned_values_are_found_by_their_names() {
    let value = "q7Hs82kLmZ04xWvT9bNc31Rd";
    for text in [
        format!("MY_API_KEY={value}"),
        format!("export SOME_TOKEN='{value}'"),
        format!("\"apiKey\": \"{value}\""),
        format!("{{\"text\":\"{{\\\"apiKey\\\": \\\"{value}\\\"}}\"}}"),
        format!("{{\"text\":\"{{\\\\\\\"token\\\\\\\":\\\\\\\"{value}\\\\\\\"}}\"}}"),
        format!("Authorization: Bearer {value}"),
        format!("openclaw gateway --token {value}"),
        format!("openclaw gateway --token={value} --verbose"),
        format!("db_password: {value}"),
        format!("client_secret={value}&x=1"),
    ] {
        let hits = found(&text);
        assert_eq!(hits.len(), 1, "{text}: {hits:?}");
        assert_eq!(hits[0].2, value, "{text}");
    }
    let aws = found("aws_secret_access_key = hK9/s72LmZ04xWvT9bNc31RdPq8+YuT6eWq1ZxVb");
    assert_eq!(aws.first().map(|hit| hit.0), Some("aws-secret-key"), "{aws:?}");
    let marked = found("OPENAI_API_KEY=sk-proj-q7Hs82kLmZ04xWvT9bNc31Rdu5Yt81jPnA36zCeR");
    assert_eq!(marked.iter().map(|hit| hit.0).collect::<Vec<_>>(), ["openai"], "named by its mark, and once");
    let discord =
        format!("\"token\": \"MTIz{}.GhIjKl.{}\"", "NDU2Nzg5MDEyMzQ1Njc4", "q7Hs82kLmZ04xWvT9bNc31Rdq7Hs82kLmZ04");
    assert_eq!(found(&discord).first().map(|hit| hit.0), Some("discord"));
}

#[test]
fn honest_text_is_silent() {
    let corpus = include_str!("honest.txt");
    for line in corpus.lines() {
        assert_eq!(found(line), [], "{line}");
        assert_eq!(looks_like(line), None, "{line}");
    }
    assert!(corpus.lines().count() >= 60);
}

#[test]
fn a_secret_that_straddles_reads_is_found_once_on_its_line() {
    let secret = "ghp_q7Hs82kLmZ04xWvT9bNc31Rdq7Hs82kLmZ04";
    let size = scanner::BUFFER;
    for shift in [0, 1, 3, 20, 39, 40, 41, 79, 81, 4095, 4096, 4097, 4130, 4200] {
        let mut text = "abcdefg\n".repeat(size / 8 + 1024);
        let at = size - shift;
        text.replace_range(at..at + secret.len() + 2, &format!("\n{secret}\n"));
        let line = text[..=at].matches('\n').count() + 1;
        let hits = found(&text);
        assert_eq!(hits, [("github", u32::try_from(line).expect("few"), secret.to_owned())], "shift {shift}");
    }
}

/// Gives one byte over and over, and a secret near the end, without ever being in memory.
struct Sparse {
    at: usize,
    size: usize,
}

impl Read for Sparse {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = buffer.len().min(self.size - self.at);
        buffer[..length].fill(b'z');
        let secret = b" glpat-q7Hs82kLmZ04xWvT9bNc ";
        let place = self.size - 1_000_003;
        for (index, byte) in secret.iter().enumerate() {
            if let Some(slot) = (place + index).checked_sub(self.at).and_then(|at| buffer[..length].get_mut(at)) {
                *slot = *byte;
            }
        }
        self.at += length;
        Ok(length)
    }
}

#[test]
fn one_line_of_many_megabytes_takes_one_buffer() {
    let mut buffer = Vec::new();
    let mut hits = Vec::new();
    let keep = |hit: Hit<'_>| {
        hits.push((hit.rule, hit.line, hit.offset));
        ControlFlow::Continue(())
    };
    let size = 20_000_000;
    Scanner::new(&[]).scan(&mut Sparse { at: 0, size }, &mut buffer, keep).expect("readable");
    assert_eq!(hits, [("gitlab", 1, (size - 1_000_003 + 1) as u64)]);
    assert_eq!(buffer.len(), scanner::BUFFER);
}

#[test]
fn a_marked_secret_in_an_address_is_called_what_it_is() {
    let token = "ghp_q7Hs82kLmZ04xWvT9bNc31Rdu5Yt81jPnA36";
    for (user, password) in [("x", token), (token, "x-oauth-basic"), ("", token)] {
        let text = format!("push https://{user}:{password}@git.house.lan/site and on");
        assert_eq!(found(&text), [("github", 1, token.to_owned())], "{text}");
    }
    let plain = "postgres://op:w8Ks02mQxv71@db.house.lan/x";
    assert_eq!(found(plain).iter().map(|(rule, ..)| *rule).collect::<Vec<_>>(), ["url-password"]);
}

#[test]
fn hostile_text_costs_no_more_than_its_length() {
    // Each begins like a secret, again and again, and is none: a scanner that starts over at each would never end.
    let started = std::time::Instant::now();
    for piece in [
        "eyJhbGciOi",
        "eyJhbGciOi.",
        "sk-",
        "api_key=",
        "api_key=api_key-",
        "https://a:",
        ":AA",
        "-----BEGIN PRIVATE KEY-----\\n",
        "xoxb-",
        "_TOKEN: \\\"",
        "12345678:AA",
        "sk-ant-xxxx",
    ] {
        found(&piece.repeat(300_000 / piece.len()));
    }
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
}

#[test]
fn known_secrets_are_found_byte_for_byte() {
    let known = [stockade_core::Secret::new("correct horse battery"), stockade_core::Secret::new("short")];
    let mut lines = Vec::new();
    Scanner::new(&known).scan_text("short\nx correct horse battery\n", |hit| {
        lines.push((hit.rule, hit.line));
        ControlFlow::Continue(())
    });
    assert_eq!(lines, [("known", 2)], "one that is too short is in too many words");
}
