//! The marks that this crate is to reach, and what it reaches: processor time, rate and latency of
//! small GETs, large bodies both ways, uploads of 10 kB, many servers, many streams, HTTP/1.1; each
//! beside hyper-util's client, reqwest and the h2 crate alone, in one run.
//!
//! Client and server are processes pinned to a core each; a client with two threads has both cores.
//! The server is `harness/prepared`, and the table says how busy it was, so that one can see that it
//! was never what limited a client. Rounds take all clients in turn, ratios are those within a
//! round, and what is told of each is the median. Limits, fairness and flow control are on, and all
//! clients have their default settings.
//!
//! ```text
//! cargo bench --bench marks                             (as a part of `cargo bench`)
//! cargo bench --bench marks -- --rounds 9 get post      (some works)
//! benches/show                                          (with curl, wtx, Go and h2load; writes the chart)
//! ```

#[path = "marks/chart.rs"]
mod chart;
#[path = "harness/contestants.rs"]
mod contestants;
mod harness;
#[path = "marks/options.rs"]
mod options;
#[path = "marks/report.rs"]
mod report;
#[path = "marks/rounds.rs"]
mod rounds;
#[path = "marks/rows.rs"]
mod rows;

use std::{env, fs, process::ExitCode};

use self::{
    contestants::{Course, Visitor},
    harness::{
        CANNOT, CLIENT, load,
        prepared::{self, Prepared, SERVE, Site},
        processor,
        work::{BoxError, Finding, Work},
    },
    options::Options,
    rounds::Rounds,
};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        [SERVE] => prepared::serve().map_err(Into::into),
        [CLIENT, name, work, divisor, site] => be_client(name, work, divisor, site),
        _ => compare(&Options::of(&words)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// One client's process.
fn be_client(name: &str, work: &str, divisor: &str, site: &str) -> Result<(), BoxError> {
    let work = Work::named(work).ok_or("no work is called so")?;
    if !contestants::can(name, &work) {
        println!("{CANNOT}");
        return Ok(());
    }
    let work = work.divided(divisor.parse()?);
    let site: Site = site.parse()?;
    let course = Course::of(&work, &site);
    let finding = load::runtime(&work)?.block_on(contestants::with(
        name,
        &course,
        Measure {
            work: &work,
            site: &site,
        },
    ))?;
    println!("{finding}");
    Ok(())
}

struct Measure<'a> {
    work: &'a Work,
    site: &'a Site,
}

impl Visitor for Measure<'_> {
    type Outcome = Finding;

    async fn visit<C: load::Client>(self, client: C) -> Result<Finding, BoxError> {
        load::measure(client, self.work, self.site).await
    }
}

fn compare(options: &Options) -> Result<(), BoxError> {
    if !processor::are_two() {
        eprintln!("This machine has one core: client and server share it, and no rate means much.");
    }
    let before = load_average();
    let server = Prepared::start()?;
    let mut rounds = Rounds::new(&server.site, options)?;
    rounds.run()?;
    report::print(&rounds);
    println!();
    println!(
        "{} rounds; load of the machine (1, 5, 15 minutes): {before} before, {} after.",
        options.rounds,
        load_average()
    );
    if let Some(path) = &options.chart {
        fs::write(path, chart::draw(&rounds))?;
        println!("The chart is in {}.", path.display());
    }
    Ok(())
}

/// What else the machine does: a figure of Linux.
fn load_average() -> String {
    let line = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let mut words = line.split(' ');
    let load: Vec<_> = words.by_ref().take(3).collect();
    load.join(" ")
}
