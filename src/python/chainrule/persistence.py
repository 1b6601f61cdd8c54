"""Models in files.

A file is a pickle of one dict of builtins: ``format`` and ``version`` of the file, ``chainrule`` (the version that
wrote it), ``network`` (sizes, activations, bias, dropout, noise, dtype), ``seed``, ``weights`` and ``biases`` (each array as
dtype, shape and little-endian bytes), ``preprocessing`` (what a program needs to prepare its inputs, or None) and
``sha256``, a checksum of all the others. ``pickle.load`` reads it without chainrule and without NumPy.

`load` trusts nothing: it reads only the opcodes that make builtins, so that a file cannot name a class or a
function, and checks every field and the checksum before a model is made.
"""

from __future__ import annotations

import os
import pickle
from typing import Any

from ._builtins import read_builtins
from ._files import check_path, write_whole
from ._plain import check_record
from .model import MLP

FORMAT, VERSION = "chainrule.model", 1
FIELDS = ("network", "seed", "weights", "biases", "preprocessing", "sha256")


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
        record = check_record(read_builtins(data, "MLP.save"), FORMAT, VERSION, FIELDS)
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
