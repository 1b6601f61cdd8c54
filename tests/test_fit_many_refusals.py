"""What `fit_many` refuses: before any of the fits begins, with words that say which trainer it is about."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from many_cases import Fit, plain, together

N = 7


def wrong_metric(y_true: Any, prediction: Any) -> float:
    raise ZeroDivisionError("of mine")


def without(fit: Fit, **changes: Any) -> Fit:
    return fit._replace(arguments={**fit.arguments, **changes})


def spoiled_weights(fit: Fit) -> Fit:
    fit.trainer.model.weights[0] = fit.trainer.model.weights[0].astype("float64")
    return fit


@pytest.mark.parametrize(
    ("spoil", "error", "text"),
    [
        (lambda fit: fit._replace(X=fit.X[:, :3]), ValueError, r"trainers\[6\]: X has 3 features, but this MLP expects 8"),
        (lambda fit: fit._replace(y=fit.y[:3]), ValueError, r"trainers\[6\]: y has 3 rows"),
        (lambda fit: fit._replace(X=np.full_like(fit.X, np.nan)), ValueError, r"trainers\[6\]: X\[0, 0\] is nan"),
        (lambda fit: without(fit, epochs=-1), ValueError, r"trainers\[6\]: epochs must be at least 0"),
        (lambda fit: without(fit, metrics=["beauty"]), ValueError, r"trainers\[6\]: .*beauty"),
        (lambda fit: without(fit, metrics=[wrong_metric]), ZeroDivisionError, "of mine"),
        (lambda fit: without(fit, validation_data=(fit.X,)), ValueError, r"trainers\[6\]: validation_data must be"),
        (lambda fit: without(fit, validation_data=(fit.X[:, :1], fit.y)), ValueError, r"trainers\[6\]: validation_data\[0\]"),
        (lambda fit: without(fit, validation_split=2.0), ValueError, r"trainers\[6\]: validation_split must be"),
        (lambda fit: without(fit, callbacks=[3]), TypeError, r"trainers\[6\]: callbacks\[0\] must have a method"),
        (lambda fit: without(fit, checkpoint=3), TypeError, r"trainers\[6\]: checkpoint must be a str or a path"),
        (spoiled_weights, TypeError, r"trainers\[6\]: .*weights\[0\]"),
        (lambda fit: without(fit._replace(trainer=plain(9, optimizer=cr.LevenbergMarquardt()).trainer), checkpoint=None),
         ValueError, r"trainers\[6\]: LevenbergMarquardt takes all rows"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_seventh_is_found_before_the_first_begins(
    backend: str, spoil: Callable[[Fit], Fit], error: type[Exception], text: str, tmp_path: Path
) -> None:
    made = [plain(seed) for seed in range(N)]
    made = [without(fit, checkpoint=tmp_path / f"{i}.run") for i, fit in enumerate(made)]
    made[-1] = spoil(made[-1])
    before = [pickle.dumps(fit.trainer) for fit in made[:-1]]
    with pytest.raises(error, match=text) as raised:
        together(made)
    if error is ZeroDivisionError:
        assert raised.value.__notes__ == ["raised by the fit of trainers[6]"]
    assert [pickle.dumps(fit.trainer) for fit in made[:-1]] == before
    assert made[-1].trainer.epoch == 0
    assert list(tmp_path.iterdir()) == []


def test_a_trainer_or_a_model_may_not_be_there_twice(backend: str) -> None:
    made = [plain(seed).trainer for seed in range(4)]
    X, y = plain().X, plain().y
    with pytest.raises(ValueError, match=r"trainers\[1\] and trainers\[4\] are the same trainer"):
        cr.fit_many([*made, made[1]], X, y)
    twin = cr.Trainer(made[2].model, loss="mean_squared_error")
    with pytest.raises(ValueError, match=r"trainers\[2\] and trainers\[4\] train the same model"):
        cr.fit_many([*made, twin], X, y)
    model = plain(9).trainer.model
    model.biases = [made[3].model.biases[0], model.biases[1]]
    twin = cr.Trainer(model, loss="mean_squared_error")
    for trainers, pair in (([*made, twin], (3, 4)), ([twin, *made], (0, 4))):
        with pytest.raises(
            ValueError, match=r"trainers\[{}\] and trainers\[{}\] have arrays of".format(*pair)
        ):
            cr.fit_many(trainers, X, y)
    assert [trainer.step for trainer in made] == [0] * 4


def test_two_fits_cannot_write_one_file(backend: str, tmp_path: Path) -> None:
    made = [plain(seed) for seed in range(3)]
    same = tmp_path / "a.run", tmp_path / "b.run", tmp_path / ".." / tmp_path.name / "a.run"
    for files in (cr.each(same), tmp_path / "a.run"):
        with pytest.raises(
            ValueError, match=r"checkpoint is the same file for trainers\[0\] and trainers\[(1|2)\]"
        ):
            cr.fit_many([fit.trainer for fit in made], made[0].X, made[0].y, checkpoint=files)
    assert list(tmp_path.iterdir()) == []
    assert [fit.trainer.step for fit in made] == [0] * 3


def test_a_file_of_another_run_is_found_before_the_first_begins(backend: str, tmp_path: Path) -> None:
    other = plain(8)
    other.trainer.fit(other.X, other.y, checkpoint=tmp_path / "1.run")
    was = (tmp_path / "1.run").read_bytes()
    made = [without(plain(seed), checkpoint=tmp_path / f"{seed}.run") for seed in range(2)]
    with pytest.raises(
        ValueError,
        match=r"trainers\[1\]: .*1.run holds a run up to epoch 1, update 13, and this trainer, at epoch 0, update 0",
    ):
        together(made)
    made[1] = without(made[1], checkpoint=tmp_path / "no folder" / "1.run")
    with pytest.raises(FileNotFoundError) as raised:
        together(made)
    assert raised.value.__notes__ == ["raised by the fit of trainers[1]"]
    assert [fit.trainer.step for fit in made] == [0] * 2
    assert [path.name for path in tmp_path.iterdir()] == ["1.run"]
    assert (tmp_path / "1.run").read_bytes() == was


class Own(cr.Trainer):
    def fit(self, *given: Any, **more: Any) -> Any:
        raise AssertionError


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"trainers": "abc"}, TypeError, "trainers must be a list or a tuple"),
        ({"trainers": [plain().trainer, 3]}, TypeError, r"trainers\[1\] must be a Trainer, but it is 3"),
        ({"trainers": [Own(plain().trainer.model, loss="mean_squared_error")]}, TypeError, r"trainers\[0\] is a Own with a fit of its own"),
        ({"n_workers": 0}, ValueError, "n_workers must be at least 1"),
        ({"n_workers": "all"}, TypeError, "n_workers must be an int"),
        ({"on_error": "ignore"}, ValueError, "on_error must be one of raise, keep"),
        ({"progress": cr.each([True, True])}, TypeError, "progress is one display of all fits"),
        ({"progress": "bar"}, ValueError, "progress must be True, False"),
        ({"epoch": 3}, TypeError, "fit_many takes the arguments of Trainer.fit, which has none named 'epoch'"),
        ({"epochs": cr.each([1, 2, 3])}, ValueError, "epochs is each of 3 values, but there are 2 trainers"),
        ({"X": cr.each([])}, ValueError, "X is each of 0 values, but there are 2 trainers"),
    ],
)  # fmt: skip
def test_arguments_of_its_own_are_refused_by_name(
    change: dict[str, Any], error: type[Exception], text: str
) -> None:
    made = [plain(seed) for seed in range(2)]
    given = {"trainers": [fit.trainer for fit in made], "X": made[0].X, "y": made[0].y, **change}
    with pytest.raises(error, match=text):
        cr.fit_many(**given)
    assert [fit.trainer.step for fit in made] == [0, 0]


@pytest.mark.parametrize("values", [np.zeros((2, 3)), np.array(3), "ab", None, 3, {1: 2}])
def test_each_takes_no_texts_and_no_arrays_of_several_dimensions(values: Any) -> None:
    with pytest.raises(TypeError, match="values must be a list or a tuple"):
        cr.each(values)


@pytest.mark.parametrize(
    ("sizes", "output", "options", "text"),
    [
        ([2, 2], "exponential", {"loss": "poisson"}, r"y\[0, 0\] is -1.0, but poisson"),
        ([2, 2], "sigmoid", {"loss": "binary_cross_entropy"}, r"y\[0, 0\] is -1.0, but binary_cross_entropy"),
        ([3, 2], "identity", {"loss": "huber"}, "X has 2 features"),
        ([2, 3], "identity", {"loss": "huber"}, "y has 2 columns"),
        ([2, 2], "identity", {"loss": "huber", "output_weights": [0, 1]}, "output_weights is 0 wherever y is not NaN"),
    ],
)  # fmt: skip
def test_rows_that_fit_one_trainer_are_looked_at_again_for_another_that_asks_for_more(
    backend: str, sizes: list[int], output: str, options: dict[str, Any], text: str
) -> None:
    y = np.array([[-1.0, np.nan], [2.0, np.nan]], np.float32)
    first = cr.Trainer(cr.MLP([2, 2], seed=0), loss="mean_squared_error")
    other = cr.Trainer(cr.MLP(sizes, output_activation=output, seed=1), **options)
    with pytest.raises(ValueError, match=rf"trainers\[1\]: {text}"):
        cr.fit_many([first, other], np.eye(2, dtype=np.float32), y, epochs=1)
    assert first.epoch == 0
