//! Jobs begin and end, and what ends with them.

use super::*;

const FUNCTION: FunctionId = FunctionId::from_bytes([3; 16]);

#[test]
fn jobs_are_counted_from_one_and_the_node_hears_before_the_driver() {
    let mut head = TestHead::empty();

    for (driver, job) in [(DRIVER, JOB), (OTHER_DRIVER, JobId(2)), (DRIVER, JOB)] {
        assert_eq!(
            head.says(driver, start_job()),
            [Effect::JobStarted(driver, job), Effect::ToWorker(driver, FromHead::JobStarted(job)),]
        );
    }
}

#[test]
fn a_driver_s_end_ends_its_job_and_what_is_not_detached() {
    let mut head = TestHead::with_cpus(4);
    head.says(OTHER_DRIVER, start_job());
    let bound = head.alive(&actor(1), PROCESS);
    let detached = ActorSpec { detached: true, name: Some(named("stays")), ..actor(2) };
    head.alive(&detached, OTHER_PROCESS);
    let grandchild = head.placing(&ActorSpec { creator: OTHER_PROCESS, ..actor(3) });
    let gone = head.created(&group(1, GroupStrategy::Pack, [1]));
    let stays = GroupSpec { detached: true, ..group(2, GroupStrategy::Pack, [1]) };
    head.created(&stays);
    head.says(OTHER_DRIVER, ToHead::WatchActor(bound));
    head.says(OTHER_DRIVER, ToHead::WatchGroup(gone));

    let effects = head.gone(DRIVER);

    let reason = ActorEnd::CreatorEnded(DRIVER);
    let child_s = ActorEnd::CreatorEnded(OTHER_PROCESS);
    assert_eq!(
        effects,
        [
            end(bound, &reason),
            dead(OTHER_DRIVER, bound, reason),
            end(grandchild, &child_s),
            dead(OTHER_PROCESS, grandchild, child_s),
            give_back(NODE, gone),
            removed(OTHER_DRIVER, gone),
            Effect::ToNode(NODE, HeadToNode::EndJob(JOB)),
        ]
    );
    let found = Answer::Actor { actor: detached.id, handle: detached.handle, found: true };
    let question = Question::ActorNamed(named("stays"));
    let ask = ToHead::Ask { request: 1, question };
    assert_eq!(head.says(OTHER_DRIVER, ask), [answered(OTHER_DRIVER, 1, found)]);
    let watch = ToHead::WatchGroup(stays.id);
    assert_eq!(
        head.says(OTHER_DRIVER, watch),
        [group_is(OTHER_DRIVER, stays.id, GroupState::Created(vec![NODE]))]
    );
}

#[test]
fn what_a_driver_said_last_may_come_after_its_end_and_leaves_nothing() {
    let mut head = TestHead::with_cpus(4);
    head.gone(DRIVER);

    head.create(&actor(1));
    head.says(DRIVER, ToHead::CreateGroup(Box::new(group(1, GroupStrategy::Pack, [1]))));

    let state =
        ActorState::Dead(Arc::new(Failure::ActorDied(actor(1).id, ActorEnd::CreatorEnded(DRIVER))));
    assert_eq!(
        head.says(OTHER_DRIVER, ToHead::WatchActor(actor(1).id)),
        [changed(OTHER_DRIVER, actor(1).id, state)]
    );
    assert_eq!(head.free(), cpus(4));
}

#[test]
fn who_asks_for_a_function_too_early_is_answered_when_it_comes() {
    let mut head = TestHead::with_cpus(4);

    assert_eq!(head.says(PROCESS, ask_function(4)), []);
    assert_eq!(head.says(DRIVER, put_function()), [answered(PROCESS, 4, Answer::Bytes(pickle()))]);
    assert_eq!(
        head.says(PROCESS, ask_function(5)),
        [answered(PROCESS, 5, Answer::Bytes(pickle()))]
    );
}

#[test]
fn a_job_s_functions_go_with_it_and_who_waits_for_one_hears_so() {
    let mut head = TestHead::with_cpus(4);
    assert_eq!(head.says(PROCESS, ask_function(4)), []);

    let ended = Answer::Failed(Arc::new(Failure::Unschedulable(
        "job 1 has ended, and its functions with it".to_owned(),
    )));
    assert_eq!(
        head.gone(DRIVER),
        [answered(PROCESS, 4, ended.clone()), Effect::ToNode(NODE, HeadToNode::EndJob(JOB)),]
    );
    assert_eq!(head.says(OTHER_PROCESS, put_function()), []);
    assert_eq!(head.says(PROCESS, ask_function(5)), [answered(PROCESS, 5, ended)]);
}

#[test]
fn a_detached_actor_keeps_the_functions_of_its_job_until_it_dies() {
    let mut head = TestHead::with_cpus(4);
    let detached = ActorSpec { detached: true, ..actor(1) };
    head.alive(&detached, PROCESS);
    head.says(DRIVER, put_function());
    head.gone(DRIVER);

    assert_eq!(
        head.says(PROCESS, ask_function(4)),
        [answered(PROCESS, 4, Answer::Bytes(pickle()))]
    );
    head.says(OTHER_DRIVER, ToHead::KillActor { actor: detached.id, for_good: true });
    assert!(matches!(
        &head.says(PROCESS, ask_function(5))[..],
        [Effect::ToWorker(PROCESS, FromHead::Answered { answer: Answer::Failed(_), .. })]
    ));
}

fn ask_function(request: u64) -> ToHead {
    ToHead::Ask { request, question: Question::Function(JOB, FUNCTION) }
}

fn put_function() -> ToHead {
    ToHead::PutFunction { job: JOB, function: FUNCTION, pickle: pickle() }
}

fn pickle() -> Payload {
    Payload::from(&b"def f(): ..."[..])
}
