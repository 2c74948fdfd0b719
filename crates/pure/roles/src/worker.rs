//! A worker or a driver: submits tasks, calls actors, owns objects, runs what others submit.
//!
//! Owns: which machine hears of which event. Does not own: counts, queues and orders (`ownership`).

mod accounting;
mod asking;
mod blocking;
mod calling;
mod cancelling;
mod events;
mod executing;
mod inbox;
mod losing;
mod owning;
mod probing;
mod reading;
mod streaming;
mod submitting;
mod templates;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use ownership::{Calls, Dispatch, Refs, Streams, Tasks, Values};
use types::{JobId, ObjectId, Settings, TaskId, Timestamp, WorkerId};
use wire::{FromHead, FromNode, FromPeer};

use crate::Role;
use crate::worker::accounting::Failures;
pub use crate::worker::accounting::ObjectFacts;
use crate::worker::asking::Groups;
pub use crate::worker::events::{Content, Effect, Event, Execution, Interrupt, Source};
use crate::worker::inbox::Inbox;
use crate::worker::owning::Postponed;
use crate::worker::reading::Pins;
use crate::worker::templates::Templates;
pub use ownership::Next;

/// The logic of one worker or driver.
#[derive(Debug)]
pub struct Worker {
    me: WorkerId,
    linger: Duration,
    now: Timestamp,
    /// What this step wants done.
    effects: Vec<Effect>,
    refs: Refs,
    values: Values,
    tasks: Tasks,
    dispatch: Dispatch,
    calls: Calls,
    streams: Streams,
    pins: Pins,
    groups: Groups,
    templates: Templates,
    inbox: Inbox,
    /// Refs inside results that were sent, kept until their receiver has registered them.
    handed_over: BTreeMap<(WorkerId, TaskId), Vec<ObjectId>>,
    postponed: BTreeMap<(WorkerId, TaskId), Postponed>,
    failures: Failures,
    /// Large objects that nobody can reach, to be told to the node at the end of the step.
    freed: Vec<ObjectId>,
    job: Option<JobId>,
    /// The node knows that others need this process.
    stays: bool,
}

impl Worker {
    /// The process `me`, which owns nothing yet.
    #[must_use]
    pub fn new(me: WorkerId, settings: &Settings) -> Self {
        Self {
            me,
            linger: Duration::from_millis(settings.lease_linger_ms),
            now: Timestamp::ZERO,
            effects: Vec::new(),
            refs: Refs::default(),
            values: Values::default(),
            tasks: Tasks::default(),
            dispatch: Dispatch::default(),
            calls: Calls::default(),
            streams: Streams::default(),
            pins: Pins::default(),
            groups: Groups::default(),
            templates: Templates::default(),
            inbox: Inbox::default(),
            handed_over: BTreeMap::new(),
            postponed: BTreeMap::new(),
            failures: Failures::default(),
            freed: Vec::new(),
            job: None,
            stays: false,
        }
    }

    /// The job of a driver, once it has one.
    #[must_use]
    pub fn job(&self) -> Option<JobId> {
        self.job
    }

    /// How many submitted tasks and calls are unfinished.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.tasks.len()
    }

    /// How many objects are known here.
    #[must_use]
    pub fn objects_known(&self) -> usize {
        self.refs.len()
    }

    /// Why a task that runs here is to end, if it is.
    #[must_use]
    pub fn interruption(&mut self, task: TaskId) -> Option<Interrupt> {
        self.inbox.running(task)?.interrupted.map(|(why, _when)| why)
    }

    /// Whether nothing is left to do, to keep or to give back.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.tasks.is_empty()
            && self.inbox.is_idle()
            && self.refs.is_empty()
            && self.values.is_empty()
            && self.postponed.is_empty()
            && self.dispatch.leases_held() == 0
    }

    /// Does what an event leads to, and what every event ends with.
    fn turn(&mut self, now: Timestamp, effects: &mut Vec<Effect>, lead: impl FnOnce(&mut Self)) {
        self.now = now;
        std::mem::swap(&mut self.effects, effects);
        lead(self);
        self.free_objects();
        self.end_if_due();
        std::mem::swap(&mut self.effects, effects);
    }

    /// Says something to a peer; what a process says to itself it hears at once.
    fn say(&mut self, peer: WorkerId, message: FromPeer) {
        if peer == self.me {
            self.on_peer(peer, message);
        } else {
            self.effects.push(Effect::ToPeer(peer, message));
        }
    }

    fn on_peer(&mut self, from: WorkerId, message: FromPeer) {
        match message {
            FromPeer::Templates(templates) => self.templates.received(from, templates),
            FromPeer::Tasks { lease, tasks } => self.tasks_came(from, lease, tasks),
            FromPeer::Recall { lease, count } => self.hand_back(count as usize, Some(lease)),
            FromPeer::Cancel { task, reach } => self.cancel_came(task, reach),
            FromPeer::CancelObject { object, reach } => self.cancel(object.task, reach),
            FromPeer::Consumed { task, count } => self.effects.push(Effect::Consumed(task, count)),
            FromPeer::Done { task, outcome, ran } => self.task_done(from, task, outcome, ran),
            FromPeer::HandedBack { lease, tasks } => self.tasks_came_back(lease, &tasks),
            FromPeer::Item { task, index, item } => self.item_came(from, task, index, item),
            FromPeer::Borrow { object, confirm } => self.lend(from, object, confirm),
            FromPeer::Borrowed(object) => self.borrow_confirmed(from, object),
            FromPeer::Return(object) => self.borrow_returned(from, object),
            FromPeer::Settled(task) => self.settled(from, task),
            FromPeer::Fetch(object) => self.fetch_came(from, object),
            FromPeer::Fetched { object, stored } => self.value_came(object, stored),
            FromPeer::Probe(probe) => self.probe_came(probe),
        }
    }

    fn on_node(&mut self, message: FromNode) {
        match message {
            FromNode::Leased { shape, lease, worker, assignment } => {
                self.leased(shape, lease, worker, assignment);
            }
            FromNode::Refused { shape, failure } => self.refused(shape, &failure),
            FromNode::Reclaim(lease) => {
                self.dispatch.reclaim(lease);
                self.give_back_leases(self.linger);
            }
            FromNode::LeaseEnded { lease, death } => self.lease_ended(lease, death),
            FromNode::Start { spec, dependencies, incarnation, assignment } => {
                self.start_actor(spec, dependencies, incarnation, assignment);
            }
            FromNode::Created(object, range) => self.effects.push(Effect::Allocated(object, range)),
            FromNode::Pinned(object, range) => self.pinned(object, range),
            FromNode::PeerEnded(death) => self.peer_lost(death.worker),
            FromNode::Lines(lines) => self.effects.push(Effect::Lines(lines)),
            FromNode::LinesTold(request) => {
                self.effects.push(Effect::Answered(request, wire::Answer::Nothing));
            }
            FromNode::Spare => self.spared(),
            FromNode::Survey(survey, subject) => self.survey(survey, subject),
            FromNode::Welcome { .. } | FromNode::Visitor => {}
        }
    }

    fn on_head(&mut self, message: FromHead) {
        match message {
            FromHead::JobStarted(job) => self.job = Some(job),
            FromHead::ActorChanged { actor, state } => self.actor_changed(actor, state),
            FromHead::GroupChanged { group, state } => self.group_changed(group, &state),
            FromHead::Retire => self.retire(),
            FromHead::Answered { request, answer } => {
                self.effects.push(Effect::Answered(request, answer));
            }
        }
    }

    fn on_user(&mut self, event: Event) {
        match event {
            Event::Submit(spec) => self.submit(spec),
            Event::CreateActor { request, spec, get_if_exists } => {
                self.create_actor(request, spec, get_if_exists);
            }
            Event::Put(object, stored) => self.put(object, stored),
            Event::Hold(reference, source) => self.hold(reference, source),
            Event::Release(objects) => objects.into_iter().for_each(|object| self.release(object)),
            Event::Unread(object) => self.unread(object),
            Event::Want { refs, load } => {
                refs.into_iter().for_each(|wanted| self.want(wanted, load))
            }
            Event::Blocked(task) => self.blocked(task),
            Event::Stuck { task, wait, refs } => self.stuck(task, wait, refs),
            Event::Unblocked(task) => self.unblocked(task),
            Event::Finished { task, outcome, ran } => self.finished(task, outcome, ran),
            Event::Yielded { task, index, item } => self.yielded(task, index, item),
            Event::Took(task) => self.took(task),
            Event::Abandoned(task) => self.abandoned(task),
            Event::Cancel { target, reach } => {
                self.say(target.owner, FromPeer::CancelObject { object: target.object, reach })
            }
            Event::KillActor { actor, for_good } => self.kill_actor(actor, for_good),
            Event::AwaitGroup { group, object, value } => self.await_group(group, object, value),
            Event::Tell(message) => self.tell(message),
            Event::TellNode(message) => self.effects.push(Effect::ToNode(message)),
            Event::Leave => self.leave(),
            Event::Peer(from, message) => self.on_peer(from, message),
            Event::PeerLost(peer) => {
                self.templates.forget(peer);
                self.peer_lost(peer);
                self.last_words_heard(peer);
            }
            Event::Node(message) => self.on_node(message),
            Event::Head(message) => self.on_head(message),
            Event::NodeLost(reason) => self.node_lost(&reason),
        }
    }
}

impl Role for Worker {
    type Event = Event;
    type Effect = Effect;

    fn step(&mut self, now: Timestamp, event: Event, effects: &mut Vec<Effect>) {
        self.turn(now, effects, |worker| worker.on_user(event));
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        [self.dispatch.next_deadline(self.linger), self.inbox.next_deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    fn on_time(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        self.turn(now, effects, |worker| {
            worker.give_back_leases(worker.linger);
            worker.executing_on_time();
        });
    }

    fn check(&self) {
        self.refs.check();
        self.inbox.check();
    }
}
