//! Values and arguments as bytes: one tag, then the content; the same inline and in shared memory.
//!
//! Owns: the layout. Does not own: pickling (`python`), or where the bytes lie (`pins`, `types::Payload`).
//!
//! A pickle with buffers begins with words of 8 bytes: the buffer count above the tag in the first byte, the length of
//! the pickle, and offset and length of every buffer. Then come the pickle and the buffers, each aligned to
//! `BUFFER_ALIGNMENT` from the start of the value. Arguments are a count, then each as twice the length of its value and
//! the value, or as twice the index of a dependency and one more, then the names of the last ones that have names. Their
//! counts, lengths and indexes are variable-length numbers.

use std::ops::Range;

use smallvec::SmallVec;
use types::Payload;
use types::limits::BUFFER_ALIGNMENT;

const NONE: u8 = 0;
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const INT: u8 = 3;
const FLOAT: u8 = 4;
const TEXT: u8 = 5;
const BYTES: u8 = 6;
const PICKLE: u8 = 7;
const PICKLE_WITH_BUFFERS: u8 = 8;

const WORD_BYTES: usize = size_of::<u64>();

/// A value: as it is written, with the buffers of its pickle; as it is read, with the places of these.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Encoded<'a, Parts = &'a [&'a [u8]]> {
    /// None.
    None,
    /// True or False.
    Bool(bool),
    /// An int that fits.
    Int(i64),
    /// A float.
    Float(f64),
    /// A str.
    Text(&'a str),
    /// A bytes.
    Bytes(&'a [u8]),
    /// Anything else: its pickle and the buffers that were kept out of it.
    Pickle(&'a [u8], Parts),
}

/// A value as it is read. Borrows from its bytes.
pub type View<'a> = Encoded<'a, Buffers>;

/// Where buffers lie in the bytes of their value.
pub type Buffers = SmallVec<[Range<usize>; 4]>;

type Bytes = SmallVec<[u8; 256]>;

/// One argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argument<'a> {
    /// The bytes of a value.
    Value(&'a [u8]),
    /// A position in the list of dependencies.
    Dependency(usize),
}

/// The arguments of one call.
pub type Arguments<'a> = SmallVec<[Argument<'a>; 8]>;

/// Bytes that no writer of this module made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a value is malformed: {0}")]
pub struct MalformedValue(&'static str);

impl Encoded<'_> {
    /// How many bytes the value takes.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::None | Self::Bool(_) => 1,
            Self::Int(_) | Self::Float(_) => 1 + WORD_BYTES,
            Self::Text(text) => 1 + text.len(),
            Self::Bytes(bytes) | Self::Pickle(bytes, []) => 1 + bytes.len(),
            Self::Pickle(pickle, buffers) => {
                let pickle_end = table_bytes(buffers.len()) + pickle.len();
                placed(pickle_end, buffers)
                    .last()
                    .map_or(pickle_end, |(start, last)| start + last.len())
            }
        }
    }

    /// Hands each part with its offset to `write`, ascending. Gaps between parts may hold anything.
    pub fn write_parts(&self, mut write: impl FnMut(usize, &[u8])) {
        let mut tagged = |tag: u8, bytes: &[u8]| {
            write(0, &[tag]);
            write(1, bytes);
        };
        match self {
            Self::None => tagged(NONE, &[]),
            Self::Bool(true) => tagged(TRUE, &[]),
            Self::Bool(false) => tagged(FALSE, &[]),
            Self::Int(number) => tagged(INT, &number.to_le_bytes()),
            Self::Float(number) => tagged(FLOAT, &number.to_le_bytes()),
            Self::Text(text) => tagged(TEXT, text.as_bytes()),
            Self::Bytes(bytes) => tagged(BYTES, bytes),
            Self::Pickle(pickle, []) => tagged(PICKLE, pickle),
            Self::Pickle(pickle, buffers) => write_pickle(pickle, buffers, write),
        }
    }

    /// The value as one payload.
    #[must_use]
    pub fn to_payload(&self) -> Payload {
        let mut bytes = SmallVec::new();
        self.append_to(&mut bytes);
        Payload::from(&bytes[..])
    }

    fn append_to(&self, bytes: &mut Bytes) {
        let start = bytes.len();
        bytes.reserve(self.size());
        self.write_parts(|offset, part| {
            bytes.resize(start + offset, 0);
            bytes.extend_from_slice(part);
        });
    }
}

/// The value that `bytes` are.
///
/// # Errors
/// If they are none.
pub fn read_value(bytes: &[u8]) -> Result<View<'_>, MalformedValue> {
    let (&tag, rest) = bytes.split_first().ok_or(MalformedValue("it has no bytes"))?;
    Ok(match tag {
        NONE => View::None,
        TRUE => View::Bool(true),
        FALSE => View::Bool(false),
        INT => View::Int(i64::from_le_bytes(word(rest)?)),
        FLOAT => View::Float(f64::from_le_bytes(word(rest)?)),
        TEXT => {
            View::Text(std::str::from_utf8(rest).or(Err(MalformedValue("its text is not UTF-8")))?)
        }
        BYTES => View::Bytes(rest),
        PICKLE => View::Pickle(rest, Buffers::new()),
        PICKLE_WITH_BUFFERS => read_pickle(bytes)?,
        _ => return Err(MalformedValue("its tag is unknown")),
    })
}

/// Writes the arguments of one call.
#[derive(Debug)]
pub struct ArgumentWriter {
    bytes: Bytes,
}

impl ArgumentWriter {
    /// Begins a list of so many arguments, positional ones first.
    #[must_use]
    pub fn new(count: usize) -> Self {
        let mut bytes = SmallVec::new();
        push_number(&mut bytes, count);
        Self { bytes }
    }

    /// The next argument is this value.
    pub fn value(&mut self, value: Encoded<'_>) {
        push_number(&mut self.bytes, value.size() * 2);
        value.append_to(&mut self.bytes);
    }

    /// The next argument is the value of the dependency at `index`.
    pub fn dependency(&mut self, index: usize) {
        push_number(&mut self.bytes, index * 2 + 1);
    }

    /// Ends the list with the names of its last arguments.
    #[must_use]
    pub fn finish<'a>(mut self, names: impl ExactSizeIterator<Item = &'a str>) -> Payload {
        push_number(&mut self.bytes, names.len());
        for name in names {
            push_number(&mut self.bytes, name.len());
            self.bytes.extend_from_slice(name.as_bytes());
        }
        Payload::from(&self.bytes[..])
    }
}

/// The arguments that [`ArgumentWriter`] wrote, and the names of the last ones.
///
/// # Errors
/// If the bytes are malformed.
pub fn read_arguments(bytes: &[u8]) -> Result<(Arguments<'_>, Vec<&str>), MalformedValue> {
    let mut rest = bytes;
    let mut arguments = Arguments::new();
    for _ in 0..take_number(&mut rest)? {
        let number = take_number(&mut rest)?;
        arguments.push(match number % 2 {
            0 => Argument::Value(take(&mut rest, number / 2)?),
            _ => Argument::Dependency(number / 2),
        });
    }
    let mut names = Vec::new();
    for _ in 0..take_number(&mut rest)? {
        let len = take_number(&mut rest)?;
        let name = std::str::from_utf8(take(&mut rest, len)?);
        names.push(name.or(Err(MalformedValue("the name of an argument is not UTF-8")))?);
    }
    Ok((arguments, names))
}

fn write_pickle(pickle: &[u8], buffers: &[&[u8]], mut write: impl FnMut(usize, &[u8])) {
    let table_end = table_bytes(buffers.len());
    let pickle_end = table_end + pickle.len();
    let mut table = Vec::with_capacity(table_end);
    let mut push = |word: usize| table.extend_from_slice(&(word as u64).to_le_bytes());
    push(buffers.len() << u8::BITS | usize::from(PICKLE_WITH_BUFFERS));
    push(pickle.len());
    for (start, buffer) in placed(pickle_end, buffers) {
        push(start);
        push(buffer.len());
    }
    write(0, &table);
    write(table_end, pickle);
    placed(pickle_end, buffers).for_each(|(start, buffer)| write(start, buffer));
}

/// How many bytes the words take that stand before a pickle with so many buffers.
const fn table_bytes(buffers: usize) -> usize {
    2 * WORD_BYTES * (1 + buffers)
}

/// The buffers behind `end`, each with where it begins.
fn placed<'a>(mut end: usize, buffers: &[&'a [u8]]) -> impl Iterator<Item = (usize, &'a [u8])> {
    buffers.iter().map(move |buffer| {
        let start = end.next_multiple_of(BUFFER_ALIGNMENT as usize);
        end = start + buffer.len();
        (start, *buffer)
    })
}

fn read_pickle(bytes: &[u8]) -> Result<View<'_>, MalformedValue> {
    const SHORT: MalformedValue = MalformedValue("its table of buffers is cut off");
    let mut words = bytes.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word) as usize);
    let mut next = || words.next().ok_or(SHORT);
    let (count, pickle_len) = (next()? >> u8::BITS, next()?);
    let mut buffers = Buffers::new();
    for _ in 0..count {
        let start = next()?;
        let end = start.checked_add(next()?).filter(|end| *end <= bytes.len());
        buffers.push(start..end.ok_or(MalformedValue("a buffer is cut off"))?);
    }
    let pickle = bytes[table_bytes(count)..].get(..pickle_len);
    Ok(View::Pickle(pickle.ok_or(MalformedValue("its pickle is cut off"))?, buffers))
}

fn word(bytes: &[u8]) -> Result<[u8; WORD_BYTES], MalformedValue> {
    bytes.try_into().or(Err(MalformedValue("its number has not eight bytes")))
}

fn push_number(bytes: &mut Bytes, mut number: usize) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take_number(rest: &mut &[u8]) -> Result<usize, MalformedValue> {
    let mut number = 0;
    for shift in (0..usize::BITS).step_by(7) {
        let (&byte, after) = rest.split_first().ok_or(MalformedValue("a number is cut off"))?;
        *rest = after;
        number |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(MalformedValue("a number does not end"))
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Result<&'a [u8], MalformedValue> {
    let (taken, after) =
        rest.split_at_checked(len).ok_or(MalformedValue("an argument is cut off"))?;
    *rest = after;
    Ok(taken)
}
