"""The interpreter's lock is free during native work: another thread runs Python code meanwhile.

Seen without a stop-watch: while these tests run, no thread gives the lock up by itself. Another thread can then have it only
while the first one waits, or has put it down in native code.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time

import numpy as np
import pytest
from chainrule._network import Network
from chainrule.predictor import freeze
from training_cases import make_case, sgd

ONE_INSTRUCTION_SET_WILL_DO = True
LONG_ENOUGH = 120
"""Seconds until a test gives up; one try of some milliseconds is enough where a thread may run at once."""


@pytest.fixture(autouse=True)
def the_lock_is_kept():
    """A thread that has the lock keeps it until it waits, sleeps or puts it down."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(100_000)
    yield
    sys.setswitchinterval(before)


@contextlib.contextmanager
def beside(work):
    """Repeat work() in another thread, which sleeps a little between two calls, until the block ends."""
    done = threading.Event()

    def repeat():
        while not done.is_set():
            work()
            time.sleep(0.0005)

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def repeat_until(happened, work):
    """Call work(), once at least, until happened(); return whether it did."""
    end = time.monotonic() + LONG_ENOUGH
    while True:
        work()
        if happened():
            return True
        if time.monotonic() > end:
            return False


def long_calls(native):
    """Calls that take some milliseconds each, by the Python function from which they go into native code."""
    n, rows = 300, 4000
    W, X = np.full((n, n), 0.01, np.float32), np.ones((rows, n), np.float32)
    labels, small = np.zeros(rows, int), np.full((n, n), 0.01)
    network = Network((n, n, n, n), ("relu",) * 3, None, (0.0, 0.0), "float32")
    narrow = Network((n, 2, 1), ("tanh", "identity"), None, (0.0,), "float32")
    weights, few = [W, W, W], [W[:, :2].copy(), W[:2, :1].copy()]
    w, v, s = X.copy(), X.copy(), X.copy()
    how = {"loss": "half_squared_error", "n_threads": 1}
    predictor = freeze(network, weights, [])

    def predict():
        predictor(X)

    yield f"{__name__}.predict", predict
    for name, call in {
        "forward": lambda: native.forward(network, weights, [], X, n_threads=1),
        "matmul_bias": lambda: native.matmul_bias(X, W, n_threads=1),
        "matmul_gradients": lambda: native.matmul_gradients(X, W, X, n_threads=1),
        "_gradients": lambda: native.gradients(network, weights, [], X, X, **how),
        "activation": lambda: native.activation("tanh", X),
        "activation_gradient": lambda: native.activation_gradient("tanh", X, X),
        "loss_checked": lambda: native.loss_and_gradient("cross_entropy", X, labels, output_activation="softmax"),
        "permutation": lambda: native.permutation(100 * rows, seed=0, epoch=0),
        "dropout_mask": lambda: native.dropout_mask(rows, n, 0.5, seed=0, step=0, layer=0),
        "random_words": lambda: native.random_words(1000 * rows, seed=0, stream=0),
        "normal_equations": lambda: native.normal_equations(narrow, few, [], X, X[:, :1], n_threads=1),
        "damped_step": lambda: native.damped_step(small @ small.T, small[0], 1.0, n_threads=1),
    }.items():  # fmt: skip
        yield f"{native.__name__}.{name}", call
    rules = sys.modules[native.adam_step.__module__].__name__
    yield (
        f"{rules}.sgd_momentum_step",
        lambda: native.sgd_momentum_step(w, v, X, learning_rate=0.01, momentum=0.9),
    )
    yield f"{rules}._rule_step", lambda: native.adam_step(w, v, s, X, t=1, learning_rate=0.01)


def test_other_threads_run_during_a_long_call(native):
    """The other thread notes in which function the first one is."""
    first, seen = threading.get_ident(), set()

    def look():
        frame = sys._current_frames()[first]
        seen.add(f"{frame.f_globals['__name__']}.{frame.f_code.co_name}")

    with beside(look):
        for name, call in long_calls(native):
            assert repeat_until(lambda name=name: name in seen, call), f"no other thread ran during {name}"


@pytest.mark.parametrize(("kind", "epochs"), [("tiny", 20000), ("narrow", 5000), ("wide", 200)])
def test_training_goes_on_while_another_thread_has_the_lock(native, kind, epochs):
    """The other thread has the lock all the time in which it waits for other weights."""
    case = make_case(1, "float32", kind)
    weights, changed = case.state.weights[0], []

    def wait_for_a_change():
        """Wait for longer than a thread has to wait for a processor; not for ever, as training may want the lock."""
        before, end = weights.tobytes(), time.monotonic() + 0.03
        while not changed and time.monotonic() < end:
            if weights.tobytes() != before:
                changed.append(True)

    with beside(wait_for_a_change):
        assert repeat_until(
            lambda: bool(changed), lambda: case.train(native, optimizer=sgd(1e-4), epochs=epochs, n_threads=1)
        )
