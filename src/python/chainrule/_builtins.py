"""Pickles of builtins, from files that nobody vouches for: reading one runs no code."""

from __future__ import annotations

import io
import pickle
from typing import Any

from ._checks_values import count

# What pickles of protocol 4 need for builtins. Refused with all others: everything that imports, calls or builds
# (GLOBAL, STACK_GLOBAL, REDUCE, NEWOBJ, BUILD, EXT1, ...) and numbered memo slots (their number would ask for memory).
_OPCODES = frozenset(
    """
    PROTO FRAME STOP MARK MEMOIZE BINGET LONG_BINGET NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1 BINFLOAT
    SHORT_BINUNICODE BINUNICODE BINUNICODE8 SHORT_BINBYTES BINBYTES BINBYTES8
    EMPTY_LIST APPEND APPENDS EMPTY_DICT SETITEM SETITEMS EMPTY_TUPLE TUPLE1 TUPLE2 TUPLE3 TUPLE
    """.split()  # noqa: SIM905
)


class _Unpickler(pickle.Unpickler):
    """An unpickler that knows no class and no function."""

    def find_class(self, module: str, name: str) -> Any:
        raise ValueError(f"it names {module}.{name}, and such a file names nothing")

    def persistent_load(self, identifier: Any) -> Any:
        raise ValueError("it refers to something outside of it")


def read_builtins(data: bytes, writer: str) -> Any:
    """Return what a pickle of builtins holds, written by ``writer``.

    Raises
    ------
    ValueError
        If it is any other pickle; none of its code has run.
    """
    import pickletools

    try:
        end = 0
        for opcode, _, position in pickletools.genops(data):
            if opcode.name not in _OPCODES:
                raise ValueError(f"it was not written by {writer}: it has the pickle opcode {opcode.name}")
            end = (position or 0) + 1
        if end != len(data):
            raise ValueError(f"it goes on for {count(len(data) - end, 'byte')} after its end")
        return _Unpickler(io.BytesIO(data)).load()
    except (MemoryError, ValueError):
        raise
    except Exception as error:  # a damaged pickle raises nearly anything
        raise ValueError(f"it is not a whole pickle ({type(error).__name__}: {error})") from error
