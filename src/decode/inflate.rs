//! Deflate (RFC 1951), with or without the zlib format around it (RFC 1950), by flate2.

use bytes::{Buf, Bytes};
use flate2::{Decompress, FlushDecompress, Status};

use super::{DecodeError, DecodeErrorKind};

pub(super) struct Inflate {
    state: Decompress,
}

impl Inflate {
    /// Of bare deflate.
    pub(super) fn raw() -> Self {
        let state = Decompress::new(false);
        Self { state }
    }

    /// Of the zlib format, its checksum included.
    pub(super) fn zlib() -> Self {
        let state = Decompress::new(true);
        Self { state }
    }

    /// Begins another stream of bare deflate.
    pub(super) fn restart(&mut self) {
        self.state.reset(false);
    }

    /// Decodes until the input is taken, the capacity is used up, or the stream has ended, and says
    /// whether it has.
    pub(super) fn run(
        &mut self,
        input: &mut Bytes,
        output: &mut Vec<u8>,
    ) -> Result<bool, DecodeError> {
        let before = self.state.total_in();
        let status = self
            .state
            .decompress_vec(input, output, FlushDecompress::None)
            .map_err(|cause| DecodeError::new(DecodeErrorKind::Corrupt).with_source(cause))?;
        let taken = self.state.total_in() - before;
        // No more than the input, so it fits.
        input.advance(usize::try_from(taken).unwrap_or(input.len()));
        Ok(status == Status::StreamEnd)
    }
}
