//! The process side of drivers and workers: what the Python binding calls.
//!
//! Owns: the calls, and who does what when one is made. Does not own: any decision (`roles::Worker`), Python
//! objects (`python`), or how a connection begins (`handshake`, `dial`).
//!
//! One lock guards the role and everything its effects touch (`shared`). A call takes the lock, hands the role one
//! event, performs all effects, and lets go; nothing waits under the lock. A thread that must wait reads the sockets
//! itself if nobody else does (`waiting`); a background thread stands in when nobody waits (`background`).
//! Every call that may wait takes `interrupted`, which is called without any lock held after every signal, when an
//! awaited object failed, and now and then, and ends the wait when it says so.

mod answers;
mod background;
mod completions;
mod encoding;
mod fork;
mod handles;
mod lines;
mod links;
mod looping;
mod notice;
mod objects;
mod perform;
mod pins;
mod reading;
mod running;
mod serving;
mod shared;
mod signals;
mod spans;
mod start;
mod waiting;
mod waits;
mod watching;

#[cfg(test)]
mod tests;

use std::os::fd::{OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use roles::worker::{Event, Interrupt, Source};
use types::{
    ActorId, ActorSpec, GroupId, GroupSpec, JobId, ObjectId, Payload, Ref, Returns, Span, Stored,
    TaskId, TaskSpec, Timestamp, Value, WorkerId,
};
use wire::to_worker::{Outcome, OutputLines};
use wire::{Answer, Question, ToHead};

pub use answers::{Caller, EngineError, Got, Identity, Interrupted, Item, Outcomes, Waited};
pub use completions::{Channel, Completion};
pub use encoding::{
    Argument, ArgumentReader, ArgumentWriter, Buffers, Encoded, Layout, MalformedValue, View,
    encoded_value, read_value,
};
pub use handles::{Handle, Survey};
pub use looping::News;
pub use pins::{Data, Pinned, WritableRange};
pub use running::Running;
pub use start::{DriverOptions, WorkerOptions};

/// A process of the cluster that runs user code. Clones are the same process.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<shared::Shared>,
}

impl Engine {
    /// Connects a driver to its node and starts its job.
    ///
    /// # Errors
    /// If the node cannot be reached or refuses, or `interrupted` says so.
    pub fn connect_driver(
        options: DriverOptions,
        interrupted: Interrupted<'_>,
    ) -> Outcomes<(Self, JobId)> {
        start::driver(options, interrupted)
    }

    /// Takes up the work of a worker process over the control connection it was forked with.
    ///
    /// # Errors
    /// If the node does not welcome it.
    pub fn start_worker(options: WorkerOptions) -> Outcomes<Self> {
        start::worker(options)
    }

    /// Who this process is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.shared.identity
    }

    /// Now, by the clock of deadlines.
    #[must_use]
    pub fn now() -> Timestamp {
        crate::clock::now()
    }

    /// Leaves: everything that is written is sent, the connections close, later calls fail with `Closed`.
    pub fn close(&self) {
        self.shared.close();
    }

    /// A name for a task or `put` of `job` that nothing else has.
    #[must_use]
    pub fn new_task(&self, job: JobId) -> TaskId {
        self.shared.new_task(job)
    }

    /// A name for a call on `actor`.
    #[must_use]
    pub fn new_call(&self, actor: ActorId) -> TaskId {
        self.shared.new_call(actor)
    }

    /// A number for a template, an actor or a group: each of this process gets another.
    #[must_use]
    pub fn new_number(&self) -> u64 {
        self.shared.new_number()
    }

    /// Submits a task, or a call if its template is a method. One handle for each return; for a stream one, of the
    /// whole (index 1); for a dynamic one, one.
    pub fn submit(&self, spec: TaskSpec) -> Outcomes<Vec<Handle>> {
        let count = match spec.template.returns {
            Returns::Count(count) => count,
            Returns::Stream | Returns::Dynamic => 1,
        };
        let (owner, task) = (self.identity().worker, spec.id);
        let objects = (1..=count).map(|index| Ref { object: task.output(index), owner });
        self.shared.step_with_handles(objects, Event::Submit(spec))
    }

    /// Stores a small value.
    pub fn put(&self, job: JobId, value: Payload, contains: Box<[Ref]>) -> Outcomes<Handle> {
        let object = ObjectId { task: self.new_task(job), index: 0 };
        self.shared.put(object, Stored { value: Value::Inline(value), contains })
    }

    /// A range of shared memory for `object`. Waits while there is none.
    ///
    /// # Errors
    /// `NotAllocated` if the store and the disk are full; `Interrupted`.
    pub fn allocate(
        &self,
        object: ObjectId,
        owner: WorkerId,
        size: u64,
        interrupted: Interrupted<'_>,
    ) -> Outcomes<WritableRange> {
        self.shared.allocate(object, owner, size, interrupted)
    }

    /// Writes a value into its range.
    ///
    /// # Errors
    /// `NotAllocated` if the system has no memory for it: the range is given back.
    pub fn fill(&self, range: &mut WritableRange, layout: &Layout<'_>) -> Outcomes<()> {
        self.shared.fill(range, layout)
    }

    /// Stores what was written into `range` as the value of its object, of which this process is the owner.
    pub fn put_written(&self, range: WritableRange, contains: Box<[Ref]>) -> Outcomes<Handle> {
        let object = range.object();
        let value = self.written(range)?;
        self.shared.put(object, Stored { value, contains })
    }

    /// Seals what was written into `range`; the value to answer a task with.
    pub fn written(&self, range: WritableRange) -> Outcomes<Value> {
        let value = Value::Shared { node: self.identity().worker.node, size: range.size() };
        self.shared.step(Event::Written(range.object()))?;
        Ok(value)
    }

    /// A handle to a ref that came from `source`.
    pub fn hold(&self, reference: Ref, source: Source) -> Outcomes<Handle> {
        self.shared.hold(reference, source)
    }

    /// The contents of all; `TimedOut` at the deadline. Failures are contents, too. With all of them ready, no lock
    /// is taken.
    pub fn get(
        &self,
        handles: &[Handle],
        deadline: Option<Timestamp>,
        caller: Caller,
        interrupted: Interrupted<'_>,
    ) -> Outcomes<Got> {
        self.shared.get(handles, deadline, caller, interrupted)
    }

    /// Looks through refs for `count` that are ready, without waiting and without any lock.
    #[must_use]
    pub fn survey(&self, count: usize) -> Survey {
        Survey::new(self.new_number(), count)
    }

    /// Waits until `count` of the handles have objects.
    ///
    /// # Errors
    /// `Repeated` if a ref stands twice in the list.
    pub fn wait(
        &self,
        handles: &[Handle],
        count: usize,
        deadline: Option<Timestamp>,
        caller: Caller,
        interrupted: Interrupted<'_>,
    ) -> Outcomes<Waited> {
        self.shared.wait(handles, count, deadline, caller, interrupted)
    }

    /// Waits until one of the handles has an object, or one of the streams that these tasks yield its next item; false
    /// at the deadline.
    pub fn wait_any(
        &self,
        handles: &[Handle],
        streams: Vec<TaskId>,
        deadline: Option<Timestamp>,
        interrupted: Interrupted<'_>,
    ) -> Outcomes<bool> {
        self.shared.wait_any(handles, streams, deadline, interrupted)
    }

    /// Asks for the content of `handle` without waiting: its completion is told once, to `channel`.
    pub fn watch(&self, handle: &Handle, channel: Channel) -> Outcomes<()> {
        self.shared.watch(handle, channel)
    }

    /// Tells `channel` once when the next item of the stream that `task` yields is there, or its end.
    pub fn watch_stream(&self, task: TaskId, channel: Channel) -> Outcomes<()> {
        self.shared.watch_stream(task, channel)
    }

    /// What came for threads: waits until there is some. Empty at the deadline.
    pub fn next_completions(
        &self,
        deadline: Option<Timestamp>,
        interrupted: Interrupted<'_>,
    ) -> Outcomes<Vec<Completion>> {
        self.shared.next_completions(deadline, interrupted)
    }

    /// What came for a channel, without waiting.
    pub fn completions(&self, channel: Channel) -> Outcomes<Vec<Completion>> {
        self.shared.completions(channel)
    }

    /// A channel for an event loop, and a descriptor that is readable while something came for it; read it (8 bytes)
    /// before [`Self::completions`].
    pub fn open_channel(&self) -> Outcomes<(Channel, RawFd)> {
        self.shared.open_channel()
    }

    /// Ends a channel and its descriptor.
    pub fn close_channel(&self, channel: Channel) {
        self.shared.close_channel(channel);
    }

    /// Serves the event loop whose poller this is, from its thread: [`Self::attend`] is how it sleeps.
    pub fn serve_loop(&self, poller: OwnedFd) -> Outcomes<()> {
        self.shared.serve_loop(poller)
    }

    /// What concerns the loop that is served; waits until there is some. Nothing at the deadline.
    pub fn attend(
        &self,
        deadline: Option<Timestamp>,
        interrupted: Interrupted<'_>,
    ) -> Outcomes<News> {
        self.shared.attend(deadline, interrupted)
    }

    /// The same without waiting.
    pub fn news(&self) -> Outcomes<News> {
        self.shared.news()
    }

    /// The item of a stream with this index, counted from 0. Each is taken in order, once.
    pub fn next_item(
        &self,
        task: TaskId,
        index: u32,
        deadline: Option<Timestamp>,
        caller: Caller,
        interrupted: Interrupted<'_>,
    ) -> Outcomes<Item> {
        self.shared.next_item(task, index, deadline, caller, interrupted)
    }

    /// The consumer of a stream takes no more of it.
    pub fn abandon(&self, task: TaskId) -> Outcomes<()> {
        self.shared.step(Event::Abandoned(task))
    }

    /// Cancels the task that makes the object.
    #[expect(
        clippy::fn_params_excessive_bools,
        reason = "the two of `cancel()`, named likewise in Python"
    )]
    pub fn cancel(&self, target: Ref, force: bool, recursive: bool) -> Outcomes<()> {
        self.shared.step(Event::Cancel { target, force, recursive })
    }

    /// Asks for an actor to be made. The answer comes under the number that is returned; the handle keeps the
    /// actor alive.
    pub fn create_actor(
        &self,
        spec: Box<ActorSpec>,
        get_if_exists: bool,
    ) -> Outcomes<(u64, Handle)> {
        let request = self.new_number();
        let reference = Ref { object: spec.id.handle(), owner: self.identity().worker };
        let event = Event::CreateActor { request, spec, get_if_exists };
        let handles = self.shared.step_with_handles([reference].into_iter(), event)?;
        handles.into_iter().next().map(|handle| (request, handle)).ok_or(EngineError::Closed)
    }

    /// Ends an actor.
    pub fn kill_actor(&self, actor: ActorId, for_good: bool) -> Outcomes<()> {
        self.shared.step(Event::KillActor { actor, for_good })
    }

    /// Reserves a placement group.
    pub fn create_group(&self, spec: Box<GroupSpec>) -> Outcomes<()> {
        self.shared.step(Event::CreateGroup(spec))
    }

    /// An object of `job` that holds `value` once the group is there.
    pub fn group_ready(&self, job: JobId, group: GroupId, value: Payload) -> Outcomes<Handle> {
        let object = ObjectId { task: self.new_task(job), index: 0 };
        let reference = Ref { object, owner: self.identity().worker };
        let event = Event::AwaitGroup { group, object, value };
        let handles = self.shared.step_with_handles([reference].into_iter(), event)?;
        handles.into_iter().next().ok_or(EngineError::Closed)
    }

    /// Gives a placement group back.
    pub fn remove_group(&self, group: GroupId) -> Outcomes<()> {
        self.shared.step(Event::RemoveGroup(group))
    }

    /// Asks the head and waits for the answer.
    pub fn ask(
        &self,
        question: Question,
        deadline: Option<Timestamp>,
        interrupted: Interrupted<'_>,
    ) -> Outcomes<Answer> {
        let request = self.new_number();
        self.shared.step(Event::Ask { request, question })?;
        self.shared.answer(request, deadline, interrupted)
    }

    /// Waits for the answer to a request that was made without waiting.
    pub fn answer(
        &self,
        request: u64,
        deadline: Option<Timestamp>,
        interrupted: Interrupted<'_>,
    ) -> Outcomes<Answer> {
        self.shared.answer(request, deadline, interrupted)
    }

    /// Nobody will ask for the answer to this request.
    pub fn forget_answer(&self, request: u64) {
        self.shared.forget_answer(request);
    }

    /// Says something to the head.
    pub fn tell(&self, message: ToHead) -> Outcomes<()> {
        self.shared.step(Event::Tell(message))
    }

    /// The next task for a thread of this concurrency group; `None` at the deadline.
    ///
    /// # Errors
    /// `Interrupted`, `Closed`.
    pub fn next_task(
        &self,
        group: &str,
        deadline: Option<Timestamp>,
        interrupted: Interrupted<'_>,
    ) -> Outcomes<Option<Box<Running>>> {
        self.shared.next_task(group, deadline, interrupted)
    }

    /// The user's code ended. The task is also kept for the timeline, as of `ran` ago until now.
    pub fn finish(&self, running: &Running, outcome: Outcome, ran: Duration) -> Outcomes<()> {
        self.shared.finish(running, outcome, ran)
    }

    /// A running generator yielded.
    pub fn yielded(&self, task: TaskId, index: u32, item: Stored) -> Outcomes<()> {
        self.shared.step(Event::Yielded { task, index, item })
    }

    /// Waits until the consumer of the stream that `task` yields took `count` items. False if it was interrupted by
    /// the deadline.
    pub fn await_consumed(
        &self,
        task: TaskId,
        count: u32,
        deadline: Option<Timestamp>,
        interrupted: Interrupted<'_>,
    ) -> Outcomes<bool> {
        self.shared.await_consumed(task, count, deadline, interrupted)
    }

    /// Running tasks that are to be interrupted, each told once. Ask after SIGINT in the main thread, and when
    /// [`Self::interrupts_fd`] is readable.
    #[must_use]
    pub fn take_interrupts(&self) -> Vec<(TaskId, Interrupt)> {
        self.shared.take_interrupts()
    }

    /// A descriptor that is readable after an interrupt came, for event loops and threaded actors.
    pub fn interrupts_fd(&self) -> Outcomes<RawFd> {
        self.shared.interrupts_fd()
    }

    /// Whether interrupts also send SIGINT to the main thread. Off at first; a worker that runs tasks in its main
    /// thread switches it on.
    pub fn signal_main_thread(&self, on: bool) {
        self.shared.signal_main_thread(on);
    }

    /// The actor in this process leaves by itself, after what it is doing.
    pub fn leave(&self) -> Outcomes<()> {
        self.shared.step(Event::Leave)
    }

    /// What this process calls itself in the driver's terminal.
    pub fn named(&self, name: String) -> Outcomes<()> {
        self.shared.step(Event::Named(name))
    }

    /// Lines that workers wrote, and how many were dropped before them because nobody took them. Waits until there
    /// are some; empty at the deadline.
    pub fn next_lines(
        &self,
        deadline: Option<Timestamp>,
        interrupted: Interrupted<'_>,
    ) -> Outcomes<(Vec<OutputLines>, u64)> {
        self.shared.next_lines(deadline, interrupted)
    }

    /// Keeps a span of the user's own for the timeline.
    pub fn record_span(
        &self,
        job: JobId,
        name: String,
        began: Timestamp,
        ran: Duration,
        failed: bool,
    ) {
        self.shared.record_span(job, name, began, ran, failed);
    }

    /// What ran lately in this process, oldest first.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        self.shared.spans()
    }

    /// Sends all that is written.
    pub fn flush(&self) -> Outcomes<()> {
        self.shared.flush()
    }
}
