//! Handovers, run on a hypervisor in a process: whole ones, for many kernels and domains.

use platform_xen::kexec;
use platform_xen_fake::hypervisor::Hypervisor;
use platform_xen_fake::hypervisor::start;
use platform_xen_fake::hypervisor::world::{Wish, World};
use platform_xen_sys::Pfn;
use proptest::prelude::*;
use pvgrub_handover::kernel::{Features, Kernel};
use pvgrub_handover::plan::{Initrd, PlanError, Registers};

const LINUX: u64 = 0xffff_ffff_8000_0000;

fn small_kernel() -> Kernel {
    Kernel {
        virt_base: LINUX,
        paddr_offset: 0,
        entry: LINUX + 0x40_0123,
        hypercall_page: None,
        init_p2m: Some(0x80_0000_0000),
        mod_start_pfn: true,
        p_min: 0x40_0000,
        p_max: 0x58_0456,
        features: Features::default(),
        guest_os: "linux".into(),
        guest_version: String::new(),
    }
}

fn wish() -> Wish {
    Wish {
        kernel: small_kernel(),
        initrd: Some(Initrd::plain((1 << 20) + 77)),
        cmdline: b"root=/dev/xvda1 ro console=hvc0".to_vec(),
        p2m_size: 32 << 8,
        holes: 0..0,
        seed: 1,
        runs: true,
    }
}

/// A handover from beginning to end; the error says which promise was broken or what was refused.
fn hand_over(mut world: World) -> Result<(), String> {
    let plan = world.plan().map_err(|e| e.to_string())?;
    world.quiesce();
    let registers = finish(kexec::run(&mut world.hypervisor, &plan), &world.hypervisor)?;
    start::check(&world, registers)
}

fn finish(
    end: Result<Result<Registers, String>, kexec::Failed>,
    h: &Hypervisor,
) -> Result<Registers, String> {
    let why = h.refusals.last().map_or("", String::as_str);
    end.map_err(|failed| format!("{failed} at {:?}: {why}", failed.step))?
}

#[test]
fn plain() {
    hand_over(World::new(wish()).unwrap().unwrap()).unwrap();
}

#[test]
fn a_package_of_modules() {
    let initrd = Some(Initrd { len: 7 << 12, package: true });
    hand_over(World::new(Wish { initrd, ..wish() }).unwrap().unwrap()).unwrap();
}

#[test]
fn mapped_initrd_and_p2m() {
    let kernel = Kernel { init_p2m: None, mod_start_pfn: false, ..small_kernel() };
    hand_over(World::new(Wish { kernel, ..wish() }).unwrap().unwrap()).unwrap();
}

#[test]
fn same_addresses_as_the_running_kernel() {
    let kernel = Kernel {
        virt_base: 0x4000_0000,
        paddr_offset: 0x4000_0000,
        entry: 0x4000_0000,
        p_min: 0x4000_0000,
        p_max: 0x4012_3456,
        init_p2m: None,
        ..small_kernel()
    };
    hand_over(World::new(Wish { kernel, ..wish() }).unwrap().unwrap()).unwrap();
}

#[test]
fn four_gib() {
    let kernel = Kernel { p_max: 0x3e0_0000, p_min: 0x100_0000, entry: LINUX + 0x100_0000, ..small_kernel() };
    let wish = Wish { kernel, p2m_size: 4 << 18, initrd: Some(Initrd::plain(40 << 20)), ..wish() };
    hand_over(World::new(wish).unwrap().unwrap()).unwrap();
}

#[test]
fn holes_above() {
    hand_over(World::new(Wish { holes: 0x1800..0x1a00, ..wish() }).unwrap().unwrap()).unwrap();
}

#[test]
fn holes_where_the_kernel_goes() {
    let world = World::new(Wish { holes: 0x500..0x510, ..wish() }).unwrap().unwrap();
    assert_eq!(world.plan(), Err(PlanError::Hole(Pfn(0x500))));
}

#[test]
fn holes_in_the_spare_part_of_the_mapping() {
    let world = World::new(Wish { holes: 0x7f8..0x7fa, ..wish() }).unwrap().unwrap();
    assert!(world.layout.mapped_end > Pfn(0x7fa) && world.layout.stack < Pfn(0x7f8));
    assert_eq!(world.plan(), Err(PlanError::Hole(Pfn(0x7f8))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn any_domain(
        virt_base in prop_oneof![
            Just(LINUX), Just(0), Just(0x4000_0000), Just(0xffff_8800_0000_0000),
            (0u64..0x7_0000_0000).prop_map(|p| p << 12),
        ],
        paddr_offset in prop_oneof![Just(0u64), Just(0x4000_0000)],
        (start, len) in (0u64..2000, 4096u64..6 << 20),
        hypercall_page in any::<bool>(),
        initrd in prop_oneof![
            Just(None),
            (0u64..6 << 20, any::<bool>()).prop_map(|(len, package)| Some(Initrd { len, package })),
        ],
        init_p2m in prop_oneof![
            Just(None), Just(Some(0x80_0000_0000)), (0u64..0x7_0000_0000).prop_map(|p| Some(p << 12)),
        ],
        mod_start_pfn in any::<bool>(),
        p2m_size in 24u64 << 8..80 << 8,
        (hole, hole_len) in (0u64..16 << 8, prop_oneof![Just(0u64), 1u64..64]),
        cmdline in proptest::collection::vec(1u8..255, 0..1024),
        seed in any::<u32>(),
        runs in any::<bool>(),
    ) {
        let kernel = Kernel {
            virt_base,
            paddr_offset,
            p_min: paddr_offset + (start << 12),
            p_max: paddr_offset + (start << 12) + len,
            entry: virt_base + (start << 12) + len / 2,
            hypercall_page: hypercall_page.then_some(virt_base + (start << 12) + 0x1000).filter(|_| len > 0x2000),
            init_p2m,
            mod_start_pfn,
            ..small_kernel()
        };
        // The hole is in the upper part, where there often is nothing.
        let hole = p2m_size - hole - hole_len;
        let holes = hole..hole + hole_len;
        let wish = Wish { kernel, initrd, cmdline, p2m_size, holes, seed: u64::from(seed), runs };
        match World::new(wish) {
            Ok(Some(world)) => match world.plan() {
                Ok(_) => hand_over(world).map_err(TestCaseError::fail)?,
                Err(PlanError::Hole(_) | PlanError::NotEnoughMemory { .. }) => {}
                Err(e) => return Err(TestCaseError::fail(e.to_string())),
            },
            Ok(None) | Err(PlanError::NotEnoughMemory { .. } | PlanError::BadAddress { .. }) => {}
            Err(e) => return Err(TestCaseError::fail(e.to_string())),
        }
    }
}

mod mistakes;
