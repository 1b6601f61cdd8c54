"""Arrays in files are trained on where they lie: no copy, and no memory of their size."""

from __future__ import annotations

import sys

import chainrule as cr
import numpy as np
import pytest
from chainrule.backend import core
from processes import run_python

ONE_INSTRUCTION_SET_WILL_DO = True

UNDER_A_LIMIT = """
import resource, sys
import numpy as np
import chainrule as cr
cr.set_backend("{name}")
folder, rows, features = "{folder}", {rows}, 64
X = np.load(folder + "/X.npy", mmap_mode="r")
Y = np.load(folder + "/Y.npy", mmap_mode="r")
w = np.load(folder + "/w.npy", mmap_mode="r")
model = cr.MLP([features, 2, 2], output_activation="softmax", seed=0)
trainer = cr.Trainer(model, loss="cross_entropy", batch_size=256, n_threads=1)
trainer.fit(X[:512], Y[:512], validation_data=(X[:512], Y[:512]))  # what it loads and keeps is there
model.predict(X[:512])
has = next(int(line.split()[1]) << 10 for line in open("/proc/self/status") if line.startswith("VmData"))
limit = has + X.nbytes // 2
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
try:
    np.array(X)
except MemoryError:
    pass
else:
    sys.exit("the limit does not bite")
trainer.fit(X, Y, sample_weight=w, validation_data=(X, Y, w))
trainer.evaluate(X, Y)
print(len(model.predict(X)), trainer.step)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_DATA and /proc are Linux's")
def test_fit_evaluate_and_predict_on_mapped_files_need_less_memory_than_these(backend, tmp_path):
    rows = 160_000  # of 256 bytes: 41 MB
    for name, shape in (("X", (rows, 64)), ("Y", (rows, 2)), ("w", (rows,))):
        array = np.lib.format.open_memmap(tmp_path / f"{name}.npy", "w+", np.float32, shape)
        for start in range(0, rows, 16_000):
            part = array[start : start + 16_000]
            part[:] = np.eye(2)[np.arange(len(part)) % 2] if name == "Y" else np.float32(start / rows + 0.5)
        array.flush()
    code = UNDER_A_LIMIT.format(name=backend, folder=tmp_path, rows=rows)
    assert run_python(code).split() == [str(rows), str(2 + rows // 256)]


@pytest.mark.parametrize("kind", ["numbers", "labels"])
def test_the_cores_are_given_the_mapped_memory_itself(backend, dtype, kind, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 40) if kind == "labels" else rng.normal(size=(40, 3)).astype(dtype)
    arrays = {"X": rng.normal(size=(40, 5)).astype(dtype), "y": y, "w": rng.uniform(1, 2, 40).astype(dtype)}
    mapped = {}
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
        mapped[name] = np.load(tmp_path / f"{name}.npy", mmap_mode="r")
    model = cr.MLP([5, 4, 3], output_activation="softmax" if kind == "labels" else "identity", dtype=dtype)
    loss = "cross_entropy" if kind == "labels" else "mean_squared_error"
    trainer, given = cr.Trainer(model, loss=loss, batch_size=8), []

    def flat(values):
        for one in values:
            yield from flat(one) if isinstance(one, (list, tuple)) else [one]

    def spy(name):
        real = getattr(core(), name)

        def call(*arguments, **options):
            given.extend(flat([*arguments, *options.values()]))  # what was checked before is in tuples
            return real(*arguments, **options)

        monkeypatch.setattr(core(), name, call)

    for name in (
        "train_epochs",
        "train_checked",
        "forward",
        "forward_checked",
        "loss_and_gradient",
        "loss_checked",
    ):
        spy(name)
    X, y, w = mapped.values()
    for call in (
        lambda: trainer.fit(X, y, sample_weight=w),
        lambda: trainer.fit(X[:8], y[:8], validation_data=(X, y, w)),
        lambda: trainer.evaluate(X, y, sample_weight=w),
        lambda: trainer.fit_batches([(X, y, w)]),
    ):
        given.clear()
        call()
        for name, array in mapped.items():
            found = [one for one in given if isinstance(one, np.ndarray) and np.shares_memory(one, array)]
            assert any(one.shape == array.shape for one in found), name
    given.clear()
    model.predict(X)
    assert any(isinstance(one, np.ndarray) and np.shares_memory(one, X) for one in given)
