//! What this process is called in `ps`.
//!
//! Owns: the memory behind `/proc/self/cmdline`, which the kernel set up when the program began. Does not own: the
//! titles themselves.
#![expect(unsafe_code, reason = "writes into the memory that the kernel shows as the command line")]

use std::fs;
use std::io;
use std::slice;
use std::sync::Mutex;

/// Which fields of `/proc/self/stat`, counted from 0 behind the program's name, tell where the arguments lie.
const ARGUMENTS_START_FIELD: usize = 45;
const ARGUMENTS_END_FIELD: usize = 46;

/// One writer at a time.
static WRITING: Mutex<()> = Mutex::new(());

/// Calls this process `title`, cut to the length of the command line that it was started with.
///
/// Whoever reads `argv` of the C runtime afterwards sees the title; Python copies its arguments when it begins.
///
/// # Errors
/// If the kernel does not tell where the command line lies.
pub fn set_title(title: &str) -> io::Result<()> {
    let _writing = WRITING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let (start, len) = arguments()?;
    // SAFETY: the kernel says that the argument strings lie here; they are writable, are never unmapped, and nobody else
    // writes them while the lock is held.
    let room = unsafe { slice::from_raw_parts_mut(start as *mut u8, len) };
    let shown = title.len().min(len - 1);
    room[..shown].copy_from_slice(&title.as_bytes()[..shown]);
    room[shown..].fill(0);
    Ok(())
}

fn arguments() -> io::Result<(usize, usize)> {
    let unknown = || io::Error::other("the kernel does not tell where the command line lies");
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The name in brackets may hold anything, brackets and blanks too.
    let (_, fields) = stat.rsplit_once(") ").ok_or_else(unknown)?;
    let field = |index| fields.split(' ').nth(index)?.parse::<usize>().ok();
    let start = field(ARGUMENTS_START_FIELD).filter(|&at| at != 0).ok_or_else(unknown)?;
    let end = field(ARGUMENTS_END_FIELD).filter(|&at| at > start).ok_or_else(unknown)?;
    Ok((start, end - start))
}

#[cfg(test)]
mod tests;
