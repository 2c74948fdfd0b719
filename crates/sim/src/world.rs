//! All processes of one machine, one clock, one queue: `step` takes what happens next.
//!
//! Owns: where each happening goes, how processes begin and end, and what must hold in the end.
//! Does not own: what processes do (`process`), or when things arrive (`network`).

use std::collections::BTreeMap;
use std::sync::Arc;

use roles::node;
use roles::worker::Event;
use types::{Exit, ObjectId, Rng, Stored, TaskId, Value, WorkerId};
use wire::to_node::Peer;
use wire::{FromPeer, ToDaemon, ToHead, ToNode, ToWorker};

use crate::daemon::{Daemon, NODE, connection_of};
use crate::faults::{Fault, Trouble};
use crate::network::End;
use crate::outside::{Flaw, Happening, Outside};
use crate::process::Process;
use crate::rules::{Causes, Observed, breach, everything_ends, no_leak, resources_conserved};
use crate::script::Program;
use crate::story::Story;
use crate::workload::Run;

/// A run that takes so many steps does not end.
const STEPS_MAX: u64 = 200_000;
/// Every so many messages of a kind, a flaw shows.
const FLAW_EVERY: u64 = 10;
const SIGKILL: i32 = 9;

/// The made-up world.
#[derive(Debug)]
pub(crate) struct World {
    out: Outside,
    daemon: Daemon,
    processes: BTreeMap<WorkerId, Process>,
    faults: Vec<Fault>,
    drivers_killed: usize,
    flawed: u64,
    pub(crate) steps: u64,
}

impl World {
    pub(crate) fn new(run: &Run, flaw: Flaw, keeps_story: bool) -> Self {
        let Program { calm, circular, .. } = run.program;
        let causes = Causes { calm, circular, tight: run.is_tight(), ..Causes::default() };
        let observed = Observed::new(causes, crate::reference::expected(&run.program));
        let story = Story::new(keeps_story);
        let program = Arc::new(run.program.clone());
        let mut out = Outside::new(Rng::new(run.seed), program, observed, story, flaw);
        let daemon = Daemon::new(run.resources(), run.arena_bytes, &run.settings);
        out.at(types::Timestamp::ZERO, Happening::Due(None));
        for driver in 0..run.program.roots.len() {
            out.within(2000, Happening::Driver(driver));
        }
        Self {
            out,
            daemon,
            processes: BTreeMap::new(),
            faults: run.faults.clone(),
            drivers_killed: 0,
            flawed: 0,
            steps: 0,
        }
    }

    /// Runs everything to its end, and checks what must hold there.
    pub(crate) fn run(&mut self) {
        self.run_until_quiet();
        self.check_rest();
        self.probe_memory();
        self.let_drivers_leave();
        self.run_until_quiet();
        self.check_end();
    }

    pub(crate) fn take_story(&mut self) -> Vec<String> {
        std::mem::take(&mut self.out.story).into_lines()
    }

    fn run_until_quiet(&mut self) {
        while self.step() {
            if self.steps > STEPS_MAX {
                let coming = self.out.coming();
                breach(
                    &everything_ends::RULE,
                    format!("{coming} things still happen after {STEPS_MAX} steps"),
                );
            }
        }
    }

    /// Lets the next thing happen. False if there is none.
    fn step(&mut self) -> bool {
        self.meet_faults();
        let Some(happening) = self.out.next() else { return false };
        self.steps += 1;
        let out = &mut self.out;
        match happening {
            Happening::Heard { to, from, said, message } => self.heard(to, from, said, *message),
            Happening::Told { from, said, message } => {
                if out.network.is_whole(said, End::Process(from), End::Daemon) {
                    self.daemon.hear(out, from, *message);
                }
            }
            Happening::Arrived(connection, peer) => self.daemon.arrive(out, connection, peer),
            Happening::PeerLost { to, peer } => {
                out.network.on_lost(to, peer);
                self.with(to, |process, out| process.happen(out, Event::PeerLost(peer)));
            }
            Happening::HungUp(worker) => self.daemon.happen(out, node::Event::HungUp(worker)),
            Happening::Ended(worker, exit) => {
                let ended = node::Event::ProcessEnded { worker, exit, peak_memory_bytes: 0 };
                self.daemon.happen(out, ended);
            }
            Happening::Forked { worker, pid } => {
                self.daemon.happen(out, node::Event::Forked { worker, pid });
            }
            Happening::ForkFailed(worker) => {
                let reason = "no process could be made".to_owned();
                self.daemon.happen(out, node::Event::ForkFailed { worker, reason });
            }
            Happening::Born { worker, pid } => self.born(worker, pid),
            Happening::Killed(worker) => self.end(worker, Exit::Signal(SIGKILL)),
            Happening::Spilled(object, offset) => self.daemon.on_spilled(out, object, offset),
            Happening::Restored(object, offset, size) => {
                self.daemon.on_restored(out, object, offset, size);
            }
            Happening::Wake(worker) => self.with(worker, Process::wake),
            Happening::Lasts { worker, fiber, wait, since } => {
                self.with(worker, |process, out| process.lasts(out, fiber, wait, since));
            }
            Happening::Notice(worker, notice) => {
                self.with(worker, |process, out| process.notice(out, notice));
            }
            Happening::Due(None) => self.daemon.on_time(out),
            Happening::Due(Some(worker)) => self.with(worker, Process::on_time),
            Happening::Driver(driver) => {
                let peer = Peer::Driver { pid: driver as u32 + 10, owns_cluster: false };
                out.within(500, Happening::Arrived(connection_of(driver), peer));
            }
            Happening::Welcomed { worker, driver } => self.welcomed(worker, driver),
        }
        true
    }

    fn heard(&mut self, to: WorkerId, from: End, said: types::Timestamp, message: ToWorker) {
        if !self.out.network.is_whole(said, from, End::Process(to)) {
            return;
        }
        if self.processes.contains_key(&to) {
            if !self.is_spoilt(to, from, &message) {
                self.with(to, |process, out| process.hear(out, from, message));
            }
        } else if let End::Process(from) = from
            && let Some(at) = self.out.network.on_said_to_dead(self.out.now, from, to)
        {
            self.out.at(at, Happening::PeerLost { to: from, peer: to });
        }
    }

    /// Whether a planted flaw takes the message away.
    fn is_spoilt(&mut self, to: WorkerId, from: End, message: &ToWorker) -> bool {
        let (ToWorker::Peer(message), End::Process(from)) = (message, from) else { return false };
        let concerned = match (self.out.flaw, message) {
            (Flaw::LosesReturns, FromPeer::Return(_))
            | (Flaw::LosesEnds, FromPeer::Done { .. }) => true,
            (Flaw::ForgetsBorrowers, FromPeer::Borrow { confirm, .. }) => *confirm,
            _ => false,
        };
        self.flawed += u64::from(concerned);
        let always = self.out.flaw == Flaw::ForgetsBorrowers;
        let spoilt = concerned && (always || self.flawed.is_multiple_of(FLAW_EVERY));
        if spoilt && let FromPeer::Borrow { object, .. } = message {
            let confirmation = ToWorker::Peer(FromPeer::Borrowed(*object));
            self.out.say(End::Process(to), from, confirmation);
        }
        spoilt
    }

    /// Does something with a process, if it lives, and ends it if that was its last.
    fn with(&mut self, worker: WorkerId, act: impl FnOnce(&mut Process, &mut Outside)) {
        let Some(process) = self.processes.get_mut(&worker) else { return };
        act(process, &mut self.out);
        if process.exited {
            self.end(worker, Exit::Code(0));
        }
    }

    fn born(&mut self, worker: WorkerId, pid: u32) {
        let lives = self.daemon.born(worker);
        self.processes.insert(worker, Process::new(worker, None, self.daemon.settings()));
        let hello = ToNode::Hello(Peer::Worker { worker, pid });
        self.out.tell(worker, ToDaemon::Node(hello));
        if !lives {
            self.end(worker, Exit::Signal(SIGKILL));
        }
    }

    fn welcomed(&mut self, worker: WorkerId, driver: usize) {
        self.processes.insert(worker, Process::new(worker, Some(driver), self.daemon.settings()));
        let namespace = format!("driver {driver}");
        let begins =
            ToHead::StartJob { pid: driver as u32 + 10, namespace, entrypoint: String::new() };
        self.with(worker, |process, out| process.happen(out, Event::Tell(begins)));
    }

    /// A process ends. Others see that later, each in its own time.
    fn end(&mut self, worker: WorkerId, exit: Exit) {
        let Some(process) = self.processes.remove(&worker) else { return };
        let now = self.out.now;
        self.out.story.tell(now, worker, || format!("{exit}"));
        let clean = exit == Exit::Code(0);
        if clean && process.hosts_actor {
            self.out.observed.on_retired(worker);
        }
        for (peer, at) in self.out.network.on_end(now, worker, clean) {
            match peer {
                End::Process(to) => self.out.at(at, Happening::PeerLost { to, peer: worker }),
                End::Daemon if process.driver.is_some() => {
                    self.out.at(at, Happening::HungUp(worker));
                }
                End::Daemon => {
                    self.out.at(at, Happening::HungUp(worker));
                    let reaped = std::time::Duration::from_micros(self.out.rng.below(3000));
                    self.out.at(at + reaped, Happening::Ended(worker, exit));
                }
            }
        }
    }

    fn meet_faults(&mut self) {
        while self.faults.first().is_some_and(|fault| fault.at_step <= self.steps) {
            let Fault { kind, .. } = self.faults.remove(0);
            let now = self.out.now;
            self.out.story.tell(now, "fault", || format!("{kind:?}"));
            self.meet(kind);
        }
    }

    fn meet(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::KillWorker(pick) => {
                if let Some(worker) = self.pick(pick, false) {
                    self.out.observed.causes.harm = true;
                    self.end(worker, Exit::Signal(SIGKILL));
                }
            }
            Trouble::KillDriver(pick) => {
                if let Some(driver) = self.pick(pick, true) {
                    self.out.observed.causes.harm = true;
                    let ended = self.processes[&driver].has_ended_program();
                    self.drivers_killed += usize::from(!ended);
                    self.end(driver, Exit::Signal(SIGKILL));
                }
            }
            Trouble::SlowWorker(pick, factor) => {
                if let Some(worker) = self.pick(pick, false) {
                    self.out.network.slow_down(worker, factor);
                }
            }
            Trouble::DiskFull(count) => self.daemon.troubles.failing_spills += count,
            Trouble::FailingForks(count) => self.daemon.troubles.failing_forks += count,
            Trouble::LateForks(count) => self.daemon.troubles.late_forks += count,
        }
    }

    fn pick(&self, pick: u64, driver: bool) -> Option<WorkerId> {
        let those = self.processes.values().filter(|process| process.driver.is_some() == driver);
        let those: Vec<WorkerId> = those.map(|process| process.me).collect();
        (!those.is_empty()).then(|| those[(pick % those.len() as u64) as usize])
    }

    /// Nothing happens any more: every program has ended, and nothing is kept.
    fn check_rest(&self) {
        let awaited = self.out.program.roots.len() - self.drivers_killed;
        let ended = self.out.observed.roots_ended;
        if ended < awaited {
            let waits: Vec<_> = self
                .processes
                .values()
                .filter_map(|process| {
                    let fibers: Vec<_> =
                        process.fibers.values().map(crate::fiber::Fiber::describe).collect();
                    (!fibers.is_empty()).then(|| format!("{}: {}", process.me, fibers.join(", ")))
                })
                .collect();
            let why = format!("{} ({})", waits.join("; "), self.daemon.explain());
            breach(&everything_ends::RULE, format!("{ended} of {awaited} programs ended; {why}"));
        }
        for process in self.processes.values() {
            if let Some(unrest) = process.unrest() {
                breach(&no_leak::RULE, format!("{}: {unrest}", process.me));
            }
        }
        let (free, total) = self.daemon.resources();
        resources_conserved::check(free, total);
        if let Some(object) = self.out.memory.on_disk().next() {
            breach(&no_leak::RULE, format!("{object} is still on disk"));
        }
    }

    /// An object as large as the arena fits into it, if it is empty.
    fn probe_memory(&mut self) {
        let Some(driver) = self.pick(0, true) else { return };
        self.faults.clear();
        self.daemon.probing = true;
        let object = ObjectId { task: TaskId::new(driver, u64::MAX, types::JobId(1)), index: 0 };
        let size = self.daemon.arena_bytes();
        let allocate = Event::TellNode(ToNode::Create { object, owner: driver, size });
        self.with(driver, |process, out| process.happen(out, allocate));
        self.run_until_quiet();
        let range =
            self.processes.get_mut(&driver).and_then(|driver| driver.allocations.remove(&object));
        let Some(Ok(offset)) = range else {
            breach(&no_leak::RULE, format!("memory is not empty: {range:?}"))
        };
        self.out.memory.write(object, offset, size, types::Payload::EMPTY);
        self.daemon.probing = false;
        let value = Value::Shared { node: NODE, size };
        let stored = Stored { value, contains: Box::default() };
        for event in [
            Event::TellNode(ToNode::Seal(object)),
            Event::Put(object, stored),
            Event::Release(vec![object]),
        ] {
            self.with(driver, |process, out| process.happen(out, event));
        }
    }

    fn let_drivers_leave(&mut self) {
        while let Some(driver) = self.pick(0, true) {
            self.end(driver, Exit::Code(0));
        }
    }

    /// All drivers are gone: so is all that worked for them.
    fn check_end(&self) {
        if let Some(process) = self.processes.values().find(|process| process.has_worked()) {
            breach(&everything_ends::RULE, format!("{} outlives its job", process.me));
        }
        let (free, total) = self.daemon.resources();
        resources_conserved::check(free, total);
    }
}
