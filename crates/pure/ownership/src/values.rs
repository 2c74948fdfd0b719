//! What this process knows of the values of objects, and who waits to know.
//!
//! Owns: values that have arrived, and for those that have not, who asked.
//! Does not own: why they are needed (`refs`), or who makes them (`tasks`).
//!
//! An object nobody asked for and whose value has not arrived has no entry: a million pending tasks cost nothing here.

use types::{Map, ObjectId, Stored, TaskId, WorkerId};

/// The values of one process.
#[derive(Debug, Default)]
pub struct Values {
    known: Map<ObjectId, Known>,
}

/// Who waits for a value.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Awaiters {
    /// A thread of this process waits for its content.
    pub load: bool,
    /// Its owner was asked for it.
    pub asked: bool,
    /// Tasks whose argument it is.
    pub tasks: Vec<TaskId>,
    /// Processes that asked for it.
    pub fetchers: Vec<WorkerId>,
}

#[derive(Debug)]
enum Known {
    Awaited(Awaiters),
    Here(Stored),
}

impl Default for Known {
    fn default() -> Self {
        Self::Awaited(Awaiters::default())
    }
}

impl Values {
    /// The value, if it is here.
    #[must_use]
    pub fn get(&self, object: ObjectId) -> Option<&Stored> {
        match self.known.get(&object)? {
            Known::Here(stored) => Some(stored),
            Known::Awaited(_) => None,
        }
    }

    /// The value if it is here, else a change to the list of those who wait for it.
    pub fn await_by(
        &mut self,
        object: ObjectId,
        add: impl FnOnce(&mut Awaiters),
    ) -> Option<&Stored> {
        match self.known.entry(object).or_default() {
            Known::Here(stored) => Some(stored),
            Known::Awaited(awaiters) => {
                add(awaiters);
                None
            }
        }
    }

    /// The value arrived: who waited for it. A second arrival changes nothing.
    pub fn arrive(&mut self, object: ObjectId, stored: Stored) -> Option<Awaiters> {
        let known = self.known.entry(object).or_default();
        let Known::Awaited(awaiters) = known else {
            return None;
        };
        let awaiters = std::mem::take(awaiters);
        *known = Known::Here(stored);
        Some(awaiters)
    }

    /// Nobody can reach the object: its value, if it is here.
    pub fn forget(&mut self, object: ObjectId) -> Option<Stored> {
        match self.known.remove(&object)? {
            Known::Here(stored) => Some(stored),
            Known::Awaited(_) => None,
        }
    }

    /// Whether no value is here or awaited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use types::{JobId, NodeId, Payload};

    use super::*;

    const ME: WorkerId = WorkerId { node: NodeId(1), number: 1 };

    #[test]
    fn a_value_meets_those_who_waited_for_it_once() {
        let mut values = Values::default();
        let task = TaskId::new(ME, 1, JobId(1));
        let stored = Stored::inline(Payload::from(&b"x"[..]));

        let before = values.await_by(task.output(1), |awaiters| awaiters.tasks.push(task));
        assert_eq!(before, None);
        let awaiters = values.arrive(task.output(1), stored.clone()).expect("it was awaited");

        assert_eq!(awaiters.tasks, [task]);
        assert_eq!(values.arrive(task.output(1), stored.clone()), None);
        assert_eq!(values.await_by(task.output(1), |_| ()), Some(&stored));
    }
}
