"""What the estimators of chainrule.sklearn have more than scikit-learn's; `Trainer` is the judge of what the core computes."""

from __future__ import annotations

import re
import subprocess
import sys

import chainrule as cr
import numpy as np
import pytest
from sklearn_pairs import assert_same, both_fitted, classes, fitted, labels, pair, quantities, using

ONE_INSTRUCTION_SET_WILL_DO = True
from chainrule.sklearn import MLPClassifier, MLPRegressor

base = pytest.importorskip("sklearn.base")


def trained(estimator, begin, X, y, *, loss, epochs, batch_size=40, sample_weight=None, **network):
    """Return what `Trainer` makes of the same parameters, batches and optimizer."""
    sizes = [X.shape[1], *(len(b) for b in begin.intercepts)]
    model = cr.MLP(sizes, dtype=X.dtype.name, **network)
    for own, given in zip((*model.weights, *model.biases), (*begin.coefs, *begin.intercepts), strict=True):
        own[...] = given
    trainer = cr.Trainer(model, loss=loss, optimizer=estimator.solver, batch_size=batch_size, shuffle=False)
    trainer.fit(X, y, epochs=epochs, sample_weight=sample_weight)
    return trainer


def assert_same_bits(estimator, trainer):
    for own, given in zip(
        (*estimator.coefs_, *estimator.intercepts_),
        (*trainer.model.weights, *trainer.model.biases),
        strict=True,
    ):
        np.testing.assert_array_equal(own, given)
    np.testing.assert_allclose(estimator.loss_curve_, trainer.history.loss, rtol=1e-6)


OPTIMIZERS = [
    cr.SGD(cr.schedules.Cosine(0.05, steps=10), momentum=0.8, weight_decay=0.01),
    cr.Adam(0.02, clip_norm=0.5),
    cr.AdamW(0.02),
    cr.RMSprop(0.01, momentum=0.5),
    cr.Adagrad(0.05, l1=0.001),
]


@pytest.mark.parametrize("solver", OPTIMIZERS, ids=lambda solver: type(solver).__name__)
def test_an_optimizer_as_solver_trains_as_in_a_trainer(core, solver, dtype):
    X, y = classes(dtype=dtype)
    with using(core):
        estimator, begin = fitted(
            MLPClassifier((7, 5), solver=solver, shuffle=False, batch_size=40, max_iter=4, random_state=0),
            X,
            y,
        )
        trainer = trained(
            estimator,
            begin,
            X,
            y,
            loss="cross_entropy",
            epochs=4,
            activation="relu",
            output_activation="softmax",
        )
        assert_same_bits(estimator, trainer)


def test_rprop_takes_all_rows_at_once():
    X, y = quantities(2)
    estimator, begin = fitted(
        MLPRegressor(hidden_layer_sizes=(6,), solver=cr.RPROP(), loss="mean_squared_error", max_iter=5), X, y
    )
    # The order of rows is scikit-learn's, which changes only how sums are rounded.
    trainer = trained(estimator, begin, X, y, loss="mean_squared_error", epochs=5, batch_size="full")
    for own, given in zip(estimator.coefs_, trainer.model.weights, strict=True):
        np.testing.assert_allclose(own, given, rtol=1e-9)


def absolute(a, y):
    return float(np.abs(a - y).mean()), np.sign(a - y) / a.size


@pytest.mark.parametrize(
    "loss",
    [
        "mean_squared_error",
        "mean_absolute_error",
        "log_cosh",
        cr.losses.Huber(0.5),
        cr.losses.Quantile(0.3),
        absolute,
    ],
    ids=lambda loss: getattr(loss, "__name__", str(loss)),
)
def test_losses_of_quantities_train_as_in_a_trainer(core, loss):
    X, y = quantities(2)
    settings = {"solver": cr.SGD(0.05), "shuffle": False, "batch_size": 40, "max_iter": 3}
    with using(core):
        estimator, begin = fitted(
            MLPRegressor(loss=loss, hidden_layer_sizes=(7,), activation="tanh", **settings), X, y
        )
        trainer = trained(estimator, begin, X, y, loss=loss, epochs=3, activation="tanh")
        assert_same_bits(estimator, trainer)


def test_label_smoothing_trains_as_in_a_trainer(core):
    X, y = classes()
    loss = cr.losses.CrossEntropy(label_smoothing=0.2)
    settings = {"solver": cr.SGD(0.05), "shuffle": False, "batch_size": 40, "max_iter": 3}
    with using(core):
        estimator, begin = fitted(MLPClassifier((7,), loss=loss, **settings), X, y)
        trainer = trained(
            estimator, begin, X, y, loss=loss, epochs=3, activation="relu", output_activation="softmax"
        )
        assert_same_bits(estimator, trainer)


@pytest.mark.parametrize("given", [classes(2), classes(3), labels()], ids=["two", "three", "labels"])
def test_the_hinge_loss_trains_as_in_a_trainer_and_has_margins_in_place_of_probabilities(core, given):
    X, y = given
    settings = {"solver": cr.SGD(0.05), "shuffle": False, "batch_size": 40, "max_iter": 3, "random_state": 0}
    with using(core):
        estimator, begin = fitted(MLPClassifier((7,), loss="hinge", **settings), X, y)
        target = y if y.ndim == 2 else np.eye(3)[y] if y.max() == 2 else y
        trainer = trained(estimator, begin, X, target, loss="hinge", epochs=3, activation="relu")
        assert_same_bits(estimator, trainer)
        margins, found = estimator.decision_function(X), estimator.predict(X)
        expected = trainer.model.predict(X)
    np.testing.assert_array_equal(margins, expected[:, 0] if expected.shape[1] == 1 else expected)
    if y.ndim == 1 and y.max() == 2:
        np.testing.assert_array_equal(found, margins.argmax(axis=1))
    else:
        np.testing.assert_array_equal(found, margins > 0)
    assert not hasattr(estimator, "predict_proba")
    assert not hasattr(estimator, "predict_log_proba")
    assert not hasattr(MLPClassifier(), "decision_function")
    fitted(estimator.set_params(early_stopping=True, max_iter=30), X, y)
    assert estimator.best_validation_score_ > 0.2


def test_each_level_of_a_quantile_loss_has_an_output_that_so_many_targets_lie_below(core):
    X, y = quantities(rows=400)
    levels = [0.1, 0.5, 0.9]
    settings = {"hidden_layer_sizes": (10,), "learning_rate_init": 0.02, "max_iter": 150, "random_state": 0}
    with using(core):
        estimator, _ = fitted(MLPRegressor(loss=cr.losses.Quantile(levels), **settings), X, y)
        found = estimator.predict(X)
    assert found.shape == (400, 3)
    np.testing.assert_allclose((y[:, None] < found).mean(axis=0), levels, atol=0.06)
    with pytest.raises(ValueError, match=r"^y has 2 columns, but a quantile loss with 3 levels needs one"):
        estimator.fit(*quantities(2))


def test_a_list_of_activations_is_one_for_each_hidden_layer(core):
    X, y = quantities()
    with using(core):
        mixed, _ = fitted(
            MLPRegressor(hidden_layer_sizes=(6, 4), activation=["gelu", "tanh"], max_iter=3), X, y
        )
        network = cr._network.Network(
            (6, 6, 4, 1), ("gelu", "tanh", "identity"), dropout=(0, 0), dtype="float64"
        )
        expected = core.forward(network, mixed.coefs_, mixed.intercepts_, X)
        np.testing.assert_array_equal(mixed.predict(X), expected[:, 0])
        alike, listed = (
            fitted(
                MLPRegressor(hidden_layer_sizes=(6, 4), activation=given, max_iter=3, random_state=0), X, y
            )[0]
            for given in ("tanh", ["tanh", "tanh"])
        )
        assert_same(alike, listed, factor=0)


@pytest.mark.parametrize("class_weight", [{0: 3.0, 1: 0.5, 2: 1.0}, "balanced"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_class_weight_is_a_factor_of_the_weights_of_rows(class_weight, solver):
    from sklearn.utils.class_weight import compute_sample_weight

    X, y = classes()
    given = np.random.default_rng(0).uniform(size=len(X))
    settings = {"hidden_layer_sizes": (6,), "max_iter": 4, "random_state": 0, "solver": solver}
    weighed, _ = fitted(MLPClassifier(class_weight=class_weight, **settings), X, y, sample_weight=given)
    weights = given * compute_sample_weight(class_weight, y)
    plain, _ = fitted(MLPClassifier(**settings), X, y, sample_weight=weights)
    assert_same(plain, weighed, factor=0)


def test_balanced_classes_need_all_of_y():
    with pytest.raises(
        ValueError, match=r"^class_weight='balanced' needs all of y and so is not for partial_fit"
    ):
        MLPClassifier(class_weight="balanced").partial_fit(*classes(), classes=[0, 1, 2])


def test_targets_may_be_missing_if_that_is_asked_for(core):
    X, y = quantities(2)
    y[::3, 0] = np.nan
    settings = {
        "solver": cr.SGD(0.05),
        "shuffle": False,
        "batch_size": 40,
        "max_iter": 3,
        "hidden_layer_sizes": (7,),
    }
    with using(core):
        estimator, begin = fitted(
            MLPRegressor(missing_targets=True, loss="mean_squared_error", **settings), X, y
        )
        trainer = trained(estimator, begin, X, y, loss="mean_squared_error", epochs=3, activation="relu")
        assert_same_bits(estimator, trainer)
        stopped = MLPRegressor(missing_targets=True, early_stopping=True, max_iter=5, random_state=0)
        fitted(stopped, X, y)
    assert np.isfinite(stopped.validation_scores_).all()
    with pytest.raises(ValueError, match=r"^Input y contains NaN"):
        MLPRegressor().fit(X, y)
    with pytest.raises(ValueError, match=r"^y holds nothing but NaN"):
        MLPRegressor(missing_targets=True).fit(X, np.full(len(X), np.nan))


def test_weights_of_few_stored_entries_count_where_scikit_learn_takes_none_too():
    """Before 1.7 its own loop, which else trains on such an X, has no weights of rows."""
    sparse = pytest.importorskip("scipy.sparse")
    X = sparse.random(60, 200, density=0.02, format="csr", random_state=0)
    y = np.asarray(X.sum(axis=1)).ravel() > 1
    weight = np.repeat([0.0, 1.0], 30)
    settings = {
        "hidden_layer_sizes": (4,),
        "shuffle": False,
        "batch_size": 60,
        "max_iter": 3,
        "random_state": 0,
    }
    some, _ = fitted(MLPClassifier(**settings), X, y, sample_weight=weight)
    other, _ = fitted(MLPClassifier(**settings), X[30:], y[30:], sample_weight=weight[30:])
    for own, given in zip(some.coefs_, other.coefs_, strict=True):
        np.testing.assert_allclose(own, given, rtol=1e-9, atol=1e-12)


def test_predict_into_writes_the_outputs(core, dtype):
    X, y = classes(dtype=dtype)
    with using(core):
        _, estimator = both_fitted("MLPClassifier", X, y)
        out = np.full((len(X), 3), 7, dtype)
        assert estimator.predict_into(X, out) is out
        np.testing.assert_array_equal(out, estimator.predict_proba(X))
        with pytest.raises(ValueError, match=r"^out must have shape \(120, 3\), but its shape is \(120, 2\)"):
            estimator.predict_into(X, np.empty((120, 2), dtype))
        with pytest.raises(ValueError, match=r"^X has 4 features, but this MLP expects 6"):
            estimator.predict_into(X[:, :4], out)
    with pytest.raises(
        base.NotFittedError if hasattr(base, "NotFittedError") else Exception, match="not fitted"
    ):
        MLPClassifier().predict_into(X, out)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (
            {"dropout": 0.1, "solver": "lbfgs"},
            "dropout needs a solver that takes batches, but solver is 'lbfgs'",
        ),
        ({"dropout": [0.1]}, "dropout has 1 entry, but the number of hidden layers is 2"),
        ({"dropout": [0.1, 1.5]}, "dropout[1] must be at least 0 and less than 1, but it is 1.5"),
        ({"activation": ["relu"]}, "activation has 1 entry, but the number of hidden layers is 2"),
        ({"activation": ["relu", "step"]}, "activation[1] must be one of logistic, identity"),
        ({"activation": "softmax"}, "The 'activation' parameter of MLPClassifier must be"),
        ({"n_threads": 0}, "The 'n_threads' parameter of MLPClassifier must be"),
        ({"solver": cr.SGD}, "The 'solver' parameter of MLPClassifier must be"),
        (
            {"loss": cr.losses.BinaryCrossEntropy(0.1)},
            "loss binary_cross_entropy needs output_activation sigmoid",
        ),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, text):
    estimator = pair("MLPClassifier")[1].set_params(**settings)
    with pytest.raises(ValueError, match=re.escape(text)):
        estimator.fit(*classes())


@pytest.mark.parametrize(
    "estimator",
    [
        MLPClassifier((4,), dropout=[0.2], class_weight={0: 2.0}, solver=cr.AdamW(0.01), n_threads=1),
        MLPRegressor(
            loss=cr.losses.Quantile([0.1, 0.9]),
            hidden_layer_sizes=(4,),
            time_budget=3.0,
            warm_start="optimizer",
        ),
    ],
)
def test_additions_are_parameters_that_clones_have_too(estimator):
    copy = base.clone(estimator)
    assert repr(copy) == repr(estimator)
    assert {name: str(value) for name, value in copy.get_params().items()} == {
        name: str(value) for name, value in estimator.get_params().items()
    }


def test_before_scikit_learn_1_7_the_first_argument_is_hidden_layer_sizes():
    import inspect

    from chainrule.sklearn._regression import as_old_signature

    def init(self, loss="squared_error", hidden_layer_sizes=(100,), activation="relu", *, solver="adam"):
        self.given = (loss, hidden_layer_sizes, activation, solver)

    class Old:
        __init__ = as_old_signature(init, has_loss=False)

    assert Old((3,), "tanh", solver="sgd").given == ("squared_error", (3,), "tanh", "sgd")
    assert Old(loss="poisson").given[0] == "poisson"
    assert list(inspect.signature(Old).parameters) == ["hidden_layer_sizes", "activation", "solver", "loss"]
    with pytest.raises(TypeError, match="takes 2 arguments by position, but 3 were given"):
        Old((3,), "tanh", "sgd")


@pytest.mark.parametrize("name", ["_fit_context", "BaseMultilayerPerceptron._init_coef"])
def test_a_scikit_learn_that_lacks_what_is_needed_is_refused_when_it_is_imported(name):
    code = f"""
from sklearn.neural_network import _multilayer_perceptron as module
owner, _, name = {name!r}.rpartition(".")
delattr(getattr(module, owner) if owner else module, name)
try:
    import chainrule.sklearn
except ImportError as error:
    assert "does not know scikit-learn" in str(error) and name in str(error), error
else:
    raise SystemExit("nothing was raised")
"""
    subprocess.run([sys.executable, "-c", code], check=True)
