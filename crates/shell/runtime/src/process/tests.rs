//! Tests of the conversation with the fork server, of which one end is made up.

use std::fs::File;

use types::NodeId;

use super::*;

fn reply(numbers: [u64; REPLY_NUMBERS], reason: &str) -> Vec<u8> {
    let numbers = numbers.iter().flat_map(|number| number.to_le_bytes());
    numbers.chain(reason.bytes()).collect()
}

#[test]
fn what_the_socket_had_no_room_for_is_sent_once_something_was_answered() {
    const WANTED: u32 = 16;
    let (socket, theirs) = sys::message_pair().unwrap();
    let running = Running { pid: 2, socket: Some(socket), started_at: Timestamp::ZERO };
    let (unsent, unanswered) = (VecDeque::new(), Map::default());
    let (argv, running) = (Vec::new(), Some(running));
    let mut server = ForkServer { argv, running, young_deaths: 0, unsent, unanswered };
    let worker = |number| WorkerId { node: NodeId(1), number };

    for number in 1..=WANTED {
        let descriptors = [(); 3].map(|()| File::open("/dev/null").unwrap().into());
        let environment = "x".repeat(64 << 10);
        assert_eq!(
            server.submit(Request { worker: worker(number), environment, descriptors }),
            None
        );
    }
    assert!(!server.unsent.is_empty(), "the socket took everything at once");

    for number in 1..=WANTED {
        let mut asked = Vec::with_capacity(FORK_MESSAGE_BYTES_MAX);
        sys::receive(theirs.as_fd(), &mut asked, &mut Vec::new()).unwrap();
        assert_eq!(asked[..8], worker(number).to_u64().to_le_bytes());
        let answer = reply([FORKED, worker(number).to_u64(), 77, 0, 0], "");
        sys::send(theirs.as_fd(), &answer, &[]).unwrap();
        let forked = Report::Forked { worker: worker(number), pid: 77 };
        assert_eq!(server.receive().unwrap(), Some(forked));
        assert_eq!(server.receive().unwrap(), None);
    }
    assert!(server.unsent.is_empty() && server.unanswered.is_empty());
}

#[test]
fn each_reply_is_understood_and_others_are_not() {
    let worker = WorkerId { node: NodeId(1), number: 5 };
    let id = worker.to_u64();
    let reaped = children::Reaped { pid: 77, exit: Exit::Signal(9), peak_memory_bytes: 4096 };

    assert_eq!(parse(&reply([1, id, 77, 0, 0], "")), Some(Report::Forked { worker, pid: 77 }));
    let failed = Report::Failed { worker, reason: "no memory".to_owned() };
    assert_eq!(parse(&reply([2, id, 0, 0, 0], "no memory")), Some(failed));
    assert_eq!(parse(&reply([3, 0, 77, 9, 4096], "")), Some(Report::Ended(reaped)));
    assert_eq!(parse(&reply([4, 0, 0, 0, 0], "")), None);
    assert_eq!(parse(b"short"), None);
}
