"""Networks of scikit-learn as ours, and ours as scikit-learn's."""

from __future__ import annotations

import doctest
import importlib
import pickle
import subprocess
import sys

import chainrule as cr
import numpy as np
import pytest
from chainrule.interchange import from_sklearn, to_sklearn
from export_cases import assert_right, network, parts_of, rows_for

pytest.importorskip("sklearn", reason="the comparison needs scikit-learn")
from sklearn.base import clone
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline

HIDDEN = {"identity": "identity", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}
TARGETS = {
    "three classes": lambda n: np.arange(n) % 3,
    "two classes": lambda n: np.where(np.arange(n) % 2, "yes", "no"),
    "labels": lambda n: np.stack([np.arange(n) % 2, np.arange(n) % 3 == 0, np.arange(n) % 5 == 0], axis=1).astype(int),
    "a quantity": lambda n: np.linspace(-1, 1, n),
    "quantities": lambda n: np.linspace([-1, 0], [1, 2], n),
}  # fmt: skip
HAS_POISSON = "loss" in MLPRegressor().get_params()


def fitted(kind="three classes", activation="relu", layers=(6,), dtype="float32", features=4, **options):
    """An estimator after three steps of its own training, and rows."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(30, features)).astype(dtype)
    y = TARGETS[kind](30)
    regression = kind.startswith(("a q", "q"))
    maker = MLPRegressor if regression else MLPClassifier
    estimator = maker(
        hidden_layer_sizes=layers, activation=activation, random_state=3, learning_rate_init=0.05, **options
    )
    for _ in range(3):
        estimator.partial_fit(
            X, y, **({} if regression else {"classes": np.unique(y) if y.ndim == 1 else range(3)})
        )
    return estimator, X


def probabilities(estimator, X):
    """What the last layer of the estimator gives, (rows, outputs)."""
    if hasattr(estimator, "predict_proba"):
        outputs = estimator.predict_proba(X)
        return outputs[:, 1:] if estimator.n_outputs_ == 1 else outputs
    return estimator.predict(X).reshape(len(X), -1)


def same_bits(first, second):
    return [a.tobytes() for a in first] == [a.tobytes() for a in second]


@pytest.mark.parametrize("activation", HIDDEN)
@pytest.mark.parametrize("kind", TARGETS)
def test_outputs_are_those_of_the_estimator(backend, dtype, kind, activation):
    estimator, X = fitted(kind, activation, (6, 9), dtype)
    model = from_sklearn(estimator)
    output = {"three classes": "softmax", "two classes": "sigmoid", "labels": "sigmoid"}.get(kind, "identity")
    assert model.network.activations == (HIDDEN[activation], HIDDEN[activation], output)
    assert model.dtype == dtype
    assert model.seed == 0
    assert same_bits(model.weights, estimator.coefs_)
    assert same_bits(model.biases, estimator.intercepts_)
    assert_right(parts_of(model), X, np.ascontiguousarray(probabilities(estimator, X)))


@pytest.mark.parametrize("hidden", [0, 1, 2, 3, 4, 5])
def test_any_number_of_layers_goes_in_and_out(backend, dtype, hidden):
    estimator, X = fitted(layers=(9, 5, 17, 3, 8)[:hidden], dtype=dtype)
    model = from_sklearn(estimator)
    assert model.layer_sizes == (4, *(9, 5, 17, 3, 8)[:hidden], 3)
    assert_right(parts_of(model), X, estimator.predict_proba(X))
    back = to_sklearn(model, classes=estimator.classes_)
    assert same_bits(back.coefs_, estimator.coefs_)
    assert same_bits(back.intercepts_, estimator.intercepts_)
    assert back.predict_proba(X).tobytes() == estimator.predict_proba(X).tobytes()


@pytest.mark.parametrize("kind", TARGETS)
def test_an_estimator_that_was_made_here_predicts_as_the_one_it_came_from(dtype, kind):
    estimator, X = fitted(kind, "tanh", (6, 9), dtype)
    classes = getattr(estimator, "classes_", None)
    back = to_sklearn(from_sklearn(estimator), classes=classes)
    assert type(back) is type(estimator)
    assert back.predict(X).tolist() == estimator.predict(X).tolist()
    assert back.out_activation_ == estimator.out_activation_
    assert back.n_features_in_ == 4
    assert back.n_outputs_ == estimator.n_outputs_
    if classes is not None:
        assert list(back.classes_) == list(classes)
        assert back.predict_proba(X).tobytes() == estimator.predict_proba(X).tobytes()


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("kind", TARGETS)
def test_partial_fit_goes_on_from_the_parameters_as_a_new_optimizer_does(dtype, kind, solver):
    estimator, X = fitted(kind, "tanh", (6, 9), dtype, solver=solver, shuffle=False)
    y = TARGETS[kind](30)
    back = to_sklearn(from_sklearn(estimator), classes=getattr(estimator, "classes_", None))
    back.set_params(solver=solver, shuffle=False, learning_rate_init=0.05)
    del estimator._optimizer  # so that it, too, begins without momentum
    for one in (estimator, back):
        one.partial_fit(X, y)
    assert same_bits(back.coefs_, estimator.coefs_)
    assert same_bits(back.intercepts_, estimator.intercepts_)
    assert back.n_iter_ == 1
    assert back.t_ == 30
    assert len(back.loss_curve_) == 1


def test_it_can_be_cloned_pickled_scored_and_fitted_anew():
    estimator, X = fitted()
    back = to_sklearn(from_sklearn(estimator))
    assert clone(back).get_params() == back.get_params()
    assert pickle.loads(pickle.dumps(back)).predict(X).tolist() == estimator.predict(X).tolist()
    assert back.score(X, estimator.predict(X)) == 1
    back.set_params(max_iter=300, early_stopping=True, tol=1e-2)
    back.fit(X, TARGETS["three classes"](30))
    assert back.n_iter_ > 1


@pytest.mark.parametrize("activation", HIDDEN.values())
@pytest.mark.parametrize("output", ["softmax", "sigmoid", "identity"])
def test_a_way_out_and_back_has_the_same_bits(backend, dtype, activation, output):
    model = cr.MLP([5, 9, 4, 3], activation=activation, output_activation=output, dtype=dtype, seed=4)
    model.biases = [np.random.default_rng(2).normal(size=b.shape).astype(dtype) for b in model.biases]
    classes = range(3) if output == "sigmoid" else None
    estimator = to_sklearn(model, classes=classes)
    back = from_sklearn(estimator)
    assert back.network == model.network
    assert same_bits(back.weights, model.weights)
    assert same_bits(back.biases, model.biases)
    X = rows_for(parts_of(model), 20)
    assert_right(parts_of(model), X, np.ascontiguousarray(probabilities(estimator, X)))


@pytest.mark.parametrize(
    "classes", [["no", "yes"], [3, 7], [False, True], [0.0, 1.0], np.array(["a", "b"], object)]
)
def test_one_output_of_sigmoid_is_the_probability_of_the_second_class(backend, classes):
    model = cr.MLP([5, 4, 1], output_activation="sigmoid", seed=1)
    estimator = to_sklearn(model, classes=classes)
    X = rows_for(parts_of(model), 40)
    p = model.predict(X)[:, 0]
    assert list(estimator.classes_) == list(classes)
    assert_right(parts_of(model), X, np.ascontiguousarray(estimator.predict_proba(X)[:, 1:]))
    sure = abs(p - 0.5) > 1e-6
    assert 0 < (p > 0.5).sum() < 40
    assert estimator.predict(X)[sure].tolist() == [classes[int(q)] for q in p[sure] > 0.5]


def test_two_outputs_of_softmax_are_one_of_sigmoid(backend, dtype):
    model = network("softmax", dtype, sizes=(5, 7, 2))
    estimator = to_sklearn(model, classes=["a", "b"])
    assert estimator.coefs_[1].shape == (7, 1)
    X = rows_for(parts_of(model), 40)
    found, expected = estimator.predict_proba(X), model.predict(X)
    # The difference of two sums instead of the sum of differences: 8 terms of at most a few units, each rounded twice.
    assert np.abs(found - expected).max() <= 40 * np.finfo(dtype).eps
    assert estimator.predict(X).tolist() == [["a", "b"][int(i)] for i in expected.argmax(axis=1)]
    assert estimator.partial_fit(X, ["a", "b"] * 20).predict_proba(X).shape == (40, 2)


def test_the_random_numbers_of_numpy_are_not_touched():
    np.random.seed(5)  # noqa: NPY002 - those that scikit-learn draws from
    expected = np.random.random(3).tolist()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    estimator = to_sklearn(cr.MLP([3, 4, 1], seed=0))
    assert np.random.random(3).tolist() == expected  # noqa: NPY002
    assert estimator.random_state is None


def test_nothing_is_shared():
    estimator, _ = fitted()
    model = from_sklearn(estimator)
    back = to_sklearn(model)
    theirs = (*estimator.coefs_, *estimator.intercepts_)
    mine, again = (*model.weights, *model.biases), (*back.coefs_, *back.intercepts_)
    for first, second in (theirs, mine), (mine, again):
        assert not any(np.shares_memory(a, b) for a in first for b in second)


def test_the_dtype_may_be_asked_for():
    estimator, X = fitted(dtype="float64")
    model = from_sklearn(estimator, dtype="float32")
    assert model.dtype == "float32"
    np.testing.assert_allclose(model.predict(X.astype("float32")), estimator.predict_proba(X), atol=1e-5)
    assert from_sklearn(fitted()[0], dtype="float64").dtype == "float64"


@pytest.mark.skipif(not HAS_POISSON, reason="MLPRegressor has no loss before scikit-learn 1.7")
def test_the_exponential_output_of_poisson_goes_in_and_out(backend, dtype):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 4)).astype(dtype)
    estimator = MLPRegressor(hidden_layer_sizes=(5,), loss="poisson", random_state=0).partial_fit(
        X, rng.poisson(2.0, 30)
    )
    model = from_sklearn(estimator)
    assert model.network.output_activation == "exponential"
    assert_right(parts_of(model), X, estimator.predict(X).reshape(-1, 1))
    back = to_sklearn(model)
    assert back.loss == "poisson"
    assert back.predict(X).tobytes() == estimator.predict(X).tobytes()


@pytest.mark.skipif(HAS_POISSON, reason="MLPRegressor has poisson from scikit-learn 1.7 on")
def test_an_exponential_output_is_refused_by_name():
    with pytest.raises(ValueError, match="the output layer, 1, has the activation exponential"):
        to_sklearn(cr.MLP([3, 2, 1], output_activation="exponential"))


def changed(attribute, value):
    estimator, _ = fitted()
    if callable(value):
        value = value(getattr(estimator, attribute))
    setattr(estimator, attribute, value)
    return estimator


def with_nan(arrays):
    arrays[1][2, 0] = np.nan
    return arrays


REFUSED_IN = [
    (lambda: None, TypeError, "estimator must be an MLPClassifier or an MLPRegressor of scikit-learn, but it is None"),
    (lambda: MLPClassifier, TypeError, "but it is <class "),
    (lambda: make_pipeline(fitted()[0]), TypeError, "of a pipeline or a search give the network inside"),
    (MLPClassifier, ValueError, "estimator must be fitted, but this MLPClassifier is not; call fit first"),
    (MLPRegressor, ValueError, "estimator must be fitted, but this MLPRegressor is not"),
    (lambda: changed("coefs_", with_nan), ValueError, r"coefs_\[1\]\[2, 0\] is nan, but every number must be finite"),
    (lambda: changed("coefs_", lambda c: [c[0], c[1].T]), ValueError, r"coefs_\[1\] has shape \(3, 6\), for 3 inputs, but the layer before it has 6"),
    (lambda: changed("coefs_", lambda c: c[:1]), ValueError, "intercepts_ must have as many arrays as coefs_, .* 2 and 1"),
    (lambda: changed("coefs_", []), ValueError, "intercepts_ must have as many arrays as coefs_"),
    (lambda: changed("coefs_", 3), TypeError, "coefs_ must be a list or a tuple, but it is 3"),
    (lambda: changed("intercepts_", lambda b: [b[0][:2], b[1]]), ValueError, r"intercepts_\[0\] has shape \(2,\), but coefs_\[0\]"),
    (lambda: changed("intercepts_", lambda b: [b[0].astype(int), b[1]]), TypeError, r"intercepts_\[0\] must be float16"),
    (lambda: changed("activation", "softplus"), ValueError, "estimator.activation must be one of identity, logistic, tanh, relu, but it is 'softplus'"),
    (lambda: changed("out_activation_", "relu"), ValueError, "estimator.out_activation_ must be one of"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "error", "text"), REFUSED_IN)
def test_what_is_no_fitted_network_is_refused(make, error, text):
    with pytest.raises(error, match=text):
        from_sklearn(make())


def mlp(activation="relu", output="softmax", sizes=(4, 5, 6, 3), **options):
    return cr.MLP(sizes, activation=activation, output_activation=output, seed=0, **options)


def unfinite():
    model = mlp()
    model.weights[1][0, 0] = np.inf
    return model


def far_apart():
    model = mlp(sizes=(2, 2))
    model.weights[0][...] = [[3e38, -3e38]] * 2
    return model


REFUSED_OUT = [
    (lambda: None, None, TypeError, "model must be an MLP, but it is None"),
    (lambda: mlp(["relu", "tanh"]), None, ValueError, "layer 1 has the activation tanh, but layer 0 has relu"),
    (lambda: mlp("gelu"), None, ValueError, r"layer 0 has the activation gelu, but hidden layers of scikit-learn have identity, logistic \(sigmoid\), tanh or relu"),
    (lambda: mlp(["relu", "mish"]), None, ValueError, "layer 1 has the activation mish"),
    (lambda: mlp(output="tanh"), None, ValueError, "the output layer, 2, has the activation tanh"),
    (lambda: mlp(bias="layer"), None, ValueError, "all layers, from 0 on, have bias='layer', but scikit-learn has a bias for each unit"),
    (lambda: mlp(bias=None), None, ValueError, "all layers, from 0 on, have bias=None"),
    (unfinite, None, ValueError, r"weights\[1\]\[0, 0\] is inf"),
    (far_apart, None, ValueError, "their difference is not finite"),
    (lambda: mlp(output="identity"), [0, 1, 2], ValueError, "classes are for softmax and sigmoid, but the output activation is identity"),
    (lambda: mlp(output="sigmoid"), None, ValueError, "classes must be given where the output activation is sigmoid"),
    (lambda: mlp(output="sigmoid"), ["a", "b", "c"], ValueError, r"classes must be range\(3\) for several labels"),
    (lambda: mlp(output="sigmoid", sizes=(4, 5, 6, 1)), [0], ValueError, r"classes must be 2 labels for 1 output of sigmoid, but it has the shape \(1,\)"),
    (mlp, [0, 1], ValueError, r"classes must be 3 labels for 3 outputs of softmax, but it has the shape \(2,\)"),
    (mlp, [[0, 1, 2]], ValueError, r"but it has the shape \(1, 3\)"),
    (mlp, 3, TypeError, "classes must be a list of labels, but it is 3"),
    (mlp, "abc", TypeError, "classes must be a list of labels, but it is 'abc'"),
    (mlp, [2, 1, 0], ValueError, r"classes must be in ascending order and none twice, .* \[2, 1, 0\]"),
    (mlp, [0, 1, 1], ValueError, "classes must be in ascending order and none twice"),
    (mlp, [0.0, np.nan, 1.0], ValueError, "classes must be in ascending order"),
    (mlp, [0.0, 0.5, 1.0], ValueError, "classes must be integers or texts"),
    (mlp, np.array([0, "a", None], object), TypeError, "classes must be labels of one kind"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "classes", "error", "text"), REFUSED_OUT)
def test_what_scikit_learn_cannot_have_is_refused_by_its_layer(make, classes, error, text):
    with pytest.raises(error, match=text):
        to_sklearn(make(), classes=classes)


def test_without_scikit_learn_the_error_says_how_to_get_it():
    code = (
        "import sys; sys.modules['sklearn.neural_network'] = None\n"
        "import chainrule as cr\n"
        "for call in (lambda: cr.interchange.from_sklearn(1), lambda: cr.interchange.to_sklearn(cr.MLP([2, 1]))):\n"
        "    try: call()\n"
        "    except ImportError as error: assert 'pip install scikit-learn' in str(error)\n"
        "    else: raise SystemExit('no error')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_examples_are_right():
    failed, tried = doctest.testmod(importlib.import_module("chainrule.interchange._sklearn"))
    assert tried
    assert not failed


def test_what_came_in_trains_on_where_the_estimator_stood(backend):
    estimator, X = fitted()
    y = TARGETS["three classes"](30)
    model = from_sklearn(estimator)
    trainer = cr.Trainer(model, loss="cross_entropy", optimizer=cr.SGD(0.1), batch_size=10)
    history = trainer.fit(X, y, epochs=20)
    assert history.loss[-1] < history.loss[0]
    assert to_sklearn(model).score(X, y) >= estimator.score(X, y)
