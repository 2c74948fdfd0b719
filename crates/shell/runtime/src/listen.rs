//! The node's Unix socket: made in a directory that only its user can enter, open to processes of that user.
//!
//! Owns: the socket and its file. Does not own: the directory (`aktis.cluster.session_dir`), or what is said
//! (`meeting`).

use std::fs::{self, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use crate::sys;

/// The longest path that the kernel takes for a socket.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// A socket that processes of this user connect to. Its file goes when it is dropped.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: UnixListener,
    path: PathBuf,
}

/// A path that the kernel takes, and what it leads through, which must stay open until it was used.
pub(crate) struct ShortPath {
    pub(crate) path: PathBuf,
    _directory: Option<OwnedFd>,
}

impl ShortPath {
    /// The path itself, or one through an open descriptor of its directory if it is too long for the kernel.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        if path.as_os_str().len() <= SOCKET_PATH_BYTES_MAX {
            return Ok(Self { path: path.to_owned(), _directory: None });
        }
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a socket needs a name"));
        };
        let flags = libc::O_PATH | libc::O_DIRECTORY;
        let directory: OwnedFd =
            OpenOptions::new().read(true).custom_flags(flags).open(parent)?.into();
        let number = directory.as_raw_fd().to_string();
        let short = Path::new("/proc/self/fd").join(number).join(name);
        Ok(Self { path: short, _directory: Some(directory) })
    }
}

impl Listener {
    /// Listens at `path`.
    ///
    /// # Errors
    /// If another user owns or can enter the directory, or the socket cannot be made.
    pub(crate) fn bind(path: &Path) -> io::Result<Self> {
        let directory = path.parent().unwrap_or_else(|| Path::new("."));
        let found = fs::metadata(directory)?;
        if found.uid() != sys::user() || found.mode() & 0o077 != 0 {
            let told =
                format!("{} is open to other users; it must be private", directory.display());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, told));
        }
        let socket = UnixListener::bind(&ShortPath::of(path)?.path)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, path: path.to_owned() })
    }

    /// The next process of this user that connected, if one did. Those of other users are hung up on.
    ///
    /// # Errors
    /// If the system has no descriptor left, or the like: wait a little.
    pub(crate) fn accept(&self) -> io::Result<Option<UnixStream>> {
        loop {
            let stream = match self.socket.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if is_passing(&error) => continue,
                Err(error) => return Err(error),
            };
            if sys::peer_user(stream.as_fd())? == sys::user() {
                stream.set_nonblocking(true)?;
                return Ok(Some(stream));
            }
        }
    }
}

/// Whether the next attempt may go better at once.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted)
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Whoever removes the session's directory removes what is left in it.
        drop(fs::remove_file(&self.path));
    }
}
