"""The native core: the functions of `chainrule.reference`, with the same arguments, in C++.

The checks of the arguments are the reference's own (`_checks`), so both cores accept the same things and refuse the
rest in the same words. What is computed is described there too; each docstring here is that of its twin.
Every call runs with flush-to-zero: results below the smallest normal number are 0.

``n_threads`` is the number of threads a call may use (None: ``OMP_NUM_THREADS`` if set, else what the machine
allows). Small work runs on one thread. The number never changes a bit of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from itertools import chain
from typing import Any

import numpy as np

from . import _checks, reference
from ._compiled_core import _core
from ._held import Claim, guarded, pins
from ._losses import LossFunction, LossRule, call_loss
from ._native_rules import (
    _numbers,
    adagrad_step,  # noqa: F401 - offered here
    adam_step,  # noqa: F401
    rmsprop_step,  # noqa: F401
    rprop_step,  # noqa: F401
    sgd_momentum_step,  # noqa: F401
)
from ._network import Array, HealthRecord, MeasuredRows, Network, StepRecord, TrainingState
from ._rules import Rule
from ._threads import allowed_threads
from .passes import ForwardPass
from .targets import one_hot

_ACTIVATION = {name: i for i, name in enumerate(_core.ACTIVATIONS)}
_LOSS = {name: i for i, name in enumerate(_core.LOSSES)}
_BIAS = {None: 0, "unit": 1, "layer": 2}  # BiasMode in src/cpp/model/network.hpp


@lru_cache(maxsize=256)
def _compiled(network: Network) -> _core.Network:
    activations = [_ACTIVATION[name] for name in network.activations]
    return _core.Network(
        network.layer_sizes, activations, _BIAS[network.bias], network.dropout, network.input_dropout,
        network.input_noise
    )  # fmt: skip


def _int32(n_threads: int | None) -> int:
    """Return the number of threads as the core takes it: 0 for None, and the most an int of C holds for any more."""
    return min(allowed_threads(n_threads), 2**31 - 1)


def random_words(n: int, *, seed: int, stream: int, step: int = 0, start: int = 0) -> Array:
    n, seed, stream, step, start = _checks.check_random_words(n, seed, stream, step, start)
    return _core.random_words(n, seed, stream, step, start)


def permutation(n: int, *, seed: int, epoch: int) -> Array:
    n, seed, epoch = _checks.check_permutation(n, seed, epoch)
    return _core.permutation(n, seed, epoch)


def dropout_mask(
    rows: int, width: int, rate: float, *, seed: int, step: int, layer: int, dtype: Any = "float32"
) -> Array:
    rows, width, rate, seed, step, layer, dtype = _checks.check_dropout_mask(
        rows, width, rate, seed, step, layer, dtype
    )
    mask: Array = np.empty((rows, width), dtype)
    _core.dropout_mask(mask, rate, seed, step, layer)
    return mask


def gaussian_noise(rows: int, width: int, *, seed: int, step: int, dtype: Any = "float32") -> Array:
    rows, width, seed, step, dtype = _checks.check_gaussian_noise(rows, width, seed, step, dtype)
    noise: Array = np.empty((rows, width), dtype)
    _core.gaussian_noise(noise, seed, step)
    return noise


def activation(name: str, Z: Array, *, out: Array | None = None) -> Array:
    Z, out = _checks.check_activation(name, Z, out)
    _core.activation(_ACTIVATION[name], Z, out)
    return out


def activation_gradient(
    name: str, A: Array, dA: Array, *, Z: Array | None = None, out: Array | None = None
) -> Array:
    A, dA, Z, out = _checks.check_activation_gradient(name, A, dA, Z, out)
    _core.activation_gradient(_ACTIVATION[name], A, Z, dA, out)
    return out


def matmul_bias(
    X: Array, W: Array, b: Array | None = None, *, activation: str = "identity",
    out: Array | None = None, n_threads: int | None = None
) -> Array:  # fmt: skip
    X, W, b, out = _checks.check_matmul_bias(X, W, b, activation, out, n_threads)
    bias = None if b is None else "unit" if len(b) == W.shape[1] else "layer"
    layer = _core.Network(W.shape, [_ACTIVATION[activation]], _BIAS[bias], [])
    _core.predict(layer, [W], [] if b is None else [b], X, out, _int32(n_threads))
    return out


def matmul_gradients(
    X: Array, W: Array, dZ: Array, *, n_threads: int | None = None
) -> tuple[Array, Array, Array]:
    X, W, dZ = _checks.check_matmul_gradients(X, W, dZ, n_threads)
    return _core.matmul_gradients(X, W, dZ, _int32(n_threads))


def loss_and_gradient(
    loss: Any, Z: Array, target: Array, *, output_activation: str = "identity", sample_weight: Array | None = None,
    output_weights: Sequence[float] | None = None
) -> tuple[float, Array]:  # fmt: skip
    given = _checks.check_loss_and_gradient(loss, Z, target, output_activation, sample_weight, output_weights)
    return loss_checked(output_activation, *given)


def loss_checked(
    output_activation: str, Z: Array, target: Array, rule: LossRule, weight: Array | None,
    factors: Sequence[float] | None
) -> tuple[float, Array]:  # fmt: skip
    """Do what `loss_and_gradient` does, with arguments that were checked."""
    if rule.function is not None:
        A = activation(output_activation, Z)
        value, dA = call_loss(rule.function, A.copy(), one_hot(target, A.shape[1], A.dtype).copy())
        return value, activation_gradient(output_activation, A, dA, Z=Z, out=dA)
    numbers = _loss_numbers(rule, factors, Z.shape[1])
    return _core.loss_and_gradient(numbers, _ACTIVATION[output_activation], Z, target, weight)


def _loss_numbers(rule: LossRule, factors: Sequence[float] | None, n_out: int) -> tuple[Any, ...]:
    """Return a loss as the core takes it: its kind as a number, its numbers, and a function that it calls, or None."""
    levels: Sequence[float] = ()
    if rule.kind == "quantile":
        levels = rule.levels if len(rule.levels) == n_out else rule.levels * n_out
    function = None if rule.function is None else partial(_fill_gradient, rule.function)
    return (
        _LOSS[rule.kind],
        rule.delta,
        rule.label_smoothing,
        list(levels),
        list(factors or ()),
        function,
        rule.margin,
    )


def _fill_gradient(function: LossFunction, prediction: Array, target: Array, gradient: Array) -> float:
    value, gradient[...] = call_loss(function, prediction, target)
    return value


def forward(
    network: Network, weights: Sequence[Array], biases: Sequence[Array], X: Array, *,
    out: Array | None = None, n_threads: int | None = None
) -> Array:  # fmt: skip
    # As nearly always: the compiled core sees at once that all is as it should be, and else returns None. The checks in
    # Python take twice as long as a small network.
    if type(network) is Network and (n_threads is None or (type(n_threads) is int and n_threads > 0)):
        made = _core.predict_plain(
            _compiled(network), weights, biases, X, out, network.dtype == "float32", _int32(n_threads)
        )
        if made is not None:
            return made
    return forward_checked(
        network, *_checks.check_forward(network, weights, biases, X, out, n_threads), n_threads
    )


def forward_checked(
    network: Network, weights: list[Array], biases: list[Array], X: Array, out: Array, n_threads: int | None
) -> Array:
    """Do what `forward` does, with arguments that were checked."""
    _core.predict(_compiled(network), weights, biases, X, out, _int32(n_threads))
    return out


def gradients(
    network: Network, weights: Sequence[Array], biases: Sequence[Array], X: Array, target: Array, *,
    loss: Any, sample_weight: Array | None = None, output_weights: Sequence[float] | None = None, seed: int = 0,
    step: int = 0, n_threads: int | None = None
) -> tuple[float, list[Array], list[Array]]:  # fmt: skip
    given = _checks.check_gradients(
        network, weights, biases, X, target, loss, sample_weight, output_weights, seed, step, n_threads
    )
    return _gradients(network, given, n_threads)


def _gradients(
    network: Network, given: _checks.Batch, n_threads: int | None = None
) -> tuple[float, list[Array], list[Array]]:
    dWs, dbs = [np.empty_like(w) for w in given.weights], [np.empty_like(b) for b in given.biases]
    if given.loss.function is not None:
        _held = pins(*given.held)
        function = guarded(given.loss.function, given.weights + given.biases)
        given = given._replace(loss=given.loss._replace(function=function))
    value = _core.gradients(
        _compiled(network), *given[:4], _loss_numbers(given.loss, given.output_weights, network.n_out),
        given.sample_weight, given.seed, given.step, _int32(n_threads), dWs, dbs
    )  # fmt: skip
    return value, dWs, dbs


def train_epochs(
    network: Network, state: TrainingState, X: Array, target: Array, *, loss: Any,
    sample_weight: Array | None = None, output_weights: Sequence[float] | None = None, optimizer: Any, batch_size: int,
    shuffle: bool, seed: int, epochs: int, n_threads: int | None = None,
    poll: Callable[[int, int, int, float], object] | None = None, poll_each_step: bool = False,
    frozen: Sequence[int] = (), order: Array | None = None, record: StepRecord | None = None,
    health: HealthRecord | None = None
) -> None:  # fmt: skip
    given = _checks.check_train_epochs(
        network, state, X, target, loss, sample_weight, output_weights, optimizer, batch_size, shuffle, seed, epochs,
        n_threads, poll, poll_each_step, frozen, order, record, health
    )  # fmt: skip
    train_checked(network, state, given, n_threads, poll, poll_each_step)


def train_checked(
    network: Network, state: TrainingState, given: _checks.Training, n_threads: int | None = None,
    poll: Callable[[int, int, int, float], object] | None = None, poll_each_step: bool = False,
    measured: Sequence[MeasuredRows] = ()
) -> None:  # fmt: skip
    """Do what `train_epochs` does, with arguments that were checked and are as they were then, and measure after each epoch."""
    python_runs = poll is not None or given.loss.function is not None or given.rule.rates is not None
    _held = pins(*given.held, *chain.from_iterable(rows.arrays for rows in measured)) if python_runs else None
    with Claim(given.weights):
        finite, done = _core.train_epochs(
            _compiled(network), state, *given[:8], _loss_numbers(given.loss, given.output_weights, network.n_out),
            given.sample_weight, *_numbers(given.rule), min(given.batch_size, len(given.X)),
            given.shuffle, given.seed, min(given.epochs, 2**62), _int32(n_threads), poll, poll_each_step,
            given.frozen, given.order, given.record, given.health, tuple(measured)
        )  # fmt: skip
        wrong = None if finite else _find_nonfinite(network, state, given, done)
    if wrong is not None:
        raise FloatingPointError(_checks.nonfinite_error(state.epoch, done, wrong))


def _find_nonfinite(network: Network, state: TrainingState, given: _checks.Training, done: int) -> str:
    """Name what is not finite in the step after ``done`` steps of the epoch, from the state before it."""
    rows = len(given.X)
    order = np.arange(rows) if given.order is None else given.order
    if given.shuffle:
        order = permutation(rows, seed=given.seed, epoch=state.epoch)
    batch = order[done * given.batch_size : (done + 1) * given.batch_size]
    weight = None if given.sample_weight is None else given.sample_weight[batch]
    loss = given.loss
    if loss.function is not None:
        loss = loss._replace(function=guarded(loss.function, given.changed))
    value, dWs, dbs = _gradients(network, _checks.Batch(
        given.weights, given.biases, given.X[batch], given.target[batch], loss, weight, given.output_weights,
        given.seed, state.step
    ))  # fmt: skip
    dWs, dbs = reference.further_rules.without_frozen(dWs, dbs, given.frozen)
    wrong = _checks.find_nonfinite(value, dWs, dbs)
    rule = given.rule.of_batch(float(len(batch) if weight is None else weight.sum(dtype=np.float64)))
    return wrong or _find_nonfinite_update(state, list(given[:6]), dWs, dbs, rule, given.frozen)


def _find_nonfinite_update(
    state: TrainingState, lists: list[list[Array]], dWs: list[Array], dbs: list[Array], rule: Rule,
    frozen: Sequence[int]
) -> str:  # fmt: skip
    """Name a layer where the next update with these gradients leaves something that is not finite."""
    rule, wrong = rule.at_rate(rule.rate_of(state.step)), None
    if rule.is_plain:
        weights, biases = [w.copy() for w in lists[0]], [b.copy() for b in lists[1]]
        numbers = (rule.learning_rate, rule.momentum, rule.nesterov)
        for w, v, g in zip(weights, lists[2], dWs, strict=True):
            _core.update(w, v.copy(), g, *numbers, rule.weight_decay)
        for b, v, g in zip(biases, lists[3], dbs, strict=True):
            _core.update(b, v.copy(), g, *numbers, 0.0)
        wrong = _checks.find_nonfinite_parameter(weights, biases)
    else:
        old = [array for arrays in lists for array in arrays]
        new = [np.empty_like(array) for array in old]
        t = state.step - state.started + 1
        with np.errstate(all="ignore"):
            wrong = reference.mathematics.update(old, new, dWs, dbs, rule, t, frozen)
    return wrong or "an updated parameter"


def forward_pass(
    network: Network, weights: Sequence[Array], biases: Sequence[Array], X: Array, *, seed: int = 0, step: int = 0,
    n_threads: int | None = None
) -> ForwardPass:  # fmt: skip
    weights, biases, X, seed, step = _checks.check_forward_pass(
        network, weights, biases, X, seed, step, n_threads
    )
    kept = _core.KeptPass(_compiled(network), weights, biases, X, seed, step, _int32(n_threads))
    return ForwardPass(network, kept, len(X))


def apply_gradients(
    network: Network, state: TrainingState, weight_gradients: Sequence[Array], bias_gradients: Sequence[Array], *,
    optimizer: Any, frozen: Sequence[int] = (), n_threads: int | None = None
) -> None:  # fmt: skip
    lists, dWs, dbs, rule, frozen = _checks.check_apply_gradients(
        network, state, weight_gradients, bias_gradients, optimizer, frozen, n_threads
    )
    with Claim(lists[0]):
        rate = rule.rate_of(state.step)
        dWs, dbs = reference.further_rules.without_frozen(dWs, dbs, frozen)
        wrong = _checks.find_nonfinite(0.0, dWs, dbs)
        if wrong is None and not _core.apply_gradients(
            _compiled(network), state, lists, dWs, dbs, *_numbers(rule)[:2], rate, frozen, _int32(n_threads)
        ):
            wrong = _find_nonfinite_update(state, lists, dWs, dbs, rule, frozen)
    if wrong is not None:
        raise FloatingPointError(_checks.nonfinite_update(wrong))


def normal_equations(
    network: Network, weights: Sequence[Array], biases: Sequence[Array], X: Array, target: Array, *,
    n_threads: int | None = None
) -> tuple[float, Array, Array]:  # fmt: skip
    weights, biases, X, target = _checks.check_normal_equations(
        network, weights, biases, X, target, n_threads
    )
    P = sum(array.size for array in (*weights, *biases))
    JTJ, JTe = np.empty((P, P), X.dtype), np.empty(P, X.dtype)
    squares = _core.normal_equations(
        _compiled(network), weights, biases, X, target, JTJ, JTe, _int32(n_threads)
    )
    return squares, JTJ, JTe


def damped_step(H: Array, g: Array, damping: float, *, n_threads: int | None = None) -> Array:
    H, g, damping = _checks.check_damped_step(H, g, damping, n_threads)
    step = np.empty_like(g)
    if not _core.damped_step(H, g, damping, step, _int32(n_threads)):
        raise np.linalg.LinAlgError(_checks.NOT_POSITIVE_DEFINITE)
    return step


def make_plan(network: Network, weights: Sequence[Array], biases: Sequence[Array]) -> object:
    """Return a capsule with copies of checked parameters, laid out for single rows: what a `Predictor` keeps."""
    return _core.make_plan(_compiled(network), weights, biases)


def choices(
    network: Network, batch: int, n_threads: int | None, rule: Rule, loss: LossRule | None = None,
    factors: Sequence[float] | None = None, frozen: Sequence[int] = ()
) -> dict[str, Any]:  # fmt: skip
    """Return what `train_epochs` would choose for batches of so many rows, by default with a loss like any other; `Trainer.plan` puts it in words."""
    return _core.choices(
        _compiled(network), network.dtype == "float32", batch, _int32(n_threads),
        _loss_numbers(loss or LossRule("mean_squared_error"), factors, network.n_out), *_numbers(rule),
        bool(frozen)
    )  # fmt: skip


PUBLIC = (
    "random_words", "permutation", "dropout_mask", "gaussian_noise", "activation", "activation_gradient",
    "matmul_bias", "matmul_gradients", "loss_and_gradient", "sgd_momentum_step",
    "adam_step", "rmsprop_step", "adagrad_step", "rprop_step", "forward", "gradients", "train_epochs", "forward_pass", "apply_gradients",
    "normal_equations", "damped_step"
)  # fmt: skip
for _name in PUBLIC:
    globals()[_name].__doc__ = getattr(reference, _name).__doc__
