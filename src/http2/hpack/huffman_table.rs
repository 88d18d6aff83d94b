//! The code of RFC 7541 Appendix B, and the decoding tables that the compiler derives from it.
//!
//! Owns: [`CODES`], typed in the order and notation of the appendix; all else is computed.
//! Invariant: the code is canonical (codes of one length are consecutive, in the order of their
//! symbols; each length continues where the last ended) and complete (no bit string is without a
//! meaning). [`Canonical`] leans on both, and the tests below check both, so that a mistyped line
//! cannot pass.
//! Spec: RFC 7541 §5.2, Appendix B.

/// The end-of-string symbol.
pub(super) const EOS: u16 = 256;
/// The longest code, in bits.
pub(super) const MAX_BITS: u32 = 30;

/// For each symbol its code, aligned to the least significant bit, and the code's length in bits.
#[rustfmt::skip]
pub(super) const CODES: [(u32, u8); 257] = [
    (0x1ff8, 13), (0x7fffd8, 23), (0xfffffe2, 28), (0xfffffe3, 28), // 0
    (0xfffffe4, 28), (0xfffffe5, 28), (0xfffffe6, 28), (0xfffffe7, 28), // 4
    (0xfffffe8, 28), (0xffffea, 24), (0x3ffffffc, 30), (0xfffffe9, 28), // 8
    (0xfffffea, 28), (0x3ffffffd, 30), (0xfffffeb, 28), (0xfffffec, 28), // 12
    (0xfffffed, 28), (0xfffffee, 28), (0xfffffef, 28), (0xffffff0, 28), // 16
    (0xffffff1, 28), (0xffffff2, 28), (0x3ffffffe, 30), (0xffffff3, 28), // 20
    (0xffffff4, 28), (0xffffff5, 28), (0xffffff6, 28), (0xffffff7, 28), // 24
    (0xffffff8, 28), (0xffffff9, 28), (0xffffffa, 28), (0xffffffb, 28), // 28
    (0x14, 6), (0x3f8, 10), (0x3f9, 10), (0xffa, 12), // 32
    (0x1ff9, 13), (0x15, 6), (0xf8, 8), (0x7fa, 11), // 36
    (0x3fa, 10), (0x3fb, 10), (0xf9, 8), (0x7fb, 11), // 40
    (0xfa, 8), (0x16, 6), (0x17, 6), (0x18, 6), // 44
    (0x0, 5), (0x1, 5), (0x2, 5), (0x19, 6), // 48
    (0x1a, 6), (0x1b, 6), (0x1c, 6), (0x1d, 6), // 52
    (0x1e, 6), (0x1f, 6), (0x5c, 7), (0xfb, 8), // 56
    (0x7ffc, 15), (0x20, 6), (0xffb, 12), (0x3fc, 10), // 60
    (0x1ffa, 13), (0x21, 6), (0x5d, 7), (0x5e, 7), // 64
    (0x5f, 7), (0x60, 7), (0x61, 7), (0x62, 7), // 68
    (0x63, 7), (0x64, 7), (0x65, 7), (0x66, 7), // 72
    (0x67, 7), (0x68, 7), (0x69, 7), (0x6a, 7), // 76
    (0x6b, 7), (0x6c, 7), (0x6d, 7), (0x6e, 7), // 80
    (0x6f, 7), (0x70, 7), (0x71, 7), (0x72, 7), // 84
    (0xfc, 8), (0x73, 7), (0xfd, 8), (0x1ffb, 13), // 88
    (0x7fff0, 19), (0x1ffc, 13), (0x3ffc, 14), (0x22, 6), // 92
    (0x7ffd, 15), (0x3, 5), (0x23, 6), (0x4, 5), // 96
    (0x24, 6), (0x5, 5), (0x25, 6), (0x26, 6), // 100
    (0x27, 6), (0x6, 5), (0x74, 7), (0x75, 7), // 104
    (0x28, 6), (0x29, 6), (0x2a, 6), (0x7, 5), // 108
    (0x2b, 6), (0x76, 7), (0x2c, 6), (0x8, 5), // 112
    (0x9, 5), (0x2d, 6), (0x77, 7), (0x78, 7), // 116
    (0x79, 7), (0x7a, 7), (0x7b, 7), (0x7ffe, 15), // 120
    (0x7fc, 11), (0x3ffd, 14), (0x1ffd, 13), (0xffffffc, 28), // 124
    (0xfffe6, 20), (0x3fffd2, 22), (0xfffe7, 20), (0xfffe8, 20), // 128
    (0x3fffd3, 22), (0x3fffd4, 22), (0x3fffd5, 22), (0x7fffd9, 23), // 132
    (0x3fffd6, 22), (0x7fffda, 23), (0x7fffdb, 23), (0x7fffdc, 23), // 136
    (0x7fffdd, 23), (0x7fffde, 23), (0xffffeb, 24), (0x7fffdf, 23), // 140
    (0xffffec, 24), (0xffffed, 24), (0x3fffd7, 22), (0x7fffe0, 23), // 144
    (0xffffee, 24), (0x7fffe1, 23), (0x7fffe2, 23), (0x7fffe3, 23), // 148
    (0x7fffe4, 23), (0x1fffdc, 21), (0x3fffd8, 22), (0x7fffe5, 23), // 152
    (0x3fffd9, 22), (0x7fffe6, 23), (0x7fffe7, 23), (0xffffef, 24), // 156
    (0x3fffda, 22), (0x1fffdd, 21), (0xfffe9, 20), (0x3fffdb, 22), // 160
    (0x3fffdc, 22), (0x7fffe8, 23), (0x7fffe9, 23), (0x1fffde, 21), // 164
    (0x7fffea, 23), (0x3fffdd, 22), (0x3fffde, 22), (0xfffff0, 24), // 168
    (0x1fffdf, 21), (0x3fffdf, 22), (0x7fffeb, 23), (0x7fffec, 23), // 172
    (0x1fffe0, 21), (0x1fffe1, 21), (0x3fffe0, 22), (0x1fffe2, 21), // 176
    (0x7fffed, 23), (0x3fffe1, 22), (0x7fffee, 23), (0x7fffef, 23), // 180
    (0xfffea, 20), (0x3fffe2, 22), (0x3fffe3, 22), (0x3fffe4, 22), // 184
    (0x7ffff0, 23), (0x3fffe5, 22), (0x3fffe6, 22), (0x7ffff1, 23), // 188
    (0x3ffffe0, 26), (0x3ffffe1, 26), (0xfffeb, 20), (0x7fff1, 19), // 192
    (0x3fffe7, 22), (0x7ffff2, 23), (0x3fffe8, 22), (0x1ffffec, 25), // 196
    (0x3ffffe2, 26), (0x3ffffe3, 26), (0x3ffffe4, 26), (0x7ffffde, 27), // 200
    (0x7ffffdf, 27), (0x3ffffe5, 26), (0xfffff1, 24), (0x1ffffed, 25), // 204
    (0x7fff2, 19), (0x1fffe3, 21), (0x3ffffe6, 26), (0x7ffffe0, 27), // 208
    (0x7ffffe1, 27), (0x3ffffe7, 26), (0x7ffffe2, 27), (0xfffff2, 24), // 212
    (0x1fffe4, 21), (0x1fffe5, 21), (0x3ffffe8, 26), (0x3ffffe9, 26), // 216
    (0xffffffd, 28), (0x7ffffe3, 27), (0x7ffffe4, 27), (0x7ffffe5, 27), // 220
    (0xfffec, 20), (0xfffff3, 24), (0xfffed, 20), (0x1fffe6, 21), // 224
    (0x3fffe9, 22), (0x1fffe7, 21), (0x1fffe8, 21), (0x7ffff3, 23), // 228
    (0x3fffea, 22), (0x3fffeb, 22), (0x1ffffee, 25), (0x1ffffef, 25), // 232
    (0xfffff4, 24), (0xfffff5, 24), (0x3ffffea, 26), (0x7ffff4, 23), // 236
    (0x3ffffeb, 26), (0x7ffffe6, 27), (0x3ffffec, 26), (0x3ffffed, 26), // 240
    (0x7ffffe7, 27), (0x7ffffe8, 27), (0x7ffffe9, 27), (0x7ffffea, 27), // 244
    (0x7ffffeb, 27), (0xffffffe, 28), (0x7ffffec, 27), (0x7ffffed, 27), // 248
    (0x7ffffee, 27), (0x7ffffef, 27), (0x7fffff0, 27), (0x3ffffee, 26), // 252
    (0x3fffffff, 30), // 256
];

/// How many bits one step of the decoder looks at.
pub(super) const STEP_BITS: u32 = 11;

/// What the next [`STEP_BITS`] bits hold: one or two whole symbols, or the start of a long one.
#[derive(Clone, Copy)]
pub(super) struct Step {
    /// The symbols, in order; the second is meaningless if there is only one.
    pub(super) symbols: [u8; 2],
    /// How many whole symbols the bits hold: 0, 1 or 2.
    pub(super) count: u8,
    /// How many bits these symbols take.
    pub(super) bits: u8,
}

/// Indexed by the next [`STEP_BITS`] bits.
pub(super) static STEPS: [Step; 1 << STEP_BITS] = pair_up(&single_steps());

/// Steps of at most one symbol: a code of `n` bits owns all indices that begin with it.
const fn single_steps() -> [Step; 1 << STEP_BITS] {
    const NOTHING: Step = Step {
        symbols: [0; 2],
        count: 0,
        bits: 0,
    };
    let mut steps = [NOTHING; 1 << STEP_BITS];
    let mut symbol = 0u8;
    loop {
        let (code, bits) = CODES[symbol as usize];
        if bits as u32 <= STEP_BITS {
            let spare = STEP_BITS - bits as u32;
            let mut index = (code as usize) << spare;
            let end = (code as usize + 1) << spare;
            while index < end {
                steps[index] = Step {
                    symbols: [symbol, 0],
                    count: 1,
                    bits,
                };
                index += 1;
            }
        }
        if symbol == u8::MAX {
            return steps;
        }
        symbol += 1;
    }
}

/// Adds the second symbol wherever the bits that the first leaves hold all of it.
const fn pair_up(single: &[Step; 1 << STEP_BITS]) -> [Step; 1 << STEP_BITS] {
    let mut steps = *single;
    let mut index = 0;
    while index < steps.len() {
        let first = single[index];
        let second = single[(index << first.bits) % single.len()];
        let fits = (first.bits + second.bits) as u32 <= STEP_BITS;
        if first.count == 1 && second.count == 1 && fits {
            steps[index] = Step {
                symbols: [first.symbols[0], second.symbols[0]],
                count: 2,
                bits: first.bits + second.bits,
            };
        }
        index += 1;
    }
    steps
}

/// Decodes by comparison, which is right for codes of every length and fast enough for the long
/// ones: their symbols hardly occur in fields.
pub(super) struct Canonical {
    /// For each length: the first code that is longer, aligned to the most significant bit of
    /// [`MAX_BITS`] bits. What is below it, and not below its predecessor, has this length.
    ends: [u32; MAX_BITS as usize + 1],
    /// For each length: the rank of its first symbol minus its first code (wrapping).
    offsets: [u32; MAX_BITS as usize + 1],
    /// Symbols by rank, that is by length and then by value.
    symbols: [u16; 257],
}

pub(super) static CANONICAL: Canonical = Canonical::new();

impl Canonical {
    const fn new() -> Self {
        let mut this = Self {
            ends: [0; MAX_BITS as usize + 1],
            offsets: [0; MAX_BITS as usize + 1],
            symbols: [0; 257],
        };
        let (mut rank, mut code, mut length) = (0u32, 0u32, 1u32);
        while length <= MAX_BITS {
            this.offsets[length as usize] = rank.wrapping_sub(code);
            let mut symbol = 0u16;
            while symbol <= EOS {
                if CODES[symbol as usize].1 as u32 == length {
                    this.symbols[rank as usize] = symbol;
                    rank += 1;
                    code += 1;
                }
                symbol += 1;
            }
            this.ends[length as usize] = code << (MAX_BITS - length);
            code <<= 1;
            length += 1;
        }
        this
    }

    /// The symbol that `window`, the next [`MAX_BITS`] bits, begins with, and its length in bits.
    pub(super) fn find(&self, window: u32) -> (u16, u32) {
        let mut length = 5;
        // Ends: the code is complete, so `ends[MAX_BITS]` is 2^MAX_BITS, above every window.
        while window >= self.ends[length as usize] {
            length += 1;
        }
        let code = window >> (MAX_BITS - length);
        let rank = code.wrapping_add(self.offsets[length as usize]);
        (self.symbols[rank as usize], length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_canonical() {
        let mut by_rank: Vec<usize> = (0..CODES.len()).collect();
        by_rank.sort_by_key(|&symbol| (CODES[symbol].1, symbol));
        let mut expected = 0u32;
        let mut length = CODES[by_rank[0]].1;
        for symbol in by_rank {
            let (code, bits) = CODES[symbol];
            expected <<= bits - length;
            length = bits;
            assert_eq!(code, expected, "RFC 7541 Appendix B, symbol {symbol}");
            expected += 1;
        }
    }

    #[test]
    fn the_code_is_complete() {
        let space: u64 = CODES
            .iter()
            .map(|&(_, bits)| 1 << (MAX_BITS - u32::from(bits)))
            .sum();
        assert_eq!(space, 1 << MAX_BITS, "the codes share out all bit strings");
        assert_eq!(
            CODES[usize::from(EOS)],
            (0x3fff_ffff, 30),
            "RFC 7541 Appendix B: EOS is thirty ones"
        );
    }

    #[test]
    fn both_tables_find_every_symbol() {
        for (symbol, &(code, bits)) in (0u16..).zip(&CODES) {
            let window = code << (MAX_BITS - u32::from(bits));
            assert_eq!(CANONICAL.find(window), (symbol, u32::from(bits)));
            let step = STEPS[(window >> (MAX_BITS - STEP_BITS)) as usize];
            if u32::from(bits) <= STEP_BITS {
                assert_eq!(u16::from(step.symbols[0]), symbol);
            } else {
                assert_eq!(step.count, 0, "symbol {symbol} is longer than a step");
            }
        }
    }
}
