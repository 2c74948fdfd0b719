//! Whether waits that a probe found keep each other from ending.
//!
//! Owns: what follows from what was found. Does not own: where a probe goes (`roles::worker::probing`).
//!
//! Actors wait for everything of some (a `get`) and for one of several (a free thread), so a circle alone proves
//! nothing. As in the diffusing computations of Chandy, Misra and Haas ("Distributed Deadlock Detection", ACM
//! Transactions on Computer Systems 1(2), 1983) everything is asked that a wait depends on; here one probe carries the
//! answers along, and they are judged where the last one was given.

use types::{Finding, Map, Place, WorkerId};

/// The places that keep each other from going on, and the wait among them that is to be broken: that of the first.
///
/// It is the smallest of those waits that depend on themselves: whoever looks from within the same circle finds the
/// same one.
#[must_use]
pub fn proof(found: &[(Place, Finding)]) -> Option<Vec<(Place, Finding)>> {
    let dead = dead(found.iter().map(|(place, finding)| (*place, finding)).collect());
    let wait =
        |(place, finding): (&Place, &&Finding)| Some((place.process(), finding.wait?, *place));
    let mut waits: Vec<(WorkerId, u64, Place)> = dead.iter().filter_map(wait).collect();
    waits.sort_unstable();
    waits.into_iter().find_map(|(_, _, place)| {
        let reached = reached(&dead, place);
        let depends_on_itself = reached.iter().any(|(_, finding)| finding.needs.contains(&place));
        depends_on_itself.then_some(reached)
    })
}

/// Who waits in a proof, and for what.
#[must_use]
pub fn waits(proof: &[(Place, Finding)]) -> Vec<(String, String)> {
    let finding = |place: &Place| Some(&proof.iter().find(|(other, _)| other == place)?.1);
    let waits = proof.iter().filter(|(_, finding)| finding.wait.is_some());
    let named = waits.filter_map(|(_, waits)| {
        let awaited = waits.needs.iter().find_map(finding)?;
        Some((waits.name.clone(), awaited.name.clone()))
    });
    named.collect()
}

/// What cannot go on: all that remains when everything is struck out that can, or whose needs can be met.
fn dead(mut dead: Map<Place, &Finding>) -> Map<Place, &Finding> {
    loop {
        let goes_on = |finding: &Finding| {
            let mut needs = finding.needs.iter().map(|need| !dead.contains_key(need));
            if finding.any { needs.any(|met| met) } else { needs.all(|met| met) }
        };
        let alive = dead.iter().filter(|(_, finding)| goes_on(finding));
        let alive: Vec<Place> = alive.map(|(place, _)| *place).collect();
        if alive.is_empty() {
            return dead;
        }
        dead.retain(|place, _| !alive.contains(place));
    }
}

/// The dead places that one depends on, it first.
fn reached(dead: &Map<Place, &Finding>, from: Place) -> Vec<(Place, Finding)> {
    let mut reached = vec![(from, dead[&from].clone())];
    let mut at = 0;
    while let Some((_, finding)) = reached.get(at) {
        let is_new = |need: &&Place| reached.iter().all(|(known, _)| known != *need);
        let dead = |need: &Place| Some((*need, Finding::clone(dead.get(need)?)));
        let new: Vec<_> = finding.needs.iter().filter(is_new).filter_map(dead).collect();
        reached.extend(new);
        at += 1;
    }
    reached
}

#[cfg(test)]
mod tests {
    use types::{JobId, NodeId, TaskId};

    use super::*;

    #[test]
    fn a_call_that_waits_for_its_own_actor_is_a_circle_of_one() {
        let found = [wait(1, &[2]), behind(2, &[1])];

        assert_eq!(proof(&found).as_deref(), Some(&found[..]));
        assert_eq!(waits(&found), [("wait 1".to_owned(), "behind 2".to_owned())]);
    }

    #[test]
    fn the_smallest_wait_of_a_circle_is_broken_whoever_looks() {
        let found = [wait(3, &[4]), behind(4, &[1]), wait(1, &[2]), behind(2, &[3])];

        let proof = proof(&found).expect("they wait for each other");

        assert_eq!(proof[0], wait(1, &[2]));
        assert_eq!(proof.len(), 4);
    }

    #[test]
    fn who_waits_for_a_circle_is_not_part_of_it() {
        let found = [wait(1, &[3]), wait(2, &[3]), behind(3, &[2])];

        assert_eq!(proof(&found).expect("there is one")[0], wait(2, &[3]));
    }

    #[test]
    fn one_thread_that_may_go_on_is_enough_for_a_call_behind_several() {
        let busy = (place(9), Finding { wait: None, ..wait(9, &[]).1 });

        assert_eq!(proof(&[wait(1, &[2]), behind(2, &[1, 9]), busy]), None);
    }

    #[test]
    fn all_threads_of_an_actor_may_wait_for_a_call_behind_them() {
        let found = [wait(1, &[2]), behind(2, &[1, 3]), wait(3, &[2])];

        assert_eq!(proof(&found).expect("both wait").len(), 3);
    }

    #[test]
    fn a_get_of_many_never_ends_if_one_of_them_cannot_come() {
        let runs = (place(9), Finding { wait: None, ..wait(9, &[]).1 });

        let proof = proof(&[wait(1, &[9, 2]), runs, behind(2, &[1])]);

        assert_eq!(proof.expect("one is in the circle").len(), 2);
    }

    #[test]
    fn what_was_not_looked_at_may_go_on() {
        assert_eq!(proof(&[wait(1, &[2]), behind(2, &[1, 7])]), None);
        assert_eq!(proof(&[wait(1, &[2])]), None);
    }

    fn place(number: u64) -> Place {
        let executor = WorkerId { node: NodeId(1), number: number as u32 };
        Place::Task(TaskId::new(executor, number, JobId(1)), executor)
    }

    fn wait(number: u64, needs: &[u64]) -> (Place, Finding) {
        let (name, wait) = (format!("wait {number}"), Some(number));
        let needs = needs.iter().map(|need| place(*need)).collect();
        (place(number), Finding { name, wait, needs, any: false })
    }

    fn behind(number: u64, needs: &[u64]) -> (Place, Finding) {
        let (place, waits) = wait(number, needs);
        (place, Finding { name: format!("behind {number}"), wait: None, any: true, ..waits })
    }
}
