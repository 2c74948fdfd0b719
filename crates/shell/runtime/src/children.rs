//! Processes that this one started or adopted: what they are and how they are ended.
//!
//! Owns: the system calls. Does not own: whose process is which (`daemon::workers`), or who takes leave of them
//! (`aktis.cluster.children`).

use std::io;

use libc::c_int;
use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, getpid, kill_process, kill_process_group,
    set_child_subreaper, waitid,
};
use types::Exit;

/// From now on, processes whose parent ends become children of this process.
///
/// # Errors
/// If the kernel does not know the call.
pub(crate) fn adopt_orphans() -> io::Result<()> {
    Ok(set_child_subreaper(Some(getpid()))?)
}

/// Ends a process and all of its group at once. A process that is already gone is no error.
///
/// # Errors
/// If the process belongs to somebody else.
pub(crate) fn kill_group(pid: u32) -> io::Result<()> {
    assert!(pid > 1, "process {pid} is not ours to end");
    let pid = named(pid)?;
    // The process itself is named too: it may not have made its group yet.
    for killed in [kill_process_group(pid, Signal::KILL), kill_process(pid, Signal::KILL)] {
        match killed {
            Err(error) if error != Errno::SRCH => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// A process that ended: what it was, how it ended, and the most memory it held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Its process id.
    pub(crate) pid: u32,
    /// How it ended.
    pub(crate) exit: Exit,
    /// The most memory it held, in bytes.
    pub(crate) peak_memory_bytes: u64,
}

/// Whether a process is a child of this one, alive or not yet taken leave of.
pub(crate) fn is_child(pid: u32) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    named(pid).is_ok_and(|pid| waitid(WaitId::Pid(pid), options).is_ok())
}

fn named(pid: u32) -> Result<Pid, Errno> {
    i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(Errno::SRCH)
}

/// What a status of `wait` says.
pub(crate) fn exit_of(status: c_int) -> Exit {
    if libc::WIFSIGNALED(status) {
        Exit::Signal(libc::WTERMSIG(status))
    } else {
        Exit::Code(libc::WEXITSTATUS(status))
    }
}
