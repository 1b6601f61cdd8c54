"""Entries of a run file as bytes.

An entry is three pickles, one after the other: 92 bytes, a dict that says what the entry is, and a dict of what it holds, or
None. ``pickle.load``, called three times an entry, reads them with Python alone. The 92 bytes are

======  ================================================================================
8       ``chainrun``
4       the number of the entry in the file, from 0 on
8, 8    the lengths of the two pickles that follow
32      SHA-256 of these 28 bytes and the first of the two pickles
32      SHA-256 of the second one
======  ================================================================================

with numbers little-endian.
"""

from __future__ import annotations

import pickle
import struct
from typing import Any, NamedTuple

_PREFIX, _END = b"\x80\x04C\x5c", b"."  # what makes a pickle of 92 bytes
_NUMBERS = struct.Struct("<8sIQQ")
_MAGIC = b"chainrun"
BEGINNING = _PREFIX + _MAGIC
HEADER = len(_PREFIX) + _NUMBERS.size + 64 + len(_END)
LONGEST = 2**62
"""More than any file has, and few enough to be added up."""


class Frame(NamedTuple):
    """The header of an entry that begins at ``start`` in its file."""

    start: int
    number: int
    body_start: int
    end: int
    signed: bytes
    head_sha256: bytes
    body_sha256: bytes

    @classmethod
    def at(cls, start: int, header: bytes) -> Frame | None:
        """Return the frame of these bytes, None if they are not a header."""
        magic, number, first, second = _NUMBERS.unpack_from(header, len(_PREFIX))
        if header[: len(_PREFIX)] != _PREFIX or magic != _MAGIC or header[-1:] != _END:
            return None
        if first > LONGEST or second > LONGEST:
            return None
        sums = header[len(_PREFIX) + _NUMBERS.size : -1]
        body = start + HEADER + first
        signed = header[len(_PREFIX) : len(_PREFIX) + _NUMBERS.size]
        return cls(start, number, body, body + second, signed, sums[:32], sums[32:])

    def has_head(self, data: bytes) -> bool:
        """Return whether this is the first pickle of the entry, undamaged."""
        return sha256(self.signed + data) == self.head_sha256

    def has_body(self, data: bytes) -> bool:
        """Return whether this is the second pickle of the entry, undamaged."""
        return sha256(data) == self.body_sha256


def encode(number: int, head: dict[str, Any], body: dict[str, Any] | None) -> bytes:
    """Return the bytes of an entry."""
    first, second = (pickle.dumps(part, protocol=4) for part in (head, body))
    numbers = _NUMBERS.pack(_MAGIC, number, len(first), len(second))
    return b"".join((_PREFIX, numbers, sha256(numbers + first), sha256(second), _END, first, second))


def sha256(data: bytes) -> bytes:
    """Return the SHA-256 of some bytes."""
    import hashlib  # not with `import chainrule`

    return hashlib.sha256(data).digest()
