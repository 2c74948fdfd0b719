//! Objects as user threads make, hold, read and await them.
//!
//! Owns: what each of these calls does under the lock. Does not own: how a thread waits (`waiting`), or the memory of
//! large objects (`ranges`).

use roles::worker::{Event, Next, ObjectFacts, Source};
use types::{ActorSpec, GroupId, JobId, ObjectId, Payload, Ref, Returns, Stored, TaskId, TaskSpec};

use super::guarded::Core;
use super::handles::{Handle, Survey};
use super::pins::Data;
use super::waits::Topic;
use super::{Engine, EngineError, Outcomes, Patience};

impl Engine {
    /// Submits a task, or a call if its template is a method. One handle for each return; for a stream one, of the
    /// whole (index 1); for a dynamic one, one.
    pub fn submit(&self, spec: TaskSpec) -> Outcomes<Vec<Handle>> {
        let count = match spec.template.returns {
            Returns::Count(count) => count,
            Returns::Stream | Returns::Dynamic => 1,
        };
        let mut locked = self.enter()?;
        let handles = (1..=count).map(|index| locked.own_handle(spec.id.output(index))).collect();
        locked.step(Event::Submit(spec));
        Ok(handles)
    }

    /// Stores a value under the name of an object that is new.
    pub fn put(&self, object: ObjectId, stored: Stored) -> Outcomes<Handle> {
        self.make(object, Event::Put(object, stored))
    }

    /// Asks for an actor to be made. The handle keeps it alive. The answer comes under the number that is returned, if
    /// the actor has a name: that may be taken.
    pub fn create_actor(
        &self,
        spec: Box<ActorSpec>,
        get_if_exists: bool,
    ) -> Outcomes<(u64, Handle)> {
        let request = self.new_number();
        let mut locked = self.enter()?;
        if spec.name.is_some() {
            locked.answers.insert(request, None);
        }
        let handle = locked.own_handle(spec.id.handle());
        locked.step(Event::CreateActor { request, spec, get_if_exists });
        Ok((request, handle))
    }

    /// An object of `job` that holds `value` once the group is there.
    pub fn group_ready(&self, job: JobId, group: GroupId, value: Payload) -> Outcomes<Handle> {
        let object = ObjectId { task: self.new_task(job), index: 0 };
        self.make(object, Event::AwaitGroup { group, object, value })
    }

    /// A handle to a ref that came from `source`.
    pub fn hold(&self, reference: Ref, source: Source) -> Outcomes<Handle> {
        let mut locked = self.enter()?;
        let (handle, first) = locked.handles.intern(reference);
        if first {
            locked.step(Event::Hold(reference, source));
        }
        Ok(handle)
    }

    /// The contents of all, in the order of the handles. With all of them ready, no lock is taken.
    ///
    /// # Errors
    /// `Failed` as soon as one of them is known to have failed; `TimedOut` at the deadline.
    pub fn get(&self, handles: &[&Handle], patience: Patience<'_>) -> Outcomes<Vec<Data>> {
        if let Some(contents) = contents(handles) {
            return contents;
        }
        let topic = Topic::Objects { load: true };
        let check = &mut |_: &mut Core, enough| if enough { contents(handles) } else { None };
        let got = self.await_objects(topic, handles, handles.len(), patience, check)?;
        got.unwrap_or(Err(EngineError::TimedOut))
    }

    /// Looks through refs for `count` that are ready, without waiting and without any lock.
    #[must_use]
    pub fn survey(&self, count: usize) -> Survey {
        Survey::new(self.new_number(), count)
    }

    /// Waits until `count` of the handles have objects; each stands in the list once. The positions of the first that
    /// have, ascending: fewer at the deadline.
    pub fn wait(
        &self,
        handles: &[&Handle],
        count: usize,
        patience: Patience<'_>,
    ) -> Outcomes<Vec<u32>> {
        let topic = Topic::Objects { load: false };
        let check = &mut |_: &mut Core, enough: bool| enough.then_some(());
        self.await_objects(topic, handles, count, patience, check)?;
        Ok(available(handles, count))
    }

    /// Waits until one of the handles has an object, or one of the streams that these tasks yield its next item; false
    /// at the deadline.
    pub fn wait_any(
        &self,
        handles: &[&Handle],
        streams: Vec<TaskId>,
        patience: Patience<'_>,
    ) -> Outcomes<bool> {
        let topic = Topic::Any(streams.clone());
        let moved = |core: &Core, task| core.role.stream_next(task) != Next::NotYet;
        let check = &mut |core: &mut Core, _enough| {
            let there = handles.iter().any(|handle| handle.is_available())
                || streams.iter().any(|task| moved(core, *task));
            there.then_some(())
        };
        Ok(self.await_objects(topic, handles, 1, patience, check)?.is_some())
    }

    /// The next item of a stream, which is taken; `None` at its end. The ref of the whole says whether the task failed.
    ///
    /// # Errors
    /// `TimedOut` if nothing is known of it before the deadline.
    pub fn next_item(&self, task: TaskId, patience: Patience<'_>) -> Outcomes<Option<Handle>> {
        let item = self.await_topic(Topic::Stream(task), patience, &mut |core| {
            let next = core.role.stream_next(task);
            match next {
                Next::Item(object) => Some(Some(core.take_item(object))),
                Next::End => Some(None),
                Next::NotYet => None,
            }
        })?;
        item.ok_or(EngineError::TimedOut)
    }

    /// What is known here of an object.
    pub fn object_facts(&self, object: ObjectId) -> Outcomes<ObjectFacts> {
        Ok(self.enter()?.role.object_facts(object))
    }

    /// Waits until `check` answers, which is told whether `count` of the objects are there.
    fn await_objects<T>(
        &self,
        topic: Topic,
        handles: &[&Handle],
        count: usize,
        patience: Patience<'_>,
        check: &mut dyn FnMut(&mut Core, bool) -> Option<T>,
    ) -> Outcomes<Option<T>> {
        let load = topic == Topic::Objects { load: true };
        let mut locked = self.enter()?;
        let wait = self.begin_wait(&mut locked, topic);
        locked.ask_for(wait, handles, count, load);
        let mut check = |core: &mut Core| {
            let enough = core.waits.has_enough(wait);
            check(core, enough)
        };
        if let Some(answer) = check(&mut locked) {
            self.end_wait(&mut locked, wait);
            return Ok(Some(answer));
        }
        self.sleep(locked, wait, patience, handles, &mut check)
    }

    /// Makes a handle to the object that `event` makes, and hands the event to the role.
    fn make(&self, object: ObjectId, event: Event) -> Outcomes<Handle> {
        let mut locked = self.enter()?;
        let handle = locked.own_handle(object);
        locked.step(event);
        Ok(handle)
    }
}

impl Core {
    /// A handle to an object of this process.
    fn own_handle(&mut self, object: ObjectId) -> Handle {
        self.handles.intern(Ref { object, owner: self.identity.worker }).0
    }

    /// A handle to the next item of a stream, which is taken.
    fn take_item(&mut self, object: ObjectId) -> Handle {
        let handle = self.own_handle(object);
        self.step(Event::Took(object.task));
        // The item came before its handle: ask for what was told then.
        handle.ask(false);
        self.step(Event::Want { refs: vec![handle.reference()], load: false });
        handle
    }

    /// Asks for objects, or for their contents, until there are `count` of them.
    fn ask_for(&mut self, wait: u64, handles: &[&Handle], count: usize, load: bool) {
        let (mut refs, mut ready, mut count) = (Vec::new(), 0, count);
        for handle in handles {
            let data = if load { handle.data() } else { None };
            if matches!(data, Some(Data::Failed(_))) {
                count = 0;
            }
            if data.is_some() || (!load && handle.is_available()) {
                self.waits.keep(wait, data);
                ready += 1;
                continue;
            }
            self.waits.await_object(wait, handle);
            if handle.ask(load) {
                refs.push(handle.reference());
            }
        }
        self.waits.need(wait, count.saturating_sub(ready));
        if !refs.is_empty() {
            self.step(Event::Want { refs, load });
        }
    }
}

/// The contents of all, or the first failure; `None` if one is not here.
fn contents(handles: &[&Handle]) -> Option<Outcomes<Vec<Data>>> {
    let (mut contents, mut whole) = (Vec::with_capacity(handles.len()), true);
    for handle in handles {
        match handle.data() {
            Some(Data::Failed(failure)) => return Some(Err(EngineError::Failed(failure))),
            Some(data) => contents.push(data),
            None => whole = false,
        }
    }
    whole.then_some(Ok(contents))
}

/// The positions of the first `count` that are available.
fn available(handles: &[&Handle], count: usize) -> Vec<u32> {
    let ready = (0..).zip(handles).filter(|(_, handle)| handle.is_available());
    ready.map(|(position, _)| position).take(count).collect()
}
