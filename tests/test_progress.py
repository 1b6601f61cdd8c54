"""What a fit shows while it runs, and the history it returns."""

from __future__ import annotations

import io
import math
import pickle
import re
import sys
from itertools import pairwise
from types import ModuleType
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule import progress
from chainrule.history import History, Measurements

X, Y = np.random.default_rng(0).standard_normal((30, 3)).astype("float32"), np.arange(30) % 2


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def a_trainer() -> cr.Trainer:
    model = cr.MLP([3, 4, 2], output_activation="softmax", seed=0)
    return cr.Trainer(model, loss="cross_entropy", batch_size=10)


def test_elsewhere_than_on_a_terminal_each_epoch_has_a_line(backend: str) -> None:
    stream = io.StringIO()
    history = a_trainer().fit(
        X, Y, epochs=3, metrics=["accuracy"], validation_data=(X[:9], Y[:9]), progress=stream
    )
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3
    number = r"[\d.e+-]+"
    for i, line in enumerate(lines):
        assert re.fullmatch(
            rf"epoch {i + 1}/3  loss {number}  accuracy {number}  validation loss {number}  "
            rf"validation accuracy {number}  [\d,]+ rows/s  {'took' if i == 2 else 'ETA'} \d+:\d\d",
            line,
        )
        assert f"loss {history.loss[i]:.5g}" in line
        assert f"validation accuracy {history.validation_metrics['accuracy'][i]:.5g}" in line


def test_true_means_standard_error(backend: str, capfd: pytest.CaptureFixture[str]) -> None:
    a_trainer().fit(X, Y, progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("epoch 1/1  loss ")


def test_on_a_terminal_one_line_is_written_over(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "INTERVAL", 0.0)
    stream = Terminal()
    a_trainer().fit(X, Y, epochs=4, progress=stream)
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert text.endswith("\n")
    shown = text.strip("\r\n").split("\r")
    assert len(shown) >= 8  # in the middle of epochs too
    assert all(len(after) >= len(before.rstrip()) for before, after in pairwise(shown))


def test_a_shorter_line_wipes_out_the_longer_one_before() -> None:
    stream = Terminal()
    lines = progress.Progress(stream, 2, 10)
    lines.epoch(Measurements(0, 0.123456789, None, {"a_metric_with_a_long_name": 0.5}))
    lines.epoch(Measurements(1, 1.0))
    first, second = stream.getvalue().strip("\r").split("\r")
    assert len(second) == len(first)
    assert second.endswith("   ")


def test_an_interrupted_line_on_a_terminal_is_ended(backend: str) -> None:
    class Closing(Terminal):
        def flush(self) -> None:
            if "2/" in self.getvalue():
                raise BrokenPipeError

    stream, trainer = Closing(), a_trainer()
    with pytest.raises(BrokenPipeError):
        trainer.fit(X, Y, epochs=4, progress=stream)
    assert trainer.epoch == 2
    assert len(trainer.history) == 2


def test_a_stream_needs_only_a_method_write(backend: str) -> None:
    class Log:
        def __init__(self) -> None:
            self.lines: list[str] = []

        def write(self, text: str) -> None:
            self.lines.append(text)

    log = Log()
    a_trainer().fit(X, Y, epochs=2, progress=log)
    assert len(log.lines) == 2


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0:00"), (61, "1:01"), (3599.6, "1:00:00"), (7325, "2:02:05")]
)
def test_times_are_written_as_on_a_clock(seconds: float, text: str) -> None:
    assert progress._clock(seconds) == text


def test_the_rate_counts_all_rows_since_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 102.0, 104.0])
    monkeypatch.setattr(progress, "perf_counter", lambda: next(clock))
    stream = io.StringIO()
    lines = progress.Progress(stream, 4, 1000)
    lines.epoch(Measurements(0, 0.5))
    lines.epoch(Measurements(1, 0.25))
    assert stream.getvalue().splitlines() == [
        "epoch 1/4  loss 0.5  500 rows/s  ETA 0:06",
        "epoch 2/4  loss 0.25  500 rows/s  ETA 0:04",
    ]


def test_the_history_of_a_fit_holds_what_was_measured(backend: str) -> None:
    trainer = a_trainer()
    history = trainer.fit(X, Y, epochs=2, metrics=["accuracy"])
    assert history.validation_loss == []
    assert history.validation_metrics == {}
    assert list(history.metrics) == ["accuracy"]
    assert history.metrics["accuracy"][-1] == trainer.evaluate(X, Y, ["accuracy"])["accuracy"]
    later = trainer.fit(X, Y, epochs=1, validation_data=(X, Y))
    assert later.metrics == {}
    assert later.epochs == [2]
    assert later.validation_loss == [trainer.evaluate(X, Y)["loss"]]


def test_the_history_of_the_trainer_holds_all_with_nan_where_nothing_was_measured(backend: str) -> None:
    trainer = a_trainer()
    first = trainer.fit(X, Y, epochs=2)
    second = trainer.fit(X, Y, validation_data=(X, Y), metrics=["accuracy"])
    whole = trainer.history
    assert whole.epochs == [0, 1, 2]
    assert whole.loss == first.loss + second.loss
    np.testing.assert_equal(whole.validation_loss, [math.nan, math.nan, *second.validation_loss])
    np.testing.assert_equal(whole.metrics, {"accuracy": [math.nan, math.nan, *second.metrics["accuracy"]]})


def test_a_history_pickles() -> None:
    history = History([Measurements(0, 1.0), Measurements(1, 0.5, 0.75, {"r2": 0.1}, {"r2": 0.2})])
    for protocol in range(2, 6):
        twin = pickle.loads(pickle.dumps(history, protocol))
        for name in ("epochs", "loss", "validation_loss", "metrics", "validation_metrics"):
            np.testing.assert_equal(getattr(twin, name), getattr(history, name))
    assert repr(history) == "<History of 2 epochs, loss 0.5>"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"format": "chainrule.model"}, "holds a 'chainrule.model'"),
        ({"version": 2}, "version 2 of chainrule.history"),
        ({"measured": [[0, 1.0]]}, "must have 5 values, but it has"),
        ({"more": 1}, "unknown field more"),
    ],
)
def test_a_history_of_another_kind_is_refused(change: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        History().__setstate__({**History().__getstate__(), **change})


def shown(given: Any, terminal: bool, monkeypatch: pytest.MonkeyPatch) -> str:
    stream = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    a_trainer().fit(X, Y, epochs=3, progress=given, early_stopping=cr.EarlyStopping("loss"))
    return stream.getvalue()


@pytest.mark.parametrize("given", [True, "auto"])
def test_on_a_terminal_there_is_a_bar_where_tqdm_is_installed(
    backend: str, given: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tqdm")
    text = shown(given, True, monkeypatch)
    assert "100%" in text
    assert "3/3" in text
    assert "loss " in text
    assert text.rstrip().endswith("after epoch 3")


@pytest.mark.parametrize("given", [True, "auto"])
def test_on_a_terminal_without_tqdm_one_line_is_written_over(
    given: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("tqdm", "tqdm.std"):
        monkeypatch.setitem(sys.modules, name, None)
    text = shown(given, True, monkeypatch)
    assert "%" not in text
    assert "\repoch 3/3  loss " in text


def test_elsewhere_auto_shows_nothing_and_true_lines(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown("auto", False, monkeypatch) == ""
    assert shown(True, False, monkeypatch).count("epoch ") == 4


class ZMQInteractiveShell:
    """What Jupyter's shell is called."""


@pytest.mark.parametrize("widgets", [True, False])
def test_in_a_notebook_the_bar_is_one_of_notebooks(widgets: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []

    class Bar:
        def __init__(self, **options: Any) -> None:
            made.append(options)
            self.n = 0.0

        def set_postfix_str(self, text: str, refresh: bool) -> None:
            assert text.startswith("loss ")

        def refresh(self) -> None: ...
        def close(self) -> None: ...
        def write(self, text: str, file: Any) -> None: ...

    ipython, notebook = ModuleType("IPython"), ModuleType("tqdm.notebook")
    ipython.get_ipython = ZMQInteractiveShell  # type: ignore[attr-defined]
    notebook.tqdm = Bar  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "tqdm.notebook", notebook)
    monkeypatch.setitem(sys.modules, "ipywidgets", ModuleType("ipywidgets") if widgets else None)
    text = shown("auto", False, monkeypatch)
    assert len(made) == widgets
    assert ("epoch 3/3" in text) is not widgets  # lines of text, where there are no widgets


def test_an_interrupted_bar_is_closed(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tqdm")
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)

    class Fails(cr.Callback):
        def on_epoch_end(self, fit: Any) -> None:
            if fit.trainer.epoch == 2:
                raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        a_trainer().fit(X, Y, epochs=4, progress=True, callbacks=[Fails()])
    assert "2/4" in stream.getvalue()
    assert stream.getvalue().endswith("\n")


@pytest.mark.parametrize(
    ("wrong", "kind", "text"),
    [("yes", ValueError, "True, False, 'auto' or a stream"), (1, TypeError, "a method write")],
)
def test_what_is_no_progress_is_refused(backend: str, wrong: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        a_trainer().fit(X, Y, progress=wrong)
