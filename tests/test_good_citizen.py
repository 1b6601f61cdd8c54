"""The library is a guest in the process: it leaves other threads, the floating-point mode and the terminal alone."""

from __future__ import annotations

import contextlib
import ctypes
import subprocess
import sys
import threading

import numpy as np
import pytest
from chainrule.predictor import freeze
from test_thread_limits import MUCH, gnu_openmp
from training_cases import make_case, sgd

ONE_INSTRUCTION_SET_WILL_DO = True


def in_threads(n, function):
    """Results of function(0), ..., function(n - 1), begun at once, in a thread each."""
    results, begin = [None] * n, threading.Barrier(n)

    def run(i):
        begin.wait()
        results[i] = function(i)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
        assert not thread.is_alive()
    return results


@pytest.mark.usefixtures("oversubscribed")
def test_threads_may_predict_with_one_model_at_once(core, dtype):
    case = make_case(4, dtype, "wide")
    blocks = [case.X[i:] for i in range(8)]
    expected = [case.forward(core, X).tobytes() for X in blocks]

    def predict(i):
        return {case.forward(core, blocks[i], n_threads=1 + i % 3).tobytes() for _ in range(20)}

    assert in_threads(8, predict) == [{alone} for alone in expected]


@pytest.mark.usefixtures("oversubscribed")
def test_threads_may_train_different_networks_at_once(core):
    kinds = ("tiny", "narrow", "wide", "narrow")
    expected = [make_case(i, "float32", kind).train(core).digest() for i, kind in enumerate(kinds)]

    def train(i):
        return make_case(i, "float32", kinds[i]).train(core, n_threads=1 + i % 2).digest()

    assert in_threads(4, train) == expected


def everything(native):
    """A call of every kind."""
    for kind in ("tiny", "narrow", "wide"):
        case = make_case(0, "float32", kind).train(native, n_threads=2)
        case.forward(native, n_threads=2)
        freeze(case.network, case.state.weights, case.state.biases)(case.X)
    X = np.linspace(-200, 200, 900, dtype=np.float32).reshape(30, 30)
    for name in ("sigmoid", "tanh", "softmax", "relu"):
        native.activation_gradient(name, native.activation(name, X), X)
    native.loss_and_gradient("cross_entropy", 1e30 * X, abs(X), output_activation="softmax")
    native.matmul_gradients(1e30 * X, 1e30 * X, X, n_threads=2)  # overflows
    native.sgd_momentum_step(X.copy(), X.copy(), X, learning_rate=1e30, momentum=0.9)
    with contextlib.suppress(FloatingPointError):
        make_case(0, "float32").train(native, optimizer=sgd(1e30), n_threads=2)


def subnormal_numbers_work():
    """Whether this thread computes with subnormal numbers, given and found, in NumPy's loops and in its scalars."""
    for dtype in ("float32", "float64"):
        tiny = np.full(100, np.finfo(dtype).tiny, dtype)
        if not ((tiny / 2 > 0).all() and (tiny / 2 * 2 == tiny).all() and tiny[0] / 2 > 0):
            return False
    return sys.float_info.min / 2 > 0


@pytest.mark.usefixtures("oversubscribed")
def test_the_floating_point_mode_is_left_as_it_was(native):
    gomp = gnu_openmp(native)
    before = np.geterr()
    with np.errstate(all="raise", under="ignore"):
        everything(native)
        assert np.geterr() == {"divide": "raise", "over": "raise", "under": "ignore", "invalid": "raise"}
        assert subnormal_numbers_work()
        with pytest.raises(FloatingPointError, match="overflow"):
            np.float32(1e38) * np.float32(10)
    assert np.geterr() == before

    found = []  # by the threads of the team, which may work for another library next
    body = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _: found.append(subnormal_numbers_work()))
    gomp.GOMP_parallel(body, None, 3, 0)
    assert found == [True] * 3


@pytest.mark.usefixtures("oversubscribed")
def test_nothing_is_printed(native, capfd):
    everything(native)
    case = make_case(0, "float32")
    for bad in ({"n_threads": 0}, {"batch_size": -1}, {"loss": "none"}, {"poll": lambda *told: 1 / 0}):
        with pytest.raises((ValueError, ZeroDivisionError)):
            case.train(native, **bad)
    assert native._core.resolve_threads(3, MUCH) == 3
    assert capfd.readouterr() == ("", "")


def test_what_is_not_asked_for_is_not_imported_and_all_of_it_is_there() -> None:
    code = """
import sys, types
import chainrule as cr
early = {name for name in sys.modules if name.startswith("chainrule.")}
assert not early & {"chainrule.trainer", "chainrule.model", "chainrule.native", "chainrule._core"}, early
assert set(cr.__all__) <= set(dir(cr))
found = {name: getattr(cr, name) for name in cr.__all__}
assert all(getattr(cr, name) is one for name, one in found.items())
assert cr.optimizers.SGD is cr.SGD and cr.progress.Display and cr.targets
named = {}
exec("from chainrule import *", named)
assert all(named[name] is one for name, one in found.items())
import chainrule.backend, chainrule.trainer, chainrule.predictor
assert not isinstance(cr.backend, types.ModuleType) and cr.Trainer is chainrule.trainer.Trainer
try:
    cr.Trainers
except AttributeError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "module 'chainrule' has no attribute 'Trainers'\n"
