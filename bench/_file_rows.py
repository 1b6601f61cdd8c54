"""Files of rows for `larger_than_memory.py`, written in pieces, and the ways to learn from them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import chainrule as cr
import numpy as np
from chainrule.streams._order import order_in_window, order_of_windows

FEATURES, BATCH = 32, 256
NAMES = [f"x{j}" for j in range(FEATURES)]


class Work(NamedTuple):
    """What one process learns from.

    Parameters
    ----------
    way : str
        One of `WAYS`.
    folder : str
        Where its file lies.
    rows, window : int
    threads : int
    dtype : str
    """

    way: str
    folder: str
    rows: int
    window: int
    threads: int
    dtype: str

    @property
    def suffix(self) -> str:
        """The kind of its file."""
        return WAYS[self.way]

    @property
    def file(self) -> Path:
        """The file with the inputs; those of a CSV or Parquet file have the targets beside them."""
        return Path(self.folder, f"X.{self.suffix}")

    def stream(self) -> Any:
        """Return the stream that `fit_batches` is given."""
        how = {"batch_size": BATCH, "window": self.window, "dtype": self.dtype}
        if self.suffix == "npy":
            return cr.streams.NpyStream(self.file, self.file.with_name("y.npy"), **how)
        kind = cr.streams.CsvStream if self.suffix == "csv" else cr.streams.ParquetStream
        return kind(self.file, target="y", **how)

    def trainer(self, shuffle: bool = True) -> cr.Trainer:
        """Return a trainer at its start."""
        model = cr.MLP([FEATURES, 64, 64, 1], dtype=self.dtype, seed=0)
        return cr.Trainer(
            model, loss="mean_squared_error", optimizer=cr.SGD(0.01, momentum=0.9), batch_size=BATCH, shuffle=shuffle,
            n_threads=self.threads
        )  # fmt: skip

    def learner(self, trainer: cr.Trainer) -> Callable[[], Any]:
        """Return what trains an epoch from the file."""
        if self.way == "fit, mapped":
            X = np.load(self.file, mmap_mode="r")
            y = np.load(self.file.with_name("y.npy"), mmap_mode="r")
            return lambda: trainer.fit(X, y)
        stream = self.stream()
        return lambda: trainer.fit_batches(stream)

    def load(self) -> tuple[Any, Any]:
        """Return all rows in memory, as NumPy or pyarrow reads them."""
        if self.suffix == "npy":
            return np.load(self.file), np.load(self.file.with_name("y.npy"))
        if self.suffix == "csv":
            table = np.loadtxt(self.file, np.float64, delimiter=",", skiprows=1).astype(self.dtype)
            return np.ascontiguousarray(table[:, :FEATURES]), table[:, FEATURES].copy()
        import pyarrow.parquet

        table = pyarrow.parquet.read_table(self.file, use_threads=False, pre_buffer=False)
        columns = [table.column(name).to_numpy() for name in [*NAMES, "y"]]
        return np.stack(columns[:FEATURES], axis=1), columns[FEATURES]

    def order(self) -> Any:
        """Return the order of the rows in the first epoch of the stream."""
        count = -(-self.rows // self.window)
        windows = order_of_windows(count, 0, 0) if self.suffix == "npy" else np.arange(count)
        sizes = [min(self.window, self.rows - w * self.window) for w in windows.tolist()]
        parts = [
            w * self.window + order_in_window(n, 0, 0, w)
            for w, n in zip(windows.tolist(), sizes, strict=True)
        ]
        return np.concatenate(parts)


WAYS = {"fit, mapped": "npy", "NpyStream": "npy", "CsvStream": "csv", "ParquetStream": "parquet"}
"""The ways, and the files they need."""


def digest(trainer: cr.Trainer) -> str:
    """Return what tells the parameters from any others."""
    arrays = (*trainer.model.weights, *trainer.model.biases)
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def _piece(rng: np.random.Generator, rows: int, dtype: str) -> tuple[Any, Any]:
    X = rng.normal(size=(rows, FEATURES)).astype(dtype)
    return X, np.tanh(X[:, 0]) - X[:, 1] * X[:, 2]


AT_ONCE = 32768
"""Rows that are written at once, and in a row group of Parquet."""


def write(suffix: str, folder: Path, n_bytes: int, dtype: str) -> int:
    """Write files of about so many bytes, of which no more than a piece is in memory at a time; return the rows."""
    folder.mkdir()
    rng, path = np.random.default_rng(0), folder / f"X.{suffix}"
    if suffix == "csv":  # the same lines again and again: what takes long is to write them
        X, y = _piece(rng, 5000, dtype)
        lines = [",".join(f"{x:.5g}" for x in (*row, target)) for row, target in zip(X, y, strict=True)]
        text = ("\n".join(lines) + "\n").encode()
        times = max(1, round(n_bytes / len(text)))
        with path.open("wb") as file:
            file.write((",".join([*NAMES, "y"]) + "\n").encode())
            for _ in range(times):
                file.write(text)
        return times * len(X)
    rows = n_bytes // (FEATURES * np.dtype(dtype).itemsize)
    if suffix == "npy":
        arrays = [
            np.lib.format.open_memmap(folder / name, "w+", dtype, shape)
            for name, shape in (("X.npy", (rows, FEATURES)), ("y.npy", (rows,)))
        ]
        for start in range(0, rows, AT_ONCE):
            for array, values in zip(arrays, _piece(rng, min(AT_ONCE, rows - start), dtype), strict=True):
                array[start : start + len(values)] = values
        return rows
    import pyarrow
    import pyarrow.parquet

    schema = pyarrow.schema([(name, pyarrow.from_numpy_dtype(np.dtype(dtype))) for name in [*NAMES, "y"]])
    with pyarrow.parquet.ParquetWriter(path, schema, use_dictionary=False) as writer:
        for start in range(0, rows, AT_ONCE):
            X, y = _piece(rng, min(AT_ONCE, rows - start), dtype)
            writer.write_table(pyarrow.table([*X.T, y], schema=schema))
    return rows
