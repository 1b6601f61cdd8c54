"""The whole mathematics of chainrule, in NumPy, from the forward pass to the update.

Read it from top to bottom: random numbers, activations, one layer, losses, the update, a network, training. Each
step forward stands next to its gradient. This file is the specification of the native core, which has the same
functions with the same arguments; every argument is checked in `_checks`, for both.

Shapes, once for all:

========  =================================================================================================
rows      samples of a batch: the first axis of every array of data
X         (rows, n_in), what a layer is given
W         (n_in, n_out), its weights
b         (n_out,), its biases, one per neuron; or (1,), one for the whole layer; or None
Z         (rows, n_out), its weighted sums ``Z = X W + b``
A         (rows, n_out), its activations ``A = f(Z)``
target    (rows, n_out), what A should have been; or (rows,), integer class labels
dQ        the derivative of the loss with respect to Q, of the shape of Q, for Q any of the above
========  =================================================================================================

Everything is computed in the dtype of the inputs, float32 or float64. Infinities and NaN flow through as IEEE 754
says, without warnings; `train_epochs` stops at the first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import _checks
from ._network import LEAKY_SLOPE, Array, Network, TrainingState

# 1. Random numbers ---------------------------------------------------------------------------------------------------

_MASK = 0xFFFFFFFF
_PERMUTATION, _DROPOUT = 2 << 24, 3 << 24  # streams; stream (1 << 24) + layer is that of the initial weights


def random_words(n: int, *, seed: int, stream: int, step: int = 0, start: int = 0) -> Array:
    """Return ``n`` random 32-bit words, those from position ``start`` on: a function of the arguments alone.

    The generator is Philox4x32-10, which scrambles a counter with a key, four words at a time. The key is the seed,
    the counter ``(index, stream, step mod 2^32, step div 2^32)``. The word at position p is output number
    ``(p % 64) // 16`` at ``index = 16 * (p // 64) + p % 16``: sixteen counters side by side fill one vector register.

    Returns
    -------
    ndarray of uint32, shape (n,)

    References
    ----------
    Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11, 2011.
    """
    n, seed, stream, step, start = _checks.check_random_words(n, seed, stream, step, start)
    first, last = start // 64, (start + n + 63) // 64  # blocks of 64 words, 16 counters each
    c0 = np.arange(16 * first, 16 * last, dtype=np.uint64)
    c1, c2, c3 = (np.full_like(c0, word) for word in (stream, step & _MASK, step >> 32))
    k0, k1 = seed & _MASK, seed >> 32
    for _ in range(10):
        p0, p1 = c0 * 0xD2511F53, c2 * 0xCD9E8D57
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & _MASK, (p0 >> 32) ^ c3 ^ k1, p0 & _MASK
        k0, k1 = (k0 + 0x9E3779B9) & _MASK, (k1 + 0xBB67AE85) & _MASK
    words = np.stack([c.reshape(-1, 16) for c in (c0, c1, c2, c3)], axis=1).astype(np.uint32).ravel()
    return words[start - 64 * first :][:n]


def permutation(n: int, *, seed: int, epoch: int) -> Array:
    """Return the order of ``n`` rows in an epoch: the ranking of as many random words (ties keep their order).

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    n, seed, epoch = _checks.check_permutation(n, seed, epoch)
    words = random_words(n, seed=seed, stream=_PERMUTATION, step=epoch)
    return np.argsort(words, kind="stable").astype(np.int64, copy=False)


def dropout_mask(
    rows: int, width: int, rate: float, *, seed: int, step: int, layer: int, dtype: Any = "float32"
) -> Array:
    """Return the factors of inverted dropout: 0 with probability ``rate``, else ``1 / (1 - rate)``.

    The expected factor is 1, so that prediction needs none. A unit is kept where its random word is at least
    ``floor(rate * 2^32)``. ``step`` counts the updates, ``layer`` the hidden layers, from 0.

    Returns
    -------
    ndarray, shape (rows, width)

    References
    ----------
    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15, 2014.
    """
    rows, width, rate, seed, step, layer, dtype = _checks.check_dropout_mask(
        rows, width, rate, seed, step, layer, dtype
    )
    words = random_words(rows * width, seed=seed, stream=_DROPOUT + layer, step=step).reshape(rows, width)
    kept = words >= np.uint32(rate * 2**32)
    return kept * np.dtype(dtype).type(1.0 / (1.0 - rate))


# 2. Activations ------------------------------------------------------------------------------------------------------


def activation(name: str, Z: Array, *, out: Array | None = None) -> Array:
    """Return ``A = f(Z)``.

    =============  ==========================================================================
    identity       z
    sigmoid        1 / (1 + exp(-z)), computed from exp(-|z|), which cannot overflow
    tanh           (exp(z) - exp(-z)) / (exp(z) + exp(-z))
    relu           0 where z < 0, else z
    leaky_relu     0.01 z where z < 0, else z
    step           1 where z >= 0, else 0
    softmax        exp(z_j - m) / sum_k exp(z_k - m) in each row, m the largest z of the row
    =============  ==========================================================================

    Parameters
    ----------
    Z : ndarray, shape (rows, width)
    out : ndarray, optional
        Where the result goes; may be Z itself.
    """
    Z, out = _checks.check_activation(name, Z, out)
    with np.errstate(all="ignore"):
        return _activation(name, Z, out)


def _activation(name: str, Z: Array, A: Array) -> Array:
    if name == "identity":
        np.copyto(A, Z)
    elif name == "sigmoid":
        e = np.exp(-np.abs(Z))
        np.divide(np.where(Z >= 0, np.ones_like(e), e), 1 + e, out=A)
    elif name == "tanh":
        np.tanh(Z, out=A)
    elif name == "relu":
        np.maximum(Z, 0, out=A)
    elif name == "leaky_relu":
        np.maximum(Z, LEAKY_SLOPE * Z, out=A)
    elif name == "step":
        np.copyto(A, Z >= 0)
    else:  # softmax
        np.subtract(Z, Z.max(axis=1, keepdims=True), out=A)
        np.exp(A, out=A)
        A /= A.sum(axis=1, keepdims=True)
    return A


def activation_gradient(name: str, A: Array, dA: Array, *, out: Array | None = None) -> Array:
    """Return ``dZ = f'(z) dA``, with f' in terms of the activation ``a = f(z)`` itself.

    =============  ==========================================================================
    identity       1
    sigmoid        a (1 - a)
    tanh           1 - a^2
    relu           1 where a > 0, else 0
    leaky_relu     1 where a > 0, else 0.01
    step           refused: 0 everywhere, so nothing can be learned through it
    softmax        dZ_j = a_j (dA_j - sum_k a_k dA_k) in each row
    =============  ==========================================================================

    Parameters
    ----------
    A, dA : ndarray, shape (rows, width)
    out : ndarray, optional
        Where the result goes; may be A or dA itself.
    """
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
        np.copyto(dZ, np.where(A > 0, dA, np.zeros_like(dA)))
    elif name == "leaky_relu":
        np.copyto(dZ, np.where(A > 0, dA, LEAKY_SLOPE * dA))
    else:  # softmax
        np.multiply(A, dA - (A * dA).sum(axis=1, keepdims=True), out=dZ)
    return dZ


# 3. One layer --------------------------------------------------------------------------------------------------------


def matmul_bias(
    X: Array,
    W: Array,
    b: Array | None = None,
    *,
    activation: str = "identity",
    out: Array | None = None,
    n_threads: int | None = None,
) -> Array:
    """Return ``A = f(X W + b)``, shape (rows, n_out).

    Parameters
    ----------
    X : ndarray, shape (rows, n_in)
    W : ndarray, shape (n_in, n_out)
    b : ndarray, shape (n_out,) or (1,), optional
    out : ndarray, optional
        Where the result goes; must not overlap the inputs.
    """
    X, W, b, out = _checks.check_matmul_bias(X, W, b, activation, out, n_threads)
    with np.errstate(all="ignore"):
        return _layer(X, W, b, activation, out)


def _layer(X: Array, W: Array, b: Array | None, name: str, out: Array | None = None) -> Array:
    Z: Array = np.matmul(X, W, out=out)
    if b is not None:
        Z += b
    return Z if name == "identity" else _activation(name, Z, Z)


def matmul_gradients(X: Array, W: Array, dZ: Array, *, n_threads: int | None = None) -> tuple[Array, Array, Array]:
    """Return ``dX = dZ W^T``, ``dW = X^T dZ`` and ``db``, the sum of dZ over the rows, for ``Z = X W + b``.

    Each partial derivative is the chain rule summed over all paths from the parameter to the loss: the weight W_ij
    acts on the weighted sum j of every row.

    Returns
    -------
    dX, dW, db : ndarray, shapes (rows, n_in), (n_in, n_out) and (n_out,)

    References
    ----------
    Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", Nature 323, 1986.
    """
    X, W, dZ = _checks.check_matmul_gradients(X, W, dZ, n_threads)
    with np.errstate(all="ignore"):
        return dZ @ W.T, X.T @ dZ, dZ.sum(axis=0)


# 4. Losses -----------------------------------------------------------------------------------------------------------


def loss_and_gradient(
    loss: str, Z: Array, target: Array, *, output_activation: str = "identity"
) -> tuple[float, Array]:
    """Return the loss and dZ, its derivative with respect to the weighted sums Z of the output layer.

    With ``a = f(z)``, the output activation, and y the target:

    ====================  ==================================  ====================================================
    half_squared_error    1/2 sum_j (y_j - a_j)^2             averaged over the rows
    mean_squared_error    (y_j - a_j)^2                       averaged over rows and outputs
    cross_entropy         -sum_j y_j log a_j, f softmax       averaged over the rows; needs sum_j y_j = 1
    binary_cross_entropy  -sum_j y_j log a_j                  averaged over the rows; f sigmoid
                          + (1 - y_j) log(1 - a_j)
    ====================  ==================================  ====================================================

    The cross-entropies never form a logarithm of a rounded activation: ``log softmax(z) = z - m - log sum exp(z - m)``
    and ``max(z, 0) - z y + log(1 + exp(-|z|))``; in both the derivative of f cancels, and ``dZ = (a - y) / rows``.

    Parameters
    ----------
    Z : ndarray, shape (rows, n_out)
    target : ndarray, shape (rows, n_out), or int64 class labels of shape (rows,)

    References
    ----------
    Blanchard, Higham and Higham, "Accurately computing the log-sum-exp and softmax functions", IMA J. Numer. Anal. 41,
    2021.
    """
    Z, target = _checks.check_loss_and_gradient(loss, Z, target, output_activation)
    with np.errstate(all="ignore"):
        return _loss_and_gradient(loss, Z, target, output_activation)


def _loss_and_gradient(loss: str, Z: Array, target: Array, name: str) -> tuple[float, Array]:
    rows, n_out = Z.shape
    Y = _one_hot(target, n_out, Z.dtype) if target.ndim == 1 else target
    if loss == "cross_entropy":
        log_A = Z - Z.max(axis=1, keepdims=True)
        log_A -= np.log(np.exp(log_A).sum(axis=1, keepdims=True))
        return -_sum(Y * log_A) / rows, (np.exp(log_A) - Y) / rows
    if loss == "binary_cross_entropy":
        terms = np.maximum(Z, 0) - Z * Y + np.log1p(np.exp(-np.abs(Z)))
        return _sum(terms) / rows, (_activation(name, Z, np.empty_like(Z)) - Y) / rows
    A = _activation(name, Z, np.empty_like(Z))
    E = A - Y
    if loss == "half_squared_error":
        value, dA = _sum(E * E) / (2 * rows), E / rows
    else:  # mean_squared_error
        value, dA = _sum(E * E) / (rows * n_out), E * (2 / (rows * n_out))
    return value, _activation_gradient(name, A, dA, dA)


def _one_hot(labels: Array, n_out: int, dtype: Any) -> Array:
    """Return the rows with 1 in the column of their label, else 0; shape (rows, n_out)."""
    Y = np.zeros((len(labels), n_out), dtype)
    Y[np.arange(len(labels)), labels] = 1
    return Y


def _sum(terms: Array) -> float:
    return float(terms.sum(dtype=np.float64))


# 5. The update -------------------------------------------------------------------------------------------------------


def sgd_momentum_step(
    w: Array,
    v: Array,
    g: Array,
    *,
    learning_rate: float,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
) -> None:
    """Update the parameter ``w`` and its velocity ``v`` in place, given the gradient ``g`` (all of one shape).

    ``g' = g + weight_decay * w``, ``v = momentum * v - learning_rate * g'``, then ``w = w + v``;
    with Nesterov's look-ahead ``w = w + momentum * v - learning_rate * g'``.

    References
    ----------
    Polyak, "Some methods of speeding up the convergence of iteration methods", 1964; Sutskever, Martens, Dahl and
    Hinton, "On the importance of initialization and momentum in deep learning", ICML 2013 (Nesterov's form).
    """
    w, v, g, update = _checks.check_sgd_momentum_step(w, v, g, learning_rate, momentum, nesterov, weight_decay)
    with np.errstate(all="ignore"):
        _sgd_momentum_step(w, v, g, *update)


def _sgd_momentum_step(w: Array, v: Array, g: Array, eta: float, mu: float, nesterov: bool, decay: float) -> None:
    step = -eta * (g + decay * w if decay else g)
    v *= mu
    v += step
    w += mu * v + step if nesterov else v


# 6. A network --------------------------------------------------------------------------------------------------------


def forward(
    network: Network,
    weights: Sequence[Array],
    biases: Sequence[Array],
    X: Array,
    *,
    out: Array | None = None,
    n_threads: int | None = None,
) -> Array:
    """Return the prediction, layer by layer ``A = f(A W + b)``, shape (rows, n_out); without dropout.

    Parameters
    ----------
    X : ndarray, shape (rows, n_in)
    out : ndarray, optional
        Where the result goes; must not overlap inputs or parameters.
    """
    weights, biases, X, out = _checks.check_forward(network, weights, biases, X, out, n_threads)
    A, last = X, network.n_layers - 1
    with np.errstate(all="ignore"):
        for layer, (W, b) in enumerate(zip(weights, biases or [None] * len(weights))):
            A = _layer(A, W, b, network.activations[layer], out if layer == last else None)
    return A


def gradients(
    network: Network,
    weights: Sequence[Array],
    biases: Sequence[Array],
    X: Array,
    target: Array,
    *,
    loss: str,
    seed: int = 0,
    step: int = 0,
    n_threads: int | None = None,
) -> tuple[float, list[Array], list[Array]]:
    """Return the loss and its derivatives with respect to all weights and biases, by back-propagation.

    As in training: with the dropout masks of ``seed`` and ``step``.

    Returns
    -------
    loss : float
    dWs, dbs : list of ndarray
        Of the shapes of the weights and biases.
    """
    weights, biases, X, target, seed, step = _checks.check_gradients(
        network, weights, biases, X, target, loss, seed, step, n_threads
    )
    with np.errstate(all="ignore"):
        return _gradients(network, weights, biases, X, target, loss, seed, step)


def _gradients(
    network: Network, weights: list[Array], biases: list[Array], X: Array, target: Array, loss: str, seed: int, step: int
) -> tuple[float, list[Array], list[Array]]:
    # Forward, keeping for each layer what it was given, and for each hidden layer its activations and mask.
    inputs, activations, masks = [X], [], []
    for layer, rate in enumerate(network.dropout):
        A = _layer(inputs[layer], weights[layer], biases[layer] if biases else None, network.activations[layer])
        mask = None
        if rate > 0:
            mask = dropout_mask(*A.shape, rate, seed=seed, step=step, layer=layer, dtype=A.dtype)
        activations.append(A)
        masks.append(mask)
        inputs.append(A if mask is None else A * mask)
    Z = _layer(inputs[-1], weights[-1], biases[-1] if biases else None, "identity")
    value, dZ = _loss_and_gradient(loss, Z, target, network.output_activation)

    # Backward: from dZ of a layer to its dW and db, and on to dZ of the layer before it.
    dWs, dbs = [], []
    for layer in reversed(range(network.n_layers)):
        dWs.append(inputs[layer].T @ dZ)
        db = dZ.sum(axis=0)
        dbs.append(db.sum(keepdims=True) if network.bias == "layer" else db)
        if layer > 0:
            dA = dZ @ weights[layer].T
            if (mask := masks[layer - 1]) is not None:
                dA *= mask
            dZ = _activation_gradient(network.activations[layer - 1], activations[layer - 1], dA, dA)
    return value, dWs[::-1], dbs[::-1] if biases else []


# 7. Training ---------------------------------------------------------------------------------------------------------


def train_epochs(
    network: Network,
    state: TrainingState,
    X: Array,
    target: Array,
    *,
    loss: str,
    optimizer: Any,
    batch_size: int,
    shuffle: bool,
    seed: int,
    epochs: int,
    n_threads: int | None = None,
    poll: Callable[[int, int, int, float], object] | None = None,
) -> None:
    """Train for ``epochs`` more epochs of stochastic gradient descent, updating ``state`` in place.

    In each epoch the rows come once, in the order of `permutation` (or as they are), in batches of ``batch_size``,
    the last one smaller. After each batch every parameter is updated and ``state.step`` grows by one; after each
    epoch ``state.epoch`` does, and the mean loss of its rows is appended to ``state.losses``.

    Parameters
    ----------
    optimizer : object
        With the attributes learning_rate, momentum, nesterov and weight_decay (which spares biases).
    poll : callable, optional
        Called between batches as ``poll(epoch, batches done in it, batches per epoch, mean loss of the rows so far)``,
        at least after the last batch of an epoch. If it raises, training stops there.

    Raises
    ------
    FloatingPointError
        If the loss, a gradient or an updated parameter is not finite; the state is as before that step.
    """
    given = _checks.check_train_epochs(
        network, state, X, target, loss, optimizer, batch_size, shuffle, seed, epochs, n_threads, poll
    )
    X, target, update = given.X, given.target, given.update
    weights, biases = given.weights, given.biases
    parameters = weights + biases + given.weight_velocity + given.bias_velocity
    spare = [np.empty_like(p) for p in parameters]
    rows, steps = len(X), -(-len(X) // given.batch_size)
    for _ in range(given.epochs):
        order = permutation(rows, seed=given.seed, epoch=state.epoch) if given.shuffle else None
        total = 0.0
        for i in range(steps):
            batch: Any = slice(i * given.batch_size, min(rows, (i + 1) * given.batch_size))
            done = batch.stop
            if order is not None:
                batch = order[batch]
            with np.errstate(all="ignore"):
                value, dWs, dbs = _gradients(
                    network, weights, biases, X[batch], target[batch], loss, given.seed, state.step
                )
                wrong = _checks.find_nonfinite(value, dWs, dbs)
                wrong = wrong or _update_copies(parameters, spare, dWs, dbs, update)
            if wrong:
                raise FloatingPointError(_checks.nonfinite_error(state.epoch, i, wrong))
            _commit(state, parameters, spare, state.step + 1)
            total += value * (done - i * given.batch_size)
            if poll is not None:
                poll(state.epoch, i + 1, steps, total / done)
        state.losses.append(total / rows)
        state.epoch += 1


def _update_copies(
    parameters: list[Array], spare: list[Array], dWs: list[Array], dbs: list[Array], update: _checks.Update
) -> str | None:
    """Compute the updated parameters and velocities in ``spare``; name a layer where one is not finite."""
    for old, new in zip(parameters, spare):
        np.copyto(new, old)
    half = len(spare) // 2
    for i, (w, v, g) in enumerate(zip(spare[:half], spare[half:], dWs + dbs)):
        _sgd_momentum_step(w, v, g, *(update if i < len(dWs) else update._replace(weight_decay=0.0)))
    return _checks.find_nonfinite_parameter(spare[: len(dWs)], spare[len(dWs) : half])


def _commit(state: TrainingState, parameters: list[Array], spare: list[Array], step: int) -> None:
    """Make the updated copies the parameters; Ctrl-C in the middle is heard only when all of it is done."""
    try:
        for old, new in zip(parameters, spare):
            np.copyto(old, new)
        state.step = step
    except BaseException:
        _commit(state, parameters, spare, step)
        raise
