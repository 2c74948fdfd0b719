//! Tests of the conversation with the fork server, of which one end is made up.

use std::fs::File;
use std::process::Command;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use types::NodeId;

use super::*;

fn reply(numbers: [u64; REPLY_NUMBERS], reason: &str) -> Vec<u8> {
    let numbers = numbers.iter().flat_map(|number| number.to_le_bytes());
    numbers.chain(reason.bytes()).collect()
}

fn descriptors() -> [OwnedFd; 3] {
    [(); 3].map(|()| File::open("/dev/null").unwrap().into())
}

fn worker(number: u32) -> WorkerId {
    WorkerId { node: NodeId(1), number }
}

/// A fork server of which the other end of the socket is the test's.
fn server() -> (ForkServer, OwnedFd) {
    let flags = SocketFlags::NONBLOCK;
    let (ours, theirs) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
    (ForkServer::new(ours), theirs)
}

/// Hears a request and answers that it was done.
fn answer(theirs: &OwnedFd, pid: u64) -> u64 {
    let mut asked = Vec::with_capacity(FORK_MESSAGE_BYTES_MAX);
    sys::receive(theirs.as_fd(), &mut asked, &mut Vec::new()).unwrap();
    let worker = u64::from_le_bytes(*asked.first_chunk().unwrap());
    let kept = descriptors();
    let lent = kept.each_ref().map(AsFd::as_fd);
    sys::send(theirs.as_fd(), &reply([FORKED, worker, pid, 0, 0], ""), &lent).unwrap();
    worker
}

#[test]
fn what_the_socket_had_no_room_for_is_sent_once_something_was_answered() {
    const WANTED: u32 = 16;
    let (mut server, theirs) = server();

    for number in 1..=WANTED {
        server.want(worker(number), "x".repeat(64 << 10));
    }
    assert_eq!(server.flush(), []);
    assert!(server.sent < server.requests.len(), "the socket took everything at once");

    for number in 1..=WANTED {
        assert_eq!(answer(&theirs, 77), worker(number).to_u64());
        let Some(Report::Forked { worker: forked, pid: 77, .. }) = server.receive().unwrap() else {
            panic!("not forked")
        };
        assert_eq!(forked, worker(number));
        assert!(server.receive().unwrap().is_none());
        assert_eq!(server.flush(), []);
    }
    assert_eq!((server.requests.len(), server.sent), (0, 0));
}

#[test]
fn a_process_that_is_ended_before_it_is_known_is_ended_once_it_is() {
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    let (mut server, theirs) = server();
    server.want(worker(1), String::new());
    assert_eq!(server.flush(), []);

    assert!(server.doom(worker(1)));
    assert!(!server.doom(worker(2)));
    answer(&theirs, child.id().into());

    assert!(matches!(server.receive().unwrap(), Some(Report::Forked { .. })));
    assert!(!child.wait().unwrap().success());
}

#[test]
fn what_was_answered_before_is_not_answered_again() {
    let (mut server, theirs) = server();
    server.want(worker(1), String::new());
    server.want(worker(2), String::new());
    assert_eq!(server.flush(), []);
    answer(&theirs, 77);
    let again = reply([FAILED, worker(1).to_u64(), 0, 0, 0], "again");
    sys::send(theirs.as_fd(), &again, &[]).unwrap();
    sys::send(theirs.as_fd(), &reply([RESTARTED, 0, 0, 0, 0], ""), &[]).unwrap();
    answer(&theirs, 78);

    let told = [(); 3].map(|()| server.receive().unwrap());

    let [Some(Report::Forked { .. }), Some(Report::Restarted), Some(forked)] = told else {
        panic!("{told:?}")
    };
    assert!(matches!(forked, Report::Forked { worker, pid: 78, .. } if worker == self::worker(2)));
}

#[test]
fn each_reply_is_understood_and_others_are_not() {
    let id = worker(5).to_u64();
    let understood = |numbers, reason, descriptors: Vec<OwnedFd>| {
        parse(&reply(numbers, reason), descriptors).map(|report| format!("{report:?}"))
    };

    let forked = understood([1, id, 77, 0, 0], "", descriptors().into()).unwrap();
    assert!(forked.starts_with("Forked { worker: worker 1.5, pid: 77"), "{forked}");
    let lacking = understood([1, id, 77, 0, 0], "", Vec::new()).unwrap();
    assert!(lacking.contains("no descriptors left"), "{lacking}");
    let failed = understood([2, id, 0, 0, 0], "no memory", Vec::new()).unwrap();
    assert!(failed.ends_with("reason: \"no memory\" }"), "{failed}");
    let ended = understood([3, 0, 77, 9, 4096], "", Vec::new()).unwrap();
    let process = children::Ended { pid: 77, exit: Exit::Signal(9), peak_memory_bytes: 4096 };
    assert_eq!(ended, format!("Ended({process:?})"));
    let told = understood([5, 0, 0, 0, 0], "", Vec::new());
    assert_eq!(told.as_deref(), Some("ToldToStop"));
    assert_eq!(understood([6, 0, 0, 0, 0], "", Vec::new()), None);
    assert!(parse(b"short", Vec::new()).is_none());
}
