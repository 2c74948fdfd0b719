//! Waits that last: what a process says of them, to whom it sends a probe, and which wait is broken.
//!
//! Owns: the builder of an actor with one thread. Does not own: proofs (`ownership::deadlock`).

use types::{Finding, Place, Probe};

use super::*;

#[test]
fn a_call_that_waits_for_a_call_on_its_own_actor_is_broken() {
    let (mut actor, running) = actor();
    let own = actor.calls(2, &mut |_| ());

    let why = Failure::Deadlock(vec![("f".to_owned(), "f".to_owned())]);
    assert_eq!(actor.step(stuck(running, own)), [Effect::Break(7, Arc::new(why))]);
    assert_eq!(actor.step(Event::Unblocked(running)), []);
}

#[test]
fn a_wait_for_another_actor_is_looked_into_there() {
    let (mut actor, running) = actor();
    let (there, awaited) = (worker(3), actor.calls(3, &mut |_| ()));

    let found = vec![
        (Place::Task(running, worker(2)), finding(Some(7), Place::Object(awaited))),
        (Place::Object(awaited), finding(None, Place::Task(awaited.object.task, there))),
    ];
    let left = vec![Place::Task(awaited.object.task, there)];
    assert_eq!(actor.step(stuck(running, awaited)), [probe(3, found, left, false)]);
}

#[test]
fn a_probe_that_comes_back_to_its_wait_goes_round_once_more() {
    let (mut actor, running) = actor();
    let awaited = actor.calls(3, &mut |_| ());
    let found = |actor: &mut TestWorker| {
        let effects = actor.step(stuck(running, awaited));
        let [Effect::ToPeer(_, FromPeer::Probe(probe))] = &effects[..] else {
            panic!("{effects:?}")
        };
        probe.found.clone()
    };
    let here = Place::Task(running, worker(2));
    let there = (Place::Task(awaited.object.task, worker(3)), finding(Some(9), here));

    let mut circle = found(&mut actor);
    circle.push(there);
    let came = Probe { found: circle.clone(), left: Vec::new(), again: false };
    let came = Event::Peer(worker(3), FromPeer::Probe(Box::new(came)));
    let left = circle.iter().map(|(place, _)| *place).collect();

    assert_eq!(actor.step(came), [probe(3, circle, left, true)]);
}

#[test]
fn a_wait_that_is_over_proves_nothing() {
    let (mut actor, running) = actor();
    let own = actor.calls(2, &mut |_| ());
    let here = Place::Task(running, worker(2));
    let found = vec![(here, finding(Some(7), Place::Object(own)))];

    let again = Probe { found, left: vec![here], again: true };

    assert_eq!(actor.step(Event::Peer(worker(3), FromPeer::Probe(Box::new(again)))), []);
}

#[test]
fn a_task_with_a_limit_of_time_ends_by_itself() {
    let (mut actor, _) = actor();
    let mut limit = |template: &mut Template| template.timeout = Some(Duration::from_secs(9));
    let limited = actor.calls(2, &mut limit);
    actor.step(finished(TaskId::call(actor_id(), worker(1), 1), inline(b"x")));
    let own = actor.calls(2, &mut |_| ());

    assert_eq!(actor.step(stuck(limited.object.task, own)), []);
}

impl TestWorker {
    /// The process calls an actor: its own, which lives in `worker(2)`, or one of another process.
    fn calls(&mut self, number: u32, change: &mut dyn FnMut(&mut Template)) -> Ref {
        let actor =
            if number == 2 { actor_id() } else { ActorId::new(worker(1), number, JobId(1)) };
        let state = ActorState::Alive { worker: worker(number), incarnation: 0 };
        let count = self.role.unfinished() as u64 + 50;
        let id = TaskId::call(actor, self.me, count);
        let spec = TaskSpec { id, ..self.task_with(count, |template| change(method(template))) };
        let mut effects = self.step(Event::Submit(spec));
        effects.extend(self.step(Event::Head(FromHead::ActorChanged { actor, state })));
        for effect in effects {
            if let Effect::ToPeer(WorkerId { number: 2, .. }, message) = effect {
                self.step(Event::Peer(worker(2), message));
            }
        }
        Ref { object: id.output(1), owner: self.me }
    }
}

/// An actor of one thread that runs a call of `worker(1)`.
fn actor() -> (TestWorker, TaskId) {
    let mut actor = TestWorker::new(2);
    let nothing = Ref { object: actor.object_of(1), owner: worker(1) };
    let spec = ActorSpec { nested: Box::default(), ..actor_with(actor_id(), nothing) };
    let (spec, dependencies, assignment) = (Box::new(spec), Vec::new(), Assignment::default());
    actor.step(Event::Node(FromNode::Start { spec, dependencies, incarnation: 0, assignment }));
    actor.step(finished(TaskId::creation(actor_id()), inline(b"")));
    let id = TaskId::call(actor_id(), worker(1), 1);
    let called = |template: &mut Template| *template = method(template).clone();
    let spec = TaskSpec { id, ..actor.task_with(1, called) };
    let templates = vec![Arc::clone(&spec.template)];
    actor.step(Event::Peer(worker(1), FromPeer::Templates(templates)));
    let calls = FromPeer::Tasks { lease: None, tasks: vec![message(&spec, 0)] };
    actor.step(Event::Peer(worker(1), calls));
    (actor, id)
}

fn actor_id() -> ActorId {
    ActorId::new(worker(1), 1, JobId(1))
}

fn method(template: &mut Template) -> &mut Template {
    let (name, group) = ("f".to_owned(), String::new());
    template.callee = Callee::Method { name, group, ordered: true };
    template
}

fn stuck(task: TaskId, awaited: Ref) -> Event {
    Event::Stuck { task, wait: 7, refs: vec![awaited] }
}

fn finding(wait: Option<u64>, need: Place) -> Finding {
    Finding { name: "f".to_owned(), wait, needs: vec![need], any: false }
}

fn probe(to: u32, found: Vec<(Place, Finding)>, left: Vec<Place>, again: bool) -> Effect {
    Effect::ToPeer(worker(to), FromPeer::Probe(Box::new(Probe { found, left, again })))
}
