//! The coding `zstd` (RFC 8878): frames one after the other, skippable ones among them, by the
//! zstd crate.

use ::zstd::zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, get_error_name};
use bytes::{Buf, Bytes};

use super::{DecodeError, DecodeErrorKind, Limits, stage::Unpack};

pub(super) struct Zstd {
    context: DCtx<'static>,
    /// Whether the last frame has ended, and no other begun.
    is_between_frames: bool,
    has_frame: bool,
}

impl Zstd {
    /// What zstd itself takes for a window's logarithm (RFC 8878 §3.1.1.1.2 has 10 as the least).
    const WINDOW_LOGS: std::ops::RangeInclusive<u32> = 10..=30;

    pub(super) fn open(limits: &Limits) -> Result<Box<dyn Unpack>, DecodeError> {
        let mut context = DCtx::try_create().ok_or(DecodeErrorKind::WindowTooLarge)?;
        let (least, most) = (*Self::WINDOW_LOGS.start(), *Self::WINDOW_LOGS.end());
        let window_log = limits.max_zstd_window_log.clamp(least, most);
        context
            .set_parameter(DParameter::WindowLogMax(window_log))
            .map_err(|code| failure(DecodeErrorKind::WindowTooLarge, code))?;
        Ok(Box::new(Self {
            context,
            is_between_frames: true,
            has_frame: false,
        }))
    }

    /// One step; whether anything came of it.
    fn run(&mut self, input: &mut Bytes, output: &mut Vec<u8>) -> Result<bool, DecodeError> {
        let filled = output.len();
        let mut from = InBuffer::around(input);
        let mut to = OutBuffer::around_pos(output, filled);
        let result = self.context.decompress_stream(&mut to, &mut from);
        let taken = from.pos();
        let has_moved = taken > 0 || output.len() > filled;
        let hint = result.map_err(|code| self.classify(code))?;
        input.advance(taken);
        if has_moved {
            // No octets are wanted exactly where a frame has ended, and given out whole.
            self.is_between_frames = hint == 0;
            self.has_frame |= hint == 0;
        }
        Ok(has_moved)
    }

    /// The library tells its errors apart by their names alone.
    fn classify(&self, code: usize) -> DecodeError {
        let kind = match get_error_name(code) {
            "Frame requires too much memory for decoding"
            | "Allocation error : not enough memory" => DecodeErrorKind::WindowTooLarge,
            "Unknown frame descriptor" if self.has_frame => DecodeErrorKind::TrailingOctets,
            "Restored data doesn't match checksum" => DecodeErrorKind::Checksum,
            _ => DecodeErrorKind::Corrupt,
        };
        failure(kind, code)
    }
}

fn failure(kind: DecodeErrorKind, code: usize) -> DecodeError {
    DecodeError::new(kind).with_source(get_error_name(code))
}

impl Unpack for Zstd {
    fn unpack(&mut self, input: &mut Bytes, output: &mut Vec<u8>) -> Result<(), DecodeError> {
        while self.run(input, output)? && !input.is_empty() && output.len() < output.capacity() {}
        Ok(())
    }

    fn is_complete(&self) -> bool {
        self.is_between_frames && self.has_frame
    }
}
