"""What ends a fit on batches, what callbacks and progress see of it, and that it goes on from there."""

from __future__ import annotations

import sys

import chainrule as cr
import numpy as np
import pytest
from batch_cases import CASES, ROWS, SIZE, Loader, a_trainer, bits, counters, cut, data
from processes import run_python


@pytest.mark.parametrize("n", [0, 1, 3, 6])
def test_whatever_ends_an_epoch_the_iterator_is_closed_and_what_was_trained_stays(backend, n):
    X, y = data()
    batches, single = cut(X, y), a_trainer()
    for batch in batches[:n]:
        single.train_on_batch(*batch)

    class Ends(cr.Callback):
        def on_batch_end(self, fit):
            if fit.batch == n:
                raise KeyboardInterrupt

    def fails(epoch):
        yield from batches[:n]
        raise OSError("the line is dead")

    wrong = [*batches[:n], (X[:3, :3], y[:3]), *batches]
    for error, source, callbacks in (
        (KeyboardInterrupt if n else None, batches, [Ends()]),
        (OSError, fails, []),
        (ValueError, wrong, []),
    ):
        if error is None:
            continue
        loader = Loader(source) if isinstance(source, list) else source
        trainer = a_trainer()
        with pytest.raises(error) as caught:
            trainer.fit_batches(loader, epochs=2, callbacks=callbacks)
        assert (bits(trainer), counters(trainer)) == (bits(single), (0, n))
        ended = {KeyboardInterrupt: "interrupted"}.get(error, "error")
        assert trainer.history.stopped_because == (ended if n else None)
        if source is wrong:
            text = str(caught.value)
            assert text == f"epoch 0, batch {n}: X has 3 features, but this MLP expects 4"
        if isinstance(loader, Loader):
            assert (loader.open, loader.opened) == (0, 1)
        trainer.fit_batches(batches)  # and goes on


def test_an_epoch_without_batches_ends_the_fit_after_those_that_had_some(backend):
    X, y = data()
    trainer = a_trainer()
    with pytest.raises(ValueError, match="none in epoch 1"):
        trainer.fit_batches(lambda epoch: cut(X, y) if epoch == 0 else [], epochs=3)
    assert (counters(trainer), trainer.history.stopped_because) == ((1, 7), "error")


def test_early_stopping_and_tolerance_end_it_as_they_end_a_fit(backend):
    X, y = data()
    held_out = data(rows=20)
    for how in (
        {"early_stopping": cr.EarlyStopping(patience=2, min_delta=0.05), "validation_data": held_out},
        {"tolerance": 0.05, "tolerance_epochs": 2},
        {"target_loss": 0.9},
    ):
        fitted, streamed = a_trainer(), a_trainer()
        expected = fitted.fit(X, y, epochs=60, **how)
        found = streamed.fit_batches(cut(X, y), epochs=60, **how)
        assert found.stopped_because == expected.stopped_because != "epochs"
        assert (bits(fitted), counters(fitted)) == (bits(streamed), counters(streamed))
        assert found.best_epoch == expected.best_epoch


class Log(cr.Callback):
    def __init__(self, stop_at=None):
        self.events, self.stop_at = [], stop_at

    def note(self, name, fit):
        self.events.append((name, *counters(fit.trainer), fit.batch))
        if self.stop_at == len(self.events):
            fit.stop()

    def on_fit_begin(self, fit):
        self.note("fit begin", fit)

    def on_epoch_begin(self, fit):
        self.note("epoch begin", fit)

    def on_batch_end(self, fit):
        assert np.isfinite(fit.loss)
        self.batches = fit.batches
        self.note("batch end", fit)

    def on_epoch_end(self, fit):
        self.note("epoch end", fit)


@pytest.mark.parametrize("known", [True, False])
def test_callbacks_are_called_as_in_a_fit_and_may_end_it_at_any_event(backend, known):
    X, y = data()
    batches = cut(X, y)
    given = batches if known else Loader(batches)
    whole, expected = Log(), Log()
    a_trainer().fit(X, y, epochs=2, callbacks=[expected])
    a_trainer().fit_batches(given, epochs=2, callbacks=[whole])
    assert whole.events == expected.events
    assert whole.batches == (7 if known else None)
    for n in range(1, len(whole.events)):
        log, trainer, fitted = Log(stop_at=n), a_trainer(), a_trainer()
        history = trainer.fit_batches(given, epochs=2, callbacks=[log])
        fitted.fit(X, y, epochs=2, callbacks=[Log(stop_at=n)])
        assert history.stopped_because == "callback"
        assert (bits(trainer), counters(trainer)) == (bits(fitted), counters(fitted))


def test_training_from_within_a_batch_or_from_what_gives_them_is_refused(backend):
    X, y = data()

    class Trains(cr.Callback):
        def on_batch_end(self, fit):
            with pytest.raises(RuntimeError, match="being trained by another call"):
                fit.trainer.train_on_batch(X, y)

    trainer = a_trainer()

    def batches(epoch):
        for batch in cut(X, y):
            with pytest.raises(RuntimeError, match="being trained by another call"):
                trainer.train_on_batch(X, y)
            trainer.model.predict(X)
            yield batch

    trainer.fit_batches(batches, callbacks=[Trains()])
    assert counters(trainer) == (1, 7)


@pytest.mark.parametrize("last", [False, True])
def test_a_time_budget_ends_it_between_two_batches(backend, monkeypatch, last):
    X, y = data()
    times = iter([0.0] + [0.1] * (6 if last else 2) + [5.0] * 30)
    monkeypatch.setattr("chainrule._watching.monotonic", lambda: next(times))
    trainer = a_trainer()
    history = trainer.fit_batches(Loader(cut(X, y)), epochs=3, time_budget=1.0)
    assert history.stopped_because == "time_budget"
    assert counters(trainer) == ((1, 7) if last else (0, 3))


def test_what_is_not_finite_is_named_by_epoch_and_step(backend):
    X, y = data("float64")
    trainer, single = a_trainer(dtype="float64"), a_trainer(dtype="float64")
    batches = cut(X, y)
    for batch in [*batches, *batches[:2]]:
        single.train_on_batch(*batch)
    spoiled = [*batches[:2], (np.full((SIZE, 4), 1.7e308), batches[2][1])]
    with pytest.raises(FloatingPointError, match="in epoch 1, step 2: ") as error:
        trainer.fit_batches(lambda epoch: spoiled if epoch else batches, epochs=2)
    assert "the parameters are those before this step" in str(error.value)
    assert (bits(trainer), counters(trainer)) == (bits(single), (1, 9))
    assert trainer.history.stopped_because == "not_finite"


@pytest.mark.parametrize("case", CASES)
def test_a_run_goes_on_from_its_file_to_the_same_bits(backend, case, tmp_path):
    X, y = data()

    def batches(epoch):
        order = cr.reference.permutation(ROWS, seed=9, epoch=epoch)
        return cut(X[order], y[order])

    whole, path = a_trainer(case), tmp_path / "some.run"
    whole.fit_batches(batches, epochs=5)
    a_trainer(case).fit_batches(batches, epochs=2, checkpoint=path)
    resumed = cr.Trainer.resume(path)
    resumed.fit_batches(batches, epochs=3, checkpoint=path)
    assert (bits(resumed), counters(resumed)) == (bits(whole), counters(whole))
    assert resumed.history.loss == whole.history.loss
    with cr.Checkpoints(path) as run:
        assert run.epochs[-1] == 5


class Terminal:
    """A stream that says it is a terminal."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text

    def isatty(self):
        return True


def test_a_bar_stays_at_whole_epochs_where_nobody_knows_the_number_of_batches(monkeypatch):
    from chainrule._progress_bar import ProgressBar

    class Bar:
        def __init__(self, **options):
            self.n = None

        def set_postfix_str(self, text, refresh):
            self.text = text

        def refresh(self):
            pass

    monkeypatch.setattr("chainrule._progress_bar.INTERVAL", 0.0)
    bar = ProgressBar(Bar, 3, lambda: 0)
    bar.poll(0, 3, 0, 0.5)
    assert (bar._bar.n, bar._bar.text) == (0.0, "loss 0.5")
    bar.poll(0, 3, 4, 0.25)
    assert (bar._bar.n, bar._bar.text) == (0.75, "loss 0.25")


def test_progress_counts_rows_where_nobody_knows_their_number_beforehand(backend, monkeypatch):
    monkeypatch.setattr("chainrule.progress.INTERVAL", 0.0)
    for source, first in ((Loader(cut(*data())), "batch 1  loss"), (cut(*data()), "epoch 1/2  loss")):
        stream = Terminal()
        a_trainer().fit_batches(source, epochs=2, progress=stream)
        assert first in stream.text
        assert "rows/s  ETA" in stream.text
        assert stream.text.rstrip().splitlines()[-1].startswith("epoch 2/2  loss")


CTRL_C = """
import os, random, signal, threading, time
import chainrule as cr
from batch_cases import a_trainer, bits, cut, data
signal.signal(signal.SIGINT, signal.default_int_handler)
cr.set_backend("NAME")
batches = cut(*data(rows=400))

def trained():
    trainer = a_trainer("dropout, noise, Nesterov, decay")
    try:
        trainer.fit_batches(batches, epochs=8)
    except KeyboardInterrupt:
        return trainer, True
    return trainer, False

single = a_trainer("dropout, noise, Nesterov, decay")
states = [bits(single)]
for _ in range(8):
    for batch in batches:
        single.train_on_batch(*batch)
        states.append(bits(single))
started = time.monotonic()
assert bits(trained()[0]) == states[-1]
length, moments, interrupted = time.monotonic() - started, random.Random(0), 0
for _ in range(40):
    timer = threading.Timer(moments.uniform(0, length), lambda: os.kill(os.getpid(), signal.SIGINT))
    try:
        timer.start()
        try:
            trainer, was = trained()
        finally:
            timer.cancel()
            timer.join()
    except KeyboardInterrupt:
        continue
    interrupted += was
    assert bits(trainer) == states[trainer.step], trainer.step
    assert trainer.epoch == len(trainer.history) and trainer.step - 50 * trainer.epoch in range(51)
    trainer.fit_batches(batches)
print(interrupted > 5)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_ctrl_c_at_any_moment_leaves_the_state_between_two_batches(backend):
    assert run_python(CTRL_C.replace("NAME", backend)).split() == ["True"]
