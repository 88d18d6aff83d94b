//! The tables: every client's figures, and the marks.

use std::{fs, path::Path, process::Command};

use crate::{
    contestants::{HYPER_UTIL, TOWLINE},
    harness::work::{Finding, WORKS},
    rounds::{Rounds, median},
    rows::{Against, Mark, Metric, ROWS, Row},
};

/// What the benchmark `allocations` leaves behind: title, unit, limit, and a figure for each client.
pub(crate) const ALLOCATIONS: &str = "allocations.tsv";
/// Crates in reqwest's tree, with abilities like ours.
const CRATES: usize = 146;

pub(crate) fn print(rounds: &Rounds<'_>) {
    figures(rounds);
    server(rounds);
    println!();
    println!("| mark | is | reached | in each round | |");
    println!("|---|---|---|---|---|");
    for row in &ROWS {
        for mark in row.marks {
            println!("{}", line(rounds, row, mark));
        }
    }
    allocations();
    println!("| HPACK: time a field, octets on the wire | | `cargo bench --bench hpack` | | |");
    crates();
}

fn figures(rounds: &Rounds<'_>) {
    println!();
    print!("| | |");
    for contestant in &rounds.contestants {
        print!(" {} |", contestant.name);
    }
    println!("\n|---|---|{}", "---:|".repeat(rounds.contestants.len()));
    for row in &ROWS {
        let of = |client| rounds.figure(row.work, client, |finding| row.figure(finding));
        if of(TOWLINE).is_none() {
            continue;
        }
        print!("| {} | {} |", row.title, row.unit());
        for contestant in &rounds.contestants {
            match of(contestant.name) {
                Some(figure) => print!(" {} |", rounded(figure)),
                None => print!(" - |"),
            }
        }
        println!();
    }
}

/// That the server had time left: the share of the wall that it was on its processor.
fn server(rounds: &Rounds<'_>) {
    println!();
    print!("| share of the time on a processor: client, server |");
    for contestant in &rounds.contestants {
        print!(" {} |", contestant.name);
    }
    println!("\n|---|{}", "---:|".repeat(rounds.contestants.len()));
    for work in &WORKS {
        let of = |client, time: fn(&Finding) -> f64| rounds.figure(work.name, client, time);
        if of(TOWLINE, client_share).is_none() {
            continue;
        }
        print!("| {} |", work.name);
        for contestant in &rounds.contestants {
            let shares = of(contestant.name, client_share).zip(of(contestant.name, server_share));
            match shares {
                Some((client, server)) => print!(" {client:.0} %, {server:.0} % |"),
                None => print!(" - |"),
            }
        }
        println!();
    }
}

fn client_share(finding: &Finding) -> f64 {
    100.0 * finding.client.div_duration_f64(finding.wall)
}

fn server_share(finding: &Finding) -> f64 {
    100.0 * finding.server.div_duration_f64(finding.wall)
}

fn line(rounds: &Rounds<'_>, row: &Row, mark: &Mark) -> String {
    let other = match mark.against {
        Against::Peer(peer) => peer.to_owned(),
        Against::Work(work) => format!("our own `{work}`"),
    };
    let bound = if row.metric == Metric::Rate {
        "at least"
    } else {
        "at most"
    };
    let is = format!("{bound} {} of {other}", mark.ratio);
    let ratios = rounds.ratios(mark.pair(row), |finding| row.figure(finding));
    let Some(reached) = median(ratios.clone()) else {
        return format!("| {} | {is} | not measured | | |", row.title);
    };
    let [least, most] = [
        ratios.iter().copied().fold(f64::INFINITY, f64::min),
        ratios.iter().copied().fold(0.0, f64::max),
    ];
    let verdict = verdict(mark.is_met(row.metric, reached));
    format!(
        "| {} | {is} | {reached:.2} | {least:.2} to {most:.2} | {verdict} |",
        row.title
    )
}

const fn verdict(is_met: bool) -> &'static str {
    if is_met { "met" } else { "missed" }
}

/// What another benchmark found, if it has been run.
fn allocations() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(ALLOCATIONS);
    let Ok(lines) = fs::read_to_string(path) else {
        println!("| memory, allocations | | not measured: `cargo bench --bench allocations` | | |");
        return;
    };
    for line in lines.lines() {
        let cells: Vec<_> = line.split('\t').collect();
        let [title, unit, limit, figures @ ..] = &cells[..] else {
            continue;
        };
        let figure = |client: &str| {
            let mut figures = figures.iter().filter_map(|figure| figure.split_once('='));
            let (_, figure) = figures.find(|(name, _)| *name == client)?;
            figure.parse::<f64>().ok()
        };
        let (Some(ours), Ok(limit)) = (figure(TOWLINE), limit.parse::<f64>()) else {
            continue;
        };
        let theirs = figure(HYPER_UTIL).map_or_else(String::new, |theirs| {
            format!("hyper-util: {}", rounded(theirs))
        });
        let ours_rounded = rounded(ours);
        if limit.is_finite() {
            let verdict = verdict(ours <= limit);
            println!(
                "| {title} | at most {limit} {unit} | {ours_rounded} | {theirs} | {verdict} |"
            );
        } else {
            println!("| {title} | no mark | {ours_rounded} | {theirs} | |");
        }
    }
}

/// The crates that this one brings, as cargo tells.
fn crates() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--edges", "normal,build", "--prefix", "none"])
        .args(["--format", "{p}", "--offline", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    let output = output.ok().filter(|output| output.status.success());
    let Some(output) = output else {
        println!("| crates in the tree | fewer than {CRATES} | not known: no cargo tree | | |");
        return;
    };
    let tree = String::from_utf8_lossy(&output.stdout);
    let mut crates: Vec<_> = tree
        .lines()
        .map(|line| line.trim_end_matches(" (*)"))
        .collect();
    crates.sort_unstable();
    crates.dedup();
    let count = crates.len();
    let verdict = verdict(count < CRATES);
    println!("| crates in the tree | fewer than reqwest's {CRATES} | {count} | | {verdict} |");
}

/// Three digits that count.
pub(crate) fn rounded(figure: f64) -> String {
    match figure {
        figure if figure >= 100.0 => format!("{figure:.0}"),
        figure if figure >= 10.0 => format!("{figure:.1}"),
        figure if figure >= 1.0 => format!("{figure:.2}"),
        figure => format!("{figure:.3}"),
    }
}
