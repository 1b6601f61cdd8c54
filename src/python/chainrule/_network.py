"""The shape of a network, and everything that changes while it is trained.

Nothing is computed here: both cores take these two objects, and the public layer makes them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ._checks_values import check_choice, check_dtype, check_int, check_real, check_sequence, count, describe

Array = npt.NDArray[Any]

ACTIVATIONS = (
    "identity", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "gelu_tanh", "silu", "mish", "softplus",
    "softsign", "hard_sigmoid", "exponential", "step", "softmax"
)  # fmt: skip
HIDDEN_ACTIVATIONS = ACTIVATIONS[:-1]
SLOPE_NEEDS_INPUT = ("gelu", "gelu_tanh", "silu", "mish")
"""Activations whose derivative is no function of their output."""
BIASES = ("unit", "layer")

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772
"""With these, mean 0 and variance 1 stay from layer to layer (Klambauer, Unterthiner, Mayr and Hochreiter 2017)."""

LEAKY_SLOPE = 0.01
"""The slope of leaky_relu where z < 0 (Maas, Hannun and Ng 2013)."""


@dataclass(frozen=True)
class Network:
    """The shape of a multilayer perceptron: immutable, hashable, checked when it is made.

    Parameters
    ----------
    layer_sizes : tuple of int
        Features, hidden units of each layer, outputs: at least two entries, each at least 1.
    activations : tuple of str
        One name per layer of weights; the last is the output activation, which alone may be softmax.
    bias : "unit", "layer" or None
        One bias per neuron (shape ``(n_out,)``), one for all neurons of a layer (shape ``(1,)``), or none.
    dropout : tuple of float
        One rate per hidden layer, ``0 <= rate < 1``.
    dtype : "float32" or "float64"
        The type of every parameter, input and result.
    input_dropout : float
        The rate at which inputs are dropped in training, ``0 <= rate < 1``.
    input_noise : float
        The standard deviation of the normal noise that is added to the inputs in training, before some are dropped; at
        least 0.

    Raises
    ------
    ValueError, TypeError
        If a field does not fit the description above; the message names it.
    """

    layer_sizes: tuple[int, ...]
    activations: tuple[str, ...]
    bias: str | None = "unit"
    dropout: tuple[float, ...] = ()
    dtype: str = "float32"
    input_dropout: float = 0.0
    input_noise: float = 0.0

    def __post_init__(self) -> None:
        sizes = check_sequence(self.layer_sizes, "layer_sizes")
        if len(sizes) < 2:
            raise ValueError(
                f"layer_sizes needs at least 2 entries (features and outputs), but it has {len(sizes)}"
            )
        sizes = tuple(check_int(size, f"layer_sizes[{i}]", 1) for i, size in enumerate(sizes))
        names = check_sequence(self.activations, "activations")
        if len(names) != len(sizes) - 1:
            entries, layers = count(len(names), "entry"), len(sizes) - 1
            raise ValueError(f"activations has {entries}, but {len(sizes)} layer_sizes need {layers}")
        for i, name in enumerate(names):
            check_choice(name, f"activations[{i}]", ACTIVATIONS)
            if name == "softmax" and i < len(names) - 1:
                raise ValueError(
                    f"activations[{i}] is softmax, which fits the output layer only; a hidden layer may have "
                    f"{', '.join(HIDDEN_ACTIVATIONS)}"
                )
        bias: object = self.bias
        if bias is not None and not (isinstance(bias, str) and bias in BIASES):
            kind = ValueError if isinstance(bias, str) else TypeError
            raise kind(f"bias must be 'unit', 'layer' or None, but it is {describe(bias)}")
        rates = check_sequence(self.dropout, "dropout")
        if len(rates) != len(sizes) - 2:
            entries, hidden = count(len(rates), "entry"), len(sizes) - 2
            raise ValueError(f"dropout has {entries}, but the number of hidden layers is {hidden}")
        rates = tuple(check_real(rate, f"dropout[{i}]", 0.0, 1.0) for i, rate in enumerate(rates))
        normalised = {
            "layer_sizes": sizes,
            "activations": names,
            "dropout": rates,
            "dtype": check_dtype(self.dtype),
            "input_dropout": check_real(self.input_dropout, "input_dropout", 0.0, 1.0),
            "input_noise": check_real(self.input_noise, "input_noise", 0.0),
        }
        for key, value in normalised.items():
            object.__setattr__(self, key, value)

    @property
    def n_in(self) -> int:
        """Number of features."""
        return self.layer_sizes[0]

    @property
    def n_out(self) -> int:
        """Number of outputs."""
        return self.layer_sizes[-1]

    @property
    def n_layers(self) -> int:
        """Number of layers of weights."""
        return len(self.activations)

    @property
    def output_activation(self) -> str:
        """Name of the last activation."""
        return self.activations[-1]

    @cached_property
    def numpy_dtype(self) -> np.dtype[Any]:
        """The dtype as NumPy's."""
        return np.dtype(self.dtype)

    @cached_property
    def weight_shapes(self) -> tuple[tuple[int, int], ...]:
        """Shape (n_in, n_out) of each layer's weights."""
        return tuple(zip(self.layer_sizes[:-1], self.layer_sizes[1:], strict=True))

    @cached_property
    def bias_shapes(self) -> tuple[tuple[int], ...]:
        """Shape of each layer's biases: (n_out,) or (1,); empty without biases."""
        if self.bias is None:
            return ()
        return tuple((1,) if self.bias == "layer" else (size,) for size in self.layer_sizes[1:])


@lru_cache(maxsize=64)
def without_output_activation(network: Network) -> Network:
    """Return the network that computes the weighted sums of the output layer, which the losses take."""
    return replace(network, activations=(*network.activations[:-1], "identity"))


class Plateau(NamedTuple):
    """What `schedules.ReduceOnPlateau` remembers: the factor of the rate, the best value, and epochs since it."""

    factor: float
    best: float
    waited: int


NO_PLATEAU = Plateau(1.0, math.inf, 0)


class MeasuredRows(NamedTuple):
    """Rows that are measured after each epoch of a training, and where what is found goes.

    They are checked, and as the cores take them. The prediction is one without dropout and noise.
    """

    X: Array
    target: Array
    weight: Array | None
    losses: list[float] | None
    """Of the training's loss; None where it is not wanted."""
    classes: Array | None = None
    """int64, (rows,), for ``accuracies``: the column that is to have the largest output (the first one, if several have it);
    of a single output whether it is to be at least 0.5, 1 or 0."""
    accuracies: list[float] | None = None
    """The share of rows with the right class; those with NaN are wrong."""

    @property
    def arrays(self) -> tuple[Array | None, ...]:
        """What is read."""
        return self.X, self.target, self.weight, self.classes


class StepRecord(NamedTuple):
    """What training notes of each of its steps: arrays of float64 with an entry for every step of a call.

    Entries of steps that are not done are NaN.
    """

    losses: Array
    """The mean loss of the batch before its update."""
    weight_squares: Array
    """The sum of the squares of all weights, not of biases, before the update."""

    def clear(self) -> None:
        """Forget all steps."""
        for array in self:
            array.fill(math.nan)

    def put(self, step: int, loss: float, weight_squares: float) -> None:
        """Note a step, counted from 0."""
        self.losses[step], self.weight_squares[step] = loss, weight_squares


HEALTH_COLUMNS = (
    "activation_rms", "activation_std", "dead", "saturated", "delta_rms", "gradient_norm", "weight_norm", "update_norm"
)  # fmt: skip
"""What `HealthRecord.values` says of a layer in an epoch.

Every epoch some of its steps are measured: k = min(8, ceil(steps / 64)) of them (row by row in networks at most 16 wide,
whose steps are short, k = min(8, ceil(steps / 1024))), the j-th of which is step ``j full // k - 1``, ``full`` the number
of steps with a whole batch; in these, min(rows, 64) rows of the batch are looked at,
evenly spread over it. Of short epochs not each is measured, see `measured_epochs`. A is what the layer gives on, after dropout; of the output layer ``f(Z)``. The numbers are
means over the measured steps of

==============  ==================================================================================================
activation_rms  the root of the mean of A^2 over rows and units
activation_std  the root of the mean over units of the variance of A over the rows: 0 says that the layer gives the
                same for every row. NaN where a single row was looked at
dead            the share of units that were 0 on all rows looked at in the epoch
saturated       the share of A at the flat ends: ``a < 0.01`` or ``a > 0.99`` for sigmoid, hard_sigmoid and softmax,
                ``|a| > 0.99`` for tanh and softsign, of units that dropout left and without its factor; else 0
delta_rms       the root of the mean of dZ^2 over rows and units, times the number of rows of the batch; 0 below
                the lowest layer that learns
gradient_norm   the root of the sum of dW^2, without weight decay, before any limit; 0 of a layer that is frozen
weight_norm     the root of the sum of W^2, before the update
update_norm     the root of the sum of the squares of what the update adds to W
==============  ==================================================================================================
"""


MEASURED_STEPS, MEASURED_ROWS = 8, 64
"""Steps of an epoch, and rows of a step, that are looked at: at most so many."""
STEPS_FOR_ONE, ROWS_FOR_ONE = 64, 1024
"""Of so many steps one is measured; of the others row by row. To measure one of 64-128-10 with 64 rows takes 0.6 times as long
as to make it, 1.5 microseconds in a network at most 16 wide, whose step with a row takes 0.05."""


def number_measured(steps: int, each: int) -> int:
    """Return how many of so many steps are measured: one for ``each``, but no more than `MEASURED_STEPS`."""
    return min(MEASURED_STEPS, -(-steps // each))


def measured_steps(steps: int, full: int, each: int) -> tuple[int, ...]:
    """Return the numbers of the measured ones among so many steps, ``full`` of them whole batches: see `HEALTH_COLUMNS`."""
    k = number_measured(steps, each)
    return tuple(j * full // k - 1 for j in range(1, k + 1))


def steps_for_one_measured(network: Network, batch: int) -> int:
    """Return of how many steps, with batches of so many rows, one is measured."""
    return ROWS_FOR_ONE if batch == 1 and max(network.layer_sizes) <= 16 else STEPS_FOR_ONE


def measured_epochs(first: int, epochs: int, steps: int, each: int, last: int) -> Array:
    """Return which of so many epochs of a fit are measured, whose first is its epoch number ``first``; bool, (epochs,).

    The fit's last one, number ``last``, is, where it comes so far. Epochs of at least ``each`` steps all are. Of shorter ones the first eight are, then four in each doubling (every second of 8
    to 15, every fourth of 16 to 31), until one of ``each`` steps is, or a little fewer: rounded to a power of two. So what changes early is seen in detail,
    any third of a fit has some that are measured, and to measure costs a long fit next to nothing, however short its epochs.
    """
    found, most, gap = np.zeros(epochs, bool), 1 << (-(-each // steps) - 1).bit_length(), 1
    begin, end = 0, 8  # of the epochs with this gap
    while begin < first + epochs:
        end = first + epochs if gap == most else end
        at = -(-max(begin, first) // gap) * gap
        found[at - first : max(end - first, 0) : gap] = True
        begin, end, gap = end, 2 * end, 2 * gap
    if first <= last < first + epochs:
        found[last - first] = True
    return found


class HealthRecord(NamedTuple):
    """What training measures of each layer in the epochs of a call, in a few of their steps."""

    values: Array
    """float64, (epochs, layers, `HEALTH_COLUMNS`). Epochs that are not finished, or not measured, are NaN."""
    quiet: Array
    """int64, an entry for each hidden unit, layer after layer: how many rows were looked at since it last was not 0. It is
    counted on from what is there, in measured steps that were finished, those of an unfinished epoch too."""
    measured: Array | None = None
    """bool, (epochs,): which of the epochs are measured; None for all."""

    def of(self, epoch: int) -> HealthRecord:
        """Return the record of one of the epochs; their memory is the same."""
        one = slice(epoch, epoch + 1)
        return HealthRecord(
            self.values[one], self.quiet, None if self.measured is None else self.measured[one]
        )

    def cut(self, epochs: int) -> None:
        """Forget all but the first epochs."""
        self.values[epochs:] = math.nan
        if self.measured is not None:
            self.values[~self.measured] = math.nan


@dataclass(eq=False)
class TrainingState:
    """Everything that training changes. The arrays are updated in place.

    Parameters
    ----------
    weights, biases : list of ndarray
        The parameters, shapes as in `Network.weight_shapes` and `Network.bias_shapes`.
    weight_velocity, bias_velocity : list of ndarray
        The velocities of momentum, or what else a rule remembers first, of the same shapes.
    epoch : int
        Whole epochs done.
    step : int
        Updates done, ever.
    losses : list of float
        The mean loss of each finished epoch.
    rule : str
        The kind of rule that remembers what is in the velocities and the squares.
    started : int
        The number of updates done when that was zero.
    weight_square, bias_square : list of ndarray
        What a rule remembers second: the mean square of the gradients, or their sum, or step sizes. Empty lists for
        rules that do not.
    plateau : Plateau
    """

    weights: list[Array]
    biases: list[Array]
    weight_velocity: list[Array]
    bias_velocity: list[Array]
    epoch: int = 0
    step: int = 0
    losses: list[float] = field(default_factory=list)
    rule: str = "sgd"
    started: int = 0
    weight_square: list[Array] = field(default_factory=list)
    bias_square: list[Array] = field(default_factory=list)
    plateau: Plateau = NO_PLATEAU

    @classmethod
    def start(cls, weights: Sequence[Array], biases: Sequence[Array]) -> TrainingState:
        """Return the state before any training: these parameters, velocities of zero."""
        weight_velocity, bias_velocity = (
            [np.zeros_like(w) for w in weights],
            [np.zeros_like(b) for b in biases],
        )
        return cls(list(weights), list(biases), weight_velocity, bias_velocity)

    @property
    def arrays(self) -> list[Array]:
        """All that training changes: the parameters, and what the rule remembers of each."""
        velocities = (*self.weight_velocity, *self.bias_velocity)
        return [*self.weights, *self.biases, *velocities, *self.weight_square, *self.bias_square]

    def restart(self, rule: str, has_square: bool) -> None:
        """Forget what the updates so far have left, for another rule."""
        squares = [
            [np.zeros_like(a) for a in arrays] if has_square else [] for arrays in (self.weights, self.biases)
        ]
        self.weight_velocity = [np.zeros_like(w) for w in self.weights]
        self.bias_velocity = [np.zeros_like(b) for b in self.biases]
        self.weight_square, self.bias_square = squares
        self.rule, self.started = rule, self.step

    def finish_step(self, old: Sequence[Array], new: Sequence[Array]) -> None:
        """Copy the new arrays over the old ones, which are this state's, and count the step."""
        step = self.step + 1

        def replace() -> None:
            for array, value in zip(old, new, strict=True):
                np.copyto(array, value)
            self.step = step

        _to_the_end(replace)

    def finish_epoch(self, loss: float) -> None:
        """Count the epoch, and keep its mean loss."""
        epoch, losses = self.epoch + 1, len(self.losses)

        def count() -> None:
            self.losses[losses:] = [loss]
            self.epoch = epoch

        _to_the_end(count)


def _to_the_end(work: Callable[[], None]) -> None:
    """Do work that gives the same when done twice; an interrupt (Ctrl-C) in its middle waits for its end."""
    try:
        work()
    except BaseException:
        work()
        raise
