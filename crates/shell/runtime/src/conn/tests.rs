//! Tests of a conversation over real socket pairs.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use types::WorkerId;
use wire::{FromNode, ToNode, ToWorker};

use super::*;

fn pair() -> (Conn, Conn) {
    let (one, two) = UnixStream::pair().unwrap();
    (Conn::new(one).unwrap(), Conn::new(two).unwrap())
}

fn say(conn: &mut Conn, text: &str) {
    wire::encode(&ToNode::Named(text.to_owned()), conn.outbox.frames());
}

/// All messages that can be read now, each with the number of descriptors that came so far.
fn heard(conn: &mut Conn) -> Vec<ToNode> {
    while conn.receive().unwrap() == Received::Some {}
    let mut messages = Vec::new();
    while let Some(frame) = conn.inbox.next_frame().unwrap() {
        messages.push(wire::decode(frame).unwrap());
    }
    messages
}

#[test]
fn messages_arrive_whole_and_in_order() {
    let (mut one, mut two) = pair();
    for text in ["a", "b", "c"] {
        say(&mut one, text);
    }

    assert_eq!(one.flush().unwrap(), Flushed::All);

    assert_eq!(heard(&mut two), ["a", "b", "c"].map(|text| ToNode::Named(text.to_owned())));
    assert_eq!(two.receive().unwrap(), Received::Nothing);
}

#[test]
fn an_outbox_larger_than_the_socket_is_sent_in_parts() {
    let (mut one, mut two) = pair();
    let long = "x".repeat(3 << 20);
    say(&mut one, &long);
    say(&mut one, "end");

    let mut blocked = 0;
    let mut messages = Vec::new();
    while one.flush().unwrap() == Flushed::Blocked {
        blocked += 1;
        messages.extend(heard(&mut two));
    }
    messages.extend(heard(&mut two));

    assert!(blocked > 0, "the socket took everything at once");
    assert_eq!(messages, [ToNode::Named(long), ToNode::Named("end".to_owned())]);
    assert!(one.outbox.is_empty());
}

#[test]
fn what_is_said_while_the_socket_is_full_follows_in_order() {
    let (mut one, mut two) = pair();
    let mut expected = Vec::new();
    let mut messages = Vec::new();
    for index in 0..200 {
        let text = format!("{index}{}", "y".repeat(20_000));
        say(&mut one, &text);
        expected.push(ToNode::Named(text));
        if one.flush().unwrap() == Flushed::Blocked && index % 3 == 0 {
            messages.extend(heard(&mut two));
        }
    }
    while one.flush().unwrap() == Flushed::Blocked {
        messages.extend(heard(&mut two));
    }
    messages.extend(heard(&mut two));

    assert!(messages == expected);
}

#[test]
fn each_descriptor_arrives_no_later_than_the_message_it_goes_with() {
    let (mut one, mut two) = pair();
    let mut readers = Vec::new();
    for index in 0..5_u8 {
        say(&mut one, &"z".repeat(100_000 * usize::from(index % 2)));
        let (reader, writer) = io::pipe().unwrap();
        one.outbox.attach(OwnedFd::from(writer));
        wire::encode(&ToWorker::Node(FromNode::Visitor), one.outbox.frames());
        readers.push(reader);
    }

    let mut brought = 0_u8;
    loop {
        let state = one.flush().unwrap();
        while two.receive().unwrap() == Received::Some {
            brought = answered(&mut two, brought);
        }
        if state == Flushed::All {
            break;
        }
    }

    assert_eq!(brought, 5);
    for (index, reader) in readers.iter_mut().enumerate() {
        let mut byte = [0];
        reader.read_exact(&mut byte).unwrap();
        assert_eq!(usize::from(byte[0]), index);
    }
}

/// Writes a number into each descriptor that came with a message; answers the next number.
fn answered(conn: &mut Conn, mut number: u8) -> u8 {
    while let Some(frame) = conn.inbox.next_frame().unwrap() {
        if wire::decode(frame) == Ok(ToWorker::Node(FromNode::Visitor)) {
            let descriptor = conn.inbox.next_descriptor().unwrap();
            File::from(descriptor).write_all(&[number]).unwrap();
            number += 1;
        }
    }
    number
}

#[test]
fn a_peer_that_hung_up_is_seen_after_its_last_words() {
    let (mut one, mut two) = pair();
    say(&mut one, "last");
    one.flush().unwrap();
    drop(one);

    assert_eq!(two.receive().unwrap(), Received::Some);
    assert_eq!(two.receive().unwrap(), Received::Closed);
    assert_eq!(heard_frames(&mut two), 1);
    say(&mut two, "into the void");
    assert_eq!(two.flush().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
}

fn heard_frames(conn: &mut Conn) -> usize {
    let mut count = 0;
    while conn.inbox.next_frame().unwrap().is_some() {
        count += 1;
    }
    count
}

#[test]
fn a_meeting_ends_with_both_sides_knowing_each_other() {
    use crate::meeting::{Meeting, Progress};
    use types::{NodeId, Timestamp};
    use wire::preamble::PREAMBLE_BYTES;

    let id = |number| Some(WorkerId { node: NodeId(1), number });
    let (one, mut two) = UnixStream::pair().unwrap();
    let caller = Meeting::initiate(one, b"token", id(2), id(1), Timestamp::ZERO).unwrap();
    two.read_exact(&mut [0; PREAMBLE_BYTES]).unwrap();
    let called = Meeting::accept(two, b"token", id(2), Timestamp::ZERO).unwrap();

    let Ok(Progress::Waiting(called)) = called.proceed() else { panic!("proof before proof") };
    let Ok(Progress::Met { conn: mut caller, peer }) = caller.proceed() else { panic!("unmet") };
    assert_eq!(peer, id(2));
    say(&mut caller, "first words");
    caller.flush().unwrap();
    let Ok(Progress::Met { conn: mut called, peer }) = called.proceed() else { panic!("unmet") };
    assert_eq!(peer, id(1));

    assert_eq!(heard(&mut called), [ToNode::Named("first words".to_owned())]);
}
