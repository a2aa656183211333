//! Pages of ours for a driver's data: granted once, used again and again.

use alloc::vec::Vec;

use crate::hal::{DomId, GrantRef, HalError, HalRef};
use crate::shared::{GrantedPages, SharedMem};

/// A page of the pool. Given back by [`Pool::put`]; it is neither `Copy` nor `Clone`, so never twice.
#[derive(Debug)]
pub(crate) struct Page(usize);

/// The pages, made as they are needed, up to a limit.
pub(crate) struct Pool {
    hal: HalRef,
    peer: DomId,
    limit: usize,
    readonly: bool,
    pages: Vec<GrantedPages>,
    /// The page used last is used first: a backend that keeps only some mapped does best so.
    free: Vec<Page>,
}

impl Pool {
    /// At most `limit` pages; `readonly`: the peer may not write to them.
    pub(crate) fn new(hal: HalRef, peer: DomId, limit: usize, readonly: bool) -> Pool {
        Pool { hal, peer, limit, readonly, pages: Vec::new(), free: Vec::new() }
    }

    /// A page, unless all are in use and there can be no more.
    pub(crate) fn take(&mut self) -> Result<Page, HalError> {
        if let Some(page) = self.free.pop() {
            return Ok(page);
        }
        if self.pages.len() >= self.limit {
            return Err(HalError::OutOfMemory);
        }
        self.pages.push(GrantedPages::alloc(&self.hal, 1, self.peer, self.readonly)?);
        Ok(Page(self.pages.len() - 1))
    }

    /// Pages that can still be had, memory permitting.
    pub(crate) fn available(&self) -> usize {
        self.free.len() + self.limit.saturating_sub(self.pages.len())
    }

    pub(crate) fn put(&mut self, page: Page) {
        self.free.push(page);
    }

    pub(crate) fn memory(&self, page: &Page) -> SharedMem<'_> {
        self.pages[page.0].window()
    }

    pub(crate) fn grant(&self, page: &Page) -> GrantRef {
        self.pages[page.0].grants()[0]
    }

    /// Ends all grants, and gives the pages back; how many the peer still has mapped.
    pub(crate) fn end(&mut self) -> usize {
        self.free.clear();
        self.pages.drain(..).filter_map(|mut page| page.end().err()).count()
    }

    /// How many pages were made.
    pub(crate) fn len(&self) -> usize {
        self.pages.len()
    }
}
