//! Who waits for a range, in which order, and what leaves to make room.
//!
//! Owns: the wait for memory. Does not own: the objects themselves (`index`).

use std::sync::Arc;
use std::time::Duration;

use types::{Failure, ObjectId, Timestamp, WorkerId};

use super::{DiskJob, Index, Order, Place, Write};

/// So long a request waits for readers to end, when nothing can leave, before it fails.
const STUCK_LIFE: Duration = Duration::from_secs(10);

/// Who waits for a range.
#[derive(Debug, Clone, Copy)]
pub(super) enum Request {
    /// A process that wants to write an object.
    Create { writer: WorkerId, object: ObjectId, owner: WorkerId, size: u64 },
    /// An object on disk that is wanted in memory.
    Restore(ObjectId),
}

impl Index {
    /// When [`Self::take_orders`] has something to do although nothing happened.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.stuck_since.map(|since| since + STUCK_LIFE)
    }

    /// What follows from all that happened, once room was made for who waits. Who waited too long although nothing can
    /// leave waits no more.
    pub fn take_orders(&mut self, now: Timestamp) -> impl Iterator<Item = Order> {
        self.make_room(now);
        if self.next_deadline().is_some_and(|deadline| deadline <= now) {
            self.stuck_since = None;
            let failure = Failure::StoreFull(format!(
                "{} of {} bytes are in use, and all that is sealed is being read, so that nothing can go to disk",
                self.arena.used(),
                self.arena.capacity()
            ));
            self.fail_first(failure);
            self.make_room(now);
        }
        self.orders.drain(..)
    }

    /// Serves who waits, in order, as far as there is room, and lets objects leave if there is not.
    fn make_room(&mut self, now: Timestamp) {
        let mut moved = false;
        while self.serve_first() {
            moved = true;
        }
        let awaited = self.waiting.front().and_then(|request| self.wanted(*request)).unwrap_or(0);
        while let Some(object) = self.spilling.next(now, self.arena.used(), awaited) {
            self.spill(object);
        }
        if self.waiting.is_empty() || self.spilling.may_help() {
            self.stuck_since = None;
        } else if moved || self.stuck_since.is_none() {
            self.stuck_since = Some(now);
        }
    }

    /// Nobody writes for a process that ended, or in its name.
    pub(super) fn forget_requests_of(&mut self, process: WorkerId) {
        self.waiting.retain(|request| match request {
            Request::Create { writer, object, owner, .. } => {
                if *owner == process && *writer != process {
                    let failure = Arc::new(Failure::OwnerDied(*object, process));
                    self.orders.push(Order::Created(*writer, *object, Err(failure)));
                }
                *owner != process && *writer != process
            }
            Request::Restore(_) => true,
        });
    }

    /// The first who waits does so in vain.
    pub(super) fn fail_first(&mut self, failure: Failure) {
        match self.waiting.pop_front() {
            Some(Request::Create { writer, object, .. }) => {
                self.orders.push(Order::Created(writer, object, Err(Arc::new(failure))));
            }
            Some(Request::Restore(object)) => self.fail_readers(object, &Arc::new(failure)),
            None => {}
        }
    }

    /// Gives the first who waits a range. False if there is none for it, or nobody waits.
    fn serve_first(&mut self) -> bool {
        let Some(request) = self.waiting.front().copied() else {
            return false;
        };
        if let Some(size) = self.wanted(request) {
            let Some(offset) = self.arena.take(size) else {
                return false;
            };
            self.serve(request, offset);
        }
        self.waiting.pop_front();
        true
    }

    fn serve(&mut self, request: Request, offset: u64) {
        match request {
            Request::Create { writer, object, owner, size } => {
                // It may have been let go while it waited.
                let freed = self.gone.get(object).is_some();
                let write = Write { owner, offset, size, freed };
                if let Some(earlier) = self.writes.insert((object, writer), write) {
                    self.arena.give_back(earlier.offset, earlier.size);
                }
                self.orders.push(Order::Created(writer, object, Ok(offset)));
            }
            Request::Restore(object) => {
                if let Some(entry) = self.objects.get_mut(&object) {
                    entry.place = Place::Restoring(offset);
                    self.orders.push(Order::Disk(DiskJob::Restore(object, offset, entry.size)));
                }
            }
        }
    }

    fn spill(&mut self, object: ObjectId) {
        let Some(entry) = self.objects.get_mut(&object) else {
            return;
        };
        if let Place::Spillable(offset, _) = entry.place {
            entry.place = Place::Spilling(offset);
            self.spilling.on_begun(entry.size);
            self.orders.push(Order::Disk(DiskJob::Spill(object, offset, entry.size)));
        }
    }

    /// How much room the request needs, unless nobody waits for that any more.
    fn wanted(&self, request: Request) -> Option<u64> {
        match request {
            Request::Create { size, .. } => Some(size),
            Request::Restore(object) => {
                let entry = self.objects.get(&object).filter(|entry| entry.place == Place::Disk)?;
                self.readers.contains_key(&object).then_some(entry.size)
            }
        }
    }
}
