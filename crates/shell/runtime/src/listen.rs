//! The node's Unix socket, open to processes of its user.
//!
//! Owns: who is let in, and how it is found. Does not own: the socket's making, in a directory that only its user
//! can enter (`aktis.cluster.local`), or what is said (`meeting`).

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use rustix::net::sockopt::socket_peercred;
use rustix::process::geteuid;

/// A socket that processes of this user connect to, and that does not block.
#[derive(Debug)]
pub(crate) struct Listener(pub(crate) UnixListener);

impl Listener {
    /// The next process of this user that connected, if one did. Those of other users are hung up on.
    ///
    /// # Errors
    /// If the system has no descriptor left, or the like: wait a little.
    pub(crate) fn accept(&self) -> io::Result<Option<UnixStream>> {
        loop {
            let stream = match self.0.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error),
            };
            if socket_peercred(&stream)?.uid == geteuid() {
                stream.set_nonblocking(true)?;
                return Ok(Some(stream));
            }
        }
    }
}

/// Connects to the socket at a path, however long.
///
/// # Errors
/// If nobody listens there.
pub(crate) fn connect(path: &Path) -> io::Result<UnixStream> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a socket needs a name"));
    };
    let flags = libc::O_PATH | libc::O_DIRECTORY;
    let directory = OpenOptions::new().read(true).custom_flags(flags).open(parent)?;
    // The kernel takes 107 bytes, which the path itself may exceed.
    let number = directory.as_raw_fd().to_string();
    UnixStream::connect(Path::new("/proc/self/fd").join(number).join(name))
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
