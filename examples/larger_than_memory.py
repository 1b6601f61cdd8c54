"""Learn from files without holding them in memory: memory-mapped, in a stream, and from a generator; then predict in a loop."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import chainrule as cr
import numpy as np
from chainrule.preprocessing import StandardScaler
from chainrule.streams import CsvStream, NpyStream, ParquetStream

ROWS, FEATURES = 60_000, 8


def rows(start: int, stop: int) -> tuple[Any, Any]:
    """Return some rows, as an instrument might give them."""
    rng = np.random.default_rng(start)
    X = rng.normal(50, 10, size=(stop - start, FEATURES)).astype("float32")
    return X, np.sin((X[:, 0] - 50) / 10) + (X[:, 1] - 50) * (X[:, 2] - 50) / 100


def write(folder: Path) -> None:
    """Write the rows to two .npy files, a piece at a time."""
    X = np.lib.format.open_memmap(folder / "X.npy", "w+", "float32", (ROWS, FEATURES))
    y = np.lib.format.open_memmap(folder / "y.npy", "w+", "float32", (ROWS,))
    for start in range(0, ROWS, 10_000):
        X[start : start + 10_000], y[start : start + 10_000] = rows(start, start + 10_000)


def a_trainer() -> cr.Trainer:
    """Return a trainer at its start."""
    model = cr.MLP([FEATURES, 32, 32, 1], seed=0)
    return cr.Trainer(model, loss="mean_squared_error", optimizer=cr.Adam(3e-3), batch_size=64)


def fresh_batches(epoch: int) -> Iterator[tuple[Any, Any]]:
    """Give batches of rows that nobody has kept; each epoch has others."""
    for i in range(500):
        X, y = rows(10**9 + 1000 * (500 * epoch + i), 10**9 + 1000 * (500 * epoch + i) + 64)
        yield (X - 50) / 10, y


def main() -> None:
    """Train in three ways, go on after an end, and predict."""
    held_out = rows(10**6, 10**6 + 5000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder)

        # 1. A memory-mapped array is read where it lies, by fit, evaluate and predict.
        X, y = (np.load(folder / f"{kind}.npy", mmap_mode="r") for kind in "Xy")
        scaler = StandardScaler().fit(X[:10_000])
        print(f"mapped, unscaled: loss {a_trainer().fit(X, y).loss[-1]:.3f}")
        del X, y

        # 2. A stream holds a window of rows, scales and shuffles it; a checkpoint goes on to the same bits.
        stream = NpyStream(folder / "X.npy", folder / "y.npy", batch_size=64, window=8192, transform=scaler)
        validation = (scaler.transform(held_out[0]), held_out[1])
        whole = a_trainer()
        history = whole.fit_batches(stream, epochs=4, validation_data=validation)
        print("stream: held-out loss", *(f"{loss:.3f}" for loss in history.validation_loss))
        a_trainer().fit_batches(stream, epochs=2, checkpoint=folder / "some.run")
        resumed = cr.Trainer.resume(folder / "some.run")
        resumed.fit_batches(stream, epochs=2)
        same = all(map(np.array_equal, whole.model.weights, resumed.model.weights))
        print("two epochs, an end, two more: the same bits" if same else "other bits")

        # 3. Prediction over a file is a loop: X alone, in the order of the file.
        predicted = [
            whole.model.predict(X) for X in NpyStream(folder / "X.npy", batch_size=4096, transform=scaler)
        ]
        print(f"predicted {sum(map(len, predicted)):,} rows, {len(predicted)} batches")

        # 4. The same from a CSV file, and from Parquet where pyarrow is installed.
        X, y = rows(0, 5000)
        header = ",".join([*(f"x{j}" for j in range(FEATURES)), "y"])
        np.savetxt(folder / "rows.csv", np.column_stack([X, y]), "%.7g", ",", header=header, comments="")
        csv = CsvStream(folder / "rows.csv", target="y", transform=scaler, window=1000)
        print(f"CSV: loss {a_trainer().fit_batches(csv, epochs=3).loss[-1]:.3f}")
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError:
            print("Parquet: pyarrow is not installed")
        else:
            table = pyarrow.table([*X.T, y], names=header.split(","))
            pyarrow.parquet.write_table(table, folder / "rows.parquet")
            parquet = ParquetStream(folder / "rows.parquet", target="y", transform=scaler, window=1000)
            print(f"Parquet: loss {a_trainer().fit_batches(parquet, epochs=3).loss[-1]:.3f}")

    # 5. Anything that gives batches will do: a generator, a list, a DataLoader.
    trainer = a_trainer()
    trainer.fit_batches(fresh_batches, epochs=2)
    loss = trainer.evaluate((held_out[0] - 50) / 10, held_out[1])["loss"]
    print(f"rows made as they were needed: held-out loss {loss:.3f}")


if __name__ == "__main__":
    main()
