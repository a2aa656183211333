//! How much heap a plan takes: no more than is asked for before it is begun, since a list that finds no memory ends the
//! domain.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use platform_xen::kexec::plan_reserve;
use platform_xen_fake::hypervisor::world::{Wish, World};
use platform_xen_sys::Pfn;
use pvgrub_handover::kernel::{Features, Kernel};
use pvgrub_handover::plan::Initrd;

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system's allocator, and counters.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(now, Ordering::Relaxed);
        // SAFETY: passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: passed on.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static HEAP: Counting = Counting;

/// Bytes that were in use at once in `f`, above those before.
fn peak<R>(f: impl FnOnce() -> R) -> (usize, R) {
    let before = NOW.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let result = f();
    (MOST.load(Ordering::Relaxed) - before, result)
}

fn wish(kernel_mib: u64, initrd_mib: u64, runs: bool) -> Wish {
    const LINUX: u64 = 0xffff_ffff_8000_0000;
    let kernel = Kernel {
        virt_base: LINUX,
        paddr_offset: 0,
        entry: LINUX + 0x100_0000,
        hypercall_page: None,
        init_p2m: Some(0x80_0000_0000),
        mod_start_pfn: true,
        p_min: 0x100_0000,
        p_max: 0x100_0000 + (kernel_mib << 20),
        features: Features::default(),
        guest_os: "linux".into(),
        guest_version: String::new(),
    };
    Wish {
        kernel,
        initrd: Some(Initrd::plain(initrd_mib << 20)),
        cmdline: b"root=/dev/xvda1".to_vec(),
        p2m_size: 1 << 18,
        holes: 0..0,
        seed: 3,
        runs,
    }
}

#[test]
fn a_plan_takes_what_was_set_aside_for_it_and_not_far_less() {
    for (kernel_mib, initrd_mib) in [(4, 1), (16, 8), (60, 40), (60, 300)] {
        for runs in [true, false] {
            let world = World::new(wish(kernel_mib, initrd_mib, runs)).unwrap().unwrap();
            let layout = &world.layout;
            let moved = layout.kernel.pages + layout.initrd_pages() + layout.scratch_pages();
            let (took, plan) = peak(|| {
                // The lists that the caller keeps of them.
                let lists: [Vec<Pfn>; 2] = [world.kernel.clone(), world.initrd.clone()];
                world.plan().map(|plan| (plan, lists))
            });
            assert!(plan.is_ok());
            let reserve = plan_reserve(moved) as usize;
            assert!(took <= reserve, "{kernel_mib} + {initrd_mib} MiB: {took} bytes, {reserve} set aside");
            // A domain must not be refused for what is never used.
            assert!(took * 8 > reserve || reserve < 1 << 20, "{took} bytes of {reserve}");
        }
    }
}
