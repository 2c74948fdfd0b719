//! The node, one event at a time: what happened, and everything that follows.

mod chaos;
mod made_up;
mod surveys;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use types::{
    Assignment, Death, Exit, Failure, GroupId, LeaseId, NodeId, NodeInfo, ObjectId, Resources,
    Shape, Strategy, TaskId, Timestamp,
};
use wire::to_node::NodeReport;
use wire::to_worker::{FromNode, OutputLines};
use wire::{HeadToNode, ToNode};

use super::{Effect, Event};
use crate::Role;
use made_up::{
    JOB, TestNode, actor, actor_spec, cpus, death, driver_peer, fork, leased, start, tell, units,
    welcome, worker,
};

#[test]
fn the_first_thing_a_node_does_is_to_join_and_for_the_first_driver_it_starts_a_worker_per_cpu() {
    let mut node = TestNode::bare(2);
    assert_eq!(node.node.next_deadline(), Some(Timestamp::ZERO));

    let effects = node.step(Event::Arrived { connection: 7, peer: driver_peer(false) });

    let joined = NodeInfo {
        node: NodeId(1),
        alive: true,
        resources: cpus(2.0),
        free: cpus(2.0),
        labels: BTreeMap::new(),
        facts: BTreeMap::new(),
    };
    let driver = worker(1);
    assert_eq!(
        effects,
        [
            Effect::ToHead(NodeReport::Joined(joined)),
            Effect::Welcome { connection: 7, worker: driver },
            fork(2),
            fork(3)
        ]
    );
}

#[test]
fn a_demand_is_met_with_idle_workers_and_what_is_free_is_told_a_little_later() {
    let mut node = TestNode::with_cpus(2);

    let effects = node.want(node.driver, 1.0, 3);

    assert_eq!(effects, [node.leased(1, 3, 1.0), node.leased(2, 2, 1.0)]);
    let free = Effect::ToHead(NodeReport::Free(Resources::default()));
    assert_eq!(node.wait(Duration::from_millis(20)), [free]);
    assert_eq!(node.node.explain(), ["the demand {CPU: 1} waits: {} of {CPU: 2} is free"]);
}

#[test]
fn a_lease_that_is_given_back_goes_to_the_next_who_waits() {
    let mut node = TestNode::with_cpus(1);
    let other = node.another_driver();
    node.want(node.driver, 1.0, 1);
    let lease = LeaseId(1);

    assert_eq!(node.want(other, 1.0, 1), [tell(node.driver, FromNode::Reclaim(lease))]);
    let effects = node.say(node.driver, ToNode::Release(lease));

    // The worker stays with the job it worked for: the other job gets a fresh one.
    assert_eq!(effects, [fork(4)]);
    assert_eq!(node.arrive(4), [welcome(4), leased(other, 2, 4, 1.0)]);
}

#[test]
fn a_demand_for_more_than_there_is_is_refused_with_demand_and_capacity() {
    let mut node = TestNode::with_cpus(2);

    let effects = node.want(node.driver, 3.0, 1);

    let why = "the demand {CPU: 3} can never be met: the node has {CPU: 2} in all; there is too little CPU";
    let failure = Arc::new(Failure::Unschedulable(why.to_owned()));
    assert_eq!(effects, [tell(node.driver, FromNode::Refused { shape: 300, failure })]);
}

#[test]
fn a_blocked_worker_lends_its_cpu_so_that_its_own_task_can_run() {
    let mut node = TestNode::with_cpus(1);
    node.want(node.driver, 1.0, 1);
    let parent = worker(2);
    let reclaim = tell(node.driver, FromNode::Reclaim(LeaseId(1)));
    assert_eq!(node.want(parent, 1.0, 1), [reclaim]);

    assert_eq!(node.say(parent, ToNode::Blocked(LeaseId(1))), [fork(3)]);
    assert_eq!(node.arrive(3), [welcome(3), leased(parent, 2, 3, 1.0)]);
    assert_eq!(node.say(parent, ToNode::Unblocked(LeaseId(1))), []);
    assert_eq!(node.say(parent, ToNode::Release(LeaseId(2))), []);

    assert_eq!(node.free(), 0.0, "the parent runs again");
}

#[test]
fn at_the_cap_a_worker_whose_task_waits_is_lent_again_even_to_itself() {
    let mut node = TestNode::with_settings(1, |settings| settings.workers_max = 1);
    node.want(node.driver, 1.0, 1);
    let parent = worker(2);
    node.want(parent, 1.0, 1);

    let lent = node.say(parent, ToNode::Blocked(LeaseId(1)));
    assert_eq!(lent, [leased(parent, 2, 2, 1.0)]);
    assert_eq!(node.want(parent, 1.0, 2), [], "it does not wait on its second lease");
    let lent = node.say(parent, ToNode::Blocked(LeaseId(2)));
    assert_eq!(lent, [leased(parent, 3, 2, 1.0)]);

    node.say(parent, ToNode::Release(LeaseId(3)));
    node.say(parent, ToNode::Unblocked(LeaseId(2)));
    node.say(parent, ToNode::Release(LeaseId(2)));
    node.say(parent, ToNode::Unblocked(LeaseId(1)));
    assert_eq!(node.free(), 0.0, "the first task has its CPU again");
}

#[test]
fn at_the_cap_a_job_without_a_process_does_not_hold_back_one_whose_task_waits() {
    let mut node = TestNode::with_settings(2, |settings| settings.workers_max = 2);
    let other = node.another_driver();
    node.want(node.driver, 1.0, 2);
    let parent = worker(3);
    node.want(other, 1.0, 1);
    node.want(parent, 1.0, 1);

    let lent = node.say(parent, ToNode::Blocked(LeaseId(1)));

    assert!(lent.contains(&leased(parent, 3, 3, 1.0)), "{lent:?}");
}

#[test]
fn at_the_cap_an_environment_that_no_worker_has_gets_one_when_all_wait_and_it_is_lent_again() {
    let mut node = TestNode::with_settings(1, |settings| settings.workers_max = 1);
    let environment = r#"{"env_vars":{"A":"1"}}"#.to_owned();
    let of_environment = Shape { environment: environment.clone(), ..Shape::default() };
    let spec = Some(Arc::new(of_environment));
    let want = ToNode::Want { shape: 0, spec, count: 1, granted: 0 };
    node.want(node.driver, 1.0, 1);
    let (parent, child) = (worker(2), worker(3));
    node.say(parent, want.clone());

    let forked = node.say(parent, ToNode::Blocked(LeaseId(1)));

    assert_eq!(forked, [Effect::Fork { worker: child, environment }]);
    assert_eq!(node.arrive(3), [welcome(3), leased(parent, 2, 3, 0.0)]);
    node.say(child, want);
    let lent = node.say(child, ToNode::Blocked(LeaseId(2)));
    assert_eq!(lent, [leased(child, 3, 3, 0.0)]);
}

#[test]
fn at_the_cap_a_job_that_has_no_worker_gets_one_when_the_tasks_of_all_others_wait() {
    let mut node = TestNode::with_settings(1, |settings| settings.workers_max = 1);
    let other = node.another_driver();
    node.want(node.driver, 1.0, 1);
    node.want(other, 1.0, 1);

    assert_eq!(node.say(worker(2), ToNode::Blocked(LeaseId(1))), [fork(4)]);
    assert_eq!(node.arrive(4), [welcome(4), leased(other, 2, 4, 1.0)]);
}

#[test]
fn the_end_of_a_worker_ends_all_its_leases() {
    let mut node = TestNode::with_settings(1, |settings| settings.workers_max = 1);
    node.want(node.driver, 1.0, 1);
    let parent = worker(2);
    node.want(node.driver, 1.0, 2);
    node.say(parent, ToNode::Blocked(LeaseId(1)));

    node.step(Event::HungUp(parent));
    let effects = node.end(parent, Exit::Signal(9));

    let ended = |lease| {
        let death = death(parent, Exit::Signal(9), "");
        tell(node.driver, FromNode::LeaseEnded { lease: LeaseId(lease), death })
    };
    assert!(effects.contains(&ended(1)) && effects.contains(&ended(2)), "{effects:?}");
}

#[test]
fn a_demand_that_shrinks_gives_up_what_was_promised() {
    let mut node = TestNode::bare(2);
    node.step(Event::Arrived { connection: 1, peer: driver_peer(false) });
    node.driver = worker(1);
    node.step(Event::JobStarted(node.driver, JOB));
    assert_eq!(node.want(node.driver, 1.0, 2), []);
    assert_eq!(node.free(), 0.0);

    node.say(node.driver, ToNode::Want { shape: 100, spec: None, count: 1, granted: 0 });

    assert_eq!(node.free(), 1.0);
    assert_eq!(node.arrive(2), [welcome(2), node.leased(1, 2, 1.0)]);
    assert_eq!(node.arrive(3), [welcome(3)]);
}

#[test]
fn a_dead_worker_ends_its_lease_and_everybody_hears_how_it_died() {
    let mut node = TestNode::with_cpus(1);
    let other = node.another_driver();
    node.want(node.driver, 1.0, 1);
    let lines = vec!["Segmentation fault".to_owned()];
    node.step(Event::Wrote { worker: worker(2), error: true, lines: lines.clone() });

    assert_eq!(node.step(Event::HungUp(worker(2))), []);
    let exit = Exit::Signal(11);
    let effects =
        node.step(Event::ProcessEnded { worker: worker(2), exit, peak_memory_bytes: 5_000_000 });

    let output = OutputLines {
        worker: worker(2),
        pid: 1002,
        name: String::new(),
        error: true,
        lines: lines.clone(),
    };
    let death = Death {
        worker: worker(2),
        pid: 1002,
        exit,
        reason: String::new(),
        peak_memory_bytes: 5_000_000,
        last_lines: lines,
    };
    assert_eq!(
        effects,
        [
            tell(node.driver, FromNode::Lines(vec![output])),
            tell(node.driver, FromNode::LeaseEnded { lease: LeaseId(1), death: death.clone() }),
            tell(node.driver, FromNode::PeerEnded(death.clone())),
            tell(other, FromNode::PeerEnded(death.clone())),
            Effect::ToHead(NodeReport::WorkerGone(death)),
        ]
    );
    assert_eq!(node.free(), 1.0);
}

#[test]
fn a_worker_that_leaves_gets_nothing_more_to_do_and_its_lease_ends_with_its_reason() {
    let mut node = TestNode::with_cpus(1);
    node.want(node.driver, 1.0, 1);
    let reason = "it ran 5 calls, as max_calls asks".to_owned();
    node.say(worker(2), ToNode::Leaving { reason: reason.clone() });

    let effects = node.end(worker(2), Exit::Code(0));

    let death = death(worker(2), Exit::Code(0), &reason);
    let ended = FromNode::LeaseEnded { lease: LeaseId(1), death };
    assert!(effects.contains(&tell(node.driver, ended)), "{effects:?}");
}

#[test]
fn a_process_that_hangs_up_and_does_not_end_is_ended() {
    let mut node = TestNode::with_cpus(1);
    node.step(Event::HungUp(worker(2)));

    assert_eq!(node.wait(Duration::from_millis(999)), []);
    assert_eq!(node.wait(Duration::from_millis(1)), [Effect::Kill(worker(2))]);
}

#[test]
fn an_owner_that_ends_takes_its_leases_its_demands_and_its_objects_with_it() {
    let mut node = TestNode::with_cpus(1);
    node.want(node.driver, 1.0, 2);
    let object = TaskId::new(node.driver, 1, JOB).output(1);
    let owner = node.driver;
    node.say(worker(2), ToNode::Create { object, owner, size: 10 });
    node.say(worker(2), ToNode::Seal(object));

    let effects = node.step(Event::HungUp(node.driver));

    let gone = death(owner, Exit::Unknown, "");
    assert_eq!(
        effects,
        [
            Effect::Kill(worker(2)),
            tell(worker(2), FromNode::PeerEnded(gone.clone())),
            Effect::ToHead(NodeReport::WorkerGone(gone)),
        ]
    );
    assert_eq!((node.free(), node.node.objects.used()), (1.0, 0));
    let failed = node.say(worker(2), ToNode::Create { object, owner, size: 10 });
    let failure = Arc::new(Failure::OwnerDied(object, owner));
    assert_eq!(failed, [tell(worker(2), FromNode::Created(object, Err(failure)))]);
}

#[test]
fn the_cluster_stops_when_the_driver_that_owns_it_hangs_up() {
    let mut node = TestNode::bare(1);
    node.step(Event::Arrived { connection: 1, peer: driver_peer(true) });

    let effects = node.step(Event::HungUp(worker(1)));

    assert_eq!(effects[0], Effect::Stop("its driver, process 99, ended".to_owned()));
}

#[test]
fn the_end_of_a_job_ends_its_processes_but_not_its_detached_actors() {
    let mut node = TestNode::with_cpus(3);
    node.want(node.driver, 1.0, 1);
    node.start(actor(1), |spec| spec.detached = true);
    node.start(actor(2), |_| {});
    assert_eq!(node.worker_of(actor(1)), Some(worker(3)));

    let effects = node.head(HeadToNode::EndJob(JOB));

    assert_eq!(effects, [Effect::Kill(worker(2)), Effect::Kill(worker(4))]);
}

#[test]
fn an_actor_is_placed_holds_what_its_placement_needs_and_once_made_only_what_it_needs() {
    let mut node = TestNode::with_cpus(1);
    let spec = actor_spec(actor(1), 1.0, 0.0);

    let effects = node.head(start(&spec));

    let (spec, assignment) = (Box::new(spec), Assignment::default());
    let started = FromNode::Start { spec, dependencies: vec![], incarnation: 0, assignment };
    let placed = Effect::ToHead(NodeReport::ActorPlaced(actor(1), worker(2)));
    assert_eq!(effects, [tell(worker(2), started), placed]);
    assert_eq!(node.free(), 0.0);
    node.head(HeadToNode::ActorMade(actor(1)));
    assert_eq!(node.free(), 1.0);
}

#[test]
fn an_actor_that_is_ended_tells_the_head_why_it_died() {
    let mut node = TestNode::with_cpus(1);
    node.start(actor(1), |_| {});
    let reason = "kill() was called".to_owned();

    let killed = node.head(HeadToNode::EndActor { actor: actor(1), reason: reason.clone() });
    let effects = node.end(worker(2), Exit::Signal(9));

    assert_eq!(killed, [Effect::Kill(worker(2))]);
    let death = death(worker(2), Exit::Signal(9), &reason);
    assert_eq!(effects[0], Effect::ToHead(NodeReport::ActorEnded(actor(1), death)));
    assert_eq!(node.free(), 1.0);
}

#[test]
fn an_actor_that_no_node_can_hold_is_not_placed_and_one_that_waits_can_be_ended() {
    let mut node = TestNode::with_cpus(1);
    let effects = node.head(start(&actor_spec(actor(1), 2.0, 2.0)));
    let [Effect::ToHead(NodeReport::ActorNotPlaced(refused, _))] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(*refused, actor(1));
    node.want(node.driver, 1.0, 1);

    assert_eq!(
        node.head(start(&actor_spec(actor(2), 1.0, 1.0))),
        [tell(node.driver, FromNode::Reclaim(LeaseId(1)))]
    );
    assert_eq!(node.head(HeadToNode::EndActor { actor: actor(2), reason: String::new() }), []);

    assert_eq!(node.say(node.driver, ToNode::Release(LeaseId(1))), []);
}

#[test]
fn actors_have_processes_beyond_the_cap() {
    let mut node = TestNode::with_settings(1, |settings| settings.workers_max = 1);
    node.want(node.driver, 1.0, 1);

    let effects = node.head(start(&actor_spec(actor(1), 0.0, 0.0)));

    assert_eq!(effects, [fork(3)]);
    node.arrive(3);
    assert_eq!(node.worker_of(actor(1)), Some(worker(3)));
}

#[test]
fn a_demand_in_a_group_waits_for_its_commit_and_is_refused_when_the_group_is_removed() {
    let mut node = TestNode::with_cpus(2);
    let group = GroupId::new(node.driver, 1, JOB);
    let strategy = Strategy::Group { group, bundle: None };
    let shape = Arc::new(Shape { resources: cpus(1.0), strategy, ..Shape::default() });
    let want =
        |count, granted| ToNode::Want { shape: 7, spec: Some(Arc::clone(&shape)), count, granted };
    assert_eq!(node.say(node.driver, want(2, 0)), []);
    let bundles = vec![(0, cpus(1.0))];
    let prepared = Effect::ToHead(NodeReport::BundlesPrepared(group, true));

    assert_eq!(node.head(HeadToNode::PrepareBundles { group, bundles }), [prepared]);
    let granted = node.head(HeadToNode::CommitBundles(group));
    assert!(
        matches!(&granted[..], [Effect::ToWorker(_, FromNode::Leased { shape: 7, .. })]),
        "{granted:?}"
    );
    let removed = node.head(HeadToNode::ReturnBundles(group));

    let failure = Arc::new(Failure::GroupRemoved(group));
    let refused = tell(node.driver, FromNode::Refused { shape: 7, failure: Arc::clone(&failure) });
    assert_eq!(removed, [refused, Effect::Kill(worker(3))]);
    assert_eq!(node.free(), 1.0);
    node.end(worker(3), Exit::Signal(9));
    assert_eq!(node.free(), 2.0);
    let refused = tell(node.driver, FromNode::Refused { shape: 7, failure });
    assert_eq!(node.say(node.driver, want(1, 2)), [refused]);
}

#[test]
fn bundles_that_do_not_fit_are_not_prepared_and_the_head_hears_at_once_when_more_is_free() {
    let mut node = TestNode::with_cpus(2);
    let group = GroupId::new(node.driver, 1, JOB);
    node.want(node.driver, 1.0, 1);
    node.wait(Duration::from_millis(20));

    let bundles = vec![(0, cpus(2.0))];
    let refused = Effect::ToHead(NodeReport::BundlesPrepared(group, false));
    assert_eq!(node.head(HeadToNode::PrepareBundles { group, bundles }), [refused]);

    let free = Effect::ToHead(NodeReport::Free(cpus(2.0)));
    assert_eq!(node.say(node.driver, ToNode::Release(LeaseId(1))), [free]);
}

#[test]
fn a_head_that_was_refused_for_a_change_it_had_not_heard_of_hears_of_that_and_of_its_end() {
    let mut node = TestNode::with_cpus(2);
    let group = GroupId::new(node.driver, 1, JOB);
    node.want(node.driver, 1.0, 1);

    // The lease is not told yet, so the head believes that two are free, as they will be again.
    let bundles = vec![(0, cpus(2.0))];
    let refused = Effect::ToHead(NodeReport::BundlesPrepared(group, false));
    let free = |count| Effect::ToHead(NodeReport::Free(cpus(count)));
    assert_eq!(node.head(HeadToNode::PrepareBundles { group, bundles }), [refused, free(1.0)]);

    node.say(node.driver, ToNode::Release(LeaseId(1)));
    assert_eq!(node.wait(Duration::from_millis(20)), [free(2.0)]);
}

#[test]
fn a_head_that_was_refused_hears_when_what_is_free_lies_on_other_devices() {
    let amounts = |cpus, gpus| -> Resources {
        [("CPU", units(cpus)), ("GPU", units(gpus))].into_iter().collect()
    };
    let mut node = TestNode::bare_of(amounts(1.0, 2.0), 1, |_| {});
    node.driver = node.another_driver();
    node.arrive(2);
    let want = |shape, cpus, count, granted| {
        let spec = Shape { resources: amounts(cpus, 0.5), ..Shape::default() };
        ToNode::Want { shape, spec: Some(Arc::new(spec)), count, granted }
    };
    node.say(node.driver, want(1, 0.0, 1, 0));
    node.say(node.driver, want(2, 1.0, 1, 0));
    node.say(node.driver, want(3, 0.0, 1, 0));
    node.arrive(3);
    node.arrive(4);
    node.say(node.driver, ToNode::Release(LeaseId(1)));
    node.say(node.driver, want(2, 1.0, 1, 1));
    node.wait(Duration::from_millis(20));
    let group = GroupId::new(node.driver, 1, JOB);
    let prepare = || HeadToNode::PrepareBundles { group, bundles: vec![(0, amounts(0.0, 1.0))] };
    let prepared = |ok| Effect::ToHead(NodeReport::BundlesPrepared(group, ok));
    assert_eq!(node.head(prepare()), [prepared(false)]);

    let effects = node.say(node.driver, ToNode::Release(LeaseId(2)));

    let free = Effect::ToHead(NodeReport::Free(amounts(0.0, 1.0)));
    assert!(effects.contains(&free), "{effects:?}");
    assert_eq!(node.head(prepare()), [prepared(true)]);
}

#[test]
fn an_environment_that_cannot_be_made_fails_those_who_wait_for_it_and_nobody_else() {
    let mut node = TestNode::with_cpus(1);
    let environment = r#"{"pip":["nonsense"]}"#.to_owned();
    let shape = Arc::new(Shape {
        resources: cpus(1.0),
        environment: environment.clone(),
        ..Shape::default()
    });
    let want = ToNode::Want { shape: 7, spec: Some(shape), count: 1, granted: 0 };

    let forked = node.say(node.driver, want);
    assert_eq!(forked, [Effect::Fork { worker: worker(3), environment }]);
    let reason = "pip exited with 1".to_owned();
    let effects = node.step(Event::ForkFailed { worker: worker(3), reason: reason.clone() });

    let failure = Arc::new(Failure::EnvironmentFailed(reason));
    assert_eq!(effects, [tell(node.driver, FromNode::Refused { shape: 7, failure })]);
    assert_eq!(node.free(), 1.0);
}

#[test]
fn a_worker_that_does_not_start_is_replaced_twice_and_then_its_demand_is_refused() {
    let mut node = TestNode::bare(1);
    node.step(Event::Arrived { connection: 1, peer: driver_peer(false) });
    node.driver = worker(1);
    node.want(node.driver, 1.0, 1);
    let failed =
        |number| Event::ForkFailed { worker: worker(number), reason: "no memory".to_owned() };

    assert_eq!(node.step(failed(2)), [fork(3)]);
    assert_eq!(node.step(failed(3)), [fork(4)]);
    let effects = node.step(failed(4));

    assert!(matches!(&effects[..], [Effect::ToWorker(_, FromNode::Refused { .. })]), "{effects:?}");
}

#[test]
fn idle_workers_beyond_the_cpus_are_asked_to_leave_and_may_stay() {
    let mut node = TestNode::with_cpus(1);
    node.want(node.driver, 0.0, 2);
    node.arrive(3);
    for lease in [1, 2] {
        node.say(node.driver, ToNode::Release(LeaseId(lease)));
    }

    let spared = tell(worker(2), FromNode::Spare);
    assert_eq!(node.wait(Duration::from_secs(1)), [spared]);
    assert_eq!(node.say(worker(2), ToNode::Staying), []);
    assert_eq!(node.wait(Duration::from_secs(1)), [], "nothing changed");
    node.say(worker(2), ToNode::Unneeded);
    assert_eq!(node.wait(Duration::from_secs(1)), [tell(worker(3), FromNode::Spare)]);
    assert_eq!(node.say(worker(3), ToNode::Staying), []);

    assert_eq!(node.want_more(node.driver, 0.0, 1, 2), [node.leased(3, 3, 0.0)]);
}

#[test]
fn lines_reach_the_driver_of_the_job_together_and_under_the_name_of_what_wrote_them() {
    let mut node = TestNode::with_cpus(1);
    node.want(node.driver, 1.0, 1);
    node.say(worker(2), ToNode::Named("train".to_owned()));
    let wrote =
        |line: &str| Event::Wrote { worker: worker(2), error: false, lines: vec![line.to_owned()] };

    assert_eq!(node.step(wrote("one")), []);
    assert_eq!(node.step(wrote("two")), []);

    let lines = vec!["one".to_owned(), "two".to_owned()];
    let told =
        OutputLines { worker: worker(2), pid: 1002, name: "train".to_owned(), error: false, lines };
    assert!(
        node.wait(Duration::from_millis(20))
            .contains(&tell(node.driver, FromNode::Lines(vec![told])))
    );
}

#[test]
fn a_driver_that_asks_for_lines_hears_what_was_written_and_then_that_this_was_all() {
    let mut node = TestNode::with_cpus(1);
    node.want(node.driver, 1.0, 1);
    let (pid, name, lines) = (1002, String::new(), vec!["last".to_owned()]);
    node.step(Event::Wrote { worker: worker(2), error: false, lines: lines.clone() });

    let told = node.say(node.driver, ToNode::AskLines(7));

    let lines = OutputLines { worker: worker(2), pid, name, error: false, lines };
    let all = tell(node.driver, FromNode::LinesTold(7));
    assert_eq!(told, [tell(node.driver, FromNode::Lines(vec![lines])), all]);
}

#[test]
fn an_object_is_made_sealed_read_and_freed() {
    let mut node = TestNode::with_cpus(1);
    let (driver, reader) = (node.driver, worker(2));
    let object: ObjectId = TaskId::new(driver, 1, JOB).output(0);

    let created = node.say(driver, ToNode::Create { object, owner: driver, size: 100 });
    node.say(driver, ToNode::Seal(object));
    let pinned = node.say(reader, ToNode::Pin(object));
    node.say(driver, ToNode::Free(vec![object]));
    let used = node.node.objects.used();
    node.say(reader, ToNode::Unpin(object));

    assert_eq!(created, [tell(driver, FromNode::Created(object, Ok(0)))]);
    assert_eq!(pinned, [tell(reader, FromNode::Pinned(object, Ok((0, 100))))]);
    assert_eq!((used, node.node.objects.used()), (4096, 0));
}
