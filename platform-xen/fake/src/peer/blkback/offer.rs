//! What a backend offers, and how it lies.

/// What the backend offers, and what disk it has.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Units of 512 bytes.
    pub sectors: u64,
    /// Bytes in a sector.
    pub sector_size: u32,
    /// Refuses writes.
    pub read_only: bool,
    /// Persistent grants.
    pub persistent: bool,
    /// Segments of an indirect request; 0: none.
    pub indirect: u32,
    /// log2 of the ring's pages.
    pub ring_order: u32,
    /// Flushes.
    pub flush: bool,
    /// Nanoseconds from a request to its response.
    pub latency: u64,
    /// Answers in another order than asked.
    pub shuffle: bool,
}

impl Default for Offer {
    fn default() -> Offer {
        Offer {
            sectors: 1 << 22,
            sector_size: 512,
            read_only: false,
            persistent: true,
            indirect: 256,
            ring_order: 4,
            flush: true,
            latency: 50_000,
            shuffle: false,
        }
    }
}

/// How it lies or fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lie {
    /// It doesn't.
    None,
    /// Stays in Initialising.
    NeverReady,
    /// Gets ready after so many nanoseconds.
    ReadyAt(u64),
    /// Never connects.
    NeverConnects,
    /// Never closes.
    NeverCloses,
    /// From the request of this number on, says nothing more, but keeps its pages mapped.
    SilentAfter(u64),
    /// From the request of this number on, doesn't even look.
    DeafAfter(u64),
    /// At the request of this number, its directory is removed.
    VanishAt(u64),
    /// At the request of this number, it goes to Closing.
    CloseAt(u64),
    /// At the request of this number, its domain dies: it maps nothing more, and its keys stay as they are.
    DiesAt(u64),
    /// Answers with this id.
    Id(u64),
    /// Answers each request twice.
    Twice,
    /// Announces more responses than there are requests.
    TooMany,
    /// Answers with this status, without doing anything.
    Status(i16),
    /// Answers with an operation that doesn't exist.
    Operation,
    /// Doesn't unmap the pages of requests.
    KeepsPages,
    /// Doesn't unmap the ring.
    KeepsRing,
    /// Puts this into one of its keys.
    Key(&'static str, &'static str),
    /// Writes nonsense into slots that it has not answered yet, and rings the bell with every answer.
    Scribbles,
}
