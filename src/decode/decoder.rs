//! Codings undone one after the other.
//!
//! Owns: the stages, the octets between them, and the bounds on what comes out. Each piece goes as
//! far as it can before the next is taken, so what lies between two stages is one piece at most.

use std::{collections::VecDeque, fmt, mem};

use bytes::Bytes;

use super::{
    Coding, DecodeError, DecodeErrorKind, Limits,
    stage::{Stage, Step},
};

/// Undoes the codings of one body, as its octets come.
///
/// Octets are pushed as they arrive, and everything that they mean is pulled before the next are
/// pushed: then what the decoder holds is bounded by the windows of the codings and the piece last
/// pushed. Whatever a push makes known comes out of the pulls after it; nothing is held back for
/// more to come but what the format does not settle yet.
pub struct Decoder {
    /// The first one undoes what was applied last.
    stages: Vec<Stage>,
    limits: Limits,
    input: VecDeque<Bytes>,
    is_finished: bool,
    /// Octets taken from `input`.
    taken: u64,
    /// Those of them that were taken since something came out.
    barren: u64,
    /// Where stages put their output.
    room: Vec<u8>,
    failed: Option<DecodeError>,
}

/// What a pull comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pulled {
    /// Decoded octets, from 1 to 32 KiB. There may be more.
    Data(Bytes),
    /// Everything that was pushed has come out, as far as it goes.
    NeedsInput,
    /// Everything has come out, and was complete. Only after [`Decoder::finish`].
    End,
}

impl Decoder {
    /// The largest piece that comes out, in octets: the size of deflate's window, large enough
    /// that a piece costs little besides its octets.
    const PIECE: usize = 32 << 10;

    /// A decoder for these codings, in the order of `content-encoding`: the last is undone first.
    /// Without any, octets pass as they are.
    ///
    /// # Errors
    ///
    /// [`DecodeErrorKind::TooManyCodings`], or [`DecodeErrorKind::Unavailable`] if one is not built
    /// in.
    pub fn new(codings: &[Coding], limits: Limits) -> Result<Self, DecodeError> {
        if codings.len() > limits.max_codings {
            return Err(DecodeErrorKind::TooManyCodings.into());
        }
        let stages = codings.iter().rev().copied().map(Stage::new);
        Ok(Self {
            stages: stages.collect::<Result<_, _>>()?,
            limits,
            input: VecDeque::new(),
            is_finished: false,
            taken: 0,
            barren: 0,
            room: Vec::new(),
            failed: None,
        })
    }

    /// Takes encoded octets.
    pub fn push(&mut self, data: impl Into<Bytes>) {
        let data = data.into();
        if !data.is_empty() && self.failed.is_none() {
            self.input.push_back(data);
        }
    }

    /// No more is pushed.
    pub fn finish(&mut self) {
        self.is_finished = true;
    }

    /// Gives the next decoded octets. No octets at all decode to none, in every coding.
    ///
    /// # Errors
    ///
    /// What is wrong with the octets, after everything before it has come out; from then on, the
    /// same error again.
    pub fn pull(&mut self) -> Result<Pulled, DecodeError> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        self.pull_through().inspect_err(|error| {
            // Their windows are of no use any more.
            self.stages.clear();
            self.input.clear();
            self.room = Vec::new();
            self.failed = Some(error.clone());
        })
    }

    fn pull_through(&mut self) -> Result<Pulled, DecodeError> {
        let caller = self.stages.len();
        // Who wants the next piece: a stage, or the caller beyond the last of them.
        let mut wanting = caller;
        loop {
            let piece = match wanting.checked_sub(1) {
                Some(stage) => self.step(stage)?,
                None if self.barren > self.limits.max_barren => {
                    return Err(DecodeErrorKind::Barren.into());
                }
                None => match self.next_input() {
                    Pulled::NeedsInput => return Ok(Pulled::NeedsInput),
                    piece => piece,
                },
            };
            match piece {
                // The stage wants something itself first.
                Pulled::NeedsInput => wanting -= 1,
                piece if wanting == caller => {
                    self.barren = 0;
                    return Ok(piece);
                }
                Pulled::Data(data) => {
                    self.stages[wanting].feed(data);
                    wanting += 1;
                }
                Pulled::End => {
                    self.stages[wanting].end_input();
                    wanting += 1;
                }
            }
        }
    }

    fn next_input(&mut self) -> Pulled {
        match self.input.pop_front() {
            Some(data) => {
                self.taken += data.len() as u64;
                self.barren += data.len() as u64;
                Pulled::Data(data)
            }
            None if self.is_finished => Pulled::End,
            None => Pulled::NeedsInput,
        }
    }

    fn step(&mut self, stage: usize) -> Result<Pulled, DecodeError> {
        if self.room.capacity() == 0 {
            self.room = Vec::with_capacity(Self::PIECE);
        }
        match self.stages[stage].step(&self.limits, &mut self.room)? {
            Step::Hungry => Ok(Pulled::NeedsInput),
            Step::Over => Ok(Pulled::End),
            Step::Produced => {
                self.check_bounds(stage)?;
                Ok(Pulled::Data(self.take_piece()))
            }
        }
    }

    /// Every stage is held against what came from the network: what the codings do to each other
    /// gives none of them more room.
    fn check_bounds(&self, stage: usize) -> Result<(), DecodeError> {
        let coding = self.stages[stage].coding();
        let produced = self.stages[stage].produced();
        let consumed = self.taken - self.stages[0].pending();
        let allowed = consumed.saturating_mul(u64::from(self.limits.max_ratio));
        if produced > allowed.max(self.limits.ratio_from) {
            return Err(DecodeError::new(DecodeErrorKind::RatioExceeded).of(coding));
        }
        let is_last = stage + 1 == self.stages.len();
        if is_last && self.limits.max_output.is_some_and(|max| produced > max) {
            return Err(DecodeError::new(DecodeErrorKind::TooLarge).of(coding));
        }
        Ok(())
    }

    /// The decoded octets; a few of them do not keep the room for many.
    fn take_piece(&mut self) -> Bytes {
        if self.room.len() >= Self::PIECE / 2 {
            return mem::take(&mut self.room).into();
        }
        let piece = Bytes::copy_from_slice(&self.room);
        self.room.clear();
        piece
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codings: Vec<Coding> = self.stages.iter().rev().map(Stage::coding).collect();
        f.debug_struct("Decoder")
            .field("codings", &codings)
            .field("taken", &self.taken)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}
