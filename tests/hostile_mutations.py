"""Change what a file says, and write it so that it is well-formed again: for fuzzing and tests of everything that reads one."""

from __future__ import annotations

import json
import pickle
import re

from chainrule._builtins import read_builtins
from chainrule._run_frames import HEADER, Frame, encode

NASTY = [
    None, True, False, 0, 1, -1, 2, 3, 7, 255, 2**31 - 1, 2**31, 2**32, 2**53, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**30,
    0.0, -0.0, 0.5, 1.0, -1.0, 1e-320, 1e308, float("inf"), float("-inf"), float("nan"), "", "a", "relu", "softmax", "step", "float32",
    "float64", "object", "unit", "layer", "function", "SGD", "Adam", "OneCycle", "chainrule.run", "\0", "\ud800", b"", b"\0" * 8,
    b"\xff" * 24, [], {}, [[]], [None], (), (1,), [1, 2], [0], [2**40, 2**40], {"kind": "function"}, {"kind": "SGD"}, {"a": {}},
    ["x"] * 50,
]  # fmt: skip


def mutated(value, rng):
    """Return the value with one of its parts replaced, dropped, doubled or exchanged with another of the nasty ones."""
    if type(value) in (dict, list, tuple) and value and rng.random() < 0.93:
        keys = list(value) if type(value) is dict else list(range(len(value)))
        key = rng.choice(keys)
        made = dict(value) if type(value) is dict else list(value)
        change = rng.random()
        if change < 0.05:
            del made[key]
        elif change < 0.08 and type(made) is list:
            made.insert(key, made[key])
        elif change < 0.1 and type(made) is dict:
            made[rng.choice(["kind", "x", "format", "name", "version"])] = rng.choice(NASTY)
        else:
            made[key] = mutated(value[key], rng)
        return tuple(made) if type(value) is tuple else made
    return rng.choice(NASTY)


def frames(data):
    """Return head and body of each entry of the bytes of a run, as far as they are well-formed."""
    at, found = 0, []
    while at + HEADER <= len(data):
        frame = Frame.at(at, data[at : at + HEADER])
        if frame is None or frame.end > len(data):
            break
        parts = data[at + HEADER : frame.body_start], data[frame.body_start : frame.end]
        found.append([read_builtins(part, "Trainer.fit") for part in parts])
        at = frame.end
    return found


def mutated_file(data, rng):
    """Return the bytes of a model file, of a run or of safetensors with something in it changed; ValueError if they are none."""
    if data[8:9] == b"{":
        end = 8 + int.from_bytes(data[:8], "little")
        header = json.loads(data[8:end])
        metadata = header.get("__metadata__", {})
        if isinstance(metadata, dict) and "chainrule" in metadata and rng.random() < 0.7:
            metadata["chainrule"] = json.dumps(mutated(json.loads(metadata["chainrule"]), rng), default=str)
        else:
            header = mutated(header, rng)
        text = json.dumps(header, default=str).encode()
        return len(text).to_bytes(8, "little") + text + data[end:]
    if data[:4] == b"\x80\x04C\x5c":
        entries = frames(data)
        if not entries:
            raise ValueError("no entry")
        entry = rng.choice(entries)
        which = rng.randrange(2)
        entry[which] = mutated(entry[which], rng)
        return b"".join(encode(number, *each) for number, each in enumerate(entries))
    return pickle.dumps(mutated(read_builtins(data, "MLP.save"), rng), protocol=4)


_SLIPS = re.compile(
    r"positional argument|keyword argument|unsupported operand|not subscriptable|not iterable|has no len|not supported between|must be real number"
    r"|argument of type|unhashable|has no attribute|object is not|cannot unpack|must be integers or slices|not enough values|too many values"
)


def slip(error):
    """Return whether an error, or one that it came of, is a slip of a reader's rather than a refusal: Python's own words for it."""
    while error is not None:
        if not isinstance(
            error, (ValueError, TypeError, KeyError, IndexError, RecursionError, OverflowError)
        ):
            return True
        if _SLIPS.search(str(error)) and not isinstance(error.__cause__, (ValueError, TypeError)):
            return True
        error = error.__cause__
    return False
