"""What is called while a fit trains: when, with what, and that it changes no bit but those it writes."""

from __future__ import annotations

import chainrule as cr
import numpy as np
import pytest
from chainrule import _epochs
from chainrule.callbacks import EVENTS

ROWS = 20


class Log(cr.Callback):
    """Remembers every event, the counters and the parameters then."""

    def __init__(self, stop_at=None):
        self.events, self.weights, self.stop_at = [], [], stop_at

    def note(self, name, fit, *more):
        self.events.append((name, fit.trainer.epoch, fit.trainer.step, *more))
        self.weights.append([array.tobytes() for array in (*fit.model.weights, *fit.model.biases)])
        if self.stop_at == len(self.events):
            fit.stop()

    def on_fit_begin(self, fit):
        self.note("fit begin", fit, fit.epochs)

    def on_epoch_begin(self, fit):
        self.note("epoch begin", fit)

    def on_batch_end(self, fit):
        assert np.isfinite(fit.loss)
        self.note("batch end", fit, fit.batch, fit.batches)

    def on_epoch_end(self, fit):
        assert fit.measured == fit.trainer.history.last()
        assert fit.measured.epoch == fit.trainer.epoch - 1
        self.note("epoch end", fit, len(fit.history))

    def on_fit_end(self, fit):
        self.note("fit end", fit, fit.history.stopped_because)

    def kinds(self):
        return [event[0] for event in self.events]


KINDS = {
    "row by row": ([3, 4, 2], 1, cr.SGD(0.05, momentum=0.9)),
    "batches": ([3, 5, 2], 8, cr.SGD(0.05, momentum=0.9, nesterov=True)),
    "Adam": ([3, 5, 2], 8, cr.Adam(0.01)),
    "wide": ([3, 150, 2], 7, cr.SGD(0.05)),
}


def data(dtype="float32"):
    rng = np.random.default_rng(1)
    return rng.normal(size=(ROWS, 3)).astype(dtype), rng.normal(size=(ROWS, 2)).astype(dtype)


def a_trainer(kind="batches", loss="mean_squared_error", dtype="float32", **changes):
    sizes, batch, optimizer = KINDS[kind]
    model = cr.MLP(sizes, activation="tanh", dtype=dtype, seed=2)
    return cr.Trainer(model, loss=loss, optimizer=optimizer, **{"batch_size": batch, "seed": 3, **changes})


def bits(trainer):
    state = trainer.state
    return [
        array.tobytes()
        for arrays in (
            state.weights,
            state.biases,
            state.weight_velocity,
            state.bias_velocity,
            state.weight_square,
        )
        for array in arrays
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_everything_is_called_in_its_turn_and_changes_no_bit(backend, kind, dtype):
    X, Y = data(dtype)
    plain, called, log = a_trainer(kind, dtype=dtype), a_trainer(kind, dtype=dtype), Log()
    plain.fit(X, Y, epochs=3)
    history = called.fit(X, Y, epochs=3, callbacks=[log])
    assert bits(called) == bits(plain)
    assert (called.epoch, called.step) == (plain.epoch, plain.step)
    assert history.loss == plain.history.loss
    batches = -(-ROWS // KINDS[kind][1])
    expected = [("fit begin", 0, 0, 3)]
    for epoch in range(3):
        step = epoch * batches
        expected.append(("epoch begin", epoch, step))
        expected += [("batch end", epoch, step + i, i, batches) for i in range(1, batches + 1)]
        expected.append(("epoch end", epoch + 1, step + batches, epoch + 1))
    assert log.events == [*expected, ("fit end", 3, 3 * batches, "epochs")]


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_after_each_batch_the_parameters_are_those_of_single_updates(
    backend, kind, n_threads, oversubscribed
):
    X, Y = data()
    log, single = Log(), a_trainer(kind, shuffle=False)
    a_trainer(kind, shuffle=False, n_threads=n_threads).fit(X, Y, epochs=2, callbacks=[log])
    seen = [
        weights for event, weights in zip(log.events, log.weights, strict=True) if event[0] == "batch end"
    ]
    size = KINDS[kind][1]
    for i, weights in enumerate(seen):
        start = i * size % (-(-ROWS // size) * size)
        single.train_on_batch(X[start : start + size], Y[start : start + size])
        assert [array.tobytes() for array in (*single.model.weights, *single.model.biases)] == weights
    assert i == 2 * -(-ROWS // size) - 1


class Clip(cr.Callback):
    """Keeps every weight within bounds."""

    def on_batch_end(self, fit):
        for array in fit.model.weights:
            np.clip(array, -0.3, 0.3, out=array)


def own_loss(prediction, target):
    difference = prediction - target
    return float((difference**2).mean()), 2 * difference / difference.size


@pytest.mark.parametrize("loss", ["mean_squared_error", own_loss])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_into_parameters_after_a_batch_counts(backend, kind, loss, tmp_path):
    X, Y = data()
    trainer, single = (a_trainer(kind, loss, shuffle=False) for _ in range(2))
    trainer.fit(X, Y, epochs=2, callbacks=[Clip()], checkpoint=tmp_path / "some.run")
    size = KINDS[kind][1]
    for _ in range(2):
        for start in range(0, ROWS, size):
            single.train_on_batch(X[start : start + size], Y[start : start + size])
            for array in single.model.weights:
                np.clip(array, -0.3, 0.3, out=array)
    assert bits(trainer) == bits(single)
    with cr.Checkpoints(tmp_path / "some.run") as run:
        assert run.model().weights[0].tobytes() == trainer.model.weights[0].tobytes()


@pytest.mark.parametrize("kind", ["row by row", "batches"])
def test_a_callback_may_end_the_fit_at_any_event(backend, kind):
    X, Y = data()
    whole = Log()
    a_trainer(kind).fit(X, Y, epochs=2, callbacks=[whole])
    for n in range(1, len(whole.events)):
        log, trainer = Log(stop_at=n), a_trainer(kind)
        history = trainer.fit(X, Y, epochs=2, callbacks=[log])
        batch = whole.events[n - 1]
        at_end = batch[0] == "batch end" and batch[3] == batch[4]
        assert log.events[: n + at_end] == whole.events[: n + at_end]  # the last batch of an epoch ends it
        assert [*log.kinds()[n + at_end :]] == ["fit end"]
        assert history.stopped_because == "callback"
        assert trainer.step == log.events[n - 1][2]
        trainer.fit(X, Y)  # and goes on
        assert trainer.history.stopped_because == "epochs"


def test_only_what_is_defined_is_called_and_nothing_else_slows_a_fit_down(backend, monkeypatch):
    X, Y = data()
    calls = []
    real = _epochs.train_epochs

    def counted(*given, **options):
        calls.append(given[2])
        real(*given, **options)

    monkeypatch.setattr("chainrule._fitting.train_epochs", counted)

    class Ends:
        seen = 0

        def on_fit_end(self, fit):
            self.seen += 1

    ends = Ends()
    a_trainer().fit(X, Y, epochs=7, callbacks=[ends, cr.Callback()])
    assert (ends.seen, calls) == (1, [7])


def test_an_error_of_a_callback_ends_the_fit_and_the_end_is_told(backend):
    X, Y = data()

    class Fails(cr.Callback):
        def __init__(self, event):
            setattr(self, event, self.fail)

        def fail(self, fit):
            raise KeyError("mine")

    for event in EVENTS:
        log, trainer = Log(), a_trainer()
        with pytest.raises(KeyError, match="mine"):
            trainer.fit(X, Y, epochs=2, callbacks=[log, Fails(event)])
        assert log.kinds()[-1] == "fit end"
        assert len(trainer.history) == trainer.epoch
        expected = {"on_fit_end": "epochs"}.get(event, "error")
        assert trainer.history.stopped_because == expected
        trainer.fit(X, Y)


def test_a_step_that_is_not_finite_leaves_what_was_before_it(backend):
    X, Y = data()
    X[13] = 1e30
    for kind in KINDS:
        log, trainer = Log(), a_trainer(kind, shuffle=False, loss="mean_squared_error")
        trainer.model.weights[0][...] = 0.1
        Y[13] = 3e38
        with pytest.raises(FloatingPointError, match="training stopped in epoch 0"):
            trainer.fit(X, Y, epochs=2, callbacks=[log])
        assert log.kinds()[-1] == "fit end"
        assert log.events[-1][-1] == "not_finite"
        assert trainer.step == 13 // KINDS[kind][1]
        assert log.weights[-1] == log.weights[-2]


def test_ctrl_c_in_a_callback_is_ctrl_c(backend):
    X, Y = data()

    class Presses(cr.Callback):
        def on_batch_end(self, fit):
            if fit.batch == 2:
                raise KeyboardInterrupt

    trainer = a_trainer()
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(X, Y, epochs=2, callbacks=[Presses()])
    assert (trainer.step, trainer.epoch, trainer.history.stopped_because) == (2, 0, "interrupted")


def test_training_from_within_a_batch_is_refused_and_looking_is_not(backend):
    X, Y = data()
    seen = []

    class Trains(cr.Callback):
        def on_batch_end(self, fit):
            with pytest.raises(RuntimeError, match="being trained by another call"):
                fit.trainer.train_on_batch(X, Y)
            seen.append(fit.model.predict(X[:1]).tolist())
            fit.trainer.evaluate(X, Y)

        def on_epoch_end(self, fit):
            fit.trainer.train_on_batch(X, Y)

    trainer = a_trainer()
    trainer.fit(X, Y, epochs=2, callbacks=[Trains()])
    assert len(seen) == 6
    assert len({tuple(map(tuple, each)) for each in seen}) == 6
    assert trainer.step == 8


def test_settings_may_be_changed_for_the_next_epoch(backend):
    X, Y = data()

    class Halve(cr.Callback):
        def on_epoch_end(self, fit):
            fit.trainer.optimizer = cr.SGD(
                fit.trainer.optimizer.learning_rate / 2, momentum=0.9, nesterov=True
            )

    trainer, other = a_trainer(), a_trainer()
    trainer.fit(X, Y, epochs=3, callbacks=[Halve()])
    for rate in (0.05, 0.025, 0.0125):
        other.optimizer = cr.SGD(rate, momentum=0.9, nesterov=True)
        other.fit(X, Y)
    assert bits(trainer) == bits(other)


@pytest.mark.parametrize("optimizer", [cr.LevenbergMarquardt(), cr.LBFGS()])
def test_optimizers_of_all_rows_have_one_batch_an_epoch(backend, optimizer):
    if isinstance(optimizer, cr.LBFGS):
        pytest.importorskip("scipy")
    X, Y = data("float64")
    log = Log()
    trainer = a_trainer(dtype="float64")
    trainer.batch_size, trainer.optimizer = "full", optimizer
    history = trainer.fit(X, Y, epochs=4, callbacks=[log])
    each = ["epoch begin", "batch end", "epoch end"]
    assert log.kinds() == ["fit begin", *each * len(history), "fit end"]
    for n in range(2, 6):
        trainer = a_trainer(dtype="float64", batch_size="full")
        trainer.optimizer = optimizer
        log = Log(stop_at=n)
        assert trainer.fit(X, Y, epochs=4, callbacks=[log]).stopped_because == "callback"
        assert trainer.epoch == (n > 2)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ([Log], "is the class Log; give an object of it"),
        ([3], r"callbacks\[0\] must have a method on_fit_begin or"),
        ([cr.Callback(), object()], r"callbacks\[1\] must have a method"),
        (Log(), "callbacks must be a list or a tuple"),
        ([None], r"callbacks\[0\] must have a method"),
    ],
)
def test_what_is_no_callback_is_refused_by_name(backend, wrong, text):
    X, Y = data()
    trainer = a_trainer()
    before = bits(trainer)
    with pytest.raises(TypeError, match=text):
        trainer.fit(X, Y, callbacks=wrong)
    assert bits(trainer) == before


def test_poll_each_step_of_the_cores_needs_a_poll(core):
    trainer = a_trainer()
    X, Y = data()
    how = {
        "loss": trainer.loss,
        "optimizer": trainer.optimizer,
        "batch_size": 8,
        "shuffle": True,
        "seed": 0,
        "epochs": 1,
    }
    with pytest.raises(ValueError, match="poll_each_step is about poll"):
        core.train_epochs(trainer.model.network, trainer.state, X, Y, **how, poll_each_step=True)
    with pytest.raises(TypeError, match="poll_each_step must be True or False"):
        core.train_epochs(trainer.model.network, trainer.state, X, Y, **how, poll=print, poll_each_step=1)


@pytest.mark.parametrize("kind", KINDS)
def test_epochs_that_were_counted_stay_so_when_a_later_step_is_not_finite(core, kind):
    """Both epochs in one call of the core, with a poll after each step that spoils the second one's beginning."""
    trainer = a_trainer(kind, shuffle=False)
    X, Y = data()
    batches = -(-ROWS // KINDS[kind][1])

    def spoil(epoch, done, steps, loss):
        if epoch == 0 and done == steps:
            trainer.model.weights[0][0, 0] = np.inf

    state = trainer.state
    how = {
        "loss": trainer.loss,
        "optimizer": trainer.optimizer,
        "batch_size": KINDS[kind][1],
        "shuffle": False,
        "seed": 0,
    }
    with pytest.raises(FloatingPointError, match="in epoch 1, step 0"):
        core.train_epochs(
            trainer.model.network, state, X, Y, **how, epochs=2, poll=spoil, poll_each_step=True
        )
    assert (state.epoch, state.step, len(state.losses)) == (1, batches, 1)
