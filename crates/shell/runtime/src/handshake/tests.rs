//! Tests of the proofs, with bytes handed over by hand.

use types::NodeId;

use super::*;

const CALLER: Option<WorkerId> = Some(WorkerId { node: NodeId(1), number: 1 });
const CALLED: Option<WorkerId> = Some(WorkerId { node: NodeId(1), number: 2 });
const PREAMBLE: Preamble = Preamble { target: CALLED };

fn sides(caller_token: &[u8], called_token: &[u8]) -> (Handshake, Handshake, Words) {
    let (caller, opening) = Handshake::initiate(caller_token, PREAMBLE, CALLER, [1; NONCE_BYTES]);
    let mut called = Handshake::accept(called_token, PREAMBLE, CALLED, [2; NONCE_BYTES]);
    let offer = called.on_bytes(&opening[PREAMBLE_BYTES..]).expect("any half is answered");
    (caller, called, offer)
}

#[test]
fn two_sides_with_one_token_learn_who_the_other_is() {
    let (mut caller, mut called, offer) = sides(b"token", b"token");

    let words = caller.on_bytes(&offer).unwrap();
    assert_eq!((caller.wanted(), caller.peer()), (0, CALLED));
    let done = called.on_bytes(&words);

    assert_eq!(done, Ok(Words::new()));
    assert_eq!((called.wanted(), called.peer()), (0, CALLER));
}

#[test]
fn a_side_without_the_token_is_refused_by_the_other() {
    let (mut caller, mut called, offer) = sides(b"wrong", b"token");

    assert_eq!(caller.on_bytes(&offer), Err(WrongToken));
    assert_eq!(called.on_bytes(&[0; PROOF_BYTES]), Err(WrongToken));
}

#[test]
fn a_proof_sent_back_to_who_made_it_proves_nothing() {
    let (_, mut called, offer) = sides(b"token", b"token");

    let echoed = called.on_bytes(&offer[HALF_BYTES..]);

    assert_eq!(echoed, Err(WrongToken));
}

#[test]
fn an_id_changed_on_the_way_is_noticed() {
    let (mut caller, _, offer) = sides(b"token", b"token");
    let mut changed = offer.to_vec();
    changed[NONCE_BYTES] ^= 1;

    assert_eq!(caller.on_bytes(&changed), Err(WrongToken));
}

#[test]
fn a_process_without_an_id_says_so() {
    let daemon = Preamble { target: None };
    let (mut caller, opening) = Handshake::initiate(b"token", daemon, None, [1; NONCE_BYTES]);
    let mut called = Handshake::accept(b"token", daemon, None, [2; NONCE_BYTES]);
    let offer = called.on_bytes(&opening[PREAMBLE_BYTES..]).unwrap();

    let words = caller.on_bytes(&offer).unwrap();
    assert_eq!((caller.wanted(), caller.peer()), (0, None));
    let done = called.on_bytes(&words);

    assert_eq!(done, Ok(Words::new()));
    assert_eq!((called.wanted(), called.peer()), (0, None));
}
