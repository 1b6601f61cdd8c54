"""What reviewers of the streams and of training on batches found, mended: changes unseen, numbers wrapped, texts that mislead."""

from __future__ import annotations

import gzip
import os
import re

import chainrule as cr
import numpy as np
import pytest
from chainrule.streams import CsvStream, NpyStream, ParquetStream
from stream_cases import KINDS, a_stream, rows

CHANGED = "has changed since the stream was made; make a new one"


@pytest.fixture(params=KINDS)
def kind(request):
    """Each kind of file."""
    return request.param


def csv(folder, text):
    (folder / "rows.csv").write_text(text, encoding="utf-8")
    return folder / "rows.csv"


def parquet(folder, columns):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pq.write_table(
        pa.table({name: pa.array(*column) for name, column in columns.items()}), folder / "p.parquet"
    )
    return folder / "p.parquet"


@pytest.mark.parametrize("window", [300_000, 50_000])
def test_a_csv_file_cut_at_the_end_of_a_line_while_its_last_window_is_read_is_an_error(
    tmp_path, monkeypatch, window
):
    path = csv(tmp_path, "a,y\n" + "1,2\n" * 200_000)
    stream = CsvStream(path, target="y", window=window, batch_size=10_000)
    records = cr.streams._csv.records

    def cutting(*arguments):
        for n, record in enumerate(records(*arguments)):
            if n == 60_000:
                os.truncate(path, 4 * 100_001)  # of 50,000 rows, two windows to the row
            yield record

    monkeypatch.setattr(cr.streams._csv, "records", cutting)
    with pytest.raises(ValueError, match=CHANGED):
        list(stream(0))


@pytest.mark.parametrize("n", [20, 24])
def test_a_file_that_changes_while_its_last_window_is_read_gives_none_of_its_rows(tmp_path, kind, n):
    X, y = rows(n)
    path = tmp_path / {"npy": "y.npy", "csv": "rows.csv", "parquet": "rows.parquet"}[kind]
    seen, windows = [], []

    def transform(X):  # called when X of the window was read; y of a .npy file is read after it
        windows.append(len(X))
        if sum(windows) == n:
            data = path.read_bytes()
            path.write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))
            os.utime(path, ns=(1, 1))
        return X

    stream = a_stream(kind, tmp_path, X, y, batch_size=4, window=8, shuffle=False, transform=transform)
    with pytest.raises(ValueError, match=f"{path.name} {CHANGED}"):
        seen.extend(stream(0))
    assert len(windows) == 3
    assert len(seen) == 4


def test_whatever_is_wrong_with_a_file_that_has_changed_the_error_says_that_it_changed(tmp_path):
    path = csv(tmp_path, "a,y\n" + "1,2\n" * 10)
    stream = CsvStream(path, target="y", window=4, batch_size=2)
    batches = stream(0)
    next(batches)
    path.write_text("a,y\n" + "x,2\n" * 3, encoding="utf-8")
    with pytest.raises(ValueError, match=CHANGED):
        list(batches)


def test_a_whole_number_too_large_for_a_label_is_refused_and_not_wrapped(tmp_path):
    pa = pytest.importorskip("pyarrow")
    path = parquet(tmp_path, {"x": ([1.0, 2, 3],), "y": ([1, 2**63 - 1, 2**63], pa.uint64())})
    stream = ParquetStream(path, target="y", window=2, batch_size=1, shuffle=False)
    batches = stream(0)
    assert [next(batches)[1].tolist() for _ in range(2)] == [[1], [2**63 - 1]]
    with pytest.raises(
        ValueError, match=r'p\.parquet, row 2, column "y" is 9223372036854775808, .*at most 2\^63 - 1'
    ):
        next(batches)
    ((_, y),) = ParquetStream(path, target=["y"])
    assert y[:, 0].max() == np.float32(2**63)


class Text(str):
    """A name that counts how often it is compared."""

    __slots__ = ()
    compared = 0

    def __eq__(self, other):
        Text.compared += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def test_the_work_of_opening_a_wide_file_is_in_proportion_to_its_columns(monkeypatch, tmp_path):
    n = 2000
    names = [f"x{i}" for i in range(n)]
    path = csv(tmp_path, ",".join(names) + "\n" + ",".join("1" * n) + "\n")
    check = cr.streams._csv.check_header
    monkeypatch.setattr(
        cr.streams._csv, "check_header", lambda *args, **how: [Text(x) for x in check(*args, **how)]
    )
    monkeypatch.setattr(Text, "compared", 0)
    given = [Text(name) for name in names]
    stream = CsvStream(path, features=given[10:], target=given[:5], ignore=given[5:10])
    assert stream.n_features == n - 10
    assert CsvStream(path, target=given[:1000], ignore=given[1000:1990]).n_features == 10
    assert Text.compared < 30 * n


def test_a_file_of_fifty_thousand_columns_is_opened_and_read(tmp_path):
    n = 50_000
    names = [f"x{i}" for i in range(n)]
    path = csv(tmp_path, ",".join(names) + "\n" + ",".join("1" * n) + "\n")
    ((X, y),) = CsvStream(path, target=names[:20_000], ignore=names[20_000:40_000])
    assert (X.shape, y.shape) == ((1, 10_000), (1, 20_000))
    with pytest.raises(ValueError, match='column "x49999": columns 50000 and 50001 have the same name'):
        CsvStream(csv(tmp_path, ",".join([*names, names[-1]]) + "\n"))


def npy(folder, shape, version=(1, 0)):
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(116, b" ") + b"\n"
    length = len(text).to_bytes(2 if version == (1, 0) else 4, "little")
    (folder / "X.npy").write_bytes(b"\x93NUMPY" + bytes(version) + length + text + bytes(range(64)))
    return folder / "X.npy"


@pytest.mark.parametrize("shape", ["(-5, 3)", "(True, 3)", "(3, True)", "(-1, -3)", "(2, -1)"])
def test_a_shape_that_is_none_is_refused(tmp_path, shape):
    with pytest.raises(ValueError, match=rf"X\.npy .*shape.* {re.escape(shape)}"):
        NpyStream(npy(tmp_path, shape))


def test_all_versions_of_npy_files_are_read_and_others_are_named(tmp_path):
    for version in ((1, 0), (2, 0), (3, 0)):
        (X,) = NpyStream(npy(tmp_path, "(8, 2)", version))
        assert X.tobytes() == bytes(range(64))
    with pytest.raises(
        ValueError, match=r"X\.npy is no .* it has version 4\.0, but 1\.0, 2\.0 and 3\.0 are read"
    ):
        NpyStream(npy(tmp_path, "(8, 2)", (4, 0)))


def test_a_null_in_a_target_of_floats_is_missing_and_nowhere_else(tmp_path):
    pa = pytest.importorskip("pyarrow")
    path = parquet(
        tmp_path,
        {
            "x": ([1.0, 2, 3, 4],),
            "gap": ([None, 1.5, None, 2.5],),
            "none": ([None] * 4, pa.float32()),
            "label": ([1, None, 2, 3],),
            "flag": ([True, None, False, True],),
        },
    )
    how = {"features": ["x"], "shuffle": False, "window": 3}
    ((_, y),) = ParquetStream(path, target="gap", **how)
    np.testing.assert_array_equal(y, [np.nan, 1.5, np.nan, 2.5])
    ((_, y),) = ParquetStream(path, target=["gap", "none"], **how)
    np.testing.assert_array_equal(y, np.array([[np.nan, 1.5, np.nan, 2.5], [np.nan] * 4]).T)
    for name in ("label", "flag"):
        with pytest.raises(ValueError, match=f'row 1, column "{name}": missing value'):
            list(ParquetStream(path, target=name, **how))
    with pytest.raises(ValueError, match='row 0, column "gap": missing value'):
        list(ParquetStream(path, features=["gap"], target="x"))


def test_an_empty_field_or_nan_in_a_target_of_numbers_is_missing_and_nowhere_else(tmp_path):
    path = csv(tmp_path, "a,y,z\n1,,1\n2,nan,2\n3, NaN ,3\n4,0.5,\n")
    ((X, y),) = CsvStream(path, target="y", ignore=["z"], shuffle=False)
    np.testing.assert_array_equal(y, [np.nan, np.nan, np.nan, 0.5])
    assert X.tolist() == [[1], [2], [3], [4]]
    ((_, y),) = CsvStream(path, target=["z", "y"], shuffle=False)
    np.testing.assert_array_equal(y, [[1, np.nan], [2, np.nan], [3, np.nan], [np.nan, 0.5]])
    for how, text in (
        ({"target": "z", "features": ["y"]}, 'line 2, column "y": missing value'),
        ({"target": "y", "labels": True}, 'line 2, column "y": missing value'),
        ({"target": "y", "classes": ["0", "1"]}, 'line 2, column "y": missing value'),
    ):
        with pytest.raises(ValueError, match=text):
            list(CsvStream(path, **how))
    with pytest.raises(ValueError, match='line 2, column "y": missing value'):
        list(CsvStream(csv(tmp_path, "a,y\n1,?\n"), target="y"))
    with pytest.raises(ValueError, match=r'line 2, column "a": missing value \("-nan"\)'):
        list(CsvStream(csv(tmp_path, "a,y\n-nan,1\n"), target="y"))


def test_rows_whose_targets_are_missing_are_trained_on_as_batches_with_nan_are(backend, tmp_path):
    path = csv(tmp_path, "a,y\n1,2\n2,\n3,4\n")
    streamed, single = (
        cr.Trainer(cr.MLP([1, 1], seed=0), loss="mean_squared_error", optimizer=cr.SGD(0.01))
        for _ in range(2)
    )
    streamed.fit_batches(CsvStream(path, target="y", shuffle=False))
    single.train_on_batch(np.array([[1], [2], [3]], "float32"), np.array([2, np.nan, 4], "float32"))
    assert streamed.model.weights[0].tobytes() == single.model.weights[0].tobytes()


def test_the_index_that_pandas_writes_without_a_name_can_be_left_out(tmp_path):
    path = csv(tmp_path, ",a,y\n0,1,2\n1,3,4\n")
    stream = CsvStream(path, target="y", ignore=[""], shuffle=False)
    ((X, y),) = stream
    assert (stream.feature_names, X.tolist(), y.tolist()) == (["a"], [[1], [3]], [2, 4])
    with pytest.raises(ValueError, match=r'column 1 has no name in the header; ignore=\[""\] leaves it out'):
        CsvStream(path, target="y")
    several = csv(tmp_path, ",a,\n0,1,2\n")
    assert CsvStream(several, ignore=[""]).feature_names == ["a"]
    for how in ({"target": ""}, {"features": [""]}):
        with pytest.raises(ValueError, match="a column without a name can only be left out"):
            CsvStream(several, ignore=[""], **how)
    with pytest.raises(ValueError, match='there is no column ""'):
        CsvStream(csv(tmp_path, "a,y\n1,2\n"), ignore=[""])


def test_the_texts_of_a_csv_stream_speak_of_its_own_arguments(tmp_path):
    path = csv(tmp_path, "a;y\n1;2\n")
    with pytest.raises(ValueError, match='only "a;y"; delimiter= sets what separates columns'):
        CsvStream(path, target="y")
    with pytest.raises(
        TypeError, match=r"target must be the name of a column or a list of names, but it is 5"
    ):
        CsvStream(path, target=5)
    path.write_bytes(gzip.compress(b"a,y\n1,2\n"))
    with pytest.raises(ValueError, match=r"rows\.csv: the file is compressed \(gzip\); unpack it first"):
        CsvStream(path)


def test_a_transform_that_is_a_class_or_gives_a_sparse_matrix_is_named(tmp_path, kind):
    class Sparse:
        def toarray(self):
            raise AssertionError

    X, y = rows(9)
    scaler = cr.preprocessing.StandardScaler
    with pytest.raises(TypeError, match="transform is the class StandardScaler; give an object of it"):
        a_stream(kind, tmp_path, X, y, transform=scaler)
    stream = a_stream(kind, tmp_path, X, y, transform=lambda X: Sparse())
    with pytest.raises(
        TypeError, match=r"^transform returned a sparse matrix .Sparse. for rows 0 to 8 of .*array$"
    ):
        list(stream(0))


def test_a_parquet_file_with_a_name_twice_is_refused(tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.Table.from_arrays([pa.array([1.0])] * 3, names=["a", "b", "a"]), tmp_path / "p.parquet")
    with pytest.raises(ValueError, match=r'p\.parquet: columns 1 and 3 have the same name, "a"'):
        ParquetStream(tmp_path / "p.parquet", target="b")


IDLE = {
    "weights": lambda X, y: (X, y, np.zeros(len(X), "float32")),
    "targets": lambda X, y: (X, np.full_like(y, np.nan)),
    "one or the other": lambda X, y: (
        X,
        np.where(np.arange(len(y)) % 2, np.nan, y).astype("float32"),
        (np.arange(len(y)) % 2).astype("float32"),
    ),
}


@pytest.mark.parametrize("idle", IDLE)
@pytest.mark.parametrize(
    "how", [{}, {"target_loss": 1e-9}, {"early_stopping": cr.EarlyStopping(monitor="loss", patience=3)}]
)
def test_an_epoch_that_counts_nothing_is_an_error_and_no_loss_of_zero(backend, how, idle):
    X, y = rows(16)
    X /= 16
    batches = [(X[:8], y[:8]), (X[8:], y[8:])]

    def trainer():
        return cr.Trainer(
            cr.MLP([3, 1], seed=0), loss="mean_squared_error", optimizer=cr.SGD(0.01, weight_decay=0.1)
        )

    one, single = trainer(), trainer()
    text = "the rows of epoch 1 count nothing: all weights are 0 or targets missing"
    with pytest.raises(ValueError, match=text):
        one.fit_batches(
            lambda epoch: [IDLE[idle](*batch) for batch in batches] if epoch == 1 else batches,
            epochs=3,
            **how,
        )
    idle_batches = [] if "early_stopping" in how else [IDLE[idle](*batch) for batch in batches]
    single.fit_batches([*batches, *idle_batches])
    assert one.model.weights[0].tobytes() == single.model.weights[0].tobytes()
    assert (one.epoch, one.history.stopped_because, len(one.history.loss)) == (1, "error", 1)
    if "early_stopping" in how:
        assert one.history.best_epoch == 0
    else:
        assert one.step == 4


def test_an_epoch_with_output_weights_of_zero_where_targets_are_counts_nothing(backend):
    trainer = cr.Trainer(
        cr.MLP([3, 2], seed=0), loss="mean_squared_error", optimizer=cr.SGD(0.01), output_weights=[0, 1]
    )
    X, y = rows(8)
    with pytest.raises(ValueError, match="the rows of epoch 0 count nothing"):
        trainer.fit_batches([(X, np.stack([y, np.full_like(y, np.nan)], axis=1))])


def test_early_stopping_of_batches_advises_only_what_fit_batches_takes(backend):
    X, y = rows(8)
    trainer = cr.Trainer(cr.MLP([3, 1], seed=0), loss="mean_squared_error", optimizer=cr.SGD(0.01))
    for monitor, text in (
        ("validation_loss", "there are no validation data: give validation_data, or monitor loss$"),
        ("validation_mae", "there are no validation data: give validation_data$"),
    ):
        with pytest.raises(ValueError, match=text):
            trainer.fit_batches(
                [(X, y)],
                early_stopping=cr.EarlyStopping(monitor),
                metrics=[] if monitor == "validation_loss" else ["mae"],
            )
    with pytest.raises(ValueError, match=r"or validation_split, or monitor loss$"):
        trainer.fit(X, y, early_stopping=cr.EarlyStopping())
