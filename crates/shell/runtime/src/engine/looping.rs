//! The event loop that the engine serves: a thread that waits for the sockets and for the loop's descriptors at once.
//!
//! Owns: what the loop is told at each turn, and when its descriptors are asked for. Does not own: the loop
//! (`aktis._kernel.loops`), nor how a thread waits (`waiting`).
//!
//! While the loop has nothing to do its thread waits here as any other does: it reads the sockets itself, so that a
//! call reaches the loop without another thread. The loop's own poller lies inside the engine's.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use roles::worker::Interrupt;
use types::{TaskId, Timestamp};

use super::completions::{Channel, Completion};
use super::reading::Request;
use super::running::Running;
use super::shared::{Core, Shared};
use super::waits::Topic;
use super::{Interrupted, Outcomes};

/// What an event loop is told at a turn.
#[derive(Debug, Default)]
pub struct News {
    /// Tasks that may begin, of all groups.
    pub tasks: Vec<Box<Running>>,
    /// Running tasks that are to be interrupted, each told once.
    pub interrupts: Vec<(TaskId, Interrupt)>,
    /// What came of that which is watched.
    pub completions: Vec<Completion>,
    /// Some of the loop's own descriptors may be ready.
    pub descriptors: bool,
}

/// The loop, as the engine knows it.
#[derive(Debug, Default)]
pub(super) struct ServedLoop {
    descriptor: Option<Arc<OwnedFd>>,
    /// The reader tells once when something is ready for it.
    attended: bool,
    readable: bool,
}

impl Shared {
    /// Serves the loop whose poller this is.
    pub(super) fn serve_loop(&self, poller: OwnedFd) -> Outcomes<()> {
        let descriptor = Some(Arc::new(poller));
        self.enter()?.served_loop = ServedLoop { descriptor, attended: false, readable: false };
        Ok(())
    }

    /// What concerns the loop; waits until there is some. Nothing at the deadline.
    pub(super) fn attend(
        &self,
        deadline: Option<Timestamp>,
        interrupted: Interrupted<'_>,
    ) -> Outcomes<News> {
        let mut check = |core: &mut Core| {
            let news = core.news();
            if news.is_none() {
                core.attend_loop();
            }
            news
        };
        let news = self.await_topic(Topic::Loop, deadline, interrupted, &mut check)?;
        Ok(news.unwrap_or_default())
    }

    /// The same without waiting, for a loop that has something to do. Its descriptors are its own to look at.
    pub(super) fn news(&self) -> Outcomes<News> {
        let news = self.enter()?.news().unwrap_or_default();
        Ok(News { descriptors: true, ..news })
    }
}

impl Core {
    fn news(&mut self) -> Option<News> {
        let news = News {
            tasks: self.queues.take_all(),
            interrupts: std::mem::take(&mut self.interrupts),
            completions: self.completions.take(Channel::SERVED_LOOP),
            descriptors: std::mem::take(&mut self.served_loop.readable),
        };
        let some = news.descriptors
            || !news.tasks.is_empty()
            || !news.interrupts.is_empty()
            || !news.completions.is_empty();
        some.then_some(news)
    }

    /// Has the reader tell when something is ready for the loop.
    fn attend_loop(&mut self) {
        let served = &mut self.served_loop;
        if let (false, Some(descriptor)) = (served.attended, &served.descriptor) {
            self.links.requests.push(Request::AttendLoop(Arc::clone(descriptor)));
            served.attended = true;
        }
    }
}

impl ServedLoop {
    /// Something is ready for the loop, and the reader tells no more of it.
    pub(super) const fn on_readable(&mut self) {
        self.readable = true;
        self.attended = false;
    }
}
