//! Refs that come, go, travel and get lost.
//!
//! Owns: the messages between owners and borrowers, and what an unreachable object takes along.
//! Does not own: the counts (`ownership::refs`), or the values (`ownership::values`).

use std::collections::btree_map::Entry;

use ownership::refs::Gate;
use ownership::{Awaiters, Fate, Held};
use types::{Failure, ObjectId, Ref, Stored, TaskId, WorkerId};
use wire::{FromPeer, ToHead, ToNode};

use super::{Effect, Source, Worker};

/// Word about a task that waits until the owners of refs in its arguments or results know of this borrower.
#[derive(Debug, Default)]
pub(super) struct Postponed {
    /// How many borrows are not confirmed yet.
    missing: u32,
    /// What is to be said then, once it is known.
    pub(super) word: Option<Effect>,
}

impl Worker {
    /// The user stored a value.
    pub(super) fn put(&mut self, object: ObjectId, stored: Stored) {
        self.refs.own(object, 1);
        self.keep(object, stored, None);
    }

    /// A handle to a ref was made here.
    pub(super) fn hold(&mut self, reference: Ref, source: Source) {
        let gate = match source {
            Source::Outside => None,
            Source::Value(outer) => Some(Gate::Value(outer)),
            Source::Task(task) => self.inbox.owner_of(task).map(|owner| Gate::Message(owner, task)),
        };
        self.use_ref(reference, gate);
    }

    /// A handle went.
    pub(super) fn release(&mut self, object: ObjectId) {
        if self.refs.is_known(object) {
            self.drop_use(object);
        } else {
            self.values.forget(object);
        }
    }

    /// One more use; a first borrow is told to the owner, and `gate` opens when that is confirmed, unless the owner
    /// itself sent the ref.
    pub(super) fn use_ref(&mut self, reference: Ref, gate: Option<Gate>) {
        match self.refs.hold(reference, self.me) {
            Held::Known => {}
            Held::New => {
                let gate = gate.filter(|gate| self.is_third(reference.owner, gate));
                let (object, confirm) = (reference.object, gate.is_some());
                let borrow = FromPeer::Borrow { object, confirm };
                self.effects.push(Effect::ToPeer(reference.owner, borrow));
                if let Some(gate) = gate {
                    self.refs.close(reference, gate);
                    self.shut(gate);
                }
            }
            Held::Gone => {
                let why = "its owner let it go before this ref to it was used".to_owned();
                let failure = Failure::ObjectLost(reference.object, why);
                self.values.arrive(reference.object, Stored::failed(failure));
            }
        }
    }

    /// One use less, and all that follows.
    pub(super) fn drop_use(&mut self, object: ObjectId) {
        let mut dropped = vec![object];
        while let Some(object) = dropped.pop() {
            match self.refs.release(object) {
                Fate::Kept => {}
                Fate::Unreachable => {
                    dropped.extend(self.let_go(object).iter().map(|inner| inner.object));
                }
                Fate::Returned(owner) => {
                    self.values.forget(object);
                    self.effects.push(Effect::ToPeer(owner, FromPeer::Return(object)));
                }
            }
        }
    }

    /// The value of an object that this process owns: the refs in it are used as long as it lives.
    pub(super) fn keep(
        &mut self,
        object: ObjectId,
        stored: Stored,
        made_by: Option<(TaskId, WorkerId)>,
    ) {
        if !self.refs.is_known(object) {
            if stored.value.is_shared() {
                self.freed.push(object);
            }
            return;
        }
        for reference in &stored.contains {
            self.use_ref(*reference, made_by.map(|(task, executor)| Gate::Message(executor, task)));
        }
        self.value_came(object, stored);
    }

    /// A value arrived: whoever waited for it goes on.
    pub(super) fn value_came(&mut self, object: ObjectId, stored: Stored) {
        if !self.refs.is_known(object) {
            return;
        }
        let Some(awaiters) = self.values.arrive(object, stored.clone()) else {
            return;
        };
        self.announce(object, stored.value.clone(), false);
        if awaiters.load && stored.value.is_shared() {
            self.announce(object, stored.value.clone(), true);
        }
        for fetcher in awaiters.fetchers {
            let fetched = FromPeer::Fetched { object, stored: stored.clone() };
            self.effects.push(Effect::ToPeer(fetcher, fetched));
        }
        for task in awaiters.tasks {
            if self.tasks.argument_arrived(task) {
                self.ready(task);
            }
        }
    }

    /// Another process holds refs to an object of this one.
    pub(super) fn lend(&mut self, borrower: WorkerId, object: ObjectId, confirm: bool) {
        if !self.refs.lend(object, borrower) {
            let why = "its owner let it go before this process came to hold it".to_owned();
            let stored = Stored::failed(Failure::ObjectLost(object, why));
            self.effects.push(Effect::ToPeer(borrower, FromPeer::Fetched { object, stored }));
        }
        if confirm {
            self.effects.push(Effect::ToPeer(borrower, FromPeer::Borrowed(object)));
        }
    }

    /// The owner knows of a borrow of this process.
    pub(super) fn borrow_confirmed(&mut self, owner: WorkerId, object: ObjectId) {
        if let Some(gate) = self.refs.confirmed(owner, object) {
            self.open(gate);
        }
    }

    /// A borrower returned an object.
    pub(super) fn borrow_returned(&mut self, borrower: WorkerId, object: ObjectId) {
        if self.refs.take_back(object, borrower) == Fate::Unreachable {
            self.let_go_whole(object);
        }
    }

    /// The receiver of a result has registered the refs inside it.
    pub(super) fn settled(&mut self, receiver: WorkerId, task: TaskId) {
        let handed = self.handed_over.remove(&(receiver, task)).into_iter().flatten();
        handed.for_each(|object| self.drop_use(object));
    }

    /// Another process asks for a value.
    pub(super) fn fetch_came(&mut self, from: WorkerId, object: ObjectId) {
        let stored = if self.refs.is_known(object) {
            self.await_value(object, |awaiters| awaiters.fetchers.push(from))
        } else {
            let why = "its owner has let it go".to_owned();
            Some(Stored::failed(Failure::ObjectLost(object, why)))
        };
        if let Some(stored) = stored {
            self.effects.push(Effect::ToPeer(from, FromPeer::Fetched { object, stored }));
        }
    }

    /// The value of an object, if it is here; else somebody waits for it, and its owner is asked once.
    pub(super) fn await_value(
        &mut self,
        object: ObjectId,
        add: impl FnOnce(&mut Awaiters),
    ) -> Option<Stored> {
        let (mut asked, owner) = (false, self.refs.lender(object));
        let here = self.values.await_by(object, |awaiters| {
            add(awaiters);
            asked = std::mem::replace(&mut awaiters.asked, true);
        });
        if let (None, Some(owner), false) = (here, owner, asked) {
            self.effects.push(Effect::ToPeer(owner, FromPeer::Fetch(object)));
        }
        here.cloned()
    }

    /// A peer is gone: what it borrowed is returned, what it owned is lost, what it asked to be done is dropped.
    pub(super) fn peer_lost(&mut self, peer: WorkerId) {
        for object in self.refs.on_borrower_lost(peer) {
            self.let_go_whole(object);
        }
        let (borrowed, gates) = self.refs.on_owner_lost(peer);
        gates.into_iter().for_each(|gate| self.open(gate));
        for object in borrowed {
            self.value_came(object, Stored::failed(Failure::OwnerDied(object, peer)));
        }
        let handed = self.handed_over.extract_if(.., |(receiver, _), _| *receiver == peer);
        let handed: Vec<ObjectId> = handed.flat_map(|(_, objects)| objects).collect();
        handed.into_iter().for_each(|object| self.drop_use(object));
        self.owner_of_tasks_lost(peer);
    }

    /// Tells the node what this step made unreachable.
    pub(super) fn free_objects(&mut self) {
        if !self.freed.is_empty() {
            self.effects.push(Effect::ToNode(ToNode::Free(std::mem::take(&mut self.freed))));
        }
    }

    /// Says something about a task to its owner or executor, `peer`, once the borrows that it rests on are confirmed.
    pub(super) fn say_once_confirmed(&mut self, peer: WorkerId, task: TaskId, word: Effect) {
        match self.postponed.get_mut(&(peer, task)) {
            Some(postponed) => {
                postponed.word = Some(word);
                self.say_if_confirmed(peer, task);
            }
            None => self.effects.push(word),
        }
    }

    /// Tells the executor of `task` that the refs in its results are registered, once they are.
    pub(super) fn settle(&mut self, executor: WorkerId, task: TaskId) {
        if self.postponed.contains_key(&(executor, task)) {
            let settled = Effect::ToPeer(executor, FromPeer::Settled(task));
            self.say_once_confirmed(executor, task, settled);
        }
    }

    fn say_if_confirmed(&mut self, peer: WorkerId, task: TaskId) {
        if let Entry::Occupied(postponed) = self.postponed.entry((peer, task))
            && let Postponed { missing: 0, word: Some(_) } = postponed.get()
        {
            self.effects.extend(postponed.remove().word);
        }
    }

    /// Whether a ref comes neither from this process nor from its owner.
    fn is_third(&self, owner: WorkerId, gate: &Gate) -> bool {
        let from = match gate {
            Gate::Value(outer) => self.refs.lender(*outer),
            Gate::Message(peer, _) => Some(*peer),
        };
        from.is_some_and(|from| from != owner && from != self.me)
    }

    fn shut(&mut self, gate: Gate) {
        match gate {
            Gate::Value(outer) => {
                let held = self.refs.hold_known(outer);
                assert!(held, "OWN-10: a ref comes from a value that is held");
            }
            Gate::Message(peer, task) => {
                self.postponed.entry((peer, task)).or_default().missing += 1;
            }
        }
    }

    fn open(&mut self, gate: Gate) {
        match gate {
            Gate::Value(outer) => self.drop_use(outer),
            Gate::Message(peer, task) => {
                if let Some(postponed) = self.postponed.get_mut(&(peer, task)) {
                    postponed.missing -= 1;
                }
                self.say_if_confirmed(peer, task);
            }
        }
    }

    fn let_go_whole(&mut self, object: ObjectId) {
        for inner in self.let_go(object) {
            self.drop_use(inner.object);
        }
    }

    /// Nobody can reach an object: the refs in its value.
    fn let_go(&mut self, object: ObjectId) -> Box<[Ref]> {
        let stored = self.values.forget(object);
        if stored.as_ref().is_some_and(|stored| stored.value.is_shared()) {
            self.freed.push(object);
        }
        if let Some(actor) = object.task.actor().filter(|actor| actor.handle() == object) {
            self.effects.push(Effect::ToHead(ToHead::ActorUnreachable(actor)));
        }
        stored.map(|stored| stored.contains).unwrap_or_default()
    }
}
