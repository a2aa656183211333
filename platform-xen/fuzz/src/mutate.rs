//! Random changes of inputs, for the plain driver.

/// xorshift64*: the same numbers on every machine.
pub struct Random(u64);

/// Values at which sums and comparisons go wrong.
const EDGES: [u64; 12] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0xffff_ffff_ffff_ffff,
];

impl Random {
    /// A sequence of its own for each seed.
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(2).wrapping_add(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// The next number below `n`; 0 if that is 0.
    pub fn below(&mut self, n: usize) -> usize {
        ((self.number() >> 16) % n.max(1) as u64) as usize
    }

    /// One of them. There must be some.
    pub fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// `input` with some changes, one of which may bring a piece of `other` in. At most `max_len` bytes.
pub fn mutate(random: &mut Random, input: &[u8], other: &[u8], max_len: usize) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len() + 1);
        let end = (at + 1 + random.below(8)).min(bytes.len());
        match random.below(8) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 if at < bytes.len() => bytes[at] = random.number() as u8,
            2 => {
                let width = 1 << random.below(4);
                let value = random.one(&EDGES).wrapping_add(random.below(3) as u64).wrapping_sub(1);
                for (byte, new) in bytes.iter_mut().skip(at).zip(value.to_le_bytes()).take(width) {
                    *byte = new;
                }
            }
            3 if at < bytes.len() => {
                let step = random.below(17) as u8;
                bytes[at] = bytes[at].wrapping_add(step).wrapping_sub(8);
            }
            4 => drop(bytes.drain(at..end.max(at))),
            5 => {
                let piece = bytes[at..end.max(at)].to_vec();
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, piece);
            }
            6 if !other.is_empty() => {
                let from = random.below(other.len());
                let piece = &other[from..(from + 1 + random.below(40)).min(other.len())];
                bytes.splice(at..at, piece.iter().copied());
            }
            _ => {
                let new: Vec<u8> = (0..=random.below(16)).map(|_| random.number() as u8).collect();
                bytes.splice(at..at, new);
            }
        }
    }
    bytes.truncate(max_len);
    bytes
}
