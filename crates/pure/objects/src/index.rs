//! Every object of the node: being written, sealed, read, on disk.
//!
//! Owns: the state of each object and who waits for it. Does not own: which ranges are free (`arena`), or what
//! leaves first (`spilling`).

mod room;
mod rules;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use types::{Failure, Map, ObjectId, Timestamp, WorkerId};

use crate::arena::Arena;
use crate::gone::{Cause, Gone};
use crate::spilling::Spilling;
use room::{Request, Stuck};

/// What is to be told or done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// The range for an object that the process writes.
    Created(WorkerId, ObjectId, u64),
    /// The process cannot write the object.
    CreateFailed(WorkerId, ObjectId, Arc<Failure>),
    /// The process may read the object at this offset, with this size.
    Pinned(WorkerId, ObjectId, u64, u64),
    /// The process cannot read the object.
    PinFailed(WorkerId, ObjectId, Arc<Failure>),
    /// Write the object at this offset, with this size, to disk.
    Spill(ObjectId, u64, u64),
    /// Read the object of this size back, to this offset.
    Restore(ObjectId, u64, u64),
    /// Delete the object from disk.
    DeleteSpilled(ObjectId),
}

/// All objects of the node.
#[derive(Debug)]
pub struct Index {
    arena: Arena,
    spilling: Spilling,
    objects: Map<ObjectId, Entry>,
    /// Ranges that are being written. A task that is tried again may write its object a second time.
    writes: BTreeMap<(ObjectId, WorkerId), Write>,
    owned: BTreeSet<(WorkerId, ObjectId)>,
    pins: BTreeMap<(WorkerId, ObjectId), u32>,
    /// Who waits for objects that are not in memory, or not there yet.
    readers: BTreeMap<ObjectId, Vec<WorkerId>>,
    waiting: VecDeque<Request>,
    stuck: Stuck,
    gone: Gone,
}

/// A sealed object.
#[derive(Debug)]
struct Entry {
    owner: WorkerId,
    size: u64,
    place: Place,
    /// By all processes together.
    pins: u32,
    freed: bool,
}

/// Where a sealed object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At this offset, and nothing else happens to it.
    Memory(u64),
    /// At this offset, and under this number it may be spilled.
    Spillable(u64, u64),
    /// At this offset, and it is being written to disk.
    Spilling(u64),
    /// On disk, and it waits for a range if anybody wants to read it.
    Disk,
    /// On disk, and it is being read back to this offset.
    Restoring(u64),
}

impl Place {
    /// Where it can be read, if it can.
    const fn readable(self) -> Option<u64> {
        match self {
            Self::Memory(offset) | Self::Spillable(offset, _) | Self::Spilling(offset) => {
                Some(offset)
            }
            Self::Disk | Self::Restoring(_) => None,
        }
    }
}

#[derive(Debug)]
struct Write {
    owner: WorkerId,
    offset: u64,
    size: u64,
    /// Nobody needs it any more, but the range is still written to.
    freed: bool,
}

impl Index {
    /// No objects, in an arena of `capacity` bytes from which objects leave above `spill_at_percent`.
    #[must_use]
    pub fn new(capacity: u64, spill_at_percent: u64) -> Self {
        let arena = Arena::new(capacity);
        let kept_free = arena.capacity() / 100 * (100 - spill_at_percent.min(100));
        Self {
            spilling: Spilling::new(arena.capacity() - kept_free),
            arena,
            objects: Map::default(),
            writes: BTreeMap::new(),
            owned: BTreeSet::new(),
            pins: BTreeMap::new(),
            readers: BTreeMap::new(),
            waiting: VecDeque::new(),
            stuck: Stuck::default(),
            gone: Gone::default(),
        }
    }

    /// How many bytes of the arena are handed out.
    #[must_use]
    pub const fn used(&self) -> u64 {
        self.arena.used()
    }

    /// `writer` wants to write an object of `size` bytes.
    pub fn create(
        &mut self,
        now: Timestamp,
        (writer, object): (WorkerId, ObjectId),
        owner: WorkerId,
        size: u64,
        orders: &mut Vec<Order>,
    ) {
        if Arena::rounded(size) > self.arena.capacity() {
            let failure = Failure::StoreFull(format!(
                "{object} has {size} bytes, and the store of this node has {} in all; make it larger with \
                 init(object_store_memory=...)",
                self.arena.capacity()
            ));
            orders.push(Order::CreateFailed(writer, object, Arc::new(failure)));
            return;
        }
        self.gone.forget(object);
        self.waiting.push_back(Request::Create { writer, object, owner, size });
        self.make_room(now, orders);
    }

    /// `writer` wrote the object.
    pub fn seal(
        &mut self,
        now: Timestamp,
        writer: WorkerId,
        object: ObjectId,
        orders: &mut Vec<Order>,
    ) {
        let Some(write) = self.writes.remove(&(object, writer)) else {
            return;
        };
        // Who reads the copy of an earlier attempt goes on to read that one.
        if write.freed || self.objects.contains_key(&object) {
            self.arena.give_back(write.offset, write.size);
        } else {
            let place = Place::Memory(write.offset);
            let Write { owner, size, .. } = write;
            self.objects.insert(object, Entry { owner, size, place, pins: 0, freed: false });
            self.owned.insert((owner, object));
            self.serve_readers(object, orders);
        }
        self.settle(object, orders);
        self.make_room(now, orders);
    }

    /// `writer` will not write the object.
    pub fn discard(
        &mut self,
        now: Timestamp,
        writer: WorkerId,
        object: ObjectId,
        orders: &mut Vec<Order>,
    ) {
        let Some(write) = self.writes.remove(&(object, writer)) else { return };
        self.arena.give_back(write.offset, write.size);
        self.make_room(now, orders);
    }

    /// A process wants to read the object.
    pub fn pin(
        &mut self,
        now: Timestamp,
        process: WorkerId,
        object: ObjectId,
        orders: &mut Vec<Order>,
    ) {
        let Some(entry) = self.objects.get(&object) else {
            match self.gone.why(object) {
                Some(failure) => orders.push(Order::PinFailed(process, object, Arc::new(failure))),
                None => self.readers.entry(object).or_default().push(process),
            }
            return;
        };
        if entry.freed {
            let failure = self.gone.why(object).unwrap_or(Failure::ObjectFreed(object));
            orders.push(Order::PinFailed(process, object, Arc::new(failure)));
            return;
        }
        let on_disk = entry.place == Place::Disk;
        let readers = self.readers.entry(object).or_default();
        readers.push(process);
        if on_disk && readers.len() == 1 {
            self.waiting.push_back(Request::Restore(object));
            self.make_room(now, orders);
        } else {
            self.serve_readers(object, orders);
        }
    }

    /// A process reads the object no longer.
    pub fn unpin(
        &mut self,
        now: Timestamp,
        process: WorkerId,
        object: ObjectId,
        orders: &mut Vec<Order>,
    ) {
        let Some(count) = self.pins.get_mut(&(process, object)) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            self.pins.remove(&(process, object));
        }
        self.drop_pins(object, 1, orders);
        self.make_room(now, orders);
    }

    /// The owner says that nobody can reach the object.
    pub fn free(&mut self, now: Timestamp, object: ObjectId, orders: &mut Vec<Order>) {
        self.let_go(object, Cause::Freed, orders);
        self.make_room(now, orders);
    }

    /// The object was written to disk, or could not be.
    pub fn on_spilled(
        &mut self,
        now: Timestamp,
        object: ObjectId,
        result: Result<(), String>,
        orders: &mut Vec<Order>,
    ) {
        let Some(entry) = self.objects.get_mut(&object) else {
            return;
        };
        let Place::Spilling(offset) = entry.place else {
            return;
        };
        self.spilling.on_ended(entry.size);
        match result {
            Ok(()) if entry.pins == 0 && !entry.freed => {
                entry.place = Place::Disk;
                self.arena.give_back(offset, entry.size);
            }
            // Somebody came to read it meanwhile, or nobody needs it any more.
            Ok(()) => {
                entry.place = Place::Memory(offset);
                orders.push(Order::DeleteSpilled(object));
            }
            Err(reason) => {
                entry.place = Place::Memory(offset);
                self.spilling.on_failed(now);
                self.fail_first(Failure::OutOfDisk(reason), orders);
            }
        }
        self.settle(object, orders);
        self.make_room(now, orders);
    }

    /// The object was read back from disk, or could not be.
    pub fn on_restored(
        &mut self,
        now: Timestamp,
        object: ObjectId,
        result: Result<(), String>,
        orders: &mut Vec<Order>,
    ) {
        let Some(entry) = self.objects.get_mut(&object) else {
            return;
        };
        let Place::Restoring(offset) = entry.place else {
            return;
        };
        match result {
            Ok(()) => {
                entry.place = Place::Memory(offset);
                orders.push(Order::DeleteSpilled(object));
                self.serve_readers(object, orders);
            }
            Err(reason) => {
                entry.place = Place::Disk;
                self.arena.give_back(offset, entry.size);
                self.fail_readers(object, &Failure::ObjectLost(object, reason), orders);
            }
        }
        self.settle(object, orders);
        self.make_room(now, orders);
    }

    /// A process ended: it reads, writes and waits for nothing any more, and its objects go with it.
    pub fn on_process_ended(&mut self, now: Timestamp, process: WorkerId, orders: &mut Vec<Order>) {
        self.forget_requests_of(process, orders);
        self.readers.retain(|_, readers| {
            readers.retain(|reader| *reader != process);
            !readers.is_empty()
        });
        let written = self.writes.keys().filter(|(_, writer)| *writer == process);
        for key in written.copied().collect::<Vec<_>>() {
            if let Some(write) = self.writes.remove(&key) {
                self.arena.give_back(write.offset, write.size);
                self.lose_unwritten(key.0, process, orders);
            }
        }
        let pins = self.pins.range((process, FIRST)..=(process, LAST));
        for (object, count) in
            pins.map(|((_, object), count)| (*object, *count)).collect::<Vec<_>>()
        {
            self.pins.remove(&(process, object));
            self.drop_pins(object, count, orders);
        }
        let unsealed = self.writes.iter().filter(|(_, write)| write.owner == process);
        let mut owned: BTreeSet<ObjectId> = unsealed.map(|((object, _), _)| *object).collect();
        let sealed = self.owned.range((process, FIRST)..=(process, LAST));
        owned.extend(sealed.map(|(_, object)| *object));
        for object in owned {
            self.let_go(object, Cause::OwnerEnded(process), orders);
        }
        self.make_room(now, orders);
    }

    /// Pins the object for all who wait to read it, if it can be read.
    fn serve_readers(&mut self, object: ObjectId, orders: &mut Vec<Order>) {
        let Some(entry) = self.objects.get_mut(&object) else {
            return;
        };
        let Some(offset) = entry.place.readable().filter(|_| !entry.freed) else {
            return;
        };
        let Some(readers) = self.readers.remove(&object) else {
            return;
        };
        if let Place::Spillable(_, number) = entry.place {
            self.spilling.forbid(number);
            entry.place = Place::Memory(offset);
        }
        for reader in readers {
            entry.pins += 1;
            *self.pins.entry((reader, object)).or_default() += 1;
            orders.push(Order::Pinned(reader, object, offset, entry.size));
        }
    }

    fn fail_readers(&mut self, object: ObjectId, failure: &Failure, orders: &mut Vec<Order>) {
        for reader in self.readers.remove(&object).unwrap_or_default() {
            orders.push(Order::PinFailed(reader, object, Arc::new(failure.clone())));
        }
    }

    fn drop_pins(&mut self, object: ObjectId, count: u32, orders: &mut Vec<Order>) {
        if let Some(entry) = self.objects.get_mut(&object) {
            entry.pins -= count;
            self.settle(object, orders);
        }
    }

    /// A writer ended before the object was complete. It may have told of the object all the same: unless somebody
    /// else writes it, its readers would wait for ever.
    fn lose_unwritten(&mut self, object: ObjectId, writer: WorkerId, orders: &mut Vec<Order>) {
        let (none, all) = (WorkerId::from_u64(0), WorkerId::from_u64(u64::MAX));
        let is_written = self.writes.range((object, none)..=(object, all)).next().is_some();
        if is_written || self.objects.contains_key(&object) || self.gone.why(object).is_some() {
            return;
        }
        self.gone.remember(object, Cause::WriterEnded(writer));
        if let Some(failure) = self.gone.why(object) {
            self.fail_readers(object, &failure, orders);
        }
    }

    /// Nobody can reach the object any more, because its owner said so or ended.
    fn let_go(&mut self, object: ObjectId, cause: Cause, orders: &mut Vec<Order>) {
        self.gone.remember(object, cause);
        let none = WorkerId::from_u64(0);
        let all = WorkerId::from_u64(u64::MAX);
        for (_, write) in self.writes.range_mut((object, none)..=(object, all)) {
            write.freed = true;
        }
        if let Some(entry) = self.objects.get_mut(&object) {
            entry.freed = true;
        }
        if let Some(failure) = self.gone.why(object) {
            self.fail_readers(object, &failure, orders);
        }
        self.settle(object, orders);
    }

    /// Removes the object if nobody needs it, and lets it leave if nobody reads it.
    fn settle(&mut self, object: ObjectId, orders: &mut Vec<Order>) {
        let Some(entry) = self.objects.get_mut(&object) else {
            return;
        };
        if entry.pins > 0 {
            return;
        }
        match (entry.freed, entry.place) {
            (false, Place::Memory(offset)) => {
                entry.place = Place::Spillable(offset, self.spilling.allow(object));
                return;
            }
            (true, Place::Memory(offset)) => self.arena.give_back(offset, entry.size),
            (true, Place::Spillable(offset, number)) => {
                self.spilling.forbid(number);
                self.arena.give_back(offset, entry.size);
            }
            (true, Place::Disk) => orders.push(Order::DeleteSpilled(object)),
            (true, Place::Spilling(_) | Place::Restoring(_))
            | (
                false,
                Place::Spillable(..) | Place::Spilling(_) | Place::Disk | Place::Restoring(_),
            ) => {
                return;
            }
        }
        self.owned.remove(&(entry.owner, object));
        self.objects.remove(&object);
    }
}

/// The least and the greatest id.
const FIRST: ObjectId = ObjectId { task: types::TaskId::from_bytes([0; 24]), index: 0 };
const LAST: ObjectId = ObjectId { task: types::TaskId::from_bytes([0xff; 24]), index: u32::MAX };
