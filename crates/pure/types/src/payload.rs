//! Serialized bytes that are cheap to clone and, when short, need no allocation.
//!
//! Owns: how bytes are kept. Does not own: what they mean (`_kernel/serialize.py`, `runtime::encoding`).

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest payload that is kept in place.
const SHORT_BYTES_MAX: usize = 22;

/// Immutable bytes.
#[derive(Clone)]
pub struct Payload(Form);

#[derive(Clone)]
enum Form {
    Short { len: u8, bytes: [u8; SHORT_BYTES_MAX] },
    Long(Arc<[u8]>),
}

const _: () = assert!(size_of::<Payload>() == 24, "a payload is three words");

impl Payload {
    /// A payload of no bytes.
    pub const EMPTY: Self = Self(Form::Short { len: 0, bytes: [0; SHORT_BYTES_MAX] });
}

impl From<&[u8]> for Payload {
    fn from(source: &[u8]) -> Self {
        if source.len() > SHORT_BYTES_MAX {
            return Self(Form::Long(Arc::from(source)));
        }
        let mut bytes = [0; SHORT_BYTES_MAX];
        bytes[..source.len()].copy_from_slice(source);
        Self(Form::Short { len: source.len() as u8, bytes })
    }
}

impl From<Vec<u8>> for Payload {
    fn from(source: Vec<u8>) -> Self {
        Self::from(&source[..])
    }
}

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Form::Short { len, bytes } => &bytes[..usize::from(*len)],
            Form::Long(bytes) => bytes,
        }
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Payload {}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.len())
    }
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self)
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(PayloadVisitor)
    }
}

struct PayloadVisitor;

impl<'de> Visitor<'de> for PayloadVisitor {
    type Value = Payload;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Payload, E> {
        Ok(Payload::from(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_bytes_come_back_as_they_were() {
        for len in [0, 1, 22, 23, 1000] {
            let bytes = vec![7; len];
            assert_eq!(&*Payload::from(bytes.clone()), &bytes[..]);
            assert_eq!(&*Payload::from(&bytes[..]), &bytes[..]);
        }
    }
}
