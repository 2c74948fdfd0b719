//! Lines of output on their way to the driver's terminal.
//!
//! Owns: the queue, bounded: with nobody to take them the oldest go. Does not own: how they are shown.

use std::collections::VecDeque;

use wire::to_worker::OutputLines;

/// Bursts beyond so many mean that nobody reads them.
const BURSTS_MAX: usize = 10_000;

/// The queue.
#[derive(Default)]
pub(super) struct Lines {
    queue: VecDeque<OutputLines>,
    dropped: u64,
}

impl Lines {
    pub(super) fn push(&mut self, lines: Vec<OutputLines>) {
        self.queue.extend(lines);
        while self.queue.len() > BURSTS_MAX {
            let oldest = self.queue.pop_front();
            self.dropped += oldest.map_or(0, |burst| burst.lines.len() as u64);
        }
    }

    /// All lines, and how many were dropped before them; `None` if there are none.
    pub(super) fn take(&mut self) -> Option<(Vec<OutputLines>, u64)> {
        if self.queue.is_empty() {
            return None;
        }
        Some((self.queue.drain(..).collect(), std::mem::take(&mut self.dropped)))
    }
}
