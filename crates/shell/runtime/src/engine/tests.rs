//! Tests of the engine: two processes of a cluster in one, with a node that is made up but speaks over real sockets.

mod encoding;
mod node;

use std::io::Write;
use std::os::fd::AsFd;
use std::slice;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use types::{
    Callee, FunctionId, JobId, ObjectId, Payload, Retries, Retry, Returns, Shape, Stored, TaskId,
    TaskSpec, Template, TemplateId, Timestamp,
};
use wire::to_worker::Outcome;

use self::node::FakeNode;
use super::*;
use crate::clock;
use crate::poll::{Interest, Poller};

const INLINE: &[u8] = b"a value";

/// A worker that returns its arguments until it is told to end.
fn echo(worker: Arc<Engine>) -> thread::JoinHandle<usize> {
    thread::spawn(move || {
        let mut count = 0;
        while let Ok(Some(running)) = worker.next_task("", until(None, &mut || false)) {
            let value = Stored::inline(running.arguments.clone());
            worker
                .finish(&running, Outcome::Returned(vec![value]), Duration::from_micros(2))
                .unwrap();
            count += 1;
        }
        count
    })
}

fn template() -> Arc<Template> {
    Arc::new(Template {
        id: TemplateId(1),
        function: FunctionId::from_bytes([7; 16]),
        name: "echo".to_owned(),
        callee: Callee::Function,
        shape: Arc::new(Shape::default()),
        returns: Returns::Count(1),
        retries: Retries { max: Some(3), exceptions: Retry::Never },
        timeout: None,
        calls_max: 0,
        look_ahead: None,
    })
}

fn task(driver: &Engine, job: JobId, template: &Arc<Template>, arguments: &[u8]) -> TaskSpec {
    TaskSpec {
        id: driver.new_task(job),
        template: Arc::clone(template),
        arguments: Payload::from(arguments),
        dependencies: Box::default(),
        nested: Box::default(),
        parent: TaskId::driver(job),
    }
}

fn bytes(data: &Data) -> Vec<u8> {
    match data {
        Data::Bytes(bytes) => bytes.to_vec(),
        Data::Mapped(pinned) => pinned.to_vec(),
        Data::Failed(failure) => panic!("{failure}"),
    }
}

fn got(driver: &Engine, handles: &[Handle]) -> Vec<Data> {
    let handles: Vec<&Handle> = handles.iter().collect();
    driver.get(&handles, until(soon(), &mut || false)).unwrap()
}

/// The patience of a thread.
fn until(deadline: Option<Timestamp>, interrupted: Interrupted<'_>) -> Patience<'_> {
    Patience { deadline, caller: Caller::Thread, interrupted }
}

/// Long enough for a machine with much else to do.
fn soon() -> Option<Timestamp> {
    Some(clock::now() + Duration::from_secs(20))
}

#[test]
fn a_task_runs_in_another_process_and_its_result_comes_back() {
    let (node, driver, job) = FakeNode::start();
    let worker = node.add_worker();
    let running = echo(Arc::clone(&worker));
    let template = template();

    for index in 0..200_u32 {
        let arguments = index.to_le_bytes();
        let handles = driver.submit(task(&driver, job, &template, &arguments)).unwrap();
        assert_eq!(bytes(&got(&driver, &handles)[0]), arguments);
    }

    worker.close();
    assert_eq!(running.join().unwrap(), 200);
    driver.close();
}

#[test]
fn many_tasks_at_once_all_come_back() {
    let (node, driver, job) = FakeNode::start();
    let worker = node.add_worker();
    let running = echo(Arc::clone(&worker));
    let template = template();

    let submit = |index: u32| {
        driver.submit(task(&driver, job, &template, &index.to_le_bytes())).unwrap().remove(0)
    };
    let handles: Vec<Handle> = (0..5000).map(submit).collect();
    let contents = got(&driver, &handles);

    for (index, data) in (0..5000_u32).zip(&contents) {
        assert_eq!(bytes(data), index.to_le_bytes());
    }
    worker.close();
    assert_eq!(running.join().unwrap(), 5000);
    driver.close();
}

#[test]
fn wait_answers_positions_and_refuses_a_ref_that_stands_twice() {
    let (node, driver, job) = FakeNode::start();
    let never =
        driver.submit(task(&driver, job, &template(), b"nobody runs it")).unwrap().remove(0);
    let object = ObjectId { task: driver.new_task(job), index: 0 };
    let here = driver.put(object, Stored::inline(Payload::from(INLINE))).unwrap();
    let list = [&never, &here];
    let wait = |count, deadline| driver.wait(&list, count, until(deadline, &mut || false));

    assert!(wait(1, None).unwrap() == [1]);
    let now = Some(clock::now());
    assert!(wait(2, now).unwrap() == [1]);
    let mut survey = driver.survey(1);
    let refused = [&here, &never, &here].iter().try_for_each(|one| survey.see(one));

    assert_eq!(refused.unwrap_err(), EngineError::Repeated(here.object()));
    driver.close();
    drop(node);
}

#[test]
fn a_waiting_thread_can_be_interrupted() {
    let (_node, driver, job) = FakeNode::start();
    let never = driver.submit(task(&driver, job, &template(), b"nobody runs it")).unwrap();
    let mut asked = 0;

    let mut third = || {
        asked += 1;
        asked == 3
    };
    let ended = driver.get(&[&never[0]], until(None, &mut third));

    assert_eq!(ended.unwrap_err(), EngineError::Interrupted);
    driver.close();
}

#[test]
fn a_large_value_is_read_in_place_and_unpinned_and_freed_when_nobody_needs_it() {
    let (node, driver, job) = FakeNode::start();
    let object = ObjectId { task: driver.new_task(job), index: 0 };
    let owner = driver.identity().worker;
    let content = [7; 1 << 20];
    let encoded = Encoded::Bytes(&content);
    let value = driver.store(object, owner, encoded, until(None, &mut || false)).unwrap();
    let handle = driver.put(object, Stored { value, contains: Box::default() }).unwrap();

    let contents = got(&driver, slice::from_ref(&handle));
    assert!(matches!(&contents[0], Data::Mapped(pinned) if pinned.ends_with(&content)));
    drop(contents);
    node.wait_for(|seen| seen.unpinned == [object]);
    assert_eq!(got(&driver, slice::from_ref(&handle)).len(), 1);
    drop(handle);
    node.wait_for(|seen| seen.freed == [object]);

    driver.close();
}

#[test]
fn several_threads_wait_at_once_and_all_go_on() {
    let (node, driver, job) = FakeNode::start();
    let worker = node.add_worker();
    let running = echo(Arc::clone(&worker));
    let template = template();

    let hundred = || {
        for index in 0..100_u32 {
            let spec = task(&driver, job, &template, &index.to_le_bytes());
            let handles = driver.submit(spec).unwrap();
            assert_eq!(bytes(&got(&driver, &handles)[0]), index.to_le_bytes());
        }
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(hundred);
        }
    });

    worker.close();
    assert_eq!(running.join().unwrap(), 400);
    driver.close();
}

#[test]
fn what_is_watched_is_told_once() {
    let (node, driver, job) = FakeNode::start();
    let worker = node.add_worker();
    let running = echo(Arc::clone(&worker));
    let handle = driver.submit(task(&driver, job, &template(), INLINE)).unwrap().remove(0);

    let (channel, _) = driver.open_channel(false).unwrap();
    driver.watch(&handle, channel, 7).unwrap();
    got(&driver, slice::from_ref(&handle));
    let came = driver.completions(channel).unwrap();

    let [Completion { watch: 7, arrival: Some((told, data)) }] = &came[..] else {
        panic!("{came:?}")
    };
    assert_eq!((told.object(), bytes(data)), (handle.object(), INLINE.to_vec()));
    assert!(driver.completions(channel).unwrap().is_empty());
    worker.close();
    running.join().unwrap();
    driver.close();
}

#[test]
fn a_loop_that_the_engine_serves_hears_of_tasks_and_of_its_own_descriptors() {
    let (node, driver, job) = FakeNode::start();
    let worker = node.add_worker();
    let (poller, bell) = (Poller::new().unwrap(), crate::sys::event_counter().unwrap());
    poller.add(&bell, 1, Interest::Read).unwrap();
    worker.serve_loop(poller.as_fd().try_clone_to_owned().unwrap()).unwrap();

    let handle = driver.submit(task(&driver, job, &template(), INLINE)).unwrap().remove(0);
    driver.flush().unwrap();
    let mut news = worker.attend(until(soon(), &mut || false)).unwrap();
    let running = news.tasks.pop().unwrap();
    let ringer = thread::spawn(move || (&bell).write_all(&1_u64.to_ne_bytes()).map(|()| bell));
    let own = worker.attend(until(soon(), &mut || false)).unwrap();
    let value = Stored::inline(running.arguments.clone());
    worker.finish(&running, Outcome::Returned(vec![value]), Duration::ZERO).unwrap();
    worker.flush().unwrap();

    assert!(own.descriptors && own.tasks.is_empty());
    let again = worker.attend(until(soon(), &mut || false)).unwrap();
    assert!(again.descriptors, "what was not read is told of anew");
    assert_eq!(bytes(&got(&driver, slice::from_ref(&handle))[0]), INLINE);
    drop(ringer.join().unwrap().unwrap());
    worker.close();
    driver.close();
}

#[test]
fn the_channel_of_another_loop_rings_its_bell_and_those_of_others_do_not() {
    let (node, driver, job) = FakeNode::start();
    let worker = node.add_worker();
    let running = echo(Arc::clone(&worker));
    let handle = driver.submit(task(&driver, job, &template(), INLINE)).unwrap().remove(0);
    let ((heard, _), (silent, _)) =
        (driver.open_channel(false).unwrap(), driver.open_channel(false).unwrap());

    driver.watch(&handle, heard, 1).unwrap();
    driver.watch(&handle, Channel::SERVED_LOOP, 1).unwrap();
    got(&driver, slice::from_ref(&handle));

    assert_eq!(driver.completions(heard).unwrap().len(), 1);
    assert!(driver.completions(silent).unwrap().is_empty());
    worker.close();
    running.join().unwrap();
    driver.close();
}

#[test]
fn a_thread_that_waits_for_long_wakes_ever_less_often() {
    let (node, driver, _job) = FakeNode::start();
    let worker = node.add_worker();
    let mut asked = 0;

    let mut count = || {
        asked += 1;
        false
    };
    let deadline = Some(clock::now() + Duration::from_millis(700));
    let none = worker.next_task("", until(deadline, &mut count));

    assert!(none.unwrap().is_none());
    assert!((1..=6).contains(&asked), "it asked {asked} times");
    worker.close();
    driver.close();
}

#[test]
fn a_driver_whose_node_ends_fails_every_wait() {
    let (node, driver, job) = FakeNode::start();
    let never = driver.submit(task(&driver, job, &template(), b"nobody runs it")).unwrap();
    let waiting = Arc::clone(&driver);
    let waiter =
        thread::spawn(move || waiting.get(&[&never[0]], until(soon(), &mut || false)).map(drop));

    drop(node);

    let ended = waiter.join().unwrap();
    assert!(matches!(ended, Err(EngineError::Failed(_) | EngineError::NodeDied(_))), "{ended:?}");
    assert!(matches!(driver.flush(), Err(EngineError::NodeDied(_))));
}
