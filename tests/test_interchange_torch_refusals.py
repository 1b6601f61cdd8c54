"""Modules of PyTorch that an MLP has no equal for: each is refused by its place and name, and nothing is guessed."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from chainrule.interchange import from_torch

torch = pytest.importorskip("torch", reason="the modules are PyTorch's")
nn = torch.nn
prune = importlib.import_module("torch.nn.utils.prune")


def lin(n_in=4, n_out=4, **options):
    return nn.Linear(n_in, n_out, **options)


def seq(*modules):
    return nn.Sequential(*modules)


class Own(nn.Module):
    """A module of one's own, with a forward that nobody sees."""

    def __init__(self):
        super().__init__()
        self.first, self.second = lin(), lin()

    def forward(self, x):
        return self.second(self.first(x) + x)


class OwnSequential(nn.Sequential):
    """A Sequential that does something else."""

    def forward(self, x):
        return super().forward(x) + x


class OwnLinear(nn.Linear):
    """A Linear that might do anything."""


class ReLU(nn.Module):
    """One that is called as PyTorch's."""


NO_EQUAL = [
    nn.PReLU(), nn.RReLU(), nn.ReLU6(), nn.CELU(), nn.Hardtanh(), nn.Hardswish(), nn.LogSigmoid(), nn.Softmin(dim=1), nn.GLU(), nn.Threshold(0, 0),
    nn.BatchNorm1d(4), nn.LayerNorm(4), nn.Conv1d(4, 4, 1), nn.Bilinear(4, 4, 4), nn.Embedding(4, 4), nn.AlphaDropout(), nn.Dropout1d(), nn.Unflatten(1, (2, 2)),
    nn.ModuleList([nn.ReLU()]), nn.LogSoftmax(dim=1), OwnLinear(4, 4), ReLU(),
]  # fmt: skip


@pytest.mark.parametrize("module", NO_EQUAL, ids=lambda module: type(module).__name__)
def test_a_module_without_equal_is_refused_by_its_place(module):
    name = type(module).__name__
    with pytest.raises(TypeError, match=rf"module\[1\]\[1\] \({name}\) has no equal here"):
        from_torch(seq(lin(), seq(nn.ReLU(), module), lin()))


REFUSED = [
    (Own(), TypeError, r"module \(Own\) has no equal here; .* give its state_dict\(\) with activation="),
    (OwnSequential(lin()), TypeError, r"module \(OwnSequential\) has no equal here"),
    (nn.ReLU(), ValueError, r"module \(ReLU\) stands before the first Linear"),
    (seq(), ValueError, "module has no Linear"),
    (seq(nn.Dropout(0.5), nn.Flatten()), ValueError, "module has no Linear"),
    (seq(nn.Tanh(), lin()), ValueError, r"module\[0\] \(Tanh\) stands before the first Linear"),
    (seq(lin(), nn.ReLU(), nn.Tanh(), lin()), ValueError, r"module\[2\] \(Tanh\) follows another activation"),
    (seq(lin(), nn.ReLU(), nn.ReLU()), ValueError, r"module\[2\] \(ReLU\) follows another activation"),
    (seq(lin(), nn.Softmax(dim=1), lin()), ValueError, r"the Softmax after module\[0\] \(Linear\) must be the last activation"),
    (seq(lin(), nn.Softmax(dim=0)), ValueError, r"module\[1\] \(Softmax\) has dim=0, but softmax goes over the outputs of a row"),
    (seq(lin(), nn.Softmax()), ValueError, "has dim=None"),
    (seq(lin(), nn.Softmax(dim=-2)), ValueError, "has dim=-2"),
    (seq(lin(), nn.LeakyReLU(0.2), lin()), ValueError, r"module\[1\] \(LeakyReLU\) has negative_slope=0.2, but chainrule has this activation with 0.01 only"),
    (seq(lin(), nn.ELU(0.5), lin()), ValueError, r"module\[1\] \(ELU\) has alpha=0.5, but .* with 1 only"),
    (seq(lin(), nn.Softplus(beta=2), lin()), ValueError, r"module\[1\] \(Softplus\) has beta=2"),
    (seq(lin(), nn.Softplus(threshold=5), lin()), ValueError, r"module\[1\] \(Softplus\) has threshold=5"),
    (seq(lin(), nn.Softplus(threshold=float("nan")), lin()), ValueError, "has threshold=nan"),
    (seq(lin(), nn.Flatten(), lin()), ValueError, r"module\[1\] \(Flatten\) must be Flatten\(start_dim=1, end_dim=-1\) before the first Linear"),
    (seq(nn.Flatten(0), lin()), ValueError, r"module\[0\] \(Flatten\) must be"),
    (seq(nn.Flatten(1, 2), lin()), ValueError, r"module\[0\] \(Flatten\) must be"),
    (seq(nn.Dropout(0.1), nn.Dropout(0.2), lin()), ValueError, r"module\[1\] \(Dropout\) follows another Dropout"),
    (seq(lin(), nn.Dropout(0.1), nn.ReLU(), nn.Dropout(0.2), lin()), ValueError, r"module\[3\] \(Dropout\) follows another Dropout"),
    (seq(lin(), nn.Dropout(0.1), nn.Tanh(), lin()), ValueError, r"module\[2\] \(Tanh\) stands after module\[1\] \(Dropout\), but an MLP drops units after"),
    (seq(lin(), nn.ReLU(), nn.Dropout(1.0), lin()), ValueError, r"p of module\[2\] \(Dropout\) must be at least 0 and less than 1"),
    (seq(lin(), nn.ReLU(), lin(), nn.Dropout(0.1)), ValueError, r"module\[3\] \(Dropout\) drops outputs"),
    (seq(lin(4, 5), nn.ReLU(), lin(4, 3)), ValueError, r"the weight of module\[2\] \(Linear\) has shape \(3, 4\), for 4 inputs, but the layer before it has 5 outputs"),
    (seq(lin(), nn.ReLU(), lin(bias=False)), ValueError, r"the bias of module\[2\] \(Linear\) is missing, but the bias of module\[0\] \(Linear\) is there"),
    (seq(lin(bias=False), nn.ReLU(), lin()), ValueError, r"the bias of module\[0\] \(Linear\) is missing, but the bias of module\[2\]"),
    (seq(lin(4, 1), nn.Softmax(dim=1)), ValueError, "output_activation is softmax, which is 1 for a single output"),
    (seq(lin(), nn.LazyLinear(3)), TypeError, r"module\[1\] \(LazyLinear\) has no equal here; it has no weights before it is called"),
    (lin(device="meta"), ValueError, r"the weight of module \(Linear\) is on the device meta"),
    (nn.Linear, TypeError, "module_or_state_dict must be a torch.nn.Sequential or a state dict"),
    ([lin(), nn.ReLU()], TypeError, r"module_or_state_dict must be .*, but it is \[Linear"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "error", "text"), REFUSED)
def test_what_an_mlp_has_not_is_refused_by_its_place(module, error, text):
    with pytest.raises(error, match=text):
        from_torch(module)


def test_log_softmax_and_others_are_refused_with_a_hint():
    with pytest.raises(
        TypeError, match="put Softmax in its place, or leave it out and give output_activation='softmax'"
    ):
        from_torch(seq(lin(), nn.LogSoftmax(dim=1)))
    with pytest.raises(TypeError, match=r"torch.nn.utils.fusion.fuse_linear_bn_eval makes one Linear of it"):
        from_torch(seq(lin(), nn.BatchNorm1d(4), nn.ReLU(), lin()))
    with pytest.raises(
        TypeError,
        match=r"what can be taken is Sequential, Linear, Dropout, Flatten, Identity, Sigmoid, .*, Softmax$",
    ):
        from_torch(seq(lin(), nn.ReLU6()))


def test_the_hints_lead_on():
    batch = torch.randn(8, 4)
    module = seq(lin(), nn.BatchNorm1d(4), nn.ReLU(), nn.LazyLinear(3))
    module(batch)
    module.eval()
    fused = seq(torch.nn.utils.fusion.fuse_linear_bn_eval(module[0], module[1]), *module[2:])
    model = from_torch(fused, output_activation="softmax")
    expected = module(batch).softmax(1).detach().numpy()
    np.testing.assert_allclose(model.predict(batch.numpy()), expected, atol=1e-5)


def test_activations_are_for_state_dicts():
    with pytest.raises(
        ValueError, match="activation is for state dicts; a module has activations of its own"
    ):
        from_torch(seq(lin(), nn.ReLU()), activation="relu")


def hooked(change):
    module = seq(lin(), nn.ReLU(), lin())
    change(module)
    return module


def own_forward(module):
    module[2].forward = lambda x: x


HOOKS = {
    "pruned": lambda m: prune.l1_unstructured(m[2], "weight", amount=0.5),
    "spectral norm": lambda m: torch.nn.utils.spectral_norm(m[2]),
    "forward hook": lambda m: m[2].register_forward_hook(lambda module, args, output: output + 1),
    "forward pre-hook": lambda m: m[2].register_forward_pre_hook(lambda module, args: args),
    "a forward of its own": own_forward,
}


@pytest.mark.parametrize("change", HOOKS.values(), ids=HOOKS)
def test_a_module_with_hooks_is_refused_as_they_may_change_what_it_computes(change):
    with pytest.raises(ValueError, match=r"module\[2\] \(Linear\) has hooks or a forward of its own"):
        from_torch(hooked(change))


def test_hooks_of_a_sequential_count_too():
    module = seq(lin())
    module.register_forward_hook(lambda module, args, output: output * 2)
    with pytest.raises(ValueError, match=r"module \(Sequential\) has hooks"):
        from_torch(module)


def test_pruning_that_was_made_to_stay_is_taken():
    module = hooked(HOOKS["pruned"])
    prune.remove(module[2], "weight")
    assert (from_torch(module).weights[1] == 0).sum() == 8


def test_a_parametrised_linear_is_refused_with_the_way_back():
    module = hooked(lambda m: torch.nn.utils.parametrizations.orthogonal(m[2]))
    with pytest.raises(
        TypeError, match=r"module\[2\] \(ParametrizedLinear\) .*remove_parametrizations makes it a Linear"
    ):
        from_torch(module)
    torch.nn.utils.parametrize.remove_parametrizations(module[2], "weight")
    assert from_torch(module).weights[1].tobytes() == module[2].weight.detach().numpy().T.tobytes()


@pytest.mark.filterwarnings("ignore")  # these are to go, or to come in another way
def test_quantised_and_scripted_modules_are_refused_by_name():
    quantised = torch.ao.quantization.quantize_dynamic(seq(lin(), nn.ReLU()), {nn.Linear})
    with pytest.raises(
        TypeError,
        match=r"module\[0\] \(Linear\) has no equal here; it is of torch.ao.nn.quantized.*, not of torch.nn",
    ):
        from_torch(quantised)
    with pytest.raises(ValueError, match=r"0.scale is neither a weight nor a bias of a Linear"):
        from_torch(quantised.state_dict(), output_activation="relu")
    with pytest.raises(TypeError, match=r"module \(RecursiveScriptModule\) has no equal here"):
        from_torch(torch.jit.script(seq(lin(), nn.ReLU())))


def test_weights_that_are_no_plain_numbers_are_refused_by_their_place():
    module = seq(lin(), nn.ReLU(), lin())
    with torch.no_grad():
        module[2].weight[1, 3] = float("nan")
    with pytest.raises(
        ValueError,
        match=r"the weight of module\[2\] \(Linear\)\[1, 3\] is nan, but every number must be finite",
    ):
        from_torch(module)
    module = seq(nn.Linear(4, 4, dtype=torch.complex64))
    with pytest.raises(
        TypeError, match=r"of module\[0\] \(Linear\) must be float16, .* but it is torch.complex64"
    ):
        from_torch(module)


def some_module(rng, width):
    """A module that an MLP may have or not, and its number of outputs."""
    wide = int(rng.integers(1, 5))
    choices = [
        lambda: nn.Linear(width, wide),
        lambda: nn.Linear(width, wide),
        lambda: nn.Linear(width, width),
        lambda: nn.Linear(width, width, bias=bool(rng.integers(4))),
        lambda: nn.Softmax(dim=int(rng.integers(-1, 2))),
        lambda: nn.LeakyReLU([0.01, 0.1][int(rng.integers(2))]),
        lambda: nn.Dropout([0.0, 0.3][int(rng.integers(2))]),
        lambda: seq(*(some_module(rng, width)[0] for _ in range(int(rng.integers(3))))),
        nn.Identity, nn.ReLU, nn.Tanh, nn.GELU, nn.Flatten, nn.ReLU6,
    ]  # fmt: skip
    module = choices[int(rng.integers(len(choices)))]()
    if isinstance(module, nn.Sequential) and any(
        getattr(m, "out_features", width) != width for m in module.modules()
    ):
        return nn.Identity(), width
    return module, getattr(module, "out_features", width)


def test_a_chain_of_any_modules_computes_the_same_or_is_refused():
    rng, taken = np.random.default_rng(0), 0
    torch.manual_seed(0)
    for _ in range(1500):
        width, modules = 3, []
        for _ in range(int(rng.integers(1, 8))):
            module, width = some_module(rng, width)
            modules.append(module)
        chain = seq(*modules).eval()
        try:
            model = from_torch(chain)
        except (ValueError, TypeError) as error:
            assert "module" in str(error) or "output_activation is softmax" in str(error)  # noqa: PT017
            continue
        taken += 1
        X = rng.normal(size=(6, 3)).astype(np.float32)
        expected = chain(torch.tensor(X)).detach().numpy()
        np.testing.assert_allclose(model.predict(X), expected, rtol=1e-5, atol=1e-5, err_msg=str(chain))
    assert taken > 200
