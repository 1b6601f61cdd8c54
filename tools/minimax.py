"""Fit the polynomials of src/cpp/kernels/constants.hpp: smallest largest relative error, by Remez exchange.

``python tools/minimax.py`` prints coefficients, rounded to the type, and the logarithm of the error before rounding.
Needs mpmath. The method: E. Remez, 1934; as in J.-M. Muller, "Elementary Functions", 3rd edition, section 3.5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import mpmath as mp

Function = Callable[[mp.mpf], mp.mpf]
mp.mp.dps = 60
GRID = 4000


def extrema(error: Sequence[mp.mpf], wanted: int) -> list[int]:
    """Return where the error is largest between changes of its sign, but no more than ``wanted`` places."""
    found: list[int] = []
    for k, value in enumerate(error):
        if found and mp.sign(value) == mp.sign(error[found[-1]]):
            if abs(value) > abs(error[found[-1]]):
                found[-1] = k
        elif value:
            found.append(k)
    while len(found) > wanted + 1:  # two neighbours at a time, so that the signs go on alternating
        size = [max(abs(error[a]), abs(error[b])) for a, b in pairwise(found)]
        least = size.index(min(size))
        del found[least : least + 2]
    if len(found) > wanted:
        found.pop(0 if abs(error[found[0]]) < abs(error[found[-1]]) else -1)
    if len(found) < wanted:
        raise ArithmeticError(f"the error changes its sign {len(found) - 1} times, {wanted - 1} wanted")
    return found


def fit(
    powers: Sequence[int], target: Function, scale: Function, low: mp.mpf, high: mp.mpf
) -> tuple[list[mp.mpf], mp.mpf]:
    """Return c that minimises the largest abs(target(x) - sum c_i x^powers_i) / scale(x), and that largest value."""
    n = len(powers)
    grid = [low + (high - low) * (1 - mp.cos(mp.pi * k / GRID)) / 2 for k in range(GRID + 1)]
    points = [grid[(2 * i + 1) * GRID // (2 * n + 2)] for i in range(n + 1)]
    for _ in range(30):
        system = mp.matrix(n + 1, n + 1)
        for i, x in enumerate(points):
            for j, power in enumerate(powers):
                system[i, j] = x**power
            system[i, n] = (-1) ** i * scale(x)
        solved = mp.lu_solve(system, mp.matrix([target(x) for x in points]))
        c, level = list(solved)[:n], abs(solved[n])
        error = [
            (target(x) - mp.fsum(a * x**p for a, p in zip(c, powers, strict=True))) / scale(x) for x in grid
        ]
        points = [grid[k] for k in extrema(error, n + 1)]
        largest = max(map(abs, error))
        if largest < level * mp.mpf("1.0001"):
            break
    return c, largest


def mills(k: int) -> Function:
    """Return R(x) / t as a function of s = 2 t - 1, where t = k / (k + x) and R is Mills' ratio of the normal distribution:
    the probability above x, divided by the density at x.
    """

    def ratio(s: mp.mpf) -> mp.mpf:
        t = (s + 1) / 2
        x = k / t - k
        return mp.sqrt(mp.pi / 2) * mp.exp(x * x / 2) * mp.erfc(x / mp.sqrt(2)) / t

    return ratio


def fits() -> Iterator[tuple[str, str, Sequence[int], Function, Function, mp.mpf, mp.mpf]]:
    """Yield (name, dtype, powers, target, scale, low, high) of each fit."""
    quarter, wide = mp.log(2) / 4, mp.mpf("1.0001")
    for dtype, powers in (("float32", range(2, 7)), ("float64", range(2, 12))):
        yield (
            "e^r",
            dtype,
            powers,
            lambda r: mp.exp(r) - 1 - r,
            mp.exp,
            -2 * quarter * wide,
            2 * quarter * wide,
        )
    for dtype, powers in (("float32", range(2, 5, 2)), ("float64", range(2, 11, 2))):
        low, high = quarter / 1000, quarter * wide
        yield "h / tanh h", dtype, powers, lambda h: h * mp.coth(h) - 1, lambda h: h * mp.coth(h), low, high
    for dtype, powers, k, limit in (("float32", range(11), 3, "14.5"), ("float64", range(24), 4, "39")):
        low = 2 * k / (k + mp.mpf(limit)) - 1
        yield "Mills' ratio / t", dtype, powers, mills(k), mills(k), low, mp.mpf(1)


def main() -> None:
    """Print all fits."""
    for name, dtype, powers, target, scale, low, high in fits():
        c, error = fit(list(powers), target, scale, low, high)
        print(f"{name}, {dtype}: error 2^{mp.nstr(mp.log(error, 2), 4)}")
        for power, value in zip(powers, c, strict=True):
            print(f"    x^{power}: {mp.nstr(value, 9 if dtype == 'float32' else 17)}")


if __name__ == "__main__":
    main()
