//! The node's Unix socket: made in a directory that only its user can enter, open to processes of that user.
//!
//! Owns: the socket. Does not own: the directory and what is left in it (`aktis.cluster.session_dir`), or what is said
//! (`meeting`).

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::net::sockopt::socket_peercred;
use rustix::process::geteuid;

/// The longest path that the kernel takes for a socket.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// A socket that processes of this user connect to. Who removes its directory removes its file.
#[derive(Debug)]
pub(crate) struct Listener(UnixListener);

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
    /// Listens at `path`.
    ///
    /// # Errors
    /// If another user owns or can enter the directory, or the socket cannot be made.
    pub(crate) fn bind(path: &Path) -> io::Result<Self> {
        let directory = path.parent().unwrap_or_else(|| Path::new("."));
        let found = fs::metadata(directory)?;
        if found.uid() != geteuid().as_raw() || found.mode() & 0o077 != 0 {
            let told =
                format!("{} is open to other users; it must be private", directory.display());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, told));
        }
        let (path, _directory) = short(path)?;
        let socket = UnixListener::bind(path)?;
        socket.set_nonblocking(true)?;
        Ok(Self(socket))
    }

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
