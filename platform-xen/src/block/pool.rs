//! Bounce pages: granted once, used again and again.

use alloc::vec::Vec;

use crate::hal::{DomId, GrantRef, HalError, HalRef};
use crate::shared::{GrantedPages, SharedMem};

/// A page of the pool. Given back by [`Pool::put`]; it is neither `Copy` nor `Clone`, so never twice.
#[derive(Debug)]
pub(super) struct Page(usize);

/// The pages, made as they are needed, up to a limit.
pub(super) struct Pool {
    hal: HalRef,
    peer: DomId,
    limit: usize,
    pages: Vec<GrantedPages>,
    /// The page used last is used first: a backend that keeps only some mapped does best so.
    free: Vec<Page>,
}

impl Pool {
    pub(super) fn new(hal: HalRef, peer: DomId, limit: usize) -> Pool {
        Pool { hal, peer, limit, pages: Vec::new(), free: Vec::new() }
    }

    /// A page, unless all are in use and there can be no more.
    pub(super) fn take(&mut self) -> Result<Page, HalError> {
        if let Some(page) = self.free.pop() {
            return Ok(page);
        }
        if self.pages.len() >= self.limit {
            return Err(HalError::OutOfMemory);
        }
        self.pages.push(GrantedPages::alloc(&self.hal, 1, self.peer, false)?);
        Ok(Page(self.pages.len() - 1))
    }

    pub(super) fn put(&mut self, page: Page) {
        self.free.push(page);
    }

    pub(super) fn memory(&self, page: &Page) -> SharedMem<'_> {
        self.pages[page.0].window()
    }

    pub(super) fn grant(&self, page: &Page) -> GrantRef {
        self.pages[page.0].grants()[0]
    }

    /// Ends all grants, and gives the pages back; how many the peer still has mapped.
    pub(super) fn end(&mut self) -> usize {
        self.free.clear();
        self.pages.drain(..).filter_map(|mut page| page.end().err()).count()
    }

    /// How many pages were made.
    pub(super) fn len(&self) -> usize {
        self.pages.len()
    }
}
