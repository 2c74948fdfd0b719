"""Who may not reach a session: other users of the machine.

Owns the rights on the session's files and the refusal of other users.
"""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

import aktis
from tests.conformance.waiting import wait_for

NOBODY = 65534


def test_the_directory_of_a_session_is_its_users_alone(session_directory: Path) -> None:
    mode = session_directory.stat()

    assert stat.S_IMODE(mode.st_mode) == 0o700
    assert mode.st_uid == os.getuid()


def test_nothing_below_it_can_be_written_by_others(session_directory: Path) -> None:
    aktis.get(aktis.remote(lambda: 1).remote())

    open_to_others = [
        path
        for path in session_directory.rglob("*")
        if not path.is_symlink() and path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    ]

    assert open_to_others == []


def test_the_session_keeps_its_sockets_below_it(session_directory: Path) -> None:
    assert [path for path in session_directory.rglob("*") if path.is_socket()]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_user_is_refused_even_when_the_path_is_open(session_directory: Path) -> None:
    (path, *_) = [path for path in session_directory.rglob("*") if path.is_socket()]
    closed = [path, *(each for each in path.parents if not each.stat().st_mode & stat.S_IXOTH)]
    before = {each: stat.S_IMODE(each.stat().st_mode) for each in closed}
    try:
        for each in closed:
            each.chmod(0o777)
        outcome = connect_as(NOBODY, path)
    finally:
        for each, mode in before.items():
            each.chmod(mode)

    assert outcome in {"refused", "closed"}
    assert aktis.get(aktis.remote(lambda: 42).remote()) == 42


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_user_cannot_even_find_the_socket(session_directory: Path) -> None:
    (path, *_) = [path for path in session_directory.rglob("*") if path.is_socket()]

    assert connect_as(NOBODY, path) == "refused"


def test_a_stranger_that_talks_nonsense_is_dropped_and_hurts_nobody(
    session_directory: Path,
) -> None:
    for path in session_directory.rglob("*"):
        if not path.is_socket():
            continue
        for noise in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 100_000):
            with socket.socket(socket.AF_UNIX) as stranger:
                stranger.settimeout(10)
                stranger.connect(str(path))
                send_ignoring_refusal(stranger, noise)
                stranger.shutdown(socket.SHUT_WR)
                assert is_closed_by_peer(stranger)

    assert aktis.get(aktis.remote(lambda: 42).remote()) == 42


def test_many_silent_strangers_do_not_stop_the_session(session_directory: Path) -> None:
    (path, *_) = [path for path in session_directory.rglob("*") if path.is_socket()]
    strangers = [socket.socket(socket.AF_UNIX) for _ in range(50)]
    try:
        for stranger in strangers:
            stranger.settimeout(10)
            stranger.connect(str(path))
        assert aktis.get(aktis.remote(lambda: 42).remote(), timeout=20) == 42
    finally:
        for stranger in strangers:
            stranger.close()
    wait_for(lambda: aktis.get(aktis.remote(lambda: True).remote(), timeout=20))


def connect_as(user: int, path: Path) -> str:
    """What happens to another user who connects and says something, found in a child process."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
            os.write(writer, outcome_of_connecting(path).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        outcome = pipe.read()
    os.waitpid(child, 0)
    return outcome


def outcome_of_connecting(path: Path) -> str:
    """`refused` at the door, `closed` behind it, or `served`."""
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.settimeout(10)
        try:
            stranger.connect(str(path))
        except OSError:
            return "refused"
        send_ignoring_refusal(stranger, b"\0" * 64)
        return "closed" if is_closed_by_peer(stranger) else "served"


def send_ignoring_refusal(stranger: socket.socket, data: bytes) -> None:
    """Sends as much as the peer takes; a peer that hangs up early is what the tests look for."""
    try:
        stranger.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        return


def is_closed_by_peer(stranger: socket.socket) -> bool:
    """Whether the peer hangs up within the socket's timeout, whatever it said before."""
    try:
        while stranger.recv(65536):
            continue
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
    return True
