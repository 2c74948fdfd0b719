//! Who is told of what.

use std::collections::BTreeSet;

use types::{NodeId, WorkerId};

use crate::Topics;

const ANNE: WorkerId = WorkerId { node: NodeId(1), number: 1 };
const BERT: WorkerId = WorkerId { node: NodeId(1), number: 2 };

#[test]
fn a_process_that_is_gone_and_a_thing_that_is_closed_leave_nothing_behind() {
    let mut topics = Topics::default();
    topics.watch('a', ANNE);
    topics.watch('a', BERT);
    topics.watch('b', BERT);

    topics.on_worker_gone(ANNE);
    assert_eq!(topics.watchers('a').collect::<Vec<_>>(), [BERT]);
    assert_eq!(topics.close('a'), BTreeSet::from([BERT]));
    assert_eq!(topics.close('b'), BTreeSet::from([BERT]));

    assert_eq!(topics.iter().count(), 0);
}
