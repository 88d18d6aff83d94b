//! Runs every client's process, in turns, and keeps what they find.
//!
//! Clients that other packages build are found by the environment: `TOWLINE_PEERS` and
//! `TOWLINE_PEER_GO` are paths of their programs (`benches/show` sets them). h2load is looked for as any
//! command is. What is missing is said to be missing.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::PathBuf,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    contestants,
    harness::{
        CANNOT, CLIENT,
        prepared::Site,
        processor,
        work::{BoxError, Content, Finding, WORKS, Work},
    },
    options::Options,
};

/// How long a client may take, and how often it is asked whether it has ended: seldom, since it shares
/// its core with who asks.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(5);

pub(crate) const H2LOAD: &str = "h2load";

/// What a client did in each round, `None` where it failed.
type Findings = Vec<Option<Finding>>;

pub(crate) struct Rounds<'a> {
    site: &'a Site,
    options: &'a Options,
    pub(crate) contestants: Vec<Contestant>,
    /// By work and client.
    findings: BTreeMap<(&'static str, &'static str), Findings>,
    /// Who cannot do what.
    unable: BTreeSet<(&'static str, &'static str)>,
}

/// A client, and the program that is it.
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    /// `None` if it is not to be had.
    program: Option<PathBuf>,
}

/// Clients of other packages, and where their programs are told of.
const OUTSIDERS: [(&str, &str); 3] = [
    ("curl", "TOWLINE_PEERS"),
    ("wtx", "TOWLINE_PEERS"),
    ("Go", "TOWLINE_PEER_GO"),
];

impl<'a> Rounds<'a> {
    pub(crate) fn new(site: &'a Site, options: &'a Options) -> Result<Self, BoxError> {
        let own = env::current_exe()?;
        let mut contestants: Vec<_> = contestants::NAMES
            .into_iter()
            .map(|name| Contestant {
                name,
                program: Some(own.clone()),
            })
            .collect();
        contestants.push(Contestant {
            name: H2LOAD,
            program: Command::new(H2LOAD)
                .arg("--version")
                .output()
                .is_ok_and(|output| output.status.success())
                .then(|| H2LOAD.into()),
        });
        contestants.extend(OUTSIDERS.into_iter().map(|(name, variable)| Contestant {
            name,
            program: env::var_os(variable).map(Into::into),
        }));
        for contestant in contestants.iter().filter(|one| one.program.is_none()) {
            eprintln!("MISSING: {} (see benches/show)", contestant.name);
        }
        Ok(Self {
            site,
            options,
            contestants,
            findings: BTreeMap::new(),
            unable: BTreeSet::new(),
        })
    }

    /// Every work that is wanted, one after the other, each in rounds.
    pub(crate) fn run(&mut self) -> Result<(), BoxError> {
        for work in WORKS.iter().filter(|work| self.options.wants(work.name)) {
            eprint!("{} ", work.name);
            // Outsiders inherit it; our own processes choose for themselves.
            processor::pin(if work.threads == 1 {
                processor::CLIENT
            } else {
                processor::BOTH
            })?;
            let began = Instant::now();
            for _ in 0..self.options.rounds {
                self.round(work)?;
                eprint!(".");
            }
            eprintln!(" {:.0} s", began.elapsed().as_secs_f64());
        }
        Ok(())
    }

    fn round(&mut self, work: &Work) -> Result<(), BoxError> {
        for Contestant { name, program } in &self.contestants {
            let Some(program) = program else { continue };
            if self.unable.contains(&(work.name, *name)) {
                continue;
            }
            let outcome = if *name == H2LOAD {
                h2load(work, self.options.divisor, self.site)
            } else {
                let mut command = Command::new(program);
                let divisor = self.options.divisor.to_string();
                command.args([CLIENT, name, work.name, &divisor, &self.site.to_string()]);
                client(&mut command)
            };
            let found = match outcome {
                Ok(Some(finding)) => Some(finding),
                Ok(None) => {
                    self.unable.insert((work.name, *name));
                    continue;
                }
                // One of our own must not fail; another may, and is not asked again.
                Err(error) if contestants::NAMES.contains(name) => {
                    return Err(format!("{name}, {}: {error}", work.name).into());
                }
                Err(error) => {
                    eprintln!("FAILED: {name}, {}: {error}", work.name);
                    self.unable.insert((work.name, *name));
                    None
                }
            };
            let findings = self.findings.entry((work.name, *name)).or_default();
            findings.push(found);
        }
        Ok(())
    }

    /// The figure of a client in a work, its median over the rounds.
    pub(crate) fn figure(
        &self,
        work: &str,
        client: &str,
        of: impl Fn(&Finding) -> f64,
    ) -> Option<f64> {
        let findings = self.of(work, client)?;
        median(findings.iter().flatten().map(of).collect())
    }

    /// The ratio of one client's figure to another's, in every round that has both.
    pub(crate) fn ratios(
        &self,
        [one, other]: [(&str, &str); 2],
        of: impl Fn(&Finding) -> f64,
    ) -> Vec<f64> {
        let findings = self.of(one.0, one.1).zip(self.of(other.0, other.1));
        let (ones, others) = findings.unwrap_or((&[], &[]));
        let pairs = ones.iter().zip(others);
        pairs
            .filter_map(|(one, other)| Some(of(one.as_ref()?) / of(other.as_ref()?)))
            .collect()
    }

    fn of(&self, work: &str, client: &str) -> Option<&[Option<Finding>]> {
        let mut findings = self.findings.iter();
        let found = findings.find(|((of, by), _)| *of == work && *by == client);
        found.map(|(_, findings)| &**findings)
    }
}

pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// What a client's process finds; `None` if it cannot do the work.
fn client(command: &mut Command) -> Result<Option<Finding>, BoxError> {
    let output = run(command)?;
    let said = String::from_utf8(output.stdout)?;
    let line = said.lines().last().ok_or("the client says nothing")?;
    if line == CANNOT {
        return Ok(None);
    }
    line.parse().map(Some)
}

fn run(command: &mut Command) -> Result<Output, BoxError> {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child?;
    let began = Instant::now();
    // Each says little, and much less than a pipe holds.
    while child.try_wait()?.is_none() {
        if began.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Err(format!("no end after {PATIENCE:?}").into());
        }
        thread::sleep(POLL);
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{}: {}", output.status, said.trim()).into());
    }
    Ok(output)
}

/// h2load as a client: the difference of a long run and a short one, so that what happens once is
/// not in it, as it is not in the others' figures.
fn h2load(work: &Work, divisor: u32, site: &Site) -> Result<Option<Finding>, BoxError> {
    if work.threads > 1 || work.netlocs > 1 || work.is_timed || work.content == Content::Upload {
        return Ok(None);
    }
    let work = work.divided(divisor);
    let mut command = Command::new(H2LOAD);
    command.args(["-t", "1"]);
    let at_once = work.at_once.to_string();
    if work.is_http2 {
        command.args(["-c", "1", "-m", &at_once]);
    } else {
        command.args(["--h1", "-m", "1", "-c", &at_once]);
    }
    if let Content::Post(octets) = work.content {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("h2load-post");
        fs::write(&path, vec![b'x'; octets])?;
        command.arg("-d").arg(path);
    }
    command.arg(site.url(work.role(), 0, 1));
    let take = |requests: u32| -> Result<_, BoxError> {
        let clocks = || {
            Ok::<_, BoxError>((
                processor::time_of_children()?,
                processor::time_of(site.process)?,
            ))
        };
        let (began, before) = (Instant::now(), clocks()?);
        let mut command = again(&command);
        let output = run(command.args(["-n", &requests.to_string()]))?;
        let (wall, after) = (began.elapsed(), clocks()?);
        let said = String::from_utf8_lossy(&output.stdout);
        if !said.contains(&format!("{requests} succeeded")) {
            return Err(format!("h2load failed: {said}").into());
        }
        Ok((after.0 - before.0, after.1 - before.1, wall))
    };
    let fewest = work.warm_up.max(work.at_once);
    let (short, long) = (take(fewest)?, take(fewest + work.requests)?);
    Ok(Some(Finding {
        requests: work.requests,
        client: long.0.saturating_sub(short.0),
        server: long.1.saturating_sub(short.1),
        wall: long.2.saturating_sub(short.2),
        ..Finding::default()
    }))
}

/// The same command once more.
fn again(command: &Command) -> Command {
    let mut again = Command::new(command.get_program());
    again.args(command.get_args());
    again
}
