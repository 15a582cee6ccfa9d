//! What looking for secrets costs, beside reading the same bytes and adding them up in the same run. Prints; judges
//! nothing but that what was planted is found.
#![allow(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![allow(clippy::disallowed_methods, reason = "a benchmark writes the files that it reads")]

use std::hint::black_box;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use stockade_audit::gather::config::Redaction;
use stockade_audit::gather::leaks::{Candidate, scan};
use stockade_audit::secrets::Scanner;
use stockade_audit::snapshot::leaks::Where;

fn main() {
    let text = transcripts(64 << 20);
    println!("{:<34} {:>9} {:>9}", "one core, in memory", "MB/s", "ratio");
    let sum = best(|| text.iter().map(|byte| u64::from(*byte)).sum::<u64>());
    line("adding up the bytes", text.len(), sum, sum);
    let start = Instant::now();
    let scanner = Scanner::new(&[]);
    let making = start.elapsed();
    let mut buffer = Vec::new();
    let look = best(|| {
        let mut found = 0_u32;
        let count = |_: stockade_audit::secrets::Hit<'_>| {
            found += 1;
            ControlFlow::Continue(())
        };
        scanner.scan(&mut text.as_slice(), &mut buffer, count).expect("readable");
        found
    });
    line("looking for secrets", text.len(), look, sum);
    println!("making the scanner: {:.0} µs\n", making.as_secs_f64() * 1e6);
    files(&text);
}

/// 20,000 files of 100 KB: 2 GB, read once before anything is measured.
fn files(text: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let count: usize = std::env::var("FILES").ok().and_then(|count| count.parse().ok()).unwrap_or(20_000);
    let mut paths = Vec::new();
    for number in 0..count {
        let path = folder.path().join(format!("{number}.jsonl"));
        let from = number * 7919 % (text.len() - FILE);
        std::fs::write(&path, &text[from..from + FILE]).expect("written");
        paths.push(path);
    }
    let read = best(|| paths.iter().map(|path| whole(path)).sum::<usize>());
    println!("{:<34} {:>9} {:>9}", format!("{count} files of {FILE} bytes"), "s", "ratio");
    println!("{:<34} {:>9.2} {:>9.2}", "reading them, one thread", read.as_secs_f64(), 1.0);
    let redaction = Redaction::new().expect("randomness");
    let took = best(|| {
        let candidates = paths.iter().map(|path| Candidate::at(path, Where::Transcript));
        scan(candidates, &redaction, &[]).0.len()
    });
    println!(
        "{:<34} {:>9.2} {:>9.2}",
        "looking for secrets in them",
        took.as_secs_f64(),
        took.as_secs_f64() / read.as_secs_f64()
    );
}

fn whole(path: &Path) -> usize {
    let mut buffer = Vec::with_capacity(FILE + 1);
    let mut file = std::fs::File::open(path).expect("open");
    file.read_to_end(&mut buffer).expect("read");
    black_box(&buffer).len()
}

fn line(name: &str, bytes: usize, took: Duration, reference: Duration) {
    let rate = bytes as f64 / took.as_secs_f64() / 1e6;
    println!("{name:<34} {rate:>9.0} {:>9.2}", took.as_secs_f64() / reference.as_secs_f64());
}

/// The best of a few: what the machine can do when nobody else asks for it.
fn best<T>(mut act: impl FnMut() -> T) -> Duration {
    let once = |_| {
        let start = Instant::now();
        black_box(act());
        start.elapsed()
    };
    (0..5).map(once).min().unwrap_or_default()
}

/// Lines as transcripts have them: words, tool calls with paths and addresses, usage, digests, some base64.
fn transcripts(size: usize) -> Vec<u8> {
    let mut out = String::with_capacity(size + 4096);
    let mut seed = 1_u64;
    let mut draw = move |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    while out.len() < size {
        out.push_str(r#"{"type":"message","id":""#);
        (0..16).for_each(|_| out.push_str(["3f", "a0", "9c", "07", "e1", "5b"][draw(6)]));
        out.push_str(r#"","message":{"role":"assistant","content":[{"type":"text","text":""#);
        for _ in 0..60 + draw(120) {
            out.push_str(WORDS[draw(WORDS.len())]);
            out.push(' ');
        }
        match draw(8) {
            0 => (0..800).for_each(|_| out.push(char::from(BASE64[draw(64)]))),
            1 => out.push_str(r#"see https://example.org/docs/a?b=1#c and \"const token = await next();\"\n"#),
            2 => out.push_str(r#"{\"apiKey\": \"${OPENAI_API_KEY}\", \"path\": \"/home/op/src/main.rs\"}\n"#),
            _ => {}
        }
        out.push_str(r#""}],"usage":{"input_tokens":1523,"output_tokens":88,"cache_read_input_tokens":10234}},"#);
        out.push_str("\"timestamp\":\"2026-11-23T01:34:56.789Z\"}\n");
    }
    out.into_bytes()
}

const FILE: usize = 100_000;
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Words that begin like secrets are more frequent here than in any real text.
const WORDS: &[&str] = &[
    "the", "agent", "reads", "a", "file", "and", "then", "asks", "whether", "task-runner", "it", "should", "go", "on;",
    "**note**:", "`cargo test`", "password", "of", "session", "in\\n", "workspace", "(see", "above)", "token", "key",
    "which", "was", "written", "yesterday,", "\\\"quoted\\\"", "--flag", "=>", "src/lib.rs:42", "because", "function",
    "returns", "an", "error", "when", "I", "have", "looked", "at", "all", "three", "of", "them:", "first,", "we",
    "could", "change", "config", "by", "hand;", "second,", "let", "users", "choose", "between", "both", "modes.",
    "README.md", "however", "this", "branch", "is", "behind", "main", "2026-11-23", "10.0.0.12", "impl", "Default",
    "for", "Options", "{", "}", "0x7ffe", "await", "const", "result", "=", "JSON.parse(text)", "console.log", "you",
    "Thanks!", "message", "channel", "group", "please", "remind", "me", "tomorrow", "about", "the", "dentist", "at",
    "nine", "o'clock", "Sure,", "done.", "weather", "sunny", "with", "clouds", "later", "today", "disk_usage", "total",
];
