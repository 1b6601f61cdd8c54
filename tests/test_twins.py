"""The two cores are twins: the same functions with the same parameters and defaults, which refuse the same in the same words.

`test_core_checks.py` has the words for most of them; here are the rules of single steps and least squares.
"""

from __future__ import annotations

import inspect
import re

import numpy as np
import pytest
from chainrule import SGD, Adam, reference
from chainrule._network import Network, TrainingState
from core_arguments import f4, f8, read_only

NO_ARRAY = [
    None,
    "w",
    1.5,
    [1.0, 2.0],
    f4(3, 4).astype(int),
    f4(3, 4).astype("float16"),
    f4(3, 4).astype(object),
]
NO_NUMBER = [None, "1", True, 1j, [0.5], np.array([0.5, 0.5]), np.nan, np.inf, -np.inf, -0.5, 10**400]
NO_COUNT = [None, "1", True, 1.0, [1], np.nan, 0, -1]
OTHERS = {
    "array": [f4(4, 3), f4(3, 5), f4(2), f8(3, 4)],
    "written": [f4(4, 3), f4(2), f8(3, 4), read_only(f4(3, 4))],
}

NUMBERS = {
    "adam_step": {"learning_rate": 0.1, "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-8, "weight_decay": 0.1},
    "rmsprop_step": {"learning_rate": 0.1, "beta2": 0.99, "epsilon": 1e-8, "momentum": 0.5, "weight_decay": 0.1},
    "adagrad_step": {"learning_rate": 0.1, "epsilon": 1e-8, "weight_decay": 0.1},
    "rprop_step": {"learning_rate": 0.1, "eta_minus": 0.5, "eta_plus": 1.2, "smallest": 1e-6, "largest": 50.0},
}  # fmt: skip
WRITTEN = {"adam_step": "wmv", "rmsprop_step": "wvs", "adagrad_step": "ws", "rprop_step": "wpd"}


def good(function):
    """Arguments that are accepted, by name."""
    if function == "damped_step":
        return {"H": np.eye(3), "g": np.ones(3), "damping": 0.5, "n_threads": 1}
    if function == "normal_equations":
        network = Network((3, 4, 2), ("tanh", "identity"), "unit", (0.0,), "float32")
        weights, biases = (
            [f4(*s) for s in shapes] for shapes in (network.weight_shapes, network.bias_shapes)
        )
        return {
            "network": network,
            "weights": weights,
            "biases": biases,
            "X": f4(5, 3),
            "target": f4(5, 2),
            "n_threads": 1,
        }
    if function in ("forward_pass", "apply_gradients"):
        network = Network((3, 4, 2), ("tanh", "softmax"), "unit", (0.25,), "float32")
        weights, biases = (
            [f4(*s) for s in shapes] for shapes in (network.weight_shapes, network.bias_shapes)
        )
        if function == "forward_pass":
            named = {"network": network, "weights": weights, "biases": biases, "X": f4(5, 3)}
            return {**named, "seed": 0, "step": 0, "n_threads": 1}
        gradients = {"weight_gradients": weights, "bias_gradients": biases}
        state = TrainingState.start([w.copy() for w in weights], [b.copy() for b in biases])
        return {
            "network": network,
            "state": state,
            **gradients,
            "optimizer": SGD(0.1),
            "frozen": (),
            "n_threads": 1,
        }
    arrays = {name: f4(3, 4) for name in (*WRITTEN[function], "g")}
    step = {"t": 1, "decoupled": False} if function == "adam_step" else {}
    return {**arrays, **NUMBERS[function], **step}


def bad(function):
    """Values for each argument that are refused, by name."""
    if function == "damped_step":
        return {"H": [*NO_ARRAY, f8(3), f8(3, 4), np.eye(4), f4(3, 3)], "g": [*NO_ARRAY, f8(4), f8(3, 1), read_only(f4(3))],
                "damping": NO_NUMBER, "n_threads": [*NO_COUNT[1:]]}  # fmt: skip
    if function == "normal_equations":
        dropped = Network((3, 4, 2), ("tanh", "identity"), "unit", (0.25,), "float32")
        softmax = Network((3, 4, 2), ("tanh", "softmax"), "unit", (0.0,), "float32")
        lists = [None, "w", 3, [], [f4(3, 4)], [f4(3, 4), f8(4, 2)], [None, None]]
        return {"network": [None, "n", (3, 4, 2)], "dropout": [dropped], "output_activation": [softmax],
                "weights": lists, "biases": lists, "X": [*NO_ARRAY, f4(5, 4), f4(0, 3), f4(3)],
                "target": [*NO_ARRAY, f4(5, 3), f4(4, 2), f8(5, 2)], "n_threads": NO_COUNT[1:]}  # fmt: skip
    if function in ("forward_pass", "apply_gradients"):
        lists = [None, "w", 3, [], [f4(3, 4)], [f4(3, 4), f8(4, 2)], [None, None], [f4(4), f4(3)]]
        stepped = Network((3, 4, 2), ("step", "softmax"), "unit", (0.25,), "float32")
        if function == "forward_pass":
            whole = [None, "1", True, 1.0, [1], -1, 2**64]
            return {"network": [None, "n", (3, 4, 2)], "activations": [stepped], "weights": lists, "biases": lists,
                    "X": [*NO_ARRAY, f4(5, 4), f4(0, 3), f4(3)], "seed": whole, "step": whole,
                    "n_threads": NO_COUNT[1:]}  # fmt: skip
        return {"network": [None, "n", (3, 4, 2)], "state": [None, {}, 3], "weight_gradients": lists,
                "bias_gradients": lists, "optimizer": [None, SGD, Adam(0.1)], "frozen": [None, 1, "0", [2], [-1], [0, 1], [True], [0.0]],
                "n_threads": NO_COUNT[1:]}  # fmt: skip
    values = {name: [*NO_ARRAY, *OTHERS["written"]] for name in WRITTEN[function]}
    values |= {"g": [*NO_ARRAY, *OTHERS["array"]], **dict.fromkeys(NUMBERS[function], NO_NUMBER)}
    return values | ({"t": NO_COUNT, "decoupled": [None, 1, "no"]} if function == "adam_step" else {})


FUNCTIONS = [*WRITTEN, "normal_equations", "damped_step", "forward_pass", "apply_gradients"]
CASES = [
    pytest.param(function, name, i, id=f"{function}-{name}-{i}")
    for function in FUNCTIONS
    for name, values in bad(function).items()
    for i in range(len(values))
]


def contents(arguments):
    """Every array among them, for comparison."""
    values = [
        item
        for value in arguments.values()
        for item in (
            value
            if isinstance(value, list)
            else vars(value).values()
            if isinstance(value, TrainingState)
            else [value]
        )
    ]
    values += [item for value in values if isinstance(value, list) for item in value]
    return [value.tobytes() for value in values if isinstance(value, np.ndarray) and value.dtype != object]


def test_both_cores_have_the_same_functions_with_the_same_parameters_and_defaults(native):
    assert set(native.PUBLIC) == set(reference.__all__)
    for name in reference.__all__:
        mine, twin = (inspect.signature(getattr(core, name)) for core in (native, reference))
        assert list(mine.parameters.values()) == list(twin.parameters.values()), name


@pytest.mark.parametrize("function", FUNCTIONS)
def test_good_arguments_are_accepted(core, function):
    getattr(core, function)(**good(function))
    assert set(good(function)) == set(inspect.signature(getattr(core, function)).parameters)
    assert set(good(function)) <= set(bad(function))


@pytest.mark.parametrize(("function", "name", "i"), CASES)
def test_a_bad_argument_is_refused_by_name_and_nothing_changes(core, function, name, i):
    value = bad(function)[name][i]
    arguments = {**good(function), "network" if isinstance(value, Network) else name: value}
    before = contents(arguments)
    with pytest.raises((TypeError, ValueError), match=rf"(^|\W){re.escape(name)}(\W|$)") as refused:
        getattr(core, function)(**arguments)
    assert type(refused.value) in (TypeError, ValueError)
    assert contents(arguments) == before
    with pytest.raises(type(refused.value)) as twin:
        getattr(reference, function)(**arguments)
    assert str(twin.value) == str(refused.value)
