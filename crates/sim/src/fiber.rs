//! A thread of a simulated program: it goes from operation to operation and waits where a user's thread would.
//!
//! Owns: one fiber's state, and how it waits, reads and ends. Does not own: what operations make (`making`).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use roles::worker::{Content as Loaded, Event, Execution, Interrupt, Source};
use types::{
    ActorId, Callee, Failure, GroupId, JobId, ObjectId, Payload, Ref, Retry, Returns, Stored,
    TaskId, Timestamp,
};
use wire::to_worker::Outcome;
use wire::{Answer, Question, ToNode};

use crate::content::{Arguments, Content, actor_of};
use crate::handles::{Asked, Data, Handles};
use crate::making::function_of;
use crate::outside::{Flaw, Happening, Outside};
use crate::process::Process;
use crate::script::{Slot, got_number, mix, result_name};

/// A wait may last if it took so many microseconds: few here, so that many that do not last are looked into.
const LONG_WAIT_US: u64 = 2_000;

/// One thread of a program.
#[derive(Debug)]
pub(crate) struct Fiber {
    pub(crate) script: usize,
    pub(crate) path: u64,
    pub(crate) job: JobId,
    pub(crate) stage: Stage,
    /// What it computed so far.
    pub(crate) running: u64,
    pub(crate) tainted: bool,
    pub(crate) vars: BTreeMap<Slot, Var>,
    found: VecDeque<Ref>,
    reads: Vec<Data>,
    pub(crate) wait: Wait,
    /// The number of that wait, if somebody may be told that it lasts; else 0.
    pub(crate) waits: u64,
    /// Why the wait ends without what it waits for.
    pub(crate) broken: Option<Arc<Failure>>,
    /// The content it waited for.
    pub(crate) came: Option<Data>,
    /// The role knows that this task of it waits.
    pub(crate) blocked: Option<TaskId>,
    pub(crate) interrupted: Option<Interrupt>,
    /// It ignores interrupts.
    pub(crate) deaf: bool,
    pub(crate) task: Option<Box<Execution>>,
    driver: usize,
    began: Option<Timestamp>,
    /// The object for which it asked for a range.
    pub(crate) pending: Option<ObjectId>,
    pub(crate) request: Option<u64>,
    pub(crate) results: Vec<Stored>,
    pub(crate) items: Vec<Ref>,
    /// When its computing ends.
    pub(crate) works_until: Option<Timestamp>,
}

/// How far a fiber is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Begin,
    At(usize),
    Results,
}

/// What a slot holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Var {
    /// A ref; what is read of it counts unless it is `quiet`.
    Object {
        reference: Ref,
        quiet: bool,
    },
    /// An actor, and the handle that keeps it alive.
    Actor {
        actor: ActorId,
        handle: Option<Ref>,
        quiet: bool,
    },
    Stream(TaskId),
    Group(GroupId),
}

/// What a fiber waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    Nothing,
    Until(Timestamp),
    Content(ObjectId),
    Available(ObjectId),
    Stream(TaskId),
    Answer(u64),
    Allocation(ObjectId),
    Consumed { task: TaskId, more_than: u32 },
}

/// What follows a step of a fiber.
#[derive(Debug)]
pub(crate) enum Flow {
    Next,
    Wait(Wait),
    End(Outcome),
}

impl Fiber {
    /// A driver's main program.
    pub(crate) fn root(script: usize, driver: usize, job: JobId) -> Self {
        let path = mix(driver as u64, 1);
        Self::new(script, path, job, driver, None)
    }

    /// A task.
    pub(crate) fn of(execution: Execution, handles: &mut Handles) -> Self {
        let Arguments { script, path, tainted, .. } = Arguments::decode(&execution.arguments);
        let mut execution = Box::new(execution);
        let contents = execution.dependencies.drain(..).map(|(object, content)| match content {
            Loaded::Inline(payload) => Data::Bytes(payload),
            Loaded::Failed(failure) => Data::Failed(failure),
            Loaded::Mapped { offset, .. } => Data::Mapped(handles.map(object, offset)),
        });
        let reads = contents.collect();
        let job = execution.task.job();
        Self { tainted, reads, ..Self::new(script, path, job, 0, Some(execution)) }
    }

    fn new(
        script: usize,
        path: u64,
        job: JobId,
        driver: usize,
        task: Option<Box<Execution>>,
    ) -> Self {
        Self {
            script,
            path,
            job,
            stage: Stage::Begin,
            running: path,
            tainted: false,
            vars: BTreeMap::new(),
            found: VecDeque::new(),
            reads: Vec::new(),
            wait: Wait::Nothing,
            waits: 0,
            broken: None,
            came: None,
            blocked: None,
            interrupted: None,
            deaf: false,
            task,
            driver,
            began: None,
            pending: None,
            request: None,
            results: Vec::new(),
            items: Vec::new(),
            works_until: None,
        }
    }

    pub(crate) fn runs(&self, task: TaskId) -> bool {
        self.task.as_ref().is_some_and(|execution| execution.task == task)
    }

    pub(crate) fn returns(&self) -> Returns {
        self.task.as_ref().map_or(Returns::Count(1), |task| task.template.returns)
    }

    pub(crate) fn describe(&self) -> String {
        let task = self.task.as_ref().map(|execution| execution.task);
        format!("script {} ({task:?}, {:?}, {:?})", self.script, self.stage, self.wait)
    }
}

impl Process {
    pub(crate) fn fiber(&mut self, fiber: u64) -> &mut Fiber {
        self.fibers.get_mut(&fiber).expect("a fiber is there until it ends")
    }

    /// Lets a fiber go on until it waits or ends.
    pub(crate) fn advance(&mut self, out: &mut Outside, number: u64) {
        if let Some(task) = self.fiber(number).blocked.take() {
            self.step(out, Event::Unblocked(task));
        }
        let fiber = self.fiber(number);
        fiber.waits = 0;
        if fiber.interrupted.is_some() && !fiber.deaf {
            self.abort(out, number);
            return;
        }
        fiber.wait = Wait::Nothing;
        if let Some(failure) = fiber.broken.take() {
            out.observed.on_failure(&failure, false);
            self.finish(out, number, Outcome::Failed { failure, retriable: false });
            return;
        }
        loop {
            if self.exited {
                return;
            }
            match self.go_on(out, number) {
                Flow::Next => {}
                Flow::Wait(wait) => return self.wait(out, number, wait),
                Flow::End(outcome) => return self.finish(out, number, outcome),
            }
        }
    }

    fn go_on(&mut self, out: &mut Outside, number: u64) -> Flow {
        let program = Arc::clone(&out.program);
        let fiber = self.fiber(number);
        let script = &program.scripts[fiber.script];
        match fiber.stage {
            Stage::Begin => self.begin_task(out, number),
            Stage::At(position) => match script.ops.get(position) {
                None => {
                    fiber.stage = Stage::Results;
                    Flow::Next
                }
                Some(op) => {
                    let flow = self.operate(out, number, op);
                    if matches!(flow, Flow::Next) {
                        self.fiber(number).stage = Stage::At(position + 1);
                    }
                    flow
                }
            },
            Stage::Results => self.make_results(out, number, &script.results),
        }
    }

    /// A thread takes the task, finds its function, reads its arguments.
    fn begin_task(&mut self, out: &mut Outside, number: u64) -> Flow {
        let now = out.now;
        let fiber = self.fiber(number);
        if fiber.began.is_none() {
            fiber.began = Some(now);
            let until = now + Duration::from_nanos(1000 + out.rng.below(20_000));
            out.at(until, Happening::Wake(self.me));
            return Flow::Wait(Wait::Until(until));
        }
        let (script, job, request) = (fiber.script, fiber.job, fiber.request.take());
        fiber.deaf = out.program.scripts[script].ignores_interrupts;
        let function = function_of(script);
        if let Some(Answer::Failed(failure)) =
            request.and_then(|request| self.answers.remove(&request))
        {
            return Flow::End(Outcome::Failed { failure, retriable: false });
        }
        if request.is_some() {
            self.functions.insert(function);
        }
        if self.fiber(number).task.is_some() && !self.functions.contains(&function) {
            let request = self.ask(out, Question::Function(job, function));
            self.fiber(number).request = Some(request);
            return Flow::Wait(Wait::Answer(request));
        }
        self.read_arguments(out, number);
        self.fiber(number).stage = Stage::At(0);
        Flow::Next
    }

    fn read_arguments(&mut self, out: &mut Outside, number: u64) {
        let fiber = self.fiber(number);
        let Some(execution) = &fiber.task else { return };
        let (task, arguments) = (execution.task, Arguments::decode(&execution.arguments));
        let reads = fiber.reads.clone();
        let inputs = out.program.scripts[fiber.script].inputs.clone();
        for (place, reference) in arguments.placed() {
            let Some(slot) = inputs.get(place).copied() else { continue };
            self.hold(out, reference, Source::Task(task));
            let var = match actor_of(reference.object) {
                Some(actor) => Var::Actor { actor, handle: Some(reference), quiet: false },
                None => Var::Object { reference, quiet: false },
            };
            self.fiber(number).vars.insert(slot, var);
        }
        let early = matches!(out.flaw, Flaw::RepliesEarly);
        let source = if early { Source::Outside } else { Source::Task(task) };
        for data in reads {
            self.read(out, number, &data, source, false);
        }
    }

    /// The fiber reads a content: a number, and refs that it holds from now on.
    fn read(&mut self, out: &mut Outside, number: u64, data: &Data, source: Source, quiet: bool) {
        let content = self.handles.content(data, &out.memory);
        let fiber = self.fiber(number);
        match content {
            Ok(Content { number: read, tainted, refs }) => {
                if !quiet {
                    fiber.running = got_number(fiber.running, read, false);
                    fiber.tainted |= tainted;
                }
                for reference in refs {
                    self.hold(out, reference, source);
                    self.fiber(number).found.push_back(reference);
                }
            }
            Err(failure) => {
                let (read, tainted) = Content::of_failure(&failure);
                if !quiet {
                    fiber.running = got_number(fiber.running, read, true);
                    fiber.tainted |= tainted;
                }
                out.observed.on_failure(&failure, quiet);
            }
        }
    }

    /// Reads an object, waiting for its content first.
    pub(crate) fn get(
        &mut self,
        out: &mut Outside,
        number: u64,
        reference: Ref,
        quiet: bool,
    ) -> Flow {
        let object = reference.object;
        let came = self.fiber(number).came.take();
        let data = match came {
            Some(data) => data,
            None => match self.handles.data(object) {
                Some(data) => {
                    if let Data::Mapped(mapping) = data {
                        self.handles.read(mapping);
                    }
                    data
                }
                None => {
                    self.fiber(number).wait = Wait::Content(object);
                    if let Some(reference) = self.handles.ask(object, Asked::Content) {
                        self.step(out, Event::Want { refs: vec![reference], load: true });
                    }
                    return Flow::Wait(Wait::Content(object));
                }
            },
        };
        self.read(out, number, &data, Source::Value(object), quiet);
        // Some keep the arrays they read, some do not.
        if out.rng.chance(1, 2) {
            self.fiber(number).reads.push(data);
        } else {
            self.let_go(out, &data);
        }
        Flow::Next
    }

    /// Gets the next ref that was found in a value; handles of actors are left alone.
    pub(crate) fn get_found(&mut self, out: &mut Outside, number: u64) -> Flow {
        let Some(reference) = self.fiber(number).found.front().copied() else { return Flow::Next };
        if actor_of(reference.object).is_none() {
            let flow = self.get(out, number, reference, false);
            if !matches!(flow, Flow::Next) {
                return flow;
            }
        }
        self.fiber(number).found.pop_front();
        self.drop_handle(out, reference.object);
        Flow::Next
    }

    /// Gives the next ref that was found a slot.
    pub(crate) fn bind(&mut self, out: &mut Outside, number: u64, slot: Slot) {
        let Some(reference) = self.fiber(number).found.pop_front() else { return };
        if actor_of(reference.object).is_some() {
            self.drop_handle(out, reference.object);
        } else {
            // After a failure it may be another one than without.
            let quiet = self.fiber(number).tainted;
            self.fiber(number).vars.insert(slot, Var::Object { reference, quiet });
        }
    }

    fn wait(&mut self, out: &mut Outside, number: u64, wait: Wait) {
        let fiber = self.fiber(number);
        fiber.wait = wait;
        let lends = match wait {
            Wait::Content(_) | Wait::Available(_) | Wait::Stream(_) | Wait::Consumed { .. } => true,
            Wait::Nothing | Wait::Until(_) | Wait::Answer(_) | Wait::Allocation(_) => false,
        };
        let Some(execution) = fiber.task.as_deref().filter(|_| lends) else { return };
        let (task, plain) = (execution.task, execution.template.callee == Callee::Function);
        if self.can_go_on(out.now, number) {
            return;
        }
        if plain {
            self.fiber(number).blocked = Some(task);
            self.step(out, Event::Blocked(task));
        }
        self.counts.waits += 1;
        let (worker, wait) = (self.me, self.counts.waits);
        self.fiber(number).waits = wait;
        let lasts = Happening::Lasts { worker, fiber: number, wait, since: out.now };
        out.within(LONG_WAIT_US, lasts);
    }

    /// A wait that began so long ago may last: the role is told, later and later.
    pub(crate) fn lasts(&mut self, out: &mut Outside, number: u64, wait: u64, since: Timestamp) {
        let Some(fiber) = self.fibers.get(&number).filter(|fiber| fiber.waits == wait) else {
            return;
        };
        let Some(task) = fiber.task.as_deref().map(|execution| execution.task) else { return };
        let reference = match fiber.wait {
            Wait::Content(object) | Wait::Available(object) => self.handles.reference(object),
            Wait::Stream(task) => Some(Ref { object: task.output(1), owner: self.me }),
            Wait::Nothing
            | Wait::Until(_)
            | Wait::Answer(_)
            | Wait::Allocation(_)
            | Wait::Consumed { .. } => None,
        };
        let Some(reference) = reference else { return };
        self.fiber(number).blocked = Some(task);
        let next = out.now + out.now.since(since);
        out.at(next, Happening::Lasts { worker: self.me, fiber: number, wait, since });
        self.happen(out, Event::Stuck { task, wait, refs: vec![reference] });
    }

    /// The interrupt raises in the user's code.
    fn abort(&mut self, out: &mut Outside, number: u64) {
        if let Some(object) = self.fiber(number).pending.take() {
            match self.allocations.remove(&object) {
                Some(Ok(_)) => self.step(out, Event::TellNode(ToNode::Discard(object))),
                Some(Err(_)) => {}
                None => self.unwanted.entry(object).or_default().count += 1,
            }
        }
        let failure = Failure::Raised { error: Payload::EMPTY, text: "interrupted".to_owned() };
        self.finish(out, number, Outcome::Failed { failure: Arc::new(failure), retriable: false });
    }

    /// The user's code raises an exception of its own.
    pub(crate) fn raise(&mut self, number: u64, attempts: u32) -> Flow {
        let fiber = self.fiber(number);
        let Some(execution) = &fiber.task else { return Flow::Next };
        if execution.attempt >= attempts {
            return Flow::Next;
        }
        let content = Content { number: mix(fiber.path, 7), tainted: false, refs: Vec::new() };
        let failure = Failure::Raised { error: content.encode(), text: "raised".to_owned() };
        let retriable = execution.template.retries.exceptions == Retry::Always;
        Flow::End(Outcome::Failed { failure: Arc::new(failure), retriable })
    }

    fn finish(&mut self, out: &mut Outside, number: u64, outcome: Outcome) {
        let Some(fiber) = self.fibers.remove(&number) else { return };
        match &fiber.task {
            Some(execution) => {
                let ran = out.now.since(fiber.began.unwrap_or(out.now));
                self.step(out, Event::Finished { task: execution.task, outcome, ran });
            }
            None => {
                let number = result_name(fiber.running, 0);
                out.observed.on_root_ended(fiber.driver, fiber.path, number, fiber.tainted);
            }
        }
        for (_, var) in fiber.vars {
            self.drop_var(out, var);
        }
        let me = self.me;
        let own = fiber.items.iter().filter(|item| item.owner == me && item.object.index == 0);
        for reference in fiber.found.iter().chain(own) {
            self.drop_handle(out, reference.object);
        }
        for data in fiber.reads.iter().chain(&fiber.came) {
            self.let_go(out, data);
        }
    }

    pub(crate) fn drop_var(&mut self, out: &mut Outside, var: Var) {
        match var {
            Var::Object { reference, .. } => self.drop_handle(out, reference.object),
            Var::Actor { handle, .. } => {
                handle.into_iter().for_each(|handle| self.drop_handle(out, handle.object));
            }
            Var::Stream(task) => {
                self.step(out, Event::Abandoned(task));
                self.drop_handle(out, task.output(1));
            }
            Var::Group(_) => {}
        }
    }
}
