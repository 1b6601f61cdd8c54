"""Initial weights: their distributions, and that they are a function of seed, layer and position alone."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule import initializers
from chainrule._normal import log, normal_quantile
from chainrule.initializers import INITIAL_WEIGHTS, INITIALIZERS
from conftest import load_core

SHAPE = (300, 200)
RANDOM = [name for name in INITIALIZERS if name != "zeros"]


def variance(name: str, n_in: int, n_out: int) -> float:
    return {"glorot": 2 / (n_in + n_out), "he": 2 / n_in, "lecun": 1 / n_in}[name.partition("_")[0]]


@pytest.mark.parametrize("name", RANDOM)
def test_the_weights_have_the_mean_and_variance_of_their_name(name: str) -> None:
    weights = INITIALIZERS[name](SHAPE, seed=4, layer=0, dtype="float64")
    deviation = math.sqrt(variance(name, *SHAPE))
    # 60,000 draws: the mean varies by 0.0041 deviations, the variance of normal ones by a factor of 1 ± 0.0058.
    assert abs(weights.mean()) < 4 * 0.0041 * deviation
    assert weights.var() == pytest.approx(deviation**2, rel=4 * 0.0058)


@pytest.mark.parametrize("name", [name for name in RANDOM if name.endswith("uniform")])
def test_uniform_weights_fill_their_interval_and_no_more(name: str) -> None:
    weights = INITIALIZERS[name](SHAPE, seed=4, layer=0, dtype="float64")
    limit = math.sqrt(3 * variance(name, *SHAPE))
    assert 0.999 * limit < weights.max() < limit
    assert -limit < weights.min() < -0.999 * limit
    counts = np.histogram(weights, 10, (-limit, limit))[0]
    assert np.abs(counts - 6000).max() < 5 * math.sqrt(6000 * 0.9)


@pytest.mark.parametrize("name", [name for name in RANDOM if name.endswith("normal")])
def test_normal_weights_have_the_shares_of_a_normal_distribution(name: str) -> None:
    weights = INITIALIZERS[name](SHAPE, seed=4, layer=0, dtype="float64")
    z = weights / math.sqrt(variance(name, *SHAPE))
    for width in (0.5, 1.0, 2.0, 3.0):
        share = math.erf(width / math.sqrt(2))
        assert np.mean(np.abs(z) < width) == pytest.approx(
            share, abs=5 * math.sqrt(share * (1 - share) / z.size)
        )


def test_zeros_and_constants() -> None:
    assert not initializers.zeros((2, 3)).any()
    made = initializers.constant(0.1)((2, 3), dtype="float64")
    assert made.dtype == np.float64
    assert (made == 0.1).all()
    model = cr.MLP([3, 4, 1], initializer=initializers.constant(0.1))
    assert all((w == np.float32(0.1)).all() for w in model.weights)


@pytest.mark.parametrize("name", RANDOM)
def test_seed_and_layer_decide_the_weights(name: str) -> None:
    make = INITIALIZERS[name]
    weights = make((5, 4), seed=1, layer=2, dtype="float64")
    assert np.array_equal(weights, make((5, 4), seed=1, layer=2, dtype="float64"))
    assert not np.isin(weights, make((5, 4), seed=2, layer=2, dtype="float64")).any()
    assert not np.isin(weights, make((5, 4), seed=1, layer=3, dtype="float64")).any()
    assert np.array_equal(weights.astype("float32"), make((5, 4), seed=1, layer=2, dtype="float32"))


@pytest.mark.parametrize("core_name", ["native", "reference"])
def test_each_weight_comes_from_the_word_of_its_position(core_name: str) -> None:
    words = load_core(core_name).random_words(15, seed=9, stream=INITIAL_WEIGHTS + 1)
    u = (words.astype(float) + 0.5) / 2**32
    weights = initializers.lecun_uniform((3, 5), seed=9, layer=1, dtype="float64")
    np.testing.assert_array_equal(weights.ravel(), (2 * u - 1) * math.sqrt(3 / 3))


def test_a_model_uses_one_stream_per_layer() -> None:
    model = cr.MLP([3, 4, 2], initializer="he_normal", seed=11)
    for layer, shape in enumerate([(3, 4), (4, 2)]):
        assert np.array_equal(model.weights[layer], initializers.he_normal(shape, seed=11, layer=layer))


# Published once, never to change: the digests of float64 weights (300, 200), seed 4, layer 0.
DIGESTS = {
    "glorot_uniform": "5867b25815226ba9",
    "glorot_normal": "7cc08b01f2779f73",
    "he_uniform": "ddca28318dccedc0",
    "he_normal": "edb9dc5937b9c917",
    "lecun_uniform": "7cab3e58a54736f4",
    "lecun_normal": "73f76c79527c969f",
}


@pytest.mark.parametrize("name", RANDOM)
def test_the_weights_have_the_published_bits(name: str) -> None:
    weights = INITIALIZERS[name](SHAPE, seed=4, layer=0, dtype="float64").astype("<f8")
    assert hashlib.sha256(weights.tobytes()).hexdigest()[:16] == DIGESTS[name]


def test_the_normal_quantile_is_right_to_a_few_units_in_the_last_place() -> None:
    mpmath = pytest.importorskip("mpmath", reason="needs 40 digits to compare with")
    smallest = 0.5 / 2**32
    u = np.array(
        [smallest, 3 * smallest, 1e-8, 1e-6, 1.4e-11, 0.001, 0.02, 0.0749999, 0.0750001, 0.2, 0.4999999]
    )
    u = np.concatenate([u, 1 - u, np.random.default_rng(0).random(200)])
    with mpmath.workdps(40):
        exact = [float(mpmath.sqrt(2) * mpmath.erfinv(2 * mpmath.mpf(float(x)) - 1)) for x in u]
    np.testing.assert_allclose(normal_quantile(u), exact, rtol=2e-15)
    assert normal_quantile(np.array([0.5])) == 0


def test_the_logarithm_is_right_to_a_unit_in_the_last_place() -> None:
    x = np.concatenate(
        [2.0 ** np.arange(-40, 1), np.random.default_rng(1).random(2000), [0.70710678, 0.99999999]]
    )
    exact = np.array([math.log(v) for v in x])
    np.testing.assert_allclose(log(x), exact, rtol=3e-16, atol=0)


def own(shape: tuple[int, int], *, seed: int, layer: int, dtype: str) -> Any:
    return np.full(shape, seed + layer, dtype, order="F")


def test_a_function_of_ones_own_is_an_initializer() -> None:
    model = cr.MLP([2, 3, 1], initializer=initializers.he_uniform, seed=5)
    assert np.array_equal(model.weights[0], initializers.he_uniform((2, 3), seed=5))
    model = cr.MLP([2, 3, 1], initializer=own, seed=5)
    assert [w.tolist() for w in model.weights] == [[[5] * 3] * 2, [[6]] * 3]
    assert model.weights[0].flags.c_contiguous


@pytest.mark.parametrize(
    ("initializer", "error"),
    [
        ("glorot", ValueError),
        (3, TypeError),
        (None, TypeError),
        (lambda shape, **_: np.zeros(shape), TypeError),
        (lambda shape, **_: np.zeros((2, 2), "float32"), ValueError),
        (lambda shape, **_: None, TypeError),
    ],
)
def test_a_wrong_initializer_is_refused_by_name(initializer: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^initializer"):
        cr.MLP([3, 1], initializer=initializer)


@pytest.mark.parametrize("name", INITIALIZERS)
@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"shape": (2,)}, "shape must be"),
        ({"shape": (0, 2)}, r"shape\[0\]"),
        ({"shape": 5}, "shape must be"),
        ({"dtype": "float16"}, "dtype must be"),
    ],
)
def test_wrong_arguments_of_an_initializer_are_refused_by_name(name: str, changes: Any, text: str) -> None:
    with pytest.raises((ValueError, TypeError), match=f"^{text}"):
        INITIALIZERS[name](**{"shape": (2, 3), "seed": 0, "layer": 0, "dtype": "float32", **changes})
