//! Peers that do what an input says, at any time: while the driver waits, and between any two of its accesses to shared
//! memory.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard};

use platform_xen::shared::{SharedMem, hook};
use platform_xen_fake::peer::{Machine, Peer};

use crate::patch::take;

/// What is left of an input.
pub struct Script {
    bytes: Vec<u8>,
    at: usize,
    /// Accesses of the driver before the first action.
    delay: u8,
}

impl Script {
    /// Begins with a delay, as each action does.
    pub fn new(bytes: &[u8]) -> Script {
        let mut script = Script { bytes: bytes.to_vec(), at: 0, delay: 0 };
        script.delay = script.number();
        script
    }

    /// The next byte; 0 at the end.
    pub fn number(&mut self) -> u8 {
        self.take::<1>()[0]
    }

    /// The next two bytes as a number.
    pub fn short(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    /// The next four bytes as a number.
    pub fn word(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut rest = self.bytes.get(self.at..).unwrap_or_default();
        let bytes = take(&mut rest);
        self.at += N;
        bytes
    }

    /// Some bytes, of which the first says how many.
    pub fn bytes(&mut self) -> Vec<u8> {
        let len = self.number();
        self.next(len.into())
    }

    /// Some bytes, of which the first two say how many.
    pub fn many_bytes(&mut self) -> Vec<u8> {
        let len = self.short();
        self.next(len.into())
    }

    fn next(&mut self, len: usize) -> Vec<u8> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let bytes = rest[..len.min(rest.len())].to_vec();
        self.at += bytes.len();
        bytes
    }

    /// Whether nothing is left.
    pub fn is_over(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// One of them. There must be some.
    pub fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[usize::from(self.number()) % of.len()]
    }

    /// Writes into a window, as one who can write there anything: a word, one that is near another word, or bytes.
    pub fn scribble(&mut self, memory: SharedMem<'_>) {
        let words = memory.len() as u16 / 4;
        match self.number() % 3 {
            0 => {
                let (at, value) = (usize::from(self.short() % words) * 4, self.word());
                memory.atomic_u32(at).store(value, Ordering::SeqCst);
            }
            1 => {
                let (at, from) =
                    (usize::from(self.short() % words) * 4, usize::from(self.short() % words) * 4);
                let near = i32::from(self.number().cast_signed());
                let value = memory.atomic_u32(from).load(Ordering::SeqCst).wrapping_add_signed(near);
                memory.atomic_u32(at).store(value, Ordering::SeqCst);
            }
            _ => {
                let (at, bytes) = (usize::from(self.short()) % memory.len(), self.bytes());
                memory.write(at, &bytes[..bytes.len().min(memory.len() - at)]);
            }
        }
    }
}

/// A peer that acts by its script.
pub trait Actor: Send {
    /// The script.
    fn script(&mut self) -> &mut Script;
    /// The next action of the script, which is not over.
    fn act(&mut self, machine: &Machine);
    /// What it does besides, when the driver waits; whether there was anything.
    fn attend(&mut self, _machine: &Machine) -> bool {
        false
    }
}

/// An actor in its two places: among the machine's peers, and in the driver's accesses.
pub struct Stage<A>(Arc<Mutex<A>>);

struct Waiting<A>(Arc<Mutex<A>>);

/// The next action, and how many accesses are to pass until the one after it.
fn act(actor: &mut impl Actor, machine: &Machine) -> u32 {
    if actor.script().is_over() {
        return hook::NEVER;
    }
    actor.act(machine);
    actor.script().number().into()
}

impl<A: Actor + 'static> Stage<A> {
    /// Lets it act from now on.
    pub fn open(machine: &Arc<Machine>, mut actor: A) -> Stage<A> {
        let delay = actor.script().delay;
        let actor = Arc::new(Mutex::new(actor));
        machine.add(Waiting(actor.clone()));
        let (inside, machine) = (actor.clone(), Arc::downgrade(machine));
        hook::set(Some(Box::new(move || {
            // It is at work already when the access is its own.
            let (Ok(mut actor), Some(machine)) = (inside.try_lock(), machine.upgrade()) else { return 0 };
            act(&mut *actor, &machine)
        })));
        hook::skip(delay.into());
        Stage(actor)
    }

    /// The actor, whose accesses then are its own.
    pub fn actor(&self) -> MutexGuard<'_, A> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl<A> Drop for Stage<A> {
    fn drop(&mut self) {
        hook::set(None);
    }
}

impl<A: Actor> Peer for Waiting<A> {
    fn step(&mut self, machine: &Machine) -> bool {
        let Ok(mut actor) = self.0.try_lock() else { return false };
        let left = hook::skip(hook::NEVER);
        let busy = actor.attend(machine);
        let over = actor.script().is_over();
        hook::skip(if over { left } else { act(&mut *actor, machine) });
        busy || !over
    }
}
