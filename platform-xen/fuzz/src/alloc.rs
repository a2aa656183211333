//! What one execution may allocate.

use std::sync::Once;

use cap::Cap;

/// An allocation beyond the limit fails, as on a domain with little memory.
#[global_allocator]
static ALLOCATOR: Cap<std::alloc::System> = Cap::new(std::alloc::System, usize::MAX);

fn lift() {
    // No limit is never below what is taken.
    let _ = ALLOCATOR.set_limit(usize::MAX);
}

/// Runs `work`, which may take `bytes` more than is taken now.
pub fn within<R>(bytes: usize, work: impl FnOnce() -> R) -> R {
    static HOOK: Once = Once::new();
    // The report of a panic takes memory of its own.
    HOOK.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            lift();
            report(panic);
        }));
    });
    // It fails when another thread has just taken more: then the limit would be too low anyway.
    let _ = ALLOCATOR.set_limit(ALLOCATOR.allocated().saturating_add(bytes));
    let result = work();
    lift();
    result
}
