//! Bounds on what encoded octets may become.

/// Bounds against content that is small on the wire and large once decoded. All are always on, but
/// for [`max_output`](Self::max_output).
///
/// ```
/// use towline::decode::Limits;
///
/// let mut limits = Limits::default();
/// limits.max_output = Some(64 << 20);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How many octets may come out for each that went in, counted over a whole body, for the
    /// codings together and after each of them. 1000 by default: real content stays two orders of
    /// magnitude below, and what deflate makes of nothing but zeros (1032) lies above.
    pub max_ratio: u32,
    /// Octets that may come out before the ratio counts. 1 MiB by default: small bodies of one
    /// repeated pattern are common and harmless.
    pub ratio_from: u64,
    /// How many octets may come out in all. `None` by default: bodies are read as they come, so
    /// what they hold in memory is bounded without.
    pub max_output: Option<u64>,
    /// How many encoded octets may go in one after the other of which nothing comes out. 1 MiB by
    /// default: formats have room for names, comments and padding without end, which no bound on
    /// what comes out would see.
    pub max_barren: u64,
    /// The binary logarithm of the largest window that zstd may ask for, which is memory that it
    /// holds; from 10 to 30, and what lies outside counts as the nearest. 23 by default: the 8 MiB
    /// that RFC 9659 §3 lets servers use. The windows of the others are bounded by their formats:
    /// 32 KiB for gzip and deflate, 16 MiB for brotli.
    pub max_zstd_window_log: u32,
    /// How many codings may be stacked on one body. 5 by default: nobody needs two, and each costs
    /// a window.
    pub max_codings: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_ratio: 1_000,
            ratio_from: 1 << 20,
            max_output: None,
            max_barren: 1 << 20,
            max_zstd_window_log: 23,
            max_codings: 5,
        }
    }
}
