"""Let the n-th operation on files fail, as a disk does that is full, read-only or broken."""

from __future__ import annotations

import builtins
import errno
import os
from contextlib import contextmanager

OPERATIONS = (
    "open", "close", "pread", "pwrite", "fsync", "ftruncate", "replace", "unlink", "chmod", "stat", "fstat", "lstat",
)  # fmt: skip


class Failing:
    """Counts operations; the n-th raises OSError."""

    def __init__(self, n, code):
        self.n, self.code, self.count, self.failed = n, code, 0, None

    def step(self, name, before=lambda: None):
        """Count an operation, and raise if it is its turn, after what it does nevertheless."""
        self.count += 1
        if self.count == self.n:
            before()
            self.failed = name
            raise OSError(self.code, os.strerror(self.code), "injected")


class FailingFile:
    """A file object that counts what is done with it."""

    def __init__(self, file, failing):
        self._file, self._failing = file, failing

    def write(self, data):
        self._failing.step("write", lambda: self._file.write(data[: len(data) // 2]))
        return self._file.write(data)

    def read(self, *size):
        self._failing.step("read")
        return self._file.read(*size)

    def flush(self):
        self._failing.step("flush")
        self._file.flush()

    def close(self):
        self._failing.step("close of a file", self._file.close)
        self._file.close()

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@contextmanager
def failing(n, code=errno.EIO):
    """Let the n-th operation of this process fail, from now to the end of the block; 0 lets none fail and counts."""
    state = Failing(n, code)
    real = {name: getattr(os, name) for name in OPERATIONS}
    real_open = builtins.open

    def counted(name):
        def operation(*given, **options):
            # A close takes place even where it reports a failure; a write may have written a part.
            part = {
                "close": lambda: real["close"](*given),
                "pwrite": lambda: real["pwrite"](given[0], given[1][: len(given[1]) // 2], given[2]),
            }
            state.step(name, part.get(name, lambda: None))
            return real[name](*given, **options)

        return operation

    def opened(*given, **options):
        state.step("open of a file")
        return FailingFile(real_open(*given, **options), state)

    try:
        for name in OPERATIONS:
            setattr(os, name, counted(name))
        builtins.open = opened
        yield state
    finally:
        for name, function in real.items():
            setattr(os, name, function)
        builtins.open = real_open
