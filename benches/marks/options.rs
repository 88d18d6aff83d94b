//! What the program is asked to do.

use std::path::PathBuf;

use crate::harness::work::Work;

/// Rounds of a run that is to be believed.
const ROUNDS: usize = 5;
/// By what works are cut short where only their working is tested.
const TEST: u32 = 100;

pub(crate) struct Options {
    pub(crate) rounds: usize,
    pub(crate) divisor: u32,
    pub(crate) chart: Option<PathBuf>,
    /// Names of works, or parts of names where no work is called so; all, if there are none.
    filters: Vec<String>,
}

impl Options {
    /// Reads arguments. Cargo's `--bench` tells a measurement from a test.
    pub(crate) fn of(words: &[&str]) -> Self {
        let is_bench = words.contains(&"--bench");
        let mut options = Self {
            rounds: if is_bench { ROUNDS } else { 1 },
            divisor: if is_bench { 1 } else { TEST },
            chart: None,
            filters: Vec::new(),
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--rounds" => {
                    let rounds = words.next().and_then(|word| word.parse().ok());
                    options.rounds = rounds.expect("--rounds is followed by their number");
                }
                "--chart" => {
                    let path = words.next().expect("--chart is followed by a path");
                    options.chart = Some(path.into());
                }
                word if word.starts_with('-') => {}
                word => options.filters.push(word.to_owned()),
            }
        }
        options
    }

    pub(crate) fn wants(&self, work: &str) -> bool {
        let suits = |filter: &String| match Work::named(filter) {
            Some(named) => named.name == work,
            None => work.contains(filter),
        };
        self.filters.is_empty() || self.filters.iter().any(suits)
    }
}
