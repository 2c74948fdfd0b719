//! Counts the refs to every object this process knows, its own and borrowed ones.
//!
//! Owns: uses, borrowers, and which borrows their owner has not yet confirmed.
//! Does not own: values (`values`), or the messages between owner and borrower (`roles::worker::owning`).

use std::collections::VecDeque;

use types::{Map, ObjectId, Ref, Set, TaskId, WorkerId};

/// The refs of one process.
#[derive(Debug, Default)]
pub struct Refs {
    entries: Map<ObjectId, Entry>,
    lent: Map<WorkerId, Set<ObjectId>>,
    borrowed: Map<WorkerId, Set<ObjectId>>,
    /// What waits for each owner to confirm borrows, in the order in which it was told of them.
    gates: Map<WorkerId, VecDeque<(ObjectId, Gate)>>,
}

/// What it took to hold a ref.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Held {
    /// It was known before.
    Known,
    /// It is borrowed for the first time: its owner must be told.
    New,
    /// This process owned it and has let it go: there is nothing to hold.
    Gone,
}

/// What becomes of an object after one of its uses went away.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Fate {
    /// Somebody still needs it.
    Kept,
    /// Nobody can reach it any more: its copies may be freed.
    Unreachable,
    /// This process no longer borrows it: its owner must be told.
    Returned(WorkerId),
}

/// What waits until the owner of a borrowed object knows of this borrower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// A use of the object in whose value the ref was found.
    Value(ObjectId),
    /// Word to the owner or the executor of a task, in whose arguments or result the ref was found.
    Message(WorkerId, TaskId),
}

#[derive(Debug)]
struct Entry {
    /// Those of this process, and one of each borrower.
    uses: u32,
    /// The owner of a borrowed object.
    lender: Option<WorkerId>,
}

impl Refs {
    /// A new object of this process, with so many uses.
    pub fn own(&mut self, object: ObjectId, uses: u32) {
        let before = self.entries.insert(object, Entry { uses, lender: None });
        assert!(before.is_none(), "OWN-1: {object} is made once");
    }

    /// One more use of `reference`, whose owner may be this process, `me`.
    pub fn hold(&mut self, reference: Ref, me: WorkerId) -> Held {
        if self.hold_known(reference.object) {
            return Held::Known;
        }
        if reference.owner == me {
            return Held::Gone;
        }
        let entry = Entry { uses: 1, lender: Some(reference.owner) };
        self.entries.insert(reference.object, entry);
        self.borrowed.entry(reference.owner).or_default().insert(reference.object);
        Held::New
    }

    /// One more use of an object, if it is known here.
    pub fn hold_known(&mut self, object: ObjectId) -> bool {
        self.entries.get_mut(&object).map(|entry| entry.uses += 1).is_some()
    }

    /// One use less. An object that is not known is one whose owner ended.
    pub fn release(&mut self, object: ObjectId) -> Fate {
        let Some(entry) = self.entries.get_mut(&object) else {
            return Fate::Kept;
        };
        entry.uses = entry.uses.checked_sub(1).expect("OWN-2: a use ends once");
        if entry.uses > 0 {
            return Fate::Kept;
        }
        let lender = entry.lender;
        self.entries.remove(&object);
        lender.map_or(Fate::Unreachable, |owner| {
            unlist(&mut self.borrowed, owner, object);
            Fate::Returned(owner)
        })
    }

    /// Whether the object is known here.
    #[must_use]
    pub fn is_known(&self, object: ObjectId) -> bool {
        self.entries.contains_key(&object)
    }

    /// The owner of a borrowed object.
    #[must_use]
    pub fn lender(&self, object: ObjectId) -> Option<WorkerId> {
        self.entries.get(&object)?.lender
    }

    /// Another process holds the object; false if it is gone.
    pub fn lend(&mut self, object: ObjectId, borrower: WorkerId) -> bool {
        let is_owned = self.entries.get(&object).is_some_and(|entry| entry.lender.is_none());
        if is_owned && self.lent.entry(borrower).or_default().insert(object) {
            self.hold_known(object);
        }
        is_owned
    }

    /// Another process holds the object no more.
    pub fn take_back(&mut self, object: ObjectId, borrower: WorkerId) -> Fate {
        if unlist(&mut self.lent, borrower, object) { self.release(object) } else { Fate::Kept }
    }

    /// `gate` opens when the owner confirms a borrow that it is told of now.
    pub fn close(&mut self, reference: Ref, gate: Gate) {
        self.gates.entry(reference.owner).or_default().push_back((reference.object, gate));
    }

    /// An owner knows of a borrow: what waited for that. It may have been returned meanwhile.
    #[must_use]
    pub fn confirmed(&mut self, owner: WorkerId, object: ObjectId) -> Option<Gate> {
        let gates = self.gates.get_mut(&owner)?;
        let first = gates.iter().position(|(borrowed, _)| *borrowed == object)?;
        let opened = gates.remove(first).map(|(_, gate)| gate);
        if gates.is_empty() {
            self.gates.remove(&owner);
        }
        opened
    }

    /// A borrower that died returns everything it borrowed, at most once: the objects nobody else can reach.
    #[must_use]
    pub fn on_borrower_lost(&mut self, borrower: WorkerId) -> Vec<ObjectId> {
        let mut objects: Vec<_> = self.lent.remove(&borrower).into_iter().flatten().collect();
        objects.sort_unstable();
        objects.retain(|object| self.release(*object) == Fate::Unreachable);
        objects
    }

    /// An owner died: what was borrowed from it, and the gates that waited for it.
    #[must_use]
    pub fn on_owner_lost(&mut self, owner: WorkerId) -> (Vec<ObjectId>, Vec<Gate>) {
        let mut objects: Vec<_> =
            self.borrowed.get(&owner).into_iter().flatten().copied().collect();
        objects.sort_unstable();
        let gates = self.gates.remove(&owner).into_iter().flatten();
        (objects, gates.map(|(_, gate)| gate).collect())
    }

    /// All objects that are known, with the owners of those that are borrowed.
    #[must_use]
    pub fn all(&self) -> Vec<(ObjectId, Option<WorkerId>)> {
        let mut objects: Vec<_> =
            self.entries.keys().map(|object| (*object, self.lender(*object))).collect();
        objects.sort_unstable();
        objects
    }

    /// How many objects are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no object is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Panics unless every rule that the counts alone can break holds.
    pub fn check(&self) {
        #[expect(
            clippy::iter_over_hash_type,
            reason = "each entry is checked alone, so the order does not matter"
        )]
        for (object, entry) in &self.entries {
            let listed = |owner| self.borrowed.get(&owner).is_some_and(|of| of.contains(object));
            assert!(entry.uses > 0, "OWN-4: {object} is kept though unreachable");
            assert!(entry.lender.is_none_or(listed), "OWN-5: {object} is in its lender's table");
        }
        let mut lent = self.lent.values().flatten();
        assert!(lent.all(|object| self.is_known(*object)), "OWN-5: what is lent is kept");
    }
}

/// Whether an object was listed for a process. It is no longer.
fn unlist(table: &mut Map<WorkerId, Set<ObjectId>>, worker: WorkerId, object: ObjectId) -> bool {
    let Some(objects) = table.get_mut(&worker) else {
        return false;
    };
    let was_listed = objects.remove(&object);
    if objects.is_empty() {
        table.remove(&worker);
    }
    was_listed
}

#[cfg(test)]
mod tests {
    use types::{JobId, NodeId};

    use super::*;

    const ME: WorkerId = WorkerId { node: NodeId(1), number: 1 };
    const OTHER: WorkerId = WorkerId { node: NodeId(1), number: 2 };

    fn object(count: u64) -> ObjectId {
        TaskId::new(ME, count, JobId(1)).output(1)
    }

    #[test]
    fn an_object_lives_until_its_last_use_and_its_last_borrower_went() {
        let mut refs = Refs::default();
        refs.own(object(1), 1);

        assert!(refs.lend(object(1), OTHER));
        assert_eq!(refs.release(object(1)), Fate::Kept);
        refs.check();
        assert_eq!(refs.take_back(object(1), OTHER), Fate::Unreachable);
        assert!(refs.is_empty());
    }

    #[test]
    fn a_borrow_is_told_once_and_returned_once() {
        let mut refs = Refs::default();
        let borrowed = Ref { object: object(1), owner: OTHER };

        assert_eq!(refs.hold(borrowed, ME), Held::New);
        assert_eq!(refs.hold(borrowed, ME), Held::Known);
        assert_eq!(refs.release(object(1)), Fate::Kept);
        assert_eq!(refs.release(object(1)), Fate::Returned(OTHER));
        refs.check();
    }

    #[test]
    fn what_this_process_let_go_cannot_be_held_again() {
        let mut refs = Refs::default();

        assert_eq!(refs.hold(Ref { object: object(1), owner: ME }, ME), Held::Gone);
    }

    #[test]
    fn a_dead_borrower_returns_everything_once() {
        let mut refs = Refs::default();
        refs.own(object(1), 1);
        refs.own(object(2), 1);
        assert!(refs.lend(object(1), OTHER) && refs.lend(object(2), OTHER));
        assert_eq!(refs.release(object(2)), Fate::Kept);

        assert_eq!(refs.on_borrower_lost(OTHER), [object(2)]);
        assert!(refs.on_borrower_lost(OTHER).is_empty());
        refs.check();
    }

    #[test]
    fn a_late_confirmation_does_not_confirm_the_next_borrow() {
        let mut refs = Refs::default();
        let borrowed = Ref { object: object(1), owner: OTHER };
        let gates = [2, 3, 4].map(|outer| Gate::Value(object(outer)));
        for gate in gates {
            assert_eq!(refs.hold(borrowed, ME), Held::New);
            refs.close(borrowed, gate);
            assert_eq!(refs.release(object(1)), Fate::Returned(OTHER));
        }

        assert_eq!(gates.map(|_| refs.confirmed(OTHER, object(1))), gates.map(Some));
        assert_eq!(refs.confirmed(OTHER, object(1)), None);
    }

    #[test]
    fn a_dead_owner_opens_the_gates_that_waited_for_it() {
        let mut refs = Refs::default();
        let borrowed = Ref { object: object(1), owner: OTHER };
        assert_eq!(refs.hold(borrowed, ME), Held::New);
        refs.close(borrowed, Gate::Value(object(2)));

        assert_eq!(refs.on_owner_lost(OTHER), (vec![object(1)], vec![Gate::Value(object(2))]));
        assert_eq!(refs.confirmed(OTHER, object(1)), None);
    }
}
