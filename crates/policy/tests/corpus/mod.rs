//! Corpora of questions, asked through the batch form, and what came of them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde_json::Value;
use stockade_policy::batch;

/// What was expected and what was decided, by class.
pub struct Matrix {
    pub rows: usize,
    cells: BTreeMap<(String, String, String), Vec<String>>,
}

/// Asks every row of a corpus. `words` says what was wanted and what came, of a row and its answer.
pub fn run(file: &str, wanted: &str, words: impl Fn(&Value, &Value) -> (String, String)) -> Matrix {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(file);
    let text = std::fs::read_to_string(&path).expect("a corpus");
    let mut matrix = Matrix { rows: 0, cells: BTreeMap::new() };
    let mut ids = std::collections::BTreeSet::new();
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).expect("a row");
        let answer = serde_json::to_value(batch::answer(line.as_bytes())).expect("an answer");
        assert_eq!(answer["id"], row["id"]);
        let field = |name: &str| row[name].as_str().unwrap_or_else(|| panic!("{name} of {line}")).to_owned();
        assert!(ids.insert(field("id")), "{} twice", field("id"));
        assert!(!row[wanted].is_null() && !field("why").is_empty(), "{line}");
        let (expected, decided) = words(&row, &answer);
        let shown = format!("{} {}: {answer}", field("id"), field("why"));
        matrix.cells.entry((field("class"), expected, decided)).or_default().push(shown);
        matrix.rows += 1;
    }
    matrix
}

impl Matrix {
    /// How many rows that wanted one word got another.
    #[allow(dead_code, reason = "each test file uses its own part")]
    pub fn of(&self, wanted: &str, decided: &str) -> usize {
        self.cells.iter().filter(|((_, w, d), _)| w == wanted && d == decided).map(|(_, rows)| rows.len()).sum()
    }

    /// The rows that wanted `wanted` and did not get `decided`.
    pub fn failures(&self, wanted: &str, decided: &str) -> Vec<String> {
        let failed = self.cells.iter().filter(|((_, w, d), _)| w == wanted && d != decided);
        failed.flat_map(|(_, rows)| rows.clone()).collect()
    }
}

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<20} {:<8} {:<14} {:>5}", "class", "expected", "decided", "rows")?;
        self.cells.iter().try_for_each(|((class, wanted, decided), rows)| {
            writeln!(f, "{class:<20} {wanted:<8} {decided:<14} {:>5}", rows.len())
        })?;
        writeln!(f, "{} rows", self.rows)
    }
}
