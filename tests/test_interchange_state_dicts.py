"""State dicts: of tensors, of NumPy arrays, of files; and what they may not hold."""

from __future__ import annotations

import warnings
from collections import OrderedDict

import chainrule as cr
import numpy as np
import pytest
from chainrule.interchange import from_torch, to_torch, to_torch_state_dict
from export_cases import BIASES, assert_right, network, parts_of, rows_for

f = np.float32


def arrays(sizes=(4, 5, 3), names=("0", "2"), bias=True, dtype=f):
    """A state dict of NumPy arrays, (n_out, n_in) as PyTorch has them."""
    rng, state = np.random.default_rng(1), {}
    for name, n_in, n_out in zip(names, sizes[:-1], sizes[1:], strict=True):
        state[f"{name}.weight"] = rng.normal(size=(n_out, n_in)).astype(dtype)
        if bias:
            state[f"{name}.bias"] = rng.normal(size=n_out).astype(dtype)
    return state


def taken(state, **options):
    return from_torch(state, **{"activation": "tanh", "output_activation": "identity", **options})


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="tensors need PyTorch")


@pytest.mark.parametrize("bias", [True, False])
def test_a_state_dict_of_arrays_comes_in_without_pytorch(backend, dtype, bias):
    state = arrays(bias=bias, dtype=dtype)
    model = taken(state)
    assert model.dtype == dtype
    assert model.network.bias == ("unit" if bias else None)
    assert [w.tobytes() for w in model.weights] == [state[k].T.tobytes() for k in ("0.weight", "2.weight")]
    assert [b.tobytes() for b in model.biases] == [state[k].tobytes() for k in ("0.bias", "2.bias") if bias]
    X = rows_for(parts_of(model), 10).astype(np.float64)
    hidden = np.tanh(X @ state["0.weight"].astype(float).T + state.get("0.bias", f(0)))
    found = hidden @ state["2.weight"].astype(float).T + state.get("2.bias", f(0))
    assert_right(parts_of(model), X.astype(dtype), found.astype(dtype))


def test_nothing_is_shared():
    state = arrays((1, 4, 1))
    model = taken(state)
    assert not any(np.shares_memory(a, b) for a in state.values() for b in (*model.weights, *model.biases))


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (["net.0", "net.2", "net.10"], [0, 1, 2]),
        (["net.10", "net.2", "net.0"], [0, 1, 2]),  # not the alphabet's order: as it comes
        (["layers.0", "layers.10", "layers.2"], [0, 2, 1]),  # the alphabet's
        (["b0.fc.1", "b0.fc.12", "b0.fc.3"], [0, 2, 1]),
        (["fc1", "fc2", "out"], [0, 1, 2]),
        (["encoder", "a", "decoder.1"], [0, 1, 2]),
        (["module.first", "module.second", "module.third10"], [0, 1, 2]),
    ],
)
def test_layers_come_in_the_order_of_the_mapping_or_of_their_numbers(names, order):
    state = arrays((3, 3, 3, 3), names)
    model = taken(state)
    expected = [state[f"{names[i]}.weight"].T.tobytes() for i in order]
    assert [w.tobytes() for w in model.weights] == expected


def test_biases_may_stand_before_weights_and_apart():
    state = arrays()
    turned = {key: state[key] for key in sorted(state)}
    assert next(iter(turned)).endswith("bias")
    apart = {key: state[key] for key in sorted(state, key=lambda k: k.endswith("bias"))}
    for other in turned, apart, OrderedDict(state):
        assert [w.tobytes() for w in taken(other).weights] == [w.tobytes() for w in taken(state).weights]
        assert [b.tobytes() for b in taken(other).biases] == [b.tobytes() for b in taken(state).biases]


def test_a_linear_alone_needs_no_activation_of_hidden_layers():
    model = from_torch({"weight": np.ones((2, 3), f), "bias": np.zeros(2, f)}, output_activation="softmax")
    assert model.layer_sizes == (3, 2)


def test_activations_must_be_given():
    with pytest.raises(ValueError, match="activation must be given, as a state dict does not tell"):
        from_torch(arrays(), output_activation="identity")
    with pytest.raises(ValueError, match="output_activation must be given, as a state dict does not tell"):
        from_torch(arrays(), activation="relu")
    with pytest.raises(ValueError, match=r"activation\[0\] must be one of identity, .*, but it is 'softmax'"):
        taken(arrays(), activation=["softmax"])


@pytest.mark.parametrize("bias", BIASES)
def test_a_state_dict_loads_strictly_where_it_belongs(torch, dtype, bias):
    model = network("tanh", dtype, bias)
    nn = torch.nn
    theirs = [
        module
        for n_in, n_out in model.network.weight_shapes
        for module in (nn.Linear(n_in, n_out, bias is not None), nn.Tanh())
    ]
    module = nn.Sequential(*theirs).to(getattr(torch, dtype))
    state = to_torch_state_dict(model)
    assert list(state) == list(module.state_dict())
    assert type(state) is dict
    module.load_state_dict(state, strict=True)
    X = rows_for(parts_of(model), 10)
    assert_right(parts_of(model), X, module(torch.tensor(X)).detach().numpy())
    back = taken(state, output_activation="tanh")
    assert [w.tobytes() for w in back.weights] == [w.tobytes() for w in model.weights]
    for i, bias_of_ours in enumerate(model.biases):
        assert (back.biases[i] == bias_of_ours).all()


def test_the_names_are_those_of_to_torch_whatever_stands_between_layers(torch):
    for activation in ("identity", "relu", ["gelu", "identity"], "softplus"):
        for dropout in (0.0, 0.5, [0.0, 0.2]):
            for input_dropout in (0.0, 0.1):
                for output in ("identity", "softmax"):
                    model = cr.MLP([3, 4, 5, 2], activation=activation, output_activation=output, dropout=dropout, input_dropout=input_dropout, seed=1)  # fmt: skip
                    state, module = to_torch_state_dict(model), to_torch(model)
                    expected = module.state_dict()
                    assert list(state) == list(expected)
                    assert all(torch.equal(state[key], expected[key]) for key in state)


def test_a_prefix_is_put_before_each_name(torch):
    model = network("tanh")
    holder = torch.nn.Module()
    holder.net = to_torch(model)
    state = to_torch_state_dict(model, "net.")
    assert list(state) == list(holder.state_dict())
    holder.load_state_dict(state)
    with pytest.raises(TypeError, match=r"prefix must be a str, but it is 3 \(int\)"):
        to_torch_state_dict(model, 3)


def test_tensors_of_a_state_dict_own_their_memory(torch):
    model = network("tanh", sizes=(1, 4, 1))
    before = [a.tobytes() for a in (*model.weights, *model.biases)]
    for tensor in to_torch_state_dict(model).values():
        assert tensor.is_contiguous()
        assert tensor.untyped_storage().nbytes() == tensor.nbytes
        assert not tensor.requires_grad
        tensor.resize_(2000).fill_(9)
    assert [a.tobytes() for a in (*model.weights, *model.biases)] == before


def test_activations_that_pytorch_lacks_go_as_parameters_alone(torch):
    for name in ("exponential", "step"):
        model = network(name)
        state = to_torch_state_dict(model)
        assert list(state) == [f"{i}.{kind}" for i in (0, 2, 4) for kind in ("weight", "bias")]
        with pytest.raises(
            ValueError, match=f"layer 0 has the activation {name}, for which PyTorch has no module"
        ):
            to_torch(model)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_tensors_of_half_precision_become_float32(torch, dtype):
    state = {key: torch.tensor(value).to(getattr(torch, dtype)) for key, value in arrays().items()}
    model = taken(state)
    assert model.dtype == "float32"
    assert (model.weights[0] == state["0.weight"].T.float().numpy()).all()


def test_a_file_of_safetensors_comes_in_with_ten_layers_and_more(tmp_path, torch):
    safetensors = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")
    model = cr.MLP([4] * 13, activation="tanh", seed=2)
    path = str(tmp_path / "network.safetensors")
    safetensors.save_file(to_torch_state_dict(model, "net."), path)
    back = taken(safetensors.load_file(path))
    assert [w.tobytes() for w in back.weights] == [w.tobytes() for w in model.weights]
    model.save(path)
    back = taken(safetensors.load_file(path))
    assert [w.tobytes() for w in back.weights] == [w.tobytes() for w in model.weights]


def but(key, value):
    state = arrays()
    state[key] = value
    return state


def without(*keys):
    return {key: value for key, value in arrays().items() if key not in keys}


nan = np.zeros((3, 5), f)
nan[2, 4] = np.nan
REFUSED = [
    ([np.zeros((3, 4), f)], TypeError, r"module_or_state_dict must be a torch.nn.Sequential or a state dict, .* but it is \[array"),
    (None, TypeError, "but it is None"),
    (np.zeros((3, 4), f), TypeError, r"but it is an array of shape \(3, 4\)"),
    ("model.pt", TypeError, r"but it is 'model.pt' \(str\)"),
    ({}, ValueError, "the state dict is empty"),
    ({"epoch": 3, "model": arrays()}, TypeError, "'model' is a dict, so this is no state dict, but may hold one there; give that"),
    ({0: np.zeros((3, 4), f)}, TypeError, r"the names of a state dict must be texts, but one is 0 \(int\)"),
    (but("1.running_mean", np.zeros(5, f)), ValueError, "1.running_mean is neither a weight nor a bias of a Linear"),
    (but("0.weight_g", np.zeros((5, 1), f)), ValueError, "0.weight_g is neither a weight nor a bias"),
    (but("0.parametrizations.weight.original0", np.zeros((5, 1), f)), ValueError, "original0 is neither a weight nor a bias"),
    (but("1.weight", np.zeros(5, f)), ValueError, r"1.weight has shape \(5,\), but 2 dimensions \(n_out, n_in\) are expected"),
    (but("0.weight", np.zeros((5, 4, 3, 3), f)), ValueError, r"0.weight has shape \(5, 4, 3, 3\), but 2 dimensions"),
    (but("0.bias", np.zeros((1, 5), f)), ValueError, r"0.bias has shape \(1, 5\), but 1 dimension \(n_out,\) is expected"),
    (but("0.bias", np.zeros(4, f)), ValueError, r"0.bias has shape \(4,\), but 0.weight of shape \(5, 4\) has 5 outputs"),
    (but("2.weight", np.zeros((5, 3), f)), ValueError, r"2.weight has shape \(5, 3\), for 3 inputs, but the layer before it has 5 outputs; \(n_out, n_in\) is expected, and transposed it would fit"),
    (without("0.weight"), ValueError, "0.bias has no 0.weight beside it"),
    (without("0.bias"), ValueError, "0.bias is missing, but 2.bias is there; an MLP has biases in all layers or in none"),
    (without("2.bias"), ValueError, "2.bias is missing, but 0.bias is there"),
    (but("2.weight", nan), ValueError, r"2.weight\[2, 4\] is nan, but every number must be finite"),
    (but("0.bias", np.full(5, np.inf, f)), ValueError, r"0.bias\[0\] is inf"),
    (but("0.weight", np.zeros((5, 4), np.int8)), TypeError, "0.weight must be float16, bfloat16, float32 or float64, but it is int8"),
    (but("0.weight", [[1.0] * 4] * 5), TypeError, r"0.weight must be a NumPy array, but it is \["),
    (but("0.weight", None), TypeError, "0.weight must be a NumPy array, but it is None"),
]  # fmt: skip


@pytest.mark.parametrize(("state", "error", "text"), REFUSED)
def test_what_is_no_state_dict_of_linear_layers_is_refused(state, error, text):
    with pytest.raises(error, match=text):
        taken(state)


def test_numbers_that_are_too_large_are_refused():
    with pytest.raises(ValueError, match=r"2\.bias has a number that is too large for float32"):
        taken(but("2.bias", np.full(3, 1e39)), dtype="float32")


def tensors(torch):
    """Tensors that hold no plain numbers, with what the error says."""
    weight = torch.ones(5, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sparse and quantised tensors warn that they are in beta, or to go
        yield (
            torch.nn.UninitializedParameter(),
            ValueError,
            "0.weight has no values yet, as its module is lazy",
        )
        yield weight.to("meta"), ValueError, "0.weight is on the device meta"
        yield (
            torch.quantize_per_tensor(weight, 0.1, 0, torch.qint8),
            TypeError,
            r"0.weight is quantised \(torch.qint8\)",
        )
        yield weight.to_sparse(), TypeError, r"0.weight is sparse \(torch.sparse_coo\); use to_dense\(\)"
        yield weight.to_sparse_csr(), TypeError, r"0.weight is sparse \(torch.sparse_csr\)"
        yield weight.int(), TypeError, "0.weight must be float16, .* but it is torch.int32"
        yield weight.cfloat(), TypeError, "0.weight must be .* but it is torch.complex64"
        yield weight.to(torch.float8_e4m3fn), TypeError, "0.weight must be .* but it is torch.float8_e4m3fn"
        yield weight / 0, ValueError, r"0.weight\[0, 0\] is inf"


def test_tensors_without_plain_numbers_are_refused(torch):
    for tensor, error, text in tensors(torch):
        with pytest.raises(error, match=text):
            taken(but("0.weight", tensor))


def test_a_model_with_a_parameter_that_is_not_finite_does_not_go_out(torch):
    model = network("tanh")
    model.weights[2][1, 0] = -np.inf
    for out in to_torch, to_torch_state_dict:
        with pytest.raises(ValueError, match=r"weights\[2\]\[1, 0\] is -inf"):
            out(model)
        with pytest.raises(TypeError, match="model must be an MLP"):
            out(to_torch(network("tanh")))
