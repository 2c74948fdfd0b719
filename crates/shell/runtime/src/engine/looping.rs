//! The event loop that the engine serves: a thread that waits for the sockets and for the loop's descriptors at once.
//!
//! Owns: what the loop is told at each turn, and when its descriptors are asked for. Does not own: the loop
//! (`aktis._kernel.loops`), nor how a thread waits (`waiting`).
//!
//! While the loop has nothing to do its thread waits here as any other does: it reads the sockets itself, so that a
//! call reaches the loop without another thread. The loop's own poller lies inside the engine's.

use std::os::fd::OwnedFd;

use types::TaskId;

use super::completions::{Channel, Completion};
use super::guarded::Core;
use super::reading::LOOP;
use super::running::Running;
use super::waits::Topic;
use super::{Engine, Outcomes, Patience};
use crate::poll::Interest;

/// What an event loop is told at a turn.
#[derive(Debug, Default)]
pub struct News {
    /// Tasks that may begin, of all groups.
    pub tasks: Vec<Box<Running>>,
    /// Running tasks that are to end, each told once.
    pub interrupted: Vec<TaskId>,
    /// What came of that which is watched.
    pub completions: Vec<Completion>,
    /// Some of the loop's own descriptors may be ready.
    pub descriptors: bool,
}

/// The loop, as the engine knows it.
#[derive(Debug, Default)]
pub(super) struct ServedLoop {
    pub(super) poller: Option<OwnedFd>,
    /// The reader tells once when something is ready for it.
    pub(super) attended: bool,
    /// Something is, and the reader tells no more of it.
    pub(super) readable: bool,
}

impl Engine {
    /// Serves the event loop whose poller this is, from its thread: [`Self::attend`] is how it sleeps.
    pub fn serve_loop(&self, poller: OwnedFd) -> Outcomes<()> {
        let mut locked = self.enter()?;
        locked.links.poller.add(&poller, LOOP, Interest::ReadOnce)?;
        let poller = Some(poller);
        locked.served_loop = ServedLoop { poller, attended: true, readable: false };
        Ok(())
    }

    /// What concerns the loop that is served; waits until there is some. Nothing at the deadline.
    pub fn attend(&self, patience: Patience<'_>) -> Outcomes<News> {
        let news = self.await_topic(Topic::Loop, patience, &mut |core| {
            let news = core.news();
            if news.is_none() {
                core.attend_loop();
            }
            news
        })?;
        Ok(news.unwrap_or_default())
    }

    /// The same without waiting, for a loop that has something to do. Its descriptors are its own to look at.
    pub fn news(&self) -> Outcomes<News> {
        let news = self.enter()?.news().unwrap_or_default();
        Ok(News { descriptors: true, ..news })
    }
}

impl Core {
    /// Has the reader tell once more when something is ready for the loop.
    fn attend_loop(&mut self) {
        let ServedLoop { poller: Some(poller), attended: attended @ false, .. } =
            &mut self.served_loop
        else {
            return;
        };
        *attended = self.links.poller.change(poller, LOOP, Interest::ReadOnce).is_ok();
    }

    fn news(&mut self) -> Option<News> {
        let news = News {
            // Nothing is promised of the order between groups.
            tasks: self.queues.values_mut().flat_map(|queue| queue.drain(..)).collect(),
            interrupted: std::mem::take(&mut self.interrupted),
            completions: self.completions.take(Channel::SERVED_LOOP),
            descriptors: std::mem::take(&mut self.served_loop.readable),
        };
        let some = news.descriptors
            || !news.tasks.is_empty()
            || !news.interrupted.is_empty()
            || !news.completions.is_empty();
        some.then_some(news)
    }
}
