"""exp, sigmoid and tanh are right to two and a half units in the last place, and exact where there is nothing to round.

The other activations have bounds of their own (bench/every_float32.py, and FLOAT64_BOUND below).

bench/every_float32.py looks at every float32 number; here are numbers of every exponent, and for float64 a large sample
against long double.
"""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path

import chainrule
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

BENCH = Path(__file__).resolve().parents[1] / "bench"
WIDE_ENOUGH = np.finfo(np.longdouble).nmant >= 63
FLOAT64_BOUND = {
    "exp": 3.0, "sigmoid": 3.0, "tanh": 3.0, "elu": 1.2, "selu": 3.2, "gelu": 8.0, "gelu_tanh": 3.6, "silu": 3.0, "mish": 4.7,
    "softplus": 4.0, "softsign": 1.6, "hard_sigmoid": 1.1, "exponential": 1.1
}  # fmt: skip
NAMES = tuple(FLOAT64_BOUND)


@pytest.fixture(scope="module")
def every() -> object:
    """bench/every_float32.py, whose judgement is used here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCH))
        return importlib.import_module("every_float32")


def bound_of(every, function):
    return every.bound_of(function, chainrule.show_config()["instruction_set"])


def of_every_exponent(per_exponent):
    """Both signs, every exponent with subnormal numbers, infinity and NaN; ends of the mantissa and random ones."""
    mantissas = np.random.default_rng(0).integers(0, 1 << 23, per_exponent, dtype=np.uint32)
    mantissas = np.concatenate([mantissas, np.array([0, 1, (1 << 23) - 1], np.uint32)])
    high = np.arange(512, dtype=np.uint32) << 23
    return (high[:, None] | mantissas).ravel().view(np.float32)


@pytest.mark.parametrize("name", NAMES)
def test_float32_numbers_of_every_exponent_are_right(native, every, name):
    function = next(f for f in every.FUNCTIONS if f.name == name)
    found, bound = every.Found(), bound_of(every, function)
    found.add(function, native, of_every_exponent(400))
    near = np.concatenate([np.linspace(-95, 95, 200_001), np.linspace(-1, 1, 100_001)])
    found.add(function, native, near.astype(np.float32))
    assert found.right(bound), found
    assert bound / 2 < found.error  # it was compared with something more exact, and the bound says something


@given(x=st.lists(st.floats(width=32), min_size=1, max_size=40))
@settings(max_examples=100)
def test_any_float32_numbers_are_right(native, every, x):
    for function in every.FUNCTIONS:
        found = every.Found()
        found.add(function, native, np.array(x, np.float32))
        assert found.right(bound_of(every, function)), (function.name, found)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("x", "spoil"),
    [
        (0.5, lambda y, few: y * (1 + few)),
        (-0.5, lambda y, few: y * (1 - few)),
        (0.5, lambda y, _: -y),
        (0.5, lambda y, _: y * np.float32(np.nan)),
        (0.5, lambda y, _: y + 1),
        (np.nan, lambda y, _: np.nan_to_num(y)),
        (-30.0, lambda y, _: np.where(abs(y) < 1e-9, np.float32(1e-20) * (y == 0), y * 2)),
    ],
)
def test_a_wrong_result_is_refused(native, every, name, x, spoil):
    right = next(f for f in every.FUNCTIONS if f.name == name)
    few = np.float32(bound_of(every, right) * 2**-21)  # four times the bound, or more
    wrong = dataclasses.replace(right, of=lambda core, x: spoil(right.of(core, x), few))
    for function in (right, wrong):
        found = every.Found()
        found.add(function, native, np.array([x], np.float32))
        assert found.right(bound_of(every, right)) == (function is right), found


def units64(y, right):
    """Errors in units in the last place of the right value; where that is not a normal number, y must be 0."""
    size = abs(right)
    normal = size >= np.finfo(np.float64).tiny
    assert ((y == 0) | normal).all()
    unit = np.spacing(np.where(normal, size, 1).astype(np.float64)).astype(np.longdouble)
    return np.where(normal, abs(y - right) / unit, 0)


def wide_normal(x):
    """The cumulative normal distribution of negative x, in long double: a series near 0, a continued fraction beyond.

    With the density p: p (x + x^3/3 + x^5/15 + ...) less than 1/2; p / (x + 1/(x + 2/(x + 3/(x + ...)))).
    """
    x = -x
    density = np.exp(-x * x / 2) / np.sqrt(2 * np.longdouble("3.14159265358979323846264338327950288"))
    term, total = x.copy(), x.copy()
    for k in range(3, 81, 2):
        term = term * x * x / k
        total = total + term
    fraction = np.where(x > 2, x, 2)
    for k in range(300, 0, -1):
        fraction = np.where(x > 2, x, 2) + k / fraction
    return np.where(x > 2, density / fraction, 0.5 - density * total)


def wide_truth(name, x):
    """The right values in long double."""
    constants = (
        np.longdouble("1.0507009873554804934193349852946"),
        np.longdouble("1.6732632423543772848170429916717"),
    )
    small = np.minimum(x, 0)
    if name == "gelu":
        tail = wide_normal(-abs(x))
        return x * np.where(x < 0, tail, 1 - tail)
    if name == "gelu_tanh":
        x3 = np.longdouble("0.044715") * x * x * x
        pi = np.longdouble("3.14159265358979323846264338327950288")
        return x / (1 + np.exp(-2 * np.sqrt(2 / pi) * (x + x3)))
    return {
        "sigmoid": lambda: 1 / (1 + np.exp(-x)),
        "tanh": lambda: np.tanh(x),
        "elu": lambda: np.where(x < 0, np.expm1(small), x),
        "selu": lambda: constants[0] * np.where(x < 0, constants[1] * np.expm1(small), x),
        "silu": lambda: x / (1 + np.exp(-x)),
        "mish": lambda: x * np.tanh(np.log1p(np.exp(x))),
        "softplus": lambda: np.where(x > 0, x, 0) + np.log1p(np.exp(-abs(x))),
        "softsign": lambda: x / (1 + abs(x)),
        "hard_sigmoid": lambda: np.clip(x + 3, 0, 6) / 6,
        "exponential": lambda: np.exp(x),
    }[name]()


@pytest.mark.skipif(not WIDE_ENOUGH, reason="long double is no wider than double here")
@pytest.mark.parametrize("name", NAMES)
def test_float64_numbers_are_right(native, every, name):
    rng = np.random.default_rng(1)
    x = np.concatenate([
        rng.uniform(-1, 1, 200_000), rng.uniform(-20, 20, 400_000), rng.uniform(-708, 708, 200_000),
        np.exp(rng.uniform(-700, 0, 100_000)) * rng.choice([-1, 1], 100_000), np.linspace(-709, -707, 20_001),
    ])  # fmt: skip
    wide = x.astype(np.longdouble)
    if name == "exp":
        pairs = np.stack([np.zeros_like(x), -abs(x)], axis=1)
        y, e = native.activation("softmax", pairs)[:, 1], np.exp(-abs(wide))
        right = e / (1 + e)
    else:
        with np.errstate(over="ignore"):
            y, right = native.activation(name, x[None])[0], wide_truth(name, wide)
    function = next(f for f in every.FUNCTIONS if f.name == name)
    if function.gated:  # 0 where the gate is below the smallest normal number
        alive = abs(right) >= np.finfo(np.float64).tiny * np.maximum(abs(wide), 1)
        assert (abs(y - right) <= np.finfo(np.float64).tiny * abs(wide))[~alive].all()
        x, y, right = x[alive], y[alive], right[alive]
    worst = units64(y, right) / function.roundings(x)
    assert worst.max() <= FLOAT64_BOUND[name], (worst.max(), x[worst.argmax()])
    assert worst.max() > FLOAT64_BOUND[name] / 2
    assert (abs(y) <= function.most).all()


def test_results_reach_their_ends_exactly(native, dtype):
    tiny = np.finfo(dtype).tiny
    last = np.array([np.log(np.longdouble(tiny))]).astype(dtype)[
        0
    ]  # near where e^x is the smallest normal number
    far = {"float32": [9.0109134, 20, 1e30, np.inf], "float64": [19.0616, 40, 1e300, np.inf]}[dtype]
    far = np.array(far, dtype)
    np.testing.assert_array_equal(native.activation("tanh", np.stack([far, -far])), [[1] * 4, [-1] * 4])
    assert (native.activation("sigmoid", 2 * far[None]) == 1).all()
    below, above = np.array([last - 1e-3, -1e4, -np.inf], dtype), np.array([last + 1e-3], dtype)
    assert (native.activation("sigmoid", below[None]) == 0).all()
    assert (native.activation("sigmoid", above[None]) >= tiny).all()
    assert native.activation("softmax", np.array([[0, below[0]]], dtype))[0, 1] == 0
    assert native.activation("softmax", np.array([[0, above[0]]], dtype))[0, 1] >= tiny
    zeros = native.activation("tanh", np.array([[0.0, -0.0]], dtype))
    np.testing.assert_array_equal(np.signbit(zeros), [[False, True]])
    assert (native.activation("sigmoid", np.array([[0.0, -0.0]], dtype)) == 0.5).all()
