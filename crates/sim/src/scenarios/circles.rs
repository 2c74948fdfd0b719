//! Actors that wait for each other, and those that only seem to.
//!
//! Owns: stories of waits that would never end. Does not own: how they are found (`ownership::deadlock`).

use super::{Story, call, script, submit};
use crate::script::{Made, NewActor, Op, Script, Slot, Submit};

#[test]
fn a_method_that_waits_for_its_own_actor_ends_with_an_error() {
    let root = vec![actor(0, 1), method(1, 0, 2), Op::Get(1)];
    let waits = with_handles(1, vec![method(1, 0, 3), Op::Get(1)]);

    circular(vec![script(root, vec![]), nothing(), waits, leaf(1)]).holds();
}

#[test]
fn a_method_may_wait_for_its_own_actor_if_that_has_a_thread_to_spare() {
    let root = vec![actor(0, 2), method(1, 0, 2), Op::Get(1)];
    let waits = with_handles(1, vec![method(1, 0, 3), Op::Get(1)]);

    Story::of(vec![script(root, vec![]), nothing(), waits, leaf(1)]).holds();
}

#[test]
fn all_threads_of_an_actor_may_wait_for_calls_behind_them() {
    let calls = (1..4).map(|slot| method(slot, 0, 2)).chain((1..4).map(Op::Get));
    let root = [actor(0, 2)].into_iter().chain(calls).collect();
    let waits = with_handles(1, vec![Op::Work(500), method(1, 0, 3), Op::Wait(1), Op::Get(1)]);

    circular(vec![script(root, vec![]), nothing(), waits, leaf(1)]).holds();
}

#[test]
fn two_actors_and_a_task_between_them_wait_for_each_other() {
    let there = method(2, 0, 2);
    let root = vec![actor(0, 1), actor(1, 1), there, Op::Get(2)];
    let first = with_handles(2, vec![submit(handing(2, 3)), Op::Get(2)]);
    let task = with_handles(2, vec![method(2, 1, 4), Op::Get(2)]);
    let second = with_handles(2, vec![method(2, 0, 5), Op::Get(2)]);

    circular(vec![script(root, vec![]), nothing(), first, task, second, leaf(2)]).holds();
}

#[test]
fn a_call_whose_argument_waits_for_the_caller_never_begins() {
    let root = vec![actor(0, 1), actor(1, 1), method(2, 0, 2), Op::Get(2)];
    let argument = vec![method(2, 0, 3), submit(Submit { dependencies: vec![2], ..handing(3, 3) })];
    let first = with_handles(2, argument.into_iter().chain([Op::Get(3)]).collect());

    circular(vec![script(root, vec![]), nothing(), first, leaf(2)]).holds();
}

#[test]
fn who_waits_for_a_slow_actor_is_left_alone() {
    let root = vec![actor(0, 1), actor(1, 1), method(2, 0, 2), Op::Get(2)];
    let first = with_handles(2, vec![method(2, 1, 3), Op::Get(2)]);
    let slow = with_handles(2, vec![Op::Work(60_000)]);

    Story::of(vec![script(root, vec![]), nothing(), first, slow]).holds();
}

fn circular(scripts: Vec<Script>) -> Story {
    Story { circular: true, ..Story::of(scripts) }
}

/// An actor with so many threads; its constructor is script 1.
fn actor(slot: Slot, calls_at_once: u32) -> Op {
    let new =
        NewActor { slot, constructor: 1, calls_at_once, ordered: true, ..NewActor::default() };
    Op::NewActor(Box::new(new))
}

/// A call on an actor, with the handles of the two first slots.
fn method(slot: Slot, actor: Slot, script: usize) -> Op {
    submit(Submit { actor: Some(actor), ordered: true, ..handing(slot, script) })
}

fn handing(slot: Slot, script: usize) -> Submit {
    let cpu = 10_000;
    Submit { nested: vec![0, 1], cpu, ..call(slot, script, vec![]) }
}

/// A script with handles to so many actors in its first slots.
fn with_handles(count: Slot, ops: Vec<Op>) -> Script {
    Script { inputs: (0..count).collect(), ..script(ops, vec![Made::default()]) }
}

fn leaf(count: Slot) -> Script {
    with_handles(count, vec![Op::Work(50)])
}

fn nothing() -> Script {
    script(Vec::new(), vec![Made::default()])
}
