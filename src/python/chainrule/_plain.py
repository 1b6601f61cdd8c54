"""Records: what a file or a pickle holds of an object, as dicts, lists, numbers, strings and bytes alone.

Every record names its format and version. Nothing in it refers to a class or a function, so that reading it runs no
code and needs no module; what it says is checked before it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ._checks_values import check_dtype, check_int, check_sequence, describe
from ._network import Array
from ._version import __version__


def check_record(record: Any, kind: str, version: int, fields: Sequence[str]) -> dict[str, Any]:
    """Return the record, which must be of that kind, of no later version, and have exactly these fields.

    Raises
    ------
    ValueError
        If it is something else; the message says what.
    """
    found = record.get("format") if isinstance(record, dict) else None
    if found != kind:
        what = f"a {found!r}" if isinstance(found, str) else "something else"
        raise ValueError(f"it holds {what}, but a {kind!r} is expected")
    came = record.get("version")
    if isinstance(came, bool) or not isinstance(came, int) or came < 1:
        raise ValueError(f"version must be an int of at least 1, but it is {describe(came)}")
    if came > version:
        raise ValueError(
            f"it has version {came} of {kind}, written by chainrule {record.get('chainrule', '(unknown)')}; this is "
            f"chainrule {__version__}, which reads versions up to {version}: install a newer one"
        )
    known = {"format", "version", "chainrule", *fields}
    if missing := sorted(known - record.keys()):
        raise ValueError(f"it lacks {', '.join(missing)}")
    if unknown := sorted(map(str, record.keys() - known)):
        raise ValueError(f"it has the unknown field{'s' * (len(unknown) > 1)} {', '.join(unknown)}")
    return dict(record)


def array_to_record(array: Array) -> dict[str, Any]:
    """Return an array of floats as its dtype, its shape and its bytes (little-endian, row by row)."""
    stored = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return {"dtype": array.dtype.name, "shape": list(array.shape), "data": stored.tobytes()}


def array_from_record(record: Any, name: str) -> Array:
    """Return a new array, made from what `array_to_record` returned.

    Raises
    ------
    ValueError, TypeError
        If the record is something else, or its sizes do not agree.
    """
    if not isinstance(record, dict) or record.keys() != {"dtype", "shape", "data"}:
        raise ValueError(f"{name} must be a dict of dtype, shape and data")
    dtype = np.dtype(check_dtype(record["dtype"], f"the dtype of {name}"))
    shape = [
        check_int(n, f"the shape of {name}", 0)
        for n in check_sequence(record["shape"], f"the shape of {name}")
    ]
    data, count = record["data"], 1
    if not isinstance(data, bytes):
        raise TypeError(f"the data of {name} must be bytes, but they are {describe(data)}")
    for n in shape:
        count *= n
    if len(data) != count * dtype.itemsize:
        raise ValueError(
            f"{name} of shape {tuple(shape)} must have {count * dtype.itemsize} bytes, but it has {len(data)}"
        )
    return np.frombuffer(data, dtype.newbyteorder("<")).reshape(shape).astype(dtype)


def arrays_from_records(records: Any, name: str) -> list[Array]:
    """Return the arrays of a list of records."""
    return [
        array_from_record(record, f"{name}[{i}]") for i, record in enumerate(check_sequence(records, name))
    ]
