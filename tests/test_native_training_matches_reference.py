"""Training and gradients of random networks: the native core ends where the reference does."""

from __future__ import annotations

import numpy as np
import pytest
from chainrule import reference
from chainrule._network import BIASES, SLOPE_NEEDS_INPUT
from chainrule._rules import check_optimizer
from tolerances import GRADIENT, LARGE_GRADIENT, TRAINED, eps
from training_cases import (
    HIDDEN,
    LARGE,
    LEARNING,
    LOSSES,
    ONE_ACTIVATION,
    WIDEST,
    make_activation_case,
    make_case,
    make_large_case,
)

SEEDS = range(42)
THREADS = (1, 1, 2, 1, 1, 3)

pytestmark = pytest.mark.usefixtures("oversubscribed")


def assert_layers(actual, expected, bound, what, vanishing=0.0):
    """Fail unless the weights and the biases of each layer differ by at most the bound times the largest of both.

    Of both, as the bias of a whole layer gets the sum of its gradients, and that is 0 under a softmax: mere rounding. It
    may be all there is (units before it that are 0 leave no gradient of the weights), so that the last bias may be off by
    `vanishing` beside.
    """
    weights, biases = zip(actual, expected, strict=True)
    pairs = [*zip(*weights, strict=True)], [*zip(*biases, strict=True)]
    for i in range(len(pairs[0])):
        layer = [kind[i] for kind in pairs if kind]
        largest = max(np.max(np.abs(twin)) for _, twin in layer)
        for kind, (array, twin) in enumerate(layer):
            wrong = np.max(np.abs(array - twin))
            allowed = bound * largest + vanishing * (kind == 1 and i == len(pairs[0]) - 1)
            assert wrong <= allowed, f"layer {i}: {wrong:.3g} of {largest:.3g} in {what}"


def vanishing(network):
    """Rounding of the sum of a row's dLoss/dZ of a softmax, each at most 1, where it is the gradient of one bias."""
    one = network.bias == "layer" and network.output_activation == "softmax"
    return network.n_out * eps(network.dtype) if one else 0.0


@pytest.mark.parametrize("kind", WIDEST)
@pytest.mark.parametrize("seed", SEEDS)
def test_fifty_steps_end_where_those_of_the_reference_do(native, dtype, kind, seed):
    case, expected = (
        make_case(seed, dtype, kind).train(core, n_threads=THREADS[seed % 6]) for core in (native, reference)
    )
    assert case.state.step == expected.state.step == 50
    assert case.state.epoch == expected.state.epoch == len(case.state.losses)
    assert type(case.state.epoch) is type(case.state.step) is int
    np.testing.assert_allclose(case.state.losses, expected.state.losses, rtol=TRAINED[dtype])
    states = case.state, expected.state
    assert_layers(*([s.weights, s.biases] for s in states), TRAINED[dtype], ("parameters", case))
    assert_layers(
        *([s.weight_velocity, s.bias_velocity] for s in states),
        TRAINED[dtype],
        ("velocities", case),
        vanishing(case.network),
    )


@pytest.mark.parametrize("name", LEARNING)
@pytest.mark.parametrize("kind", ONE_ACTIVATION)
@pytest.mark.parametrize("n_threads", [1, 2])
def test_every_activation_is_trained_as_in_the_reference(native, dtype, name, kind, n_threads):
    case = make_activation_case(name, dtype, kind)
    made = native.choices(
        case.network, case.how["batch_size"], n_threads, check_optimizer(case.how["optimizer"])
    )
    assert made["row_by_row"] == (kind == "row by row" and name not in SLOPE_NEEDS_INPUT)
    assert made["by_columns"] == (kind == "columns" and n_threads == 2)
    start = [w.copy() for w in case.state.weights]
    case.train(native, n_threads=n_threads)
    expected = make_activation_case(name, dtype, kind).train(reference)
    np.testing.assert_allclose(case.state.losses, expected.state.losses, rtol=TRAINED[dtype])
    states = case.state, expected.state
    assert_layers(*([s.weights, s.biases] for s in states), TRAINED[dtype], name)
    assert_layers(*([s.weight_velocity, s.bias_velocity] for s in states), TRAINED[dtype], name)
    assert all((w != before).any() for w, before in zip(case.state.weights, start, strict=True))


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("n_threads", [1, 3])
def test_large_layers_end_where_those_of_the_reference_do(native, dtype, name, n_threads):
    case = make_large_case(name, dtype).train(native, n_threads=n_threads)
    expected = make_large_case(name, dtype).train(reference)
    np.testing.assert_allclose(case.state.losses, expected.state.losses, rtol=TRAINED[dtype])
    states = case.state, expected.state
    assert_layers(*([s.weights, s.biases] for s in states), TRAINED[dtype], name)
    assert_layers(*([s.weight_velocity, s.bias_velocity] for s in states), TRAINED[dtype], name)


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("n_threads", [1, 3])
def test_gradients_of_large_layers_are_those_of_the_reference(native, dtype, name, n_threads):
    # Among a million sums one is so near 0 that float32 rounds it to the other side in the other core, and the slope of
    # a relu there is 1 in one and 0 in the other.
    case = make_large_case(name, dtype, activation="relu" if dtype == "float64" else "tanh")
    given = case.network, case.state.weights, case.state.biases, case.X, case.target
    _, *gradients = native.gradients(*given, loss=case.how["loss"], n_threads=n_threads)
    _, *twins = reference.gradients(*given, loss=case.how["loss"])
    assert_layers(gradients, twins, LARGE_GRADIENT[dtype], name)


@pytest.mark.parametrize("kind", WIDEST)
def test_gradients_are_those_of_the_reference(native, dtype, kind):
    for seed in SEEDS:
        case = make_case(seed, dtype, kind)
        how = {"loss": case.how["loss"], "seed": seed, "step": 2**40 + seed}
        given = case.network, case.state.weights, case.state.biases, case.X, case.target
        value, *gradients = native.gradients(*given, **how, n_threads=THREADS[seed % 6])
        expected, *twins = reference.gradients(*given, **how)
        assert value == pytest.approx(expected, rel=GRADIENT[dtype])
        assert_layers(gradients, twins, GRADIENT[dtype], case, vanishing(case.network))


def test_the_cases_cover_what_they_should():
    cases = {kind: [make_case(seed, "float32", kind) for seed in SEEDS] for kind in WIDEST}
    for kind, made in cases.items():
        networks = [case.network for case in made]
        assert {n.n_layers for n in networks} == set(range(1, 7))
        assert {name for n in networks for name in n.activations} == {*HIDDEN, "softmax"}
        assert {n.bias for n in networks} == {*BIASES, None}
        assert {(case.how["loss"], case.target.ndim) for case in made} >= {
            (loss, d) for loss in LOSSES for d in (1, 2)
        }
        assert {case.how["shuffle"] for case in made} == {True, False}
        updates = [case.how["optimizer"] for case in made]
        assert {(u.momentum > 0, u.weight_decay > 0) for u in updates} == {
            (a, b) for a in (0, 1) for b in (0, 1)
        }
        assert {u.nesterov for u in updates} == {True, False}
        sizes = [size for n in networks for size in n.layer_sizes]
        assert min(sizes) == 1 or kind == "wide"
        assert WIDEST[kind] * 0.9 < max(sizes) <= WIDEST[kind]
        if kind != "tiny":
            assert sum(any(n.dropout) for n in networks) > 5
            assert {(n.input_dropout > 0, n.input_noise > 0) for n in networks} == {
                (a, b) for a in (0, 1) for b in (0, 1)
            }
            assert {case.how["batch_size"] for case in made} == {1, 2, 7, 32, 50, 60}
            assert any(len(case.X) % case.how["batch_size"] for case in made)
