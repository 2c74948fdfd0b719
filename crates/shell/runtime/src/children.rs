//! Processes that this one started or adopted: how they begin, end, and are taken leave of.
//!
//! Owns: the system calls. Does not own: whose process is which (`daemon::workers`).
#![expect(unsafe_code, reason = "`waitid` that leaves a child, and `wait4`, have no safe door")]

use std::io;
use std::mem::zeroed;

use libc::c_int;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, getpid, kill_process, kill_process_group, set_child_subreaper};
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
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(Errno::SRCH)?;
    // The process itself is named too: it may not have made its group yet.
    for killed in [kill_process_group(pid, Signal::KILL), kill_process(pid, Signal::KILL)] {
        match killed {
            Err(error) if error != Errno::SRCH => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// A child that ended: what it was, how it ended, and the most memory it held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reaped {
    /// Its process id.
    pub(crate) pid: u32,
    /// How it ended.
    pub(crate) exit: Exit,
    /// The most memory it held, in bytes.
    pub(crate) peak_memory_bytes: u64,
}

/// Takes leave of one child that ended, if there is one, after ending what is left of its group.
///
/// # Errors
/// If the kernel refuses, which it has no reason to.
pub(crate) fn reap_one() -> io::Result<Option<Reaped>> {
    let pid = match first_ended(libc::P_ALL, 0) {
        Err(error) if error.raw_os_error() == Some(libc::ECHILD) => return Ok(None),
        other => other?,
    };
    let number = u32::try_from(pid).map_err(io::Error::other)?;
    if number == 0 {
        return Ok(None);
    }
    // Until it is reaped its number cannot name another group. What of its group another user owns is left to that user.
    drop(kill_group(number));
    let mut status = 0;
    // SAFETY: the structure consists of numbers, for which zero is a value.
    let mut usage: libc::rusage = unsafe { zeroed() };
    // SAFETY: the kernel writes into `status` and `usage` only.
    if unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) } < 0 {
        return Err(io::Error::last_os_error());
    }
    let peak_kib = u64::try_from(usage.ru_maxrss).unwrap_or(0);
    Ok(Some(Reaped { pid: number, exit: exit_of(status), peak_memory_bytes: peak_kib * 1024 }))
}

/// Whether a process is a child of this one, alive or not yet reaped.
pub(crate) fn is_child(pid: u32) -> bool {
    first_ended(libc::P_PID, pid).is_ok()
}

/// A child, of those named, that ended and stays to be reaped; 0 if all are alive, and an error if there is none.
fn first_ended(kind: libc::idtype_t, id: libc::id_t) -> io::Result<libc::pid_t> {
    // SAFETY: the structure consists of numbers, for which zero is a value.
    let mut seen: libc::siginfo_t = unsafe { zeroed() };
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: the kernel writes into `seen` only.
    if unsafe { libc::waitid(kind, id, &raw mut seen, options) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `waitid` filled the structure, or left its zeros.
    Ok(unsafe { seen.si_pid() })
}

/// What a status of `wait` says.
pub(crate) fn exit_of(status: c_int) -> Exit {
    if libc::WIFSIGNALED(status) {
        Exit::Signal(libc::WTERMSIG(status))
    } else {
        Exit::Code(libc::WEXITSTATUS(status))
    }
}
