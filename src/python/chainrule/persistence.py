"""Models in files.

A file is a pickle of one dict of builtins: ``format`` and ``version`` of the file, ``chainrule`` (the version that
wrote it), ``network`` (sizes, activations, bias, dropout, noise, dtype), ``seed``, ``weights`` and ``biases`` (each array as
dtype, shape and little-endian bytes), ``preprocessing`` (what a program needs to prepare its inputs, or None) and
``sha256``, a checksum of all the others. ``pickle.load`` reads it without chainrule and without NumPy.

`load` trusts nothing: it reads only the opcodes that make builtins, so that a file cannot name a class or a
function, and checks every field and the checksum before a model is made.
"""

from __future__ import annotations

import io
import os
import pickle
from typing import Any

from ._checks_values import count
from ._files import check_path, write_whole
from ._plain import check_record
from .model import MLP

FORMAT, VERSION = "chainrule.model", 1
FIELDS = ("network", "seed", "weights", "biases", "preprocessing", "sha256")

# What pickles of protocol 4 need for builtins. Refused with all others: everything that imports, calls or builds
# (GLOBAL, STACK_GLOBAL, REDUCE, NEWOBJ, BUILD, EXT1, ...) and numbered memo slots (their number would ask for memory).
_OPCODES = frozenset(
    """
    PROTO FRAME STOP MARK MEMOIZE BINGET LONG_BINGET NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1 BINFLOAT
    SHORT_BINUNICODE BINUNICODE BINUNICODE8 SHORT_BINBYTES BINBYTES BINBYTES8
    EMPTY_LIST APPEND APPENDS EMPTY_DICT SETITEM SETITEMS EMPTY_TUPLE TUPLE1 TUPLE2 TUPLE3 TUPLE
    """.split()  # noqa: SIM905
)


def save(model: MLP, path: str | os.PathLike[str], *, preprocessing: dict[str, Any] | None = None) -> None:
    """Write a model to a file, whole or not at all.

    Parameters
    ----------
    model : MLP
    path : str or path
        A file of that name is replaced, when the new one is safely on the disk.
    preprocessing : dict, optional
        Anything made of dicts, lists, tuples, strings, bytes, numbers and None that is to be kept with the model.

    Raises
    ------
    TypeError
        If something else is in ``preprocessing``, or an argument is of a wrong type.
    ValueError
        If the same list, tuple, dict or long text is in ``preprocessing`` twice; put copies in.
    OSError
        If the file cannot be written; one that was there is as before.
    """
    if not isinstance(model, MLP):
        raise TypeError(f"model must be an MLP, but it is a {type(model).__name__}")
    path = check_path(path)
    record = {**model.__getstate__(), "preprocessing": preprocessing}
    record["sha256"] = checksum(record)
    write_whole(path, pickle.dumps(record, protocol=4))


def load(path: str | os.PathLike[str]) -> MLP:
    """Return the model that a file holds.

    Parameters
    ----------
    path : str or path

    Raises
    ------
    ValueError
        If the file is damaged, or of another kind or a later version; the message names it and says why. Reading a
        hostile file runs no code.
    OSError
        If the file cannot be read.
    """
    return load_with_preprocessing(path)[0]


def load_with_preprocessing(path: str | os.PathLike[str]) -> tuple[MLP, dict[str, Any] | None]:
    """Return the model that a file holds, and what was saved with it as ``preprocessing``.

    Raises
    ------
    ValueError, OSError
        As `load`.
    """
    name = check_path(path)
    with open(name, "rb") as file:
        data = file.read()
    try:
        record = check_record(_builtins(data), FORMAT, VERSION, FIELDS)
        expected = record.pop("sha256")
        if checksum(record) != expected:
            raise ValueError("its checksum is wrong, so the file is damaged")
        preprocessing = record.pop("preprocessing")
        if preprocessing is not None and not isinstance(preprocessing, dict):
            raise ValueError("preprocessing must be a dict or None")
        model = MLP.__new__(MLP)
        model.__setstate__(record)
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{name} cannot be loaded as a model: {error}") from error
    return model, preprocessing


def checksum(record: Any) -> str:
    """Return the SHA-256, in hexadecimal, of a value of builtins: equal values have the same, on any machine.

    Raises
    ------
    TypeError
        If the value holds anything else than dicts with str keys, lists, tuples, str, bytes, int, float, bool, None.
    ValueError
        If the same list, tuple, dict, or str or bytes of more than 1000, is in it twice (few bytes could then stand
        for endless content).
    """
    import hashlib

    digest = hashlib.sha256()
    _feed(digest, record, set())
    return digest.hexdigest()


def _feed(digest: Any, value: Any, seen: set[int]) -> None:
    """Add a value: its type, its length where it has one, and its content. Dicts go in the order of their keys."""
    kind = type(value)
    if kind in (str, bytes):
        if len(value) > 1000:
            if id(value) in seen:
                raise ValueError(f"the same {kind.__name__} of more than 1000 is in it twice")
            seen.add(id(value))
        content = value.encode("utf-8", "surrogatepass") if kind is str else value
        digest.update(f"{kind.__name__} {len(content)} ".encode())
        digest.update(content)
    elif kind in (list, tuple, dict):
        if id(value) in seen and value:
            raise ValueError(f"the same {kind.__name__} is in it twice")
        seen.add(id(value))
        digest.update(f"{kind.__name__} {len(value)} ".encode())
        if kind is dict:
            if not all(type(key) is str for key in value):
                raise TypeError("the keys of a dict in a model file must be str")
            for key in sorted(value):
                _feed(digest, key, seen)
                _feed(digest, value[key], seen)
        else:
            for item in value:
                _feed(digest, item, seen)
    elif kind in (int, bool, float) or value is None:
        digest.update(f"{kind.__name__} {value.hex() if kind is float else value} ".encode())
    else:
        raise TypeError(
            f"a model file holds Python's own numbers, strings, lists and dicts, but no {kind.__name__}"
        )


class _Unpickler(pickle.Unpickler):
    """An unpickler that knows no class and no function."""

    def find_class(self, module: str, name: str) -> Any:
        raise ValueError(f"it names {module}.{name}, and a model file names nothing")

    def persistent_load(self, identifier: Any) -> Any:
        raise ValueError("it refers to something outside of it")


def _builtins(data: bytes) -> Any:
    """Return what a pickle of builtins holds, and refuse any other pickle."""
    import pickletools

    try:
        end = 0
        for opcode, _, position in pickletools.genops(data):
            if opcode.name not in _OPCODES:
                raise ValueError(f"it was not written by MLP.save: it has the pickle opcode {opcode.name}")
            end = (position or 0) + 1
        if end != len(data):
            raise ValueError(f"it goes on for {count(len(data) - end, 'byte')} after its end")
        return _Unpickler(io.BytesIO(data)).load()
    except (MemoryError, ValueError):
        raise
    except Exception as error:  # a damaged pickle raises nearly anything
        raise ValueError(f"it is not a whole pickle ({type(error).__name__}: {error})") from error
