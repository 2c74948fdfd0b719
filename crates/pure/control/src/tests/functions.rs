//! Functions and those who wait for one.

use types::{FunctionId, JobId, NodeId, Payload, WorkerId};

use crate::Functions;

const JOB: JobId = JobId(1);
const FUNCTION: FunctionId = FunctionId::from_bytes([7; 16]);
const ANNE: WorkerId = WorkerId { node: NodeId(1), number: 1 };
const BERT: WorkerId = WorkerId { node: NodeId(1), number: 2 };

#[test]
fn who_asks_too_early_is_answered_when_the_function_comes_unless_it_is_gone() {
    let mut functions = Functions::default();
    assert_eq!(functions.ask(JOB, FUNCTION, (ANNE, 1)), None);
    assert_eq!(functions.ask(JOB, FUNCTION, (BERT, 2)), None);
    functions.on_worker_gone(ANNE);

    assert_eq!(functions.put(JOB, FUNCTION, pickle()), [(BERT, 2)]);
    assert_eq!(functions.ask(JOB, FUNCTION, (ANNE, 3)), Some(pickle()));
    functions.check();
}

#[test]
fn who_waits_when_a_job_is_cleared_is_named_once() {
    let mut functions = Functions::default();
    assert_eq!(functions.ask(JOB, FUNCTION, (ANNE, 1)), None);

    assert_eq!(functions.clear(JOB), [(ANNE, 1)]);
    assert_eq!(functions.clear(JOB), []);
}

fn pickle() -> Payload {
    Payload::from(&b"pickle"[..])
}
