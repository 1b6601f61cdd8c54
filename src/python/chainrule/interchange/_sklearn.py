"""`from_sklearn` and `to_sklearn`: scikit-learn's MLPClassifier and MLPRegressor."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from chainrule._checks_values import check_choice, check_sequence, count, describe
from chainrule._network import HIDDEN_ACTIVATIONS, Array
from chainrule.export._network_parts import Parts, parts_of
from chainrule.model import MLP

from ._layers import Layer, as_floats, import_peer, make_model
from ._sklearn_classes import check_classes

_HIDDEN = {"identity": "identity", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}
_OUTPUT = {"identity": "identity", "logistic": "sigmoid", "softmax": "softmax", "exp": "exponential"}
"""Ours by scikit-learn's names; exp is that of ``MLPRegressor(loss="poisson")``, scikit-learn 1.7 and later."""


def from_sklearn(estimator: Any, *, dtype: Any = None) -> MLP:
    """Return an MLP with the layers of a fitted MLPClassifier or MLPRegressor.

    Parameters
    ----------
    estimator : sklearn.neural_network.MLPClassifier or MLPRegressor
        Or one of `chainrule.sklearn`'s, with any activation. Fitted. Of a pipeline give the last step, ``pipeline[-1]``, and
        scale with `chainrule.preprocessing`.
    dtype : "float32" or "float64", optional
        None takes that of the estimator, which is float32 if it was fitted to float32, else float64.

    Returns
    -------
    MLP
        With copies of ``coefs_`` and ``intercepts_``, and the seed 0, which nothing was drawn by. Its outputs follow
        ``estimator.classes_``, which stay with the estimator: softmax for three classes or more, one sigmoid for two, the
        probability of ``classes_[1]``, and a sigmoid for each of several labels; for several columns of classes, which
        chainrule's own has, the sums before the softmax of each. A regressor has the outputs of ``predict``, always in two
        dimensions.

    Raises
    ------
    ImportError
        If scikit-learn is not installed: ``pip install scikit-learn``.
    TypeError, ValueError
        If ``estimator`` is none of the two or not fitted, its arrays do not fit each other, or a number is not finite or
        too large for the dtype.

    Examples
    --------
    >>> from chainrule.interchange import from_sklearn
    >>> from sklearn.neural_network import MLPRegressor
    >>> estimator = MLPRegressor(hidden_layer_sizes=(5,)).partial_fit([[0.0, 1.0], [1.0, 0.0]], [1.0, 2.0])
    >>> from_sklearn(estimator).layer_sizes
    (2, 5, 1)
    """
    neural = _neural_network("from_sklearn")
    if not isinstance(estimator, (neural.MLPClassifier, neural.MLPRegressor)):
        raise TypeError(
            f"estimator must be an MLPClassifier or an MLPRegressor of scikit-learn, but it is {describe(estimator)}; of a "
            "pipeline or a search give the network inside"
        )
    if not hasattr(estimator, "coefs_"):
        raise ValueError(
            f"estimator must be fitted, but this {type(estimator).__name__} is not; call fit first"
        )
    coefs, intercepts = (
        [as_floats(array, f"{name}[{i}]") for i, array in enumerate(check_sequence(arrays, name))]
        for name, arrays in (("coefs_", estimator.coefs_), ("intercepts_", estimator.intercepts_))
    )
    if not coefs or len(coefs) != len(intercepts):
        raise ValueError(
            f"intercepts_ must have as many arrays as coefs_, at least one, but they have {len(intercepts)} and {len(coefs)}"
        )
    layers = [
        Layer(f"coefs_[{i}]", coef, f"intercepts_[{i}]", intercept)
        for i, (coef, intercept) in enumerate(zip(coefs, intercepts, strict=True))
    ]
    activation = _hidden(estimator, len(layers) - 1)
    output = check_choice(estimator.out_activation_, "estimator.out_activation_", tuple(_OUTPUT))
    return make_model(layers, activation=activation, output_activation=_OUTPUT[output], dtype=dtype)


def _hidden(estimator: Any, n_hidden: int) -> Any:
    """Return our name of the hidden layers' activation, or a list with that of each."""
    own = sys.modules.get("chainrule.sklearn")
    if own is None or not isinstance(estimator, (own.MLPClassifier, own.MLPRegressor)):
        return _HIDDEN[check_choice(estimator.activation, "estimator.activation", tuple(_HIDDEN))]
    names = {**{name: name for name in HIDDEN_ACTIVATIONS if name != "step"}, **_HIDDEN}
    given = estimator.activation
    if isinstance(given, str):
        return names[check_choice(given, "estimator.activation", tuple(names))]
    each = check_sequence(given, "estimator.activation")
    if len(each) != n_hidden:
        raise ValueError(
            f"estimator.activation must have {count(n_hidden, 'entry')}, one for each hidden layer, but it has {len(each)}"
        )
    return [
        names[check_choice(name, f"estimator.activation[{i}]", tuple(names))] for i, name in enumerate(each)
    ]


def to_sklearn(model: Any, *, classes: Any = None) -> Any:
    """Return an MLP as a fitted estimator of scikit-learn.

    Parameters
    ----------
    model : MLP
        With one activation for all hidden layers (identity, sigmoid, tanh or relu) and a bias for each unit.
    classes : array-like of labels, optional
        In ascending order, as scikit-learn keeps them: one for each output of softmax, of which None makes 0, 1, 2, ...; two
        for one output of sigmoid, the probability of the second; and for several outputs of sigmoid, a label each,
        ``range(n_out)``, as scikit-learn knows such labels by their numbers only.

    Returns
    -------
    MLPClassifier or MLPRegressor
        A classifier if the output activation is softmax or sigmoid, a regressor if it is identity or (scikit-learn 1.7 and
        later) exponential, with ``loss="poisson"``. It has copies of the parameters, in the dtype of the model, and
        scikit-learn's defaults of everything that is for training; ``set_params`` changes them, and ``partial_fit`` goes on
        from here.

    Raises
    ------
    ImportError
        If scikit-learn is not installed: ``pip install scikit-learn``.
    ValueError, TypeError
        If ``model`` is no MLP or one that scikit-learn cannot have (the message names the layer), if a parameter does not
        fit it or is not finite, or if ``classes`` do not fit.

    Notes
    -----
    Two outputs of softmax become one of sigmoid, as scikit-learn has two classes: ``p_1 = sigmoid(z_1 - z_0)`` with the
    differences of weights and biases. All other parameters come back from `from_sklearn` to the same bits. Dropout and noise, which
    scikit-learn has not and which prediction has not either, are left out.

    Examples
    --------
    >>> import chainrule as cr
    >>> from chainrule.interchange import to_sklearn
    >>> estimator = to_sklearn(cr.MLP([4, 8, 3], output_activation="softmax", seed=0), classes=["a", "b", "c"])
    >>> estimator.predict_proba([[5.1, 3.5, 1.4, 0.2]]).shape
    (1, 3)
    """
    parts = parts_of(model)
    neural = _neural_network("to_sklearn")
    options, output = _options(parts), parts.network.output_activation
    if output in ("softmax", "sigmoid"):
        classes = check_classes(classes, parts.network)
        weights, biases = list(parts.weights), list(parts.biases)
        if output == "softmax" and len(classes) == 2:
            weights[-1], biases[-1] = (_difference(array) for array in (weights[-1], biases[-1]))
        n_out = weights[-1].shape[1]
        y = np.zeros((1, n_out), np.int64) if n_out > 1 and output == "sigmoid" else classes[:1]
        estimator = neural.MLPClassifier(**options)
        return _fitted(estimator, parts, weights, biases, y, {"classes": classes})
    if classes is not None:
        raise ValueError(f"classes are for softmax and sigmoid, but the output activation is {output}")
    if output == "exponential" and "loss" in neural.MLPRegressor().get_params():
        options["loss"] = "poisson"
    elif output != "identity":
        raise ValueError(
            f"the output layer, {len(parts.weights) - 1}, has the activation {output}, but scikit-learn's has identity, logistic, "
            "softmax or, from 1.7 on, exponential"
        )
    y = np.zeros((1, parts.network.n_out), parts.network.dtype)
    y = y[:, 0] if y.shape[1] == 1 else y
    return _fitted(neural.MLPRegressor(**options), parts, parts.weights, parts.biases, y, {})


def _neural_network(caller: str) -> Any:
    return import_peer("sklearn.neural_network", caller, "scikit-learn", "pip install scikit-learn")


def _options(parts: Parts) -> dict[str, Any]:
    """Return the arguments of an estimator of that shape."""
    network = parts.network
    theirs = {ours: name for name, ours in _HIDDEN.items()}
    for layer, name in enumerate(network.activations[:-1]):
        if name not in theirs:
            raise ValueError(
                f"layer {layer} has the activation {name}, but hidden layers of scikit-learn have identity, logistic (sigmoid), "
                "tanh or relu"
            )
        if name != network.activations[0]:
            raise ValueError(
                f"layer {layer} has the activation {name}, but layer 0 has {network.activations[0]}; scikit-learn has one for "
                "all hidden layers"
            )
    if network.bias != "unit":
        raise ValueError(
            f"all layers, from 0 on, have bias={network.bias!r}, but scikit-learn has a bias for each unit, bias='unit'"
        )
    options: dict[str, Any] = {"hidden_layer_sizes": network.layer_sizes[1:-1]}
    if network.n_layers > 1:
        options["activation"] = theirs[network.activations[0]]
    return options


def _difference(array: Array) -> Array:
    """Return the second column (or number) minus the first."""
    with np.errstate(over="ignore"):
        difference = array[..., 1:] - array[..., :1]
    if not np.isfinite(difference).all():
        raise ValueError("weights of the two outputs are too far apart: their difference is not finite")
    return difference


def _fitted(
    estimator: Any, parts: Parts, weights: list[Array], biases: list[Array], y: Array, options: dict[str, Any]
) -> Any:
    """Return the estimator with these parameters.

    It learns from one row of zeros first, so that scikit-learn itself sets whatever its version keeps beside the parameters;
    setting these attributes here would tie us to one version. What came of that row is then put back.
    """
    estimator.set_params(random_state=0)  # None would draw from the random numbers of the user
    estimator.partial_fit(np.zeros((1, parts.network.n_in), parts.network.dtype), y, **options)
    estimator.set_params(random_state=None)
    estimator.coefs_, estimator.intercepts_ = weights, biases
    estimator._best_coefs = [array.copy() for array in weights]
    estimator._best_intercepts = [array.copy() for array in biases]
    del estimator._optimizer  # it belongs to the parameters before; partial_fit makes another
    estimator.loss_curve_, estimator.loss_, estimator.best_loss_ = [], np.nan, np.inf
    estimator.n_iter_ = estimator.t_ = 0
    return estimator
