//! Frames and their types, counted as Xen counts them.
//!
//! A frame has a type as long as something holds it to one: a writable mapping makes it writable, an entry of a table
//! one level up (or a pin, or being the root in use) makes it a table. It can change only when nothing holds it. To
//! become a table its contents are validated, which takes a count on everything it points to.

use platform_xen_sys::mmu::{PTES_PER_TABLE, Pte, PteFlags, XEN_L4_FIRST, XEN_L4_LAST};
use platform_xen_sys::{Mfn, PAGE_SIZE};
use pvgrub_handover::plan::Page;

use super::{ByFrame, EMPTY};

/// What a frame may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Type {
    /// Mapped writable.
    Writable,
    /// A page table of this level.
    Table(u32),
    /// Holds descriptors (GDT, LDT).
    Descriptors,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    kind: Option<Type>,
    count: u32,
    pinned: bool,
}

/// Refused, and why.
pub type Refusal = String;

/// All frames of one domain.
#[derive(Default)]
pub struct Frames {
    states: ByFrame<State>,
    memory: ByFrame<Box<Page>>,
    /// Frames of Xen that the guest may map (shared_info, grant table).
    xens: Vec<Mfn>,
}

impl Frames {
    /// Gives the domain a frame.
    pub fn own(&mut self, mfn: Mfn) {
        self.states.insert(mfn, State::default());
    }

    /// Lets it map a frame of Xen's.
    pub fn lend(&mut self, mfn: Mfn) {
        self.xens.push(mfn);
    }

    /// Whether the frame is the domain's.
    pub fn is_owned(&self, mfn: Mfn) -> bool {
        self.states.contains_key(&mfn)
    }

    /// What the frame is held to be.
    pub fn kind(&self, mfn: Mfn) -> Option<Type> {
        self.states.get(&mfn).filter(|s| s.count > 0).and_then(|s| s.kind)
    }

    /// Whether it is pinned.
    pub fn is_pinned(&self, mfn: Mfn) -> bool {
        self.states.get(&mfn).is_some_and(|s| s.pinned)
    }

    /// All frames that are held to be tables, and how.
    pub fn tables(&self) -> impl Iterator<Item = (Mfn, u32)> + '_ {
        self.states.keys().filter_map(|mfn| match self.kind(*mfn) {
            Some(Type::Table(level)) => Some((*mfn, level)),
            _ => None,
        })
    }

    /// All frames that are held to hold descriptors.
    pub fn descriptors(&self) -> usize {
        self.states.keys().filter(|mfn| self.kind(**mfn) == Some(Type::Descriptors)).count()
    }

    /// Contents of a frame, as the hypervisor sees it.
    pub fn page(&self, mfn: Mfn) -> &Page {
        self.memory.get(&mfn).map_or(&EMPTY, |page| page)
    }

    /// The same to write, with no regard for rules.
    pub fn page_mut(&mut self, mfn: Mfn) -> &mut Page {
        self.memory.entry(mfn).or_insert_with(|| Box::new([0; PAGE_SIZE]))
    }

    /// An entry of a table.
    pub fn entry(&self, table: Mfn, slot: usize) -> Pte {
        self.page(table)[slot * 8..].first_chunk().map_or(Pte::EMPTY, |bytes| Pte(u64::from_le_bytes(*bytes)))
    }

    /// Writes an entry, with no regard for rules.
    pub fn set_entry(&mut self, table: Mfn, slot: usize, pte: Pte) {
        self.page_mut(table)[slot * 8..slot * 8 + 8].copy_from_slice(&pte.0.to_le_bytes());
    }

    /// Holds a frame to a type.
    pub fn get(&mut self, mfn: Mfn, kind: Type) -> Result<(), Refusal> {
        let state = self.states.get_mut(&mfn).ok_or_else(|| format!("{mfn:?} is not the domain's"))?;
        if state.count > 0 {
            if state.kind != Some(kind) {
                return Err(format!("{mfn:?} is {:?}, and can't be {kind:?}", state.kind));
            }
            state.count += 1;
            return Ok(());
        }
        state.kind = Some(kind);
        state.count = 1;
        if let Type::Table(level) = kind
            && let Err(why) = self.validate(mfn, level)
        {
            self.state(mfn).count = 0;
            return Err(why);
        }
        Ok(())
    }

    /// Lets go of it.
    pub fn put(&mut self, mfn: Mfn) {
        let state = self.state(mfn);
        state.count = state.count.checked_sub(1).expect("held");
        if state.count == 0
            && let Some(Type::Table(level)) = state.kind
        {
            for slot in 0..PTES_PER_TABLE {
                let pte = self.entry(mfn, slot);
                self.put_entry(pte, level);
            }
        }
    }

    fn state(&mut self, mfn: Mfn) -> &mut State {
        self.states.get_mut(&mfn).expect("owned")
    }

    fn validate(&mut self, table: Mfn, level: u32) -> Result<(), Refusal> {
        for slot in 0..PTES_PER_TABLE {
            let pte = self.entry(table, slot);
            if let Err(why) = self.get_entry(pte, level, slot) {
                for before in 0..slot {
                    let pte = self.entry(table, before);
                    self.put_entry(pte, level);
                }
                return Err(format!("slot {slot:#x} of the level {level} table {table:?}: {why}"));
            }
        }
        Ok(())
    }

    /// Holds what an entry points to.
    fn get_entry(&mut self, pte: Pte, level: u32, slot: usize) -> Result<(), Refusal> {
        if !pte.is_present() {
            return Ok(());
        }
        if level == 4 && (XEN_L4_FIRST..=XEN_L4_LAST).contains(&slot) {
            return Err("the slot is Xen's".into());
        }
        let flags = pte.flags();
        if level > 1 {
            if flags.contains(PteFlags::PAT_OR_LARGE) {
                return Err("a large page".into());
            }
            return self.get(pte.mfn(), Type::Table(level - 1));
        }
        if self.xens.contains(&pte.mfn()) {
            return Ok(());
        }
        if flags.contains(PteFlags::WRITABLE) {
            self.get(pte.mfn(), Type::Writable)
        } else if self.is_owned(pte.mfn()) {
            Ok(())
        } else {
            Err(format!("{:?} is not the domain's", pte.mfn()))
        }
    }

    fn put_entry(&mut self, pte: Pte, level: u32) {
        if !pte.is_present() || (level == 1 && self.xens.contains(&pte.mfn())) {
            return;
        }
        if level > 1 || pte.flags().contains(PteFlags::WRITABLE) {
            self.put(pte.mfn());
        }
    }

    /// Changes an entry by hypercall: of a table with counts, of any other writable memory without.
    pub fn update(&mut self, table: Mfn, slot: usize, pte: Pte) -> Result<(), Refusal> {
        match self.kind(table) {
            Some(Type::Table(level)) => {
                let old = self.entry(table, slot);
                self.get_entry(pte, level, slot)?;
                self.set_entry(table, slot, pte);
                self.put_entry(old, level);
            }
            Some(Type::Descriptors) => return Err(format!("{table:?} holds descriptors")),
            Some(Type::Writable) | None if self.is_owned(table) => self.set_entry(table, slot, pte),
            _ => return Err(format!("{table:?} is not the domain's")),
        }
        Ok(())
    }

    /// Pins a table.
    pub fn pin(&mut self, mfn: Mfn, level: u32) -> Result<(), Refusal> {
        if self.is_pinned(mfn) {
            return Err(format!("{mfn:?} is pinned already"));
        }
        self.get(mfn, Type::Table(level))?;
        self.state(mfn).pinned = true;
        Ok(())
    }

    /// Unpins it.
    pub fn unpin(&mut self, mfn: Mfn) -> Result<(), Refusal> {
        if !self.is_pinned(mfn) {
            return Err(format!("{mfn:?} is not pinned"));
        }
        self.state(mfn).pinned = false;
        self.put(mfn);
        Ok(())
    }
}
