//! What a simulated user's program does, operation by operation.
//!
//! Owns: the operations and the numbers that follow from them. Does not own: which programs there are (`workload`),
//! how they run among the roles (`fiber`), or what they should compute (`reference`).
//!
//! Every operation names what it makes by a slot, and skips what is not there. So any part of a program is a program,
//! which is what makes a failing run shrink.

use types::Subject;

/// A local variable of a script, named once in it.
pub(crate) type Slot = u32;

/// All scripts of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Program {
    pub(crate) scripts: Vec<Script>,
    /// One for each driver.
    pub(crate) roots: Vec<usize>,
    /// Nothing in it cancels, kills, times out or leaves.
    pub(crate) calm: bool,
    /// Actors in it may wait for each other.
    pub(crate) circular: bool,
}

/// A function, a method, a constructor or a driver's main program.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    /// The slots of refs that come inside its arguments.
    pub(crate) inputs: Vec<Slot>,
    pub(crate) ops: Vec<Op>,
    pub(crate) results: Vec<Made>,
    pub(crate) ignores_interrupts: bool,
}

/// A value that is made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Made {
    /// Its size in shared memory; 0 is a small value.
    pub(crate) size: u64,
    pub(crate) contains: Vec<Slot>,
}

/// One operation.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    /// Computes for so many microseconds.
    Work(u64),
    Put(Slot, Made),
    Submit(Box<Submit>),
    Get(Slot),
    /// Gets the next ref that was found inside a value.
    GetFound,
    /// Gives the next ref that was found inside a value a slot.
    Bind(Slot),
    Wait(Slot),
    Drop(Slot),
    Yield(Made),
    /// Takes and gets the next item of a stream.
    Take(Slot),
    NewActor(Box<NewActor>),
    FindActor {
        name: String,
        slot: Slot,
    },
    Kill {
        actor: Slot,
        for_good: bool,
    },
    Cancel {
        target: Slot,
        force: bool,
        recursive: bool,
    },
    NewGroup {
        slot: Slot,
        bundles: Vec<u64>,
    },
    AwaitGroup {
        group: Slot,
        slot: Slot,
    },
    RemoveGroup(Slot),
    /// An actor keeps the ref beyond the call.
    Keep(Slot),
    /// An actor gets what it kept last; what it finds depends on earlier calls and does not count.
    GetKept,
    /// Raises in so many attempts.
    Raise {
        attempts: u32,
    },
    /// The actor leaves.
    Leave,
    /// Asks all processes what they know, and waits until every one has answered or is gone.
    Survey(Subject),
}

/// A call of a function or a method.
#[derive(Debug, Clone, Default)]
pub(crate) struct Submit {
    /// Of the first thing it returns; further ones follow.
    pub(crate) slot: Slot,
    /// Calls of a script with the same number have one template.
    pub(crate) template: Slot,
    pub(crate) script: usize,
    pub(crate) actor: Option<Slot>,
    pub(crate) ordered: bool,
    pub(crate) dependencies: Vec<Slot>,
    pub(crate) nested: Vec<Slot>,
    pub(crate) kind: Kind,
    /// In ten-thousandths.
    pub(crate) cpu: u64,
    /// 0 is none.
    pub(crate) environment: u64,
    pub(crate) group: Option<Slot>,
    pub(crate) retries: u32,
    pub(crate) retries_exceptions: bool,
    pub(crate) timeout_us: Option<u64>,
    pub(crate) calls_max: u32,
    pub(crate) look_ahead: Option<u32>,
}

/// What a call returns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    #[default]
    Values,
    Stream,
    Dynamic,
}

/// The making of an actor.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewActor {
    pub(crate) slot: Slot,
    pub(crate) constructor: usize,
    pub(crate) dependencies: Vec<Slot>,
    pub(crate) nested: Vec<Slot>,
    pub(crate) name: Option<String>,
    pub(crate) get_if_exists: bool,
    pub(crate) restarts: u32,
    pub(crate) calls_at_once: u32,
    pub(crate) ordered: bool,
    /// What it needs to be placed, and what it holds while it lives.
    pub(crate) cpu: (u64, u64),
}

/// A number that follows from two others and from nothing else.
pub(crate) const fn mix(one: u64, other: u64) -> u64 {
    types::Rng::new(one.rotate_left(17) ^ other.wrapping_mul(0x9e37_79b9_7f4a_7c15)).next_u64()
}

/// The number of a value that a script at `path` makes under `name`.
pub(crate) const fn made_number(path: u64, name: u64) -> u64 {
    mix(path ^ 0x6d61_6465, name)
}

/// The path of what a script at `path` calls in `slot`.
pub(crate) const fn called_path(path: u64, slot: Slot) -> u64 {
    mix(path ^ 0x6361_6c6c, slot as u64)
}

/// What getting a value, or the exception raised in its place, makes of a running number.
pub(crate) const fn got_number(running: u64, number: u64, raised: bool) -> u64 {
    mix(running, if raised { !number } else { number })
}

/// The name under which a script makes its result with this index.
pub(crate) const fn result_name(running: u64, index: usize) -> u64 {
    mix(running, index as u64 ^ 0x7265_7375_6c74)
}
