//! Counting: what nextest and libtest say about themselves, summed up.

/// How many tests passed, failed and were skipped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    /// One thing that passed.
    pub(crate) const PASSED: Self = Self { passed: 1, failed: 0, skipped: 0 };
    /// One thing that failed.
    pub(crate) const FAILED: Self = Self { passed: 0, failed: 1, skipped: 0 };
    /// One thing that was skipped.
    pub(crate) const SKIPPED: Self = Self { passed: 0, failed: 0, skipped: 1 };

    pub(crate) const fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }

    /// The sum of every summary in the output of a test run; none when there is no summary.
    pub(crate) fn read(output: &str) -> Option<Self> {
        let summaries: Vec<_> = output.lines().filter_map(summary).collect();
        (!summaries.is_empty()).then(|| summaries.into_iter().fold(Self::default(), Self::plus))
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// Reads one summary line: nextest's `Summary [..] 3 tests run: 2 passed (1 slow), 1 timed out, 4 skipped`, or libtest's
/// `test result: ok. 4 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s`.
fn summary(line: &str) -> Option<Tally> {
    let counts = match line.trim().strip_prefix("Summary [") {
        Some(rest) => rest.split_once("run: ")?.1,
        None => line.trim().strip_prefix("test result: ")?.split_once(". ")?.1,
    };
    let mut tally = Tally::default();
    for part in counts.split([',', ';']) {
        let mut words = part.split_whitespace();
        let Some(count) = words.next().and_then(|count| count.parse::<u64>().ok()) else { continue };
        match words.next() {
            Some("passed") => tally.passed += count,
            Some("failed" | "timed" | "exec") => tally.failed += count,
            Some("skipped" | "ignored") => tally.skipped += count,
            _ => {}
        }
    }
    Some(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_are_summed_up() {
        let nextest = "   PASS a\n     Summary [   0.1s] 7 tests run: 5 passed (1 slow, 1 leaky), 1 failed, 1 timed out, 3 skipped\n";
        assert_eq!(Tally::read(nextest), Some(Tally { passed: 5, failed: 2, skipped: 3 }));
        let libtest = "test result: ok. 4 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.0s\n\
                       test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.0s\n";
        assert_eq!(Tally::read(libtest), Some(Tally { passed: 5, failed: 2, skipped: 1 }));
        assert_eq!(Tally::read("error: could not compile"), None);
    }
}
