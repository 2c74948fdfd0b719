//! Tasks, interrupts, answers and lines, as user threads take them.
//!
//! Owns: what each of these calls does under the lock. Does not own: how a thread waits (`waiting`).

use std::sync::PoisonError;
use std::time::Duration;

use roles::worker::{Event, Interrupt};
use types::{Called, JobId, TaskId};
use wire::to_worker::{Outcome, OutputLines};
use wire::{Answer, Question, ToHead, ToNode};

use super::guarded::Core;
use super::running::Running;
use super::waits::Topic;
use super::{Engine, EngineError, Outcomes, Patience};

impl Engine {
    /// The next task for a thread of this concurrency group; `None` at the deadline.
    ///
    /// # Errors
    /// `Interrupted`, `Closed`.
    pub fn next_task(&self, group: &str, patience: Patience<'_>) -> Outcomes<Option<Box<Running>>> {
        let topic = Topic::Tasks(group.to_owned());
        self.await_topic(topic, patience, &mut |core| core.next_running(group))
    }

    /// The next task for a thread that runs tasks while those of the other threads wait; `None` at the deadline.
    ///
    /// # Errors
    /// `Interrupted`, `Closed`.
    pub fn next_aside(&self, patience: Patience<'_>) -> Outcomes<Option<Box<Running>>> {
        self.await_topic(Topic::Aside, patience, &mut |core| core.next_running(""))
    }

    /// The user's code ended. The task is also kept for the timeline, as of `ran` ago until now.
    pub fn finish(&self, running: &Running, outcome: Outcome, ran: Duration) -> Outcomes<()> {
        let mut locked = self.enter()?;
        let task = running.task;
        let failed = matches!(outcome, Outcome::Failed { .. });
        let called = Called::new(task, running.attempt, None, &running.template);
        let told = (running.template.name.clone(), Some(called));
        locked.keep_span(task.job(), told, ran, failed);
        locked.consumed.remove(&task);
        locked.step(Event::Finished { task, outcome, ran });
        Ok(())
    }

    /// Waits until the consumer of the stream that `task` yields took `count` items; false at the deadline.
    pub fn await_consumed(
        &self,
        task: TaskId,
        count: u32,
        patience: Patience<'_>,
    ) -> Outcomes<bool> {
        let consumed = self.await_topic(Topic::Consumed(task), patience, &mut |core| {
            let enough = core.consumed.get(&task).is_none_or(|consumed| *consumed >= count);
            enough.then_some(())
        })?;
        Ok(consumed.is_some())
    }

    /// Asks the head and waits for the answer.
    pub fn ask(&self, question: Question, patience: Patience<'_>) -> Outcomes<Answer> {
        self.request(|request| Event::Tell(ToHead::Ask { request, question }), patience)
    }

    fn request(&self, make: impl FnOnce(u64) -> Event, patience: Patience<'_>) -> Outcomes<Answer> {
        let request = self.new_number();
        let mut locked = self.enter()?;
        locked.answers.insert(request, None);
        locked.step(make(request));
        drop(locked);
        self.answer(request, patience)
    }

    /// Waits for the answer to a request that was made without waiting. Later nobody expects it.
    pub fn answer(&self, request: u64, patience: Patience<'_>) -> Outcomes<Answer> {
        let answer = self.await_topic(Topic::Answer(request), patience, &mut |core| {
            core.answers.get_mut(&request)?.take()
        });
        if let Ok(mut locked) = self.enter() {
            locked.answers.remove(&request);
        }
        answer?.ok_or(EngineError::TimedOut)
    }

    /// Running tasks that are to end, each told once. The main thread gets SIGINT when there are some, unless the engine
    /// serves an event loop, which hears of them.
    #[must_use]
    pub fn take_interrupted(&self) -> Vec<TaskId> {
        self.enter().map(|mut locked| std::mem::take(&mut locked.interrupted)).unwrap_or_default()
    }

    /// Why a running task is to end, if it is. Each call of an actor asks: nothing follows, so it is but a look.
    #[must_use]
    pub fn interruption(&self, task: TaskId) -> Option<Interrupt> {
        if self.notices.are_of_parent() {
            return None;
        }
        self.core.lock().unwrap_or_else(PoisonError::into_inner).role.interruption(task)
    }

    /// Lines that workers wrote, and how many were dropped before them because nobody took them. Waits until there
    /// are some; empty at the deadline.
    pub fn next_lines(&self, patience: Patience<'_>) -> Outcomes<(Vec<OutputLines>, u64)> {
        let lines = self.await_topic(Topic::Lines, patience, &mut |core| core.lines.take());
        match lines {
            Ok(lines) => Ok(lines.unwrap_or_default()),
            // What came before the end is told after it.
            Err(ended) => self.lock().lines.take().ok_or(ended),
        }
    }

    /// Waits until all that workers wrote before this call is there for [`Self::next_lines`].
    ///
    /// # Errors
    /// `TimedOut` if the node does not tell it before the deadline.
    pub fn await_lines(&self, patience: Patience<'_>) -> Outcomes<()> {
        self.request(|request| Event::TellNode(ToNode::AskLines(request)), patience).map(drop)
    }

    /// Keeps a span of the user's own for the timeline, as of `ran` ago until now.
    pub fn record_span(&self, job: JobId, name: String, ran: Duration) {
        if let Ok(mut locked) = self.enter() {
            locked.keep_span(job, (name, None), ran, false);
        }
    }
}

impl Core {
    fn next_running(&mut self, group: &str) -> Option<Box<Running>> {
        self.queues.get_mut(group)?.pop_front()
    }
}
