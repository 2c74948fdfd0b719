//! System calls that the standard library has no door for, as safe functions.
//!
//! Owns: every `unsafe` call of the crate but those of `poll`, `children` and `title`. Does not own: any policy; each function makes one call.
#![expect(unsafe_code, reason = "the standard library has no door to these calls")]

use std::fs::File;
use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use libc::{c_int, c_void};

/// The most descriptors that one message brings: those of a forked worker, and one to spare.
pub(crate) const DESCRIPTORS_PER_MESSAGE_MAX: usize = 4;

/// Room for one control message with so many descriptors, aligned as the kernel wants it.
#[repr(C, align(8))]
struct ControlSpace([u8; CONTROL_BYTES]);

// SAFETY: the macro only computes a length from a length.
const CONTROL_BYTES: usize =
    unsafe { libc::CMSG_SPACE((DESCRIPTORS_PER_MESSAGE_MAX * size_of::<RawFd>()) as u32) } as usize;

/// The result of a call that answers -1 for failure.
pub(crate) fn checked(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// The result of a call that answers a length, or -1 for failure.
fn checked_len(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_negative| io::Error::last_os_error())
}

/// The descriptor that a call just made.
pub(crate) fn owned(result: c_int) -> io::Result<OwnedFd> {
    let number = checked(result)?;
    // SAFETY: the kernel made this descriptor for us just now, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// What one attempt to read came to, tried again while signals interrupt it: `None` if there is nothing now, and 0 at the
/// end, however the other side went.
pub(crate) fn attempt(mut read: impl FnMut() -> io::Result<usize>) -> io::Result<Option<usize>> {
    loop {
        match read() {
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
pub(crate) fn eventfd() -> io::Result<File> {
    // SAFETY: no memory is handed over.
    Ok(File::from(owned(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?))
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
        // SAFETY: the kernel reads `bytes` only, within their length.
        return checked_len(unsafe {
            libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL)
        });
    }
    assert!(
        descriptors.len() <= DESCRIPTORS_PER_MESSAGE_MAX,
        "a message brings at most {DESCRIPTORS_PER_MESSAGE_MAX} descriptors"
    );
    let mut space = ControlSpace([0; CONTROL_BYTES]);
    let mut part =
        libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast::<c_void>(), iov_len: bytes.len() };
    let payload_bytes = (descriptors.len() * size_of::<RawFd>()) as u32;
    // SAFETY: a `msghdr` of zeros is one that names nothing.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = space.0.as_mut_ptr().cast();
    // SAFETY: `space` is aligned and has room for the header and the descriptors, as asserted above; the pointers
    // into it that the macros compute stay inside, and the kernel only reads `bytes` and `space`.
    checked_len(unsafe {
        message.msg_controllen = libc::CMSG_SPACE(payload_bytes) as usize;
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(payload_bytes) as usize;
        let slots = libc::CMSG_DATA(header).cast::<RawFd>();
        for (index, descriptor) in descriptors.iter().enumerate() {
            slots.add(index).write_unaligned(descriptor.as_raw_fd());
        }
        libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL)
    })
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
    let received = checked_len(unsafe {
        libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC)
    })?;
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

/// The user of the process at the other end of a Unix socket.
///
/// # Errors
/// If it is no Unix socket.
pub(crate) fn peer_user(socket: BorrowedFd<'_>) -> io::Result<u32> {
    let mut credentials = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let mut len = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `len` bytes into `credentials`.
    checked(unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut credentials).cast(),
            &raw mut len,
        )
    })?;
    Ok(credentials.uid)
}

/// The user of this process.
pub(crate) fn user() -> u32 {
    // SAFETY: the call cannot fail and touches no memory.
    unsafe { libc::geteuid() }
}

/// Two connected sockets that keep messages apart and do not block.
///
/// # Errors
/// If the system has no descriptor left.
pub(crate) fn message_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: the kernel writes two numbers into `ends`.
    checked(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) })?;
    Ok((owned(ends[0])?, owned(ends[1])?))
}

/// Makes a descriptor answer `WouldBlock` where it would wait.
///
/// # Errors
/// If the kernel refuses, which it has no reason to.
pub(crate) fn set_nonblocking(descriptor: BorrowedFd<'_>) -> io::Result<()> {
    let number = descriptor.as_raw_fd();
    // SAFETY: no memory is handed over.
    let flags = checked(unsafe { libc::fcntl(number, libc::F_GETFL) })?;
    // SAFETY: likewise.
    checked(unsafe { libc::fcntl(number, libc::F_SETFL, flags | libc::O_NONBLOCK) })?;
    Ok(())
}

/// Lets this thread run only when nothing else wants to.
///
/// # Errors
/// If the kernel refuses, which it has no reason to.
pub(crate) fn run_when_idle() -> io::Result<()> {
    // SAFETY: the structure consists of numbers, for which zero is a value.
    let parameters: libc::sched_param = unsafe { zeroed() };
    // SAFETY: the kernel reads `parameters` only; 0 names this thread.
    checked(unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const parameters) })?;
    Ok(())
}
