//! The node under random processes that ask, work, wait, crash and leave; in the end everything is free again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use types::{
    ActorId, Exit, GroupId, JobId, LeaseId, ObjectId, Rng, Settings, Shape, Strategy, TaskId,
    Timestamp, WorkerId,
};
use wire::to_node::{NodeReport, Peer};
use wire::to_worker::FromNode;
use wire::{HeadToNode, ToNode};

use super::made_up::{actor_spec, cpus, driver_peer, start, worker};
use crate::Role;
use crate::node::{DiskJob, Effect, Event, Node, NodeConfig};

#[test]
fn whatever_happens_the_rules_hold_and_in_the_end_everything_is_free() {
    let mut granted = 0;
    for seed in 0..60 {
        let mut world = World::new(seed);

        for _ in 0..400 {
            world.act();
        }
        world.end();

        granted += world.answers.values().sum::<u64>();
        assert_eq!(world.node.ledger.free(), cpus(4.0), "seed {seed}");
        assert_eq!(world.node.objects.used(), 0, "seed {seed}");
        assert!(world.node.processes.is_empty(), "seed {seed}: {:?}", world.node.processes);
        assert_eq!(world.node.explain(), Vec::<String>::new(), "seed {seed}");
    }
    assert!(granted > 1000, "the world did too little: {granted}");
}

#[test]
fn everybody_who_waits_is_answered_when_everybody_gives_back() {
    for seed in 0..40 {
        let mut world = World::new(seed);
        for _ in 0..60 {
            world.arrive_or_end();
            world.ask();
        }
        world.calm = true;
        assert_ne!(world.node.explain(), Vec::<String>::new(), "seed {seed}: nobody waits");

        for _ in 0..2000 {
            world.arrive_or_end();
            world.give_back_oldest();
            world.pass_time();
        }

        assert_eq!(world.node.explain(), Vec::<String>::new(), "seed {seed}");
    }
}

/// What the processes of a node know and do.
struct World {
    node: Node,
    now: Timestamp,
    rng: Rng,
    drivers: Vec<WorkerId>,
    up: BTreeSet<WorkerId>,
    forking: VecDeque<WorkerId>,
    dying: VecDeque<WorkerId>,
    /// Their owners and workers.
    leases: BTreeMap<LeaseId, (WorkerId, WorkerId)>,
    actors: BTreeSet<ActorId>,
    groups: BTreeSet<GroupId>,
    answers: BTreeMap<(WorkerId, u32), u64>,
    disk: VecDeque<Event>,
    count: u32,
    /// Nobody crashes, and who is asked to go goes.
    calm: bool,
}

impl World {
    fn new(seed: u64) -> Self {
        let settings = Settings { workers_max: 6, ..Settings::default() };
        let node = Node::new(NodeConfig {
            node: types::NodeId(1),
            resources: cpus(4.0),
            labels: BTreeMap::new(),
            facts: BTreeMap::new(),
            cpus: 4,
            arena_bytes: 16 * 4096,
            settings,
        });
        let mut world = Self {
            node,
            now: Timestamp::ZERO,
            rng: Rng::new(seed),
            drivers: Vec::new(),
            up: BTreeSet::new(),
            forking: VecDeque::new(),
            dying: VecDeque::new(),
            leases: BTreeMap::new(),
            actors: BTreeSet::new(),
            groups: BTreeSet::new(),
            answers: BTreeMap::new(),
            disk: VecDeque::new(),
            count: 0,
            calm: false,
        };
        for _ in 0..2 {
            world.step(Event::Arrived { connection: 0, peer: driver_peer(false) });
        }
        world.drivers = world.up.iter().copied().collect();
        for (job, driver) in (1..).zip(world.drivers.clone()) {
            world.step(Event::JobStarted(driver, JobId(job)));
        }
        world
    }

    fn act(&mut self) {
        match self.rng.below(8) {
            0 | 1 => self.arrive_or_end(),
            2 | 3 => self.ask(),
            4 => self.store(),
            5 => self.give_back(),
            6 => self.pass_time(),
            _ => self.disturb(),
        }
    }

    /// A process that was forked says hello, one that dies is gone, and the disk does its work.
    fn arrive_or_end(&mut self) {
        if let Some(id) = self.forking.pop_front() {
            if self.calm || self.rng.chance(9, 10) {
                let peer = Peer::Worker { worker: id, pid: id.number };
                self.step(Event::Arrived { connection: 1, peer });
            } else {
                self.step(Event::ForkFailed { worker: id, reason: "no luck".to_owned() });
            }
        }
        if let Some(id) = self.dying.pop_front() {
            self.crash(id);
        }
        if let Some(done) = self.disk.pop_front() {
            self.step(done);
        }
    }

    fn ask(&mut self) {
        let Some(owner) = self.somebody() else { return };
        self.count += 1;
        match self.rng.below(6) {
            0 => {
                let spec = actor_spec(ActorId::new(owner, self.count, JobId(1)), 1.0, 0.5);
                self.step(Event::Head(start(&spec)));
            }
            1 => {
                let group = GroupId::new(owner, self.count, JobId(1));
                let bundles = vec![(0, cpus(1.0)), (1, cpus(0.5))];
                self.groups.insert(group);
                self.step(Event::Head(HeadToNode::PrepareBundles { group, bundles }));
                self.step(Event::Head(HeadToNode::CommitBundles(group)));
            }
            _ => self.want(owner),
        }
    }

    fn want(&mut self, owner: WorkerId) {
        let number = self.rng.below(5) as u32;
        let group = self.groups.last().copied().filter(|_| number == 4);
        let strategy =
            group.map_or(Strategy::Pack, |group| Strategy::Group { group, bundle: None });
        let resources = cpus([0.0, 0.5, 1.0, 4.0, 0.5][number as usize]);
        let key = if group.is_some() { 100 + self.count } else { number };
        let spec = Some(Arc::new(Shape { resources, strategy, environment: String::new() }));
        let granted = self.answers.get(&(owner, key)).copied().unwrap_or(0);
        let count = self.rng.below(4) as u32;
        self.say(owner, ToNode::Want { shape: key, spec, count, granted });
    }

    fn store(&mut self) {
        let (Some(one), Some(other)) = (self.somebody(), self.somebody()) else {
            return;
        };
        let object: ObjectId = TaskId::new(worker(1), self.rng.below(8), JobId(1)).output(0);
        let size = 1 + self.rng.below(6) * 4096;
        let message = match self.rng.below(5) {
            0 => ToNode::Create { object, owner: other, size },
            1 => ToNode::Seal(object),
            2 => ToNode::Pin(object),
            3 => ToNode::Unpin(object),
            _ => ToNode::Free(vec![object]),
        };
        self.say(one, message);
    }

    fn give_back(&mut self) {
        let Some(at) = self.pick(self.leases.len()) else {
            return;
        };
        let lease = self.leases.keys().nth(at).copied();
        self.release(lease);
    }

    fn give_back_oldest(&mut self) {
        self.release(self.leases.first_key_value().map(|(lease, _)| *lease));
        if let Some(actor) = self.actors.pop_first() {
            self.step(Event::Head(HeadToNode::EndActor { actor, reason: "done".to_owned() }));
        }
        if let Some(group) = self.groups.pop_first() {
            self.step(Event::Head(HeadToNode::ReturnBundles(group)));
        }
    }

    fn release(&mut self, lease: Option<LeaseId>) {
        let Some(lease) = lease else { return };
        if let Some((owner, _)) = self.leases.remove(&lease) {
            self.say(owner, ToNode::Release(lease));
        }
    }

    fn disturb(&mut self) {
        let Some(id) = self.somebody() else { return };
        match self.rng.below(8) {
            0..=3 => self.wait_or_go_on(),
            4 if !self.drivers.contains(&id) => self.crash(id),
            5 if !self.drivers.contains(&id) => {
                self.say(id, ToNode::Leaving { reason: "enough".to_owned() });
                self.dying.push_back(id);
            }
            6 => {
                let group = self.groups.pop_first();
                group
                    .into_iter()
                    .for_each(|group| self.step(Event::Head(HeadToNode::ReturnBundles(group))));
            }
            _ => {
                let actor = self.actors.first().copied();
                actor
                    .into_iter()
                    .for_each(|actor| self.step(Event::Head(HeadToNode::ActorMade(actor))));
            }
        }
    }

    fn wait_or_go_on(&mut self) {
        let Some(at) = self.pick(self.leases.len()) else { return };
        let Some((lease, (_, worker))) = self.leases.iter().nth(at) else { return };
        let (lease, worker, waits) = (*lease, *worker, self.rng.chance(1, 2));
        if self.up.contains(&worker) {
            self.say(worker, if waits { ToNode::Blocked(lease) } else { ToNode::Unblocked(lease) });
        }
    }

    fn crash(&mut self, id: WorkerId) {
        self.dying.retain(|dying| *dying != id);
        self.forking.retain(|forking| *forking != id);
        if self.up.remove(&id) {
            self.step(Event::HungUp(id));
        }
        self.step(Event::ProcessEnded { worker: id, exit: Exit::Signal(9), peak_memory_bytes: 0 });
    }

    fn pass_time(&mut self) {
        self.now = self.now + Duration::from_millis(self.rng.below(300));
        let mut effects = Vec::new();
        self.node.on_time(self.now, &mut effects);
        self.node.check();
        self.follow(effects);
    }

    fn end(&mut self) {
        self.calm = true;
        for (job, driver) in (1..).zip(self.drivers.clone()) {
            self.up.remove(&driver);
            self.step(Event::HungUp(driver));
            self.step(Event::Head(HeadToNode::EndJob(JobId(job))));
        }
        while let Some(group) = self.groups.pop_first() {
            self.step(Event::Head(HeadToNode::ReturnBundles(group)));
        }
        while self.is_busy() {
            self.arrive_or_end();
            let last = self.up.last().copied().filter(|_| self.forking.is_empty());
            last.into_iter().for_each(|id| self.crash(id));
        }
    }

    fn is_busy(&self) -> bool {
        let processes = self.up.len() + self.forking.len() + self.dying.len();
        processes + self.disk.len() > 0
    }

    fn say(&mut self, from: WorkerId, message: ToNode) {
        self.step(Event::Message(from, message));
    }

    fn step(&mut self, event: Event) {
        let mut effects = Vec::new();
        self.node.step(self.now, event, &mut effects);
        self.node.check();
        self.follow(effects);
    }

    fn follow(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Fork { worker, .. } => self.forking.push_back(worker),
                Effect::Welcome { worker, .. } => {
                    self.up.insert(worker);
                }
                Effect::Kill(worker) => self.dying.push_back(worker),
                Effect::Disk(DiskJob::Spill(object, ..)) => {
                    let room = self.rng.chance(4, 5).then_some(());
                    let result = room.ok_or_else(|| "full".to_owned());
                    self.disk.push_back(Event::DiskDone(object, result));
                }
                Effect::Disk(DiskJob::Restore(object, ..)) => {
                    self.disk.push_back(Event::DiskDone(object, Ok(())));
                }
                Effect::ToHead(NodeReport::ActorPlaced(actor, _)) => {
                    self.actors.insert(actor);
                }
                Effect::ToHead(NodeReport::ActorEnded(actor, _)) => {
                    self.actors.remove(&actor);
                }
                Effect::ToWorker(to, message) => self.hear(to, message),
                Effect::ToHead(_) | Effect::Disk(DiskJob::Delete(_)) | Effect::Stop => {}
            }
        }
    }

    fn hear(&mut self, to: WorkerId, message: FromNode) {
        match message {
            FromNode::Leased { shape, lease, worker, .. } => {
                assert!(self.up.contains(&to), "a lease for {to}, which is gone");
                self.leases.insert(lease, (to, worker));
                *self.answers.entry((to, shape)).or_default() += 1;
            }
            FromNode::Refused { shape, .. } => *self.answers.entry((to, shape)).or_default() += 1,
            FromNode::LeaseEnded { lease, .. } => {
                self.leases.remove(&lease);
            }
            FromNode::Spare if self.calm || self.rng.chance(1, 2) => {
                self.say(to, ToNode::Leaving { reason: "spared".to_owned() });
                self.dying.push_back(to);
            }
            FromNode::Spare => self.say(to, ToNode::Staying),
            FromNode::Welcome { .. }
            | FromNode::Visitor
            | FromNode::Reclaim(_)
            | FromNode::Start { .. }
            | FromNode::Created(..)
            | FromNode::Pinned(..)
            | FromNode::PeerEnded(_)
            | FromNode::Lines(_)
            | FromNode::LinesTold(_)
            | FromNode::Survey(..) => {}
        }
    }

    fn somebody(&mut self) -> Option<WorkerId> {
        let at = self.pick(self.up.len())?;
        self.up.iter().nth(at).copied()
    }

    fn pick(&mut self, count: usize) -> Option<usize> {
        (count > 0).then(|| self.rng.below(count as u64) as usize)
    }
}
