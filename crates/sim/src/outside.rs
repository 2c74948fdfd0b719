//! What all processes of the made-up world share: time, chance, connections, memory, and who looks on.
//!
//! Owns: the queue of what is going to happen. Does not own: what each happening leads to (`world`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use types::{Exit, ObjectId, Rng, Timestamp, WorkerId};
use wire::to_node::Peer;
use wire::{ToDaemon, ToWorker};

use crate::memory::Memory;
use crate::network::{End, Network};
use crate::rules::Observed;
use crate::script::Program;
use crate::story::Story;

/// What is going to happen.
#[derive(Debug)]
pub(crate) enum Happening {
    /// Something reaches a process.
    Heard {
        to: WorkerId,
        from: End,
        said: Timestamp,
        message: Box<ToWorker>,
    },
    /// Something reaches the daemon.
    Told {
        from: WorkerId,
        said: Timestamp,
        message: Box<ToDaemon>,
    },
    /// A new process says hello to the daemon.
    Arrived(u64, Peer),
    PeerLost {
        to: WorkerId,
        peer: WorkerId,
    },
    HungUp(WorkerId),
    Ended(WorkerId, Exit),
    Forked {
        worker: WorkerId,
        pid: u32,
    },
    ForkFailed(WorkerId),
    /// A forked process begins.
    Born {
        worker: WorkerId,
        pid: u32,
    },
    /// A signal reaches a process.
    Killed(WorkerId),
    Spilled(ObjectId, u64),
    Restored(ObjectId, u64, u64),
    /// A fiber of a process has waited long enough.
    Wake(WorkerId),
    /// A wait of a fiber that began so long ago may last.
    Lasts {
        worker: WorkerId,
        fiber: u64,
        wait: u64,
        since: Timestamp,
    },
    Notice(WorkerId, Notice),
    /// A role has something to do: that of a process, or those of the daemon.
    Due(Option<WorkerId>),
    /// A driver starts.
    Driver(usize),
    /// A driver is told who it is.
    Welcomed {
        worker: WorkerId,
        driver: usize,
    },
}

/// What user threads leave behind, to be told to the role a little later.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Notice {
    /// The last handle to an object went.
    Released(ObjectId),
    /// The last reader of a mapped content went.
    Unread(ObjectId),
}

/// A bug that is put in on purpose, to see whether it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flaw {
    /// None.
    #[default]
    None,
    /// Every tenth `Return` is lost.
    LosesReturns,
    /// Every tenth `Done` is lost.
    LosesEnds,
    /// Borrows that are to be confirmed are confirmed and not registered.
    ForgetsBorrowers,
    /// Refs that come out of an argument's value do not hold back the reply.
    RepliesEarly,
}

/// What is outside of the processes.
#[derive(Debug)]
pub(crate) struct Outside {
    pub(crate) now: Timestamp,
    pub(crate) rng: Rng,
    pub(crate) network: Network,
    pub(crate) memory: Memory,
    pub(crate) program: Arc<Program>,
    pub(crate) observed: Observed,
    pub(crate) story: Story,
    pub(crate) flaw: Flaw,
    queue: BTreeMap<(Timestamp, u64), Happening>,
    sequence: u64,
}

impl Outside {
    pub(crate) fn new(
        mut rng: Rng,
        program: Arc<Program>,
        observed: Observed,
        story: Story,
        flaw: Flaw,
    ) -> Self {
        let network = Network::new(rng.split());
        let memory = Memory::default();
        let (now, queue) = (Timestamp::ZERO, BTreeMap::new());
        Self { now, rng, network, memory, program, observed, story, flaw, queue, sequence: 0 }
    }

    /// Lets something happen at a time.
    pub(crate) fn at(&mut self, at: Timestamp, happening: Happening) {
        self.sequence += 1;
        self.queue.insert((at.max(self.now), self.sequence), happening);
    }

    /// Lets something happen after at most so many microseconds.
    pub(crate) fn within(&mut self, most_us: u64, happening: Happening) {
        let delay = Duration::from_nanos(1 + self.rng.below(most_us * 1000));
        self.at(self.now + delay, happening);
    }

    /// Sends something from a process to another.
    pub(crate) fn say(&mut self, from: End, to: WorkerId, message: ToWorker) {
        let at = self.network.arrival(self.now, from, End::Process(to));
        let said = self.now;
        self.at(at, Happening::Heard { to, from, said, message: Box::new(message) });
    }

    /// Sends something from a process to the daemon.
    pub(crate) fn tell(&mut self, from: WorkerId, message: ToDaemon) {
        let at = self.network.arrival(self.now, End::Process(from), End::Daemon);
        let said = self.now;
        self.at(at, Happening::Told { from, said, message: Box::new(message) });
    }

    /// What happens next, and its time becomes now.
    pub(crate) fn next(&mut self) -> Option<Happening> {
        let ((at, _), happening) = self.queue.pop_first()?;
        self.now = at;
        Some(happening)
    }

    /// What is still going to happen.
    pub(crate) fn coming(&self) -> usize {
        self.queue.len()
    }
}
