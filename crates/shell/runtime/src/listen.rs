//! The node's Unix socket, open to processes of its user.
//!
//! Owns: who is let in, and how its path is named. Does not own: the socket's making, in a directory that only its user
//! can enter (`aktis.cluster.local`), or what is said (`meeting`).

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::net::sockopt::socket_peercred;
use rustix::process::geteuid;

/// The longest path that the kernel takes for a socket.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// A socket that processes of this user connect to, and that does not block.
#[derive(Debug)]
pub(crate) struct Listener(pub(crate) UnixListener);

/// A path that the kernel takes for `path`, and what it leads through, which must stay open until it was used: if it is
/// too long, an open descriptor of its directory.
pub(crate) fn short(path: &Path) -> io::Result<(PathBuf, Option<File>)> {
    if path.as_os_str().len() <= SOCKET_PATH_BYTES_MAX {
        return Ok((path.to_owned(), None));
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a socket needs a name"));
    };
    let flags = libc::O_PATH | libc::O_DIRECTORY;
    let directory = OpenOptions::new().read(true).custom_flags(flags).open(parent)?;
    let number = directory.as_raw_fd().to_string();
    Ok((Path::new("/proc/self/fd").join(number).join(name), Some(directory)))
}

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

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
