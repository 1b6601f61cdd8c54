"""Modules of PyTorch as our networks, and ours as PyTorch's. State dicts and what is refused are in files beside this one."""

from __future__ import annotations

import doctest
import importlib
import subprocess
import sys
from collections import OrderedDict

import chainrule as cr
import numpy as np
import pytest
from chainrule._network import ACTIVATIONS
from chainrule.interchange import from_torch, to_torch, to_torch_state_dict
from export_cases import BIASES, assert_right, network, parts_of, rows_for

torch = pytest.importorskip("torch", reason="the comparison needs PyTorch")
nn = torch.nn

MODULES = {
    "identity": nn.Identity,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "gelu_tanh": lambda: nn.GELU(approximate="tanh"),
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "softplus": lambda: nn.Softplus(threshold=40),
    "softsign": nn.Softsign,
    "hard_sigmoid": nn.Hardsigmoid,
    "softmax": lambda: nn.Softmax(dim=1),
}
"""Written down once more, apart from the tables of the library."""

ONLY_OURS = ("exponential", "step")


def sequential(*modules, dtype="float32", seed=0):
    """A Sequential with weights of its own, the same for the same seed."""
    torch.manual_seed(seed)
    made = nn.Sequential(*modules).to(getattr(torch, dtype)).eval()
    for parameter in made.parameters():
        nn.init.normal_(parameter)
    return made


def outputs(module, X):
    with torch.no_grad():
        return module(torch.tensor(X)).numpy()


def same_bits(model, module):
    """Whether the parameters of both are the same, one after the other."""
    ours = [a for i, w in enumerate(model.weights) for a in (w.T, *model.biases[i : i + 1])]
    theirs = list(module.parameters())
    assert len(ours) == len(theirs)
    return all(a.tobytes() == t.detach().numpy().tobytes() for a, t in zip(ours, theirs, strict=True))


def test_every_activation_of_the_library_is_known_here():
    assert {*MODULES, *ONLY_OURS} == set(ACTIVATIONS)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_comes_in_with_its_outputs(backend, dtype, name):
    hidden = nn.Tanh if name == "softmax" else MODULES[name]
    module = sequential(
        nn.Linear(5, 9), hidden(), nn.Linear(9, 7), hidden(), nn.Linear(7, 3), MODULES[name](), dtype=dtype
    )
    model = from_torch(module)
    ours = "tanh" if name == "softmax" else name
    assert model.network.activations == (ours, ours, name)
    assert model.dtype == dtype
    assert same_bits(model, module)
    X = rows_for(parts_of(model), 40)
    assert_right(parts_of(model), X, outputs(module, X))


@pytest.mark.parametrize("name", MODULES)
def test_a_network_goes_out_with_its_outputs_and_comes_back_with_its_bits(backend, dtype, name):
    for bias in BIASES:
        model = network(name, dtype, bias)
        module = to_torch(model)
        assert type(module) is nn.Sequential
        assert not module.training
        assert all(p.requires_grad for p in module.parameters())
        X = rows_for(parts_of(model), 40)
        assert_right(parts_of(model), X, outputs(module, X), bias)
        back = from_torch(module)
        assert back.network.activations == model.network.activations
        assert back.network.bias == (bias and "unit")
        assert [w.tobytes() for w in back.weights] == [w.tobytes() for w in model.weights]
        if bias != "layer":
            assert back.network == model.network
            assert [b.tobytes() for b in back.biases] == [b.tobytes() for b in model.biases]


@pytest.mark.parametrize("hidden", [0, 1, 2, 3, 4, 5])
def test_any_number_of_layers_goes_in_and_out(backend, dtype, hidden):
    model = network("tanh", dtype, "unit", (4, *(9, 1, 17, 33, 8)[:hidden], 2))
    module = to_torch(model)
    X = rows_for(parts_of(model), 20)
    assert_right(parts_of(model), X, outputs(module, X))
    assert from_torch(module).layer_sizes == model.layer_sizes
    assert same_bits(from_torch(module), module)


def test_the_module_is_what_one_would_write():
    model = cr.MLP([4, 8, 6, 3], activation=["relu", "identity"], output_activation="softmax", dropout=[0.2, 0], input_dropout=0.1)  # fmt: skip
    texts = [str(child) for child in to_torch(model)]
    assert texts == [
        "Dropout(p=0.1, inplace=False)",
        "Linear(in_features=4, out_features=8, bias=True)",
        "ReLU()",
        "Dropout(p=0.2, inplace=False)",
        "Linear(in_features=8, out_features=6, bias=True)",
        "Linear(in_features=6, out_features=3, bias=True)",
        "Softmax(dim=-1)",
    ]
    plain = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    assert [str(child) for child in to_torch(cr.MLP([4, 8, 3]))] == [str(child) for child in plain]


def test_nested_modules_flatten_and_identity_are_looked_through(backend):
    relu = nn.ReLU(inplace=True)  # one module in two places
    module = sequential(
        nn.Flatten(),
        nn.Sequential(nn.Identity(), nn.Sequential(nn.Linear(6, 5), relu), nn.Linear(5, 4)),
        nn.Sequential(OrderedDict(function=relu, last=nn.Linear(4, 2), nothing=nn.Identity())),
        nn.Sequential(),
    )
    model = from_torch(module)
    assert model.network.activations == ("relu", "relu", "identity")
    assert same_bits(model, module)
    X = rows_for(parts_of(model), 20)
    assert_right(parts_of(model), X, outputs(module, X.reshape(20, 2, 3)))


def test_a_single_linear_and_a_subclass_of_sequential_are_taken():
    class Named(nn.Sequential):
        def __init__(self):
            super().__init__(nn.Linear(3, 2), nn.Tanh())

    assert from_torch(nn.Linear(3, 2)).layer_sizes == (3, 2)
    assert from_torch(Named()).network.activations == ("tanh",)


def test_a_dropout_of_nothing_may_stand_anywhere():
    nothing = nn.Dropout(0.0)
    module = nn.Sequential(nothing, nn.Dropout(0.1), nothing, nn.Linear(4, 8), nothing, nn.Tanh(), nn.Dropout(0.25), nothing,
                           nn.Linear(8, 3), nothing, nn.Sigmoid(), nothing)  # fmt: skip
    network = from_torch(module).network
    assert (network.input_dropout, network.dropout) == (0.1, (0.25,))
    assert network.activations == ("tanh", "sigmoid")


def test_dropout_is_carried_where_both_have_it():
    module = nn.Sequential(nn.Dropout(0.1), nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.25), nn.Linear(8, 8), nn.Dropout(0.5), nn.LeakyReLU(),
                           nn.Linear(8, 6), nn.Dropout(0.0), nn.Linear(6, 5), nn.Dropout(0.3), nn.Linear(5, 3), nn.Dropout(0))  # fmt: skip
    model = from_torch(module)
    assert model.network.input_dropout == 0.1
    assert model.network.dropout == (0.25, 0.5, 0.0, 0.3)
    assert model.network.activations == ("relu", "leaky_relu", "identity", "identity", "identity")
    assert from_torch(to_torch(model)).network == model.network


def test_an_output_activation_may_be_put_after_logits(backend):
    module = sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    model = from_torch(module, output_activation="softmax")
    X = rows_for(parts_of(model), 20)
    assert_right(parts_of(model), X, outputs(nn.Sequential(module, nn.Softmax(dim=-1)), X))
    module.append(nn.Sigmoid())
    assert from_torch(module, output_activation="sigmoid").network.output_activation == "sigmoid"
    with pytest.raises(
        ValueError, match="output_activation is 'softmax', but the module ends with an activation, sigmoid"
    ):
        from_torch(module, output_activation="softmax")
    with pytest.raises(ValueError, match="output_activation must be one of"):
        from_torch(nn.Linear(2, 2), output_activation="log_softmax")


def test_softplus_differs_by_its_threshold_alone(dtype):
    module = sequential(nn.Linear(1, 1, bias=False), nn.Softplus(), dtype=dtype)
    with torch.no_grad():
        module[0].weight[...] = 1
    model, X = from_torch(module), np.linspace(-50, 50, 2001).astype(dtype).reshape(-1, 1)
    difference = abs(model.predict(X).astype(float) - outputs(module, X).astype(float))
    assert difference.max() <= np.exp(-20) + 30 * np.finfo(dtype).eps * 50


def test_softplus_goes_out_with_a_threshold_that_makes_no_difference(dtype):
    model = cr.MLP([1, 1], output_activation="softplus", bias=None, dtype=dtype, seed=0)
    model.weights[0][...] = 1
    X = np.linspace(-30, 100, 2001).astype(dtype).reshape(-1, 1)
    assert_right(parts_of(model), X, outputs(to_torch(model), X))


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_half_precision_becomes_float32_exactly(half):
    module = sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3), dtype=half)
    model = from_torch(module)
    assert model.dtype == "float32"
    assert same_bits(model, module.float())
    assert from_torch(module.to(getattr(torch, half)), dtype="float64").dtype == "float64"


def test_the_dtype_is_the_widest_or_what_was_asked_for():
    module = sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3).double())
    module[2].double()
    assert from_torch(module).dtype == "float64"
    narrow = from_torch(module, dtype="float32")
    assert narrow.weights[1].tobytes() == module[2].weight.detach().numpy().T.astype("float32").tobytes()


def test_nothing_is_shared_in_either_way():
    module = sequential(
        nn.Linear(1, 4), nn.ReLU(), nn.Linear(4, 1)
    )  # here a transposed view would be contiguous
    model = from_torch(module)
    for array in (*model.weights, *model.biases):
        assert array.flags.carray
        array[...] = 7
    assert not any((p == 7).any() for p in module.parameters())
    back = to_torch(model)
    with torch.no_grad():
        for parameter in back.parameters():
            parameter.fill_(5)
    assert all((array == 7).all() for array in (*model.weights, *model.biases))


def test_tied_weights_come_as_two_copies(backend):
    linear = nn.Linear(4, 4)
    module = sequential(linear, nn.Tanh(), linear, nn.Tanh(), nn.Linear(4, 4))
    module[4].weight = linear.weight
    model = from_torch(module)
    assert len(model.weights) == 3
    assert model.weights[0].tobytes() == model.weights[1].tobytes() == model.weights[2].tobytes()
    assert not np.shares_memory(model.weights[0], model.weights[1])
    X = rows_for(parts_of(model), 20)
    assert_right(parts_of(model), X, outputs(module, X))


def test_defaults_of_pytorch_do_not_matter():
    model = network("tanh")
    with torch.device("meta"):
        module, state = to_torch(model), to_torch_state_dict(model)
    torch.set_default_dtype(torch.float64)
    try:
        wide = to_torch(model)
    finally:
        torch.set_default_dtype(torch.float32)
    for made in module, wide:
        assert same_bits(model, made)
    assert all(torch.equal(state[key], value) for key, value in module.state_dict().items())


def test_the_random_numbers_of_pytorch_are_not_touched():
    before = torch.get_rng_state()
    to_torch(network("tanh"))
    to_torch_state_dict(network("tanh"))
    assert torch.equal(before, torch.get_rng_state())


def test_views_and_odd_memory_are_taken():
    module = nn.Sequential(nn.Linear(4, 3))
    values = torch.arange(24, dtype=torch.float64).reshape(4, 6)
    module[0].weight = nn.Parameter(values.T[::2])
    module[0].bias = nn.Parameter(torch.complex(values[0, :3], values[1, :3]).conj().imag)  # lazily negated
    model = from_torch(module)
    assert model.weights[0].tolist() == values[:, ::2].tolist()
    assert model.biases[0].tolist() == (-values[1, :3]).tolist()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch has no CUDA device here")
def test_parameters_come_from_a_device_of_any_kind():
    module = sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    expected = from_torch(module)
    assert [w.tobytes() for w in from_torch(module.cuda()).weights] == [w.tobytes() for w in expected.weights]


def test_what_came_out_trains_on_in_pytorch():
    X = np.random.default_rng(1).normal(size=(64, 4)).astype("float32")
    module = to_torch(cr.MLP([4, 16, 2], activation="tanh", seed=0))
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(module(torch.tensor(X)), torch.tensor(X[:, :2]))
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]
    model = from_torch(module)
    assert (
        cr.Trainer(model, loss="mean_squared_error", optimizer=cr.SGD(0.1)).evaluate(X, X[:, :2])["loss"]
        < losses[0]
    )


def test_without_pytorch_the_error_says_how_to_get_it():
    code = (
        "import sys; sys.modules['torch'] = sys.modules['torch.nn'] = None\n"
        "import chainrule as cr\n"
        "for name in ('to_torch', 'to_torch_state_dict'):\n"
        "    try: getattr(cr.interchange, name)(cr.MLP([2, 1]))\n"
        "    except ImportError as error: assert 'pip install torch' in str(error) and name in str(error)\n"
        "    else: raise SystemExit('no error')\n"
        "try: cr.interchange.from_torch([1])\n"
        "except TypeError: pass"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_examples_are_right():
    failed, tried = doctest.testmod(importlib.import_module("chainrule.interchange._torch"))
    assert tried
    assert not failed
