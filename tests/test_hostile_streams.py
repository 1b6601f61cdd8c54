"""Files that cannot be learned from: the error names file and line or row, and the trainer is as after the last batch."""

from __future__ import annotations

import os
import pickle

import chainrule as cr
import numpy as np
import pytest
from chainrule.streams import CsvStream, NpyStream
from stream_cases import KINDS, STREAMS, a_stream, rows, write

FILES = {"npy": "X.npy", "csv": "rows.csv", "parquet": "rows.parquet"}


@pytest.fixture(params=KINDS)
def kind(request):
    """Each kind of file."""
    return request.param


def a_trainer():
    return cr.Trainer(cr.MLP([3, 4, 1], seed=0), loss="mean_squared_error", optimizer=cr.SGD(1e-6))


def bits(trainer):
    return [array.tobytes() for array in (*trainer.model.weights, *trainer.model.biases)]


def state_after(stream, epoch, batches):
    """Return a trainer after so many of the batches that a sound stream gives."""
    trainer = a_trainer()
    for _, batch in zip(range(batches), stream(epoch), strict=False):
        trainer.train_on_batch(*batch)
    return trainer


CSV = [
    ("1,2,3", 'line 12, column "y": missing value: 3 fields, but the header has 4'),
    ("1,2,3,4,5", "line 12: 5 fields, but the header has 4"),
    ("1,2,abc,4", 'line 12, column "x2": "abc" is not a number'),
    ("1,2,,4", 'line 12, column "x2": missing value'),
    ("nan,2,3,4", r'line 12, column "x0": missing value \("nan"\)'),
    ("1,inf,3,4", 'line 12, column "x1": infinite value'),
    ("1,1e39,3,4", 'line 12, column "x1": "1e39" is too large'),
    ("1,2_000,3,4", 'line 12, column "x1": "2_000" is not a number'),
    ("1,2,3,?", 'line 12, column "y": missing value'),
    ('1,2,"3,4', "line 12: this is not CSV"),
    ("1,2,\udcff,4", 'line 12, column "x2": byte 0xff is not UTF-8'),
]


@pytest.mark.parametrize(("line", "text"), CSV)
def test_a_bad_line_of_a_csv_file_is_named_and_the_trainer_is_as_before_it(backend, tmp_path, line, text):
    X, y = rows(30)
    (path,), how = write("csv", tmp_path, X, y)
    how.update(batch_size=2, window=4, shuffle=False)
    sound = state_after(CsvStream(path, **how), 0, 4)
    lines = path.read_text("utf-8").splitlines()
    lines[11] = line
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))
    trainer = a_trainer()
    with pytest.raises(ValueError, match=f"rows.csv, {text}"):
        trainer.fit_batches(CsvStream(path, **how), epochs=2)
    assert (bits(trainer), trainer.step, trainer.epoch) == (bits(sound), 4, 0)
    assert trainer.history.stopped_because == "error"


@pytest.mark.parametrize(
    ("content", "how", "text"),
    [
        ("", {}, "the file is empty"),
        ("1,2,3\n4,5,6\n", {}, "there is no header"),
        ("a,b,a\n1,2,3\n", {}, 'column "a": columns 1 and 3 have the same name'),
        ("a,,b\n1,2,3\n", {}, "column 2 has no name"),
        ("a,b\n1,2\n", {"target": "y"}, 'there is no column "y"; the columns are a, b'),
        ("a,b\n1,2\n", {"features": ["c"]}, 'there is no column "c"'),
        ("a,b\n1,2\n", {"ignore": ["c"]}, 'there is no column "c"'),
        ("a,b\n1,2\n", {"features": ["a", "b"], "target": "b"}, "is among features and target"),
        ("a,b\n1,2\n", {"target": ["a", "b"]}, "no column is left for the inputs"),
        ("a,b\n1,2\n", {"target": []}, "target must be the name of a column or several, but it is empty"),
        ("a,b\n1,2\n", {"target": ["b", "b"]}, 'target has "b" twice'),
        ("a,b\n1,2\n", {"target": "b", "classes": ["x"]}, "classes must be at least two"),
        ("a,b\n1,2\n", {"target": ["b"], "classes": ["x", "y"]}, "classes is about target"),
        ("a,b\n1,2\n", {"target": "b", "classes": ["1", "2"], "labels": True}, "labels is about target"),
        ("a,b\n1,2\n", {"labels": True}, "labels is about target"),
        ("a,b\n1,2\n", {"delimiter": ",,"}, "delimiter must be one character"),
    ],
)
def test_a_csv_file_or_columns_that_do_not_fit_are_refused_when_the_stream_is_made(
    tmp_path, content, how, text
):
    (tmp_path / "rows.csv").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=text):
        CsvStream(tmp_path / "rows.csv", **how)


@pytest.mark.parametrize(
    "how", [{"features": "a"}, {"ignore": 3}, {"target": [3]}, {"classes": "ab", "target": "b"}]
)
def test_columns_of_a_wrong_type_are_refused_by_name(tmp_path, how):
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(TypeError, match=r"^(features|ignore|target|classes) must"):
        CsvStream(tmp_path / "rows.csv", **how)


@pytest.mark.parametrize(
    ("text", "how", "why"),
    [
        ("a,y\n1,b\n2,c\n", {"classes": ["a", "b"]}, 'line 3, column "y": "c" is none of the classes a, b'),
        ("a,y\n1,\n", {"classes": ["a", "b"]}, 'line 2, column "y": missing value'),
        ("a,y\n1,1\n2,1.5\n", {"labels": True}, 'line 3, column "y": "1.5" is no class label'),
        ("a,y\n1,-1\n", {"labels": True}, 'line 2, column "y": "-1" is no class label'),
        ("a,y\n", {}, "there is a header but no row below it"),
    ],
)
def test_a_target_that_is_none_is_named_by_its_line(tmp_path, text, how, why):
    (tmp_path / "rows.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=why):
        list(CsvStream(tmp_path / "rows.csv", target="y", **how)(0))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_named_by_file_and_row(backend, kind, tmp_path, value):
    X, y = rows(30)
    (tmp_path / "sound").mkdir()
    how = {"batch_size": 2, "window": 4, "shuffle": False}
    sound = state_after(a_stream(kind, tmp_path / "sound", X, y, **how), 0, 4)
    X[10, 1] = value
    trainer = a_trainer()
    where = {
        "npy": f"X.npy, row 10, column 1 is {value}",
        "csv": 'rows.csv, line 12, column "x1": ',
        "parquet": f'rows.parquet, row 10, column "x1" is {value}',
    }[kind]
    with pytest.raises(ValueError, match=where):
        trainer.fit_batches(a_stream(kind, tmp_path, X, y, **how))
    assert (bits(trainer), trainer.step) == (bits(sound), 4)


def test_a_number_too_large_for_the_dtype_is_no_infinity(tmp_path):
    X, y = rows(30, dtype="float64")
    X[10, 1] = 1e300
    with pytest.raises(
        ValueError, match="row 10, column 1 is inf, but every number must be finite in float32"
    ):
        list(a_stream("npy", tmp_path, X, y, dtype="float32")(0))
    assert len(list(a_stream("npy", tmp_path, X, y)(0))) == 1


@pytest.mark.parametrize("deed", ["delete", "cut", "grow", "replace"])
def test_a_file_that_changes_during_an_epoch_ends_it_after_the_last_whole_batch(
    backend, kind, tmp_path, deed
):
    X, y = rows(40)
    stream = a_stream(kind, tmp_path, X, y, batch_size=2, window=8)
    sound = state_after(stream, 0, 5)
    path = tmp_path / FILES[kind]

    class Changes(cr.Callback):
        def on_batch_end(self, fit):
            if fit.batch != 3:
                return
            data = path.read_bytes()
            if deed == "delete":
                path.unlink()
            elif deed == "cut":
                os.truncate(path, len(data) // 2)
            elif deed == "grow":
                path.write_bytes(data + b"\n")
            else:
                path.write_bytes(data)
                os.utime(path, ns=(1, 1))

    trainer = a_trainer()
    error = FileNotFoundError if deed == "delete" else ValueError
    text = FILES[kind] if deed == "delete" else "has changed since the stream was made; make a new one"
    with pytest.raises(error, match=text) as caught:
        trainer.fit_batches(stream, epochs=2, callbacks=[Changes()])
    if kind == "parquet":  # whose rows are read in pieces of at most a window
        sound = state_after(a_stream(kind, tmp_path, X, y, batch_size=2, window=8), 0, trainer.step)
    else:
        assert trainer.step == 4
        assert FILES[kind] in str(caught.value)
        sound = state_after(a_stream(kind, tmp_path, X, y, batch_size=2, window=8), 0, 4)
    assert (bits(trainer), trainer.epoch) == (bits(sound), 0)
    with pytest.raises((ValueError, FileNotFoundError), match=FILES[kind]):
        a_trainer().fit_batches(stream)


def test_an_npy_file_that_is_cut_within_a_window_is_an_error_and_no_crash(tmp_path, monkeypatch):
    X, y = rows(4000)
    stream = a_stream("npy", tmp_path, X, y, window=4000)
    os.truncate(tmp_path / "X.npy", 1000)
    with pytest.raises(ValueError, match=r"X\.npy has changed"):
        list(stream)
    monkeypatch.setattr(NpyStream, "_check_unchanged", lambda self: None)
    with pytest.raises(ValueError, match=r"X\.npy ends before row 4000; it was cut while it was read"):
        list(stream)


def npy(folder, array, name="X.npy", **how):
    np.save(folder / name, array, **how)
    return folder / name


def test_npy_files_that_hold_no_rows_of_numbers_are_refused(tmp_path):
    X, y = rows(9)
    good = npy(tmp_path, X)
    for array, error, text in (
        (y[:-1], ValueError, r"y\.npy has 8 rows, but .*X\.npy has 9"),
        (np.zeros((9, 1, 1)), ValueError, r"must hold an array \(rows,\) or \(rows, outputs\)"),
        (np.array(["a"] * 9), TypeError, "must hold floats of at most 64 bits, ints or bools"),
        (np.zeros(9, complex), TypeError, "must hold floats"),
        (np.zeros(9, [("a", "f4")]), TypeError, "must hold floats"),
    ):
        with pytest.raises(error, match=text):
            NpyStream(good, npy(tmp_path, array, "y.npy"))
    for array, text in (
        (y, r"must hold an array \(rows, features\)"),
        (X[:0], "at least one row"),
        (X[:, :0], "one column"),
    ):
        with pytest.raises(ValueError, match=text):
            NpyStream(npy(tmp_path, array))


class Opens:
    """What would show that a pickle was read."""

    def __reduce__(self):
        return os.mkdir, ("opened",)


def test_python_objects_in_npy_files_are_refused_and_never_unpickled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = npy(tmp_path, np.array([[Opens()]], dtype=object), allow_pickle=True)
    with pytest.raises(TypeError, match="holds Python objects, which are never read"):
        NpyStream(path)
    path.write_bytes(pickle.dumps(Opens()))
    with pytest.raises(ValueError, match=r"X\.npy is no \.npy file of numbers"):
        NpyStream(path)
    assert not (tmp_path / "opened").exists()


def test_an_npy_file_cut_anywhere_is_refused(tmp_path):
    path = npy(tmp_path, rows(9)[0])
    data = path.read_bytes()
    for n in range(len(data)):
        path.write_bytes(data[:n])
        with pytest.raises(ValueError, match=r"X\.npy is (no \.npy file|cut short)"):
            NpyStream(path)


def test_what_is_no_regular_file_or_not_there_is_refused_at_once(kind, tmp_path):
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    with pytest.raises(FileNotFoundError, match="none"):
        STREAMS[kind](tmp_path / "none")
    with pytest.raises(OSError, match=str(tmp_path)):
        STREAMS[kind](tmp_path)
    if os.name == "posix":
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(OSError, match="pipe"):
            STREAMS[kind](tmp_path / "pipe")
    with pytest.raises(TypeError, match="path must be a str or a path, but it is 3"):
        STREAMS[kind](3)


def test_parquet_columns_that_do_not_fit_are_refused_and_gaps_are_named(tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path, ParquetStream = tmp_path / "rows.parquet", cr.streams.ParquetStream
    columns = {"a": pa.array([1.0, None, 3.0]), "t": pa.array(["x", None, "z"]), "b": pa.array([1, 2, 3])}
    pq.write_table(pa.table(columns), path)
    for how, error, text in (
        ({}, TypeError, 'rows.parquet: column "t" must hold floats, ints or bools, but its type is string'),
        (
            {"ignore": ["t"], "target": "y"},
            ValueError,
            'rows.parquet: there is no column "y"; the columns are a, t, b',
        ),
        ({"features": ["b"], "target": "t"}, TypeError, 'column "t" must hold floats'),
        (
            {"features": ["a"], "target": "b", "classes": ["x", "y"]},
            TypeError,
            "classes are texts, but the type of",
        ),
    ):
        with pytest.raises(error, match=text):
            ParquetStream(path, **how)
    for how, text in (
        ({"features": ["a"], "target": "b"}, 'rows.parquet, row 1, column "a": missing value'),
        ({"features": ["b"], "target": "t", "classes": ["x", "y"]}, 'row 1, column "t": missing value'),
        ({"features": ["b"], "target": "t", "classes": ["x", ""]}, 'row 1, column "t": missing value'),
    ):
        with pytest.raises(ValueError, match=text):
            list(ParquetStream(path, **how)(0))
    pq.write_table(pa.table({"a": pa.array([], pa.float32())}), path)
    with pytest.raises(ValueError, match=r"rows.parquet has no rows"):
        ParquetStream(path)
    data = path.read_bytes()
    for cut in (b"", data[: len(data) // 2], b"PAR1" + b"\xff" * 100 + b"PAR1"):
        path.write_bytes(cut)
        with pytest.raises(ValueError, match=r"rows.parquet is no Parquet file"):
            ParquetStream(path)


def test_a_damaged_parquet_page_is_an_error_that_names_the_file(tmp_path):
    X, y = rows(4000)
    a_stream("parquet", tmp_path, X, y)
    path = tmp_path / "rows.parquet"
    data = bytearray(path.read_bytes())
    data[4:2000] = b"\xff" * 1996
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"rows.parquet cannot be read from row \d+ on"):
        list(cr.streams.ParquetStream(path, target="y")(0))


@pytest.mark.parametrize(
    "header",
    ["(" * 150, "-" * 9000 + "1", "[" * 99 + "]" * 99, "{'descr': '<f4'\x85}", "\0", "{'descr': b''}"],
)
def test_a_header_of_npy_that_is_no_dictionary_is_refused_whatever_python_makes_of_it(tmp_path, header):
    """NumPy parses it as Python: SyntaxError, RecursionError, MemoryError and others may come of that."""
    text = header.encode("latin1").ljust(118, b" ") + b"\n"
    path = tmp_path / "X.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + b"\0" * 64)
    with pytest.raises(ValueError, match=r"is no \.npy file of numbers"):
        NpyStream(path)
