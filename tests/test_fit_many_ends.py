"""How fits side by side end before their last epoch: by an error of one of them, by Ctrl-C, by what each is told itself."""

from __future__ import annotations

import os
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from many_cases import Fit, alone, contents, plain, together
from processes import run_python

ONE_INSTRUCTION_SET_WILL_DO = True

ENDLESS = 10**9
POSIX = pytest.mark.skipif(os.name != "posix", reason="the signal is sent by os.kill")


class Goes(cr.Callback):
    """Lets other fits wait until that of the first trainer has trained."""

    def __init__(self) -> None:
        from threading import Event

        self.going = Event()

    def on_epoch_end(self, fit: Any) -> None:
        self.going.set()


class Waits(cr.Callback):
    """Waits for a fit to be under way."""

    def __init__(self, goes: Goes) -> None:
        self.goes = goes

    def on_fit_begin(self, fit: Any) -> None:
        assert self.goes.going.wait(120)


def diverging(seed: int, epochs: int = 5) -> Fit:
    return plain(seed, optimizer=cr.SGD(1e38), epochs=epochs)


def is_consistent(fit: Fit) -> bool:
    """Whether a fit that was ended is as after some number of updates of one that was not."""
    trainer = fit.trainer
    steps = -(-len(fit.X) // 7)
    other = plain(trainer.seed)
    other.trainer.fit(other.X, other.y, epochs=trainer.step // steps)
    names = ("weights", "weight_velocity")

    class Ends(cr.Callback):
        def on_batch_end(self, fit: Any) -> None:
            if fit.trainer.step == trainer.step:
                fit.stop()

    if trainer.step % steps:
        other.trainer.fit(other.X, other.y, callbacks=[Ends()])
    same = [
        [a.tobytes() for name in names for a in getattr(each.state, name)]
        for each in (trainer, other.trainer)
    ]
    return same[0] == same[1] and trainer.epoch == len(trainer.history) == trainer.step // steps


def test_an_error_ends_the_others_between_two_batches_and_is_raised(backend: str) -> None:
    goes = Goes()
    made = [
        plain(0, epochs=ENDLESS)._replace(arguments={"epochs": ENDLESS, "callbacks": [goes]}),
        diverging(1, epochs=ENDLESS - 1)._replace(
            arguments={"epochs": ENDLESS - 1, "callbacks": [Waits(goes)]}
        ),
        plain(2),
    ]
    with pytest.raises(FloatingPointError, match=r"trainers\[1\]: training stopped in epoch 0"):
        together(made, n_workers=2)
    trainers = [fit.trainer for fit in made]
    assert [trainer.history.stopped_because for trainer in trainers] == ["interrupted", "not_finite", None]
    assert trainers[0].step > 0
    assert trainers[2].step == 0  # not begun
    assert is_consistent(made[0])
    alone(made[2])  # and goes on


def test_a_plain_endless_fit_is_ended_too(backend: str) -> None:
    """With nothing to look at after an epoch, and with epochs that are short and long."""
    made = [plain(0, epochs=ENDLESS), plain(1, (8, 300, 300, 1), ENDLESS), diverging(2)]
    with pytest.raises(FloatingPointError, match=r"trainers\[2\]"):
        together(made, n_workers=3)
    assert [fit.trainer.history.stopped_because for fit in made[:2]] in (
        ["interrupted"] * 2,  # or one that had not begun
        ["interrupted", None],
        [None, "interrupted"],
        [None, None],
    )
    assert is_consistent(made[0])


@pytest.mark.parametrize("optimizer", [cr.LevenbergMarquardt(), cr.LBFGS()])
def test_an_optimizer_of_all_rows_is_ended_between_two_iterations(backend: str, optimizer: Any) -> None:
    if isinstance(optimizer, cr.LBFGS):
        pytest.importorskip("scipy")
    goes = Goes()
    rng = np.random.default_rng(0)
    model = cr.MLP([8, 30, 1], activation="tanh", dtype="float64", seed=0)
    slow = Fit(
        cr.Trainer(model, loss="mean_squared_error", optimizer=optimizer, batch_size="full"),
        rng.normal(size=(90, 8)),
        rng.normal(size=(90, 1)),
        {"epochs": ENDLESS, "callbacks": [goes]},
    )

    class Fails(cr.Callback):
        def on_fit_begin(self, fit: Any) -> None:
            goes.going.wait(120)
            raise KeyError("mine")

    failing = plain(1)._replace(arguments={"callbacks": [Fails()]})
    before = slow.trainer.evaluate(slow.X, slow.y)["loss"]
    with pytest.raises(KeyError, match="mine") as raised:
        together([slow, failing], n_workers=2)
    assert raised.value.__notes__ == ["raised by the fit of trainers[1]"]
    history = slow.trainer.history
    assert history.stopped_because in ("interrupted", "converged")
    assert slow.trainer.evaluate(slow.X, slow.y)["loss"] < before
    assert len(history) == slow.trainer.epoch == slow.trainer.step


def test_kept_errors_stand_where_the_histories_would(backend: str) -> None:
    made = [plain(0), diverging(1), plain(2), diverging(3), plain(4)]
    found = together(made, on_error="keep", n_workers=2)
    for i, (fit, result) in enumerate(zip(made, found, strict=True)):
        if i in (1, 3):
            assert type(result) is FloatingPointError
            assert str(result).startswith(f"trainers[{i}]: training stopped in epoch 0")
            assert fit.trainer.history.stopped_because == "not_finite"
        else:
            expected = plain(i)
            assert alone(expected).__getstate__() == result.__getstate__()
            assert contents(fit.trainer) == contents(expected.trainer)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_what_is_no_exception_but_an_end_is_raised_in_any_case(
    backend: str, error: type[BaseException]
) -> None:
    class Leaves(cr.Callback):
        def on_epoch_end(self, fit: Any) -> None:
            raise error

    made = [plain(0, epochs=ENDLESS), plain(1)._replace(arguments={"callbacks": [Leaves()]})]
    with pytest.raises(error):
        together(made, on_error="keep", n_workers=2)
    assert made[1].trainer.epoch == 1
    assert is_consistent(made[0])


def test_early_stopping_takes_the_best_back_when_others_fail(backend: str) -> None:
    goes = Goes()

    class Fails(cr.Callback):
        def on_fit_begin(self, fit: Any) -> None:
            goes.going.wait(120)
            raise ValueError("mine")

    stopping = cr.EarlyStopping("loss", patience=ENDLESS)
    made = [
        plain(0)._replace(arguments={"epochs": ENDLESS, "callbacks": [goes], "early_stopping": stopping}),
        plain(1)._replace(arguments={"callbacks": [Fails()]}),
    ]
    with pytest.raises(ValueError, match=r"^trainers\[1\]: mine$"):
        together(made, n_workers=2)
    ending = made[0].trainer.history.ending
    assert ending is not None
    assert (ending.reason, ending.monitor) == ("interrupted", "loss")
    assert ending.best_epoch is not None
    best = plain(0)
    best.trainer.fit(best.X, best.y, epochs=ending.best_epoch + 1)
    assert made[0].trainer.model.weights[0].tobytes() == best.trainer.model.weights[0].tobytes()


def test_an_error_of_the_display_ends_all(backend: str) -> None:
    class Broken:
        def write(self, text: str) -> None:
            raise BrokenPipeError("closed")

    made = [plain(0, epochs=ENDLESS), plain(1)]
    with pytest.raises(BrokenPipeError):
        together(made, progress=Broken(), n_workers=2)
    assert is_consistent(made[0])


CTRL_C = """
import os, signal, threading, time
import chainrule as cr
from ctrl_c import when_trained
from many_cases import plain, together
from test_fit_many_ends import ENDLESS, is_consistent

def handler(*_):
    # Ctrl-C that comes again and again is to meet fit_many, not what comes after it.
    if {times} == 1 or any(thread.name.startswith("chainrule-fit") for thread in threading.enumerate()):
        raise KeyboardInterrupt

signal.signal(signal.SIGINT, handler)

def press():
    for _ in range({times}):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.003)

with cr.backend({backend!r}):
    made = [plain(seed, epochs=ENDLESS) for seed in range(3)]
    X, y = made[0].X, made[0].y
    made = [fit._replace(arguments={{"epochs": ENDLESS, **dict({arguments})}}) for fit in made]
    when_trained(made[0].trainer.state, press)
    try:
        together(made, n_workers={n_workers})
    except KeyboardInterrupt:
        left = [thread for thread in threading.enumerate() if thread.name.startswith("chainrule-fit")]
        print(not left)
        steps = [fit.trainer.step for fit in made]
        time.sleep(0.1)
        print(steps == [fit.trainer.step for fit in made], steps[0] > 0)
    print(all(is_consistent(fit) for fit in made))
    print([fit.trainer.history.stopped_because for fit in made] == ["interrupted" if step else None for step in steps])
    epochs = [fit.trainer.epoch for fit in made]
    cr.fit_many([fit.trainer for fit in made], X, y, epochs=2)
    print([fit.trainer.epoch for fit in made] == [epoch + 2 for epoch in epochs])
"""


@POSIX
@pytest.mark.parametrize("n_workers", [1, 2])
@pytest.mark.parametrize(
    ("arguments", "times"),
    [
        ("", 1),
        ("validation_data=(X, y), metrics=['mean_squared_error']", 1),
        ("time_budget=1e6", 1),
        ("", 20),
    ],
)
@pytest.mark.parametrize("backend", ["native", "reference"])
def test_ctrl_c_ends_every_fit_between_two_batches(
    native: Any, backend: str, arguments: str, times: int, n_workers: int
) -> None:
    code = CTRL_C.format(backend=backend, arguments=arguments, times=times, n_workers=n_workers)
    assert run_python(code).split() == ["True"] * 6


AT_ANY_MOMENT = """
import signal, sys, threading
import chainrule as cr
from many_cases import plain, together
from test_fit_many_ends import is_consistent

signal.signal(signal.SIGINT, signal.default_int_handler)
together([plain(9)])  # what is imported then
ended = 0
for moment in range(1, 500):
    made = [plain(seed, epochs=40) for seed in range(3)]
    left = moment

    def trace(frame, event, arg):
        global left
        if not frame.f_code.co_filename.endswith(("_side_by_side.py", "many.py")):
            return None
        left -= 1
        if left == 0:
            signal.raise_signal(signal.SIGINT)
        return trace

    came = False
    sys.settrace(trace)
    try:
        together(made, n_workers=2)
    except KeyboardInterrupt:
        came = True
    finally:
        sys.settrace(None)
    assert came == (left <= 0), moment
    ended += came
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("chainrule-fit")], moment
    assert all(fit.trainer.step == 0 or is_consistent(fit) for fit in made), moment
    if not came:
        break
print("all" if not came and ended > 40 else ended)
"""


@POSIX
def test_ctrl_c_at_any_line_of_the_waiting_thread_leaves_no_thread_behind(native: Any) -> None:
    assert run_python(AT_ANY_MOMENT).split() == ["all"]
