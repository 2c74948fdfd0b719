//! Objects and streams as event loops and futures watch them, and as `wait` waits for both.
//!
//! Owns: what each of these calls does under the lock. Does not own: what is watched (`completions`).

use std::os::fd::RawFd;

use roles::worker::{Event, Next};
use types::{TaskId, Timestamp};

use super::completions::{Channel, Completion};
use super::handles::{Asked, Handle};
use super::shared::{Core, Shared};
use super::waits::Topic;
use super::{EngineError, Interrupted, Outcomes};

impl Shared {
    pub(super) fn watch(&self, handle: &Handle, channel: Channel) -> Outcomes<()> {
        let mut locked = self.enter()?;
        if let Some(data) = handle.data() {
            locked.completions.push(channel, Completion::Object { handle: handle.clone(), data });
            locked.wake_takers();
            return Ok(());
        }
        locked.completions.watch(handle, channel);
        if handle.ask(Asked::Content) {
            locked.step(Event::Want { refs: vec![handle.reference()], load: true });
        }
        drop(locked);
        self.have_read_for(channel);
        Ok(())
    }

    pub(super) fn watch_stream(&self, task: TaskId, channel: Channel) -> Outcomes<()> {
        let mut locked = self.enter()?;
        if locked.role.stream_next(task) != Next::NotYet {
            locked.completions.push(channel, Completion::Stream(task));
            locked.wake_takers();
            return Ok(());
        }
        locked.completions.watch_stream(task, channel);
        drop(locked);
        self.have_read_for(channel);
        Ok(())
    }

    /// Somebody is to read what `channel` watches: the loop that is served does so itself, and who waits does so.
    fn have_read_for(&self, channel: Channel) {
        if channel != Channel::SERVED_LOOP && !self.somebody_waits() {
            self.alarm.stand_in();
        }
    }

    pub(super) fn next_completions(
        &self,
        deadline: Option<Timestamp>,
        interrupted: Interrupted<'_>,
    ) -> Outcomes<Vec<Completion>> {
        let mut check = |core: &mut Core| {
            Some(core.completions.take(Channel::THREADS)).filter(|came| !came.is_empty())
        };
        Ok(self
            .await_topic(Topic::Completions, deadline, interrupted, &mut check)?
            .unwrap_or_default())
    }

    pub(super) fn completions(&self, channel: Channel) -> Outcomes<Vec<Completion>> {
        Ok(self.enter()?.completions.take(channel))
    }

    pub(super) fn open_channel(&self) -> Outcomes<(Channel, RawFd)> {
        let mut locked = self.enter()?;
        locked.has_bells = true;
        locked.completions.open().map_err(EngineError::no_descriptor)
    }

    pub(super) fn close_channel(&self, channel: Channel) {
        if let Ok(mut locked) = self.enter() {
            locked.completions.close(channel);
        }
    }

    /// Waits until one of the objects or the next item of one of the streams is there; false at the deadline.
    pub(super) fn wait_any(
        &self,
        handles: &[Handle],
        streams: Vec<TaskId>,
        deadline: Option<Timestamp>,
        interrupted: Interrupted<'_>,
    ) -> Outcomes<bool> {
        let streams = streams.into_boxed_slice();
        let topic = Topic::Any(streams.clone());
        let is_there = |core: &Core| {
            handles.iter().any(Handle::is_available)
                || streams.iter().any(|task| core.role.stream_next(*task) != Next::NotYet)
        };
        let mut check = |core: &mut Core| is_there(core).then_some(());
        let mut locked = self.enter()?;
        if is_there(&locked) {
            return Ok(true);
        }
        let wait = self.begin_wait(&mut locked, topic);
        locked.ask_whether_available(wait, handles, 1);
        // What was asked for may be known already.
        if check(&mut locked).is_some() {
            self.end_wait(&mut locked, wait);
            return Ok(true);
        }
        Ok(self.sleep(locked, wait, deadline, interrupted, &mut check)?.is_some())
    }
}
