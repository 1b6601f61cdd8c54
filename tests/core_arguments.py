"""Good and bad arguments of every core function, for the tests of the argument checks."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from chainrule._network import Network, TrainingState

NETWORK = Network((3, 4, 2), ("tanh", "softmax"), "unit", (0.25,), "float32")


def f4(*shape):
    """Numbers of float32 that are neither 0 nor equal."""
    return np.linspace(0.5, 1.5, int(np.prod(shape)), dtype=np.float32).reshape(shape)


def f8(*shape):
    return f4(*shape).astype(np.float64)


def read_only(array):
    array.flags.writeable = False
    return array


def unaligned(array):
    memory = np.zeros(array.nbytes + 1, np.uint8)
    shifted = memory[1:].view(array.dtype).reshape(array.shape)
    shifted[...] = array
    return shifted


def parameters():
    weights = [f4(*shape) for shape in NETWORK.weight_shapes]
    return weights, [f4(*shape) for shape in NETWORK.bias_shapes]


def optimizer(**changes):
    numbers = {"learning_rate": 0.1, "momentum": 0.5, "nesterov": False, "weight_decay": 0.0}
    return SimpleNamespace(**{**numbers, **changes})


def good(function):
    """Arguments that are accepted, by name."""
    weights, biases = parameters()
    network = {"network": NETWORK, "weights": weights, "biases": biases, "X": f4(5, 3)}
    labels = np.array([0, 1, 1, 0, 1])
    return {
        "random_words": {"n": 5, "seed": 0, "stream": 0, "step": 0, "start": 0},
        "permutation": {"n": 5, "seed": 0, "epoch": 0},
        "dropout_mask": {
            "rows": 2, "width": 3, "rate": 0.5, "seed": 0, "step": 0, "layer": 0, "dtype": "float32"
        },
        "gaussian_noise": {"rows": 2, "width": 3, "seed": 0, "step": 0, "dtype": "float32"},
        "activation": {"name": "relu", "Z": f4(5, 3), "out": None},
        "activation_gradient": {"name": "relu", "A": f4(5, 3), "dA": f4(5, 3), "Z": f4(5, 3), "out": None},
        "matmul_bias": {
            "X": f4(5, 3), "W": f4(3, 4), "b": f4(4), "activation": "relu", "out": None, "n_threads": None
        },
        "matmul_gradients": {"X": f4(5, 3), "W": f4(3, 4), "dZ": f4(5, 4), "n_threads": 1},
        "loss_and_gradient": {
            "loss": "half_squared_error", "Z": f4(5, 2), "target": f4(5, 2), "output_activation": "identity"
        },
        "sgd_momentum_step": {"w": f4(3, 4), "v": f4(3, 4), "g": f4(3, 4), **vars(optimizer())},
        "forward": {**network, "out": None, "n_threads": 1},
        "gradients": {
            **network, "target": labels, "loss": "cross_entropy", "seed": 0, "step": 0, "n_threads": None
        },
        "train_epochs": {
            "network": NETWORK, "state": TrainingState.start(weights, biases), "X": f4(5, 3),
            "target": labels, "loss": "cross_entropy", "optimizer": optimizer(), "batch_size": 2,
            "shuffle": True, "seed": 0,
            "epochs": 1, "n_threads": None, "poll": None, "frozen": (),
        },
    }[function]  # fmt: skip


NOT_AN_INT = [
    ("1", TypeError, "must be an int"),
    (1.0, TypeError, "must be an int"),
    (True, TypeError, "(bool)"),
]
SEED = [*NOT_AN_INT, (None, TypeError, "None"), (-1, ValueError, "-1"), (2**64, ValueError, str(2**64 - 1))]
COUNT = [*NOT_AN_INT, (-1, ValueError, "-1")]
COUNTED = [*COUNT, (2**63, ValueError, str(2**63 - 1))]
THREADS = [*NOT_AN_INT, (0, ValueError, "at least 1"), (-2, ValueError, "-2")]
NUMBER = [
    ("1", TypeError, "real number"), (True, TypeError, "(bool)"), (None, TypeError, "None"),
    (np.nan, ValueError, "nan"), (np.inf, ValueError, "inf"), (-0.5, ValueError, "-0.5"),
]  # fmt: skip
NAME = [("rellu", ValueError, "'rellu'"), ("rellu", ValueError, "leaky_relu"), (None, TypeError, "None")]
LOSS = [
    ("mse", ValueError, "mean_squared_error"), (3, TypeError, "3 (int)"), (None, TypeError, "None"),
    ("binary_cross_entropy", ValueError, "sigmoid"),
]  # fmt: skip


def data(*shape):
    """What no array of data of this shape may be."""
    return [
        (f4(*shape).tolist(), TypeError, "must be a NumPy array"),
        (None, TypeError, "None"),
        (np.ma.masked_array(f4(*shape)), TypeError, "MaskedArray"),
        (np.ones(shape, int), TypeError, "int64"),
        (np.ones(shape, np.float16), TypeError, "float16"),
        (np.ones(shape, complex), TypeError, "complex128"),
        (np.ones(shape, object), TypeError, "object"),
        (f8(*shape), TypeError, "float64"),
        (f4(*shape).astype(f4(1).dtype.newbyteorder("S")), TypeError, "byte order"),
        (unaligned(f4(*shape)), ValueError, "aligned"),
    ]


def matrix(rows, columns):
    """What no matrix of data of this shape may be."""
    return [
        *data(rows, columns),
        (f4(columns), ValueError, f"({columns},)"),
        (f4(1, rows, columns), ValueError, f"(1, {rows}, {columns})"),
        (np.ones((rows, 0), np.float32), ValueError, "column"),
        (f4(rows, columns + 1), ValueError, f"{columns + 1}"),
    ]


def alone(cases):
    """Leave out what is wrong only beside other arrays: another dtype, another number of columns."""
    return [case for case in cases if case[2] != "float64" and not case[2].isdigit()]


def parameter(*shape):
    """What no array of parameters of this shape may be."""
    cases = [*data(*shape), (f4(*shape[:-1], shape[-1] + 1), ValueError, f"{shape[-1] + 1}")]
    cases.append((f4(*shape[:-1], 2 * shape[-1])[..., ::2], ValueError, "C-contiguous"))
    return cases


def trained(*shape):
    """What no array of parameters to be updated may be."""
    return [*parameter(*shape), (read_only(f4(*shape)), ValueError, "read-only")]


def result(rows, columns):
    """What no array for a result of this shape may be."""
    return [
        (f8(rows, columns), TypeError, "out must be float32"),
        (f4(columns, rows).T, ValueError, "C-contiguous"),
        (read_only(f4(rows, columns)), ValueError, "read-only"),
        (f4(rows + 1, columns), ValueError, f"({rows}, {columns})"),
        (f4(rows * columns), ValueError, f"({rows}, {columns})"),
        ([[0.0] * columns] * rows, TypeError, "must be a NumPy array"),
    ]


TARGET = [
    *data(5, 2)[:3],
    (f8(5, 2), TypeError, "float64"),
    (f4(5), ValueError, "(5,)"),
    (f4(5, 3), ValueError, "3 columns"),
    (f4(4, 2), ValueError, "4 rows"),
    (np.array([0, 1, 1, 0]), ValueError, "4 rows"),
    (np.array([0, 1, 2, 0, 1]), ValueError, "target[2] is 2"),
    (np.array([0, 1, 1, -1, 1]), ValueError, "target[3] is -1"),
    (np.array([0, 1, 1, 0, 1], np.int32), TypeError, "int32"),
    (np.array([0, 1, 1, 0, 1], ">i8"), TypeError, ">i8"),
    (np.array([True] * 5), TypeError, "bool"),
    (np.ones((5, 2), int), TypeError, "int64"),
]
WEIGHTS = [
    (f4(3, 4), TypeError, "list or a tuple"),
    (None, TypeError, "None"),
    ([f4(3, 4)], ValueError, "1 array, but this MLP expects 2"),
]
INPUTS = [*matrix(5, 3), (f4(3), ValueError, "reshape(1, -1)"), (f4(5, 2), ValueError, "X has 2 features")]
BATCH = [*INPUTS, (np.ones((0, 3), np.float32), ValueError, "at least one row")]
DTYPE = [
    ("float16", ValueError, "float32 or float64"), (">f4", ValueError, ">f4"), (int, TypeError, "int"),
    (np.dtype(">f8"), TypeError, "float64"), (None, TypeError, "None"),
]  # fmt: skip
SWITCH = [(1, TypeError, "True or False"), (None, TypeError, "None")]

BAD = {
    ("random_words", "n"): [*COUNT, (2**34 + 1, ValueError, "from 0 to")],
    ("random_words", "seed"): SEED,
    ("random_words", "step"): SEED,
    ("random_words", "stream"): [*COUNT, (2**32, ValueError, str(2**32 - 1))],
    ("random_words", "start"): [*COUNT, (2**34, ValueError, "start + n")],
    ("permutation", "n"): COUNT,
    ("permutation", "seed"): SEED,
    ("permutation", "epoch"): SEED,
    ("dropout_mask", "rows"): [*COUNT, (2**33, ValueError, "rows * width")],
    ("dropout_mask", "width"): COUNT,
    ("dropout_mask", "rate"): [*NUMBER, (1.0, ValueError, "less than 1")],
    ("dropout_mask", "seed"): SEED,
    ("dropout_mask", "step"): SEED,
    ("dropout_mask", "layer"): [
        *NOT_AN_INT, (-2, ValueError, "from -1 to"), (2**24, ValueError, str(2**24 - 1))
    ],
    ("dropout_mask", "dtype"): DTYPE,
    ("gaussian_noise", "rows"): [*COUNT, (2**33, ValueError, "rows * width of noise")],
    ("gaussian_noise", "width"): COUNT,
    ("gaussian_noise", "seed"): SEED,
    ("gaussian_noise", "step"): SEED,
    ("gaussian_noise", "dtype"): DTYPE,
    ("activation", "name"): NAME,
    ("activation", "Z"): alone(matrix(5, 3)),
    ("activation", "out"): result(5, 3),
    ("activation_gradient", "name"): [*NAME, ("step", ValueError, "the derivative of step is zero")],
    ("activation_gradient", "A"): matrix(5, 3),
    ("activation_gradient", "dA"): matrix(5, 3),
    ("activation_gradient", "Z"): [case for case in matrix(5, 3) if case[0] is not None],
    ("activation_gradient", "out"): result(5, 3),
    ("matmul_bias", "X"): matrix(5, 3),
    ("matmul_bias", "W"): [
        *data(3, 4), (f4(4, 3), ValueError, "4 rows"), (f4(3, 8)[:, ::2], ValueError, "C-contiguous"),
        (f4(3), ValueError, "(3,)"), (f4(3, 0), ValueError, "column"),
    ],
    ("matmul_bias", "b"): [
        *(case for case in parameter(4) if case[0] is not None), (f4(4, 1), ValueError, "(4, 1)"),
        (f4(0), ValueError, "0 entries"), (f4(3), ValueError, "3 entries"),
    ],
    ("matmul_bias", "activation"): NAME,
    ("matmul_bias", "out"): result(5, 4),
    ("matmul_bias", "n_threads"): THREADS,
    ("matmul_gradients", "X"): matrix(5, 3),
    ("matmul_gradients", "W"): [*data(3, 4), (f4(4, 4), ValueError, "4 rows")],
    ("matmul_gradients", "dZ"): [*matrix(5, 4), (f4(4, 4), ValueError, "(5, 4)")],
    ("matmul_gradients", "n_threads"): THREADS,
    ("loss_and_gradient", "loss"): [*LOSS, ("cross_entropy", ValueError, "softmax")],
    ("loss_and_gradient", "Z"): [*alone(matrix(5, 2)), (f4(0, 2), ValueError, "at least one row")],
    ("loss_and_gradient", "target"): TARGET,
    ("loss_and_gradient", "output_activation"): [*NAME, ("step", ValueError, "derivative of step is zero")],
    ("sgd_momentum_step", "w"): trained(3, 4),
    ("sgd_momentum_step", "v"): trained(3, 4),
    ("sgd_momentum_step", "g"): [
        *data(3, 4), (f4(4, 3), ValueError, "(4, 3)"), (f4(12), ValueError, "(12,)")
    ],
    ("sgd_momentum_step", "learning_rate"): NUMBER,
    ("sgd_momentum_step", "momentum"): [*NUMBER, (1.0, ValueError, "less than 1")],
    ("sgd_momentum_step", "nesterov"): SWITCH,
    ("sgd_momentum_step", "weight_decay"): NUMBER,
    ("forward", "network"): [(None, TypeError, "None"), ((3, 4, 2), TypeError, "Network")],
    ("forward", "weights"): WEIGHTS,
    ("forward", "weights[1]"): parameter(4, 2),
    ("forward", "biases"): WEIGHTS,
    ("forward", "biases[0]"): [*parameter(4), (f4(1), ValueError, "(1,)")],
    ("forward", "X"): INPUTS,
    ("forward", "out"): result(5, 2),
    ("forward", "n_threads"): THREADS,
    ("gradients", "network"): [(None, TypeError, "None")],
    ("gradients", "weights"): WEIGHTS,
    ("gradients", "weights[0]"): parameter(3, 4),
    ("gradients", "biases"): WEIGHTS,
    ("gradients", "biases[1]"): parameter(2),
    ("gradients", "X"): BATCH,
    ("gradients", "target"): TARGET,
    ("gradients", "loss"): LOSS,
    ("gradients", "seed"): SEED,
    ("gradients", "step"): SEED,
    ("gradients", "n_threads"): THREADS,
    ("train_epochs", "network"): [(None, TypeError, "None")],
    ("train_epochs", "state"): [(None, TypeError, "None"), ({}, TypeError, "TrainingState")],
    ("train_epochs", "state.weights"): WEIGHTS,
    ("train_epochs", "state.weights[1]"): trained(4, 2),
    ("train_epochs", "state.biases[0]"): trained(4),
    ("train_epochs", "state.weight_velocity"): WEIGHTS,
    ("train_epochs", "state.weight_velocity[0]"): trained(3, 4),
    ("train_epochs", "state.bias_velocity[1]"): trained(2),
    ("train_epochs", "state.losses"): [(None, TypeError, "None"), ((0.5,), TypeError, "a list, but it is (0.5,)")],
    ("train_epochs", "state.epoch"): COUNTED,
    ("train_epochs", "state.step"): COUNTED,
    ("train_epochs", "X"): BATCH,
    ("train_epochs", "target"): TARGET,
    ("train_epochs", "loss"): LOSS,
    ("train_epochs", "optimizer"): [
        (None, TypeError, "learning_rate"), (SimpleNamespace(learning_rate=0.1), TypeError, "lacks momentum")
    ],
    ("train_epochs", "optimizer.learning_rate"): NUMBER,
    ("train_epochs", "optimizer.momentum"): [*NUMBER, (1.0, ValueError, "less than 1")],
    ("train_epochs", "optimizer.nesterov"): SWITCH,
    ("train_epochs", "optimizer.weight_decay"): NUMBER,
    ("train_epochs", "batch_size"): [*NOT_AN_INT, (0, ValueError, "at least 1"), ("full", TypeError, "int")],
    ("train_epochs", "shuffle"): SWITCH,
    ("train_epochs", "seed"): SEED,
    ("train_epochs", "epochs"): COUNT,
    ("train_epochs", "n_threads"): THREADS,
    ("train_epochs", "poll"): [(3, TypeError, "callable")],
    ("train_epochs", "frozen"): [
        (1, TypeError, "1 (int)"), ([2], ValueError, "frozen[0]"), ([0, 1], ValueError, "all 2 layers"),
        ([False], TypeError, "frozen[0] must be an int"),
    ],
}  # fmt: skip

CASES = [(function, name, *case) for (function, name), cases in BAD.items() for case in cases]
