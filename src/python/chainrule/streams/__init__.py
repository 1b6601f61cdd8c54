"""Rows of files that are larger than memory, for `Trainer.fit_batches`: read in a stream, shuffled in windows.

A stream holds one window of rows at a time, whatever the size of the file. Called with the number of an epoch, it gives the
batches of that epoch; iterated over, all rows once in the order of the file, for prediction.

>>> import chainrule as cr
>>> import numpy as np, tempfile
>>> trainer = cr.Trainer(cr.MLP([2, 1], seed=0), loss="mean_squared_error", optimizer=cr.SGD(0.1))
>>> with tempfile.TemporaryDirectory() as folder:
...     X = np.arange(400, dtype="float32").reshape(200, 2) / 400
...     np.save(folder + "/X.npy", X)
...     np.save(folder + "/y.npy", X.sum(axis=1))
...     stream = cr.streams.NpyStream(folder + "/X.npy", folder + "/y.npy", batch_size=10, window=50)
...     history = trainer.fit_batches(stream, epochs=3)
...     sum(len(trainer.model.predict(X)) for X, y in stream)
200

Order
-----
Each window of ``window`` rows is shuffled by itself, with random numbers that are a function of seed, epoch and the window's
number: an epoch has the same order whenever and wherever it is run, so that `Trainer.resume` goes on to the same bits. `NpyStream`
reads the windows in a random order too. Rows that lie together in the file and are alike (all of one class, say) stay within
a window of each other: shuffle such a file once before. All batches have ``batch_size`` rows, those that begin in one window and
end in the next too; the last of an epoch may be smaller.
"""

from __future__ import annotations

from ._csv import CsvStream
from ._npy import NpyStream
from ._parquet import ParquetStream
from ._stream import Stream

__all__ = ["CsvStream", "NpyStream", "ParquetStream", "Stream"]
