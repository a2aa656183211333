//! Mistakes. Each is put into the plan, the order or the machine's hands, and must be refused or found.

mod faulty;

use platform_xen::kexec;
use platform_xen_fake::hypervisor::start;
use platform_xen_fake::hypervisor::world::World;
use platform_xen_sys::Vaddr;
use platform_xen_sys::mmu::PteFlags;
use pvgrub_handover::plan::{Plan, Step};

use super::{finish, hand_over, wish};
use faulty::{Fault, Faulty};

/// Runs a plan with a mistake in it, and says how it was seen.
fn with_mistake(change: impl FnOnce(&mut World, &mut Plan)) -> String {
    let mut world = World::new(wish()).unwrap().unwrap();
    let mut plan = world.plan().unwrap();
    world.quiesce();
    change(&mut world, &mut plan);
    run_and_check(world, &plan)
}

fn run_and_check(mut world: World, plan: &Plan) -> String {
    let end = kexec::run(&mut world.hypervisor, plan);
    finish(end, &world.hypervisor).and_then(|registers| start::check(&world, registers)).unwrap_err()
}

fn without(step: Step) -> String {
    with_mistake(|_, plan| plan.steps.retain(|s| *s != step))
}

fn swapped(a: Step, b: Step) -> String {
    with_mistake(|_, plan| {
        let at = |steps: &[Step], step| steps.iter().position(|s| *s == step).unwrap();
        let (a, b) = (at(&plan.steps, a), at(&plan.steps, b));
        plan.steps.swap(a, b);
    })
}

#[track_caller]
fn seen(how: &str, what: &str) {
    assert!(how.contains(what), "expected `{what}` in: {how}");
}

#[test]
fn pinned_with_writable_aliases() {
    seen(&without(Step::DropAliases), "is Some(Writable), and can't be Table");
    seen(&swapped(Step::DropAliases, Step::PinNewRoot), "is Some(Writable), and can't be Table");
}

#[test]
fn not_pinned() {
    seen(&without(Step::PinNewRoot), "the root table is not pinned");
}

#[test]
fn m2p_not_told() {
    seen(&without(Step::MachineToPhys), "m2p[p2m[");
}

#[test]
fn nothing_written() {
    seen(&without(Step::Fill), "there is no trampoline");
}

#[test]
fn ports_left_open() {
    seen(&without(Step::CloseOwnPorts), "own event channels are open");
}

#[test]
fn events_left_pending() {
    seen(&without(Step::ResetEvents), "events are pending");
}

#[test]
fn vcpu_not_reset() {
    seen(&without(Step::ResetVcpu), "a trap table is left");
}

#[test]
fn no_jump() {
    seen(&without(Step::Jump), "without a jump");
}

#[test]
fn jump_too_early() {
    seen(&swapped(Step::Jump, Step::ResetVcpu), "a trap table is left");
}

#[test]
fn trampoline_elsewhere() {
    let how = with_mistake(|_, plan| plan.trampoline = Vaddr(plan.trampoline.0 + 4096));
    seen(&how, "the trampoline is not mapped");
}

#[test]
fn trampoline_is_another_frame_in_the_new_space() {
    let mut world = World::new(wish()).unwrap().unwrap();
    // The plan gives the trampoline the page after the one that the old space maps.
    world.trampoline.0 += 4096;
    let mut plan = world.plan().unwrap();
    world.trampoline.0 -= 4096;
    // Its bytes are in place all the same; just the jump goes to where the old space has it.
    world.quiesce();
    let jump = plan.steps.pop().unwrap();
    plan.steps.retain(|s| *s != Step::Fill);
    let mut fill = plan.clone();
    fill.steps = vec![Step::Fill];
    let _ = kexec::run(&mut world.hypervisor, &fill);
    plan.steps.push(jump);
    plan.trampoline = world.trampoline;
    seen(&run_and_check(world, &plan), "within: there is no trampoline");
}

#[test]
fn old_tables_in_the_new_mapping() {
    let mut world = World::new(wish()).unwrap().unwrap();
    let typed = std::mem::take(&mut world.typed);
    let plan = world.plan().unwrap();
    world.typed = typed;
    world.quiesce();
    seen(&run_and_check(world, &plan), "and can't be Writable");
}

#[test]
fn console_not_at_its_place() {
    let mut world = World::new(wish()).unwrap().unwrap();
    let right = world.identity.console;
    let not_bound = world.layout.end;
    world.identity.console.as_mut().unwrap().pfn = not_bound;
    let plan = world.plan().unwrap();
    world.identity.console = right;
    world.quiesce();
    seen(&run_and_check(world, &plan), "console page is not behind");
}

#[test]
fn console_port_lost() {
    let how = with_mistake(|_, plan| plan.identity.console.as_mut().unwrap().port = 4);
    seen(&how, "console_evtchn");
}

#[test]
fn initrd_in_the_wrong_order() {
    let mut world = World::new(wish()).unwrap().unwrap();
    world.initrd.swap(3, 4);
    let plan = world.plan().unwrap();
    world.quiesce();
    seen(&run_and_check(world, &plan), "page 0x3 of the initrd");
}

#[test]
fn modules_not_announced() {
    let how = with_mistake(|_, plan| plan.layout.initrd.as_mut().unwrap().package = true);
    seen(&how, "MULTIBOOT_MOD");
}

#[test]
fn grants_and_watches_left() {
    let left = |change: fn(&mut World)| {
        let mut world = World::new(wish()).unwrap().unwrap();
        let plan = world.plan().unwrap();
        change(&mut world);
        run_and_check(world, &plan)
    };
    seen(&left(|world| world.hypervisor.watches.clear()), "grants live");
    seen(&left(|world| world.hypervisor.grants = [0, 1].into()), "watches live");
    let how = left(|world| {
        world.quiesce();
        world.hypervisor.grant_version = 2;
    });
    seen(&how, "grant version");
}

fn with_fault(fault: Fault) -> String {
    let mut world = World::new(wish()).unwrap().unwrap();
    let plan = world.plan().unwrap();
    world.quiesce();
    let mut machine = Faulty { inner: world.hypervisor, fault };
    let end = kexec::run(&mut machine, &plan);
    world.hypervisor = machine.inner;
    finish(end, &world.hypervisor).and_then(|registers| start::check(&world, registers)).unwrap_err()
}

#[test]
fn faults_are_seen() {
    for (fault, how) in [
        (Fault::WritableTable, "and can't be"),
        (Fault::XenSlot, "the slot is Xen's"),
        (Fault::WrongLevel, "and can't be Table"),
        (Fault::ForeignFrame, "is not the domain's"),
        (Fault::P2mSwapped, "m2p[p2m["),
        (Fault::LostUpdate, "m2p[p2m["),
        (Fault::ForeignUpdate, "is not the domain's"),
        (Fault::UnpinFirst, "the root in use can't be unpinned"),
        (Fault::NoUnpin, "tables live"),
        (Fault::PortForgotten, "own event channels are open: [1, 2, 7]"),
        (Fault::WrongRoot, "and can't be Table(4)"),
    ] {
        seen(&with_fault(fault), how);
    }
}

/// What a failed attempt leaves: everything as it was, so that the next one works.
#[test]
fn failures_are_undone() {
    for fault in [Fault::XenSlot, Fault::ForeignUpdate, Fault::Refused(1), Fault::WritableTable] {
        let mut world = World::new(wish()).unwrap().unwrap();
        let before = world.hypervisor.m2p.clone();
        let ports = world.hypervisor.ports.clone();
        let plan = world.plan().unwrap();
        world.quiesce();
        let mut machine = Faulty { inner: world.hypervisor, fault };
        kexec::run(&mut machine, &plan).unwrap_err();
        world.hypervisor = machine.inner;
        assert_eq!(world.hypervisor.m2p, before);
        assert_eq!(world.hypervisor.ports, ports);
        for (_, va) in &world.hypervisor.scratch {
            assert!(world.hypervisor.walk(*va).unwrap().flags().contains(PteFlags::WRITABLE));
        }
        hand_over(world).unwrap();
    }
}
