//! Waits that last, and whether they can end: what probes find here, and where they go next.
//!
//! Owns: what this process knows of the places of a probe. Does not own: what follows from all that it found
//! (`ownership::deadlock`), or when a wait lasts (`runtime`).

use std::sync::Arc;

use ownership::{Progress, Submitted, deadlock};
use types::limits::{PROBED_PLACES_MAX, PROBED_REFS_MAX};
use types::{Failure, Finding, ObjectId, Place, Probe, Ref, TaskId};
use wire::FromPeer;

use super::inbox::{Running, Stuck};
use super::{Effect, Worker};

impl Worker {
    /// The wait of a task that runs here lasts: a probe sets out.
    pub(super) fn stuck(&mut self, task: TaskId, wait: u64, refs: Vec<Ref>) {
        let Some(running) = self.inbox.running(task) else {
            return;
        };
        running.stuck = Some(Stuck { wait, refs });
        let left = vec![Place::Task(task, self.me)];
        self.probe_came(Box::new(Probe { found: Vec::new(), left, again: false }));
    }

    /// A probe looks at what it has to here, and goes on.
    pub(super) fn probe_came(&mut self, mut probe: Box<Probe>) {
        while let Some(place) = probe.left.last().copied() {
            if place.process() != self.me {
                let message = FromPeer::Probe(probe);
                self.effects.push(Effect::ToPeer(place.process(), message));
                return;
            }
            probe.left.pop();
            let finding = match place {
                Place::Object(reference) => self.look_at_object(reference.object),
                Place::Task(task, _) => self.look_at_task(task),
            };
            if !note(&mut probe, place, finding) {
                return;
            }
        }
        if probe.again {
            self.break_wait(&probe.found);
        } else if let Some(found) = deadlock::proof(&probe.found) {
            // What is left is looked at from its end, so that the last place is that of the wait which is broken.
            let left = found.iter().map(|(place, _)| *place).collect();
            self.probe_came(Box::new(Probe { found, left, again: true }));
        }
    }

    /// What must happen before an object of this process has its value.
    fn look_at_object(&self, object: ObjectId) -> Finding {
        let submitted = self.tasks.get(object.task);
        let unmade = submitted.filter(|_| self.values.get(object).is_none());
        let Some(Submitted { spec, progress, .. }) = unmade else {
            return Finding::default();
        };
        let missing = |argument: &Ref| {
            self.values.get(argument.object).is_none().then_some(Place::Object(*argument))
        };
        let needs = match progress {
            Progress::Waiting(_) | Progress::Ready => {
                spec.dependencies.iter().filter_map(missing).take(PROBED_REFS_MAX).collect()
            }
            Progress::Sent => {
                let executor = self.executor_of(spec.id);
                executor.into_iter().map(|executor| Place::Task(spec.id, executor)).collect()
            }
        };
        Finding { name: spec.template.name.clone(), needs, ..Finding::default() }
    }

    /// What must happen before a task that came here can end.
    fn look_at_task(&mut self, task: TaskId) -> Finding {
        if let Some(running) = self.inbox.running(task) {
            return waits(running).unwrap_or_default();
        }
        let Some((incoming, running)) = self.inbox.behind(task, &self.pins) else {
            return Finding::default();
        };
        let needs = running.into_iter().map(|task| Place::Task(task, self.me)).collect();
        let name = incoming.execution.template.name.clone();
        Finding { name, wait: None, needs, any: true }
    }

    /// A wait of this process was found to be without end twice.
    fn break_wait(&mut self, proof: &[(Place, Finding)]) {
        if let Some((Place::Task(task, _), finding)) = proof.first() {
            let stuck = self.inbox.running(*task).and_then(|running| running.stuck.take());
            let wait = stuck.map(|stuck| stuck.wait);
            assert!(wait.is_some() && wait == finding.wait, "OWN-18: a wait that is broken waits");
            let failure = Arc::new(Failure::Deadlock(deadlock::waits(proof)));
            self.effects.extend(wait.map(|wait| Effect::Break(wait, failure)));
        }
    }
}

/// Notes what was found at a place; false if the probe is not to go on.
fn note(probe: &mut Probe, place: Place, finding: Finding) -> bool {
    if probe.again {
        return probe.found.contains(&(place, finding));
    }
    for need in &finding.needs {
        if !probe.left.contains(need) && probe.found.iter().all(|(known, _)| known != need) {
            probe.left.push(*need);
        }
    }
    probe.found.push((place, finding));
    probe.found.len() + probe.left.len() <= PROBED_PLACES_MAX
}

/// What a task waits for that runs and will not end by itself.
fn waits(running: &Running) -> Option<Finding> {
    let Stuck { wait, refs } = running.stuck.as_ref()?;
    let ends = running.template.timeout.is_some()
        || (running.lease.is_some() && running.interrupted.is_some());
    let needs = refs.iter().copied().map(Place::Object).collect();
    let name = running.template.name.clone();
    (!ends).then_some(Finding { name, wait: Some(*wait), needs, any: false })
}
