//! Inputs that are changes of something larger: a disk's image or a kernel is too long to be an input itself, and almost
//! all of it means nothing to a parser.

/// Bytes of a place's unit.
pub const SECTOR: u64 = 512;

/// What is changed.
pub trait Patchable {
    /// The numbers of the sectors that have something in them.
    fn sectors(&self) -> &[u64];
    /// Bytes from `offset` on.
    fn get(&self, offset: u64, len: usize) -> Vec<u8>;
    /// Writes there.
    fn put(&mut self, offset: u64, bytes: &[u8]);
    /// Cuts or lengthens it.
    fn resize(&mut self, size: u64);
}

/// Takes bytes off an input; zeros at its end.
pub fn take<const N: usize>(data: &mut &[u8]) -> [u8; N] {
    let (head, rest) = data.split_at(N.min(data.len()));
    *data = rest;
    let mut bytes = [0; N];
    bytes[..head.len()].copy_from_slice(head);
    bytes
}

fn place(subject: &dyn Patchable, data: &mut &[u8]) -> u64 {
    let (sector, offset) = (u16::from_le_bytes(take(data)), u16::from_le_bytes(take(data)));
    let sectors = subject.sectors();
    let sector = sectors.get(usize::from(sector) % sectors.len().max(1)).copied().unwrap_or(0);
    sector * SECTOR + u64::from(offset) % SECTOR
}

/// Changes `subject` as `data` says, record by record: where (sector, offset), what and how much (3 and 5 bits).
pub fn apply(subject: &mut dyn Patchable, mut data: &[u8]) {
    while data.len() > 5 {
        let at = place(subject, &mut data);
        let [what] = take(&mut data);
        let len = usize::from(what & 31) + 1;
        match what >> 5 {
            0..=2 => {
                let (bytes, rest) = data.split_at(len.min(data.len()));
                data = rest;
                subject.put(at, bytes);
            }
            3 => {
                let [byte] = take(&mut data);
                subject.put(at, &vec![byte; len * len]);
            }
            4 => {
                // A number that is almost right.
                let [step] = take(&mut data);
                let old = subject.get(at, 4).try_into().map_or(0, u32::from_le_bytes);
                subject.put(at, &old.wrapping_add_signed(i32::from(step.cast_signed())).to_le_bytes());
            }
            5 | 6 => {
                let from = place(subject, &mut data);
                let piece = subject.get(from, len * 4);
                subject.put(at, &piece);
            }
            _ => subject.resize(at),
        }
    }
}

/// A file, whose sectors all have something in them.
pub struct File {
    /// Its bytes.
    pub bytes: Vec<u8>,
    sectors: Vec<u64>,
}

impl File {
    /// A copy of it.
    pub fn new(bytes: &[u8]) -> File {
        File { bytes: bytes.to_vec(), sectors: (0..(bytes.len() as u64).div_ceil(SECTOR)).collect() }
    }
}

impl Patchable for File {
    fn sectors(&self) -> &[u64] {
        &self.sectors
    }

    fn get(&self, offset: u64, len: usize) -> Vec<u8> {
        self.bytes.iter().skip(offset as usize).take(len).copied().collect()
    }

    fn put(&mut self, offset: u64, bytes: &[u8]) {
        for (old, new) in self.bytes.iter_mut().skip(offset as usize).zip(bytes) {
            *old = *new;
        }
    }

    fn resize(&mut self, size: u64) {
        self.bytes.truncate(size as usize);
    }
}
