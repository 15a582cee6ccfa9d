//! What one decision costs, beside Cedar in the same run. A wrong verdict ends it: a number for the wrong answer is
//! worth nothing. Cedar's time is that of its decision alone; ours begins with the text.

use std::hint::black_box;
use std::time::Instant;

use stockade_bench_cedar::cedar::Cedar;
use stockade_bench_cedar::questions;
use stockade_bench_cedar::stockade::Stockade;

fn main() {
    let (ours, cedar) = (Stockade::new(), Cedar::new());
    println!(
        "{:<38} {:>8} {:>8} {:>8} {:>10} {:>10} {:>8}",
        "µs", "answer", "p50", "p99", "Cedar p50", "Cedar p99", "p50 of it"
    );
    let mut over = Vec::new();
    for question in questions::all() {
        let prepared = ours.prepare(&question.facts);
        let verdict = ours.decide(&prepared);
        assert_eq!(verdict, question.allowed, "{}", question.name);
        let mine = sample(|| ours.decide(&prepared));
        let (most50, most99) = if question.name.starts_with("command") { (f64::MAX, 150.0) } else { (5.0, 50.0) };
        if mine.0 > most50 || mine.1 > most99 {
            over.push(question.name);
        }
        let answer = if verdict { "allow" } else { "refuse" };
        print!("{:<38} {answer:>8} {:>8.2} {:>8.2}", question.name, mine.0, mine.1);
        match cedar.prepare(&question.facts) {
            Some(request) => {
                assert_eq!(cedar.decide(&request), question.allowed, "Cedar on {}", question.name);
                let theirs = sample(|| cedar.decide(&request));
                println!(" {:>10.2} {:>10.2} {:>7.2}x", theirs.0, theirs.1, mine.0 / theirs.0);
            }
            None => println!(" {:>10} {:>10} {:>8}", "cannot", "cannot", "-"),
        }
    }
    println!("over p50 5 µs or p99 50 µs (a command: p99 150 µs): {over:?}");
}

/// The median and the 99th percentile, in microseconds.
fn sample<T>(act: impl Fn() -> T) -> (f64, f64) {
    let mut times: Vec<f64> = (0..ROUNDS + ROUNDS / 10)
        .map(|_| {
            let start = Instant::now();
            let done = black_box(act());
            let took = start.elapsed();
            drop(done);
            took.as_secs_f64() * 1e6
        })
        .skip(ROUNDS / 10)
        .collect();
    times.sort_unstable_by(f64::total_cmp);
    (times[ROUNDS / 2], times[ROUNDS * 99 / 100])
}

const ROUNDS: usize = 20_000;
