//! Walking the log.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::format::{COMMIT, DESCRIPTOR, Header, REVOKE, Superblock, Tag, begins_fast_commits};
use super::{Copy, Overlay};
use crate::Error;
use crate::bytes::zeroed;
use crate::ext::blocks::Blocks;
use crate::ext::inode::Inode;
use crate::ext::map;

/// A log of 1 GiB in blocks of 4 KiB: mke2fs makes larger ones for no disk.
const MAX_LOG: u32 = 1 << 18;

/// So many revocations at most: a hostile log could repeat them without end.
const MAX_REVOKED: usize = 1 << 19;

/// What a replay gave.
#[derive(Debug, Default)]
pub(in crate::ext) struct Outcome {
    pub(in crate::ext) overlay: Overlay,
    /// What the user should know.
    pub(in crate::ext) notes: Vec<String>,
}

/// A copy in the log, as its descriptor has it.
struct Logged {
    tag: Tag,
    sequence: u32,
    at: u64,
}

/// All committed transactions of a log.
struct Committed {
    /// In the order of the log.
    logged: Vec<Logged>,
    /// Each revoked block, with the last transaction that revoked it.
    revoked: BTreeMap<u64, u32>,
    /// The number that the next transaction would have.
    next: u32,
}

/// A journal and where its blocks are.
struct Log<'a> {
    blocks: &'a Blocks,
    inode: Inode,
    sb: Superblock,
    /// The run of the journal's file that was used last, with its first block.
    run: Option<(u64, map::Run)>,
}

/// True when there is nothing to replay in the journal in inode `number`.
pub(in crate::ext) fn is_empty(blocks: &Blocks, number: u32) -> Result<bool, Error> {
    open(blocks, number).map(|(_, sb)| sb.start == 0)
}

fn open(blocks: &Blocks, number: u32) -> Result<(Inode, Superblock), Error> {
    let inode = Inode::read(blocks, number)?;
    let size = u64::from(blocks.sb.block_size);
    let first =
        map::lookup(blocks, &inode, 0)?.start.ok_or_else(|| Error::corrupt("the journal has no blocks"))?;
    let sb = Superblock::parse(&blocks.block(first)?, blocks.sb.block_size, inode.size / size)?;
    Ok((inode, sb))
}

/// Reads the whole log of the journal in inode `number`. `blocks` must show the volume as it is, without an overlay.
pub(in crate::ext) fn replay(blocks: &Blocks, number: u32) -> Result<Outcome, Error> {
    let (inode, sb) = open(blocks, number)?;
    if sb.end > MAX_LOG {
        return Err(Error::TooLarge(alloc::format!("a journal of {} blocks", sb.end)));
    }
    let mut outcome = Outcome::default();
    if sb.start == 0 {
        return Ok(outcome);
    }
    let mut log = Log { blocks, inode, sb, run: None };
    let Committed { logged, revoked, next } = log.walk(&mut outcome.notes)?;
    log.apply(logged, &revoked, &mut outcome)?;
    if log.sb.has_fast_commits() {
        // One block after the log is left out.
        let at = log.place(u64::from(log.sb.end) + 1)?;
        if begins_fast_commits(&blocks.block(at)?, next) {
            outcome.notes.push(
                "the journal's fast commits, the last seconds before the crash, are not replayed".into(),
            );
        }
    }
    Ok(outcome)
}

impl Log<'_> {
    /// The block of the volume that is block `at` of the journal.
    fn place(&mut self, at: u64) -> Result<u64, Error> {
        let (first, run) = match self.run {
            Some((first, run)) if (first..first + run.len).contains(&at) => (first, run),
            _ => (at, map::lookup(self.blocks, &self.inode, at)?),
        };
        self.run = Some((first, run));
        run.start.map(|start| start + (at - first)).ok_or_else(|| Error::corrupt("a hole in the journal"))
    }

    /// Collects all committed transactions.
    fn walk(&mut self, notes: &mut Vec<String>) -> Result<Committed, Error> {
        let (mut logged, mut revoked) = (Vec::new(), BTreeMap::new());
        // Of the transaction that is not committed yet.
        let (mut open, mut open_revoked) = (Vec::new(), Vec::new());
        let mut sequence = self.sb.sequence;
        let mut at = self.sb.start;
        let mut block = zeroed(self.blocks.block_size())?;
        // Nothing in the log can be longer than the log; each turn uses at least one block of it.
        let mut left = self.sb.end - self.sb.first;
        while let Some(remaining) = left.checked_sub(1) {
            left = remaining;
            let place = self.place(u64::from(at))?;
            self.blocks.read(place, 0, &mut block)?;
            at = self.sb.next(at);
            // An older block marks the end of the log: the place was not written yet in this round.
            let Some(header) = Header::parse(&block).filter(|h| h.sequence == sequence) else { break };
            let sound = match header.kind {
                DESCRIPTOR | REVOKE => self.sb.tail_is_right(&block),
                COMMIT => self.sb.commit_is_right(&block),
                _ => break,
            };
            if !sound {
                // Usually the last transaction, of which only a part reached the disk.
                notes.push("the journal ends with a damaged transaction, which is not replayed".into());
                break;
            }
            match header.kind {
                DESCRIPTOR => {
                    let Some(tags) = self.sb.tags(&block) else {
                        notes.push(
                            "the journal ends with a damaged transaction, which is not replayed".into(),
                        );
                        break;
                    };
                    let Some(remaining) = left.checked_sub(tags.len() as u32) else { break };
                    left = remaining;
                    for tag in tags {
                        open.push(Logged { tag, sequence, at: self.place(u64::from(at))? });
                        at = self.sb.next(at);
                    }
                }
                REVOKE => {
                    open_revoked.extend(self.sb.revoked(&block));
                    if open_revoked.len() + revoked.len() > MAX_REVOKED {
                        return Err(Error::TooLarge("the journal's list of revoked blocks".into()));
                    }
                }
                _ => {
                    logged.append(&mut open);
                    revoked.extend(open_revoked.drain(..).map(|b| (b, sequence)));
                    sequence = sequence.wrapping_add(1);
                }
            }
        }
        Ok(Committed { logged, revoked, next: sequence })
    }

    /// Makes the overlay: the last copy of each block wins, unless the block was revoked in the same transaction or
    /// later (it was freed, and may hold something else by now).
    fn apply(
        &self,
        logged: Vec<Logged>,
        revoked: &BTreeMap<u64, u32>,
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        let mut damaged = 0;
        let mut copy = zeroed(self.blocks.block_size())?;
        for Logged { tag, sequence, at } in logged {
            // Numbers of transactions wrap round.
            if revoked.get(&tag.block).is_some_and(|at| at.wrapping_sub(sequence) < 1 << 31) {
                continue;
            }
            self.blocks.read(at, 0, &mut copy)?;
            if !self.sb.copy_is_right(&tag, sequence, &copy) {
                damaged += 1;
                continue;
            }
            outcome.overlay.0.insert(tag.block, Copy { at, escaped: tag.escaped });
        }
        if damaged > 0 {
            outcome
                .notes
                .push(alloc::format!("{damaged} blocks in the journal are damaged and not replayed"));
        }
        Ok(())
    }
}
