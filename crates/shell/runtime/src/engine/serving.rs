//! Tasks, interrupts, answers and lines, as user threads take them.
//!
//! Owns: what each of these calls does under the lock. Does not own: how a thread waits (`waiting`).

use std::os::fd::RawFd;
use std::time::Duration;

use roles::worker::{Event, Interrupt};
use types::{JobId, Span, TaskId, Timestamp};
use wire::Answer;
use wire::to_worker::{Outcome, OutputLines};

use super::completions::Bell;
use super::running::Running;
use super::shared::{Core, Shared};
use super::waits::Topic;
use super::{EngineError, Interrupted, Outcomes};

impl Shared {
    pub(super) fn next_task(
        &self,
        group: &str,
        deadline: Option<Timestamp>,
        interrupted: Interrupted<'_>,
    ) -> Outcomes<Option<Box<Running>>> {
        let mut check = |core: &mut Core| core.next_running(group);
        self.await_topic(Topic::Tasks(group.to_owned()), deadline, interrupted, &mut check)
    }

    pub(super) fn finish(
        &self,
        running: &Running,
        outcome: Outcome,
        ran: Duration,
    ) -> Outcomes<()> {
        let mut locked = self.enter()?;
        let (task, now) = (running.task, locked.now);
        let failed = matches!(outcome, Outcome::Failed { .. });
        locked.spans.task_ended(task.job(), &running.template, now, ran, failed);
        locked.consumed.remove(&task);
        locked.step(Event::Finished { task, outcome, ran });
        Ok(())
    }

    /// False at the deadline.
    pub(super) fn await_consumed(
        &self,
        task: TaskId,
        count: u32,
        deadline: Option<Timestamp>,
        interrupted: Interrupted<'_>,
    ) -> Outcomes<bool> {
        let enough =
            |core: &Core| core.consumed.get(&task).is_none_or(|consumed| *consumed >= count);
        let mut check = |core: &mut Core| enough(core).then_some(());
        let consumed =
            self.await_topic(Topic::Consumed(task), deadline, interrupted, &mut check)?;
        Ok(consumed.is_some())
    }

    pub(super) fn answer(
        &self,
        request: u64,
        deadline: Option<Timestamp>,
        interrupted: Interrupted<'_>,
    ) -> Outcomes<Answer> {
        let mut check = |core: &mut Core| core.answers.remove(&request);
        let answer = self.await_topic(Topic::Answer(request), deadline, interrupted, &mut check);
        match answer {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(EngineError::TimedOut),
            Err(error) => Err(error),
        }
    }

    pub(super) fn forget_answer(&self, request: u64) {
        if let Ok(mut locked) = self.enter()
            && locked.answers.remove(&request).is_none()
        {
            locked.unwanted_answers.insert(request);
        }
    }

    pub(super) fn take_interrupts(&self) -> Vec<(TaskId, Interrupt)> {
        let Ok(mut locked) = self.enter() else {
            return Vec::new();
        };
        if let Some(bell) = &mut locked.interrupts_bell {
            bell.reset();
        }
        std::mem::take(&mut locked.interrupts)
    }

    pub(super) fn interrupts_fd(&self) -> Outcomes<RawFd> {
        let mut locked = self.enter()?;
        let bell = match locked.interrupts_bell.take() {
            Some(bell) => bell,
            None => Bell::new().map_err(EngineError::no_descriptor)?,
        };
        let unheard = !locked.interrupts.is_empty();
        let bell = locked.interrupts_bell.insert(bell);
        if unheard {
            bell.ring();
        }
        Ok(bell.descriptor())
    }

    pub(super) fn signal_main_thread(&self, on: bool) {
        self.lock().signals_main = on;
    }

    pub(super) fn next_lines(
        &self,
        deadline: Option<Timestamp>,
        interrupted: Interrupted<'_>,
    ) -> Outcomes<(Vec<OutputLines>, u64)> {
        let mut check = |core: &mut Core| core.lines.take();
        Ok(self.await_topic(Topic::Lines, deadline, interrupted, &mut check)?.unwrap_or_default())
    }

    pub(super) fn record_span(
        &self,
        job: JobId,
        name: String,
        began: Timestamp,
        ran: Duration,
        failed: bool,
    ) {
        if let Ok(mut locked) = self.enter() {
            locked.spans.own(job, name, began, ran, failed);
        }
    }

    pub(super) fn spans(&self) -> Vec<Span> {
        self.enter().map(|locked| locked.spans.told(self.identity.worker)).unwrap_or_default()
    }
}

impl Core {
    fn next_running(&mut self, group: &str) -> Option<Box<Running>> {
        let queued = self.queues.pop(group);
        if group.is_empty() { queued.or_else(|| self.helps.pop_front()) } else { queued }
    }
}
