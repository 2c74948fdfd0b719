//! System calls that the standard library has no door for, as safe functions.
//!
//! Owns: the forms in which they are used here. Does not own: any policy; each function makes one call.
#![expect(
    unsafe_code,
    reason = "`recvmsg` into memory that nobody filled, and the scheduler, have no safe door"
)]

use std::fs::File;
use std::io::{self, IoSlice};
use std::mem::{MaybeUninit, size_of, zeroed};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use rustix::event::{EventfdFlags, eventfd};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

/// The most descriptors that one message brings: those of a forked worker, and one to spare.
pub(crate) const DESCRIPTORS_PER_MESSAGE_MAX: usize = 4;

const CONTROL_BYTES: usize = rustix::cmsg_space!(ScmRights(DESCRIPTORS_PER_MESSAGE_MAX));

/// Room for one control message with so many descriptors, aligned as the kernel wants it.
#[repr(C, align(8))]
struct ControlSpace([u8; CONTROL_BYTES]);

/// What one attempt to read or write came to, tried again while signals interrupt it: `None` if nothing goes now, and 0
/// at the end, however the other side went.
pub(crate) fn attempt(mut act: impl FnMut() -> io::Result<usize>) -> io::Result<Option<usize>> {
    loop {
        match act() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(Some(0)),
            other => return other.map(Some),
        }
    }
}

/// A new event counter that never blocks: eight bytes of a number written to it add up and wake who waits to read it.
///
/// # Errors
/// If the system has no descriptor left.
pub(crate) fn event_counter() -> io::Result<File> {
    Ok(File::from(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
}

/// Writes bytes and descriptors to a socket; answers how many bytes went. Never raises SIGPIPE.
///
/// # Errors
/// As `sendmsg`; `WouldBlock` if nothing fits and the socket does not block.
pub(crate) fn send(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<usize> {
    if descriptors.is_empty() {
        return Ok(rustix::net::send(socket, bytes, SendFlags::NOSIGNAL)?);
    }
    let mut space = [MaybeUninit::uninit(); CONTROL_BYTES];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(
        control.push(SendAncillaryMessage::ScmRights(descriptors)),
        "a message brings at most {DESCRIPTORS_PER_MESSAGE_MAX} descriptors"
    );
    Ok(sendmsg(socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)?)
}

/// Appends what a socket has to the spare room of `buffer`, and descriptors that come along to `descriptors`.
/// Answers how many bytes came; 0 means that the peer closed.
///
/// # Errors
/// As `recvmsg`; `WouldBlock` if there is nothing; `InvalidData` if more descriptors came than one message may bring.
pub(crate) fn receive(
    socket: BorrowedFd<'_>,
    buffer: &mut Vec<u8>,
    descriptors: &mut impl Extend<OwnedFd>,
) -> io::Result<usize> {
    let mut space = ControlSpace([0; CONTROL_BYTES]);
    let room = buffer.spare_capacity_mut();
    let mut part = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() };
    // SAFETY: a `msghdr` of zeros is one that names nothing.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = space.0.as_mut_ptr().cast();
    message.msg_controllen = CONTROL_BYTES;
    // SAFETY: the kernel writes into `room` and `space` only, within the lengths given.
    let received =
        unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC) };
    let received = usize::try_from(received).map_err(|_negative| io::Error::last_os_error())?;
    // SAFETY: the kernel wrote the first `received` bytes of the spare room.
    unsafe { buffer.set_len(buffer.len() + received) };
    // SAFETY: `message` is as the kernel left it and its control space is alive.
    unsafe { take_descriptors(&message, descriptors) };
    if message.msg_flags & libc::MSG_CTRUNC != 0 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "more descriptors came than expected",
        ));
    }
    Ok(received)
}

/// Takes the descriptors out of a received message.
///
/// # Safety
/// `message` is as `recvmsg` left it, and its control space is alive.
unsafe fn take_descriptors(message: &libc::msghdr, descriptors: &mut impl Extend<OwnedFd>) {
    // SAFETY: the macros stay within the control space, which the kernel filled; each descriptor in it was made
    // for this process by this very call.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(message);
        while !header.is_null() {
            if (*header).cmsg_level == libc::SOL_SOCKET && (*header).cmsg_type == libc::SCM_RIGHTS {
                let payload_bytes = (*header).cmsg_len - libc::CMSG_LEN(0) as usize;
                let slots = libc::CMSG_DATA(header).cast::<RawFd>();
                for index in 0..payload_bytes / size_of::<RawFd>() {
                    let number = slots.add(index).read_unaligned();
                    descriptors.extend([OwnedFd::from_raw_fd(number)]);
                }
            }
            header = libc::CMSG_NXTHDR(message, header);
        }
    }
}

/// Lets this thread run only when nothing else wants to.
///
/// # Errors
/// If the kernel refuses, which it has no reason to.
pub(crate) fn run_when_idle() -> io::Result<()> {
    // SAFETY: the structure consists of numbers, for which zero is a value.
    let parameters: libc::sched_param = unsafe { zeroed() };
    // SAFETY: the kernel reads `parameters` only; 0 names this thread.
    match unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const parameters) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
