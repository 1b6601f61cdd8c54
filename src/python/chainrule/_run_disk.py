"""What the file of a run needs of the system: locks, names, a thread that brings it to the disk, rest from Ctrl-C."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import threading
import zlib
from collections.abc import Iterator
from typing import Any

FLAGS = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
BUSY = "{} is being written by another fit; let it end, or name another file"
PAUSE = 0.25
"""Seconds between two times that what was written is brought to the disk."""


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Let Ctrl-C wait for the end of the block, where this is the thread that gets it."""
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    came: list[tuple[int, Any]] = []
    signal.signal(signal.SIGINT, lambda number, frame: came.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if came:
            handler(*came[0])


def _prefix_and_ending(path: str) -> tuple[str, str, str]:
    """Return folder, beginning and end of the names of files on their way to this one."""
    folder, name = os.path.split(path)
    number = zlib.crc32(os.fsencode(name))
    return folder, f".{name[:25]}.{number:08x}.", ".run.tmp"


def temporary_name(path: str) -> str:
    """Return a name for a file on its way to a path, in the same folder; no name that is allowed makes it too long."""
    folder, prefix, ending = _prefix_and_ending(path)
    return os.path.join(folder, f"{prefix}{os.getpid()}.{os.urandom(6).hex()}{ending}")


def remove_left(path: str) -> None:
    """Take away files on their way to a path that a killed process has left: those that nobody locks."""
    folder, prefix, ending = _prefix_and_ending(path)
    with contextlib.suppress(OSError), uninterrupted():
        for name in os.listdir(folder):
            if name.startswith(prefix) and name.endswith(ending):
                left = os.path.join(folder, name)
                fd = os.open(left, os.O_RDWR | FLAGS | getattr(os, "O_NOFOLLOW", 0))
                try:
                    if not is_being_written(fd):
                        os.unlink(left)
                finally:
                    os.close(fd)


def give_name(temporary: str, path: str) -> None:
    """Rename a file, unless there is one of that name.

    Raises
    ------
    ValueError
        If there is.
    """
    try:
        os.link(temporary, path)
    except FileExistsError as error:
        raise ValueError(BUSY.format(path)) from error
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
            raise
        if os.path.lexists(path):  # a file system without links
            raise ValueError(BUSY.format(path)) from error
        os.replace(temporary, path)
        return
    os.unlink(temporary)


def has_name(fd: int, path: str) -> bool:
    """Return whether the open file is the one of that name."""
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))
    except FileNotFoundError:
        return False


def lock(fd: int, path: str) -> None:
    """Let nobody else write the file while this one is open."""
    try:
        import fcntl
    except ImportError:  # a system without such locks
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ValueError(BUSY.format(path)) from error


def unlock(fd: int) -> None:
    """Let others write the file, also where a child has it open."""
    with contextlib.suppress(ImportError, OSError):
        import fcntl

        fcntl.flock(fd, fcntl.LOCK_UN)


def is_being_written(fd: int) -> bool:
    """Return whether another has this file open to write, so that its end may be an entry on its way."""
    try:
        import fcntl
    except ImportError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(fd, fcntl.LOCK_UN)
    return False


class Syncer:
    """A thread that brings what is written to the disk, some times a second: a write that meets an fsync waits for it."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._error: OSError | None = None
        self._wanted, self._ended = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Say that something was written."""
        self._wanted.set()
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="chainrule-fsync", daemon=True)
            thread.start()
            self._thread = thread

    def _run(self) -> None:
        while not self._ended.wait(PAUSE):
            self._wanted.wait()
            self._sync()

    def _sync(self) -> None:
        self._wanted.clear()
        try:
            os.fsync(self._fd)
        except OSError as error:
            self._error = error

    def complain(self) -> None:
        """Raise what went wrong, once."""
        error, self._error = self._error, None
        if error is not None:
            raise error

    def close(self) -> None:
        """End the thread, and bring to the disk what it has not."""
        self._ended.set()
        self._wanted.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            self._sync()
