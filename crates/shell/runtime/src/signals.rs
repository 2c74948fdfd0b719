//! The few calls by which a process ends or interrupts itself, and by which its threads are left alone.
//!
//! Owns: those calls. Does not own: when they are made.
#![expect(unsafe_code, reason = "the standard library has no door to these calls")]

use std::mem::zeroed;
use std::ptr;

/// Leaves every signal to the other threads.
pub(crate) fn block_in_this_thread() {
    // SAFETY: the set is filled before it is used, and lives through the calls, which fail for no set that is one.
    unsafe {
        let mut set: libc::sigset_t = zeroed();
        libc::sigfillset(&raw mut set);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut());
    }
}

/// Sends SIGINT to the main thread, whose number is that of its process.
pub(crate) fn interrupt_main_thread() {
    // SAFETY: the calls take numbers only, and the main thread exists as long as the process.
    unsafe {
        let process = libc::getpid();
        libc::syscall(libc::SYS_tgkill, process, process, libc::SIGINT);
    }
}

/// Whether this is the main thread, whose number is that of its process.
pub(crate) fn is_main_thread() -> bool {
    // SAFETY: the calls take nothing and always answer.
    unsafe { libc::gettid() == libc::getpid() }
}

/// Ends the process at once, whatever its other threads do and hold.
pub(crate) fn exit_at_once(code: i32) -> ! {
    // SAFETY: nothing of this process runs afterwards.
    unsafe { libc::_exit(code) }
}
