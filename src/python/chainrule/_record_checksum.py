"""The checksum of a record: of its values, not of the bytes of a file."""

from __future__ import annotations

from typing import Any


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
        if id(value) in seen and value != ():
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
