"""Columns and networks that fill no vector: a few outputs, half a vector, a vector and a half."""

from __future__ import annotations

from itertools import cycle, product

import numpy as np
import pytest
from array_cases import guarded, whole_numbers
from chainrule import reference
from chainrule._network import Network, TrainingState
from test_order_and_record import empty_record, steps_of
from training_cases import HIDDEN, LOSSES, OUTPUT_OF, Case, sgd

LAST_COLUMNS = (1, 2, 3, 4, 5, 6, 8, 9, 12, 13, 16, 17, 18, 20, 21, 24, 25, 28)
"""Up to four, eight or four lanes, and so many beyond a vector of 8 or 16; a panel is 4 to 32 wide."""

WIDTHS = [columns + before for before in (0, 32, 64) for columns in LAST_COLUMNS]
ROWS = (1, 3, 4, 7, 8, 9, 15, 16, 17, 29, 33)
DEPTHS = (1, 7, 8, 15, 16, 17, 40, 209, 450)
"""Inputs: around a vector, and more than pass a tile at a time (208)."""


@pytest.mark.parametrize("name", ["identity", "relu", "step"])
def test_products_of_whole_numbers_are_exact(native, dtype, name):
    rng, biases = np.random.default_rng(0), cycle(("unit", "layer", None))
    depths = cycle(DEPTHS)
    for rows, N in product(ROWS, WIDTHS):
        K = next(depths)
        X, W = whole_numbers(rng, (rows, K), dtype), whole_numbers(rng, (K, N), dtype)
        width = {"unit": N, "layer": 1, None: 0}[next(biases)]
        b = whole_numbers(rng, (width,), dtype, 99) if width else None
        out, whole = guarded((rows, N), dtype)
        native.matmul_bias(X, W, b, activation=name, out=out)
        np.testing.assert_array_equal(
            out, reference.matmul_bias(X, W, b, activation=name), err_msg=f"{(rows, K, N)}"
        )
        assert (whole[[0, -1]] == 99).all()


def test_gradients_of_whole_numbers_are_exact(native, dtype):
    rng, depths = np.random.default_rng(1), cycle(WIDTHS)
    for rows, N in product(ROWS, WIDTHS):
        K = next(depths)
        X, W, dZ = (whole_numbers(rng, shape, dtype) for shape in ((rows, K), (K, N), (rows, N)))
        for made, expected, what in zip(
            native.matmul_gradients(X, W, dZ),
            reference.matmul_gradients(X, W, dZ),
            ("dX", "dW", "db"),
            strict=True,
        ):
            np.testing.assert_array_equal(made, expected, err_msg=f"{what} of {(rows, K, N)}")


def test_a_row_alone_has_the_bits_it_has_among_others(native, dtype):
    rng, depths = np.random.default_rng(2), cycle(DEPTHS)
    for N in WIDTHS:
        K = next(depths)
        X, W, b = (rng.normal(size=shape).astype(dtype) for shape in ((33, K), (K, N), (N,)))
        together = native.matmul_bias(X, W, b)
        for start, stop in ((0, 1), (32, 33), (1, 4), (5, 12), (0, 8), (2, 17), (1, 33)):
            np.testing.assert_array_equal(
                native.matmul_bias(X[start:stop], W, b), together[start:stop], err_msg=f"{N}"
            )


def test_what_is_not_finite_stays_in_its_row(native, dtype):
    rng = np.random.default_rng(3)
    for N in WIDTHS:
        X, W, b = (rng.normal(size=shape).astype(dtype) for shape in ((20, 18), (18, N), (N,)))
        expected = native.matmul_bias(X, W, b)
        X[4, 17], X[19, 0] = np.nan, np.inf
        made = native.matmul_bias(X, W, b)
        touched = np.isin(np.arange(20), (4, 19))
        np.testing.assert_array_equal(made[~touched], expected[~touched])
        assert np.isnan(made[4]).all()
        assert not np.isfinite(made[19]).any()


def narrow_case(seed: int, dtype: str) -> Case:
    """A network trained row by row whose layers are at most 4, 8 or 16 wide, with one output or a few."""
    rng = np.random.default_rng(seed)
    depth, widest = 1 + seed % 4, (4, 8, 8, 16)[seed // 4 % 4]
    outputs = 1 if seed % 2 else int(rng.integers(1, 4))
    sizes = (int(rng.integers(1, 17)), *(int(n) for n in rng.integers(1, widest + 1, depth - 1)), outputs)
    loss = LOSSES[seed % 8 // 2]
    output = OUTPUT_OF.get(loss) or str(rng.choice([*HIDDEN[:4], "softmax"]))
    names = (*(str(name) for name in rng.choice(HIDDEN, depth - 1)), output)
    network = Network(sizes, names, ("unit", "layer", None)[seed % 3], (0.0,) * (depth - 1), dtype, 0.0, 0.0)
    weights, biases = (
        [(rng.normal(size=shape) / np.sqrt(shape[0])).astype(dtype) for shape in shapes]
        for shapes in (network.weight_shapes, network.bias_shapes)
    )
    X, target = rng.normal(size=(17, sizes[0])).astype(dtype), rng.random((17, outputs)).astype(dtype)
    if loss == "cross_entropy":
        target /= target.sum(axis=1, keepdims=True)
    if seed % 5 == 0 and outputs > 1:
        target = rng.integers(0, outputs, 17)
    update = sgd(0.02, (0.0, 0.9)[seed % 7 % 2], seed % 7 == 1, (0.0, 1e-2)[seed % 3 % 2])
    how = {
        "loss": loss, "optimizer": update, "batch_size": 1, "shuffle": True, "seed": seed, "epochs": 3
    }  # fmt: skip
    return Case(network, TrainingState.start(weights, biases), X, target, how)


def test_rows_one_by_one_take_the_steps_of_a_batch_of_one(native, dtype):
    """A record is taken the general way, which has no kernel of its own for such networks."""
    for seed in range(240):
        alone, recorded = narrow_case(seed, dtype), narrow_case(seed, dtype)
        recorded.train(native, record=empty_record(steps_of(recorded)))
        assert alone.train(native).contents() == recorded.contents(), seed


def test_the_cases_of_narrow_networks_cover_what_they_should():
    cases = [narrow_case(seed, "float32") for seed in range(240)]
    widest = {max(case.network.layer_sizes[1:]) for case in cases}
    assert widest >= {1, 2, 3, 4, 5, 6, 7, 8, 9, 16}
    deep = [case for case in cases if case.network.n_layers > 1]
    for outputs, decay in product((1, 2, 3), (0.0, 1e-2)):
        assert any(
            case.network.n_out == outputs and case.how["optimizer"].weight_decay == decay for case in deep
        ), (outputs, decay)
    assert {case.how["loss"] for case in deep if case.network.n_out == 1} == set(LOSSES)
    assert any(case.target.dtype == np.int64 for case in deep)


def test_a_gradient_that_underflows_has_the_same_sign_of_zero(native, dtype):
    """Flushed to -0, and +0 once the decay of a positive weight, 0, is added to it."""
    network = Network((1, 1), ("identity",), None, (), dtype, 0.0, 0.0)
    tiny = float(np.finfo(dtype).tiny)
    for weight, momentum in product((1.0, -1.0), (0.0, 0.5)):
        made = []
        for record in (False, True):
            state = TrainingState.start([np.full((1, 1), weight, dtype)], [])
            state.weight_velocity[0][...] = -1e-3
            how = {
                "loss": "half_squared_error",
                "optimizer": sgd(0.1, momentum),
                "batch_size": 1,
                "seed": 0,
                "shuffle": False,
            }
            X, target = np.full((1, 1), -(tiny**0.8), dtype), np.full((1, 1), -(tiny**0.25), dtype)
            case = Case(network, state, X, target, {**how, "epochs": 1})
            case.train(native, **({"record": empty_record(1)} if record else {}))
            made.append(case.contents())
        assert made[0] == made[1]
