//! curl, by isahc, and wtx: clients' processes for the benchmark `marks`, which runs this program.
//!
//! ```text
//! towline-bench-peers client NAME WORK DIVISOR SITE
//! ```

mod curl;
#[expect(dead_code, reason = "the server is the other program's")]
#[path = "../../harness/mod.rs"]
mod harness;
mod wtx;

use std::{env, process::ExitCode};

use harness::{
    CANNOT, CLIENT, load,
    prepared::Site,
    work::{BoxError, Content, Work},
};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [CLIENT, name, work, divisor, site] = words[..] else {
        eprintln!("usage: towline-bench-peers client NAME WORK DIVISOR SITE");
        return ExitCode::FAILURE;
    };
    match run(name, work, divisor, site) {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(name: &str, work: &str, divisor: &str, site: &str) -> Result<String, BoxError> {
    let work = Work::named(work).ok_or("no work is called so")?;
    if !can(name, &work) {
        return Ok(CANNOT.to_owned());
    }
    let work = work.divided(divisor.parse()?);
    let site: Site = site.parse()?;
    let finding = load::runtime(&work)?.block_on(async {
        match name {
            "curl" => load::measure(curl::Curl::new(&work, &site)?, &work, &site).await,
            "wtx" => load::measure(wtx::Wtx::connect(&work, &site).await?, &work, &site).await,
            _ => Err(format!("no client is called {name}").into()),
        }
    })?;
    Ok(finding.to_string())
}

/// Neither trusts a certificate of ours; wtx has no HTTP/1.1, gathers bodies in memory, and is given
/// one connection.
fn can(name: &str, work: &Work) -> bool {
    let is_small = matches!(work.content, Content::Small | Content::Post(_));
    match name {
        "wtx" => work.is_http2 && !work.is_tls && work.netlocs == 1 && is_small,
        _ => !work.is_tls && work.netlocs == 1,
    }
}
