//! Values and arguments of simulated programs as bytes.
//!
//! Owns: their layout. Does not own: what is computed (`fiber`).

use types::{ActorId, Failure, ObjectId, Payload, Ref, WorkerId};

const REF_BYTES: usize = ObjectId::LEN + 8;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Content {
    pub(crate) number: u64,
    /// A failure that no program made went into it.
    pub(crate) tainted: bool,
    pub(crate) refs: Vec<Ref>,
}

/// The arguments of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) script: usize,
    pub(crate) path: u64,
    /// Something that should be among them was not there.
    pub(crate) tainted: bool,
    /// Which of the refs that belong inside are there: one bit for each.
    pub(crate) there: u64,
    pub(crate) nested: Vec<Ref>,
}

impl Content {
    pub(crate) fn encode(&self) -> Payload {
        let mut bytes = self.number.to_le_bytes().to_vec();
        bytes.push(u8::from(self.tainted));
        encode_refs(&self.refs, &mut bytes);
        Payload::from(bytes)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Self {
        let (number, rest) = split_number(bytes);
        Self { number, tainted: rest[0] == 1, refs: decode_refs(&rest[1..]) }
    }

    /// What a program sees of a failure: its own exceptions are values, all others are chance.
    pub(crate) fn of_failure(failure: &Failure) -> (u64, bool) {
        if let Failure::Raised { error, .. } = failure
            && !error.is_empty()
        {
            let content = Self::decode(error);
            return (content.number, content.tainted);
        }
        (0, true)
    }
}

impl Arguments {
    pub(crate) fn encode(&self) -> Payload {
        let mut bytes = self.path.to_le_bytes().to_vec();
        bytes.extend((self.script as u64).to_le_bytes());
        bytes.extend(self.there.to_le_bytes());
        bytes.push(u8::from(self.tainted));
        encode_refs(&self.nested, &mut bytes);
        Payload::from(bytes)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Self {
        let (path, rest) = split_number(bytes);
        let (script, rest) = split_number(rest);
        let (there, rest) = split_number(rest);
        let (tainted, nested) = (rest[0] == 1, decode_refs(&rest[1..]));
        Self { path, script: script as usize, tainted, there, nested }
    }

    /// The refs that are there, with their places.
    pub(crate) fn placed(&self) -> impl Iterator<Item = (usize, Ref)> {
        let places = (0..64).filter(|place| self.there >> place & 1 == 1);
        places.zip(self.nested.iter().copied())
    }
}

/// The actor whose life this object stands for.
pub(crate) fn actor_of(object: ObjectId) -> Option<ActorId> {
    object.task.actor().filter(|actor| actor.handle() == object)
}

fn split_number(bytes: &[u8]) -> (u64, &[u8]) {
    let (number, rest) = bytes.split_first_chunk::<8>().expect("content was encoded here");
    (u64::from_le_bytes(*number), rest)
}

fn encode_refs(refs: &[Ref], bytes: &mut Vec<u8>) {
    for reference in refs {
        bytes.extend(reference.object.to_bytes());
        bytes.extend(reference.owner.to_u64().to_le_bytes());
    }
}

fn decode_refs(bytes: &[u8]) -> Vec<Ref> {
    let parts = bytes.chunks_exact(REF_BYTES);
    let decode = |part: &[u8]| {
        let (object, owner) =
            part.split_first_chunk::<{ ObjectId::LEN }>().expect("a ref has a fixed size");
        let owner = WorkerId::from_u64(split_number(owner).0);
        Ref { object: ObjectId::from_bytes(*object), owner }
    };
    parts.map(decode).collect()
}
