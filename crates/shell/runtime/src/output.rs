//! What a process writes, as lines.
//!
//! Owns: where a line ends, and what is shown of one that does not. Does not own: the pipe, when a line is shown that does
//! not end, or who reads the lines.
//!
//! A carriage return stays inside its line, so that a progress bar redraws itself wherever it is shown.

use types::limits::LINE_BYTES_MAX;

/// The written bytes of one pipe that are not yet lines.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    partial: Vec<u8>,
}

impl Lines {
    /// Takes written bytes; answers the lines that they end, without their ends.
    pub(crate) fn on_bytes(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            if let Some(end) = piece.strip_suffix(b"\n") {
                self.extend(end, &mut lines);
                lines.push(text(&self.partial));
                self.partial.clear();
            } else {
                self.extend(piece, &mut lines);
            }
        }
        lines
    }

    /// Whether the last line has no end yet.
    pub(crate) const fn is_partial(&self) -> bool {
        !self.partial.is_empty()
    }

    /// The line without an end: what is left when the process has ended, or its time is up.
    pub(crate) fn finish(&mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.partial);
        (!rest.is_empty()).then(|| text(&rest))
    }

    fn extend(&mut self, mut bytes: &[u8], lines: &mut Vec<String>) {
        while self.partial.len() + bytes.len() > LINE_BYTES_MAX {
            let (fitting, rest) = bytes.split_at(LINE_BYTES_MAX - self.partial.len());
            self.partial.extend_from_slice(fitting);
            let whole = whole_characters(&self.partial);
            lines.push(text(&self.partial[..whole]));
            self.partial.drain(..whole);
            bytes = rest;
        }
        self.partial.extend_from_slice(bytes);
    }
}

/// How many of the bytes can be shown without cutting a character in two.
fn whole_characters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => error.valid_up_to(),
        Ok(_) | Err(_) => bytes.len(),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests;
