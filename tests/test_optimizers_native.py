"""The native optimizers against the reference's, and the same bits whatever the threads and instruction sets."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from array_cases import WIDTHS
from chainrule import reference
from conftest import load_core
from optimizer_cases import NETWORKS, OPTIMIZERS, arrays, trained
from tolerances import TRAINED

DTYPES = ("float32", "float64")
STEPS = {
    "adam_step": ("wmv", {"learning_rate": 0.1, "weight_decay": 0.1, "t": 3}),
    "adam_step, decoupled": ("wmv", {"learning_rate": 0.1, "weight_decay": 0.1, "t": 1, "decoupled": True}),
    "rmsprop_step": ("wvs", {"learning_rate": 0.1, "momentum": 0.5, "weight_decay": 0.1}),
    "adagrad_step": ("ws", {"learning_rate": 0.1, "weight_decay": 0.1}),
    "rprop_step": ("wpd", {"learning_rate": 0.1}),
}


@pytest.fixture
def native():
    return load_core("native")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", STEPS)
def test_a_step_is_that_of_the_reference_to_some_roundings(native, name, dtype) -> None:
    letters, numbers = STEPS[name]
    function = name.split(",")[0]
    rng = np.random.default_rng(2)
    for n in (*WIDTHS, 1000):
        given = {letter: rng.normal(size=n).astype(dtype) for letter in letters}
        for letter in set(letters) & {"s", "d"} | ({"v"} if "m" in letters else set()):
            given[letter] = abs(given[letter]) + np.dtype(dtype).type(
                0.1
            )  # squares and sizes are not negative
        g = rng.normal(size=n).astype(dtype)
        ours = {letter: array.copy() for letter, array in given.items()}
        theirs = {letter: array.copy() for letter, array in given.items()}
        getattr(native, function)(*ours.values(), g, **numbers)
        getattr(reference, function)(*theirs.values(), g, **numbers)
        for letter in letters:  # each number is a few sums, products and quotients of numbers around 1
            bound = 16 * np.finfo(dtype).eps * (abs(theirs[letter]) + abs(given[letter]) + abs(g))
            assert (abs(ours[letter] - theirs[letter]) <= bound).all(), (letter, n)


@pytest.mark.usefixtures("oversubscribed")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_is_that_of_the_reference(native, name, dtype) -> None:
    """The networks are those whose every weight has a gradient that is no rounding error, which Adam would enlarge."""
    for kind, bias in product(("tiny", "narrow"), ("unit", "layer", None)):
        one = trained(native, name, kind, dtype, bias, epochs=5)
        other = trained(reference, name, kind, dtype, bias, epochs=5)
        for a, b in zip(arrays(one), arrays(other), strict=True):
            assert abs(a - b).max() <= TRAINED[dtype] * abs(b).max(), (kind, bias)
        assert one.losses == pytest.approx(other.losses, rel=TRAINED[dtype])
        assert (one.step, one.epoch) == (other.step, other.epoch)


@pytest.mark.usefixtures("oversubscribed")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_threads_do_not_change_a_bit(native, name, dtype) -> None:
    for kind, bias in product(NETWORKS, ("unit", "layer")):
        one = arrays(trained(native, name, kind, dtype, bias, dropout=0.2, n_threads=1))
        for threads in (2, 3, 4, 7):
            other = arrays(trained(native, name, kind, dtype, bias, dropout=0.2, n_threads=threads))
            assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True)), (kind, bias, threads)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_large_layers_learn_what_the_reference_learns(native, name, dtype) -> None:
    one, other = (trained(core, name, "large", dtype, epochs=1) for core in (native, reference))
    difference = sum(float(np.square(a - b).sum()) for a, b in zip(one.weights, other.weights, strict=True))
    size = sum(float(np.square(b).sum()) for b in other.weights)
    assert difference**0.5 <= 1e-2 * size**0.5  # single weights with a tiny gradient may go either way
    assert one.losses == pytest.approx(other.losses, rel=1e-3)


@pytest.mark.parametrize("name", ["adam", "sgd with a clipped norm", "rmsprop"])
def test_where_a_step_is_not_finite_all_is_as_before_it(native, name) -> None:
    for core in (native, reference):
        good = trained(core, name, "narrow", "float64", epochs=3, shuffle=False)
        from optimizer_cases import start

        optimizer = OPTIMIZERS[name]
        network, state, X, Y = start(optimizer, *NETWORKS["narrow"][:1], "unit", "float64")
        how = {
            "loss": "mean_squared_error",
            "optimizer": optimizer,
            "batch_size": 16,
            "shuffle": False,
            "seed": 1,
        }
        core.train_epochs(network, state, X, Y, epochs=3, **how)
        Y[20] = 1e200  # its square overflows in the second batch
        with pytest.raises(FloatingPointError, match="epoch 3, step 1"):
            core.train_epochs(network, state, X, Y, epochs=2, **how)
        assert state.step == good.step + 1
        assert all(np.isfinite(array).all() for array in arrays(state))
        with pytest.raises(FloatingPointError):  # the same step again
            core.train_epochs(network, state, X[16:32], Y[16:32], epochs=1, **{**how, "batch_size": 16})
