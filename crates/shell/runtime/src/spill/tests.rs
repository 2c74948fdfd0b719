//! Tests of the conversation with the thread that spills, of which one end is made up.

use std::io::{PipeReader, PipeWriter, pipe};
use std::os::fd::OwnedFd;

use rustix::fs::{OFlags, fcntl_setfl};
use types::{JobId, TaskId};

use super::*;

fn object(index: u32) -> ObjectId {
    TaskId::driver(JobId(1)).output(index)
}

/// The loop's ends, the jobs and where outcomes are told.
fn spiller() -> (Spiller, PipeReader, PipeWriter) {
    let (jobs_theirs, jobs) = pipe().unwrap();
    let (outcomes, outcomes_theirs) = pipe().unwrap();
    fcntl_setfl(&jobs, OFlags::NONBLOCK).unwrap();
    fcntl_setfl(&outcomes, OFlags::NONBLOCK).unwrap();
    fcntl_setfl(&outcomes_theirs, OFlags::DIRECT).unwrap();
    let (jobs, outcomes) = (OwnedFd::from(jobs).into(), OwnedFd::from(outcomes).into());
    (Spiller { jobs, outcomes }, jobs_theirs, outcomes_theirs)
}

#[test]
fn each_outcome_is_told_of_its_object() {
    let (mut spiller, mut jobs, mut outcomes) = spiller();
    assert_eq!(spiller.submit(DiskJob::Spill(object(1), 4096, 5000)), None);
    assert_eq!(spiller.submit(DiskJob::Restore(object(2), 8192, 1)), None);
    assert_eq!(spiller.submit(DiskJob::Delete(object(3))), None);
    assert_eq!(spiller.next_outcome().unwrap(), None);

    let mut asked = [[0; 52]; 3];
    jobs.read_exact(asked.as_flattened_mut()).unwrap();
    assert_eq!(asked[0][..28], object(1).to_bytes());
    assert_eq!(asked[0][36..44], 4096_u64.to_ne_bytes());
    assert_eq!(asked.map(|job| job[28]), [1, 2, 3]);
    outcomes.write_all(&object(1).to_bytes()).unwrap();
    outcomes.write_all(&[&object(2).to_bytes()[..], b"disk full"].concat()).unwrap();

    let (done, failed) = (Ok(()), Err("disk full".to_owned()));
    assert_eq!(spiller.next_outcome().unwrap(), Some(Event::DiskDone(object(1), done)));
    assert_eq!(spiller.next_outcome().unwrap(), Some(Event::DiskDone(object(2), failed)));
    assert_eq!(spiller.next_outcome().unwrap(), None);
}

#[test]
fn a_job_that_finds_no_room_fails_at_once_and_only_it() {
    let (mut spiller, mut jobs, _outcomes) = spiller();
    let mut taken = 0;
    let refused = loop {
        match spiller.submit(DiskJob::Spill(object(1), 0, 1)) {
            None => taken += 1,
            Some(event) => break event,
        }
    };

    let Event::DiskDone(_, Err(why)) = refused else { panic!("{refused:?}") };
    assert!(why.starts_with("too much waits for the disk"), "{why}");
    assert_eq!(spiller.submit(DiskJob::Delete(object(1))), None);
    let mut asked = vec![0; 52 * taken];
    jobs.read_exact(&mut asked).unwrap();
    assert_eq!(spiller.submit(DiskJob::Spill(object(1), 0, 1)), None);
}

#[test]
fn the_end_of_the_thread_is_an_error() {
    let (mut spiller, _jobs, outcomes) = spiller();

    drop(outcomes);

    assert!(spiller.next_outcome().is_err());
}
