"""Fits side by side: the same bits as one after the other, whatever they are and however many are under way at once."""

from __future__ import annotations

import io
import sys
import threading
from contextvars import copy_context
from pathlib import Path
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule import _threads
from many_cases import Fit, alone, contents, fits, plain, together
from processes import run_python


@pytest.mark.parametrize("n_workers", [1, 2, 5])
def test_each_fit_comes_to_the_same_bits_as_alone(backend: str, n_workers: int, tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    (tmp_path / "together").mkdir()
    singly, made = fits(tmp_path / "alone"), fits(tmp_path / "together")
    expected = [alone(fit) for fit in singly]
    histories = together(made, n_workers=n_workers)
    for i, (one, other) in enumerate(zip(singly, made, strict=True)):
        assert contents(other.trainer) == contents(one.trainer), i
        assert histories[i].__getstate__() == expected[i].__getstate__(), i
        other.trainer.fit(other.X, other.y)  # and goes on as well
        one.trainer.fit(one.X, one.y)
        assert contents(other.trainer) == contents(one.trainer), i
    files = [Path(tmp_path, folder, "some.run") for folder in ("alone", "together")]
    assert contents(cr.Trainer.resume(files[0])) == contents(cr.Trainer.resume(files[1]))
    assert files[0].read_bytes() == files[1].read_bytes()


def test_many_short_and_long_epochs_have_the_bits_of_one_call(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Epochs are trained in pieces there, whose number depends on the time."""
    epochs = 400 if backend == "native" else 30
    made = [[plain(seed, epochs=epochs) for seed in range(4)] for _ in range(3)]
    for fit in made[0]:
        alone(fit)
    together(made[1], n_workers=2)
    monkeypatch.setattr("chainrule._fitting.SHORT", 0.0)  # each epoch is a long one, with polls
    together(made[2], n_workers=2)
    for fits_of_one in zip(*made, strict=True):
        assert len({repr(contents(fit.trainer)) for fit in fits_of_one}) == 1


def test_an_argument_is_shared_or_each_has_its_own(backend: str) -> None:
    made = [plain(seed) for seed in range(3)]
    X, y = made[0].X, made[0].y
    histories = cr.fit_many(
        [fit.trainer for fit in made],
        X,
        cr.each([y, 2 * y, 3 * y]),
        epochs=cr.each([1, 2, 3]),
        validation_data=(X[:9], y[:9]),
    )
    for seed, history in enumerate(histories):
        trainer = plain(seed).trainer
        assert (
            trainer.fit(X, (seed + 1) * y, epochs=seed + 1, validation_data=(X[:9], y[:9])).loss
            == history.loss
        )
        assert trainer.history.validation_loss == history.validation_loss


def test_another_fit_returns_the_history_of_that_call_alone(backend: str) -> None:
    made = [plain(seed) for seed in range(2)]
    together(made)
    assert [history.epochs for history in together(made)] == [[3, 4, 5]] * 2
    assert [fit.trainer.history.epochs for fit in made] == [list(range(6))] * 2
    assert cr.fit_many([], made[0].X, made[0].y) == []


class Meets:
    """Lets fits wait for each other before each epoch; counts how many are between begin and end at once."""

    def __init__(self, n: int) -> None:
        self.barrier, self.lock = threading.Barrier(n), threading.Lock()
        self.now, self.most, self.threads = 0, 0, set()

    def on_fit_begin(self, fit: Any) -> None:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
            self.threads.add(threading.get_ident())

    def on_epoch_begin(self, fit: Any) -> None:
        self.barrier.wait(120)

    def on_fit_end(self, fit: Any) -> None:
        with self.lock:
            self.now -= 1


@pytest.mark.parametrize("n_workers", [1, 2, 3])
def test_so_many_fits_as_workers_are_under_way_at_once(backend: str, n_workers: int) -> None:
    made = [plain(seed) for seed in range(6)]
    meets = Meets(n_workers)
    X, y = made[0].X, made[0].y
    cr.fit_many([fit.trainer for fit in made], X, y, epochs=2, callbacks=[meets], n_workers=n_workers)
    assert meets.most == n_workers
    assert threading.get_ident() not in meets.threads
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("chainrule-fit")]


def test_the_long_fits_begin_first(backend: str) -> None:
    made = [plain(0, epochs=2), plain(1, (8, 90, 90, 1)), plain(2, epochs=9), plain(3, (8, 90, 90, 1), 9)]
    begun = []

    class Notes(cr.Callback):
        def on_fit_begin(self, fit: Any) -> None:
            begun.append(fit.trainer.seed)

    histories = together(made, n_workers=1, callbacks=[Notes()])
    assert begun == [3, 1, 2, 0]
    assert [len(history) for history in histories] == [2, 3, 9, 9]


@pytest.mark.parametrize(
    ("usable", "n_workers", "expected"), [(1, 2, (1, 1)), (8, 2, (4, 3)), (8, 5, (1, 1))]
)
def test_workers_share_the_threads_and_trainers_keep_their_number(
    native: Any, monkeypatch: pytest.MonkeyPatch, usable: int, n_workers: int, expected: tuple[int, int]
) -> None:
    seen: dict[int, set[int]] = {}
    real = native._core.train_epochs

    def spy(*given: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():
            seen.setdefault(len(given[8]), set()).add(given[19])  # the rows of X, and n_threads
        return real(*given)

    monkeypatch.setattr(native._core, "train_epochs", spy)
    monkeypatch.setattr("chainrule.many.usable_threads", lambda: usable)
    made = [
        plain(seed)._replace(X=plain(seed).X[:n], y=plain(seed).y[:n])
        for seed, n in enumerate((50, 60, 70, 80, 90))
    ]
    made[1].trainer.n_threads = 3
    with cr.backend("native"):
        together(made, n_workers=n_workers)
    assert seen == {n: {expected[n == 60]} for n in (50, 60, 70, 80, 90)}
    assert [fit.trainer.n_threads for fit in made] == [None, 3, None, None, None]
    assert _threads.allowed_threads(None) == 0  # here, nothing has changed


def test_the_number_of_workers_is_that_of_threads_of_a_call(
    native: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in ("1", "", "0", "many", "2,1"):
        monkeypatch.setenv("OMP_NUM_THREADS", value)
        assert _threads.usable_threads() == native._core.resolve_threads(0, 1e12)
        assert 1 <= _threads._without_core() <= native._core.resolve_threads(10**6, 1e12)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert _threads._without_core() == _threads.usable_threads() == 1
    meets, made = Meets(1), [plain(seed) for seed in range(3)]
    together(made, callbacks=[meets])
    assert meets.most == 1


def test_what_fits_share_is_converted_once(backend: str) -> None:
    made = [plain(seed) for seed in range(3)]
    wide = made[0].X.astype("float64"), made[0].y.astype("float64")
    with pytest.warns(cr.DtypeConversionWarning) as warned:
        cr.fit_many([fit.trainer for fit in made], *wide, validation_data=wide)
    assert len(warned) == 2
    assert all(Path(each.filename) == Path(__file__) for each in warned)
    for fit, seed in zip(made, range(3), strict=True):
        expected = plain(seed)
        expected.trainer.fit(expected.X, expected.y, validation_data=(expected.X, expected.y))
        assert contents(fit.trainer) == contents(expected.trainer)


def test_several_threads_and_callbacks_may_call_it_at_once(backend: str) -> None:
    expected = [plain(seed) for seed in range(8)]
    for fit in expected:
        alone(fit)
    made = [plain(seed) for seed in range(8)]
    threads = [threading.Thread(target=copy_context().run, args=(together, made[i : i + 2])) for i in (0, 2)]
    for thread in threads:
        thread.start()
    inner: list[list[Fit]] = [made[6:7], made[7:]]

    class Calls(cr.Callback):
        def on_fit_end(self, fit: Any) -> None:
            together(inner.pop())

    together(made[4:6], callbacks=[Calls()])
    for thread in threads:
        thread.join()
    assert [contents(fit.trainer) for fit in made] == [contents(fit.trainer) for fit in expected]


def test_one_display_counts_the_fits(backend: str, capfd: pytest.CaptureFixture[str]) -> None:
    stream, made = io.StringIO(), [plain(seed) for seed in range(3)]
    histories = together(made, progress=stream, n_workers=1)
    lines = stream.getvalue().splitlines()
    assert [line.split("  ")[:2] for line in lines] == [
        [f"fit {i + 1}/3", f"loss {history.loss[-1]:.5g}"] for i, history in enumerate(histories)
    ]
    assert all("rows/s" not in line and ("ETA" in line or "took" in line) for line in lines)
    together(made, progress="auto")
    assert capfd.readouterr() == ("", "")
    together(made, progress=True)
    assert "fit 3/3" in capfd.readouterr().err


def test_a_child_of_fork_works_after_it(native: Any) -> None:
    if sys.platform == "win32":
        pytest.skip("this system has no fork")
    code = """
from many_cases import contents, plain, together
from test_after_fork import COMMON
exec(COMMON)

def many():
    made = [plain(seed, (8, 200, 1), n_threads=2) for seed in range(3)]
    together(made, n_workers=2)
    return [contents(fit.trainer) for fit in made]

before = repr(many())
print(in_a_child(many) == before, repr(many()) == before, in_a_child() == repr(work()))
"""
    assert run_python(code, CHAINRULE_OVERSUBSCRIBE="1").split() == ["True"] * 3


def test_importing_it_loads_no_threads(native: Any) -> None:
    code = "import sys, chainrule; print(chainrule.fit_many.__module__, 'chainrule._side_by_side' in sys.modules, 'queue' in sys.modules)"
    assert run_python(code).split() == ["chainrule.many", "False", "False"]


def test_models_may_lie_side_by_side_in_one_array(backend: str) -> None:
    made, memory = [plain(seed) for seed in range(3)], np.zeros(3 * 51, np.float32)
    for i, fit in enumerate(made):
        at = 51 * i
        for arrays in (fit.trainer.model.weights, fit.trainer.model.biases):
            for j, array in enumerate(arrays):
                arrays[j] = memory[at : at + array.size].reshape(array.shape)
                arrays[j][...] = array
                at += array.size
        assert at == 51 * (i + 1)
    together(made)
    for seed, fit in enumerate(made):
        expected = plain(seed)
        alone(expected)
        assert contents(fit.trainer) == contents(expected.trainer)


@pytest.mark.parametrize("epochs", [range(1, 4), np.arange(1, 4), (1, 2, 3)])
def test_each_takes_ranges_and_arrays(epochs: Any, backend: str) -> None:
    trainers = [cr.Trainer(cr.MLP([2, 3, 1], seed=seed), loss="mean_squared_error") for seed in range(3)]
    X = np.random.default_rng(0).normal(size=(8, 2)).astype("float32")
    histories = cr.fit_many(trainers, X, X[:, :1], epochs=cr.each(epochs))
    assert [len(history) for history in histories] == [1, 2, 3]
