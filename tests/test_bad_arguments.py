"""Every argument of the public layer refuses what it cannot use, by name, and nothing changes."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import chainrule as cr
import numpy as np
import pytest

NAN, INF = float("nan"), float("inf")
X = np.random.default_rng(0).standard_normal((5, 3)).astype("float32")
Y = np.array([0, 1, 0, 1, 1])


class Shy:
    def __repr__(self) -> str:
        raise RuntimeError("not even a name")


# Values that are no number of the kind at all, and more.
NO_INT = [
    "3",
    b"3",
    None,
    2.0,
    2.5,
    NAN,
    True,
    [1],
    (1,),
    {},
    1j,
    np.array([1, 2]),
    np.array(1.0),
    object(),
    Shy(),
    int,
]
NO_REAL = [
    "0.1",
    b"x",
    None,
    True,
    np.True_,
    [0.1],
    (),
    {},
    1j,
    np.array([0.1, 0.2]),
    object(),
    float,
    NAN,
    INF,
    -INF,
    10**400,
    -(10**400),
]
NO_BOOL = [0, 1, 0.0, "yes", "", None, [], [True], np.array([True, False]), object()]
NO_NAME = [
    "",
    "nothing",
    "RELU",
    " tanh",
    b"tanh",
    3,
    None,
    True,
    object(),
    np.array(["tanh", "relu"]),
    {"tanh"},
]
NO_ARRAY = [
    None,
    "abc",
    b"abc",
    object(),
    {},
    {"a": 1},
    [["a"]],
    [[None]],
    [[1j]],
    [[2**70, 1, 1]],
    lambda: 0,
]
NO_SEED = [*NO_INT[:2], *NO_INT[3:], -1, 2**64, -(2**70)]  # None draws one


def without(values: list[Any], *kinds: type) -> list[Any]:
    return [value for value in values if not isinstance(value, kinds)]


def wide(shape: tuple[int, ...], kind: str = "float32") -> np.ndarray:
    return np.zeros(shape, kind)


def masked() -> Any:
    return np.ma.array(X, mask=X > 0)


class Sparse:
    def toarray(self) -> np.ndarray:
        return X


class Broken:
    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise RuntimeError("it lies on another device")


BAD_X = [*NO_ARRAY, 1, 1.5, [], [1, 2, 3], [[1, 2], [3]], X[0], X[:, :2], wide((5, 4)), wide((5, 0)), wide((5, 3, 1)),
         X.astype(complex), X.astype(str), X.astype(object), X.astype("M8[s]"), masked(), Sparse(), Broken()]  # fmt: skip
NOT_FINITE = [np.where(np.arange(15).reshape(5, 3) == 7, value, X) for value in (NAN, INF, -INF)]
BAD_FIT_X = [*BAD_X, *NOT_FINITE, wide((0, 3))]
BAD_Y = [*NO_ARRAY[:5], *NO_ARRAY[6:], 1, [], [0, 1], [0, 1, 0, 1, 2], [0, 1, 0, 1, -1], Y.astype(float), Y.astype(str),
         Y.astype(object), Y[:, None], wide((5, 3)), wide((5, 2, 1)), wide((4, 2)), np.full((5, 2), NAN), Broken(),
         wide((5, 2)), np.full((5, 2), 0.6, "float32"), [0, 1, 0, 1, 2**63], np.ma.array(Y, mask=Y)]  # fmt: skip
BAD_METRICS = [None, "accuracy", 3, {"accuracy"}, ["accuracy", "speed"], [3], [None], ["r2", "r2"], [["r2"]],
               [lambda y, p: 0.0, lambda y, p: 0.0]]  # fmt: skip
BAD_OUT = [1, [[0.0] * 2] * 5, wide((5, 3)), wide((4, 2)), wide((5, 2), "float64"), wide((5, 4))[:, ::2],
           wide((2, 5)).T, np.frombuffer(bytes(40), "float32").reshape(5, 2), wide((5, 2), ">f4")]  # fmt: skip
BAD_PATH = [None, 3, 2.5, b"model.pkl", ["model.pkl"], "", "a\0b", object()]

MODEL: dict[str, list[Any]] = {
    "layer_sizes": [None, 3, "34", [], [3], (), {3, 4}, [3, 0], [3, -1, 2], [3, 2.0], [3, "2"], [3, None, 2], [True, 2],
                    np.array([3, 2]), [[3, 2]], [NAN, 2], range(2, 4)],
    "activation": [*NO_NAME, "softmax", ["tanh"], ["tanh", "relu", "relu"], [], ["tanh", "softmax"], ["tanh", None]],
    "output_activation": [*NO_NAME, ["tanh"], ("softmax",)],
    "bias": ["", "none", "UNIT", True, False, 0, 1, ["unit"], {"unit"}, object(), np.array(["unit", "layer"])],
    "dropout": [*NO_REAL[:5], *NO_REAL[7:], -0.1, 1, 1.0, 2, [0.1], [0.1, 0.2, 0.3], [0.1, "0.2"], [0.1, 1.0], [None, 0]],
    "input_dropout": [*NO_REAL, -0.1, 1, 1.0, [0.1]],
    "input_noise": [*NO_REAL, -1e-9, [0.1]],
    "initializer": [*without(NO_NAME, np.ndarray), wide((3, 4)), lambda shape, **_: None, lambda shape, **_: wide(shape[:1]),
                    lambda shape, **_: wide(shape, "float64"), lambda shape, **_: [["a"]]],
    "dtype": [*without(NO_NAME, np.ndarray), "float16", "f4", int, complex, np.float16, np.dtype(">f4"), np.dtype("i4"), 32],
    "seed": NO_SEED,
}  # fmt: skip
SGD: dict[str, list[Any]] = {
    "learning_rate": [*NO_REAL, -0.1],
    "momentum": [*NO_REAL, -0.1, 1, 1.0, 1.5],
    "nesterov": NO_BOOL,
    "weight_decay": [*NO_REAL, -1e-9],
}
TRAINER: dict[str, list[Any]] = {
    "model": [None, "model", 3, object(), cr.MLP, X],
    "loss": [
        *NO_NAME,
        "mse",
        "binary_cross_entropy",
        cr.losses.binary_cross_entropy,
        cr.losses.Huber,
        cr.losses.Huber(),
    ],
    "output_weights": [3, "ab", {}, [1], [1, 2], [1, 2, 3], [1, -1], [0, 0], [1, "2"], [NAN, 1], object()],
    "optimizer": [None, "sgd", 0.1, cr.SGD, object(), {"learning_rate": 0.1}],
    "batch_size": [*NO_INT, 0, -1, "Full", "all"],
    "shuffle": NO_BOOL,
    "seed": [*NO_SEED, None],
    "n_threads": [*NO_INT[:2], *NO_INT[3:], 0, -1],
}
FIT: dict[str, list[Any]] = {
    "X": BAD_FIT_X,
    "y": BAD_Y,
    "sample_weight": [3, "ab", [1] * 4, [[1] * 5], [1, 1, 1, 1, -1], [1, 1, 1, 1, NAN], [1, 1, 1, 1, INF], [1, 1, 1, 1, 1e21], [1, 1, 1, 1, 1e-21], [0] * 5, ["a"] * 5],
    "class_weight": ["balance", 3, [1, 2], {7: 1}, {0: -1}, {"a": 1}, {0: NAN}, {0: 0, 1: 0}, {0: 1e38}, {1: 1e-39}, {0: 1e300}, {0: "1"}, {True: 1}, object()],
    "epochs": [*NO_INT, -1],
    "metrics": BAD_METRICS,
    "progress": [None, 1, 0, "yes", "log.txt", [], object(), Path("log.txt")],
    "validation_split": [*without(NO_REAL, type(None)), -0.1, 0, 0.0, 1.0, 1, 3, 0.9],
    "stratify": [*NO_BOOL, True],
    "early_stopping": [True, False, 3, "loss", "validation_loss", cr.EarlyStopping, {"patience": 3}, cr.EarlyStopping(),
                       cr.EarlyStopping("accuracy"), cr.EarlyStopping("loss", mode="max")],
    "time_budget": [*without(NO_REAL, type(None)), -1],
    "target_loss": [*without(NO_REAL, type(None)), -0.1],
    "tolerance": [*without(NO_REAL, type(None)), -1e-9],
    "tolerance_epochs": [*NO_INT, 0],
    "validation_data": [3, "ab", X, {"X": X}, (), (X,), (X, Y, Y, Y), [X], (X, Y, [1, 2]), *((x, Y) for x in BAD_FIT_X), *((X, y) for y in BAD_Y)],
}  # fmt: skip


STOPPING: dict[str, list[Any]] = {
    "monitor": [None, 3, "", b"loss", ["loss"], cr.metrics.accuracy],
    "patience": [*NO_INT, -1],
    "min_delta": [*NO_REAL, -0.1],
    "mode": [None, 1, "MAX", "maximum", "", ["min"]],
    "restore_best": NO_BOOL,
}


def table(arguments: dict[str, list[Any]]) -> list[Any]:
    return [
        pytest.param(name, bad, id=f"{name}-{i}")
        for name, values in arguments.items()
        for i, bad in enumerate(values)
    ]


def refused(call: Callable[[], object], name: str) -> None:
    """The call must raise an error that begins with the name of the argument, or at least has it as a word."""
    with pytest.raises((ValueError, TypeError), match=rf"(^|\W){name}(\W|$)") as caught:
        call()
    assert type(caught.value) in (ValueError, TypeError)


def a_trainer() -> cr.Trainer:
    model = cr.MLP([3, 4, 2], output_activation="softmax", dropout=0.1, seed=0)
    trainer = cr.Trainer(model, loss="cross_entropy", optimizer=cr.SGD(0.1, momentum=0.5), batch_size=2)
    trainer.fit(X, Y)
    return trainer


@pytest.mark.parametrize(("name", "bad"), table(MODEL))
def test_a_model(name: str, bad: Any) -> None:
    refused(lambda: cr.MLP(**{"layer_sizes": [3, 4, 4, 2], name: bad}), name)


def test_a_softmax_of_one_output() -> None:
    """It is 1 whatever the inputs, and nothing is ever learned."""
    with pytest.raises(
        ValueError, match=r"^output_activation is softmax, which is 1 for a single output.*use sigmoid"
    ):
        cr.MLP([3, 4, 1], output_activation="softmax")


@pytest.mark.parametrize(("name", "bad"), table(SGD))
def test_an_optimizer(name: str, bad: Any) -> None:
    refused(lambda: cr.SGD(**{name: bad}), name)


@pytest.mark.parametrize(("name", "bad"), table(STOPPING))
def test_the_settings_of_early_stopping(name: str, bad: Any) -> None:
    refused(lambda: cr.EarlyStopping(**{name: bad}), name)


@pytest.mark.parametrize(("name", "bad"), table(TRAINER))
def test_a_trainer(name: str, bad: Any) -> None:
    model = cr.MLP([3, 4, 2], output_activation="softmax", seed=0)
    before = pickle.dumps(model)
    refused(lambda: cr.Trainer(**{"model": model, "loss": "cross_entropy", name: bad}), name)
    assert pickle.dumps(model) == before


@pytest.mark.filterwarnings("ignore::chainrule.DtypeConversionWarning")
@pytest.mark.parametrize(("name", "bad"), table(FIT))
def test_a_fit(backend: str, name: str, bad: Any) -> None:
    trainer = a_trainer()
    before = pickle.dumps(trainer)
    arguments = {"X": X, "y": Y, "epochs": 2, name: bad}
    refused(lambda: trainer.fit(arguments.pop("X"), arguments.pop("y"), **arguments), name)
    assert pickle.dumps(trainer) == before


@pytest.mark.filterwarnings("ignore::chainrule.DtypeConversionWarning")
@pytest.mark.parametrize("method", ["train_on_batch", "gradients", "evaluate"])
@pytest.mark.parametrize(("name", "bad"), table({"X": BAD_FIT_X, "y": BAD_Y}))
def test_one_batch(backend: str, method: str, name: str, bad: Any) -> None:
    trainer = a_trainer()
    before = pickle.dumps(trainer)
    arguments = {"X": X, "y": Y, name: bad}
    refused(lambda: getattr(trainer, method)(**arguments), name)
    assert pickle.dumps(trainer) == before


@pytest.mark.parametrize("bad", BAD_METRICS)
def test_the_metrics_of_an_evaluation(bad: Any) -> None:
    refused(lambda: a_trainer().evaluate(X, Y, bad), "metrics")


@pytest.mark.parametrize(
    ("name", "bad"), table({name: TRAINER[name] for name in ("loss", "optimizer", "batch_size", "shuffle", "seed", "n_threads")})
)  # fmt: skip
def test_a_setting_changed_later(name: str, bad: Any) -> None:
    trainer = a_trainer()
    before = pickle.dumps(trainer)
    refused(lambda: setattr(trainer, name, bad), name)
    assert pickle.dumps(trainer) == before


@pytest.mark.filterwarnings("ignore::chainrule.DtypeConversionWarning")
@pytest.mark.parametrize(
    ("name", "bad"), table({"X": BAD_X, "out": BAD_OUT, "n_threads": [*NO_INT[:2], *NO_INT[3:], 0, -1]})
)
def test_a_prediction(backend: str, name: str, bad: Any) -> None:
    model = a_trainer().model
    before = pickle.dumps(model)
    arguments = {"X": X, name: bad}
    kept = pickle.dumps(bad) if isinstance(bad, np.ndarray) else None
    refused(lambda: model.predict(**arguments), name)
    assert pickle.dumps(model) == before
    assert kept is None or pickle.dumps(bad) == kept


def test_a_prediction_into_what_it_reads(backend: str) -> None:
    model = cr.MLP([2, 2], seed=0)
    inputs = np.ones((2, 2), "float32")
    refused(lambda: model.predict(inputs, out=inputs), "out")
    refused(lambda: model.predict(inputs, out=model.weights[0]), "out")


BAD_PARAMETERS = [None, 3, "weights", (), [], {}, [None, None], [wide((3, 4))], [wide((3, 4)), wide((2, 4))],
                  [wide((3, 4)), wide((4, 2), "float64")], [wide((3, 4)), wide((2, 4)).T], [wide((3, 4)), wide((4, 2), ">f4")],
                  [wide((3, 4)), [[0.0] * 2] * 4], [wide((3, 4)), wide((4, 2), "int32")], np.zeros((2, 3, 4), "float32"),
                  [wide((3, 4)), wide((4, 2)), wide((2, 2))]]  # fmt: skip


@pytest.mark.parametrize("bad", [pytest.param(bad, id=str(i)) for i, bad in enumerate(BAD_PARAMETERS)])
@pytest.mark.parametrize(
    "use", ["predict", "fit", "train_on_batch", "gradients", "evaluate", "save", "copy", "pickle"]
)
def test_parameters_that_do_not_fit(backend: str, use: str, bad: Any, tmp_path: Path) -> None:
    trainer = a_trainer()
    model, state, good = trainer.model, trainer.state, trainer.model.weights
    before = pickle.dumps(trainer)
    model.weights = bad
    calls: dict[str, Callable[[], object]] = {
        "predict": lambda: model.predict(X),
        "fit": lambda: trainer.fit(X, Y),
        "train_on_batch": lambda: trainer.train_on_batch(X, Y),
        "gradients": lambda: trainer.gradients(X, Y),
        "evaluate": lambda: trainer.evaluate(X, Y),
        "save": lambda: model.save(tmp_path / "model.pkl"),
        "copy": model.copy,
        "pickle": lambda: pickle.dumps(model),
    }
    refused(calls[use], "weights")
    assert not os.listdir(tmp_path)
    model.weights = good
    assert state.step == trainer.step
    assert pickle.dumps(trainer) == before


@pytest.mark.parametrize("use", ["fit", "train_on_batch"])
def test_parameters_that_cannot_be_updated(backend: str, use: str) -> None:
    trainer = a_trainer()
    trainer.model.weights[1].flags.writeable = False
    refused(lambda: getattr(trainer, use)(X, Y), "weights")
    trainer.model.weights[1].flags.writeable = True
    trainer.model.biases[1] = trainer.model.weights[1].reshape(-1)[:2]
    refused(lambda: getattr(trainer, use)(X, Y), "biases|weights")


@pytest.mark.parametrize("bad", [pytest.param(bad, id=str(i)) for i, bad in enumerate(BAD_PATH)])
def test_a_path(bad: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = cr.MLP([2, 1])
    for call in (lambda: model.save(bad), lambda: cr.load(bad)):
        refused(call, "path")
    assert not os.listdir()


@pytest.mark.parametrize("bad", NO_REAL)
def test_the_value_of_a_constant(bad: Any) -> None:
    refused(lambda: cr.initializers.constant(bad), "value")


@pytest.mark.parametrize("call", [lambda: cr.MLP([2, 1], "tanh"), lambda: cr.MLP([2, 1], activations="tanh"),
                                  lambda: cr.Trainer(cr.MLP([2, 1])), lambda: cr.SGD(lr=0.1), lambda: cr.MLP()])  # fmt: skip
def test_python_itself_refuses_misspelt_and_missing_arguments(call: Callable[[], object]) -> None:
    with pytest.raises(TypeError):
        call()
