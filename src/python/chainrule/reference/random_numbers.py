"""Random numbers: functions of (seed, stream, step, position), and of nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule import _checks
from chainrule._network import Array, Network
from chainrule._normal import normal_quantile, unit_interval

_LOW = 0xFFFFFFFF  # the low 32 bits
# Streams; `initializers` has (1 << 24) + layer, a hidden layer's mask (3 << 24) + layer, and `streams` 6 << 24 and 7 << 24.
_PERMUTATION, _DROPOUT, _INPUT_DROPOUT, _INPUT_NOISE = 2 << 24, 3 << 24, 4 << 24, 5 << 24


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
    ``floor(rate 2^32)``. ``step`` counts the updates, ``layer`` the hidden layers, both from 0; layer -1 is that of the
    inputs.
    Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15.
    """
    rows, width, rate, seed, step, layer, dtype = _checks.check_dropout_mask(
        rows, width, rate, seed, step, layer, dtype
    )
    stream = _INPUT_DROPOUT if layer == -1 else _DROPOUT + layer
    words = random_words(rows * width, seed=seed, stream=stream, step=step).reshape(rows, width)
    mask: Array = (words >= np.uint32(int(rate * 2**32))).astype(dtype)
    mask *= 1.0 / (1.0 - rate)
    return mask


def gaussian_noise(rows: int, width: int, *, seed: int, step: int, dtype: Any = "float32") -> Array:
    """Return independent normal numbers of mean 0 and variance 1, (rows, width), as they are added to inputs.

    Each comes from one random word r by inversion, ``P(Z < z) = (r + 0.5) / 2^32``, in float64, and is rounded once to the
    dtype. ``step`` counts the updates from 0.
    Source: Wichura, "Algorithm AS241: the percentage points of the normal distribution", Applied Statistics 37, 1988.
    """
    rows, width, seed, step, dtype = _checks.check_gaussian_noise(rows, width, seed, step, dtype)
    words = random_words(rows * width, seed=seed, stream=_INPUT_NOISE, step=step).reshape(rows, width)
    return normal_quantile(unit_interval(words)).astype(dtype)


def disturbed(network: Network, X: Array, seed: int, step: int) -> Array:
    """Return ``(X + input_noise N) M``: what the network is given in training instead of X.

    N are the normal numbers of `gaussian_noise`, M is the mask of layer -1.
    Source: Bishop, "Training with noise is equivalent to Tikhonov regularization", Neural Computation 7, 1995; for the mask
    see `dropout_mask`.
    """
    rows, n_in = X.shape
    if network.input_noise > 0:
        X = X + network.input_noise * gaussian_noise(rows, n_in, seed=seed, step=step, dtype=X.dtype)
    if network.input_dropout > 0:
        X = X * dropout_mask(rows, n_in, network.input_dropout, seed=seed, step=step, layer=-1, dtype=X.dtype)
    return X
