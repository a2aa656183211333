//! State of the one processor we have.

use core::cell::{RefCell, RefMut};

/// A global that only the single vCPU touches.
///
/// There is one vCPU, threads switch only where they ask for it, and Xen never calls into us (no upcall is registered),
/// so no access can be interrupted by another. What remains to be caught is a borrow that is still held when the code
/// gets to the same global again: that panics, as a `RefCell` does.
pub struct Local<T>(RefCell<T>);

// SAFETY: see above; two contexts never run at once.
unsafe impl<T> Sync for Local<T> {}

impl<T> Local<T> {
    /// A global with its first value.
    pub const fn new(value: T) -> Local<T> {
        Local(RefCell::new(value))
    }

    /// The value, exclusively. Never keep it across a switch of threads.
    ///
    /// # Panics
    /// If it is borrowed already.
    #[track_caller]
    pub fn borrow(&self) -> RefMut<'_, T> {
        self.0.borrow_mut()
    }

    /// The value, unless someone holds it: for the way out after a panic.
    pub fn try_borrow(&self) -> Option<RefMut<'_, T>> {
        self.0.try_borrow_mut().ok()
    }
}
