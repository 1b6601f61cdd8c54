"""Feed files that grow by coverage to everything that reads one: ``python fuzz_loaders.py [libFuzzer's options] [corpus folder]``.

Needs atheris. An input is a byte that chooses the reader, and the file. A reader may refuse it with ValueError or TypeError, or make
something of it; anything else is a finding: another exception, 10 seconds, 100 MB for one piece of memory or 1.2 GB in all. Checksums
are computed but not believed, or no changed byte would get past them. ``-max_total_time=3600`` runs for an hour.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import sys
import tempfile
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["chainrule", "json"]):
    import chainrule as cr
    import chainrule._model_tensors as model_tensors
    import numpy as np
    from chainrule import _run_frames, persistence, streams
    from chainrule.cli._csv import read_table
    from chainrule.cli._model import load_model

from hostile_mutations import mutated_file, slip

REFUSALS = ValueError, TypeError


class Equal(str):
    """A checksum that is the right one."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other):
        return isinstance(other, str)

    def __ne__(self, other):
        return not isinstance(other, str)


def believe_checksums():
    """Let every checksum be right, after it was computed."""
    for module, name in ((persistence, "checksum"), (model_tensors, "_sum")):
        real = getattr(module, name)
        setattr(module, name, lambda *values, real=real: Equal(real(*values)))
    for name in ("has_head", "has_body"):
        real = getattr(_run_frames.Frame, name)
        setattr(_run_frames.Frame, name, lambda self, data, real=real: real(self, data) or True)


def read_model(path):
    model = cr.load(path)
    model.predict(np.zeros((1, model.layer_sizes[0]), model.dtype))


def read_table_model(path):
    model, preprocessing = load_model(path)
    if preprocessing is not None:
        preprocessing.inputs(np.zeros((1, model.layer_sizes[0])), model.dtype)


def read_run(path):
    with cr.Checkpoints(path) as run:
        run.verify()
        run.history  # noqa: B018
        run.model()


def resume(path):
    cr.Trainer.resume(path)


def read_csv(path):
    read_table(path)


def stream_npy(path):
    for _ in streams.NpyStream(path, batch_size=3, window=8):
        pass


def stream_csv(path):
    for _ in streams.CsvStream(path, target="b", batch_size=3, window=8)(1):
        pass


READERS = read_model, read_table_model, read_run, resume, read_csv, stream_npy, stream_csv


def seeds():
    """Yield inputs that are read: small files of each kind."""
    for table in ("a,b\n1,2\n3,4.5e6\n", '"a ""b""";c\r\n-1;nan\r\n', "\ufeffa\tb\n\n1\t2\n"):
        yield b"\x04" + table.encode()
        yield b"\x06" + table.encode()
    for rows in (
        np.arange(24.0).reshape(8, 3),
        np.asfortranarray(np.ones((5, 2), "float32")),
        np.eye(3, dtype=">i2"),
    ):
        file = io.BytesIO()
        np.save(file, rows)
        yield b"\x05" + file.getvalue()
    with tempfile.TemporaryDirectory() as folder:
        for i, settings in enumerate((
            {}, {"dtype": "float64", "bias": "layer", "dropout": 0.5, "input_noise": 0.5}, {"bias": None, "activation": "gelu"},
        )):  # fmt: skip
            model = cr.MLP([2, 3, 1], seed=i, **settings)
            table = {
                "format": "chainrule.table", "version": 1, "chainrule": "0.1.0", "feature_names": ["a", "b"], "scaler": None,
                "target_name": "t", "class_names": None, "target_scaler": None,
            }  # fmt: skip
            for suffix in ("pkl", "safetensors"):
                path = Path(folder, f"m.{suffix}")
                persistence.save(model, path, preprocessing=table if i else None)
                for reader in (0, 1):
                    yield bytes([reader]) + path.read_bytes()
            path = Path(folder, f"{i}.run")
            optimizer = (cr.SGD(0.1, momentum=0.5), cr.Adam(), cr.SGD(cr.schedules.StepDecay(0.1, 2)))[i]
            trainer = cr.Trainer(model, loss="mean_squared_error", optimizer=optimizer, seed=i)
            rows = np.ones((3, 2), model.dtype)
            with cr.backend("reference"):
                trainer.fit(rows, rows[:, :1], epochs=2, checkpoint=path)
            for reader in (2, 3):
                yield bytes([reader]) + path.read_bytes()


def main():
    """Run libFuzzer until it finds something, or is told to end."""
    warnings.simplefilter("ignore")
    folders = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folders[0] if folders else Path(folder, "corpus"))
        corpus.mkdir(exist_ok=True)
        for i, seed in enumerate(seeds()):
            (corpus / f"seed-{i}").write_bytes(seed)
        path = os.path.join(folder, "file")
        believe_checksums()

        def one(data):
            if not data:
                return
            Path(path).write_bytes(data[1:])
            try:
                READERS[data[0] % len(READERS)](path)
            except REFUSALS as error:
                if slip(error):
                    raise AssertionError("a slip, not a refusal") from error

        def mutate(data, longest, seed):
            """Half of the time change bytes, half of the time what they say."""
            rng = random.Random(seed)
            if data and rng.random() < 0.5:
                with contextlib.suppress(Exception):  # where it is not well-formed any more
                    return (data[:1] + mutated_file(bytes(data[1:]), rng))[:longest]
            return atheris.Mutate(data, longest)

        options = ["-timeout=10", "-rss_limit_mb=1200", "-malloc_limit_mb=100", "-max_len=8192"]
        given = [argument for argument in sys.argv[1:] if argument.startswith("-")]
        atheris.Setup([sys.argv[0], *options, *given, str(corpus)], one, custom_mutator=mutate)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
