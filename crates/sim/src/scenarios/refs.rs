//! Refs that travel while somebody lets go.
//!
//! Owns: stories of borrows. Does not own: objects in shared memory (`memory`).

use super::{Story, call, holding, script, submit};
use crate::script::{Made, NewActor, Op, Script};

#[test]
fn a_task_replies_though_it_lets_go_of_a_ref_before_its_owner_confirmed_it() {
    let makes_child = script(vec![submit(call(0, 3, vec![]))], vec![holding(0)]);
    let ignores_argument = script(Vec::new(), vec![Made::default()]);
    let root = vec![submit(call(0, 1, vec![])), submit(call(1, 2, vec![0])), Op::Get(1)];

    Story::of(vec![script(root, vec![]), makes_child, ignores_argument.clone(), ignores_argument])
        .holds();
}

#[test]
fn a_ref_inside_a_result_can_be_read_after_its_maker_let_go() {
    let makes_value = script(vec![Op::Put(0, Made::default())], vec![holding(0)]);
    let passes_on =
        Script { inputs: vec![0], ..script(vec![Op::Get(0), Op::GetFound], vec![holding(0)]) };
    let mut second = call(1, 2, vec![]);
    second.nested = vec![0];
    let root = vec![
        submit(call(0, 1, vec![])),
        submit(second),
        Op::Drop(0),
        Op::Get(1),
        Op::Drop(1),
        Op::GetFound,
        Op::GetFound,
    ];

    Story::of(vec![script(root, vec![]), makes_value, passes_on]).holds();
}

#[test]
fn a_constructor_reads_its_arguments_though_its_handle_went() {
    let constructor = Script { inputs: vec![0], ..script(vec![Op::Get(0)], vec![Made::default()]) };
    let actor = NewActor {
        slot: 1,
        constructor: 1,
        nested: vec![0],
        calls_at_once: 1,
        ordered: true,
        cpu: (10_000, 0),
        ..NewActor::default()
    };
    let root =
        vec![Op::Put(0, Made::default()), Op::NewActor(Box::new(actor)), Op::Drop(0), Op::Drop(1)];

    Story::of(vec![script(root, vec![]), constructor]).holds();
}
