"""Files that are meant to do harm: pickles that get past restricted unpicklers, and files that ask for memory or time.

``python hostile_files.py FOLDER`` gives each to every loader and prints the loaders that did not refuse it, the seconds of the
slowest one, and by how many bytes the memory of the process has grown at most.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import struct
import sys
import time
import warnings
from pathlib import Path

import chainrule as cr
from chainrule import persistence
from chainrule.cli._model import load_model
from chainrule.cli.verify import verified

MARK = "evil-was-here"


def call(module, name, argument, protocol=4):
    """A pickle that calls a function: ``module.name(argument)``."""
    text = lambda value: b"\x8c" + bytes([len(value)]) + value.encode()
    return b"\x80" + bytes([protocol]) + text(module) + text(name) + b"\x93" + text(argument) + b"\x85R."


def bypasses():
    """Yield the documented ways round an allow-list, a deny-list or an ``Unpickler.find_class``."""
    touch = f"touch {MARK}"
    python = f"open({MARK!r}, 'w')"
    yield "os.system, by STACK_GLOBAL", call("os", "system", touch)
    yield "posix.system", call("posix", "system", touch)
    yield "subprocess", call("subprocess", "getoutput", touch)
    yield "eval", call("builtins", "eval", python)
    yield "exec under its name of Python 2", call("__builtin__", "exec", python, 2)
    yield "GLOBAL of protocol 0", f"cos\nsystem\n(S'{touch}'\ntR.".encode()
    yield "GLOBAL behind a valid beginning", b"\x80\x04" + f"cos\nsystem\n(S'{touch}'\ntR.".encode()
    yield "a dotted name within an allowed module", call("chainrule", "persistence.os.system", touch)
    yield "a dotted name within numpy", call("numpy", "testing._private.utils.os.system", touch)
    yield "numpy's runstring", call("numpy.testing._private.utils", "runstring", python)
    yield "INST", f"(S'{touch}'\nios\nsystem\n.".encode()
    yield "OBJ", f"(cos\nsystem\nS'{touch}'\no.".encode()
    yield "NEWOBJ", b"\x80\x02cos\nsystem\n)\x81."
    yield "NEWOBJ_EX", b"\x80\x04\x8c\x02os\x8c\x06system\x93)}\x92."
    yield "BUILD over a class", b"\x80\x04\x8c\x08builtins\x8c\x04dict\x93)\x81}\x8c\x0c__setstate__Nsb."
    yield "getattr, to reach what is not named", call("builtins", "getattr", "os")
    yield "an extension code", b"\x80\x02\x82\xf0."
    yield "a persistent id", f"P{touch}\n.".encode()
    yield "BINPERSID", b"\x80\x04\x8c\x01aQ."
    yield "a buffer from outside", b"\x80\x05\x97."
    yield "a bytearray of protocol 5", b"\x80\x05\x96\xff\xff\xff\xff\xff\xff\xff\x0f."
    yield "memoized and called later", b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93\x94h\x02\x8c\x01x\x85R."
    yield "a reduction hidden in a frame", b"\x80\x04\x95\x20\0\0\0\0\0\0\0" + call("os", "system", touch)[2:]
    yield "a second pickle after the first", pickle.dumps({}) + call("os", "system", touch)
    yield "an operator", call("operator", "methodcaller", "system")
    yield "functools.partial", call("functools", "partial", touch)
    yield "a code object of marshal", call("marshal", "loads", "c")
    yield "pickle within pickle", call("pickle", "loads", "x")
    yield "ctypes", call("ctypes", "CDLL", "libc.so.6")
    yield "an array of objects", b"\x80\x04\x8c\x16numpy._core.multiarray\x8c\x0c_reconstruct\x93."
    yield "torch's rebuild", call("torch._utils", "_rebuild_tensor_v2", "x")
    yield "joblib's wrapper", call("joblib.numpy_pickle", "NumpyArrayWrapper", "x")
    yield "unknown opcodes", b"\x80\x04\xfe."
    yield "Python 2 strings", b"\x80\x02U\x01a."
    yield "text integers", b"\x80\x02I" + b"9" * 10**6 + b"\n."
    yield "text floats", b"\x80\x02F1e400\n."


def bombs():
    """Yield pickles that would take memory or time."""
    head = b"\x80\x04"
    yield "a string of 8 exabytes", head + b"\x8d" + b"\xff" * 7 + b"\x7f."
    yield "bytes of 8 exabytes", head + b"\x8e" + b"\xff" * 7 + b"\x7f."
    yield "bytes of 4 GB", head + b"B\xff\xff\xff\xff."
    yield "a text of 4 GB", head + b"X\xff\xff\xff\xff."
    yield "a frame of 8 exabytes", head + b"\x95" + b"\xff" * 7 + b"\x7fN."
    yield "a long of 2 GB", head + b"\x8b\xff\xff\xff\x7f."
    yield "a memo slot of 2^31", head + b"Nr\xff\xff\xff\x7f."
    yield "a slot that is not there", head + b"h\x05."
    yield "three million lists", head + b"]" * 3_000_000 + b"."
    yield "three million dicts in a list", head + b"](" + b"}" * 3_000_000 + b"e."
    yield "three million tuples", head + b"N" + b"\x85" * 3_000_000 + b"."
    yield "three million marks", head + b"(" * 3_000_000 + b"."
    yield "100,000 lists in each other", head + b"]" * 100_000 + b"a" * 99_999 + b"."
    yield (
        "keys whose hashes collide",
        head
        + b"}("
        + b"".join(b"\x8a\x0a" + (k * (2**61 - 1)).to_bytes(10, "little") + b"N" for k in range(1, 200_000))
        + b"u.",
    )
    yield "tuples as keys", head + b"}(" + b")NK\x01\x85N" * 100 + b"u."
    yield "a list within itself", head + b"]\x94h\0a."
    yield "a dict within itself", head + b"}\x94(\x8c\x01ah\0u."
    laughs = b"]\x94" + b"".join(b"]\x94(h" + bytes([i]) + b"h" + bytes([i]) + b"e" for i in range(60))
    yield "a billion laughs", head + laughs + b"."
    yield (
        "a million references to a million bytes",
        (head + b"](B" + (10**6).to_bytes(4, "little") + b"x" * 10**6 + b"\x94" + b"h\0" * 10**6 + b"e."),
    )
    yield "pops", head + b"0" * 1000 + b"."
    yield "empty", b""
    yield "one byte", b"\x80"


def run_files(pickles):
    """Yield runs whose heads or bodies are these pickles, with right checksums."""

    def entry(number, head, body):
        numbers = struct.pack("<8sIQQ", b"chainrun", number, len(head), len(body))
        sums = hashlib.sha256(numbers + head).digest() + hashlib.sha256(body).digest()
        return b"\x80\x04C\x5c" + numbers + sums + b"." + head + body

    nothing = pickle.dumps(None, protocol=4)
    good = {
        "format": "chainrule.run",
        "version": 1,
        "chainrule": "0.1.0",
        "kind": "start",
        "epoch": 0,
        "step": 0,
        "measured": [],
        "ending": None,
        "watched": None,
        "has_state": True,
    }
    dump = lambda value: pickle.dumps(value, protocol=4)
    for name, data in pickles:
        yield f"{name}, as a head", entry(0, data, nothing)
        yield f"{name}, as a body", entry(0, dump(good), data)
    for changes in (
        {"epoch": 2**53},
        {"epoch": 2**63},
        {"epoch": 10**300},
        {"measured": [[0, 1.0, None, {}, {}]] * 10**5},
        {"measured": None},
        {"watched": {"stopper": [1] * 4}},
        {"has_state": 0},
        {"kind": "x"},
    ):
        yield f"a head of {changes!s:.60}", entry(0, dump({**good, **changes}), nothing)
    lengths = struct.pack("<8sIQQ", b"chainrun", 0, 2**62, 2**62)
    yield "an entry of 8 exabytes", b"\x80\x04C\x5c" + lengths + b"\0" * 64 + b"." + nothing * 100
    yield (
        "a million headers",
        (b"\x80\x04C\x5c" + struct.pack("<8sIQQ", b"chainrun", 0, 0, 0) + b"\0" * 64 + b".") * 10_000,
    )


def safetensors_files():
    """Yield files of that format."""

    def of(header, data=b"", n=None):
        return struct.pack("<Q", len(header) if n is None else n) + header + data

    yield "a header of 8 exabytes", of(b"{", n=2**63)
    yield "a header of 2^64 - 1", of(b"{}", n=2**64 - 1)
    yield "a header as long as an integer wraps", of(b"{}", n=2**64 - 6)
    yield "a deep header", of(b'{"a":' * 100_000)
    yield "deep lists", of(b'{"a":' + b"[" * 1_000_000)
    yield "four million lists", of(b'{"a":[' + b"[]," * 1_390_000 + b"[]]}")
    yield "a million names", of(json.dumps({str(i): 0 for i in range(300_000)}).encode())
    for shape, offsets in (
        ([2**62, 4], [0, 0]),
        ([2**64], [0, 2**64]),
        ([10**400], [0, 0]),
        ([0, 2**70], [0, 0]),
        ([1e9], [0, 4]),
        ([-1], [0, 0]),
        ([], [0, 4]),
        ([1], [-4, 0]),
        ([1], [2**63, 2**63 + 4]),
        ([1] * 100_000, [0, 4]),
        ([True], [0, 4]),
        (None, [0, 4]),
        ({}, {}),
    ):
        place = {"dtype": "F32", "shape": shape, "data_offsets": offsets}
        yield (
            f"shape {shape!s:.30}, offsets {offsets!s:.40}",
            of(json.dumps({"a": place}).encode(), b"\0" * 4),
        )
    for description in (
        "",
        "[]",
        "{}",
        "null",
        "[" * 10**6,
        '{"format": "chainrule.model", "version": 1e999}',
        '{"a":' * 10**5,
        "9" * 10**6,
    ):
        header = json.dumps({"__metadata__": {"chainrule": description, "sha256": ""}})
        yield f"a description {description:.20}", of(header.encode())
    yield "not UTF-8", of(b'{"\xff": 0}')
    yield (
        "NaN as a number of bytes",
        of(b'{"a": {"dtype": "F32", "shape": [NaN], "data_offsets": [0, Infinity]}}'),
    )


def files():
    """Yield the name and the bytes of each file."""
    pickles = [*bypasses(), *bombs()]
    yield from pickles
    yield from run_files(pickles)
    yield from safetensors_files()


LOADERS = {
    "load": cr.load, "load_with_preprocessing": persistence.load_with_preprocessing, "the command line": load_model,
    "verify": verified, "Checkpoints": lambda path: cr.Checkpoints(path).verify(), "resume": cr.Trainer.resume,
}  # fmt: skip


def memory(name):
    """Return VmRSS or VmHWM of this process in bytes."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name))


def refused(path, data):
    """Give a file to every loader; return those that did not refuse it by name, the seconds and the growth of memory at most."""
    path.write_bytes(data)
    accepted, seconds, grown = [], 0.0, 0
    for loader, read in LOADERS.items():
        started, before = time.process_time(), memory("VmRSS")
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")  # the peak begins anew
        try:
            read(str(path))
            accepted.append(loader)
        except (ValueError, TypeError) as error:
            if str(path) not in str(error):
                accepted.append(f"{loader}, whose message does not name the file: {error!r}")
        seconds = max(seconds, time.process_time() - started)
        grown = max(grown, memory("VmHWM") - before)
    return accepted, seconds, grown


def main(folder):
    """Give each file to each loader."""
    path, accepted, slowest, largest, number = Path(folder, "file"), [], (0, ""), (0, ""), 0
    for name, data in files():
        number += 1
        let_in, seconds, grown = refused(path, data)
        accepted += [f"{name}: {loader}" for loader in let_in]
        slowest, largest = max(slowest, (seconds, name)), max(largest, (grown, name))
    print(json.dumps({"accepted": accepted, "slowest": slowest, "largest": largest, "files": number}))


if __name__ == "__main__":
    warnings.simplefilter("ignore", cr.TornEntryWarning)
    main(sys.argv[1])
