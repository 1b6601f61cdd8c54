"""elu, selu, gelu, silu, mish, softplus, softsign, hard_sigmoid and exponential: what they are, far out and at the edges too.

Numbers are from mpmath with 30 digits, by the formulas in `chainrule.reference.activation`.
"""

from __future__ import annotations

import numpy as np
import pytest
from chainrule._network import SLOPE_NEEDS_INPUT

AT = [-10, -1, 0.5, 2]
VALUES = {
    "elu": [-0.99995460007023752, -0.63212055882855768, 0.5, 2],
    "selu": [-1.7580195232607869, -1.1113307378125628, 0.52535049367774025, 2.101401974710961],
    "gelu": [-7.6198530241605261e-23, -0.15865525393145705, 0.34573123063700655, 1.9544997361036416],
    "gelu_tanh": [-1.204092348209806e-37, -0.1588080093917233, 0.34571400982514392, 1.954597694087775],
    "silu": [-0.00045397868702434395, -0.26894142136999512, 0.31122966560092728, 1.7615941559557649],
    "mish": [-0.00045398899185674694, -0.30340146137410892, 0.3752452113048951, 1.9439589595339945],
    "softplus": [4.5398899216864647e-5, 0.31326168751822283, 0.97407698418010668, 2.1269280110429725],
    "softsign": [-0.90909090909090909, -0.5, 0.33333333333333333, 0.66666666666666667],
    "hard_sigmoid": [0, 0.33333333333333333, 0.58333333333333333, 0.83333333333333333],
    "exponential": [4.5399929762484852e-5, 0.36787944117144232, 1.6487212707001281, 7.3890560989306502],
}
SLOPES = {
    "elu": [4.5399929762484852e-5, 0.36787944117144232, 1, 1],
    "selu": [7.9817586589941824e-5, 0.6467686030348141, 1.0507009873554805, 1.0507009873554805],
    "gelu": [-7.6184000964648141e-22, -0.083315470587686298, 0.86749512465616284, 1.0852318010781969],
    "gelu_tanh": [-2.7576380638540316e-36, -0.082964083845782555, 0.86736990353464231, 1.0860992566236184],
    "silu": [-0.00040856020865708232, 0.072329488128513268, 0.73996118730265181, 1.0907842487848955],
    "mish": [-0.00040857978690299192, 0.059216755877394948, 0.88642437535772726, 1.0693179342794897],
    "softplus": [4.5397868702434395e-5, 0.26894142136999512, 0.62245933120185456, 0.88079707797788244],
    "softsign": [0.0082644628099173554, 0.25, 0.44444444444444444, 0.11111111111111111],
    "hard_sigmoid": [0, 0.16666666666666667, 0.16666666666666667, 0.16666666666666667],
    "exponential": [4.5399929762484852e-5, 0.36787944117144232, 1.6487212707001281, 7.3890560989306502],
}
L = np.inf  # beyond the largest number
BELOW = 1.7580993408473766
ENDS = {  # at minus infinity, minus the largest number, 0, and infinity
    "elu": [-1, -1, 0, L], "selu": [-BELOW, -BELOW, 0, L], "softplus": [0, 0, np.log(2), L],
    "softsign": [-1, -1, 0, 1], "hard_sigmoid": [0, 0, 0.5, 1], "exponential": [0, 0, 1, L],
    **dict.fromkeys(SLOPE_NEEDS_INPUT, (0, 0, 0, L)),
}  # fmt: skip
END_SLOPES = {
    "elu": [0, 0, 1, 1], "selu": [0, 0, BELOW, 1.0507009873554805], "softplus": [0, 0, 0.5, 1],
    "softsign": [0, 0, 1, 0], "hard_sigmoid": [0, 0, 1 / 6, 0], "exponential": [0, 0, 1, L],
    **dict.fromkeys(SLOPE_NEEDS_INPUT, (0, 0, 0.5, 1)), "mish": [0, 0, 0.6, 1],
}  # fmt: skip
UNITS = {"float32": 1.2e-7, "float64": 2.3e-16}


def value_and_slope(core, name, z, dtype):
    Z = np.array([z], dtype)
    with np.errstate(all="raise"):
        A = core.activation(name, Z)
        return A[0], core.activation_gradient(name, A, np.ones_like(A), Z=Z)[0]


@pytest.mark.parametrize("name", VALUES)
def test_values_and_slopes_are_those_of_the_formula(core, dtype, name):
    value, slope = value_and_slope(core, name, AT, dtype)
    # At -10 the exponent of gelu_tanh is 88, that of gelu in the reference 50, and it is rounded; eight units elsewhere
    relative = {"gelu_tanh": 400, "gelu": 60}.get(name, 8) * UNITS[dtype]
    np.testing.assert_allclose(value, VALUES[name], rtol=relative, atol=0)
    if name in SLOPE_NEEDS_INPUT:
        np.testing.assert_allclose(slope, SLOPES[name], rtol=relative, atol=4 * UNITS[dtype])
    else:  # from the output: right to a rounding of the output
        np.testing.assert_allclose(slope, SLOPES[name], rtol=4 * UNITS[dtype], atol=2 * UNITS[dtype])


@pytest.mark.parametrize("name", ENDS)
def test_values_and_slopes_at_the_ends_are_limits_and_not_nan(core, dtype, name):
    largest = float(np.finfo(dtype).max)
    value, slope = value_and_slope(core, name, [-np.inf, -largest, 0, np.inf], dtype)
    np.testing.assert_allclose(value, ENDS[name], rtol=2 * UNITS[dtype])
    np.testing.assert_allclose(slope, END_SLOPES[name], rtol=4 * UNITS[dtype])
    assert np.isnan(core.activation(name, np.full((1, 3), np.nan, dtype))).all()
    value, slope = value_and_slope(core, name, [largest], dtype)
    assert value == (
        largest if ENDS[name][-1] == L and name not in ("selu", "exponential") else ENDS[name][-1]
    )
    assert slope == np.array(END_SLOPES[name][-1], dtype)


@pytest.mark.parametrize("name", SLOPE_NEEDS_INPUT)
def test_the_slope_at_nan_is_nan(core, dtype, name):
    nan, one = np.full((1, 3), np.nan, dtype), np.ones((1, 3), dtype)
    assert np.isnan(core.activation_gradient(name, one, one, Z=nan)).all()


@pytest.mark.parametrize(
    ("name", "z", "value"),
    [
        ("gelu", -12, -2.1317785344932148e-32),
        ("silu", -60, -5.2539064576179122e-25),
        ("mish", -60, -5.2539064576179122e-25),
        ("softplus", -60, 8.7565107626965203e-27),
        ("elu", -1e-10, -9.9999999995e-11),
        ("selu", -1e-10, -1.7580993407594719e-10),
    ],
)
def test_nothing_is_lost_where_results_are_small(core, dtype, name, z, value):
    result = core.activation(name, np.array([[z]], dtype))[0, 0]
    # z itself is rounded, and the reference rounds z / sqrt(2), whose square is the exponent of gelu
    assert result == pytest.approx(value, rel=80 * UNITS[dtype], abs=0)


def test_exponential_overflows_where_its_result_is_beyond_the_largest_number(core, dtype):
    info = np.finfo(dtype)
    last = np.log(np.longdouble(info.max)).astype(dtype)
    if np.exp(np.longdouble(last)) > info.max:
        last = np.nextafter(last, np.zeros((), dtype))
    beyond = np.nextafter(np.nextafter(last, np.inf, dtype=dtype), np.inf, dtype=dtype)
    Z = np.array([[last, beyond, info.max, np.inf]], dtype)
    A = core.activation("exponential", Z)
    assert A[0, 0] == pytest.approx(float(np.exp(np.longdouble(last))), rel=2 * UNITS[dtype])
    assert (A[0, 1:] == np.inf).all()
    np.testing.assert_array_equal(core.activation_gradient("exponential", A, np.full_like(A, 0.5)), A / 2)


@pytest.mark.parametrize("name", ["elu", "selu", "softplus", "softsign", "hard_sigmoid", "exponential"])
def test_what_should_not_fall_never_falls(core, dtype, name):
    Z = np.concatenate(
        [np.linspace(-30, 30, 20001), np.linspace(-1e-3, 1e-3, 2001), np.linspace(2.9, 3.1, 2001)]
    )
    Z = np.unique(Z.astype(dtype))[None]
    A = core.activation(name, Z)
    rise = np.diff(A[0].astype(np.float64))
    assert (rise >= -4 * UNITS[dtype] * abs(A[0, 1:])).all()  # neighbours may be rounded apart
    assert (core.activation_gradient(name, A, np.ones_like(A)) >= 0).all()
