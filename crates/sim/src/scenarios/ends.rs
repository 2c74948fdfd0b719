//! Ends that are told out of order.
//!
//! Owns: stories of workers and groups that go. Does not own: what they owned (`refs`).

use super::{Story, call, holding, script, submit};
use crate::faults::{Fault, Trouble};
use crate::script::{Kind, Made, Op, Submit};

#[test]
fn a_worker_that_makes_few_calls_runs_none_of_them_twice() {
    let quick = script(Vec::new(), vec![Made::default()]);
    let each =
        |slot| submit(Submit { template: 0, calls_max: 3, retries: 0, ..call(slot, 1, vec![]) });
    let root = (0..20).map(each).chain((0..20).map(Op::Get)).collect();

    Story::of(vec![script(root, vec![]), quick]).holds();
}

#[test]
fn a_worker_that_made_its_last_call_stays_for_those_who_need_what_it_owns() {
    let makes_value = script(vec![Op::Put(0, Made::default())], vec![holding(0)]);
    let first = Submit { calls_max: 1, ..call(0, 1, vec![]) };
    let root = vec![submit(first), Op::Get(0), Op::Work(5_000), Op::GetFound];

    Story::of(vec![script(root, vec![]), makes_value]).holds();
}

#[test]
fn a_group_that_goes_before_it_was_reserved_takes_its_tasks_along() {
    let busy = script(vec![Op::Work(3_000)], vec![Made::default()]);
    let in_group = Submit { group: Some(3), ..call(4, 1, vec![]) };
    let root = vec![
        submit(call(0, 1, vec![])),
        submit(call(1, 1, vec![])),
        submit(call(2, 1, vec![])),
        Op::NewGroup { slot: 3, bundles: vec![10_000, 10_000, 10_000] },
        submit(in_group),
        Op::Work(1_000),
        Op::RemoveGroup(3),
        Op::Get(4),
    ];

    Story { calm: false, ..Story::of(vec![script(root, vec![]), busy]) }.holds();
}

#[test]
fn a_stream_goes_on_after_its_worker_was_killed_although_its_consumer_is_ahead() {
    let yields: Vec<Op> =
        (0..6).flat_map(|_| [Op::Yield(Made::default()), Op::Work(300)]).collect();
    let stream = Submit { kind: Kind::Stream, look_ahead: Some(1), ..call(0, 1, vec![]) };
    let root: Vec<Op> =
        std::iter::once(submit(stream)).chain((0..6).map(|_| Op::Take(0))).collect();
    for at_step in [60, 75, 90] {
        let fault = Fault { at_step, kind: Trouble::KillWorker(1) };
        let scripts = vec![script(Vec::clone(&root), vec![]), script(yields.clone(), vec![])];

        Story { faults: vec![fault], ..Story::of(scripts) }.holds();
    }
}
