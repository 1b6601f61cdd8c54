"""No kernel reads behind the last element of an array: each ends where the memory of the process does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import ctypes, mmap, sys

import numpy as np
from array_cases import LONG, WIDTHS
from chainrule import MLP, SGD, Trainer, native

libc = ctypes.CDLL(None, use_errno=True)
libc.mprotect.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
kept = []


def at_the_end(array):
    pages = -(-array.nbytes // mmap.PAGESIZE) * mmap.PAGESIZE
    memory = mmap.mmap(-1, pages + mmap.PAGESIZE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    if libc.mprotect(start + pages, mmap.PAGESIZE, 0) != 0:
        raise OSError(ctypes.get_errno(), "mprotect")
    kept.append(memory)
    copy = np.frombuffer(memory, array.dtype, array.size, pages - array.nbytes).reshape(array.shape)
    copy[...] = array
    return copy


dtype, rng = sys.argv[1], np.random.default_rng(0)
small = [(rows, K, N) for rows in (1, 3, 16, 33) for K in WIDTHS for N in WIDTHS]
for rows, K, N in [*small, *LONG]:
    shapes = (rows, K), (K, N), (rows, N), (N,)
    X, W, dZ, b = (at_the_end(rng.standard_normal(shape).astype(dtype)) for shape in shapes)
    native.matmul_gradients(X, W, dZ, n_threads=1)
    native.matmul_bias(X, W, b, activation="tanh", out=at_the_end(dZ), n_threads=1)
    native.activation("sigmoid", dZ, out=dZ)
    native.activation_gradient("tanh", dZ, dZ, out=dZ)
    native.loss_and_gradient("cross_entropy", dZ, dZ, output_activation="softmax")
    kept.clear()
for sizes, rows, batch in (([7, 16, 3], 1, 1), ([5, 33, 1], 40, 13), ([3, 300, 300, 2], 700, 600), ([37, 5], 2000, 2000)):
    X, Y = (at_the_end(rng.standard_normal((rows, n)).astype(dtype)) for n in (sizes[0], sizes[-1]))
    model = MLP(sizes, dtype=dtype, seed=0)
    model.weights[:] = [at_the_end(w) for w in model.weights]
    model.biases[:] = [at_the_end(b) for b in model.biases]
    Trainer(model, loss="mean_squared_error", optimizer=SGD(1e-3), batch_size=batch).fit(X, Y)
    model.predict(X, out=at_the_end(Y))
    model.predictor()(X[-1:], at_the_end(Y[-1:]))
print("nothing was read behind the end")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="mprotect of Linux")
def test_nothing_is_read_behind_the_last_element(native, dtype: str) -> None:
    here = Path(__file__).parent
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(here)!r})\n{PROGRAM}", dtype]
    found = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert found.returncode == 0, found.stderr
    assert "nothing was read" in found.stdout
