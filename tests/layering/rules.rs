//! Which module may name which, and what else a module must not do.
//!
//! Lower never names higher; equals only where listed. A module that stands in no row fails the
//! test, so that a new one must choose its place.

/// A module (with all below it that has no row of its own) and its place.
pub(crate) struct Unit {
    pub(crate) path: &'static str,
    pub(crate) layer: u8,
    /// Modules of the same layer that it may name.
    pub(crate) equals: &'static [&'static str],
    /// Modules of lower layers that it must not know.
    pub(crate) blind_to: &'static [&'static str],
    /// Crates that it may name, besides `std`.
    pub(crate) crates: &'static [&'static str],
}

const fn unit(path: &'static str, layer: u8, crates: &'static [&'static str]) -> Unit {
    Unit {
        path,
        layer,
        equals: &[],
        blind_to: &[],
        crates,
    }
}

/// Every crate that a module could name: what stands here and not in a unit's row is forbidden it.
pub(crate) const CRATES: &[&str] = &[
    "brotli_decompressor",
    "bytes",
    "flate2",
    "foldhash",
    "futures_core",
    "http",
    "http_body",
    "http_cache_semantics",
    "httparse",
    "pin_project_lite",
    "rustls",
    "rustls_native_certs",
    "tokio",
    "tokio_rustls",
    "tower",
    "tracing",
    "webpki_roots",
    "zstd",
];

/// The order of the layers, lowest first.
pub(crate) const UNITS: &[Unit] = &[
    unit("headers", 0, &["http"]),
    // What the errors and the keys of every layer above are made of: no more than a parsed URI.
    unit("netloc", 0, &["http"]),
    Unit {
        equals: &["headers"],
        ..unit("header_map", 0, &["bytes", "http"])
    },
    // What both engines give out.
    unit("output", 0, &["bytes"]),
    // What the connector offers, and what the pool keeps apart.
    unit("protocols", 0, &[]),
    // The words of RFC 9218, which both engines write and the schedule goes by.
    unit("priority", 0, &["http"]),
    unit("http2::code", 0, &[]),
    unit("http2::id", 0, &[]),
    unit("http2::consts", 0, &[]),
    Unit {
        equals: &["http2::code", "http2::id"],
        ..unit("http2::violation", 0, &[])
    },
    unit("http2::frame", 1, &["bytes"]),
    unit("http2::hpack", 1, &["bytes", "http"]),
    unit("http2::codec", 2, &["bytes"]),
    unit("http2::flow", 2, &[]),
    unit("http2::message", 2, &["bytes", "http"]),
    unit("http2::stream", 3, &["bytes", "http"]),
    unit("http2::schedule", 3, &[]),
    unit("http2::push", 3, &["bytes", "http"]),
    unit("http2::budget", 3, &[]),
    unit("http2::engine", 4, &["bytes", "http"]),
    // The facade: it names its parts, and nothing else.
    Unit {
        equals: &["http2::engine"],
        ..unit("http2", 4, &[])
    },
    Unit {
        blind_to: &["http2"],
        ..unit("http1", 4, &["bytes", "http", "httparse"])
    },
    unit("error", 10, &[]),
    unit("interim", 10, &["http", "tokio"]),
    unit("io", 10, &["tokio"]),
    // The one that may read the clock; tokio's, so that tests may pause it.
    unit("clock", 10, &["tokio"]),
    unit(
        "decode",
        10,
        &["brotli_decompressor", "bytes", "flate2", "http", "zstd"],
    ),
    // Response bodies keep their time limits themselves: they are polled by no task of ours.
    unit(
        "body",
        11,
        &[
            "bytes",
            "futures_core",
            "http",
            "http_body",
            "pin_project_lite",
            "tokio",
        ],
    ),
    // What callers hold of promises; drivers know only that somebody takes them.
    Unit {
        equals: &["body"],
        ..unit("push", 11, &["futures_core", "http"])
    },
    Unit {
        blind_to: &["headers", "push"],
        ..unit(
            "driver",
            12,
            &["bytes", "http", "http_body", "tokio", "tracing"],
        )
    },
    Unit {
        blind_to: &["headers", "http2", "http1", "body", "decode", "clock"],
        ..unit(
            "connect",
            12,
            &[
                "rustls",
                "rustls_native_certs",
                "tokio",
                "tokio_rustls",
                "tower",
                "tracing",
                "webpki_roots",
            ],
        )
    },
    // Gathers the settings of the layers below it, so it stands above them and only `client` and
    // callers read it.
    Unit {
        blind_to: &["headers", "http2", "http1", "body", "driver"],
        ..unit("config", 13, &[])
    },
    Unit {
        blind_to: &[
            "headers", "http2", "http1", "decode", "body", "driver", "connect", "config",
        ],
        ..unit("pool", 13, &["foldhash", "tokio", "tracing"])
    },
    unit(
        "client",
        14,
        &[
            "bytes",
            "futures_core",
            "http",
            "http_body",
            "rustls",
            "tokio",
            "tower",
            "tracing",
        ],
    ),
    Unit {
        blind_to: &["client", "pool", "driver", "connect"],
        ..unit(
            "layer",
            15,
            &[
                "bytes",
                "http",
                "http_body",
                "http_cache_semantics",
                "pin_project_lite",
                "tokio",
                "tower",
                "tracing",
            ],
        )
    },
    // A face of `http2::flow`, in the words of callers.
    unit("window", 15, &[]),
];

/// Above everything, and bound by nothing here: the crate's root, which only re-exports.
pub(crate) const ROOT: &str = "";

/// The modules that are arithmetic: no runtime, no waiting, no clock, no environment, no printing.
pub(crate) const SANS_IO: &[&str] = &["http2", "http1"];

/// The only module that reads the clock.
pub(crate) const CLOCK: &str = "clock";

/// How long a file may be, and a test module within it.
pub(crate) const MAX_LINES: usize = 500;
pub(crate) const MAX_INLINE_TEST_LINES: usize = 150;

/// Files that are longer for a reason.
pub(crate) const LONG_FILES: &[(&str, &str)] = &[(
    "http2/frame/tests.rs",
    "a rule a test, ten frame types: split by type they would repeat their tables",
)];
