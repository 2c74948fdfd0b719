//! One worker or driver: its role, and a shell that performs the role's effects in the made-up world.
//!
//! Owns: the match for effects, and when a fiber goes on. Does not own: what fibers do (`fiber`, `making`).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use roles::worker::{Content as Loaded, Effect, Event, Execution, Interrupt};
use roles::{Role, Worker};
use types::{Failure, FunctionId, JobId, ObjectId, Ref, Settings, TaskId, Timestamp, WorkerId};
use wire::{Answer, FromHead, ToDaemon, ToHead, ToNode, ToWorker};

use crate::fiber::{Fiber, Wait};
use crate::handles::{Asked, Data, Handles};
use crate::network::End;
use crate::outside::{Happening, Notice, Outside};
use crate::script::Slot;

/// One process.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) me: WorkerId,
    pub(crate) role: Worker,
    /// The index of its program, if it is a driver.
    pub(crate) driver: Option<usize>,
    pub(crate) fibers: BTreeMap<u64, Fiber>,
    pub(crate) handles: Handles,
    pub(crate) answers: BTreeMap<u64, Answer>,
    pub(crate) allocations: BTreeMap<ObjectId, Result<u64, Arc<Failure>>>,
    /// How many ranges come for an object that nobody wants any more.
    pub(crate) unwanted: BTreeMap<ObjectId, Unwanted>,
    pub(crate) consumed: BTreeMap<TaskId, u32>,
    pub(crate) functions: BTreeSet<FunctionId>,
    pub(crate) templates: BTreeMap<(usize, Slot), Arc<types::Template>>,
    /// What the actor here keeps beyond its calls.
    pub(crate) kept: Vec<Ref>,
    pub(crate) hosts_actor: bool,
    pub(crate) counts: Counts,
    pub(crate) exited: bool,
    events: VecDeque<Event>,
    fibers_made: u64,
    due: Option<Timestamp>,
}

/// Ranges that come too late.
#[derive(Debug, Default)]
pub(crate) struct Unwanted {
    pub(crate) count: u32,
    /// Of these, how many the node takes back by itself because the object was asked for again.
    pub(crate) superseded: u32,
}

/// What a process numbers.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) tasks: u64,
    pub(crate) actors: u32,
    pub(crate) groups: u32,
    pub(crate) requests: u64,
    pub(crate) templates: u64,
    pub(crate) waits: u64,
}

impl Process {
    pub(crate) fn new(me: WorkerId, driver: Option<usize>, settings: &Settings) -> Self {
        Self {
            me,
            role: Worker::new(me, settings),
            driver,
            fibers: BTreeMap::new(),
            handles: Handles::default(),
            answers: BTreeMap::new(),
            allocations: BTreeMap::new(),
            unwanted: BTreeMap::new(),
            consumed: BTreeMap::new(),
            functions: BTreeSet::new(),
            templates: BTreeMap::new(),
            kept: Vec::new(),
            hosts_actor: false,
            counts: Counts::default(),
            exited: false,
            events: VecDeque::new(),
            fibers_made: 0,
            due: None,
        }
    }

    /// Something reached the process.
    pub(crate) fn hear(&mut self, out: &mut Outside, from: End, message: ToWorker) {
        let begins = matches!(message, ToWorker::Head(FromHead::JobStarted(_)));
        match (message, from) {
            (ToWorker::Node(message), _) => self.step(out, Event::Node(message)),
            (ToWorker::Head(message), _) => self.step(out, Event::Head(message)),
            (ToWorker::Peer(message), End::Process(peer)) => {
                self.step(out, Event::Peer(peer, message))
            }
            (ToWorker::Peer(_), End::Daemon) => unreachable!("the daemon is no peer"),
        }
        if let (true, Some(driver), Some(job)) = (begins, self.driver, self.role.job()) {
            let root = out.program.roots[driver];
            self.add_fiber(Fiber::root(root, driver, job));
        }
        self.run_ready(out);
    }

    /// Something else happened here.
    pub(crate) fn happen(&mut self, out: &mut Outside, event: Event) {
        self.step(out, event);
        self.run_ready(out);
    }

    /// A fiber has waited long enough.
    pub(crate) fn wake(&mut self, out: &mut Outside) {
        self.run_ready(out);
    }

    /// Whether this driver's program is over.
    pub(crate) fn has_ended_program(&self) -> bool {
        self.role.job().is_some() && self.fibers.is_empty()
    }

    /// Whether it ever ran anything.
    pub(crate) const fn has_worked(&self) -> bool {
        self.fibers_made > 0
    }

    /// What a user thread left behind.
    pub(crate) fn notice(&mut self, out: &mut Outside, notice: Notice) {
        match notice {
            Notice::Released(object) => self.step(out, Event::Release(vec![object])),
            Notice::Unread(object) => {
                self.handles.forget_content(object);
                let awaited = self.fibers.values().any(|fiber| fiber.wait == Wait::Content(object));
                if awaited && let Some(reference) = self.handles.ask(object, Asked::Content) {
                    self.step(out, Event::Want { refs: vec![reference], load: true });
                }
                self.step(out, Event::Unread(object));
            }
        }
        self.run_ready(out);
    }

    /// The role may have something to do.
    pub(crate) fn on_time(&mut self, out: &mut Outside) {
        self.due = None;
        if self.role.next_deadline().is_some_and(|deadline| deadline <= out.now) {
            let mut effects = Vec::new();
            self.role.on_time(out.now, &mut effects);
            self.role.check();
            out.story.tell(out.now, self.me, || format!("on time -> {effects:?}"));
            effects.into_iter().for_each(|effect| self.perform(out, effect));
            self.run_events(out);
        }
        self.plan_deadline(out);
        self.run_ready(out);
    }

    /// Hands the role one event, performs what follows, and so on until nothing is left.
    pub(crate) fn step(&mut self, out: &mut Outside, event: Event) {
        self.events.push_back(event);
        self.run_events(out);
        self.plan_deadline(out);
    }

    fn run_events(&mut self, out: &mut Outside) {
        while let Some(event) = self.events.pop_front() {
            if self.exited {
                return;
            }
            let told = out.story.is_kept().then(|| format!("{event:?}"));
            let mut effects = Vec::new();
            self.role.step(out.now, event, &mut effects);
            self.role.check();
            if let Some(told) = told {
                out.story.tell(out.now, self.me, || format!("{told} -> {effects:?}"));
            }
            effects.into_iter().for_each(|effect| self.perform(out, effect));
        }
    }

    fn plan_deadline(&mut self, out: &mut Outside) {
        let Some(deadline) = self.role.next_deadline() else { return };
        if self.due.is_none_or(|due| deadline < due) {
            self.due = Some(deadline.max(out.now));
            out.at(deadline, Happening::Due(Some(self.me)));
        }
    }

    fn perform(&mut self, out: &mut Outside, effect: Effect) {
        match effect {
            Effect::ToNode(message) => out.tell(self.me, ToDaemon::Node(message)),
            Effect::ToHead(message) => out.tell(self.me, ToDaemon::Head(message)),
            Effect::ToPeer(peer, message) => {
                out.say(End::Process(self.me), peer, ToWorker::Peer(message));
            }
            Effect::Available(object) => self.handles.set_available(object),
            Effect::Loaded(object, content) => self.loaded(out, object, content),
            Effect::Allocated(object, range) => self.allocated(object, range),
            Effect::Run(execution) => self.begin(out, *execution),
            Effect::Break(wait, failure) => {
                let fiber = self.fibers.values_mut().find(|fiber| fiber.waits == wait);
                fiber.expect("a wait is broken that waits").broken = Some(failure);
            }
            Effect::Interrupt(task, why) => self.interrupt(task, why),
            Effect::Consumed(task, count) => {
                self.consumed.insert(task, count);
            }
            Effect::Answered(request, answer) => {
                self.answers.insert(request, answer);
            }
            Effect::Account(survey, _, account) => {
                self.events.push_back(Event::Tell(ToHead::Account(survey, account)));
            }
            Effect::StreamMoved(_) | Effect::Lines(_) => {}
            Effect::Exit(_) => self.exited = true,
        }
    }

    fn loaded(&mut self, out: &mut Outside, object: ObjectId, content: Loaded) {
        let data = match content {
            Loaded::Inline(payload) => Data::Bytes(payload),
            Loaded::Failed(failure) => Data::Failed(failure),
            Loaded::Mapped { offset, .. } => Data::Mapped(self.handles.map(object, offset)),
        };
        self.handles.set_data(object, data.clone());
        let waits = |fiber: &Fiber| fiber.wait == Wait::Content(object) && fiber.came.is_none();
        for fiber in self.fibers.values_mut().filter(|fiber| waits(fiber)) {
            if let Data::Mapped(mapping) = data {
                self.handles.read(mapping);
            }
            fiber.came = Some(data.clone());
        }
        self.let_go(out, &data);
    }

    /// One reader of a content less.
    pub(crate) fn let_go(&mut self, out: &mut Outside, data: &Data) {
        if let Data::Mapped(mapping) = data
            && let Some(object) = self.handles.unread(*mapping, &out.memory)
        {
            out.within(100, Happening::Notice(self.me, Notice::Unread(object)));
        }
    }

    fn allocated(&mut self, object: ObjectId, range: Result<u64, Arc<Failure>>) {
        match self.unwanted.get_mut(&object) {
            None => {
                // A range that was asked for earlier and went to nobody may be there all the same.
                if range.is_err() {
                    self.events.push_back(Event::TellNode(ToNode::Discard(object)));
                }
                self.allocations.insert(object, range);
            }
            // Whoever asked again for the same object gets a later range, and the node takes this one back.
            Some(Unwanted { superseded: 1.., .. }) => {}
            Some(_) => self.events.push_back(Event::TellNode(ToNode::Discard(object))),
        }
        if let Some(unwanted) = self.unwanted.get_mut(&object) {
            unwanted.count -= 1;
            unwanted.superseded = unwanted.superseded.saturating_sub(1);
            if unwanted.count == 0 {
                self.unwanted.remove(&object);
            }
        }
    }

    fn interrupt(&mut self, task: TaskId, why: Interrupt) {
        let fiber = self.fibers.values_mut().find(|fiber| fiber.runs(task));
        if let Some(fiber) = fiber {
            fiber.interrupted = Some(why);
        }
    }

    fn begin(&mut self, out: &mut Outside, execution: Execution) {
        out.observed.on_begin(self.me, &execution);
        self.hosts_actor |= execution.actor.is_some();
        let fiber = Fiber::of(execution, &mut self.handles);
        self.add_fiber(fiber);
    }

    fn add_fiber(&mut self, fiber: Fiber) {
        self.fibers_made += 1;
        self.fibers.insert(self.fibers_made, fiber);
    }

    /// Lets every fiber go on that can.
    fn run_ready(&mut self, out: &mut Outside) {
        while !self.exited {
            self.run_events(out);
            let ready = self.fibers.keys().copied().find(|fiber| self.can_go_on(out.now, *fiber));
            let Some(fiber) = ready else { break };
            self.advance(out, fiber);
        }
        self.plan_deadline(out);
    }

    pub(crate) fn can_go_on(&self, now: Timestamp, fiber: u64) -> bool {
        let Some(fiber) = self.fibers.get(&fiber) else { return false };
        fiber.interrupted.is_some() && !fiber.deaf
            || fiber.broken.is_some()
            || match fiber.wait {
                Wait::Nothing => true,
                Wait::Until(at) => at <= now,
                Wait::Content(object) => {
                    fiber.came.is_some() || self.handles.data(object).is_some()
                }
                Wait::Available(object) => self.handles.is_available(object),
                Wait::Stream(task) => self.role.stream_next(task) != roles::worker::Next::NotYet,
                Wait::Answer(request) => self.answers.contains_key(&request),
                Wait::Allocation(object) => self.allocations.contains_key(&object),
                Wait::Consumed { task, more_than } => {
                    self.consumed.get(&task).is_some_and(|count| *count > more_than)
                }
            }
    }

    /// A handle to a ref is made; the role hears of the first one of an object.
    pub(crate) fn hold(
        &mut self,
        out: &mut Outside,
        reference: Ref,
        source: roles::worker::Source,
    ) {
        if self.handles.hold(reference) {
            self.step(out, Event::Hold(reference, source));
        }
    }

    /// A handle goes.
    pub(crate) fn drop_handle(&mut self, out: &mut Outside, object: ObjectId) {
        if self.handles.drop(object) {
            out.within(100, Happening::Notice(self.me, Notice::Released(object)));
        }
    }

    pub(crate) fn ask(&mut self, out: &mut Outside, question: wire::Question) -> u64 {
        self.counts.requests += 1;
        let request = self.counts.requests;
        self.step(out, Event::Tell(ToHead::Ask { request, question }));
        request
    }

    /// The job that a fiber works for.
    pub(crate) fn job_of(&self, fiber: u64) -> JobId {
        self.fibers[&fiber].job
    }

    /// Why the process is not at rest, if it is not.
    pub(crate) fn unrest(&self) -> Option<String> {
        if !self.fibers.is_empty() {
            let waits: Vec<_> = self.fibers.values().map(Fiber::describe).collect();
            return Some(format!("it still runs {}", waits.join(", ")));
        }
        if !self.role.is_at_rest() {
            let role = &self.role;
            let (objects, tasks) = (role.objects_known(), role.unfinished());
            return Some(format!("it knows {objects} objects and {tasks} tasks: {role:?}"));
        }
        (!self.handles.is_empty()).then(|| format!("its handles: {:?}", self.handles))
    }
}
