//! Every object of the node: being written, sealed, read, on disk.
//!
//! Owns: the state of each object and who waits for it. Does not own: which ranges are free (`arena`), or what
//! leaves first (`spilling`).

mod room;
mod rules;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::RangeInclusive;
use std::sync::Arc;

use types::{Failure, Map, Memory, ObjectId, Timestamp, WorkerId};

use crate::arena::Arena;
use crate::spilling::Spilling;
use room::Request;

/// So many objects that went are remembered; the oldest is forgotten first.
const GONE_MAX: usize = 16_384;

/// What is to be told or done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// The process may write the object at this offset, or cannot.
    Created(WorkerId, ObjectId, Result<u64, Arc<Failure>>),
    /// The process may read the object at this offset, with this size, or cannot.
    Pinned(WorkerId, ObjectId, Result<(u64, u64), Arc<Failure>>),
    /// The disk has something to do.
    Disk(DiskJob),
}

/// What is to be done with the file of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskJob {
    /// Write the object at this offset of the arena, with this size.
    Spill(ObjectId, u64, u64),
    /// Read the object of this size back, to this offset.
    Restore(ObjectId, u64, u64),
    /// Remove the file.
    Delete(ObjectId),
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
    /// Since when nothing moved although somebody waits.
    stuck_since: Option<Timestamp>,
    /// Why objects went that did so lately, for readers who come too late.
    gone: Memory<ObjectId, Arc<Failure>>,
    /// What was decided and not yet taken.
    orders: Vec<Order>,
}

/// A sealed object.
#[derive(Debug)]
struct Entry {
    owner: WorkerId,
    size: u64,
    place: Place,
    /// By all processes together.
    pins: u32,
    /// Why nobody can reach it any more, if that is so.
    let_go: Option<Arc<Failure>>,
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
            stuck_since: None,
            gone: Memory::new(GONE_MAX),
            orders: Vec::new(),
        }
    }

    /// How many bytes of the arena are handed out.
    #[must_use]
    pub const fn used(&self) -> u64 {
        self.arena.used()
    }

    /// Where the part of the arena begins that was never handed out.
    #[must_use]
    pub const fn frontier(&self) -> u64 {
        self.arena.frontier()
    }

    /// `writer` wants to write an object of `size` bytes.
    pub fn create(&mut self, writer: WorkerId, object: ObjectId, owner: WorkerId, size: u64) {
        if Arena::rounded(size) > self.arena.capacity() {
            let failure = Failure::StoreFull(format!(
                "{object} has {size} bytes, and the store of this node has {} in all; make it larger with \
                 init(object_store_memory=...)",
                self.arena.capacity()
            ));
            self.orders.push(Order::Created(writer, object, Err(Arc::new(failure))));
            return;
        }
        self.gone.forget(object);
        self.waiting.push_back(Request::Create { writer, object, owner, size });
    }

    /// `writer` wrote the object.
    pub fn seal(&mut self, writer: WorkerId, object: ObjectId) {
        let Some(write) = self.writes.remove(&(object, writer)) else {
            return;
        };
        // Who reads the copy of an earlier attempt goes on to read that one.
        if write.freed || self.objects.contains_key(&object) {
            self.arena.give_back(write.offset, write.size);
        } else {
            let place = Place::Memory(write.offset);
            let Write { owner, size, .. } = write;
            self.objects.insert(object, Entry { owner, size, place, pins: 0, let_go: None });
            self.owned.insert((owner, object));
            self.serve_readers(object);
        }
        self.settle(object);
    }

    /// `writer` will not write the object.
    pub fn discard(&mut self, writer: WorkerId, object: ObjectId) {
        if let Some(write) = self.writes.remove(&(object, writer)) {
            self.arena.give_back(write.offset, write.size);
        }
    }

    /// A process wants to read the object.
    pub fn pin(&mut self, process: WorkerId, object: ObjectId) {
        let entry = self.objects.get(&object);
        let gone = entry.map_or_else(|| self.gone.get(object), |entry| entry.let_go.as_ref());
        if let Some(failure) = gone {
            self.orders.push(Order::Pinned(process, object, Err(Arc::clone(failure))));
            return;
        }
        let readers = self.readers.entry(object).or_default();
        readers.push(process);
        if readers.len() == 1 && entry.is_some_and(|entry| entry.place == Place::Disk) {
            self.waiting.push_back(Request::Restore(object));
        }
        self.serve_readers(object);
    }

    /// A process reads the object no longer.
    pub fn unpin(&mut self, process: WorkerId, object: ObjectId) {
        let Some(count) = self.pins.get_mut(&(process, object)) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            self.pins.remove(&(process, object));
        }
        self.drop_pins(object, 1);
    }

    /// The owner says that nobody can reach the object.
    pub fn free(&mut self, object: ObjectId) {
        self.let_go(object, Failure::ObjectFreed(object));
    }

    /// The owner says that nobody takes this item of a stream or later ones: what of them is sealed goes.
    pub fn free_from(&mut self, owner: WorkerId, first: ObjectId) {
        let last = ObjectId { index: u32::MAX, ..first };
        let items = self.owned.range((owner, first)..=(owner, last));
        for (_, item) in items.copied().collect::<Vec<_>>() {
            self.free(item);
        }
    }

    /// The disk did with the object what it was told to, or could not.
    pub fn on_disk_done(&mut self, now: Timestamp, object: ObjectId, result: Result<(), String>) {
        let Some(entry) = self.objects.get_mut(&object) else {
            return;
        };
        match (entry.place, result) {
            (Place::Spilling(offset), result) => {
                self.spilling.on_ended(entry.size);
                entry.place = Place::Memory(offset);
                match result {
                    Ok(()) if entry.pins == 0 && entry.let_go.is_none() => {
                        entry.place = Place::Disk;
                        self.arena.give_back(offset, entry.size);
                    }
                    // Somebody came to read it meanwhile, or nobody needs it any more.
                    Ok(()) => self.orders.push(Order::Disk(DiskJob::Delete(object))),
                    Err(reason) => {
                        self.spilling.on_failed(now);
                        self.fail_first(Failure::OutOfDisk(reason));
                    }
                }
            }
            (Place::Restoring(offset), Ok(())) => {
                entry.place = Place::Memory(offset);
                self.orders.push(Order::Disk(DiskJob::Delete(object)));
                self.serve_readers(object);
            }
            (Place::Restoring(offset), Err(reason)) => {
                entry.place = Place::Disk;
                self.arena.give_back(offset, entry.size);
                self.fail_readers(object, &Arc::new(Failure::ObjectLost(object, reason)));
            }
            (Place::Memory(_) | Place::Spillable(..) | Place::Disk, _) => return,
        }
        self.settle(object);
    }

    /// A process ended: it reads, writes and waits for nothing any more, and its objects go with it.
    pub fn on_process_ended(&mut self, process: WorkerId) {
        self.forget_requests_of(process);
        self.readers.retain(|_, readers| {
            readers.retain(|reader| *reader != process);
            !readers.is_empty()
        });
        let written = self.writes.extract_if(.., |(_, writer), _| *writer == process);
        for ((object, _), write) in written.collect::<Vec<_>>() {
            self.arena.give_back(write.offset, write.size);
            self.lose_unwritten(object, process);
        }
        let pins = self.pins.extract_if((process, FIRST)..=(process, LAST), |_, _| true);
        for ((_, object), count) in pins.collect::<Vec<_>>() {
            self.drop_pins(object, count);
        }
        let unsealed = self.writes.iter().filter(|(_, write)| write.owner == process);
        let mut owned: BTreeSet<ObjectId> = unsealed.map(|((object, _), _)| *object).collect();
        let sealed = self.owned.range((process, FIRST)..=(process, LAST));
        owned.extend(sealed.map(|(_, object)| *object));
        for object in owned {
            self.let_go(object, Failure::OwnerDied(object, process));
        }
    }

    /// Pins the object for all who wait to read it, if it can be read.
    fn serve_readers(&mut self, object: ObjectId) {
        let Some(entry) = self.objects.get_mut(&object) else {
            return;
        };
        let Some(offset) = entry.place.readable().filter(|_| entry.let_go.is_none()) else {
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
            self.orders.push(Order::Pinned(reader, object, Ok((offset, entry.size))));
        }
    }

    fn fail_readers(&mut self, object: ObjectId, failure: &Arc<Failure>) {
        for reader in self.readers.remove(&object).unwrap_or_default() {
            self.orders.push(Order::Pinned(reader, object, Err(Arc::clone(failure))));
        }
    }

    fn drop_pins(&mut self, object: ObjectId, count: u32) {
        if let Some(entry) = self.objects.get_mut(&object) {
            entry.pins -= count;
            self.settle(object);
        }
    }

    /// A writer ended before the object was complete. It may have told of the object all the same: unless somebody
    /// else writes it, its readers would wait for ever.
    fn lose_unwritten(&mut self, object: ObjectId, writer: WorkerId) {
        let is_written = self.writes.range(writes_of(object)).next().is_some();
        if is_written || self.objects.contains_key(&object) || self.gone.get(object).is_some() {
            return;
        }
        let why = format!("{writer}, which wrote it, ended before it was complete");
        self.lose(object, Failure::ObjectLost(object, why));
    }

    /// Who waits to read the object, or comes later, does so in vain.
    fn lose(&mut self, object: ObjectId, failure: Failure) -> Arc<Failure> {
        let failure = Arc::new(failure);
        self.gone.remember(object, Arc::clone(&failure));
        self.fail_readers(object, &failure);
        failure
    }

    /// Nobody can reach the object any more, because its owner said so or ended.
    fn let_go(&mut self, object: ObjectId, failure: Failure) {
        let failure = self.lose(object, failure);
        for (_, write) in self.writes.range_mut(writes_of(object)) {
            write.freed = true;
        }
        if let Some(entry) = self.objects.get_mut(&object) {
            entry.let_go = Some(failure);
        }
        self.settle(object);
    }

    /// Removes the object if nobody needs it, and lets it leave if nobody reads it.
    fn settle(&mut self, object: ObjectId) {
        let Some(entry) = self.objects.get_mut(&object).filter(|entry| entry.pins == 0) else {
            return;
        };
        match (entry.let_go.is_some(), entry.place) {
            (false, Place::Memory(offset)) => {
                entry.place = Place::Spillable(offset, self.spilling.allow(object));
                return;
            }
            (true, Place::Memory(offset)) => self.arena.give_back(offset, entry.size),
            (true, Place::Spillable(offset, number)) => {
                self.spilling.forbid(number);
                self.arena.give_back(offset, entry.size);
            }
            (true, Place::Disk) => self.orders.push(Order::Disk(DiskJob::Delete(object))),
            (_, Place::Spilling(_) | Place::Restoring(_))
            | (false, Place::Spillable(..) | Place::Disk) => return,
        }
        self.owned.remove(&(entry.owner, object));
        self.objects.remove(&object);
    }
}

/// The keys of all writes of an object, whoever writes.
fn writes_of(object: ObjectId) -> RangeInclusive<(ObjectId, WorkerId)> {
    (object, WorkerId::from_u64(0))..=(object, WorkerId::from_u64(u64::MAX))
}

/// The least and the greatest id.
const FIRST: ObjectId = ObjectId { task: types::TaskId::from_bytes([0; 24]), index: 0 };
const LAST: ObjectId = ObjectId { task: types::TaskId::from_bytes([0xff; 24]), index: u32::MAX };
