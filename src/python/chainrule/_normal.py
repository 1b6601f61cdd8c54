"""Normal numbers from random words by the quantile of the distribution, with the same bits everywhere.

Only + - * /, square roots and the splitting of a float into mantissa and exponent are used, all of which IEEE 754
rounds correctly, so that no mathematical library of a system has a say. The native core does the same operations in the
same order for the noise of inputs (``src/cpp/kernels/normal.hpp``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ._network import Array

# Coefficients of algorithm AS241, routine PPND16 (Wichura 1988): numerator and denominator of the central region,
# of the tails, and of the far tails, from the constant term up.
_CENTRAL = (
    (3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
     4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3),
    (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
     2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3),
)  # fmt: skip
_TAIL = (
    (1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
     1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9),
)  # fmt: skip
_FAR_TAIL = (
    (6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
     2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7),
    (1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15),
)  # fmt: skip

# log(2) in two parts: the first has 32 bits, so that its product with an exponent is exact.
_LOG_2_HIGH = 2977044471.0 * 2.0**-32
_LOG_2_LOW = 1.9082149292705877e-10


def unit_interval(words: Array) -> Array:
    """Return ``u = (r + 0.5) / 2^32`` for random words r of 32 bits: float64, never 0 or 1, each exact."""
    u: Array = (words + 0.5) * 2.0**-32
    return u


def normal_quantile(u: Array) -> Array:
    """Return z with ``P(Z < z) = u`` for a standard normal Z, relative error about 1e-15.

    Parameters
    ----------
    u : ndarray of float64
        Numbers strictly between 0 and 1.

    References
    ----------
    Wichura, "Algorithm AS241: the percentage points of the normal distribution", Applied Statistics 37, 1988.
    """
    q = u - 0.5
    s = 0.180625 - q * q
    central = q * _ratio(s, _CENTRAL)
    r = np.sqrt(-log(np.minimum(u, 1.0 - u)))
    tail = np.where(r <= 5.0, _ratio(r - 1.6, _TAIL), _ratio(r - 5.0, _FAR_TAIL))
    return np.where(np.abs(q) <= 0.425, central, np.copysign(tail, q))


def log(x: Array) -> Array:
    """Return the natural logarithm of positive float64 numbers, error about 1 unit in the last place.

    ``x = m 2^e`` with ``sqrt(1/2) <= m < sqrt(2)``; ``log m = 2 atanh(s)`` with ``s = (m - 1) / (m + 1)``, by its
    series ``s + s^3/3 + s^5/5 + ...``, cut where the next term is below 2e-18 of the first (s^2 < 0.0295).
    """
    m, e = np.frexp(x)
    low = m < 0.7071067811865476
    m, e = np.where(low, 2.0 * m, m), np.where(low, e - 1, e).astype(np.float64)
    s = (m - 1.0) / (m + 1.0)
    squared = s * s
    series = _polynomial(squared, tuple(1.0 / (2 * k + 1) for k in range(1, 11)))
    return (2.0 * s + e * _LOG_2_HIGH) + (2.0 * s * squared * series + e * _LOG_2_LOW)


def _ratio(x: Array, coefficients: tuple[Sequence[float], Sequence[float]]) -> Array:
    numerator, denominator = coefficients
    return _polynomial(x, numerator) / _polynomial(x, denominator)


def _polynomial(x: Array, coefficients: Sequence[float]) -> Array:
    """Return ``c_0 + c_1 x + c_2 x^2 + ...`` by Horner's rule."""
    value = np.full_like(x, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        value = value * x + c
    return value
