//! Tests of the thread that spills, with real files.

use types::{JobId, TaskId};

use super::*;

fn object(index: u32) -> ObjectId {
    TaskId::driver(JobId(1)).output(index)
}

fn outcomes(spiller: &Spiller, count: usize) -> Vec<Event> {
    let poller = crate::poll::Poller::new().unwrap();
    poller.add(spiller, 0, crate::poll::Interest::Read).unwrap();
    let mut seen = Vec::new();
    while seen.len() < count {
        poller.wait(None, &mut Vec::new()).unwrap();
        seen.extend(spiller.outcomes().unwrap());
    }
    seen
}

fn directory(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("aktis-spill-{name}-{}", std::process::id()))
}

#[test]
fn an_object_comes_back_from_disk_as_it_was() {
    let directory = directory("back");
    let arena = Arc::new(Segment::create(1 << 20).unwrap());
    let spiller = Spiller::start(directory.clone(), Arc::clone(&arena)).unwrap();
    Draft::new(Arc::clone(&arena), 0, 5000).fill(7);

    assert_eq!(spiller.submit(DiskJob::Spill(object(1), 0, 5000)), None);
    assert_eq!(outcomes(&spiller, 1), [Event::DiskDone(object(1), Ok(()))]);
    assert_eq!(spiller.submit(DiskJob::Restore(object(1), 8192, 5000)), None);
    assert_eq!(outcomes(&spiller, 1), [Event::DiskDone(object(1), Ok(()))]);
    assert_eq!(spiller.submit(DiskJob::Delete(object(1))), None);
    drop(spiller);

    assert!(Buffer::new(arena, 8192, 5000).iter().all(|&byte| byte == 7));
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
    fs::remove_dir(directory).unwrap();
}

#[test]
fn an_object_that_is_not_on_disk_is_told_with_its_file() {
    let arena = Arc::new(Segment::create(1 << 20).unwrap());
    let spiller = Spiller::start(directory("none"), arena).unwrap();

    assert_eq!(spiller.submit(DiskJob::Restore(object(2), 0, 1)), None);

    let [Event::DiskDone(_, Err(why))] = &outcomes(&spiller, 1)[..] else { panic!("restored") };
    assert!(why.starts_with("cannot read"), "{why}");
}

#[test]
fn a_full_disk_is_told_apart() {
    let full = explain(Path::new("/spill"), &io::Error::from_raw_os_error(libc::ENOSPC));
    let other = explain(Path::new("/spill"), &io::Error::from_raw_os_error(libc::EACCES));

    assert!(full.starts_with("disk full"), "{full}");
    assert!(other.starts_with("cannot spill"), "{other}");
}
