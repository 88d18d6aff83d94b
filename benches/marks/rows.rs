//! The marks, as rows of a table.

use crate::{
    contestants::{H2, HYPER_UTIL, REQWEST, TOWLINE},
    harness::work::{Finding, Work},
    rounds::H2LOAD,
};

/// A row: a figure of a work, and what is to be reached.
pub(crate) struct Row {
    pub(crate) title: &'static str,
    pub(crate) work: &'static str,
    pub(crate) metric: Metric,
    pub(crate) marks: &'static [Mark],
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Metric {
    /// Processor time, user and system: a request's, or an octet's where that is what is moved.
    Processor,
    /// Requests a second.
    Rate,
    /// Latency.
    P99,
    Median,
}

/// Ours is to stand to another figure as said: at most, but of a rate at least.
pub(crate) struct Mark {
    pub(crate) against: Against,
    pub(crate) ratio: f64,
}

/// Whose figure it is.
pub(crate) enum Against {
    Peer(&'static str),
    /// Our own, in another work.
    Work(&'static str),
}

const fn of(peer: &'static str, ratio: f64) -> Mark {
    Mark {
        against: Against::Peer(peer),
        ratio,
    }
}

/// The same of a request to one server, a hundred at once.
const OF_GET: &[Mark] = &[Mark {
    against: Against::Work("get"),
    ratio: 1.3,
}];

const OF_HYPER_UTIL: &[Mark] = &[of(HYPER_UTIL, 0.8)];

pub(crate) const ROWS: [Row; 14] = [
    row(
        "GET of 13 octets, 100 at once",
        "get",
        Metric::Processor,
        &[
            of(HYPER_UTIL, 0.33),
            of(REQWEST, 0.2),
            of(H2, 0.6),
            of(H2LOAD, 1.0),
        ],
    ),
    row(
        "the same on a two-thread runtime",
        "get-2-threads",
        Metric::Processor,
        &[of(HYPER_UTIL, 0.28), of(H2, 0.4)],
    ),
    row(
        "the same on one thread: rate",
        "get",
        Metric::Rate,
        &[of(HYPER_UTIL, 2.5)],
    ),
    row(
        "p99 latency, 100 at once",
        "get-timed",
        Metric::P99,
        OF_HYPER_UTIL,
    ),
    row(
        "median latency, 1 at once",
        "get-one-timed",
        Metric::Median,
        &[of(HYPER_UTIL, 1.0)],
    ),
    row(
        "256 MiB down",
        "download",
        Metric::Processor,
        &[of(HYPER_UTIL, 0.8), of(H2LOAD, 0.8)],
    ),
    row(
        "256 MiB down, TLS",
        "download-tls",
        Metric::Processor,
        OF_HYPER_UTIL,
    ),
    row("256 MiB up", "upload", Metric::Processor, OF_HYPER_UTIL),
    row(
        "256 MiB up, TLS",
        "upload-tls",
        Metric::Processor,
        OF_HYPER_UTIL,
    ),
    row(
        "POST of 10 kB, 100 at once",
        "post",
        Metric::Processor,
        &[of(HYPER_UTIL, 0.5)],
    ),
    row(
        "1000 netlocs in turn, 100 at once",
        "netlocs",
        Metric::Processor,
        OF_GET,
    ),
    row(
        "1000 netlocs in turn, 10,000 at once",
        "netlocs-10000",
        Metric::Processor,
        OF_GET,
    ),
    row(
        "10,000 at once over 10 connections",
        "streams-10000",
        Metric::Processor,
        OF_GET,
    ),
    row(
        "HTTP/1.1 GET, 100 at once",
        "http1-get",
        Metric::Processor,
        OF_HYPER_UTIL,
    ),
];

const fn row(
    title: &'static str,
    work: &'static str,
    metric: Metric,
    marks: &'static [Mark],
) -> Row {
    Row {
        title,
        work,
        metric,
        marks,
    }
}

impl Row {
    /// The figure of a finding, in the unit of [`unit`](Self::unit).
    pub(crate) fn figure(&self, finding: &Finding) -> f64 {
        let requests = f64::from(finding.requests);
        match (self.metric, self.octets()) {
            (Metric::Processor, Some(octets)) => {
                finding.client.as_secs_f64() * 1e9 / (requests * octets)
            }
            (Metric::Processor, None) => finding.client.as_secs_f64() * 1e6 / requests,
            (Metric::Rate, _) => requests / finding.wall.as_secs_f64() / 1e3,
            (Metric::P99, _) => finding.p99.as_secs_f64() * 1e6,
            (Metric::Median, _) => finding.median.as_secs_f64() * 1e6,
        }
    }

    pub(crate) fn unit(&self) -> &'static str {
        match (self.metric, self.octets()) {
            (Metric::Processor, Some(_)) => "ns/octet",
            (Metric::Rate, _) => "1000/s",
            (Metric::Processor | Metric::P99 | Metric::Median, _) => "us",
        }
    }

    fn octets(&self) -> Option<f64> {
        let work = Work::named(self.work).expect("every row is of a work");
        work.octets().map(|octets| octets as f64)
    }
}

impl Mark {
    /// The two figures that are compared, as works and clients.
    pub(crate) fn pair(&self, row: &Row) -> [(&'static str, &'static str); 2] {
        let other = match self.against {
            Against::Peer(peer) => (row.work, peer),
            Against::Work(work) => (work, TOWLINE),
        };
        [(row.work, TOWLINE), other]
    }

    pub(crate) fn is_met(&self, metric: Metric, reached: f64) -> bool {
        if metric == Metric::Rate {
            reached >= self.ratio
        } else {
            reached <= self.ratio
        }
    }
}
