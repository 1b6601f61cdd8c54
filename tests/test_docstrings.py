"""Every public function, class and method says what it does, in numpydoc."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
from collections.abc import Iterator
from itertools import pairwise
from types import ModuleType
from typing import Any

import chainrule
import pytest

MODULES = ["_class_metrics", "_lbfgs", "_levenberg_marquardt", "backend", "config", "datasets", "export", "export._bound", "export._c", "export._carried", "export._chained", "export._network_parts", "export._numpy", "export._numpy_template", "export._onnx", "export._onnx_activations", "export._scaling", "export._vectors", "history", "initializers", "inputs", "interchange", "interchange._keras", "interchange._layers", "interchange._sequential", "interchange._sklearn", "interchange._sklearn_classes", "interchange._state_dict", "interchange._tensors", "interchange._torch", "interchange._torch_modules", "losses", "learning_rate_finder", "many", "metrics", "model",
           "optimizers", "persistence", "plots", "plots._curves", "plots._decision", "plots._histograms", "plots._network", "plots._norms", "plots._outcome", "plots._rates", "predictor", "preprocessing", "progress", "reference", "reference.checked", "report", "reference.further_losses", "reference.further_rules", "reference.least_squares",
           "reference.mathematics", "reference.random_numbers", "trace", "trace._trace", "trace._layer", "trace._step", "trace._derivation", "trace._chain", "trace._check", "trace._compute", "trace._tracer", "trace.worked", "trace.worked._example", "trace.worked._named", "_explained_model", "_traced_trainer", "cli.explain", "schedules", "stopping", "streams", "streams._columns", "streams._csv", "streams._npy", "streams._order", "streams._parquet", "streams._stream", "targets", "trainer", "_batch_trainer", "_batches", "_manual_trainer", "passes", "reference.kept"]  # fmt: skip
OF_SCIKIT_LEARN = ["sklearn", "sklearn._base", "sklearn._events", "sklearn._frames", "sklearn._regression", "sklearn._settings", "sklearn._several",
                   "sklearn._steps", "sklearn._theirs", "sklearn.classifier", "sklearn.displays", "sklearn.regressor"]  # fmt: skip
if importlib.util.find_spec("sklearn") is not None:
    MODULES += OF_SCIKIT_LEARN
SECTIONS = {
    "Parameters",
    "Returns",
    "Yields",
    "Raises",
    "Warns",
    "Attributes",
    "Examples",
    "References",
    "Notes",
    "See Also",
}


def public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Give every function, class and method that has no underscore."""
    for name, thing in vars(module).items():
        if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
            continue
        if inspect.isclass(thing) or inspect.isfunction(thing):
            yield name, thing
        if inspect.isclass(thing):
            for method_name, method in vars(thing).items():
                if not method_name.startswith("_") and (
                    inspect.isfunction(method) or isinstance(method, property)
                ):
                    yield f"{name}.{method_name}", method


ALL = [
    pytest.param(thing, id=f"{module}.{name}")
    for module in MODULES
    for name, thing in public(importlib.import_module(f"chainrule.{module}"))
]
TAUGHT = [chainrule.MLP, chainrule.Trainer, chainrule.SGD, chainrule.EarlyStopping, chainrule.LevenbergMarquardt, chainrule.LBFGS, chainrule.Adam, chainrule.AdamW, chainrule.RMSprop, chainrule.Adagrad, chainrule.RPROP, chainrule.Trainer.fit, chainrule.Trainer.fit_batches, chainrule.Trainer.forward, chainrule.Trainer.apply_gradients, chainrule.Trainer.freeze, chainrule.Trainer.trace, chainrule.MLP.explain, chainrule.ForwardPass.backward, chainrule.ForwardPass.input_gradients, chainrule.MLP.forward, chainrule.MLP.input_gradients, chainrule.MLP.jacobian, chainrule.streams.NpyStream, chainrule.streams.CsvStream, chainrule.streams.ParquetStream, chainrule.Trainer.evaluate, chainrule.Trainer.report, chainrule.History.report, chainrule.report.write_report,
          chainrule.MLP.predict, chainrule.Predictor.__call__, chainrule.set_backend, chainrule.load, chainrule.fit_many, chainrule.each, chainrule.find_learning_rate, chainrule.losses.cross_entropy,
          chainrule.export.to_c, chainrule.export.to_numpy, chainrule.export.to_onnx,
          *(getattr(chainrule.plots, name) for name in chainrule.plots.__all__),
          *(getattr(chainrule.interchange, name) for name in chainrule.interchange.__all__),
          chainrule.metrics.accuracy, chainrule.metrics.roc_auc, chainrule.initializers.constant]  # fmt: skip
if "sklearn" in MODULES:
    from chainrule import sklearn as estimators

    TAUGHT += [method for kind in (estimators.MLPClassifier, estimators.MLPRegressor) for method in (kind.fit, kind.partial_fit)]  # fmt: skip


@pytest.mark.parametrize("name", ["", *MODULES])
def test_every_module_has_a_docstring(name: str) -> None:
    assert importlib.import_module(f"chainrule.{name}".rstrip(".")).__doc__


@pytest.mark.parametrize("thing", ALL)
def test_everything_public_has_a_docstring_that_begins_with_a_sentence(thing: Any) -> None:
    text = inspect.getdoc(thing)
    assert text
    assert re.match(r"[A-Z`\"1].*[.:;,\w`)]", text.splitlines()[0])
    assert text.split("\n\n")[0].rstrip().endswith((".", ":", "::"))


@pytest.mark.parametrize("thing", ALL)
def test_the_sections_are_those_of_numpydoc(thing: Any) -> None:
    lines = (inspect.getdoc(thing) or "").splitlines()
    for title, line in pairwise(lines):
        if line and set(line) == {"-"}:
            assert title in SECTIONS
            assert len(line) == len(title)


@pytest.mark.parametrize("thing", ALL)
def test_only_parameters_that_exist_are_described(thing: Any) -> None:
    found = re.search(r"Parameters\n-+\n(.*?)(\n\n\w+\n-+\n|\Z)", inspect.getdoc(thing) or "", re.DOTALL)
    if found and not isinstance(thing, property):
        names = [
            name
            for line in re.findall(r"^(\w[\w, ]*) :", found[1], re.MULTILINE)
            for name in line.split(", ")
        ]
        assert names
        assert set(names) <= set(inspect.signature(thing).parameters)


@pytest.mark.parametrize("thing", TAUGHT)
def test_what_users_meet_first_describes_every_parameter_and_its_errors(thing: Any) -> None:
    text = inspect.getdoc(thing) or ""
    for name in inspect.signature(thing).parameters:
        if name != "self":
            assert re.search(rf"^(\w+, )*{name}(, \w+)* :", text, re.MULTILINE), name
    assert "Raises\n------" in text or thing is chainrule.initializers.constant


@pytest.mark.parametrize(
    "name",
    [
        "model",
        "trainer",
        "_batch_trainer",
        "_manual_trainer",
        "backend",
        "health",
        "interchange._keras",
        "interchange._torch",
        "learning_rate_finder",
        "many",
        "passes",
        "predictor",
        "stopping",
        "streams",
        "trace._trace",
        "trace.worked._named",
        "_explained_model",
        "_traced_trainer",
        "_levenberg_marquardt",
        *(name for name in ("sklearn.classifier", "sklearn.regressor") if name in MODULES),
    ],
)
def test_the_examples_are_right(name: str) -> None:
    import doctest

    module = importlib.import_module(f"chainrule.{name}")
    failed, tried = doctest.testmod(module)
    assert tried
    assert not failed
