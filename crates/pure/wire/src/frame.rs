//! Bytes to frames and back: a length, then so many bytes.
//!
//! Owns: where a frame ends, at whatever byte the stream was cut. Does not own: what is in it (`codec`).

use types::limits::FRAME_BYTES_MAX;

/// The length before each frame, little-endian.
pub const HEADER_BYTES: usize = 4;

/// Received bytes that are not yet taken as frames.
#[derive(Debug, Default)]
pub struct Frames {
    buffer: Vec<u8>,
    taken: usize,
}

/// Why a stream cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A frame announces more bytes than any message has.
    #[error("a frame of {0} bytes was announced; the limit is {FRAME_BYTES_MAX}")]
    TooLong(usize),
}

impl Frames {
    /// Room to receive at least `bytes` more, for the caller to append what it receives.
    pub fn room(&mut self, bytes: usize) -> &mut Vec<u8> {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        self.buffer.reserve(bytes);
        &mut self.buffer
    }

    /// The next whole frame, if there is one.
    ///
    /// # Errors
    /// If the stream announces a frame beyond the limit; nothing was allocated for it.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, FrameError> {
        let rest = &self.buffer[self.taken..];
        let Some((header, body)) = rest.split_first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let len = u32::from_le_bytes(*header) as usize;
        if len > FRAME_BYTES_MAX {
            return Err(FrameError::TooLong(len));
        }
        if body.len() < len {
            return Ok(None);
        }
        let start = self.taken + HEADER_BYTES;
        self.taken = start + len;
        Ok(Some(&self.buffer[start..start + len]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(body: &[u8]) -> Vec<u8> {
        let mut bytes = (body.len() as u32).to_le_bytes().to_vec();
        bytes.extend_from_slice(body);
        bytes
    }

    #[test]
    fn frames_come_out_whole_wherever_the_stream_is_cut() {
        let stream = [framed(b"one"), framed(b""), framed(b"three")].concat();

        for cut in 0..=stream.len() {
            let mut frames = Frames::default();
            let mut seen = Vec::new();
            for part in [&stream[..cut], &stream[cut..]] {
                frames.room(part.len()).extend_from_slice(part);
                let next = || frames.next_frame().unwrap().map(<[u8]>::to_vec);
                seen.extend(std::iter::from_fn(next));
            }
            assert_eq!(seen, [b"one".to_vec(), b"".to_vec(), b"three".to_vec()]);
        }
    }

    #[test]
    fn a_frame_beyond_the_limit_is_refused_by_its_header() {
        let mut frames = Frames::default();
        frames.room(4).extend_from_slice(&u32::MAX.to_le_bytes());

        assert_eq!(frames.next_frame(), Err(FrameError::TooLong(u32::MAX as usize)));
    }
}
