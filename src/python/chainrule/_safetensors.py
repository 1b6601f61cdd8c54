"""The safetensors format: a header in JSON, then the bytes of the arrays. https://github.com/huggingface/safetensors

Read and written here rather than by the package of that name, which tells the metadata of a file only by mapping it into
memory (a process dies when such a file is cut meanwhile), and would be one more thing to install. The tests compare with it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from ._checks_values import count, describe
from ._network import Array

_DTYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8")}
_NAMES = {"float32": "F32", "float64": "F64"}
LONGEST_HEADER = 2 << 20
"""Bytes. JSON may make thirty times as much of its length in memory."""


def encode(tensors: Mapping[str, Array], metadata: Mapping[str, str], longest: int = LONGEST_HEADER) -> bytes:
    """Return the file of some arrays of float32 or float64, with texts beside them.

    Raises
    ------
    ValueError
        If the header would have more than ``longest`` bytes; `decode` reads no longer ones than it does by default.
    """
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    parts, at = [], 0
    for name, array in tensors.items():
        kind = _NAMES[array.dtype.name]
        part = np.ascontiguousarray(array, _DTYPES[kind]).tobytes()
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [at, at + len(part)]}
        parts.append(part)
        at += len(part)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > longest:
        raise ValueError(
            f"the header of a safetensors file may have {longest} bytes, but this one needs {len(text)}: "
            "it has too much beside its arrays; a pickle has no such limit"
        )
    return b"".join((len(text).to_bytes(8, "little"), text, *parts))


def decode(
    file: BinaryIO, size: int, longest: int = LONGEST_HEADER
) -> tuple[dict[str, Array], dict[str, str]]:
    """Return the arrays and the texts of a file of that size.

    Raises
    ------
    ValueError
        If it is no such file, or not sound; memory is asked for only as far as the file has bytes to fill it.
    """
    n = int.from_bytes(file.read(8), "little")
    if size < 8 or n > size - 8:
        raise ValueError(f"its header should have {count(n, 'byte')}, but the file has {size}")
    if n > longest:
        raise ValueError(f"its header has {n} bytes; more than {longest} are not read")
    header = parse_json(file.read(n).decode(), "its header")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(type(text) is str for text in metadata.values()):
        raise ValueError("its __metadata__ must be texts by name")
    places = {name: _place(name, entry) for name, entry in header.items()}
    end = 0
    for name, (_, _, begin, after) in sorted(places.items(), key=lambda item: item[1][2:]):
        if begin != end:
            raise ValueError(f"the bytes of {name} begin at {begin}, but those before it end at {end}")
        end = after
    if end != size - 8 - n:
        raise ValueError(f"its arrays have {count(end, 'byte')}, but {size - 8 - n} come after the header")
    tensors = {}
    for name, (dtype, shape, begin, after) in sorted(places.items(), key=lambda item: item[1][2:]):
        data = file.read(after - begin)
        if len(data) != after - begin:
            raise ValueError("it became shorter while it was read")
        tensors[name] = np.frombuffer(data, dtype).reshape(shape)
    return tensors, metadata


def parse_json(text: str, what: str) -> dict[str, Any]:
    """Return the dict that a text in JSON is.

    Raises
    ------
    ValueError
        If it is anything else, or has a key twice.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            raise ValueError(f"{what} has a key twice")
        return made

    try:
        parsed = json.loads(text, object_pairs_hook=once)
    except RecursionError as error:
        raise ValueError(f"{what} is nested too deep") from error
    if not isinstance(parsed, dict):
        raise ValueError(f"{what} must be a dict in JSON, but it is {describe(parsed)}")  # noqa: TRY004
    return parsed


def _place(name: str, entry: Any) -> tuple[np.dtype[Any], list[int], int, int]:
    """Return dtype, shape, begin and end of an array, which must agree."""
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{name:.60} must be a dict of dtype, shape and data_offsets")
    kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(kind, str) or kind not in _DTYPES:
        raise ValueError(f"the dtype of {name:.60} must be F32 or F64, but it is {describe(kind)}")
    for numbers, of in ((shape, "shape"), (offsets, "data_offsets")):
        if not isinstance(numbers, list) or not all(
            type(number) is int and number >= 0 for number in numbers
        ):
            raise ValueError(f"the {of} of {name:.60} must be a list of whole numbers from 0 on")
    if len(shape) > 8 or len(offsets) != 2:
        raise ValueError(f"{name:.60} must have at most 8 dimensions, and 2 data_offsets")
    begin, after = offsets
    needed = math.prod(shape) * _DTYPES[kind].itemsize
    if after - begin != needed:
        raise ValueError(
            f"{name:.60} of shape {tuple(shape)} must have {needed} bytes, but it has {after - begin}"
        )
    return _DTYPES[kind], shape, begin, after
