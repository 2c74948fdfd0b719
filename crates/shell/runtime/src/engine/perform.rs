//! Performs what the role wants done, and tells it what was heard.
//!
//! Owns: one match for effects and one for what was heard. Does not own: any decision.

use std::collections::VecDeque;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;

use roles::worker::{Content, Effect, Event, Execution};
use types::{Failure, ObjectId, Returns, WorkerId};
use wire::{FromHead, ToDaemon, ToHead, ToWorker};

use super::reading::{Heard, Request};
use super::running::Running;
use super::shared::{Allocation, Core};
use super::waits::Topic;
use super::{EngineError, signals};
use crate::meeting::Meeting;

/// The request under which a driver waits for its job; answers are numbered from 1.
pub(super) const JOB_REQUEST: u64 = 0;

impl Core {
    /// Does one thing that the role wants done. Never waits.
    pub(super) fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::ToNode(message) => self.links.say_to_node(&ToDaemon::Node(message)),
            Effect::ToHead(message) => self.links.say_to_node(&ToDaemon::Head(message)),
            Effect::ToPeer(peer, message) => {
                if !self.links.knows(peer) {
                    self.dial(peer);
                }
                self.links.say_to_peer(peer, &message);
            }
            Effect::Available(object) => self.available(object),
            Effect::Loaded(object, content) => self.loaded(object, content),
            Effect::Allocated(object, range) => self.allocated(object, range),
            Effect::Run(execution) => self.run(execution),
            Effect::Help(execution) => self.help(execution),
            Effect::Interrupt(task, why) => {
                self.interrupts.push((task, why));
                if let Some(bell) = &mut self.interrupts_bell {
                    bell.ring();
                }
                self.waits.wake_all(&Topic::Loop, &mut self.wakes);
                if self.signals_main {
                    signals::interrupt_main_thread();
                }
            }
            Effect::Consumed(task, count) => {
                if let Some(consumed) = self.consumed.get_mut(&task) {
                    *consumed = count;
                    self.waits.wake_all(&Topic::Consumed(task), &mut self.wakes);
                }
            }
            Effect::StreamMoved(task) => {
                self.waits.stream_moved(task, &mut self.wakes);
                if self.completions.stream_moved(task) {
                    self.wake_takers();
                }
            }
            Effect::Answered(request, answer) => {
                if !self.unwanted_answers.remove(&request) {
                    self.answers.insert(request, answer);
                    self.waits.wake_all(&Topic::Answer(request), &mut self.wakes);
                }
            }
            Effect::Lines(lines) => {
                self.lines.push(lines);
                self.waits.wake_all(&Topic::Lines, &mut self.wakes);
            }
            Effect::ReportSpans => {
                let spans = self.spans.told(self.identity.worker);
                self.events.push_back(Event::Tell(ToHead::Spans(spans)));
            }
            Effect::Exit(reason) => self.exit(reason),
        }
    }

    /// Tells the role what was heard.
    pub(super) fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Node(ToWorker::Node(message)) => self.step(Event::Node(message)),
            Heard::Node(ToWorker::Head(message)) => {
                let begins_job = matches!(message, FromHead::JobStarted(_));
                self.step(Event::Head(message));
                if begins_job {
                    self.waits.wake_all(&Topic::Answer(JOB_REQUEST), &mut self.wakes);
                }
            }
            Heard::Node(ToWorker::Peer(_)) => self.node_lost("it spoke as if it were a worker"),
            Heard::Peer(peer, message) => self.step(Event::Peer(peer, message)),
            Heard::Visitor(stream) => self.receive_visitor(stream),
            Heard::Met { link, peer: Some(peer), stream, inbox } => {
                self.links.connected(link, peer, stream, inbox);
            }
            Heard::Met { link, peer: None, .. } => self.link_lost(link, "it has no name"),
            Heard::Loop => {
                self.served_loop.on_readable();
                self.waits.wake_all(&Topic::Loop, &mut self.wakes);
            }
            Heard::Writable(link) => self.links.writable(link),
            Heard::Lost { link, why } => self.link_lost(link, &why),
        }
    }

    /// A connection ended, or could not be made.
    pub(super) fn link_lost(&mut self, link: u64, why: &str) {
        if link == super::links::NODE {
            self.node_lost(why);
        } else if let Some(peer) = self.links.end(link) {
            self.step(Event::PeerLost(peer));
        }
    }

    /// A reader of a mapped object went.
    pub(super) fn reader_went(&mut self, object: ObjectId) {
        if let Some(handle) = self.handles.find(object).filter(|handle| !handle.is_loaded()) {
            handle.forget_content();
            // Somebody began to wait before the notice came: it is asked for anew.
            if self.waits.is_awaited(&handle) && handle.ask(super::handles::Asked::Content) {
                self.step(Event::Want { refs: vec![handle.reference()], load: true });
            }
        }
        self.step(Event::Unread(object));
    }

    fn available(&mut self, object: ObjectId) {
        if let Some(handle) = self.handles.find(object) {
            handle.set_available();
            self.waits.object_came(&handle, None, &mut self.wakes);
        }
    }

    fn loaded(&mut self, object: ObjectId, content: Content) {
        let data = self.arena.data(object, content);
        if let Some(handle) = self.handles.find(object) {
            handle.set_data(data.clone());
            self.waits.object_came(&handle, Some(&data), &mut self.wakes);
            if self.completions.came(object, &data) {
                self.wake_takers();
            }
        }
    }

    /// Something came that is watched.
    pub(super) fn wake_takers(&mut self) {
        self.waits.wake_all(&Topic::Completions, &mut self.wakes);
        self.waits.wake_all(&Topic::Loop, &mut self.wakes);
    }

    /// Only the last reply counts: the node takes back what it gave to those who asked before.
    fn allocated(&mut self, object: ObjectId, range: Result<u64, Arc<Failure>>) {
        match self.allocations.remove(&object) {
            Some(Allocation::Unwanted { replies: replies @ 2.. }) => {
                let left = Allocation::Unwanted { replies: replies - 1 };
                self.allocations.insert(object, left);
            }
            Some(Allocation::Unwanted { .. }) => self.events.push_back(Event::Discard(object)),
            Some(Allocation::Asked { earlier: earlier @ 1.. }) => {
                self.allocations.insert(object, Allocation::Asked { earlier: earlier - 1 });
            }
            Some(Allocation::Asked { .. } | Allocation::Came(_)) | None => {
                if range.is_err() {
                    // A range that was asked for earlier may be there all the same.
                    self.events.push_back(Event::Discard(object));
                }
                self.allocations.insert(object, Allocation::Came(range));
                self.waits.wake_all(&Topic::Allocation(object), &mut self.wakes);
            }
        }
    }

    fn run(&mut self, execution: Box<Execution>) {
        let running = self.running(execution);
        self.waits.wake_for_task(running.group(), &mut self.wakes);
        self.queues.push(running);
    }

    fn help(&mut self, execution: Box<Execution>) {
        let running = self.running(execution);
        self.helps.push_back(running);
        if !self.waits.wake_helper(&mut self.wakes) {
            self.waits.wake_for_task("", &mut self.wakes);
        }
    }

    fn running(&mut self, mut execution: Box<Execution>) -> Box<Running> {
        if execution.template.returns == Returns::Stream {
            self.consumed.insert(execution.task, 0);
        }
        let contents = std::mem::take(&mut execution.dependencies);
        let data = contents.into_iter().map(|(object, content)| self.arena.data(object, content));
        let data = data.collect();
        Box::new(Running::new(execution, data))
    }

    fn dial(&mut self, peer: WorkerId) {
        let link = self.links.begin(Some(peer), self.now);
        let me = Some(self.identity.worker);
        match Meeting::dial(Path::new(&self.identity.socket), &self.token, Some(peer), me, self.now)
        {
            Ok(meeting) => self.links.requests.push(Request::Meet { link, meeting }),
            Err(_unreachable) => {
                self.links.end(link);
                self.events.push_back(Event::PeerLost(peer));
            }
        }
    }

    fn receive_visitor(&mut self, stream: UnixStream) {
        // A visitor that cannot be received is hung up on, and sees it.
        if let Ok(meeting) =
            Meeting::accept(stream, &self.token, Some(self.identity.worker), self.now)
        {
            let link = self.links.begin(None, self.now);
            self.links.requests.push(Request::Meet { link, meeting });
        }
    }

    fn exit(&mut self, reason: String) {
        self.last_words();
        if !self.identity.driver {
            signals::exit_at_once(0);
        }
        self.events = VecDeque::new();
        self.end(EngineError::NodeDied(reason));
    }
}
