"""Files that grow by whole entries: the runs of `Trainer.fit`. `_run_frames` says what an entry looks like.

An entry that is cut short can only be the last one; it is as if it had never been. The bytes are with the operating system
when `append` returns, so that the end of the process, however sudden, takes none of them back; a thread of its own brings
them to the disk meanwhile (fsync), and `close` waits for that.
"""

from __future__ import annotations

import contextlib
import errno
import os
import warnings
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ._builtins import read_builtins
from ._checks_values import count
from ._files import _mode_of_regular_file, _sync_folder, open_regular
from ._run_disk import (
    BUSY,
    FLAGS,
    Syncer,
    give_name,
    has_name,
    is_being_written,
    lock,
    remove_left,
    temporary_name,
    uninterrupted,
    unlock,
)
from ._run_frames import BEGINNING, HEADER, Frame, encode

SECTOR = 512
"""Bytes that a disk writes together."""
LONGEST_HEAD = 1 << 30
"""Bytes. What was measured in ten million epochs has fewer."""


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
        if writing:
            remove_left(path)
        # A new file has another name until its first entry is in it: whoever finds one can go on from it.
        self._unnamed = temporary_name(path) if fresh else None
        flags = os.O_RDWR | os.O_CREAT | (os.O_EXCL if fresh else 0) if writing else os.O_RDONLY
        self._syncer: Syncer | None = None
        self._held: tuple[int, list[Entry]] = -1, []
        try:
            with uninterrupted():
                fd = os.open(self._unnamed or path, flags | FLAGS, 0o666)
                self._held = fd, []
            if writing:
                lock(fd, path)
                if not has_name(fd, self._unnamed or path):  # written anew since it was opened
                    raise ValueError(BUSY.format(path))
            size = os.fstat(fd).st_size  # what is added from now on is not looked at
            self.entries.extend(self._scan(size))
            rest = size - self._size
            if rest and not (not writing and is_being_written(fd)):
                lost = f"{path}: its last {count(rest, 'byte')} are no whole entry: writing it was cut short, and they are left out"
                warnings.warn(TornEntryWarning(lost), stacklevel=2)
            if writing and rest and not self.entries and not self._is_empty(0, size):
                raise ValueError(f"{path} holds no whole entry of a run; take it away to begin anew")
            if writing:
                os.ftruncate(fd, self._size)
                self._syncer = Syncer(fd)
        except BaseException:
            self._let_go()
            raise

    @property
    def entries(self) -> list[Entry]:
        """The whole entries."""
        return self._held[1]

    @property
    def _fd(self) -> int:
        return self._held[0]

    @property
    def _size(self) -> int:
        return self.entries[-1].frame.end if self.entries else 0

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
        data, at = encode(len(self.entries), head, body), self._size
        frame = Frame.at(at, data[:HEADER])
        assert frame is not None
        with uninterrupted():
            try:
                if os.fstat(self._fd).st_size != at:
                    os.ftruncate(self._fd, at)
                _write_at(self._fd, data, at)
                if self._unnamed is not None:
                    self._give_name(self._unnamed)
                self.entries.append(Entry(frame, head))
            except BaseException:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._fd, self._size)
                raise
            self._syncer.wake()

    def rewrite(self, kept: Iterable[tuple[dict[str, Any], Entry | None]]) -> None:
        """Replace the file by one of these entries, each with the body of an entry of now, or none; whole or not at all.

        Raises
        ------
        OSError
            If that cannot be done; the file is as before.
        """
        assert self._syncer is not None, "opened for reading"
        with uninterrupted():
            temporary = temporary_name(self.path)
            fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | FLAGS, 0o666)
            entries: list[Entry] = []
            try:
                os.chmod(temporary, os.fstat(self._fd).st_mode & 0o777)
                lock(fd, temporary)
                for head, source in kept:
                    at = entries[-1].frame.end if entries else 0
                    data = encode(len(entries), head, None if source is None else self.body(source))
                    _write_at(fd, data, at)
                    frame = Frame.at(at, data[:HEADER])
                    assert frame is not None
                    entries.append(Entry(frame, head))
                os.fsync(fd)
                self._syncer.close()
                os.replace(temporary, self.path)
            except BaseException:
                os.close(fd)
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary)
                self._syncer = Syncer(self._fd)
                raise
            (old, _), self._held, self._syncer = self._held, (fd, entries), Syncer(fd)
            os.close(old)
            _sync_folder(os.path.dirname(self.path))

    def close(self) -> None:
        """Wait until everything is on the disk, and let go of the file.

        Raises
        ------
        OSError
            If something could not be brought to the disk.
        """
        if self._fd < 0:
            return
        with uninterrupted():
            try:
                if self._syncer is not None:
                    self._syncer.close()
                    self._syncer.complain()
            finally:
                self._let_go()

    def __del__(self) -> None:  # where Ctrl-C came before somebody had it in hand
        if getattr(self, "_held", (-1,))[0] >= 0:
            self._let_go()

    def __enter__(self) -> RunFile:  # noqa: PYI034 - Self is of Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Inside --------------------------------------------------------------------------------------------------------

    def _let_go(self) -> None:
        """Close the file, and take away a new one that has no entry; forked children have it open, but lock it no more."""
        fd, self._held = self._fd, (-1, self.entries)
        if fd < 0:
            return
        try:
            unlock(fd)
            if self._unnamed is not None:
                with contextlib.suppress(OSError):
                    os.unlink(self._unnamed)
        finally:
            os.close(fd)

    def _give_name(self, unnamed: str) -> None:
        """Give a new file, whose first entry is written, the name it is to have; that of another it does not take."""
        give_name(unnamed, self.path)
        self._unnamed = None
        _sync_folder(os.path.dirname(self.path))

    def _scan(self, size: int) -> Iterator[Entry]:
        at, number = 0, 0
        while at < size:
            entry = self._entry_at(at, size, number)
            if entry is None:
                if self._holds_beginning(at + 1, size):  # else it was cut short, and nothing comes after it
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
        damaged = f"{self.path} is damaged: entry {number}, at byte {at}, "
        if len(header) < HEADER:
            return None
        frame = Frame.at(at, header)
        if frame is None:
            raise ValueError(f"{damaged}has a wrong header")
        if frame.body_start > size:  # cut short; or its lengths are damaged, which nothing tells apart
            return None
        length = frame.body_start - at - HEADER
        if length > LONGEST_HEAD:
            raise ValueError(f"{damaged}has a head of {length} bytes")
        data = self._read(at + HEADER, length)
        sound = frame.number == number and frame.has_head(data)
        if sound and frame.end > size:
            return None
        if sound and frame.end == size:  # the last: all of it must be there
            sound = frame.has_body(self._read(frame.body_start, size - frame.body_start))
        if not sound:
            if frame.end >= size and self._has_gap(at, size):
                return None
            raise ValueError(f"{damaged}has a wrong checksum")
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

    def _has_gap(self, at: int, size: int) -> bool:
        """Return whether the disk has not got all of what comes there: zeros for a sector, or at the end."""
        data = self._read(at, size - at)
        first = -at % SECTOR  # of whole sectors
        return data[-1:] == b"\0" or any(
            not any(data[i : i + SECTOR]) for i in range(first, len(data), SECTOR)
        )

    def _is_empty(self, at: int, size: int) -> bool:
        """Return whether there are only zeros from there on: room that the file was given, but never filled."""
        return all(not any(part) for part in self._parts(at, size))

    def _holds_beginning(self, at: int, size: int) -> bool:
        """Return whether an entry seems to begin somewhere from there on."""
        return any(BEGINNING in part for part in self._parts(at, size, len(BEGINNING) - 1))

    def _parts(self, at: int, size: int, overlap: int = 0) -> Iterator[bytes]:
        """Yield what is from there on in parts of a megabyte and some bytes of the next; holes are not read."""
        while at < size:
            with contextlib.suppress(AttributeError):  # not on every system
                try:
                    at = os.lseek(self._fd, at, os.SEEK_DATA)
                except OSError as error:
                    if error.errno == errno.ENXIO:
                        return
                    if error.errno != errno.EINVAL:  # a file system that knows no holes
                        raise
            yield self._read(at, min(max(size - at, 0), (1 << 20) + overlap))
            at += 1 << 20

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


def _write_at(fd: int, data: bytes, at: int) -> None:
    view = memoryview(data)
    while view:
        n = os.pwrite(fd, view[: 1 << 30], at)
        view, at = view[n:], at + n
