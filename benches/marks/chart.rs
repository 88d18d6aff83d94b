//! The chart: a group of bars for each work, a bar for each client, as long as its figure is of
//! hyper-util's. It suits light and dark pages alike.

use std::fmt::Write;

use crate::{
    contestants::HYPER_UTIL,
    report::rounded,
    rounds::{Rounds, median},
    rows::{Metric, ROWS, Row},
};

const WIDTH: f64 = 760.0;
/// Where bars begin, and how long that of hyper-util's client is.
const LEFT: f64 = 92.0;
const UNIT: f64 = 310.0;
/// Bars are cut here, in units.
const LONGEST: f64 = 1.6;
const BAR: f64 = 11.0;
const GAP: f64 = 15.0;
const TOP: f64 = 62.0;

const STYLE: &str = "\
text { font: 12px system-ui, sans-serif; fill: #24292f }
.quiet { fill: #656d76; font-size: 11px }
.bold { font-weight: 600 }
.ours { fill: #1f6feb }
.bar { fill: #afb8c1 }
.line { stroke: #656d76; stroke-dasharray: 2 3 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.quiet { fill: #8d96a0 }
.ours { fill: #4493f8 }
.bar { fill: #565d66 }
.line { stroke: #8d96a0 }
}
";

/// One bar.
struct Bar {
    client: &'static str,
    figure: f64,
    ratio: f64,
}

pub(crate) fn draw(rounds: &Rounds<'_>) -> String {
    let groups: Vec<_> = ROWS
        .iter()
        .filter(|row| row.metric == Metric::Processor)
        .map(|row| (row, bars(rounds, row)))
        .filter(|(_, bars)| !bars.is_empty())
        .collect();
    let mut y = TOP;
    let mut drawn = String::new();
    for (row, bars) in &groups {
        group(&mut drawn, &mut y, row, bars);
    }
    let mut svg = String::new();
    let x = LEFT + UNIT;
    // Writing to a string cannot fail.
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y}\" width=\"{WIDTH}\" \
         height=\"{y}\" role=\"img\" aria-label=\"Processor time of HTTP clients\">\n\
         <style>\n{STYLE}</style>\n\
         <text class=\"bold\" x=\"12\" y=\"22\">Processor time that a client takes, beside \
         hyper-util's (less is better)</text>\n\
         <text class=\"quiet\" x=\"12\" y=\"40\">User and system, medians of rounds; client and \
         server pinned to a core each</text>\n\
         <line class=\"line\" x1=\"{x}\" y1=\"{}\" x2=\"{x}\" y2=\"{}\"/>\n\
         {drawn}</svg>\n",
        TOP - 8.0,
        y - GAP + 4.0,
    );
    svg
}

/// Every client's bar that there are figures for.
fn bars(rounds: &Rounds<'_>, row: &Row) -> Vec<Bar> {
    let of = |client: &'static str| {
        let figure = rounds.figure(row.work, client, |finding| row.figure(finding))?;
        let pair = [(row.work, client), (row.work, HYPER_UTIL)];
        let ratio = median(rounds.ratios(pair, |finding| row.figure(finding)))?;
        Some(Bar {
            client,
            figure,
            ratio,
        })
    };
    let clients = rounds.contestants.iter().map(|contestant| contestant.name);
    clients.filter_map(of).collect()
}

fn group(svg: &mut String, y: &mut f64, row: &Row, bars: &[Bar]) {
    let _ = writeln!(
        svg,
        "<text class=\"bold\" x=\"12\" y=\"{}\">{}</text>",
        *y + BAR - 2.0,
        row.title
    );
    *y += BAR + 6.0;
    for (index, bar) in bars.iter().enumerate() {
        let base = *y + BAR - 2.0;
        let class = if index == 0 { "ours" } else { "bar" };
        let length = UNIT * bar.ratio.min(LONGEST);
        let is_cut = if bar.ratio > LONGEST { " (cut)" } else { "" };
        let _ = write!(
            svg,
            "<text class=\"quiet\" x=\"{}\" y=\"{base}\" text-anchor=\"end\">{}</text>\n\
             <rect class=\"{class}\" x=\"{LEFT}\" y=\"{y}\" width=\"{length:.1}\" height=\"{BAR}\" rx=\"2\"/>\n\
             <text class=\"quiet\" x=\"{:.1}\" y=\"{base}\">{:.2}{is_cut} · {} {}</text>\n",
            LEFT - 6.0,
            bar.client,
            LEFT + length + 6.0,
            bar.ratio,
            rounded(bar.figure),
            row.unit(),
        );
        *y += BAR + 3.0;
    }
    *y += GAP;
}
