"""Bad arguments to the core functions: refused before any work, in the same words by both cores."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pytest
from chainrule import reference
from chainrule._network import ACTIVATIONS, SLOPE_NEEDS_INPUT, TrainingState
from core_arguments import CASES, NETWORK, f4, good, optimizer, read_only

ONE_INSTRUCTION_SET_WILL_DO = True

POSITIONAL = {
    "random_words": ["n"], "permutation": ["n"], "dropout_mask": ["rows", "width", "rate"],
    "gaussian_noise": ["rows", "width"],
    "activation": ["name", "Z"], "activation_gradient": ["name", "A", "dA"], "matmul_bias": ["X", "W", "b"],
    "matmul_gradients": ["X", "W", "dZ"], "loss_and_gradient": ["loss", "Z", "target"],
    "sgd_momentum_step": ["w", "v", "g"], "forward": ["network", "weights", "biases", "X"],
    "gradients": ["network", "weights", "biases", "X", "target"],
    "train_epochs": ["network", "state", "X", "target"],
}  # fmt: skip


def call(core, function, arguments):
    rest = dict(arguments)
    first = [rest.pop(name) for name in POSITIONAL[function]]
    return getattr(core, function)(*first, **rest)


def change(arguments, name, value):
    """Put a value in place: of an argument, or of an attribute or entry of one ("state.weights[1]")."""
    owner, _, attribute = name.partition(".")
    path, _, entry = (attribute or owner).partition("[")
    holder = vars(arguments[owner]) if attribute else arguments
    if entry:
        holder[path] = [*holder[path]]
        holder[path][int(entry[:-1])] = value
    else:
        holder[path] = value


def numbers(value):
    """Every array and number in the arguments, in order, for comparison."""
    if isinstance(value, (TrainingState, SimpleNamespace)):
        value = vars(value)
    if isinstance(value, dict):
        return [number for item in value.values() for number in numbers(item)]
    if isinstance(value, (list, tuple)):
        return [number for item in value for number in numbers(item)]
    return [value.tobytes() if isinstance(value, np.ndarray) else repr(value)]


@pytest.mark.parametrize(("function", "name", "value", "kind", "text"), CASES)
def test_a_bad_argument_is_refused_by_name_and_nothing_changes(core, function, name, value, kind, text):
    arguments = good(function)
    change(arguments, name, value)
    before = numbers(arguments)
    with pytest.raises(kind, match=re.escape(text)) as refused:
        call(core, function, arguments)
    assert type(refused.value) is kind
    assert name.removeprefix("optimizer.") in str(refused.value)
    assert numbers(arguments) == before
    with pytest.raises(kind) as twin:
        call(reference, function, arguments)
    assert str(twin.value) == str(refused.value)


@pytest.mark.parametrize("function", POSITIONAL)
def test_good_arguments_are_accepted(core, function):
    call(core, function, good(function))


@pytest.mark.parametrize("function", POSITIONAL)
def test_every_argument_has_its_bad_cases(function):
    tried = {name.partition(".")[0].partition("[")[0] for tested, name, *_ in CASES if tested == function}
    assert tried == set(good(function))


def test_numpy_numbers_are_numbers(core):
    assert len(core.random_words(np.int64(3), seed=np.uint64(2**64 - 1), stream=np.int8(1))) == 3
    arguments = good("train_epochs")
    rate = {"learning_rate": np.float64(0.1), "momentum": np.float32(0.5), "nesterov": np.bool_(True)}
    arguments["optimizer"] = optimizer(**rate)
    call(core, "train_epochs", arguments)
    assert all(w.dtype == np.float32 for w in arguments["state"].weights)


def overlapping(rows, columns):
    """An input and a result that share all but one row."""
    memory = f4(rows + 1, columns)
    return memory[:-1], memory[1:]


def test_a_result_may_not_overlap_an_input(core):
    Z, out = overlapping(5, 3)
    other = f4(5, 3)
    square, below = overlapping(3, 3)
    for call_it in (
        lambda: core.activation("relu", Z, out=out),
        lambda: core.activation_gradient("relu", Z, other, out=out),
        lambda: core.activation_gradient("relu", other, Z, out=out),
        lambda: core.activation_gradient("gelu", other, other, Z=Z, out=out),
        lambda: core.matmul_bias(Z, f4(3, 3), out=out),
        lambda: core.matmul_bias(Z, f4(3, 3), out=Z),
        lambda: core.matmul_bias(f4(3, 3), square, out=below),
        lambda: core.matmul_bias(f4(1, 3), f4(3, 3), b=Z[0], out=Z[:1]),
    ):
        before = Z.tobytes(), out.tobytes()
        with pytest.raises(ValueError, match="out must not overlap"):
            call_it()
        assert (Z.tobytes(), out.tobytes()) == before
    arguments = good("forward")
    arguments["out"] = arguments["weights"][1][:4].reshape(4, 2)
    arguments["X"] = f4(4, 3)
    with pytest.raises(ValueError, match=re.escape("out must not overlap weights[1]")):
        call(core, "forward", arguments)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_elementwise_results_may_lie_in_place(core, dtype, name):
    Z, dA = (np.linspace(start, 1, 15).reshape(5, 3).astype(dtype) for start in (-1, -2))
    A = core.activation(name, Z)
    place = Z.copy()
    assert core.activation(name, place, out=place) is place
    assert np.array_equal(place, A)
    if name != "step":
        dZ = core.activation_gradient(name, A, dA, Z=Z)
        for i in range(3):
            arrays = [A.copy(), dA.copy(), Z.copy()]
            place = arrays[i]
            assert core.activation_gradient(name, *arrays[:2], Z=arrays[2], out=place) is place
            assert np.array_equal(place, dZ)


@pytest.mark.parametrize("name", SLOPE_NEEDS_INPUT)
def test_a_slope_that_needs_the_sums_is_not_guessed_without_them(core, dtype, name):
    A = np.ones((2, 3), dtype)
    with pytest.raises(ValueError, match=f"Z must be given for {name}, whose derivative is no function of A"):
        core.activation_gradient(name, A, A)
    assert core.activation_gradient(name, A, A, Z=A).shape == (2, 3)


def test_trained_arrays_may_not_share_memory(core):
    w, v = overlapping(3, 4)
    with pytest.raises(ValueError, match="must not share memory with"):
        core.sgd_momentum_step(w, v, f4(3, 4), learning_rate=0.1)
    with pytest.raises(ValueError, match="g must not share memory with w"):
        core.sgd_momentum_step(w, f4(3, 4), w, learning_rate=0.1)
    arguments = good("train_epochs")
    state = arguments["state"]
    state.weight_velocity[0] = state.weights[0]
    with pytest.raises(ValueError, match=re.escape("must not share memory with state.weight")):
        call(core, "train_epochs", arguments)
    state.weight_velocity[0] = np.zeros((3, 4), np.float32)
    arguments["X"] = np.concatenate([f4(3, 3), f4(2, 3)])
    state.weights[0] = arguments["X"].reshape(-1)[:12].reshape(3, 4)
    with pytest.raises(ValueError, match=re.escape("X must not share memory with state.weights[0]")):
        call(core, "train_epochs", arguments)


VIEWS = {
    "as it is": lambda X: X,
    "read-only": lambda X: read_only(X.copy()),
    "in Fortran's order": np.asfortranarray,
    "offset": lambda X: np.concatenate([X[:1], X])[1:],
    "with padded rows": lambda X: np.concatenate([X, X], axis=1)[:, : X.shape[1]],
    "every second column": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "every second row": lambda X: np.repeat(X, 2, axis=0)[::2],
    "rows backwards": lambda X: X[::-1].copy()[::-1],
    "columns backwards": lambda X: X[:, ::-1].copy()[:, ::-1],
}


@pytest.mark.parametrize("view", VIEWS)
def test_data_may_lie_in_memory_as_it_likes(core, view):
    for function, names in {
        "activation": ["Z"],
        "activation_gradient": ["A", "dA"],
        "matmul_bias": ["X"],
        "matmul_gradients": ["X", "dZ"],
        "loss_and_gradient": ["Z", "target"],
        "forward": ["X"],
        "gradients": ["X"],
    }.items():
        arguments = good(function)
        expected = numbers(call(core, function, arguments))
        for name in names:
            arguments[name] = VIEWS[view](arguments[name])
        actual = call(core, function, arguments)
        assert numbers(actual) == expected, function


def test_a_broadcast_row_is_data(core):
    row, W = f4(1, 3), f4(3, 4)
    assert np.array_equal(
        core.matmul_bias(np.broadcast_to(row, (5, 3)), W), np.repeat(core.matmul_bias(row, W), 5, 0)
    )


def test_a_memory_map_is_an_array(core, tmp_path):
    X = np.memmap(tmp_path / "X", np.float32, "w+", shape=(5, 3))
    X[...] = f4(5, 3)
    weights, biases = good("forward")["weights"], good("forward")["biases"]
    expected = core.forward(NETWORK, weights, biases, f4(5, 3))
    for i, w in enumerate(weights):
        np.save(tmp_path / f"{i}.npy", w)
        weights[i] = np.load(tmp_path / f"{i}.npy", mmap_mode="r")
    assert np.array_equal(core.forward(NETWORK, weights, biases, X), expected)


def test_no_rows_give_no_rows(core):
    empty = np.empty((0, 3), np.float32)
    assert core.forward(
        *(good("forward")[name] for name in ("network", "weights", "biases")), empty
    ).shape == (0, 2)
    assert core.matmul_bias(empty, f4(3, 4)).shape == (0, 4)
    assert core.activation("softmax", empty).shape == (0, 3)
    dX, dW, db = core.matmul_gradients(empty, f4(3, 4), np.empty((0, 4), np.float32))
    assert dX.shape == (0, 3)
    assert not dW.any()
    assert not db.any()
