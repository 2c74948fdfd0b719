//! Tasks that wait for each other where no further process may be started.
//!
//! Owns: stories of one CPU and one process, or few. Does not own: whose turn it is (`scheduler`).

use types::Settings;

use super::{Story, call, script, submit};
use crate::script::{Kind, Made, Op, Script, Submit};

#[test]
fn a_tree_of_tasks_ends_in_one_process() {
    let scripts = (1..=4).map(|child| {
        let both = vec![
            submit(call(0, child, vec![])),
            submit(call(1, child, vec![])),
            Op::Get(0),
            Op::Get(1),
        ];
        script(both, vec![Made::default()])
    });
    let leaf = script(vec![Op::Work(50)], vec![Made::default()]);

    narrow(scripts.chain([leaf]).collect(), 1).holds();
}

#[test]
fn a_task_may_wait_for_the_one_that_waits_in_its_process() {
    let leaf = script(vec![Op::Work(50)], vec![Made::default()]);
    let parent = script(vec![submit(call(0, 3, vec![])), Op::Get(0)], vec![Made::default()]);
    let reader = Script { inputs: vec![0], ..script(vec![Op::Get(0)], vec![Made::default()]) };
    let reading = |slot| submit(Submit { nested: vec![0], ..call(slot, 2, vec![]) });
    let root = vec![submit(call(0, 1, vec![])), reading(1), reading(2), Op::Get(1), Op::Get(2)];

    narrow(vec![script(root, vec![]), parent, reader, leaf], 1).holds();
}

#[test]
fn a_generator_that_is_ahead_enough_lends_its_cpu() {
    let yields: Vec<Op> = (0..4).map(|_| Op::Yield(Made::default())).collect();
    let stream = Submit { kind: Kind::Stream, look_ahead: Some(1), ..call(0, 1, vec![]) };
    let quick = script(Vec::new(), vec![Made::default()]);
    let mut root = vec![submit(stream), Op::Take(0), submit(call(1, 2, vec![])), Op::Get(1)];
    root.extend((0..3).map(|_| Op::Take(0)));

    for processes in [1, 2] {
        let scripts = vec![script(Vec::clone(&root), vec![]), script(Vec::clone(&yields), vec![])];
        narrow(scripts.into_iter().chain([quick.clone()]).collect(), processes).holds();
    }
}

#[test]
fn tasks_of_many_environments_wait_for_each_other_in_few_processes() {
    let nested = (1..=12).map(|child| {
        let next = Submit { environment: child % 3, ..call(0, child as usize, vec![]) };
        script(vec![submit(next), Op::Get(0)], vec![Made::default()])
    });
    let leaf = script(vec![Op::Work(50)], vec![Made::default()]);
    let scripts: Vec<Script> = nested.chain([leaf]).collect();

    for processes in [1, 2] {
        narrow(scripts.clone(), processes).holds();
    }
}

fn narrow(scripts: Vec<Script>, processes: u64) -> Story {
    let settings = Settings { lease_linger_ms: 1, workers_max: processes, ..Settings::default() };
    Story { cpus: 1, settings, ..Story::of(scripts) }
}
