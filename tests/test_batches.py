"""Batches from any iterable: the bits of single updates and of a fit on the same rows, and errors that say which batch."""

from __future__ import annotations

import warnings

import chainrule as cr
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

ROWS, SIZE = 50, 8
CASES = {
    "momentum": ({}, cr.SGD(0.05, momentum=0.9)),
    "dropout, noise, Nesterov, decay": (
        {"dropout": 0.3, "input_dropout": 0.1, "input_noise": 0.05},
        cr.SGD(0.05, momentum=0.9, nesterov=True, weight_decay=1e-3),
    ),
    "Adam, one-cycle": ({"dropout": 0.2}, cr.Adam(cr.schedules.OneCycle(0.02, 21))),
    "RMSprop, on a plateau": ({}, cr.RMSprop(cr.schedules.ReduceOnPlateau(0.01, monitor="loss", patience=0))),
    "AdamW, clipped": ({"bias": "layer"}, cr.AdamW(0.01, clip_norm=0.5)),
    "Adagrad": ({"bias": None}, cr.Adagrad(0.05, l1=1e-4)),
}


def data(dtype="float32", rows=ROWS):
    rng = np.random.default_rng(2)
    X = rng.normal(size=(rows, 4)).astype(dtype)
    return X, (X @ rng.normal(size=(4, 3)).astype(dtype)).argmax(axis=1)


def cut(X, y, weight=None, size=SIZE):
    arrays = (X, y) if weight is None else (X, y, weight)
    return [tuple(array[i : i + size] for array in arrays) for i in range(0, len(X), size)]


def a_trainer(case="momentum", dtype="float32", **options):
    about, optimizer = CASES[case]
    model = cr.MLP([4, 9, 3], output_activation="softmax", dtype=dtype, seed=1, **about)
    how = {"batch_size": SIZE, "shuffle": False, "seed": 5, "optimizer": optimizer, **options}
    return cr.Trainer(model, loss="cross_entropy", **how)


def bits(trainer):
    state = trainer.state
    lists = (state.weights, state.biases, state.weight_velocity, state.bias_velocity, state.weight_square)
    return [array.tobytes() for arrays in lists for array in arrays]


def counters(trainer):
    return trainer.epoch, trainer.step


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_batches_have_the_bits_of_a_fit_and_of_single_updates(backend, dtype, case, weighted):
    X, y = data(dtype)
    weight = np.random.default_rng(3).uniform(0.1, 2, ROWS) if weighted else None
    fitted, streamed, single = (a_trainer(case, dtype) for _ in range(3))
    batches = cut(X, y, weight)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cr.DtypeConversionWarning)
        history = fitted.fit(X, y, sample_weight=weight, epochs=3)
        found = streamed.fit_batches(batches, epochs=3)
        if "plateau" not in case:  # which looks at epochs, and single updates have none
            for _ in range(3):
                for batch in batches:
                    single.train_on_batch(*batch)
            assert bits(single) == bits(streamed)
    assert bits(fitted) == bits(streamed)
    assert counters(fitted) == counters(streamed) == (3, 21)
    assert fitted.learning_rate == streamed.learning_rate
    np.testing.assert_allclose(found.loss, history.loss, rtol=1e-13)  # each mean is rounded once more
    assert found.stopped_because == "epochs"


@pytest.mark.parametrize("n_threads", [1, 3])
def test_threads_do_not_change_what_batches_give(native, oversubscribed, n_threads):
    X, y = data()
    one, other = a_trainer(), a_trainer(n_threads=n_threads)
    one.fit(X, y, epochs=2)
    with cr.backend("native"):
        other.fit_batches(cut(X, y), epochs=2)
    assert bits(one) == bits(other)


class Loader:
    """Can be iterated again, and closes what it opened."""

    def __init__(self, batches):
        self.batches, self.open, self.opened = batches, 0, 0

    def __iter__(self):
        self.open += 1
        self.opened += 1
        try:
            for batch in self.batches:
                yield list(batch)
        finally:
            self.open -= 1


def test_an_object_a_function_of_the_epoch_and_a_generator_are_taken(backend):
    X, y = data()
    batches = cut(X, y)
    expected, asked = a_trainer(), []
    expected.fit_batches(batches, epochs=2)

    def of(epoch):
        asked.append(epoch)
        return iter(batches)

    loader = Loader(batches)
    for source in (loader, of, tuple(batches)):
        trainer = a_trainer()
        trainer.fit_batches(source)
        trainer.fit_batches(source)
        assert bits(trainer) == bits(expected)
    assert (loader.open, loader.opened, asked) == (0, 2, [0, 1])
    trainer = a_trainer()
    for _ in range(2):
        trainer.fit_batches(batch for batch in batches)
    assert bits(trainer) == bits(expected)


def test_a_generator_is_not_enough_for_several_epochs_and_is_left_as_it_is(backend):
    X, y = data()
    trainer = a_trainer()
    before, generator = bits(trainer), iter(cut(X, y))
    with pytest.raises(
        ValueError, match="which can be read once, but epochs is 2; give what can be iterated"
    ):
        trainer.fit_batches(generator, epochs=2)
    assert (bits(trainer), counters(trainer)) == (before, (0, 0))
    assert len(list(generator)) == -(-ROWS // SIZE)


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


@pytest.mark.parametrize(
    ("item", "kind", "text"),
    [
        (3, TypeError, "must be .X, y. or .X, y, sample_weight., but it is 3"),
        (np.zeros((2, 4)), TypeError, "must be .X, y. or .X, y, sample_weight., but it is an array of shape"),
        ((1,), ValueError, "must be .X, y. or .X, y, sample_weight., but it has 1 entries"),
        ((1, 2, 3, 4), ValueError, "but it has 4 entries"),
        (([[1.0, 2, 3, np.nan]], [0]), ValueError, r"X\[0, 3\] is nan"),
        (([[1.0, 2, 3, "a"]], [0]), TypeError, "X must hold real numbers"),
        (([[1.0, 2, 3, 4]], [0, 1]), ValueError, "y has 2 rows, but the inputs have 1"),
        (([[1.0, 2, 3, 4]], [3]), ValueError, r"y\[0\] is 3"),
        (([[1.0, 2, 3, 4]], [0.5]), TypeError, "y must hold class labels as integers"),
        (([[1.0, 2, 3, 4]], [0], [-1.0]), ValueError, "sample_weight must be 0 or from"),
        ((np.empty((0, 4)), np.empty(0, int)), ValueError, "at least one row"),
    ],
)
def test_a_batch_that_does_not_fit_is_named_and_costs_nothing(backend, item, kind, text):
    X, y = data()
    trainer, single = a_trainer(), a_trainer()
    single.train_on_batch(*cut(X, y)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cr.DtypeConversionWarning)
        with pytest.raises(kind, match=f"epoch 0, batch 1: .*{text}"):
            trainer.fit_batches([cut(X, y)[0], item])
    assert (bits(trainer), counters(trainer)) == (bits(single), (0, 1))


@pytest.mark.parametrize(
    ("batches", "kind", "text"),
    [
        ([], ValueError, "batches has none in epoch 0; each epoch needs at least one"),
        (lambda epoch: (), ValueError, "batches has none in epoch 0"),
        (lambda epoch: 7, TypeError, r"batches\(0\) must be an iterable of .*, but it is 7"),
        (None, TypeError, "batches must be an iterable of .*, or a function of the epoch .*, but it is None"),
        ("rows.csv", TypeError, "batches must be an iterable of .*but it is 'rows.csv'"),
        (Loader, TypeError, "batches is the class Loader; give an object of it"),
    ],
)
def test_what_gives_no_batches_is_refused(backend, batches, kind, text):
    trainer = a_trainer()
    before = bits(trainer)
    with pytest.raises(kind, match=text):
        trainer.fit_batches(batches, epochs=2)
    assert (bits(trainer), counters(trainer), trainer.history.stopped_because) == (before, (0, 0), None)


def test_an_epoch_without_batches_ends_the_fit_after_those_that_had_some(backend):
    X, y = data()
    trainer = a_trainer()
    with pytest.raises(ValueError, match="none in epoch 1"):
        trainer.fit_batches(lambda epoch: cut(X, y) if epoch == 0 else [], epochs=3)
    assert (counters(trainer), trainer.history.stopped_because) == ((1, 7), "error")


@pytest.mark.parametrize("optimizer", [cr.RPROP(), cr.LBFGS(), cr.LevenbergMarquardt()])
def test_optimizers_that_take_all_rows_at_once_are_refused(backend, optimizer):
    trainer = a_trainer()
    trainer.optimizer = optimizer
    before, loader = bits(trainer), Loader(cut(*data()))
    with pytest.raises(
        ValueError, match=f"{type(optimizer).__name__} takes all rows at once, but fit_batches"
    ):
        trainer.fit_batches(loader)
    assert (bits(trainer), loader.opened) == (before, 0)

    class Changes(cr.Callback):
        def on_batch_end(self, fit):
            fit.trainer.optimizer = optimizer

    trainer = a_trainer()
    with pytest.raises(ValueError, match="takes all rows at once"):
        trainer.fit_batches(loader, callbacks=[Changes()])
    assert (counters(trainer), loader.open) == ((0, 1), 0)


def test_metrics_are_measured_on_validation_data_and_on_nothing_else(backend):
    X, y = data()
    batches, trainer = cut(X, y), a_trainer()
    with pytest.raises(ValueError, match="metrics are measured on validation_data, which is not given"):
        trainer.fit_batches(batches, metrics=["accuracy"])
    monitor = cr.EarlyStopping(monitor="accuracy")
    with pytest.raises(ValueError, match="monitor validation_accuracy"):
        trainer.fit_batches(batches, metrics=["accuracy"], validation_data=(X, y), early_stopping=monitor)
    with pytest.raises(ValueError, match="there are no validation data"):
        trainer.fit_batches(batches, early_stopping=cr.EarlyStopping())
    assert counters(trainer) == (0, 0)
    history = trainer.fit_batches(batches, epochs=2, metrics=["accuracy"], validation_data=(X, y))
    expected = trainer.evaluate(X, y, metrics=["accuracy"])
    assert history.validation_loss[-1] == expected["loss"]
    assert history.validation_metrics["accuracy"][-1] == expected["accuracy"]
    assert not history.metrics


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


def test_a_batch_may_have_nothing_to_learn_from_as_rows_of_a_fit_may(backend):
    X, _ = data()
    Y = np.random.default_rng(4).normal(size=(ROWS, 3)).astype("float32")
    Y[8:16] = np.nan
    weight = np.ones(ROWS, "float32")
    weight[16:24] = 0
    trainers = []
    for _ in range(2):
        model = cr.MLP([4, 9, 3], seed=1)
        trainers.append(
            cr.Trainer(
                model, loss="mean_squared_error", batch_size=SIZE, shuffle=False, optimizer=cr.SGD(0.1)
            )
        )
    expected = trainers[0].fit(X, Y, sample_weight=weight, epochs=2)
    found = trainers[1].fit_batches(cut(X, Y, weight), epochs=2)
    assert bits(trainers[0]) == bits(trainers[1])
    np.testing.assert_allclose(found.loss, expected.loss, rtol=1e-13)


@given(st.lists(st.integers(1, 20), min_size=1, max_size=8))
def test_batches_of_any_sizes_are_single_updates_in_their_order(sizes):
    X, y = data(rows=sum(sizes))
    ends = np.cumsum(sizes)
    batches = [(X[end - n : end], y[end - n : end]) for n, end in zip(sizes, ends, strict=True)]
    streamed, single = a_trainer(), a_trainer()
    history = streamed.fit_batches(batches)
    losses = [single.train_on_batch(*batch) for batch in batches]
    assert bits(streamed) == bits(single)
    np.testing.assert_allclose(history.loss, [np.average(losses, weights=sizes)], rtol=1e-12)


def test_no_epochs_change_nothing_and_read_nothing(backend):
    trainer, loader = a_trainer(), Loader(cut(*data()))
    before = bits(trainer)
    assert len(trainer.fit_batches(loader, epochs=0)) == 0
    assert (bits(trainer), loader.opened) == (before, 0)


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
