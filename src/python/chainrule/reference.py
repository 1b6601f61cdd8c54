"""The whole mathematics of chainrule in NumPy, from the forward pass to the update.

Read it from top to bottom: random numbers, activations, one layer, losses, the update, a network, training.
Every step forward stands next to its gradient. This file specifies the native core, which has the same
functions with the same arguments; `_checks` checks them, for both. ``n_threads`` is checked here and not used.
Weights begin as `initializers` says; `Network` (the shape) and `TrainingState` (what training changes) hold data.

=======  =================================================================================================
rows     the samples of a batch: first axis of every array of data
X        (rows, n_in), what a layer is given
W        (n_in, n_out), its weights
b        (n_out,), its biases, one per neuron; or (1,), one for the whole layer; or None
Z        (rows, n_out), its weighted sums, ``Z = X W + b``
A        (rows, n_out), its activations, ``A = f(Z)``
target   (rows, n_out), what A should be; or (rows,), integer class labels
dQ       the derivative of the loss with respect to Q, of the shape of Q, for Q any of the above
=======  =================================================================================================

All is computed in the dtype of the inputs, float32 or float64. Infinities and NaN pass through as IEEE 754
says, without warnings. A name with a leading underscore does the work of the same name without, unchecked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import _checks
from ._network import LEAKY_SLOPE, Array, Network, TrainingState

# 1. Random numbers: functions of (seed, stream, step, position), and of nothing else

_LOW = 0xFFFFFFFF  # the low 32 bits
_PERMUTATION, _DROPOUT = 2 << 24, 3 << 24  # streams; `initializers` has (1 << 24) + layer


def random_words(n: int, *, seed: int, stream: int, step: int = 0, start: int = 0) -> Array:
    """Return ``n`` random words, those from position ``start`` on: uint32, shape (n,).

    Philox4x32-10 scrambles a counter with a key into four words. The key is the seed, the counter is
    ``(index, stream, step mod 2^32, step div 2^32)``. The word at position p is output ``(p % 64) // 16`` at
    ``index = 16 (p // 64) + p % 16``, so that sixteen counters fill one vector register.
    Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11, 2011.
    """
    n, seed, stream, step, start = _checks.check_random_words(n, seed, stream, step, start)
    first, last = start // 64, (start + n + 63) // 64  # blocks of 16 counters, 64 words
    c0: Array = np.arange(16 * first, 16 * last, dtype=np.uint64)
    c1, c2, c3 = (np.full_like(c0, word) for word in (stream, step & _LOW, step >> 32))
    k0, k1 = seed & _LOW, seed >> 32
    for _ in range(10):
        p0, p1 = c0 * 0xD2511F53, c2 * 0xCD9E8D57
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & _LOW, (p0 >> 32) ^ c3 ^ k1, p0 & _LOW
        k0, k1 = (k0 + 0x9E3779B9) & _LOW, (k1 + 0xBB67AE85) & _LOW
    words = np.stack([c.reshape(-1, 16) for c in (c0, c1, c2, c3)], axis=1).astype(np.uint32)
    return words.ravel()[start - 64 * first :][:n]


def permutation(n: int, *, seed: int, epoch: int) -> Array:
    """Return the order of ``n`` rows in an epoch, by the rank of one random word each: int64, shape (n,)."""
    n, seed, epoch = _checks.check_permutation(n, seed, epoch)
    words = random_words(n, seed=seed, stream=_PERMUTATION, step=epoch)
    return np.argsort(words, kind="stable").astype(np.int64, copy=False)


def dropout_mask(
    rows: int, width: int, rate: float, *, seed: int, step: int, layer: int, dtype: Any = "float32"
) -> Array:
    """Return the factors of inverted dropout, (rows, width): 0 at the given rate, else ``1 / (1 - rate)``.

    The mean factor is 1, so that prediction needs none. A unit is kept if its random word is at least
    ``floor(rate 2^32)``. ``step`` counts the updates, ``layer`` the hidden layers, both from 0.
    Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15.
    """
    rows, width, rate, seed, step, layer, dtype = _checks.check_dropout_mask(
        rows, width, rate, seed, step, layer, dtype
    )
    words = random_words(rows * width, seed=seed, stream=_DROPOUT + layer, step=step).reshape(rows, width)
    mask: Array = (words >= np.uint32(int(rate * 2**32))).astype(dtype)
    mask *= 1.0 / (1.0 - rate)
    return mask


# 2. Activations


def activation(name: str, Z: Array, *, out: Array | None = None) -> Array:
    """Return ``A = f(Z)``, shape (rows, width); ``out`` may be Z itself. The functions and their derivatives:

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
    Z, out = _checks.check_activation(name, Z, out)
    with np.errstate(all="ignore"):
        return _activation(name, Z, out)


def _activation(name: str, Z: Array, A: Array) -> Array:
    if name == "identity":
        np.copyto(A, Z)
    elif name == "sigmoid":  # 1 / (1 + e) where z >= 0, else e / (1 + e): e is never above 1
        e = np.exp(-np.abs(Z))
        np.divide(np.maximum(e, Z >= 0), 1 + e, out=A)
    elif name == "tanh":
        np.tanh(Z, out=A)
    elif name == "relu":
        np.maximum(Z, 0, out=A)
    elif name == "leaky_relu":
        np.maximum(Z, LEAKY_SLOPE * Z, out=A)
    elif name == "step":
        np.copyto(A, Z >= 0)
    else:  # softmax: the same for Z minus any constant of the row; minus its maximum, exp cannot overflow
        np.subtract(Z, Z.max(axis=1, keepdims=True), out=A)
        np.exp(A, out=A)
        A /= A.sum(axis=1, keepdims=True)
    return A


def activation_gradient(name: str, A: Array, dA: Array, *, out: Array | None = None) -> Array:
    """Return ``dZ = f'(Z) dA``, from A instead of Z (see the table above); ``out`` may be A or dA itself."""
    A, dA, out = _checks.check_activation_gradient(name, A, dA, out)
    with np.errstate(all="ignore"):
        return _activation_gradient(name, A, dA, out)


def _activation_gradient(name: str, A: Array, dA: Array, dZ: Array) -> Array:
    if name == "identity":
        np.copyto(dZ, dA)
    elif name == "sigmoid":
        np.multiply(dA, A * (1 - A), out=dZ)
    elif name == "tanh":
        np.multiply(dA, 1 - A * A, out=dZ)
    elif name == "relu":
        np.multiply(dA, A > 0, out=dZ)
    elif name == "leaky_relu":
        np.multiply(dA, np.maximum(A > 0, LEAKY_SLOPE, dtype=A.dtype), out=dZ)
    else:  # softmax
        np.multiply(A, dA - (A * dA).sum(axis=1, keepdims=True), out=dZ)
    return dZ


# 3. One layer


def matmul_bias(
    X: Array, W: Array, b: Array | None = None, *, activation: str = "identity",
    out: Array | None = None, n_threads: int | None = None
) -> Array:  # fmt: skip
    """Return ``A = f(X W + b)``, (rows, n_out), from X (rows, n_in), W (n_in, n_out), b (n_out,) or (1,)."""
    X, W, b, out = _checks.check_matmul_bias(X, W, b, activation, out, n_threads)
    with np.errstate(all="ignore"):
        return _matmul_bias(X, W, b, activation, out)


def _matmul_bias(X: Array, W: Array, b: Array | None, name: str, out: Array | None = None) -> Array:
    Z: Array = np.matmul(X, W, out=out)
    if b is not None:
        Z += b
    return Z if name == "identity" else _activation(name, Z, Z)


def matmul_gradients(
    X: Array, W: Array, dZ: Array, *, n_threads: int | None = None
) -> tuple[Array, Array, Array]:
    """Return dX (rows, n_in), dW (n_in, n_out) and db (n_out,), given dZ (rows, n_out), for ``Z = X W + b``.

    The chain rule sums over all paths to the loss: x_ri acts through every z_rj of its row, ``dX = dZ W^T``;
    w_ij acts through z_rj in every row, ``dW = X^T dZ``; so does b_j, ``db = sum_r dZ_r``.
    Source: Rumelhart, Hinton, Williams, "Learning representations by back-propagating errors", Nature, 1986.
    """
    X, W, dZ = _checks.check_matmul_gradients(X, W, dZ, n_threads)
    with np.errstate(all="ignore"):
        return dZ @ W.T, X.T @ dZ, dZ.sum(axis=0)


# 4. Losses


def loss_and_gradient(
    loss: str, Z: Array, target: Array, *, output_activation: str = "identity"
) -> tuple[float, Array]:
    """Return the loss, and dZ (rows, n_out) for the weighted sums Z of the output layer, with ``a = f(z)``.

    ====================  ==================================================  ==============================
    half_squared_error    1/2 sum_j (a_j - y_j)^2, mean over rows             da = (a - y) / rows
    mean_squared_error    (a_j - y_j)^2, mean over rows and columns           da = 2 (a - y) / (rows n_out)
    cross_entropy         -sum_j y_j log a_j, mean over rows;                 dz = (a - y) / rows
                          f is softmax, and sum_j y_j = 1
    binary_cross_entropy  -sum_j (y_j log a_j + (1 - y_j) log(1 - a_j)),      dz = (a - y) / rows
                          mean over rows; f is sigmoid
    ====================  ==================================================  ==============================

    In the cross-entropies f' cancels, and no rounded activation goes into a logarithm: ``-log a_j`` is
    ``log sum_k exp(z_k - m) - (z_j - m)``, m the maximum of the row; a binary term is
    ``max(z, 0) - z y + log(1 + exp(-|z|))``.
    Source: Blanchard, Higham, Higham, "Accurately computing the log-sum-exp and softmax functions", 2021.
    """
    Z, target = _checks.check_loss_and_gradient(loss, Z, target, output_activation)
    with np.errstate(all="ignore"):
        return _loss_and_gradient(loss, Z, target, output_activation)


def _loss_and_gradient(loss: str, Z: Array, target: Array, name: str) -> tuple[float, Array]:
    rows, n_out = Z.shape
    Y = target
    if target.ndim == 1:  # labels: 1 in the column of the label, else 0
        Y = (target[:, None] == np.arange(n_out)).astype(Z.dtype)
    if loss == "cross_entropy":
        Z = Z - Z.max(axis=1, keepdims=True)
        minus_log_A = np.log(np.exp(Z).sum(axis=1, keepdims=True)) - Z
        terms = np.where(Y == 0, Y, Y * minus_log_A)  # y = 0 costs nothing, also where -log a is infinite
        dZ = (np.exp(-minus_log_A) - Y) / rows
    else:
        A = _activation(name, Z, np.empty_like(Z))
        E = A - Y
        if loss == "binary_cross_entropy":
            terms, dZ = np.maximum(Z, 0) - Z * Y + np.log1p(np.exp(-np.abs(Z))), E / rows
        elif loss == "half_squared_error":
            terms, dZ = E * E / 2, _activation_gradient(name, A, E / rows, E)
        else:  # mean_squared_error
            terms, dZ = E * E / n_out, _activation_gradient(name, A, E * (2 / (rows * n_out)), E)
    return float(terms.sum(dtype=np.float64)) / rows, dZ


# 5. The update


def sgd_momentum_step(
    w: Array, v: Array, g: Array, *, learning_rate: float, momentum: float = 0.0,
    nesterov: bool = False, weight_decay: float = 0.0
) -> None:  # fmt: skip
    """Update the parameter w and its velocity v in place, given the gradient g; all of one shape.

    With ``s = -learning_rate (g + weight_decay w)``: ``v = momentum v + s`` and ``w = w + v``, or, looking
    ahead as Nesterov did, ``w = w + momentum v + s`` with the new v.
    Source: Polyak, "Some methods of speeding up the convergence of iteration methods", 1964; Sutskever,
    Martens, Dahl, Hinton, "On the importance of initialization and momentum in deep learning", ICML, 2013.
    """
    w, v, g, update = _checks.check_sgd_momentum_step(
        w, v, g, learning_rate, momentum, nesterov, weight_decay
    )
    with np.errstate(all="ignore"):
        _sgd_momentum_step(w, v, g, w, v, update)


def _sgd_momentum_step(
    w: Array, v: Array, g: Array, new_w: Array, new_v: Array, update: _checks.Update
) -> None:
    eta, mu, nesterov, decay = update
    s = -eta * (g + decay * w if decay else g)
    np.multiply(mu, v, out=new_v)
    new_v += s
    np.add(w, mu * new_v + s if nesterov else new_v, out=new_w)


# 6. A network


def forward(
    network: Network, weights: Sequence[Array], biases: Sequence[Array], X: Array, *,
    out: Array | None = None, n_threads: int | None = None
) -> Array:  # fmt: skip
    """Return the prediction (rows, n_out) for X (rows, n_in): ``f(A W + b)``, layer by layer, no dropout."""
    weights, biases, X, out = _checks.check_forward(network, weights, biases, X, out, n_threads)
    A, last = X, network.n_layers - 1
    with np.errstate(all="ignore"):
        for i, W in enumerate(weights):
            b = biases[i] if biases else None
            A = _matmul_bias(A, W, b, network.activations[i], out if i == last else None)
    return A


def gradients(
    network: Network, weights: Sequence[Array], biases: Sequence[Array], X: Array, target: Array, *,
    loss: str, seed: int = 0, step: int = 0, n_threads: int | None = None
) -> tuple[float, list[Array], list[Array]]:  # fmt: skip
    """Return the loss, and lists of dW and db of every layer, by back-propagation.

    As in training, with the dropout masks of ``seed`` and ``step``. Without biases the second list is empty.
    """
    weights, biases, X, target, seed, step = _checks.check_gradients(
        network, weights, biases, X, target, loss, seed, step, n_threads
    )
    with np.errstate(all="ignore"):
        return _gradients(network, weights, biases, X, target, loss, seed, step)


def _gradients(
    network: Network, weights: list[Array], biases: list[Array], X: Array, target: Array, loss: str,
    seed: int, step: int
) -> tuple[float, list[Array], list[Array]]:  # fmt: skip
    # Forward: keep what each layer was given, and the activations and masks of the hidden ones.
    names, last = network.activations, network.n_layers - 1
    given: list[Array] = [X]
    activations: list[Array] = []
    masks: list[Array | None] = []
    for i, rate in enumerate(network.dropout):  # the hidden layers: each has a rate
        A = _matmul_bias(given[i], weights[i], biases[i] if biases else None, names[i])
        M = None
        if rate > 0:
            M = dropout_mask(len(A), A.shape[1], rate, seed=seed, step=step, layer=i, dtype=A.dtype)
        activations.append(A)
        masks.append(M)
        given.append(A if M is None else A * M)
    Z = _matmul_bias(given[last], weights[last], biases[last] if biases else None, "identity")
    value, dZ = _loss_and_gradient(loss, Z, target, names[last])

    # Backward: from the dZ of a layer to its dW and db, and on to the dZ of the layer before.
    dWs, dbs = [], []
    for i in range(last, -1, -1):
        dWs.append(given[i].T @ dZ)
        db = dZ.sum(axis=0)
        dbs.append(db.sum(keepdims=True) if network.bias == "layer" else db)
        if i > 0:
            dA = dZ @ weights[i].T
            if (M := masks[i - 1]) is not None:
                dA *= M
            dZ = _activation_gradient(names[i - 1], activations[i - 1], dA, dA)
    return value, dWs[::-1], dbs[::-1] if biases else []


# 7. Training


def train_epochs(
    network: Network, state: TrainingState, X: Array, target: Array, *, loss: str, optimizer: Any,
    batch_size: int, shuffle: bool, seed: int, epochs: int, n_threads: int | None = None,
    poll: Callable[[int, int, int, float], object] | None = None
) -> None:  # fmt: skip
    """Train for ``epochs`` more epochs of stochastic gradient descent; ``state`` is updated in place.

    In an epoch every row comes once, in the order of `permutation` (or as they lie), in batches of
    ``batch_size`` rows, the last one smaller. Each batch is a forward pass, a backward pass and an update.
    ``state.losses`` gets the mean loss of the rows of each epoch. ``optimizer`` has the numbers of
    `sgd_momentum_step` as attributes; weight decay spares biases. ``poll(epoch, batches done in it, batches
    per epoch, mean loss of the rows so far)`` is called between batches, and after the last one of an epoch
    before that is counted; training stops if it raises.

    Raises FloatingPointError if the loss, a gradient or a new parameter is not finite; that step is not done.
    """
    given = _checks.check_train_epochs(
        network, state, X, target, loss, optimizer, batch_size, shuffle, seed, epochs, n_threads, poll
    )
    X, target, rows = given.X, given.target, len(given.X)
    weights, biases = given.weights, given.biases
    old = weights + biases + given.weight_velocity + given.bias_velocity
    new = [np.empty_like(array) for array in old]
    step = state.step
    for _ in range(given.epochs):
        order = permutation(rows, seed=given.seed, epoch=state.epoch) if given.shuffle else None
        total, starts = 0.0, range(0, rows, given.batch_size)
        for i, start in enumerate(starts):
            stop = min(start + given.batch_size, rows)
            batch: Any = slice(start, stop) if order is None else order[start:stop]
            with np.errstate(all="ignore"):
                value, dWs, dbs = _gradients(
                    network, weights, biases, X[batch], target[batch], loss, given.seed, state.step
                )
                wrong = _checks.find_nonfinite(value, dWs, dbs) or _update(old, new, dWs, dbs, given.update)
            if wrong:
                raise FloatingPointError(_checks.nonfinite_error(state.epoch, i, wrong))
            if state.step != step:
                raise RuntimeError("this state is being trained by another call")
            state.finish_step(old, new)
            step += 1
            total += value * (stop - start)
            if poll is not None:
                poll(state.epoch, i + 1, len(starts), total / stop)
        state.finish_epoch(total / rows)


def _update(
    old: list[Array], new: list[Array], dWs: list[Array], dbs: list[Array], update: _checks.Update
) -> str | None:
    """Compute the new parameters and velocities from the old; name a layer with one that is not finite."""
    spared = update._replace(weight_decay=0.0)
    n, m = len(dWs), len(dWs + dbs)  # weights, parameters; the velocities follow in the same order
    for i, g in enumerate(dWs + dbs):
        _sgd_momentum_step(old[i], old[m + i], g, new[i], new[m + i], update if i < n else spared)
    return _checks.find_nonfinite_parameter(new[:n], new[n:m])
