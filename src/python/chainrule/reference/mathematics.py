"""The whole mathematics of chainrule in NumPy: read it from the top, from the forward pass to the update.

=======  ==========================================================================================
rows     the samples of a batch: first axis of every array of data
X        (rows, n_in), what a layer is given
W        (n_in, n_out), its weights
b        (n_out,), its biases, one per neuron; or (1,), one for the whole layer; or None
Z        (rows, n_out), its weighted sums, ``Z = X W + b``
A        (rows, n_out), its activations, ``A = f(Z)``
M        (rows, n_out), the mask of dropout: factors of the A of a hidden layer, in training
target   (rows, n_out), what A should be; or (rows,), integer class labels
dQ       the derivative of the loss with respect to Q, of the shape of Q, for Q any of the above
=======  ==========================================================================================

Nothing is checked here: `checked` does that, for functions of the same names, and is what `chainrule.reference` offers.
Further activations, losses and rules, and random numbers, are in files beside this one, which call nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from chainrule._checks import Training, Update, find_nonfinite, find_nonfinite_parameter, nonfinite_error
from chainrule._losses import SUMS_OVER_OUTPUTS, LossRule, call_loss
from chainrule._network import LEAKY_SLOPE, Array, Network, TrainingState
from chainrule._rules import Rule

from . import further_activations, further_losses, further_rules, health, random_numbers

# 1. Activations, each with its derivative.


def activation(name: str, Z: Array) -> Array:
    """Return ``A = f(Z)``, shape (rows, width). The functions and their derivatives:

    ===========  ===================================================  ======================================
    name         a = f(z)                                             f'(z), by a instead of z
    ===========  ===================================================  ======================================
    identity     z                                                    1
    sigmoid      1 / (1 + exp(-z))                                    a (1 - a)
    tanh         (exp(z) - exp(-z)) / (exp(z) + exp(-z))              1 - a^2
    relu         0 where z < 0, else z                                0 where a <= 0, else 1
    leaky_relu   0.01 z where z < 0, else z                           0.01 where a <= 0, else 1
    step         1 where z >= 0, else 0                               0: nothing can be learned through it
    softmax      exp(z_j) / sum_k exp(z_k), over each row             dz_j = a_j (da_j - sum_k a_k da_k)
    ===========  ===================================================  ======================================
    """
    return _softmax(Z) if name == "softmax" else _ACTIVATIONS[name][0](Z)


def activation_gradient(name: str, A: Array, dA: Array, Z: Array | None) -> Array:
    """Return ``dZ = f'(Z) dA``, from A (see `activation`), or from Z where A does not tell."""
    if name == "softmax":  # each output depends on all sums of its row
        return np.asarray(A * (dA - (A * dA).sum(axis=1, keepdims=True)))
    return np.asarray(dA * _ACTIVATIONS[name][1](A, Z))


def _sigmoid(Z: Array) -> Array:
    e = np.exp(-np.abs(Z))  # 1 / (1 + e) where z >= 0, else e / (1 + e): e is never above 1
    return np.asarray(np.maximum(e, Z >= 0) / (1 + e))


def _softmax(Z: Array) -> Array:
    # It is the same for Z minus any number of the row; minus the maximum, exp cannot overflow.
    e = np.exp(Z - Z.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


_ACTIVATIONS: dict[str, further_activations.Pair] = {  # f(Z), and f'(Z) from A (or Z)
    "identity": (lambda Z: Z, lambda A, Z: 1),
    "sigmoid": (_sigmoid, lambda A, Z: A * (1 - A)),
    "tanh": (np.tanh, lambda A, Z: 1 - A * A),
    "relu": (lambda Z: np.maximum(Z, 0), lambda A, Z: A > 0),
    "leaky_relu": (lambda Z: np.maximum(Z, LEAKY_SLOPE * Z), lambda A, Z: np.maximum(A > 0, LEAKY_SLOPE, dtype=A.dtype)),
    "step": (lambda Z: (Z >= 0).astype(Z.dtype), lambda A, Z: 0),
    **further_activations.FURTHER,
}  # fmt: skip

# 2. One layer: its weighted sums, and the gradients of its inputs, weights and biases.


def weighted_sums(X: Array, W: Array, b: Array | None) -> Array:
    """Return ``Z = X W + b``, (rows, n_out), from X (rows, n_in), W (n_in, n_out), b (n_out,) or (1,)."""
    return np.asarray(X @ W if b is None else X @ W + b)


def matmul_gradients(X: Array, W: Array, dZ: Array) -> tuple[Array, Array, Array]:
    """Return dX (rows, n_in), dW (n_in, n_out) and db (n_out,), given dZ (rows, n_out), for ``Z = X W + b``.

    The chain rule sums over all paths to the loss: x_ri acts through every z_rj of its row, ``dX = dZ W^T``;
    w_ij acts through z_rj in every row, ``dW = X^T dZ``; so does b_j, ``db = sum_r dZ_r``.
    Source: Rumelhart, Hinton, Williams, "Learning representations by back-propagating errors", Nature, 1986.
    """
    return dZ @ W.T, X.T @ dZ, dZ.sum(axis=0)


# 3. Losses: how wrong the outputs are, and the derivative with respect to the weighted sums of the output layer.


def loss_and_gradient(
    loss: LossRule, Z: Array, target: Array, output_activation: str, sample_weight: Array | None = None,
    output_weights: Sequence[float] | None = None
) -> tuple[float, Array]:  # fmt: skip
    """Return the loss, and dZ (rows, n_out) for the weighted sums Z of the output layer, with ``a = f(z)``.

    With the error ``e = a - y`` the loss of an entry l(a, y) and its derivative are:

    ====================  ============================================  =========================================
    half_squared_error    e^2 / 2                                       dl/da = e
    mean_squared_error    e^2                                           2 e
    cross_entropy         -y log a; f is softmax, and sum_j y_j = 1     dl/dz = a - y (of the sum over outputs)
    binary_cross_entropy  -(y log a + (1 - y) log(1 - a)); f sigmoid    dl/dz = a - y
    ====================  ============================================  =========================================

    The loss is the sum of the entries of a row for half_squared_error, hinge and the cross-entropies, and their mean
    over the outputs for the others; then the mean over rows, each times its `sample_weight` and divided by the sum of
    these. `output_weights` are factors of the outputs. A NaN in the target leaves its entry out (in cross_entropy, its
    row): loss and derivative are 0 there. A function ``(a, y) -> (value, dvalue/da)`` may stand for all of this.

    In the cross-entropies f' cancels, and no rounded activation goes into a logarithm: ``-log a_j`` is
    ``log sum_k exp(z_k - m) - (z_j - m)``, m the maximum of the row; a binary term is
    ``max(z, 0) - z y + log(1 + exp(-|z|))``.
    Source: Blanchard, Higham, Higham, "Accurately computing the log-sum-exp and softmax functions", 2021.
    """
    Y = target if target.ndim > 1 else (target[:, None] == np.arange(Z.shape[1])).astype(Z.dtype)  # of labels
    if loss.function is not None:  # of the user's
        A = activation(output_activation, Z)
        value, dA = call_loss(loss.function, A.copy(), Y.copy())
        return value, activation_gradient(output_activation, A, dA, Z)
    rows, n_out = Z.shape
    scale = np.full((1, n_out), 1.0 if loss.kind in SUMS_OVER_OUTPUTS else 1 / n_out, Z.dtype)
    total = float(rows)
    if output_weights is not None:
        scale = scale * np.asarray(output_weights, Z.dtype)
    if sample_weight is not None:
        scale, total = scale * sample_weight[:, None], float(sample_weight.sum(dtype=np.float64))
    Y, scale = further_losses.leave_out_missing(loss, further_losses.smooth_labels(loss, Y), scale)
    if total == 0:
        return 0.0, np.zeros_like(Z)
    terms, dZ = _entries(loss, Z, Y, output_activation, scale / Z.dtype.type(total))
    if sample_weight is not None:
        dZ[sample_weight == 0] = 0
    return float(_times(terms, scale).sum(dtype=np.float64)) / total, dZ


def _entries(loss: LossRule, Z: Array, Y: Array, name: str, scale: Array) -> tuple[Array, Array]:
    """Return the loss of each entry, and the derivative of the sum of them, each times its scale, with respect to Z."""
    if loss.kind == "cross_entropy":
        Z = Z - Z.max(axis=1, keepdims=True)
        minus_log_A = np.log(np.exp(Z).sum(axis=1, keepdims=True)) - Z
        terms = np.where(Y == 0, Y, Y * further_losses.cut_off(loss, minus_log_A))  # y = 0 costs nothing
        return terms, _times(np.exp(-minus_log_A) - Y, scale)
    E = (A := activation(name, Z)) - Y
    if loss.kind == "binary_cross_entropy":
        minus_log = np.maximum(Z, 0) - Z * Y + np.log1p(np.exp(-np.abs(Z)))
        return further_losses.cut_off(loss, minus_log), _times(E, scale)
    if loss.kind == "poisson":
        return further_losses.poisson(Z, A, Y), _times(E, scale)
    if loss.kind == "half_squared_error":
        terms, dA = E * E / 2, E
    elif loss.kind == "mean_squared_error":
        terms, dA = E * E, 2 * E
    else:
        terms, dA = further_losses.value_and_slope(loss, A, Y, E)
    return terms, activation_gradient(name, A, _times(dA, scale), Z)


def _times(values: Array, scale: Array) -> Array:
    """Return ``values scale``, and 0 where the scale is 0: what does not count may be infinite."""
    return np.where(scale == 0, 0, values * scale).astype(values.dtype, copy=False)


# 4. A whole network: forward through all layers, and back by the chain rule.


def forward(network: Network, weights: Sequence[Array], biases: Sequence[Array], X: Array) -> Array:
    """Return the prediction (rows, n_out) for X (rows, n_in): ``f(A W + b)``, layer by layer, no dropout, no noise."""
    A = X
    for i, W in enumerate(weights):
        A = activation(network.activations[i], weighted_sums(A, W, biases[i] if biases else None))
    return A


class Kept(NamedTuple):
    """What a forward pass in training leaves to the backward pass."""

    given: list[Array]  # to each layer: the disturbed X, then the A of the layer before, times its M
    hidden: list[tuple[Array, Array, Array | None]]  # Z, A and M of the hidden layers; no M without dropout
    Z: Array  # of the output layer


def forward_in_training(
    network: Network, weights: Sequence[Array], biases: Sequence[Array], X: Array, seed: int, step: int
) -> Kept:
    """Go forward as `forward` does, with the dropout masks and the noise of ``seed`` and ``step``; keep all on the way."""
    given, hidden = [random_numbers.disturbed(network, X, seed, step)], []
    for i, rate in enumerate(network.dropout):  # the hidden layers: each has a rate
        Z = weighted_sums(given[i], weights[i], biases[i] if biases else None)
        A, M = activation(network.activations[i], Z), None
        if rate > 0:
            M = random_numbers.dropout_mask(len(A), A.shape[1], rate, seed=seed, step=step, layer=i, dtype=A.dtype)  # fmt: skip
        hidden.append((Z, A, M))
        given.append(A if M is None else A * M)
    return Kept(given, hidden, weighted_sums(given[-1], weights[-1], biases[-1] if biases else None))


def backward(
    network: Network, weights: Sequence[Array], kept: Kept, dZ: Array
) -> tuple[list[Array], list[Array], list[Array]]:
    """Go back from the dZ of the output layer: return lists of dW, db and dZ of every layer."""
    dWs, dbs, dZs = [], [], [dZ]
    for i in range(network.n_layers - 1, -1, -1):
        dWs.append(kept.given[i].T @ (dZ := dZs[-1]))
        dbs.append(dZ.sum(axis=0).sum(keepdims=True) if network.bias == "layer" else dZ.sum(axis=0))
        if i > 0:
            Z, A, M = kept.hidden[i - 1]
            dA = dZ @ weights[i].T
            dZs.append(activation_gradient(network.activations[i - 1], A, dA if M is None else dA * M, Z))
    return dWs[::-1], dbs[::-1] if network.bias else [], dZs[::-1]


def gradients(
    network: Network, weights: list[Array], biases: list[Array], X: Array, target: Array, loss: LossRule,
    sample_weight: Array | None, output_weights: Sequence[float] | None, seed: int, step: int,
    look: Callable[[list[Array], list[Array]], object] | None = None
) -> tuple[float, list[Array], list[Array]]:  # fmt: skip
    """Return the loss, and lists of dW and db of every layer (without biases the second is empty), by back-propagation.

    As in training, with the masks and the noise of ``seed`` and ``step``; ``look`` is given what layers give on, and dZ.
    """
    kept, name = forward_in_training(network, weights, biases, X, seed, step), network.output_activation
    value, dZ = loss_and_gradient(loss, kept.Z, target, name, sample_weight, output_weights)
    dWs, dbs, dZs = backward(network, weights, kept, dZ)
    if look:
        look([*kept.given[1:], activation(name, kept.Z)], dZs)
    return value, dWs, dbs


# 5. The update: from a gradient to new parameters.


def sgd_momentum_step(w: Array, v: Array, g: Array, new_w: Array, new_v: Array, by: Rule | Update) -> None:
    """Update the parameter w and its velocity v, given the gradient g; all of one shape.

    With ``s = -learning_rate (g + weight_decay w)``: ``v = momentum v + s`` and ``w = w + v``, or, looking
    ahead as Nesterov did, ``w = w + momentum v + s`` with the new v.
    Source: Polyak, "Some methods of speeding up the convergence of iteration methods", 1964; Sutskever,
    Martens, Dahl, Hinton, "On the importance of initialization and momentum in deep learning", ICML, 2013.
    """
    s = -by.learning_rate * (g + by.weight_decay * w if by.weight_decay else g)
    np.multiply(by.momentum, v, out=new_v)
    new_v += s
    np.add(w, by.momentum * new_v + s if by.nesterov else new_v, out=new_w)


def update(
    old: list[Array], new: list[Array], dWs: list[Array], dbs: list[Array], rule: Rule, t: int,
    frozen: Sequence[int] = ()
) -> str | None:  # fmt: skip
    """Compute new parameters, and what is remembered of them, from the old; name a layer with one that is not finite.

    Both lists have the weights, the biases, what is remembered of each of them, and in the same order what is
    remembered second, if anything is. ``t`` counts the updates of this rule from 1 on. All of ``frozen`` layers stays.
    """
    n, m = len(dWs), len(dWs + dbs)
    for i, g in enumerate(further_rules.clip(dWs + dbs, rule)):
        stays = i % n in frozen
        one = rule.for_biases() if stays or i >= n else rule
        if one.l1:  # the derivative of l1 |w|
            g = g + one.l1 * np.sign(old[i])
        if stays:
            further_rules.stay(old[i::m], new[i::m])
        elif one.kind == "sgd":
            sgd_momentum_step(old[i], old[m + i], g, new[i], new[m + i], one)
        else:
            further_rules.step(one, t, g, old[i::m], new[i::m])
        further_rules.limit_norms(new[i], one.max_norm)
    wrong = find_nonfinite_parameter(new[:n], new[n:m])
    return wrong or find_nonfinite_parameter(new[2 * m : 2 * m + n], new[2 * m + n :])


# 6. Training: epochs of batches, each a forward pass, a backward pass and an update.


def train_epochs(
    network: Network, state: TrainingState, given: Training, poll: Callable[[int, int, int, float], object] | None
) -> None:  # fmt: skip
    """Train for ``epochs`` more epochs of stochastic gradient descent; ``state`` is updated in place.

    In an epoch every row comes once, in the order of `permutation` (or as they lie, or in ``order``), in batches of
    ``batch_size`` rows, the last one smaller. ``state.losses`` gets the mean loss of the rows of each epoch. Layers in
    ``frozen`` stay. ``poll(epoch, batches done in it, batches per epoch, mean loss of the rows so far)`` is called
    between batches, and after the last one of an epoch before that is counted; training stops if it raises.
    Raises FloatingPointError if the loss, a gradient or a new parameter is not finite; that step is not done.
    """
    rows, step, begun, started, record = len(given.X), state.step, state.step, state.started, given.record
    meter = health.Meter(network, given)
    old = [array for arrays in given[:6] for array in arrays]  # parameters, and what is remembered of them
    new = [np.empty_like(array) for array in old]
    for _ in range(given.epochs):
        order = random_numbers.permutation(rows, seed=given.seed, epoch=state.epoch) if given.shuffle else given.order  # fmt: skip
        total, counted, starts = 0.0, 0.0, range(0, rows, given.batch_size)
        for i, start in enumerate(starts):
            stop = min(start + given.batch_size, rows)
            batch: Any = slice(start, stop) if order is None else order[start:stop]
            weight = None if given.sample_weight is None else given.sample_weight[batch]
            count = float(stop - start if weight is None else weight.sum(dtype=np.float64))
            rule = given.rule.of_batch(count).at_rate(given.rule.rate_of(step))
            with np.errstate(all="ignore"):
                squares = further_rules.sum_of_squares(given.weights) if record else 0.0  # before the update
                value, dWs, dbs = gradients(network, *given[:2], given.X[batch], given.target[batch], given.loss,
                                            weight, given.output_weights, given.seed, state.step, meter.at(i))  # fmt: skip
                dWs, dbs = further_rules.without_frozen(dWs, dbs, given.frozen)
                wrong = find_nonfinite(value, dWs, dbs)
                wrong = wrong or update(old, new, dWs, dbs, rule, step - started + 1, given.frozen)
            if wrong:
                raise FloatingPointError(nonfinite_error(state.epoch, i, wrong))
            meter.note(old, new, dWs)
            state.finish_step(old, new)
            if record:
                record.put(step - begun, value, squares)
            step += 1
            total, counted = total + value * count, counted + count
            if poll is not None:
                poll(state.epoch, i + 1, len(starts), total / counted if counted else 0.0)
        state.finish_epoch(total / counted if counted else 0.0)
