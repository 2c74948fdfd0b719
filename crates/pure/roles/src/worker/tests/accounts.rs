//! What a process tells of itself when somebody asks.

use types::{Account, Called, ObjectInfo, Stage, Subject, TaskInfo, Whereabouts};

use super::*;

#[test]
fn an_owner_tells_which_of_its_tasks_wait_are_ready_were_sent_or_failed_and_why() {
    let mut driver = TestWorker::new(1);
    let failing = driver.sent(1);
    let raised = |error: &[u8]| Failure::Raised { error: error.into(), text: "why".to_owned() };
    let failure = Arc::new(raised(b"pickle"));
    let failed = Outcome::Failed { failure, retriable: false };
    driver.step(Event::Peer(worker(2), done(failing, failed)));
    let sent = driver.task(2);
    driver.step(Event::Submit(sent.clone()));
    let other = Arc::new(Shape { environment: "{}".to_owned(), ..Shape::default() });
    let ready = driver.task_with(3, |template| template.shape = Arc::clone(&other));
    driver.step(Event::Submit(ready.clone()));
    let argument = Ref { object: sent.id.output(1), owner: driver.me };
    let waiting = TaskSpec { dependencies: Box::new([argument]), ..driver.task(4) };
    driver.step(Event::Submit(waiting.clone()));

    let told = driver.tells(Subject::Tasks);

    let without_pickle = Arc::new(raised(b""));
    let mut rows = [
        info(failing, 0, Stage::Failed(without_pickle)),
        info(sent.id, 0, Stage::Sent),
        info(ready.id, 0, Stage::Ready),
        info(waiting.id, 0, Stage::Waiting),
    ];
    rows[2].called.shape = other;
    assert_eq!(told, Account { tasks: rows.into(), ..Account::default() });
}

#[test]
fn an_attempt_that_failed_is_told_though_another_one_follows() {
    let mut driver = TestWorker::new(1);
    let task = driver.sent(1);
    let failure = Arc::new(Failure::ObjectFreed(task.output(1)));
    let outcome = Outcome::Failed { failure: Arc::clone(&failure), retriable: true };
    driver.step(Event::Peer(worker(2), done(task, outcome)));

    let told = driver.tells(Subject::Tasks);

    let rows = [info(task, 0, Stage::Failed(failure)), info(task, 1, Stage::Sent)];
    assert_eq!(told.tasks, rows);
}

#[test]
fn an_attempt_at_a_call_that_a_restart_cost_is_told_as_failed() {
    let mut caller = TestWorker::new(1);
    let actor = ActorId::new(worker(3), 1, JobId(1));
    let id = TaskId::call(actor, worker(1), 1);
    let method = || Callee::Method { name: "f".to_owned(), group: String::new(), ordered: true };
    caller.step(Event::Submit(TaskSpec {
        id,
        ..TestWorker::new(1).task_with(1, |template| template.callee = method())
    }));
    let reason = "its process ended".to_owned();
    let alive = ActorState::Alive { worker: worker(2), incarnation: 0 };
    let restarting = ActorState::Restarting(reason.clone());
    for state in [alive, restarting] {
        caller.step(Event::Head(FromHead::ActorChanged { actor, state }));
    }

    let told = caller.tells(Subject::Tasks);

    let failed = Stage::Failed(Arc::new(Failure::ActorUnavailable(actor, reason)));
    let mut rows = [info(id, 0, failed), info(id, 1, Stage::Ready)];
    rows.iter_mut().for_each(|row| row.called.callee = method());
    assert_eq!(told.tasks, rows);
}

#[test]
fn an_executor_tells_what_runs_since_when_and_what_waits_behind_it() {
    let (mut executor, first, second) = executor_with_two_tasks();

    let told = executor.tells(Subject::Tasks);
    executor.step(Event::Blocked(first));
    let told_later = executor.tells(Subject::Tasks);

    let running = |waits| Stage::Running { began: Duration::ZERO, waits };
    assert_eq!(told.tasks, [here(first, running(false)), here(second, Stage::Arrived(0))]);
    assert_eq!(told_later.tasks, [here(first, running(true))], "the second was handed back");
}

#[test]
fn objects_are_told_with_their_owner_their_size_and_what_needs_them() {
    let mut driver = TestWorker::new(1);
    let theirs = Ref { object: driver.object_of(3), owner: worker(3) };
    driver.step(Event::Hold(theirs, Source::Outside));
    let put = driver.object_of(1);
    driver.step(Event::Put(put, inline(b"four")));
    let nested = Box::new([Ref { object: put, owner: driver.me }]);
    let task = TaskSpec { nested, ..driver.task(1) };
    driver.step(Event::Submit(task.clone()));

    let told = driver.tells(Subject::Objects);

    let object =
        |object, owner, place, needed| ObjectInfo { object, owner, place, mapped: false, needed };
    let rows = [
        object(task.id.output(1), driver.me, Whereabouts::Unknown, false),
        object(put, driver.me, Whereabouts::Here(4), true),
        object(theirs.object, worker(3), Whereabouts::Unknown, false),
    ];
    assert_eq!(told.objects, rows);
    assert_eq!(told.tasks, [info(task.id, 0, Stage::Ready)]);
}

#[test]
fn what_is_more_than_people_read_is_counted_and_left_out() {
    let mut driver = TestWorker::new(1);
    for count in 1..=types::limits::ACCOUNT_ROWS_MAX as u64 + 3 {
        driver.step(Event::Submit(driver.task(count)));
    }

    let told = driver.tells(Subject::Tasks);

    assert_eq!((told.tasks.len(), told.left_out), (types::limits::ACCOUNT_ROWS_MAX, 3));
}

impl TestWorker {
    fn tells(&mut self, subject: Subject) -> Account {
        let effects = self.step(Event::Node(FromNode::Survey(9, subject)));
        let [Effect::Account(9, about, account)] = &effects[..] else { panic!("{effects:?}") };
        assert_eq!(*about, subject);
        (**account).clone()
    }
}

fn info(task: TaskId, attempt: u32, stage: Stage) -> TaskInfo {
    let called = Called {
        task,
        attempt,
        parent: Some(TaskId::driver(JobId(1))),
        callee: Callee::Function,
        shape: Arc::default(),
    };
    TaskInfo { name: "f".to_owned(), called, stage }
}

/// As who runs it sees it, to whom nobody said what submitted it.
fn here(task: TaskId, stage: Stage) -> TaskInfo {
    let mut told = info(task, 0, stage);
    told.called.parent = None;
    told
}
