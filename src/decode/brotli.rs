//! The coding `br` (RFC 7932), by brotli-decompressor.
//!
//! Windows reach the 16 MiB of RFC 7932 §9.1 and no further: the extension for larger ones is off.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use bytes::{Buf, Bytes};

use super::{DecodeError, DecodeErrorKind, Limits, stage::Unpack};

pub(super) struct Brotli {
    state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
    has_ended: bool,
}

impl Brotli {
    pub(super) fn open(_: &Limits) -> Result<Box<dyn Unpack>, DecodeError> {
        let alloc = StandardAlloc::default;
        Ok(Box::new(Self {
            state: Box::new(BrotliState::new_strict(alloc(), alloc(), alloc())),
            has_ended: false,
        }))
    }

    fn run(&mut self, input: &mut Bytes, output: &mut Vec<u8>) -> BrotliResult {
        let (mut taken, mut filled) = (0, output.len());
        output.resize(output.capacity(), 0);
        let (mut left, mut room) = (input.len(), output.len() - filled);
        let result = BrotliDecompressStream(
            &mut left,
            &mut taken,
            input,
            &mut room,
            &mut filled,
            output,
            &mut 0,
            &mut self.state,
        );
        output.truncate(filled);
        input.advance(taken);
        result
    }
}

impl Unpack for Brotli {
    fn unpack(&mut self, input: &mut Bytes, output: &mut Vec<u8>) -> Result<(), DecodeError> {
        if !self.has_ended {
            match self.run(input, output) {
                BrotliResult::ResultSuccess => self.has_ended = true,
                BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
                BrotliResult::ResultFailure => {
                    let cause = format!("{:?}", self.state.error_code);
                    return Err(DecodeError::new(DecodeErrorKind::Corrupt).with_source(cause));
                }
            }
        }
        if self.has_ended && !input.is_empty() {
            return Err(DecodeErrorKind::TrailingOctets.into());
        }
        Ok(())
    }

    fn is_complete(&self) -> bool {
        self.has_ended
    }
}
