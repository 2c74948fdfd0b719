//! Connects to a process of a node through the node's socket.
//!
//! Owns: the way there. Does not own: the handshake that follows (`meeting`).

use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;

use types::{Timestamp, WorkerId};

use crate::listen::ShortPath;
use crate::meeting::Meeting;

/// Connects to `target`, or to the daemon itself, and begins the handshake as `own_id`.
///
/// # Errors
/// If nobody listens at `socket`.
pub fn dial(
    socket: &Path,
    token: &[u8],
    target: Option<WorkerId>,
    own_id: Option<WorkerId>,
    now: Timestamp,
) -> io::Result<Meeting> {
    let stream = UnixStream::connect(&ShortPath::of(socket)?.path)?;
    Meeting::initiate(stream, token, target, own_id, now)
}
