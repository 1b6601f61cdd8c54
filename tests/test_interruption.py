"""Ctrl-C stops a fit between two batches, within a second, and leaves a state to go on from."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest
from processes import run_python
from training_cases import make_case

ONE_INSTRUCTION_SET_WILL_DO = True
pytestmark = pytest.mark.skipif(os.name != "posix", reason="the signal is sent by os.kill")

COMMON = """
import os, signal, time
import chainrule
from chainrule import native
from ctrl_c import when_trained
from training_cases import make_case

signal.signal(signal.SIGINT, signal.default_int_handler)  # what starts the tests may have had it ignored
sent = []

def press_ctrl_c():
    sent.append(time.process_time())
    os.kill(os.getpid(), signal.SIGINT)

def interrupted(state, function):
    try:
        when_trained(state, press_ctrl_c)
        function()
    except KeyboardInterrupt:
        return time.process_time() - sent[-1]  # of the processor, which others may be using too
    raise SystemExit("not interrupted")
"""

CORE = """
def many(seed, kind):
    case = make_case(seed, "float32", kind)
    case.how["epochs"] = 10**9
    return case

case = many({seed}, {kind!r})
waited = interrupted(case.state, lambda: case.train(native, n_threads={n_threads}))
assert waited < 1, waited
state = case.state
steps_per_epoch = -(-len(case.X) // case.how["batch_size"])
assert len(state.losses) == state.epoch, (len(state.losses), state.epoch)
assert 0 <= state.step - state.epoch * steps_per_epoch < steps_per_epoch
assert state.step > 0

# as if it had never been interrupted
other = many({seed}, {kind!r})
other.train_steps(native, state.step)
print(case.digest() == other.digest())
for each in (case, other):
    each.train(native, epochs=3)
print(case.digest() == other.digest())
"""


@pytest.mark.parametrize(("kind", "seed"), [("tiny", 3), ("narrow", 8), ("narrow", 10), ("wide", 3)])
@pytest.mark.parametrize("n_threads", [1, 2])
def test_ctrl_c_leaves_the_state_between_two_steps(native, kind, seed, n_threads):
    if n_threads == 2 and kind == "tiny":
        pytest.skip("tiny networks are trained on one thread")
    code = COMMON + CORE.format(kind=kind, seed=seed, n_threads=n_threads)
    assert run_python(code, CHAINRULE_OVERSUBSCRIBE="1").splitlines() == ["True", "True"]


FIT = """
import numpy as np
X = np.random.default_rng(0).normal(size=(5000, 20)).astype("f4")
y = X[:, :3].argmax(axis=1)
with chainrule.backend({backend!r}):
    model = chainrule.MLP([20, 50, 3], output_activation="softmax", dropout=0.2, seed=0)
    trainer = chainrule.Trainer(model, loss="cross_entropy", optimizer=chainrule.SGD(0.01, momentum=0.9))
    waited = interrupted(trainer.state, lambda: trainer.fit(X, y, epochs=10**6{arguments}))
    assert waited < 1, waited
    print(trainer.epoch == len(trainer.history.loss), trainer.epoch <= trainer.step / 157 < trainer.epoch + {most})
    print(np.isfinite(model.predict(X)).all(), all(w is t for w, t in zip(model.weights, trainer.state.weights)))
    print(trainer.history.stopped_because == "interrupted")
    before = trainer.epoch
    trainer.fit(X, y, epochs=2)
    print(trainer.epoch == before + 2)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        ", validation_data=(X, y), metrics=['accuracy']",
        ", time_budget=1e6",
        ", tolerance=0, tolerance_epochs=10**6, early_stopping=chainrule.EarlyStopping('loss', patience=10**6)",
    ],
)
@pytest.mark.parametrize("backend", ["native", "reference"])
def test_ctrl_c_stops_a_fit_and_it_can_go_on(native, backend, arguments):
    most = (
        1.01 if "budget" in arguments else 1
    )  # a poll is asked after the last batch, before the epoch is counted
    code = COMMON + FIT.format(backend=backend, arguments=arguments, most=most)
    assert run_python(code).split() == ["True"] * 6


def test_ctrl_c_during_the_last_call_of_poll_is_not_lost(core):
    """The signal comes while Python code of the poll runs: it is raised there, and training stops."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    case = make_case(3, "float32")

    def poll(*told):
        os.kill(os.getpid(), signal.SIGINT)

    try:
        with pytest.raises(KeyboardInterrupt):
            case.train(core, poll=poll)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert 0 < case.state.step <= len(case.X)
    assert all(np.isfinite(array).all() for array in case.arrays().values())
