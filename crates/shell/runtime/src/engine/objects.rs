//! Objects as user threads make, hold, read and await them.
//!
//! Owns: what each of these calls does under the lock. Does not own: how a thread waits (`waiting`).

use std::sync::Arc;

use roles::worker::{Event, Next, Source};
use types::{ObjectId, Ref, Stored, TaskId, Timestamp, WorkerId};

use super::encoding::Layout;
use super::handles::{Asked, Handle};
use super::pins::{Data, WritableRange};
use super::running::Running;
use super::shared::{Allocation, Core, Locked, Shared};
use super::waits::Topic;
use super::{Caller, EngineError, Got, Interrupted, Item, Outcomes, Waited};

/// What ends a wait for objects.
enum Ended<T> {
    Ready(T),
    Help(Box<Running>),
}

impl Shared {
    /// Makes handles to what `event` makes, and hands it to the role.
    pub(super) fn step_with_handles(
        &self,
        references: impl Iterator<Item = Ref>,
        event: Event,
    ) -> Outcomes<Vec<Handle>> {
        let mut locked = self.enter()?;
        let handles = references.map(|reference| locked.intern(reference).0).collect();
        locked.step(event);
        Ok(handles)
    }

    pub(super) fn put(&self, object: ObjectId, stored: Stored) -> Outcomes<Handle> {
        let mut locked = self.enter()?;
        let (handle, _) = locked.intern(Ref { object, owner: self.identity.worker });
        locked.step(Event::Put(object, stored));
        Ok(handle)
    }

    pub(super) fn hold(&self, reference: Ref, source: Source) -> Outcomes<Handle> {
        let mut locked = self.enter()?;
        let (handle, first) = locked.intern(reference);
        if first {
            locked.step(Event::Hold(reference, source));
        }
        Ok(handle)
    }

    pub(super) fn get(
        &self,
        handles: &[Handle],
        deadline: Option<Timestamp>,
        caller: Caller,
        interrupted: Interrupted<'_>,
    ) -> Outcomes<Got> {
        if let Some(contents) = contents(handles) {
            return Ok(Got::Ready(contents));
        }
        let mut locked = self.enter()?;
        let wait = self.begin_wait(&mut locked, objects(true, caller));
        locked.ask_contents(wait, handles);
        let mut check = |core: &mut Core| match core.waits.has_enough(wait) {
            true => contents(handles).map(Ended::Ready),
            false => core.help_for(caller),
        };
        let ended = self.await_objects(locked, wait, deadline, caller, interrupted, &mut check)?;
        Ok(match ended {
            Some(Ended::Ready(contents)) => Got::Ready(contents),
            Some(Ended::Help(running)) => Got::Help(running),
            None => Got::TimedOut,
        })
    }

    pub(super) fn wait(
        &self,
        handles: &[Handle],
        count: usize,
        deadline: Option<Timestamp>,
        caller: Caller,
        interrupted: Interrupted<'_>,
    ) -> Outcomes<Waited> {
        let round = self.new_number();
        let mut ready = 0;
        for handle in handles {
            if !handle.see(round) {
                return Err(EngineError::Repeated(handle.object()));
            }
            ready += usize::from(handle.is_available());
        }
        if ready >= count {
            return Ok(Waited::Ready(available(handles, count)));
        }
        let mut locked = self.enter()?;
        let wait = self.begin_wait(&mut locked, objects(false, caller));
        locked.ask_whether_available(wait, handles, count);
        let mut check = |core: &mut Core| match core.waits.has_enough(wait) {
            true => Some(Ended::Ready(())),
            false => core.help_for(caller),
        };
        let ended = self.await_objects(locked, wait, deadline, caller, interrupted, &mut check)?;
        Ok(match ended {
            Some(Ended::Ready(())) | None => Waited::Ready(available(handles, count)),
            Some(Ended::Help(running)) => Waited::Help(running),
        })
    }

    pub(super) fn next_item(
        &self,
        task: TaskId,
        index: u32,
        deadline: Option<Timestamp>,
        caller: Caller,
        interrupted: Interrupted<'_>,
    ) -> Outcomes<Item> {
        let owner = self.identity.worker;
        let mut check = |core: &mut Core| match core.role.stream_next(task) {
            Next::Item(object) => {
                let (handle, _) = core.intern(Ref { object, owner });
                core.step(Event::Took { task, index });
                // The item came before its handle: ask for what was told then.
                handle.ask(Asked::Available);
                core.step(Event::Want { refs: vec![handle.reference()], load: false });
                Some(Item::Next(handle))
            }
            Next::End => Some(Item::End),
            Next::NotYet => None,
        };
        let topic = Topic::Stream(task);
        let item = self.await_lending(topic, caller, deadline, interrupted, &mut check)?;
        Ok(item.unwrap_or(Item::TimedOut))
    }

    pub(super) fn fill(&self, range: &mut WritableRange, layout: &Layout<'_>) -> Outcomes<()> {
        let mut result = Ok(());
        layout.write_parts(|place, part| {
            if result.is_ok() {
                result = range.write(place, part);
            }
        });
        result.map_err(|error| {
            self.lock().step(Event::Discard(range.object()));
            let text = format!("the system has no memory for {} bytes: {error}", range.size());
            EngineError::NotAllocated(Arc::new(types::Failure::StoreFull(text)))
        })
    }

    pub(super) fn allocate(
        &self,
        object: ObjectId,
        owner: WorkerId,
        size: u64,
        interrupted: Interrupted<'_>,
    ) -> Outcomes<WritableRange> {
        let mut locked = self.enter()?;
        // What went makes room.
        locked.take_notices();
        let earlier = match locked.allocations.remove(&object) {
            Some(Allocation::Unwanted { replies }) => replies,
            Some(Allocation::Asked { earlier }) => earlier + 1,
            Some(Allocation::Came(_)) | None => 0,
        };
        locked.allocations.insert(object, Allocation::Asked { earlier });
        locked.step(Event::Allocate { object, owner, size });
        drop(locked);
        let mut check = |core: &mut Core| match core.allocations.remove(&object)? {
            Allocation::Came(range) => Some(range),
            other @ (Allocation::Asked { .. } | Allocation::Unwanted { .. }) => {
                core.allocations.insert(object, other);
                None
            }
        };
        match self.await_topic(Topic::Allocation(object), None, interrupted, &mut check) {
            Ok(Some(Ok(offset))) => Ok(self.lock().arena.writable(object, offset, size)),
            Ok(Some(Err(failure))) => Err(EngineError::NotAllocated(failure)),
            Ok(None) => Err(EngineError::TimedOut),
            Err(error) => {
                self.give_up_allocation(object);
                Err(error)
            }
        }
    }

    fn give_up_allocation(&self, object: ObjectId) {
        let mut locked = self.lock();
        match locked.allocations.remove(&object) {
            Some(Allocation::Came(Ok(_))) => locked.step(Event::Discard(object)),
            Some(Allocation::Came(Err(_))) | None => {}
            Some(Allocation::Asked { earlier }) => {
                let unwanted = Allocation::Unwanted { replies: earlier + 1 };
                locked.allocations.insert(object, unwanted);
            }
            Some(unwanted @ Allocation::Unwanted { .. }) => {
                locked.allocations.insert(object, unwanted);
            }
        }
    }

    /// Waits until `check` answers. A thread that runs a task says so for as long as it really waits.
    pub(super) fn await_lending<T>(
        &self,
        topic: Topic,
        caller: Caller,
        deadline: Option<Timestamp>,
        interrupted: Interrupted<'_>,
        check: &mut dyn FnMut(&mut Core) -> Option<T>,
    ) -> Outcomes<Option<T>> {
        if caller == Caller::Thread {
            return self.await_topic(topic, deadline, interrupted, check);
        }
        let mut locked = self.enter()?;
        if let Some(answer) = check(&mut locked) {
            return Ok(Some(answer));
        }
        locked.step(Event::Blocked);
        let wait = self.begin_wait(&mut locked, topic);
        let answer = self.sleep(locked, wait, deadline, interrupted, check);
        let mut locked = self.lock();
        if locked.ended.is_none() {
            locked.step(Event::Unblocked);
        }
        answer
    }

    /// Waits for objects. A thread that runs a task says so for as long as it really waits.
    #[expect(
        clippy::too_many_arguments,
        reason = "what `get` and `wait` were called with, and the wait they began"
    )]
    fn await_objects<T>(
        &self,
        mut locked: Locked<'_>,
        wait: u64,
        deadline: Option<Timestamp>,
        caller: Caller,
        interrupted: Interrupted<'_>,
        check: &mut dyn FnMut(&mut Core) -> Option<Ended<T>>,
    ) -> Outcomes<Option<Ended<T>>> {
        if let Some(ended) = check(&mut locked) {
            self.end_wait(&mut locked, wait);
            return Ok(Some(ended));
        }
        if caller == Caller::Thread {
            return self.sleep(locked, wait, deadline, interrupted, check);
        }
        locked.step(Event::Blocked);
        let ended = self.sleep(locked, wait, deadline, interrupted, check);
        let mut locked = self.lock();
        if locked.ended.is_none() {
            locked.step(Event::Unblocked);
        }
        ended
    }
}

impl Core {
    /// A handle, and whether it is the first of its object.
    pub(super) fn intern(&mut self, reference: Ref) -> (Handle, bool) {
        self.handles.intern(reference, &self.notices)
    }

    fn ask_contents(&mut self, wait: u64, handles: &[Handle]) {
        let mut refs = Vec::new();
        for handle in handles {
            if let Some(data) = handle.data() {
                self.waits.keep(wait, &data);
                continue;
            }
            self.waits.await_object(wait, handle);
            if handle.ask(Asked::Content) {
                refs.push(handle.reference());
            }
        }
        if !refs.is_empty() {
            self.step(Event::Want { refs, load: true });
        }
    }

    pub(super) fn ask_whether_available(&mut self, wait: u64, handles: &[Handle], count: usize) {
        let mut refs = Vec::new();
        let mut ready = 0;
        for handle in handles {
            if handle.is_available() {
                ready += 1;
                continue;
            }
            self.waits.await_object(wait, handle);
            if handle.ask(Asked::Available) {
                refs.push(handle.reference());
            }
        }
        self.waits.need(wait, count.saturating_sub(ready));
        if !refs.is_empty() {
            self.step(Event::Want { refs, load: false });
        }
    }

    fn help_for<T>(&mut self, caller: Caller) -> Option<Ended<T>> {
        match caller {
            Caller::Task => self.helps.pop_front().map(Ended::Help),
            Caller::Thread => None,
        }
    }
}

const fn objects(load: bool, caller: Caller) -> Topic {
    Topic::Objects { load, helps: matches!(caller, Caller::Task) }
}

/// The contents of all; `None` if one is not here.
fn contents(handles: &[Handle]) -> Option<Vec<Data>> {
    handles.iter().map(Handle::data).collect()
}

/// The positions of the first `count` that are available.
fn available(handles: &[Handle], count: usize) -> Vec<u32> {
    let ready = (0..).zip(handles).filter(|(_, handle)| handle.is_available());
    ready.map(|(position, _)| position).take(count).collect()
}

impl EngineError {
    pub(super) fn no_descriptor(error: std::io::Error) -> Self {
        Self::NotConnected(format!("no descriptor is left: {error}"))
    }
}
