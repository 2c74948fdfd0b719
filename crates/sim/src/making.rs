//! What the operations of a script make: values, calls, actors, groups.
//!
//! Owns: the match for operations. Does not own: how a fiber waits (`fiber`).

use std::sync::Arc;
use std::time::Duration;

use roles::worker::{Event, Next};
use types::{
    Amount, Callee, FunctionId, ObjectId, Payload, Ref, Resources, Retries, Retry, Returns, Shape,
    Stored, Strategy, Subject, TaskId, TaskSpec, Template, TemplateId, Value, WorkerId,
};
use wire::to_worker::{CancelReach, Outcome};
use wire::{Question, ToHead, ToNode};

use crate::content::{Arguments, Content};
use crate::fiber::{Flow, Stage, Var, Wait};
use crate::handles::Asked;
use crate::outside::{Happening, Outside};
use crate::process::Process;
use crate::script::{Kind, Made, Op, Slot, Submit, called_path, made_number, result_name};

/// The function that a script stands for.
pub(crate) fn function_of(script: usize) -> FunctionId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&(script as u64 + 1).to_le_bytes());
    FunctionId::from_bytes(bytes)
}

pub(crate) fn cpus(units: u64) -> Resources {
    [("CPU", Amount::from_units(units))].into_iter().collect()
}

impl Process {
    /// Does one operation of a script, or says what it waits for.
    pub(crate) fn operate(&mut self, out: &mut Outside, number: u64, op: &Op) -> Flow {
        match op {
            Op::Work(us) => return self.work(out, number, *us),
            Op::Put(slot, made) => return self.put(out, number, *slot, made),
            Op::Submit(submit) => self.submit(out, number, submit),
            Op::Get(slot) => {
                if let Some(Var::Object { reference, quiet }) = self.var(number, *slot) {
                    return self.get(out, number, reference, quiet);
                }
            }
            Op::GetFound => return self.get_found(out, number),
            Op::Bind(slot) => self.bind(out, number, *slot),
            Op::GetKept => {
                if let Some(reference) = self.kept.last().copied() {
                    return self.get(out, number, reference, true);
                }
            }
            Op::Wait(slot) => {
                if let Some(Var::Object { reference, .. }) = self.var(number, *slot) {
                    return self.await_available(out, reference.object);
                }
            }
            Op::Drop(slot) => {
                if let Some(var) = self.fiber(number).vars.remove(slot) {
                    self.drop_var(out, var);
                }
            }
            Op::Yield(made) => return self.yield_item(out, number, made),
            Op::Take(slot) => return self.take(out, number, *slot),
            Op::NewActor(actor) => return self.new_actor(out, number, actor),
            Op::FindActor { name, slot } => return self.find_actor(out, number, name, *slot),
            Op::Kill { actor, for_good } => {
                if let Some(Var::Actor { actor, .. }) = self.var(number, *actor) {
                    self.step(out, Event::KillActor { actor, for_good: *for_good });
                }
            }
            Op::Cancel { target, force, recursive } => {
                if let Some(Var::Object { reference, .. }) = self.var(number, *target) {
                    let force = *force && reference.object.task.actor().is_none();
                    out.observed.on_cancel(force);
                    let reach = CancelReach { force, recursive: *recursive };
                    self.step(out, Event::Cancel { target: reference, reach });
                }
            }
            Op::NewGroup { slot, bundles } => self.new_group(out, number, *slot, bundles),
            Op::AwaitGroup { group, slot } => self.await_group(out, number, *group, *slot),
            Op::RemoveGroup(slot) => {
                if let Some(Var::Group(group)) = self.var(number, *slot) {
                    // The node ends the processes that work in it.
                    out.observed.on_force();
                    self.step(out, Event::Tell(ToHead::RemoveGroup(group)));
                }
            }
            Op::Keep(slot) => {
                if let Some(Var::Object { reference, .. }) = self.fiber(number).vars.remove(slot) {
                    self.kept.push(reference);
                }
            }
            Op::Raise { attempts } => return self.raise(number, *attempts),
            Op::Leave => self.step(out, Event::Leave),
            Op::Survey(subject) => return self.survey(out, number, *subject),
        }
        Flow::Next
    }

    fn survey(&mut self, out: &mut Outside, number: u64, subject: Subject) -> Flow {
        if let Some(request) = self.fiber(number).request.take() {
            self.answers.remove(&request);
            return Flow::Next;
        }
        let request = self.ask(out, Question::Survey(subject));
        self.fiber(number).request = Some(request);
        Flow::Wait(Wait::Answer(request))
    }

    /// Makes what a task returns, one after the other.
    pub(crate) fn make_results(
        &mut self,
        out: &mut Outside,
        number: u64,
        results: &[Made],
    ) -> Flow {
        let fiber = self.fiber(number);
        let Some(execution) = &fiber.task else {
            return Flow::End(Outcome::Streamed(0));
        };
        let (task, owner) = (execution.task, execution.owner);
        match fiber.returns() {
            Returns::Stream => return Flow::End(Outcome::Streamed(fiber.items.len() as u32)),
            Returns::Dynamic => {
                let refs = fiber.items.clone();
                let content = Content { number: 0, tainted: fiber.tainted, refs: refs.clone() };
                let value = Value::Inline(content.encode());
                return Flow::End(Outcome::Returned(vec![Stored { value, contains: refs.into() }]));
            }
            Returns::Count(_) => {}
        }
        let index = fiber.results.len();
        let Some(made) = results.get(index) else {
            return Flow::End(Outcome::Returned(std::mem::take(&mut fiber.results)));
        };
        let value_number = result_name(fiber.running, index);
        let (path, tainted) = (fiber.path, fiber.tainted);
        let object = task.output(index as u32 + 1);
        match self.make(out, number, (object, owner), made, value_number) {
            Err(flow) => flow,
            Ok(stored) => {
                out.observed.on_result(path, index, value_number, tainted);
                self.fiber(number).results.push(stored);
                Flow::Next
            }
        }
    }

    /// Makes a value; a large one is written into shared memory first.
    fn make(
        &mut self,
        out: &mut Outside,
        number: u64,
        (object, owner): (ObjectId, WorkerId),
        made: &Made,
        value_number: u64,
    ) -> Result<Stored, Flow> {
        let (refs, _) = self.refs_in(number, &made.contains);
        let fiber = self.fiber(number);
        let content = Content { number: value_number, tainted: fiber.tainted, refs: refs.clone() };
        let contains = refs.into();
        if made.size == 0 {
            return Ok(Stored { value: Value::Inline(content.encode()), contains });
        }
        if fiber.pending.is_none() {
            fiber.pending = Some(object);
            fiber.wait = Wait::Allocation(object);
            if let Some(unwanted) = self.unwanted.get_mut(&object) {
                unwanted.superseded = unwanted.count;
            }
            self.step(out, Event::TellNode(ToNode::Create { object, owner, size: made.size }));
            return Err(Flow::Wait(Wait::Allocation(object)));
        }
        let Some(range) = self.allocations.remove(&object) else {
            return Err(Flow::Wait(Wait::Allocation(object)));
        };
        let fiber = self.fiber(number);
        fiber.pending = None;
        match range {
            Ok(offset) => {
                out.memory.write(object, offset, made.size, content.encode());
                self.step(out, Event::TellNode(ToNode::Seal(object)));
                Ok(Stored {
                    value: Value::Shared { node: self.me.node, size: made.size },
                    contains,
                })
            }
            Err(failure) => {
                out.observed.on_failure(&failure, false);
                fiber.tainted = true;
                Err(Flow::End(Outcome::Failed { failure, retriable: false }))
            }
        }
    }

    fn work(&mut self, out: &mut Outside, number: u64, us: u64) -> Flow {
        let fiber = self.fiber(number);
        match fiber.works_until {
            Some(until) if until <= out.now => {
                fiber.works_until = None;
                Flow::Next
            }
            Some(until) => Flow::Wait(Wait::Until(until)),
            None => {
                let until = out.now + Duration::from_micros(us);
                fiber.works_until = Some(until);
                out.at(until, Happening::Wake(self.me));
                Flow::Wait(Wait::Until(until))
            }
        }
    }

    fn put(&mut self, out: &mut Outside, number: u64, slot: Slot, made: &Made) -> Flow {
        let object = match self.fiber(number).pending {
            Some(object) => object,
            None => ObjectId { task: self.new_task(number), index: 0 },
        };
        let value_number = made_number(self.fiber(number).path, u64::from(slot));
        match self.make(out, number, (object, self.me), made, value_number) {
            Ok(stored) => {
                let reference = Ref { object, owner: self.me };
                self.handles.hold(reference);
                self.step(out, Event::Put(object, stored));
                self.fiber(number).vars.insert(slot, Var::Object { reference, quiet: false });
                Flow::Next
            }
            // A driver goes on without the value.
            Err(Flow::End(_)) if self.fiber(number).task.is_none() => Flow::Next,
            Err(flow) => flow,
        }
    }

    fn await_available(&mut self, out: &mut Outside, object: ObjectId) -> Flow {
        if self.handles.is_available(object) {
            return Flow::Next;
        }
        if let Some(reference) = self.handles.ask(object, Asked::Available) {
            self.step(out, Event::Want { refs: vec![reference], load: false });
        }
        Flow::Wait(Wait::Available(object))
    }

    fn submit(&mut self, out: &mut Outside, number: u64, submit: &Submit) {
        let called = (submit.script, submit.slot);
        let (arguments, dependencies) =
            self.arguments(number, called, &submit.dependencies, &submit.nested);
        let (id, quiet) = match submit.actor.map(|slot| self.var(number, slot)) {
            None => (self.new_task(number), false),
            Some(Some(Var::Actor { actor, quiet, .. })) => {
                self.counts.tasks += 1;
                (TaskId::call(actor, self.me, self.counts.tasks), quiet)
            }
            Some(_) => return,
        };
        let template = self.template(out, number, submit);
        let returns = template.returns;
        let spec = TaskSpec {
            id,
            template,
            arguments: arguments.encode(),
            dependencies: dependencies.into(),
            nested: arguments.nested.into(),
            parent: self.parent(number),
        };
        let count = if let Returns::Count(count) = returns { count } else { 1 };
        for index in 0..count {
            let reference = Ref { object: id.output(index + 1), owner: self.me };
            self.handles.hold(reference);
            let var = match returns {
                Returns::Stream => Var::Stream(id),
                Returns::Count(_) | Returns::Dynamic => Var::Object { reference, quiet },
            };
            self.fiber(number).vars.insert(submit.slot + index, var);
        }
        out.observed.on_submit(self.me, &spec);
        self.step(out, Event::Submit(spec));
    }

    fn template(&mut self, out: &mut Outside, number: u64, submit: &Submit) -> Arc<Template> {
        self.publish(out, number, submit.script);
        let fiber = self.fiber(number);
        let key = (fiber.script, submit.template);
        let group = submit.group.and_then(|slot| fiber.vars.get(&slot)).copied();
        let strategy = match group {
            Some(Var::Group(group)) => Strategy::Group { group, bundle: None },
            Some(_) | None => Strategy::Pack,
        };
        if let (Some(template), true) = (self.templates.get(&key), strategy == Strategy::Pack) {
            return Arc::clone(template);
        }
        let callee = match submit.actor {
            None => Callee::Function,
            Some(_) => Callee::Method {
                name: "call".to_owned(),
                group: String::new(),
                ordered: submit.ordered,
            },
        };
        let environment = match submit.environment {
            0 => String::new(),
            number => format!("{{\"env\":{number}}}"),
        };
        let resources =
            if submit.actor.is_some() { Resources::default() } else { cpus(submit.cpu) };
        let exceptions = if submit.retries_exceptions { Retry::Always } else { Retry::Never };
        let returns = match submit.kind {
            Kind::Values => Returns::Count(out.program.scripts[submit.script].results.len() as u32),
            Kind::Stream => Returns::Stream,
            Kind::Dynamic => Returns::Dynamic,
        };
        self.counts.templates += 1;
        let template = Arc::new(Template {
            id: TemplateId(self.counts.templates),
            function: function_of(submit.script),
            name: format!("script {}", submit.script),
            callee,
            shape: Arc::new(Shape { resources, environment, strategy }),
            returns,
            retries: Retries { max: Some(submit.retries), exceptions },
            timeout: submit.timeout_us.map(Duration::from_micros),
            calls_max: submit.calls_max,
            look_ahead: submit.look_ahead,
        });
        self.templates.insert(key, Arc::clone(&template));
        template
    }

    /// Whoever calls a function first tells the head what it is.
    pub(crate) fn publish(&mut self, out: &mut Outside, number: u64, script: usize) {
        let function = function_of(script);
        if self.functions.insert(function) {
            let job = self.job_of(number);
            let pickle = Payload::from(&b"code"[..]);
            self.step(out, Event::Tell(ToHead::PutFunction { job, function, pickle }));
        }
    }

    fn yield_item(&mut self, out: &mut Outside, number: u64, made: &Made) -> Flow {
        let fiber = self.fiber(number);
        let Some(execution) = &fiber.task else { return Flow::Next };
        let execution_returns = execution.template.returns;
        let (task, owner, index) = (execution.task, execution.owner, fiber.items.len() as u32);
        if let Some(look_ahead) = execution.template.look_ahead.filter(|_| index > 0)
            && fiber.pending.is_none()
        {
            let consumed = self.consumed.get(&task).copied().unwrap_or(0);
            if index >= consumed.saturating_add(look_ahead.max(1)) {
                let more_than = index - look_ahead.max(1);
                return Flow::Wait(Wait::Consumed { task, more_than });
            }
        }
        let fiber = self.fiber(number);
        let Stage::At(position) = fiber.stage else { return Flow::Next };
        let dynamic = execution_returns == Returns::Dynamic;
        let (object, owner) = match self.fiber(number).pending {
            Some(object) if dynamic => (object, self.me),
            None if dynamic => (ObjectId { task: self.new_task(number), index: 0 }, self.me),
            Some(_) | None => (task.output(index + 2), owner),
        };
        let fiber = self.fiber(number);
        let value_number = made_number(fiber.path, position as u64);
        match self.make(out, number, (object, owner), made, value_number) {
            Err(flow) => flow,
            Ok(item) => {
                self.fiber(number).items.push(Ref { object, owner });
                if dynamic {
                    self.handles.hold(Ref { object, owner });
                    self.step(out, Event::Put(object, item));
                } else {
                    self.step(out, Event::Yielded { task, index, item });
                }
                Flow::Next
            }
        }
    }

    /// Takes the next item of a stream, and gets it.
    fn take(&mut self, out: &mut Outside, number: u64, slot: Slot) -> Flow {
        /// Where the item lies while it is read.
        const ITEM: Slot = Slot::MAX;
        if let Some(Var::Object { reference, quiet }) = self.var(number, ITEM) {
            let flow = self.get(out, number, reference, quiet);
            if matches!(flow, Flow::Next)
                && let Some(var) = self.fiber(number).vars.remove(&ITEM)
            {
                self.drop_var(out, var);
            }
            return flow;
        }
        let Some(Var::Stream(task)) = self.var(number, slot) else { return Flow::Next };
        match self.role.stream_next(task) {
            Next::NotYet => Flow::Wait(Wait::Stream(task)),
            Next::End => Flow::Next,
            Next::Item(object) => {
                let reference = Ref { object, owner: self.me };
                self.handles.hold(reference);
                self.step(out, Event::Took(task));
                self.handles.ask(object, Asked::Available);
                self.step(out, Event::Want { refs: vec![reference], load: false });
                self.fiber(number).vars.insert(ITEM, Var::Object { reference, quiet: false });
                self.take(out, number, slot)
            }
        }
    }

    pub(crate) fn var(&mut self, number: u64, slot: Slot) -> Option<Var> {
        self.fiber(number).vars.get(&slot).copied()
    }

    /// The refs in these slots, and a bit for each that is there.
    fn refs_in(&mut self, number: u64, slots: &[Slot]) -> (Vec<Ref>, u64) {
        let (mut refs, mut there) = (Vec::new(), 0);
        for (place, slot) in slots.iter().enumerate() {
            let reference = match self.var(number, *slot) {
                Some(Var::Object { reference, quiet: false }) => Some(reference),
                Some(Var::Actor { handle, .. }) => handle,
                Some(Var::Object { quiet: true, .. } | Var::Stream(_) | Var::Group(_)) | None => {
                    None
                }
            };
            there |= u64::from(reference.is_some()) << place;
            refs.extend(reference);
        }
        (refs, there)
    }

    /// The arguments of a call. Something may be missing because of a failure, if there was one.
    pub(crate) fn arguments(
        &mut self,
        number: u64,
        (script, slot): (usize, Slot),
        dependencies: &[Slot],
        nested: &[Slot],
    ) -> (Arguments, Vec<Ref>) {
        let (values, _) = self.refs_in(number, dependencies);
        let (refs, there) = self.refs_in(number, nested);
        let missing = values.len() + refs.len() < dependencies.len() + nested.len();
        let fiber = self.fiber(number);
        let tainted = missing && fiber.tainted;
        let path = called_path(fiber.path, slot);
        (Arguments { script, path, tainted, there, nested: refs }, values)
    }

    pub(crate) fn new_task(&mut self, number: u64) -> TaskId {
        self.counts.tasks += 1;
        TaskId::new(self.me, self.counts.tasks, self.job_of(number))
    }

    fn parent(&mut self, number: u64) -> TaskId {
        let job = self.job_of(number);
        let fiber = self.fiber(number);
        fiber.task.as_ref().map_or(TaskId::driver(job), |execution| execution.task)
    }
}
