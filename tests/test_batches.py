"""Batches from any iterable: the bits of single updates and of a fit on the same rows, and errors that say which batch."""

from __future__ import annotations

import warnings

import chainrule as cr
import numpy as np
import pytest
from batch_cases import CASES, ROWS, SIZE, Loader, a_trainer, bits, counters, cut, data
from hypothesis import given
from hypothesis import strategies as st


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
