"""Pickles of builtins, from files that nobody vouches for: a reader of its own, which can make nothing else.

`pickle.Unpickler` can be told to find no class, but still runs what a pickle says: it fills a numbered slot of 2^31, makes
tuples that are slow to compare as keys, and has had holes. What model files and runs need is 32 of its 68 instructions, all
of them plain data; this reads these, and knows no other. Memory is asked for as far as the file has bytes to fill it, keys
are texts, nothing but short texts comes twice, and lists and dicts are limited by the length of the file, and in how deep they
are nested.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any, BinaryIO, NoReturn

from ._checks_values import count

MEMORY, MEMORY_PER_BYTE = 40 << 20, 14
"""Bytes that the lists, tuples and dicts of any pickle may take, and of one for each byte it has; a run needs nine."""
CONTAINER, FILLED_DICT, SHARED = 64, 168, 1000
"""Bytes of a list, a tuple or a dict; those that a dict takes for its first keys; and of a text that may come again."""
DEEPEST = 500
"""Lists, tuples and dicts in each other that are still to be filled."""


def read_builtins(source: bytes | BinaryIO, writer: str, size: int | None = None) -> Any:
    """Return what a pickle of builtins, protocol 4, holds, written by ``writer``.

    Parameters
    ----------
    source : bytes or binary file
    writer : str
        Who writes such pickles, for messages.
    size : int, optional
        The number of bytes that a file has from where it stands; the pickle must have as many.

    Raises
    ------
    ValueError
        If it is any other pickle; nothing in it has run.
    """
    file, size = (io.BytesIO(source), len(source)) if isinstance(source, bytes) else (source, size or 0)
    reader = _Reader(file, writer, size)
    try:
        return reader.run()
    except (IndexError, struct.error) as error:  # takes from an empty stack
        raise ValueError(f"it is not a whole pickle (byte {reader.at})") from error


class _Reader:
    """A stack machine: its names and numbers are those of `pickletools`."""

    def __init__(self, file: BinaryIO, writer: str, size: int) -> None:
        self.file, self.writer, self.size = file, writer, size
        self.at = 0
        self.stack: list[Any] = []
        self.outer: list[list[Any]] = []  # the stacks below each MARK
        self.memo: list[Any] = []
        self.memory = 0  # of lists, tuples and dicts

    def run(self) -> Any:
        """Read to the end."""
        if self.take(2) != b"\x80\x04":
            raise ValueError("it is not a pickle of protocol 4")
        codes = _CODES
        while True:
            code = self.take(1)
            if code == b".":
                break
            act = codes.get(code)
            if act is None:
                self.refuse(code)
            act(self)
        if self.at != self.size:
            raise ValueError(f"it goes on for {count(self.size - self.at, 'byte')} after its end")
        if len(self.stack) != 1 or self.outer:
            raise ValueError("it is not a whole pickle: at its end there is no single value")
        return self.stack[0]

    def take(self, n: int) -> bytes:
        """Return the next bytes. That the file has them is looked at before memory is asked for."""
        if n > self.size - self.at:
            raise ValueError("it is not a whole pickle: it is cut short")
        data = self.file.read(n)
        if len(data) != n:
            raise ValueError("it became shorter while it was read")
        self.at += n
        return data

    def number(self, form: str) -> Any:
        """Return the next number, in a format of `struct`."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def refuse(self, code: bytes) -> NoReturn:
        """Say which instruction it is that such a file never has."""
        import pickletools

        name = {opcode.code: opcode.name for opcode in pickletools.opcodes}.get(
            code.decode("latin-1"), f"0x{code.hex()}"
        )
        raise ValueError(f"it was not written by {self.writer}: it has the pickle opcode {name}")

    def made(self, container: Any) -> None:
        """Put a new list, tuple or dict on the stack."""
        self.count(CONTAINER)
        self.stack.append(container)

    def count(self, memory: int) -> None:
        """Take memory into account, which must not be out of proportion."""
        self.memory += memory
        if self.memory > MEMORY + MEMORY_PER_BYTE * self.size:
            raise ValueError("it has too many lists and dicts for its length")

    def again(self, n: int) -> None:
        """Put something there once more: a text, not what could make endless content of few bytes."""
        value = self.memo[n]
        if type(value) in (list, dict, tuple):
            raise ValueError(f"the same {type(value).__name__} is in it twice")
        if type(value) in (str, bytes) and len(value) > SHARED:
            raise ValueError(f"the same {type(value).__name__} of more than {SHARED} is in it twice")
        self.stack.append(value)

    def marked(self) -> list[Any]:
        """Take all that was put on the stack since the last MARK."""
        items, self.stack = self.stack, self.outer.pop()
        return items

    # The instructions that take more than a line ---------------------------------------------------------------------

    def frame(self) -> None:
        """FRAME: how many bytes belong together; the file must have them."""
        if self.number("<Q") > self.size - self.at:
            raise ValueError("it is not a whole pickle: it is cut short")

    def mark(self) -> None:
        """MARK: begin a stack of its own for the items of a list, tuple or dict."""
        if len(self.outer) >= DEEPEST:
            raise ValueError("its lists and dicts are nested too deep")
        self.outer.append(self.stack)
        self.stack = []

    def text(self, form: str) -> None:
        """BINUNICODE and its kin: a text in UTF-8, its length before it."""
        self.stack.append(self.take(self.number(form)).decode("utf-8", "surrogatepass"))

    def append(self, items: list[Any]) -> None:
        """APPEND, APPENDS: add items to the list on the stack."""
        into = self.stack[-1]
        if type(into) is not list:
            raise ValueError(f"it adds an item to {type(into).__name__}")
        into.extend(items)

    def put(self, items: list[Any]) -> None:
        """SETITEM, SETITEMS: put keys and values, in turn, into the dict on the stack."""
        into = self.stack[-1]
        if type(into) is not dict or len(items) % 2:
            raise ValueError(f"it puts {len(items)} keys and values into {type(into).__name__}")
        if items and not into:
            self.count(FILLED_DICT)
        for key, value in zip(items[::2], items[1::2], strict=True):
            if type(key) is not str:
                raise ValueError(f"the keys of a dict must be str, but one is {type(key).__name__}")
            if key in into:
                raise ValueError(f"the key {key!r:.60} is in a dict twice")
            into[key] = value

    def last(self, n: int) -> list[Any]:
        """Take so many values from the stack."""
        if len(self.stack) < n:
            raise IndexError
        items = self.stack[-n:]
        del self.stack[-n:]
        return items


_CODES: dict[bytes, Callable[[_Reader], Any]] = {
    b"\x95": _Reader.frame,
    b"(": _Reader.mark,
    b"\x94": lambda r: r.memo.append(r.stack[-1]),  # MEMOIZE
    b"h": lambda r: r.again(r.number("<B")),  # BINGET
    b"j": lambda r: r.again(r.number("<I")),  # LONG_BINGET
    b"N": lambda r: r.stack.append(None),
    b"\x88": lambda r: r.stack.append(True),
    b"\x89": lambda r: r.stack.append(False),
    b"J": lambda r: r.stack.append(r.number("<i")),  # BININT
    b"K": lambda r: r.stack.append(r.number("<B")),
    b"M": lambda r: r.stack.append(r.number("<H")),
    b"\x8a": lambda r: r.stack.append(int.from_bytes(r.take(r.number("<B")), "little", signed=True)),  # LONG1
    b"G": lambda r: r.stack.append(r.number(">d")),  # BINFLOAT
    b"\x8c": lambda r: r.text("<B"),  # SHORT_BINUNICODE
    b"X": lambda r: r.text("<I"),
    b"\x8d": lambda r: r.text("<Q"),
    b"C": lambda r: r.stack.append(r.take(r.number("<B"))),  # SHORT_BINBYTES
    b"B": lambda r: r.stack.append(r.take(r.number("<I"))),
    b"\x8e": lambda r: r.stack.append(r.take(r.number("<Q"))),
    b"]": lambda r: r.made([]),
    b"a": lambda r: r.append(r.last(1)),
    b"e": lambda r: r.append(r.marked()),
    b"}": lambda r: r.made({}),
    b"s": lambda r: r.put(r.last(2)),
    b"u": lambda r: r.put(r.marked()),
    b")": lambda r: r.stack.append(()),
    b"\x85": lambda r: r.made(tuple(r.last(1))),
    b"\x86": lambda r: r.made(tuple(r.last(2))),
    b"\x87": lambda r: r.made(tuple(r.last(3))),
    b"t": lambda r: r.made(tuple(r.marked())),
}
