"""Files that grow by whole entries: the runs of `Trainer.fit`. `_run_frames` says what an entry looks like.

An entry that is cut short can only be the last one; it is as if it had never been. The bytes are with the operating system
when `append` returns, so that the end of the process, however sudden, takes none of them back; a thread of its own brings
them to the disk meanwhile (fsync), and `close` waits for that.
"""

from __future__ import annotations

import contextlib
import os
import threading
import warnings
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ._builtins import read_builtins
from ._checks_values import count
from ._files import _mode_of_regular_file, _sync_folder, open_regular
from ._run_frames import BEGINNING, HEADER, Frame, encode

_FLAGS = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


BUSY = "{} is being written by another fit; let it end, or name another file"
PAUSE = 0.25
"""Seconds between two times that what was written is brought to the disk."""


class TornEntryWarning(UserWarning):
    """The last entry of a run was cut short, by the end of its process or of the power, and is dropped."""


class Entry(NamedTuple):
    """An entry of a file: where it is, and what it says it is. What it holds is read when it is wanted."""

    frame: Frame
    head: dict[str, Any]


def is_run(path: str) -> bool:
    """Return whether a file begins as a run does; one that cannot be read raises OSError."""
    file, _ = open_regular(path)
    with file:
        return file.read(len(BEGINNING)) == BEGINNING


class RunFile:
    """A file of entries, open to be read, or to be added to by nobody else.

    Parameters
    ----------
    path : str
    writing : bool, default False
        Whether to add to it. What is left of a last entry that was cut short is then cut off; a file that is not there
        is made.

    Raises
    ------
    ValueError
        If the file is damaged or something else, or is being written.
    OSError
        If it cannot be opened.

    Warns
    -----
    TornEntryWarning
    """

    def __init__(self, path: str, writing: bool = False) -> None:
        # What is written anew takes the place of the file, not of a link to it.
        self.path = path = os.path.realpath(path)
        fresh = _mode_of_regular_file(path, path) is None and writing
        # A new file has another name until its first entry is in it: whoever finds one can go on from it.
        self._unnamed = self._temporary if fresh else None
        flags = os.O_RDWR | os.O_CREAT if writing else os.O_RDONLY
        self._fd = os.open(self._unnamed or path, flags | _FLAGS | (_NO_LINK if fresh else 0), 0o666)
        self._syncer: _Syncer | None = None
        try:
            if writing:
                self._claim(self._unnamed or path)
            size = 0 if fresh else os.fstat(self._fd).st_size  # what is added from now on is not looked at
            self.entries = list(self._scan(size))
            self._size = self.entries[-1].frame.end if self.entries else 0
            rest = size - self._size
            if rest and not (not writing and _is_being_written(self._fd)):
                lost = f"{path}: its last {count(rest, 'byte')} are no whole entry: writing it was cut short, and they are left out"
                warnings.warn(TornEntryWarning(lost), stacklevel=2)
            if writing:
                os.ftruncate(self._fd, self._size)
                self._syncer = _Syncer(self._fd)
        except BaseException:
            os.close(self._fd)
            raise

    @property
    def _temporary(self) -> str:
        """The name of a file on its way: nobody else's, as only one writes, but a killed process may have left it."""
        return f"{self.path}.tmp"

    def _claim(self, name: str) -> None:
        """See that nobody else writes the file."""
        _lock(self._fd, self.path)
        try:
            same = os.path.samestat(os.fstat(self._fd), os.stat(name))
        except FileNotFoundError:
            same = False
        if not same:  # written anew, or given its name, since it was opened
            raise ValueError(BUSY.format(self.path))

    def body(self, entry: Entry) -> dict[str, Any] | None:
        """Return what an entry holds.

        Raises
        ------
        ValueError
            If it is damaged.
        """
        frame = entry.frame
        data = self._read(frame.body_start, frame.end - frame.body_start)
        if not frame.has_body(data):
            raise ValueError(f"{self.path} is damaged: the checksum of entry {frame.number} is wrong")
        body = self._builtins(data, frame.number)
        if body is not None and not isinstance(body, dict):
            raise ValueError(f"{self.path}: entry {frame.number} holds no dict")
        return body

    def append(self, head: dict[str, Any], body: dict[str, Any] | None) -> None:
        """Add an entry, whole or not at all.

        Raises
        ------
        OSError
            If it cannot be written, or an earlier one not be brought to the disk; the file then ends with the last whole
            entry.
        """
        assert self._syncer is not None, "opened for reading"
        self._syncer.complain()
        data = encode(len(self.entries), head, body)
        try:
            _write_at(self._fd, data, self._size)
        except BaseException:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._size)
            raise
        if self._unnamed is not None:
            self._give_name()
        self._add(head, data[:HEADER])
        self._syncer.wake()

    def rewrite(self, kept: Iterable[tuple[dict[str, Any], Entry | None]]) -> None:
        """Replace the file by one of these entries, each with the body of an entry of now, or none; whole or not at all.

        Raises
        ------
        OSError
            If that cannot be done; the file is as before.
        """
        assert self._syncer is not None, "opened for reading"
        temporary = self._temporary
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | _FLAGS, 0o666)
        written: list[tuple[dict[str, Any], bytes]] = []
        try:
            os.chmod(temporary, os.fstat(self._fd).st_mode & 0o777)
            _lock(fd, temporary)
            at = 0
            for number, (head, source) in enumerate(kept):
                data = encode(number, head, None if source is None else self.body(source))
                _write_at(fd, data, at)
                at += len(data)
                written.append((head, data[:HEADER]))
            os.fsync(fd)
            self._syncer.close()
            os.replace(temporary, self.path)
        except BaseException:
            os.close(fd)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            self._syncer = _Syncer(self._fd)
            raise
        old, self._fd = self._fd, fd
        self._syncer = _Syncer(fd)
        self.entries, self._size = [], 0
        for head, header in written:
            self._add(head, header)
        os.close(old)
        _sync_folder(os.path.dirname(os.path.abspath(self.path)))

    def close(self) -> None:
        """Wait until everything is on the disk, and let go of the file.

        Raises
        ------
        OSError
            If something could not be brought to the disk.
        """
        if self._fd < 0:
            return
        try:
            if self._syncer is not None:
                self._syncer.close()
                self._syncer.complain()
        finally:
            fd, self._fd = self._fd, -1
            if self._unnamed is not None:
                with contextlib.suppress(OSError):
                    os.unlink(self._unnamed)
            os.close(fd)

    def __enter__(self) -> RunFile:  # noqa: PYI034 - Self is of Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Inside --------------------------------------------------------------------------------------------------------

    def _give_name(self) -> None:
        """Give a new file, whose first entry is written, the name it is to have."""
        assert self._unnamed is not None
        if os.path.lexists(self.path):
            raise ValueError(BUSY.format(self.path))
        os.replace(self._unnamed, self.path)
        self._unnamed = None
        _sync_folder(os.path.dirname(self.path))

    def _add(self, head: dict[str, Any], header: bytes) -> None:
        frame = Frame.at(self._size, header)
        assert frame is not None
        self.entries.append(Entry(frame, head))
        self._size = frame.end

    def _scan(self, size: int) -> Iterator[Entry]:
        at, number = 0, 0
        while at < size:
            entry = self._entry_at(at, size, number)
            if entry is None:
                if BEGINNING in self._read(
                    at + 1, size - at - 1
                ):  # else it was cut short, and nothing comes after it
                    raise ValueError(
                        f"{self.path} is damaged: entry {number}, at byte {at}, is not what it was"
                    )
                return
            yield entry
            at, number = entry.frame.end, number + 1

    def _entry_at(self, at: int, size: int, number: int) -> Entry | None:
        """Return the entry that begins there; None if the file ends within it."""
        header = self._read(at, min(HEADER, size - at))
        if not header.startswith(BEGINNING[: len(header)]):
            if not any(header) and self._is_empty(at, size):
                return None
            where = f"no entry begins at byte {at}, as it should" if at else "it is no run of Trainer.fit"
            raise ValueError(f"{self.path} cannot be read: {where}")
        frame = Frame.at(at, header) if len(header) == HEADER else None
        if len(header) < HEADER or (frame is not None and frame.end > size):
            return None
        data = b"" if frame is None else self._read(at + HEADER, frame.body_start - at - HEADER)
        sound = frame is not None and frame.number == number and frame.has_head(data)
        if sound and frame is not None and frame.end == size:  # the last: all of it must be there
            sound = frame.has_body(self._read(frame.body_start, size - frame.body_start))
        if not sound or frame is None:
            if frame is not None and frame.end == size:
                return None
            raise ValueError(
                f"{self.path} is damaged: the checksum of entry {number}, at byte {at}, is wrong"
            )
        head = self._builtins(data, number)
        if not isinstance(head, dict):
            raise ValueError(f"{self.path}: entry {number} does not say what it is")  # noqa: TRY004
        return Entry(frame, head)

    def _builtins(self, data: bytes, number: int) -> Any:
        """Return what a pickle of an entry holds."""
        try:
            return read_builtins(data, "Trainer.fit")
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{self.path}, entry {number}: {error}") from error

    def _is_empty(self, at: int, size: int) -> bool:
        """Return whether there are only zeros from there on: room that the file was given, but never filled."""
        return all(not any(self._read(i, min(size - i, 1 << 20))) for i in range(at, size, 1 << 20))

    def _read(self, at: int, n: int) -> bytes:
        if self._fd < 0:
            raise ValueError(f"{self.path} was closed")
        parts = []
        while n > 0:
            part = os.pread(self._fd, min(n, 1 << 30), at)
            if not part:
                raise ValueError(f"{self.path} became shorter while it was read")
            parts.append(part)
            at, n = at + len(part), n - len(part)
        return b"".join(parts)


class _Syncer:
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
            self._thread = threading.Thread(target=self._run, name="chainrule-fsync", daemon=True)
            self._thread.start()

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


def _write_at(fd: int, data: bytes, at: int) -> None:
    view = memoryview(data)
    while view:
        n = os.pwrite(fd, view[: 1 << 30], at)
        view, at = view[n:], at + n


def _is_being_written(fd: int) -> bool:
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


def _lock(fd: int, path: str) -> None:
    """Let nobody else write the file while this one is open."""
    try:
        import fcntl
    except ImportError:  # a system without such locks
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ValueError(BUSY.format(path)) from error
