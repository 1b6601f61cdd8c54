"""The same rows in files of each kind that `chainrule.streams` reads."""

from __future__ import annotations

import numpy as np
import pytest
from chainrule import streams

KINDS = ("npy", "csv", "parquet")


def rows(n, features=3, dtype="float32"):
    """Return X, whose first column is the number of the row, and y, which is that times two."""
    rng = np.random.default_rng(n)
    X = rng.normal(size=(n, features)).astype(dtype)
    X[:, 0] = np.arange(n)
    return X, 2 * X[:, 0]


def write(kind, folder, X, y):
    """Write a file (of .npy two); return what names the rows to a stream, and what names their target."""
    names = [f"x{j}" for j in range(X.shape[1])]
    if kind == "npy":
        np.save(folder / "X.npy", X)
        np.save(folder / "y.npy", y)
        return (folder / "X.npy", folder / "y.npy"), {}
    if kind == "csv":
        lines = [",".join([*names, "y"])]
        lines += [
            ",".join([*(repr(float(x)) for x in row), str(value)]) for row, value in zip(X, y, strict=True)
        ]
        (folder / "rows.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return (folder / "rows.csv",), {"target": "y"}
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table({**{name: X[:, j] for j, name in enumerate(names)}, "y": y})
    parquet.write_table(table, folder / "rows.parquet", row_group_size=7)
    return (folder / "rows.parquet",), {"target": "y"}


STREAMS = {"npy": streams.NpyStream, "csv": streams.CsvStream, "parquet": streams.ParquetStream}


def a_stream(kind, folder, X, y, **options):
    """Return a stream of these rows, which are written to a file."""
    paths, target = write(kind, folder, X, y)
    return STREAMS[kind](*paths, **target, **options)
