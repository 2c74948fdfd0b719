//! Performs what the role wants done, and tells it what was heard.
//!
//! Owns: one match for effects and one for what was heard. Does not own: any decision.

use std::collections::VecDeque;
use std::os::unix::net::UnixStream;
use std::path::Path;

use roles::worker::{Content, Effect, Event, Execution};
use types::{ObjectId, Returns, Subject, WorkerId};
use wire::{FromHead, ToDaemon, ToHead};

use super::EngineError;
use super::completions::Watched;
use super::guarded::Core;
use super::links::NODE;
use super::reading::Heard;
use super::running::Running;
use super::waits::Topic;
use crate::meeting::Meeting;
use crate::signals;

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
            Effect::Allocated(object, range) => self.range_came(object, range),
            Effect::Run(execution) => self.run(execution),
            Effect::Break(wait, failure) => self.waits.break_off(wait, failure),
            Effect::Interrupt(task, _why) => {
                self.interrupted.push(task);
                if self.served_loop.poller.is_some() {
                    self.waits.wake(&Topic::Loop);
                } else {
                    signals::interrupt_main_thread();
                }
            }
            Effect::Consumed(task, count) => {
                if let Some(consumed) = self.consumed.get_mut(&task) {
                    *consumed = count;
                    self.waits.wake(&Topic::Consumed(task));
                }
            }
            Effect::StreamMoved(task) => {
                self.waits.wake_those(|topic| topic.follows(task));
                self.watched_came(Watched::Stream(task), None);
            }
            Effect::Answered(request, answer) => {
                if let Some(expected) = self.answers.get_mut(&request) {
                    *expected = Some(answer);
                    self.waits.wake(&Topic::Answer(request));
                }
            }
            Effect::Lines(lines) => {
                self.lines.push(lines);
                self.waits.wake(&Topic::Lines);
            }
            Effect::Account(survey, subject, mut account) => {
                account.clock_began = self.spans.origin;
                if let Subject::Spans(_) | Subject::Tasks = subject {
                    account.spans = self.spans.newest.iter().cloned().collect();
                }
                self.events.push_back(Event::Tell(ToHead::Account(survey, account)));
            }
            Effect::Exit(reason) => self.exit(reason),
        }
    }

    /// Tells the role what was heard.
    pub(super) fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Said(event) => {
                let begins_job = matches!(event, Event::Head(FromHead::JobStarted(_)));
                self.step(event);
                if begins_job {
                    self.waits.wake(&Topic::Answer(JOB_REQUEST));
                }
            }
            Heard::Visitor(stream) => self.receive_visitor(stream),
            Heard::Met { link, peer, stream } => self.links.connected(link, peer, stream),
            Heard::Loop => {
                (self.served_loop.attended, self.served_loop.readable) = (false, true);
                self.waits.wake(&Topic::Loop);
            }
            Heard::Writable(link) => self.links.writable(link),
            Heard::Lost { link, why } => self.link_lost(link, &why),
        }
    }

    /// A connection ended, or could not be made.
    pub(super) fn link_lost(&mut self, link: u64, why: &str) {
        if link == NODE {
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
            if self.waits.is_awaited(&handle) && handle.ask(true) {
                self.step(Event::Want { refs: vec![handle.reference()], load: true });
            }
        }
        self.step(Event::Unread(object));
    }

    fn available(&mut self, object: ObjectId) {
        if let Some(handle) = self.handles.find(object) {
            handle.set_available();
            self.waits.object_came(&handle, None);
        }
    }

    fn loaded(&mut self, object: ObjectId, content: Content) {
        let data = self.data(object, content);
        if let Some(handle) = self.handles.find(object) {
            handle.set_data(data.clone());
            self.waits.object_came(&handle, Some(&data));
            self.watched_came(Watched::Object(object), Some(&data));
        }
    }

    fn run(&mut self, execution: Box<Execution>) {
        let running = self.running(execution);
        let taken = self.waits.wake_one(|topic| topic.takes(running.group()));
        if !taken && self.waits.are_lent() {
            self.waits.wake(&Topic::Aside);
        }
        self.queues.entry(running.group().to_owned()).or_default().push_back(running);
    }

    fn running(&mut self, mut execution: Box<Execution>) -> Box<Running> {
        if execution.template.returns == Returns::Stream {
            self.consumed.insert(execution.task, 0);
        }
        let contents = std::mem::take(&mut execution.dependencies);
        let data = contents.into_iter().map(|(object, content)| self.data(object, content));
        let dependencies = data.collect();
        Box::new(Running { execution, dependencies })
    }

    fn dial(&mut self, peer: WorkerId) {
        let link = self.links.begin(Some(peer), self.now);
        let me = Some(self.identity.worker);
        let socket = Path::new(&self.identity.socket);
        let dialled = Meeting::dial(socket, &self.token, Some(peer), me, self.now);
        if dialled.and_then(|meeting| self.links.meet(link, meeting)).is_err() {
            self.links.end(link);
            self.events.push_back(Event::PeerLost(peer));
        }
    }

    fn receive_visitor(&mut self, stream: UnixStream) {
        let link = self.links.begin(None, self.now);
        let me = Some(self.identity.worker);
        let accepted = Meeting::accept(stream, &self.token, me, self.now);
        // A visitor that cannot be received is hung up on, and sees it.
        if accepted.and_then(|meeting| self.links.meet(link, meeting)).is_err() {
            self.links.end(link);
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
