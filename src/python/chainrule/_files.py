"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import Any, BinaryIO

from ._checks_values import describe


def check_path(path: Any, name: str = "path") -> str:
    """Return the path as a str."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"{name} must be a str or a path, but it is {describe(path)}")
    text = os.fsdecode(path)
    if not text or "\0" in text:
        raise ValueError(f"{name} must be the name of a file, but it is {text!r}")
    try:
        os.fsencode(text)
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name} must be the name of a file, but it is {text!r}, of which no name can be made: {error.reason}"
        ) from None
    return text


def open_regular(path: str) -> tuple[BinaryIO, int]:
    """Return a file that is open to be read, and its size.

    Raises
    ------
    OSError
        If it cannot be opened; or if it is a folder, or something that has no end or would be waited for (a device, a pipe).
    """
    if _mode_of_regular_file(path, path) is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    file = open(path, "rb")  # noqa: SIM115 - the caller closes it
    try:
        return file, os.fstat(file.fileno()).st_size
    except BaseException:
        file.close()
        raise


def write_whole(path: str, data: bytes) -> None:
    """Write a file so that, whatever happens, the path holds all of the old bytes or all of the new ones.

    The bytes go to a temporary file in the same folder, from there to the disk, and only then is it renamed. A link
    is followed; the permissions of a file that was there are kept.

    Raises
    ------
    OSError
        If the file cannot be written; what was there is as before, and the temporary file is gone.
    """
    if path.endswith(os.sep):  # realpath would drop it, and make a file of what was meant as a folder
        raise IsADirectoryError(errno.EISDIR, "it is a folder", path)
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    mode = _mode_of_regular_file(target, path)
    # Long names are cut, to 25 letters of at most 4 bytes: a file system allows 255 bytes.
    temporary = os.path.join(folder, f".{name[:25]}.{os.getpid()}.{os.urandom(6).hex()}.tmp")
    try:
        with _made(temporary, folder) as file:
            if mode is not None:
                os.chmod(temporary, mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        _remove(temporary)
        raise
    _sync_folder(folder)


def _made(path: str, folder: str) -> BinaryIO:
    """Return a new file, open to be written; if there is no such folder, say that."""
    try:
        return open(path, "xb")
    except FileNotFoundError as error:
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", folder) from error


def _mode_of_regular_file(target: str, path: str) -> int | None:
    """Return the permissions of the file that is there, None if there is none; refuse folders and devices."""
    try:
        found = os.stat(target).st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(found):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", path)
    if not stat.S_ISREG(found):
        raise OSError(errno.EINVAL, "it is not a regular file", path)
    return stat.S_IMODE(found)


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _sync_folder(folder: str) -> None:
    """Bring the new name to the disk too, on systems where a folder can be opened."""
    if os.name != "posix":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # a folder may be written without being read; the file is in its place
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems cannot
            raise
    finally:
        os.close(descriptor)
