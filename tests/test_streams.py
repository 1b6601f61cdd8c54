"""Streams of files: each row once an epoch, in an order that is a function of seed and epoch, in batches of one size."""

from __future__ import annotations

import pickle
import sys
import tempfile
from pathlib import Path

import chainrule as cr
import numpy as np
import pytest
from chainrule.streams._order import order_in_window, order_of_windows
from hypothesis import given
from hypothesis import strategies as st
from stream_cases import KINDS, STREAMS, a_stream, rows, write


@pytest.fixture(params=KINDS)
def kind(request):
    """Each kind of file."""
    return request.param


def order(batches):
    """Return the numbers of the rows, as they come."""
    return [int(number) for X, y in batches for number in X[:, 0]]


@pytest.mark.parametrize("kind", KINDS)
@given(st.integers(1, 60), st.integers(1, 25), st.integers(1, 25), st.booleans())
def test_every_row_comes_once_an_epoch_in_batches_of_the_size_that_was_asked_for(
    kind, n, window, batch, shuffle
):
    X, y = rows(n)
    with tempfile.TemporaryDirectory() as folder:
        stream = a_stream(kind, Path(folder), X, y, batch_size=batch, window=window, shuffle=shuffle)
        epochs = [list(stream(epoch)) for epoch in (0, 1, 0)]
        in_order = list(stream)
    for batches in [*epochs, in_order]:
        sizes = [len(one) for one, _ in batches]
        assert sizes == [batch] * (n // batch) + [n % batch] * (n % batch > 0)
        assert sorted(order(batches)) == list(range(n))
        for one, target in batches:
            assert one.flags.c_contiguous
            assert one.dtype == target.dtype == np.float32
            assert one.tobytes() == X[one[:, 0].astype(int)].tobytes()
            assert np.array_equal(target, 2 * one[:, 0])
    assert order(epochs[0]) == order(epochs[2])
    assert order(in_order) == list(range(n))
    if not shuffle:
        assert order(epochs[0]) == order(epochs[1]) == list(range(n))


def test_the_order_is_that_of_random_words_of_seed_epoch_and_window(core, kind, tmp_path):
    n, window = 50, 12
    X, y = rows(n)
    with cr.backend(core.__name__.split(".")[-1]):
        stream = a_stream(kind, tmp_path, X, y, batch_size=5, window=window, seed=7)
        seen = [order(stream(epoch)) for epoch in (0, 1, 2**32 - 1)]
    for epoch, found in zip((0, 1, 2**32 - 1), seen, strict=True):
        windows = range(5) if kind != "npy" else np.argsort(
            cr.reference.random_words(5, seed=7, stream=7 << 24, step=epoch), kind="stable"
        )  # fmt: skip
        expected = []
        for w in windows:
            size = min(window, n - w * window)
            words = cr.reference.random_words(size, seed=7, stream=6 << 24, step=epoch * 2**32 + int(w))
            expected += (w * window + np.argsort(words, kind="stable")).tolist()
        assert found == expected
    assert len({tuple(found) for found in seen}) == 3


def test_epochs_seeds_and_windows_have_orders_of_their_own(kind, tmp_path):
    X, y = rows(200)
    orders = {
        tuple(order(a_stream(kind, tmp_path, X, y, window=40, seed=seed)(epoch)))
        for seed in (0, 1, 2**64 - 1)
        for epoch in range(4)
    }
    assert len(orders) == 12
    within = {tuple(order_in_window(40, 0, 3, window)) for window in range(20)}
    assert len(within) == 20
    assert not np.array_equal(order_of_windows(40, 0, 3), order_in_window(40, 0, 3, 0))


def test_a_shuffled_order_is_a_mixture_and_stays_within_its_window(tmp_path):
    X, y = rows(3000)
    found = np.array(order(a_stream("csv", tmp_path, X, y, window=1000)(0))).reshape(3, 1000)
    for w, window in enumerate(found):
        assert set(window // 1000) == {w}
        assert abs(np.corrcoef(window, np.arange(1000))[0, 1]) < 0.1


def a_trainer(seed=0, **options):
    model = cr.MLP([3, 6, 1], activation="tanh", dropout=0.1, seed=seed)
    return cr.Trainer(model, loss="mean_squared_error", optimizer=cr.Adam(0.01), **options)


def bits(trainer):
    return [array.tobytes() for array in (*trainer.model.weights, *trainer.model.biases)]


def test_training_on_a_file_is_training_on_its_batches_and_goes_on_to_the_same_bits(backend, kind, tmp_path):
    X, y = rows(70)
    stream = a_stream(kind, tmp_path, X, y, batch_size=8, window=20)
    whole, single = a_trainer(), a_trainer()
    whole.fit_batches(stream, epochs=4)
    for epoch in range(4):
        for batch in stream(epoch):
            single.train_on_batch(*batch)
    a_trainer().fit_batches(stream, epochs=1, checkpoint=tmp_path / "some.run")
    resumed = cr.Trainer.resume(tmp_path / "some.run")
    resumed.fit_batches(pickle.loads(pickle.dumps(stream)), epochs=3, checkpoint=tmp_path / "some.run")
    assert bits(whole) == bits(single) == bits(resumed)
    assert (whole.epoch, whole.step) == (resumed.epoch, resumed.step) == (4, 36)


def test_unshuffled_rows_of_a_file_have_the_bits_of_a_fit_in_memory(backend, kind, tmp_path):
    X, y = rows(70)
    streamed, fitted = a_trainer(), a_trainer(batch_size=8, shuffle=False)
    streamed.fit_batches(a_stream(kind, tmp_path, X, y, batch_size=8, window=20, shuffle=False), epochs=2)
    fitted.fit(X, y, epochs=2)
    assert bits(streamed) == bits(fitted)


def test_prediction_of_a_file_is_a_loop(backend, kind, tmp_path):
    X, y = rows(70)
    model = cr.MLP([3, 6, 2], seed=0)
    paths, _ = write(kind, tmp_path, X, y)
    without = {} if kind == "npy" else {"ignore": ["y"]}
    stream = STREAMS[kind](*paths[:1], batch_size=9, **without)
    found = np.concatenate([model.predict(X) for X in stream])
    np.testing.assert_allclose(found, model.predict(X), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="has no target to learn from; iterate over it"):
        stream(0)
    both = np.concatenate([model.predict(X) for X, y in a_stream(kind, tmp_path, X, y, batch_size=9)])
    assert both.tobytes() == found.tobytes()


def test_a_scaler_or_a_function_is_applied_to_each_window(kind, tmp_path):
    from chainrule.preprocessing import StandardScaler

    X, y = rows(70)
    scaler = StandardScaler().fit(X)
    stream = a_stream(kind, tmp_path, X, y, window=16, transform=scaler, shuffle=False, batch_size=70)
    ((found, _),) = stream
    assert found.tobytes() == scaler.transform(X).tobytes()
    assert stream.n_features == 3
    wide = a_stream(
        kind, tmp_path, X, y, window=16, transform=lambda X: np.hstack([X, X[:, :1] ** 2]), dtype="float64"
    )
    assert {batch[0].shape[1] for batch in wide(0)} == {4}
    assert {batch[0].dtype.name for batch in wide(0)} == {"float64"}
    with pytest.raises(TypeError, match="transform must be a function of X, or have a method transform"):
        a_stream(kind, tmp_path, X, y, transform=3)
    for bad, text in (
        (lambda X: X[:-1], "of as many rows"),
        (lambda X: X[:, 0], "of as many rows"),
        (lambda X: X / 0, "transform made column 0 of row"),
    ):
        stream = a_stream(kind, tmp_path, X, y, transform=bad, shuffle=False)
        with np.errstate(all="ignore"), pytest.raises(ValueError, match=text):
            list(stream(0))


def test_streams_say_what_they_are(kind, tmp_path):
    X, y = rows(70)
    stream = a_stream(kind, tmp_path, X, y, batch_size=8, window=20, seed=3)
    assert stream.n_features == 3
    assert "batch_size=8, window=20, shuffle=True, seed=3)" in repr(stream)
    if kind != "csv":
        assert (len(stream), stream.n_rows) == (9, 70)
    if kind != "npy":
        assert stream.feature_names == ["x0", "x1", "x2"]


@pytest.mark.parametrize(
    ("change", "kind_of_error", "text"),
    [
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, but it is 0"),
        ({"batch_size": 1.5}, TypeError, "batch_size must be an int"),
        ({"window": 0}, ValueError, "window must be from 1 to"),
        ({"shuffle": 1}, TypeError, "shuffle must be True or False"),
        ({"seed": -1}, ValueError, "seed must be from 0 to"),
        ({"dtype": "float16"}, ValueError, "dtype must be float32 or float64"),
    ],
)
def test_settings_that_do_not_fit_are_refused_by_name(kind, tmp_path, change, kind_of_error, text):
    X, y = rows(9)
    with pytest.raises(kind_of_error, match=text):
        a_stream(kind, tmp_path, X, y, **change)
    stream = a_stream(kind, tmp_path, X, y)
    for epoch, error in ((-1, ValueError), (2**32, ValueError), (0.0, TypeError)):
        with pytest.raises(error, match="epoch must be"):
            stream(epoch)


@pytest.mark.parametrize("stored", ["float64", ">f4", "float16", "uint8", "int64", "bool", ">i2"])
@pytest.mark.parametrize("layout", ["C", "F"])
def test_arrays_of_any_numbers_and_layout_are_read(tmp_path, stored, layout):
    X, y = rows(60)
    X = np.asarray(np.abs(X) % 7, order=layout).astype(stored, order=layout)
    labels = (y.astype(int) % 5).astype(">i4")
    stream = a_stream("npy", tmp_path, X, labels, window=13, shuffle=False)
    assert stream.dtype == ("float64" if stored == "float64" else "float32")
    found, target = (np.concatenate(arrays) for arrays in zip(*stream, strict=True))
    assert found.dtype == stream.dtype
    assert np.array_equal(found, X.astype(stream.dtype))
    assert target.dtype == np.int32
    assert np.array_equal(target, labels)
    stream = a_stream("npy", tmp_path, X, np.stack([y, y], axis=1).astype("float64"), dtype="float32")
    assert {(batch[1].shape[1], batch[1].dtype.name) for batch in stream(0)} == {(2, "float32")}


def test_a_csv_file_may_have_quotes_spaces_classes_labels_and_several_targets(tmp_path):
    path = tmp_path / "flowers.csv"
    path.write_text(
        'id,"petal, cm", width ,kind,label,a,b\n'
        '7,"1.5", 2e0 ,"rose, red",1,0.5,-1\n'
        "\n"
        '8,2.5,3,tulip,0,1.5,"-2"\n'
        '9,"-.5",+4,"rose, red",+1,2.5,-3\n',
        encoding="utf-8-sig",
    )
    how = {"features": ["width", "petal, cm"], "shuffle": False, "window": 2}
    CsvStream = cr.streams.CsvStream
    ((X, y),) = CsvStream(path, target="kind", classes=["tulip", "rose, red"], **how)
    assert X.tolist() == [[2, 1.5], [3, 2.5], [4, -0.5]]
    assert (y.tolist(), y.dtype.name) == ([1, 0, 1], "int64")
    ((_, y),) = CsvStream(path, target="label", labels=True, **how)
    assert (y.tolist(), y.dtype.name) == ([1, 0, 1], "int64")
    ((_, y),) = CsvStream(path, target=["b", "a"], dtype="float64", **how)
    assert (y.tolist(), y.dtype.name) == ([[-1, 0.5], [-2, 1.5], [-3, 2.5]], "float64")
    ((X, y),) = CsvStream(path, target="a", ignore=["id", "kind", "label", "b"], shuffle=False)
    assert (X.shape, y.tolist(), y.dtype.name) == ((3, 2), [0.5, 1.5, 2.5], "float32")
    path.write_text("a;y\n1;2\n", encoding="utf-8")
    ((X, y),) = CsvStream(path, target="y", delimiter=";")
    assert (X.tolist(), y.tolist()) == ([[1]], [2])


def test_a_parquet_file_may_have_classes_integers_bools_gaps_in_the_target_and_several_targets(tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path, ParquetStream = tmp_path / "rows.parquet", cr.streams.ParquetStream
    columns = {
        "a": pa.array([1, 2, 3], pa.int8()),
        "b": pa.array([True, False, True]),
        "c": pa.array([0.5, 1.5, 2.5], pa.float32()),
        "text": pa.array(["x", "y", "x"]),
        "coded": pa.array(["y", "x", "x"]).dictionary_encode(),
        "label": pa.array([2, 0, 1], pa.uint16()),
        "gap": pa.array([1.0, np.nan, 2.0]),
    }
    pq.write_table(pa.table(columns), path)
    how = {"features": ["c", "a", "b"], "shuffle": False, "window": 2}
    for target, expected in (("text", [0, 1, 0]), ("coded", [1, 0, 0])):
        stream = ParquetStream(path, target=target, classes=["x", "y"], **how)
        ((X, y),) = stream
        assert X.tolist() == [[0.5, 1, 1], [1.5, 2, 0], [2.5, 3, 1]]
        assert (X.dtype.name, y.dtype.name, y.tolist()) == ("float32", "int64", expected)
    ((_, y),) = ParquetStream(path, target="label", **how)
    assert (y.dtype.name, y.tolist()) == ("int64", [2, 0, 1])
    ((_, y),) = ParquetStream(path, target=["gap", "label"], **how)
    np.testing.assert_array_equal(y, np.array([[1, 2], [np.nan, 0], [2, 1]], "float32"))
    stream = ParquetStream(path, features=["c", "gap"])
    assert stream.dtype == "float64"


def test_parquet_without_pyarrow_says_what_to_install(monkeypatch, tmp_path):
    (tmp_path / "rows.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r'pip install "chainrule\[parquet\]"'):
        cr.streams.ParquetStream(tmp_path / "rows.parquet")
