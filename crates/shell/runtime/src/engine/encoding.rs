//! Values and arguments as bytes: one tag, then the content; the same inline and in shared memory.
//!
//! Owns: the layout. Does not own: pickling (`python`), or where the bytes lie (`pins`, `types::Payload`).
//!
//! A pickle with buffers is laid out as `tag (1) | zero (3) | buffer count (4) | pickle length (8)`, then offset and
//! length (8 each) of every buffer, the pickle, and the buffers, each aligned to `BUFFER_ALIGNMENT` from the start of
//! the value. Arguments are a count, then each as a kind and either a length and a value or an index of a dependency,
//! then the names of the last ones that have names. Counts, lengths and indexes are variable-length numbers.

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

const ARGUMENT_VALUE: u8 = 0;
const ARGUMENT_DEPENDENCY: u8 = 1;

const HEADER_BYTES: usize = 16;
const ENTRY_BYTES: usize = 16;

/// A value to be written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Encoded<'a> {
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
    Pickle(&'a [u8], &'a [&'a [u8]]),
}

/// A value as it is read. Borrows from its bytes.
#[derive(Debug, Clone, PartialEq)]
pub enum View<'a> {
    /// None.
    None,
    /// True or False.
    Bool(bool),
    /// An int.
    Int(i64),
    /// A float.
    Float(f64),
    /// A str.
    Text(&'a str),
    /// A bytes.
    Bytes(&'a [u8]),
    /// A pickle, and where in the value's bytes its buffers lie.
    Pickle(&'a [u8], Buffers),
}

/// Where buffers lie in the bytes of their value.
pub type Buffers = SmallVec<[Range<usize>; 4]>;

/// One argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argument<'a> {
    /// The bytes of a value.
    Value(&'a [u8]),
    /// A position in the list of dependencies.
    Dependency(usize),
}

/// Bytes that no writer of this module made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a value is malformed: {0}")]
pub struct MalformedValue(&'static str);

/// Where the parts of a value go: its whole size first, then each part with its offset.
#[derive(Debug)]
pub struct Layout<'a> {
    value: Encoded<'a>,
    size: usize,
}

impl<'a> Layout<'a> {
    /// The layout of `value`.
    #[must_use]
    pub fn of(value: Encoded<'a>) -> Self {
        let size = match value {
            Encoded::None | Encoded::Bool(_) => 1,
            Encoded::Int(_) | Encoded::Float(_) => 9,
            Encoded::Text(text) => 1 + text.len(),
            Encoded::Bytes(bytes) | Encoded::Pickle(bytes, []) => 1 + bytes.len(),
            Encoded::Pickle(pickle, buffers) => {
                let pickle_end = HEADER_BYTES + ENTRY_BYTES * buffers.len() + pickle.len();
                buffers.iter().fold(pickle_end, |end, buffer| aligned(end) + buffer.len())
            }
        };
        Self { value, size }
    }

    /// How many bytes the value takes.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.size
    }

    /// Hands each part with its offset to `write`, ascending. Gaps between parts may hold anything.
    pub fn write_parts(&self, mut write: impl FnMut(usize, &[u8])) {
        match self.value {
            Encoded::None => write(0, &[NONE]),
            Encoded::Bool(true) => write(0, &[TRUE]),
            Encoded::Bool(false) => write(0, &[FALSE]),
            Encoded::Int(number) => write(0, &tagged(INT, number.to_le_bytes())),
            Encoded::Float(number) => write(0, &tagged(FLOAT, number.to_le_bytes())),
            Encoded::Text(text) => write_tagged(TEXT, text.as_bytes(), write),
            Encoded::Bytes(bytes) => write_tagged(BYTES, bytes, write),
            Encoded::Pickle(pickle, []) => write_tagged(PICKLE, pickle, write),
            Encoded::Pickle(pickle, buffers) => write_pickle(pickle, buffers, write),
        }
    }

    /// The value as one payload.
    #[must_use]
    pub fn to_payload(&self) -> Payload {
        let mut bytes = SmallVec::<[u8; 256]>::new();
        self.append_to(&mut bytes);
        Payload::from(&bytes[..])
    }

    fn append_to<const N: usize>(&self, bytes: &mut SmallVec<[u8; N]>) {
        let start = bytes.len();
        bytes.reserve(self.size);
        self.write_parts(|offset, part| {
            bytes.resize(start + offset, 0);
            bytes.extend_from_slice(part);
        });
    }
}

/// `value` as bytes.
#[must_use]
pub fn encoded_value(value: Encoded<'_>) -> Payload {
    Layout::of(value).to_payload()
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
        INT => View::Int(i64::from_le_bytes(eight(rest)?)),
        FLOAT => View::Float(f64::from_le_bytes(eight(rest)?)),
        TEXT => match std::str::from_utf8(rest) {
            Ok(text) => View::Text(text),
            Err(_) => return Err(MalformedValue("its text is not UTF-8")),
        },
        BYTES => View::Bytes(rest),
        PICKLE => View::Pickle(rest, Buffers::new()),
        PICKLE_WITH_BUFFERS => read_pickle(bytes)?,
        _ => return Err(MalformedValue("its tag is unknown")),
    })
}

/// Writes the arguments of one call.
#[derive(Debug)]
pub struct ArgumentWriter {
    bytes: SmallVec<[u8; 256]>,
}

impl ArgumentWriter {
    /// Begins a list of so many arguments, positional ones first.
    #[must_use]
    pub fn new(count: usize) -> Self {
        let mut bytes = SmallVec::new();
        push_number(&mut bytes, count as u64);
        Self { bytes }
    }

    /// The next argument is this value.
    pub fn value(&mut self, value: Encoded<'_>) {
        let layout = Layout::of(value);
        self.bytes.push(ARGUMENT_VALUE);
        push_number(&mut self.bytes, layout.size() as u64);
        layout.append_to(&mut self.bytes);
    }

    /// The next argument is the value of the dependency at `index`.
    pub fn dependency(&mut self, index: usize) {
        self.bytes.push(ARGUMENT_DEPENDENCY);
        push_number(&mut self.bytes, index as u64);
    }

    /// Ends the list with the names of its last arguments.
    #[must_use]
    pub fn finish<'a>(mut self, names: impl ExactSizeIterator<Item = &'a str>) -> Payload {
        push_number(&mut self.bytes, names.len() as u64);
        for name in names {
            push_number(&mut self.bytes, name.len() as u64);
            self.bytes.extend_from_slice(name.as_bytes());
        }
        Payload::from(&self.bytes[..])
    }
}

/// Reads what [`ArgumentWriter`] wrote.
#[derive(Debug)]
pub struct ArgumentReader<'a> {
    rest: &'a [u8],
    left: usize,
}

impl<'a> ArgumentReader<'a> {
    /// Reads `bytes`.
    ///
    /// # Errors
    /// If they do not begin with a count.
    pub fn new(bytes: &'a [u8]) -> Result<Self, MalformedValue> {
        let mut rest = bytes;
        let left = take_length(&mut rest)?;
        Ok(Self { rest, left })
    }

    /// How many arguments were not yet read.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.left
    }

    /// The next argument; `None` after the last.
    ///
    /// # Errors
    /// If the bytes are malformed.
    pub fn next_argument(&mut self) -> Result<Option<Argument<'a>>, MalformedValue> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let (&kind, rest) =
            self.rest.split_first().ok_or(MalformedValue("an argument is missing"))?;
        self.rest = rest;
        let number = take_length(&mut self.rest)?;
        Ok(Some(match kind {
            ARGUMENT_VALUE => Argument::Value(take(&mut self.rest, number)?),
            ARGUMENT_DEPENDENCY => Argument::Dependency(number),
            _ => return Err(MalformedValue("an argument is of an unknown kind")),
        }))
    }

    /// The names of the last arguments, after all arguments were read.
    ///
    /// # Errors
    /// If the bytes are malformed.
    pub fn names(mut self) -> Result<Vec<&'a str>, MalformedValue> {
        let count = take_length(&mut self.rest)?;
        let mut names = Vec::new();
        for _ in 0..count {
            let len = take_length(&mut self.rest)?;
            let name = std::str::from_utf8(take(&mut self.rest, len)?);
            names.push(
                name.map_err(|_utf8| MalformedValue("the name of an argument is not UTF-8"))?,
            );
        }
        Ok(names)
    }
}

fn write_tagged(tag: u8, bytes: &[u8], mut write: impl FnMut(usize, &[u8])) {
    write(0, &[tag]);
    write(1, bytes);
}

fn write_pickle(pickle: &[u8], buffers: &[&[u8]], mut write: impl FnMut(usize, &[u8])) {
    let table_end = HEADER_BYTES + ENTRY_BYTES * buffers.len();
    let mut head = Vec::with_capacity(table_end);
    head.extend_from_slice(&[PICKLE_WITH_BUFFERS, 0, 0, 0]);
    head.extend_from_slice(&(buffers.len() as u32).to_le_bytes());
    head.extend_from_slice(&(pickle.len() as u64).to_le_bytes());
    let mut end = table_end + pickle.len();
    for buffer in buffers {
        let start = aligned(end);
        head.extend_from_slice(&(start as u64).to_le_bytes());
        head.extend_from_slice(&(buffer.len() as u64).to_le_bytes());
        end = start + buffer.len();
    }
    write(0, &head);
    write(table_end, pickle);
    let mut end = table_end + pickle.len();
    for buffer in buffers {
        let start = aligned(end);
        write(start, buffer);
        end = start + buffer.len();
    }
}

fn read_pickle(bytes: &[u8]) -> Result<View<'_>, MalformedValue> {
    const SHORT: MalformedValue = MalformedValue("its table of buffers is cut off");
    let head = bytes.first_chunk::<HEADER_BYTES>().ok_or(SHORT)?;
    let count = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
    let pickle_len = length(&head[8..])?;
    let table_end = HEADER_BYTES + count.checked_mul(ENTRY_BYTES).ok_or(SHORT)?;
    let table = bytes.get(HEADER_BYTES..table_end).ok_or(SHORT)?;
    let pickle_end = table_end.checked_add(pickle_len).ok_or(SHORT)?;
    let pickle = bytes.get(table_end..pickle_end).ok_or(MalformedValue("its pickle is cut off"))?;
    let mut buffers = Buffers::with_capacity(count);
    for entry in table.chunks_exact(ENTRY_BYTES) {
        let start = length(&entry[..8])?;
        let end = start.checked_add(length(&entry[8..])?).ok_or(SHORT)?;
        if end > bytes.len() {
            return Err(MalformedValue("a buffer is cut off"));
        }
        buffers.push(start..end);
    }
    Ok(View::Pickle(pickle, buffers))
}

fn tagged(tag: u8, number: [u8; 8]) -> [u8; 9] {
    let mut bytes = [tag; 9];
    bytes[1..].copy_from_slice(&number);
    bytes
}

fn eight(bytes: &[u8]) -> Result<[u8; 8], MalformedValue> {
    <[u8; 8]>::try_from(bytes).map_err(|_length| MalformedValue("its number has not eight bytes"))
}

fn length(bytes: &[u8]) -> Result<usize, MalformedValue> {
    let number = u64::from_le_bytes(eight(bytes)?);
    usize::try_from(number).map_err(|_range| MalformedValue("a length is beyond this machine"))
}

const fn aligned(offset: usize) -> usize {
    offset.next_multiple_of(BUFFER_ALIGNMENT as usize)
}

fn push_number<const N: usize>(bytes: &mut SmallVec<[u8; N]>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take_length(rest: &mut &[u8]) -> Result<usize, MalformedValue> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first().ok_or(MalformedValue("a number is cut off"))?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return usize::try_from(number)
                .map_err(|_range| MalformedValue("a number is beyond this machine"));
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
