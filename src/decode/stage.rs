//! One coding of a stack: its decoder, and what goes into it.
//!
//! Owns: the octets that the decoder has not taken yet. A stage that is given nothing opens no
//! decoder and gives nothing: no content at all is no content in any coding.

use bytes::Bytes;

use super::{Coding, DecodeError, DecodeErrorKind, Limits, coding::Opener};

/// A decoder of one coding.
pub(super) trait Unpack: Send + Sync {
    /// Takes octets off the front of `input` and puts what they mean at the end of `output`, within
    /// its capacity. Returns when all are taken or the capacity is used up; octets that follow the
    /// end of the format are an error.
    fn unpack(&mut self, input: &mut Bytes, output: &mut Vec<u8>) -> Result<(), DecodeError>;

    /// Whether the input may end here.
    fn is_complete(&self) -> bool;
}

pub(super) struct Stage {
    coding: Coding,
    opener: Opener,
    /// There once something was fed.
    decoder: Option<Box<dyn Unpack>>,
    input: Bytes,
    /// Whether the decoder may have more to give without more to take.
    is_holding: bool,
    is_input_over: bool,
    produced: u64,
    /// What is wrong after the octets that were given last.
    flaw: Option<DecodeError>,
}

/// What a stage has come to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The output has something.
    Produced,
    /// Nothing without more input.
    Hungry,
    /// All input was decoded, and no more comes.
    Over,
}

impl Stage {
    pub(super) fn new(coding: Coding) -> Result<Self, DecodeError> {
        let Some(opener) = coding.opener() else {
            return Err(DecodeError::new(DecodeErrorKind::Unavailable).of(coding));
        };
        Ok(Self {
            coding,
            opener,
            decoder: None,
            input: Bytes::new(),
            is_holding: false,
            is_input_over: false,
            produced: 0,
            flaw: None,
        })
    }

    pub(super) const fn coding(&self) -> Coding {
        self.coding
    }

    /// Gives the stage more, once it is hungry.
    pub(super) fn feed(&mut self, data: Bytes) {
        debug_assert!(self.input.is_empty(), "only a hungry stage is fed");
        self.input = data;
    }

    /// No more comes.
    pub(super) fn end_input(&mut self) {
        self.is_input_over = true;
    }

    /// Octets that were fed and not taken yet.
    pub(super) fn pending(&self) -> u64 {
        self.input.len() as u64
    }

    /// Octets that came out so far.
    pub(super) const fn produced(&self) -> u64 {
        self.produced
    }

    /// Decodes into `output`, which is empty and has room.
    pub(super) fn step(
        &mut self,
        limits: &Limits,
        output: &mut Vec<u8>,
    ) -> Result<Step, DecodeError> {
        let coding = self.coding;
        self.decode(limits, output)
            .map_err(|error| error.of(coding))
    }

    fn decode(&mut self, limits: &Limits, output: &mut Vec<u8>) -> Result<Step, DecodeError> {
        if let Some(flaw) = self.flaw.take() {
            return Err(flaw);
        }
        if self.is_holding || !self.input.is_empty() {
            let decoder = match &mut self.decoder {
                Some(decoder) => decoder,
                None => self.decoder.insert((self.opener)(limits)?),
            };
            let result = decoder.unpack(&mut self.input, output);
            self.is_holding = output.len() == output.capacity();
            self.produced += output.len() as u64;
            if !output.is_empty() {
                self.flaw = result.err();
                return Ok(Step::Produced);
            }
            result?;
        }
        if !self.is_input_over {
            return Ok(Step::Hungry);
        }
        match &self.decoder {
            Some(decoder) if !decoder.is_complete() => Err(DecodeErrorKind::Truncated.into()),
            _ => Ok(Step::Over),
        }
    }
}
