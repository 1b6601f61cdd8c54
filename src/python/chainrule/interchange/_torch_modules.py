"""PyTorch's modules by our names: what an activation module computes, and the module of one of our activations."""

from __future__ import annotations

from typing import Any

from chainrule._network import LEAKY_SLOPE

PLAIN = {
    "Identity": "identity",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "ReLU": "relu",
    "SELU": "selu",
    "SiLU": "silu",
    "Mish": "mish",
    "Softsign": "softsign",
    "Hardsigmoid": "hard_sigmoid",
}
"""Modules without parameters."""

NUMBERS = {"LeakyReLU": ("leaky_relu", "negative_slope", LEAKY_SLOPE), "ELU": ("elu", "alpha", 1.0)}
"""Modules with one number, which has to be this."""

THRESHOLDS = {"float32": 20.0, "float64": 40.0}
"""From where on softplus gives z for log(1 + e^z): they differ by ``e^-threshold``, which is below the last bit of z."""

KNOWN = (*PLAIN, *NUMBERS, "GELU", "Softplus", "Softmax")

HINTS = {
    "LogSoftmax": "put Softmax in its place, or leave it out and give output_activation='softmax': the loss cross_entropy "
    "takes probabilities, and their logarithm is what LogSoftmax gives",
    "LazyLinear": "it has no weights before it is called; call the module with a batch first",
    "ParametrizedLinear": "torch.nn.utils.parametrize.remove_parametrizations makes it a Linear",
    "BatchNorm1d": "torch.nn.utils.fusion.fuse_linear_bn_eval makes one Linear of it and the Linear before it",
}
"""What to do about modules that are refused."""


def activation_name(module: Any, nn: Any, place: str) -> str | None:
    """Return our name of an activation module, or None if it is no activation that is known.

    Raises
    ------
    ValueError
        If it has another number than ours.
    """
    kind = type(module)
    name = kind.__name__
    if name not in KNOWN or getattr(nn, name, None) is not kind:
        return None
    if name in PLAIN:
        return PLAIN[name]
    if name in NUMBERS:
        ours, attribute, number = NUMBERS[name]
        _check(getattr(module, attribute), number, attribute, place)
        return ours
    if name == "GELU":
        return "gelu_tanh" if module.approximate == "tanh" else "gelu"
    if name == "Softplus":
        _check(module.beta, 1.0, "beta", place)
        if not module.threshold >= THRESHOLDS["float32"]:
            raise ValueError(
                f"{place} has threshold={module.threshold}, but softplus is taken with a threshold of 20 or more"
            )
        return "softplus"
    if module.dim not in (-1, 1):
        raise ValueError(
            f"{place} has dim={module.dim}, but softmax goes over the outputs of a row, dim=-1 or 1"
        )
    return "softmax"


def _check(found: Any, expected: float, attribute: str, place: str) -> None:
    if found != expected:
        raise ValueError(
            f"{place} has {attribute}={found}, but chainrule has this activation with {expected:g} only"
        )


def activation_module(nn: Any, name: str, dtype: str, layer: int) -> Any:
    """Return PyTorch's module of one of our activations; None for identity.

    Raises
    ------
    ValueError
        If PyTorch has none.
    """
    if name == "identity":
        return None
    for theirs, ours in PLAIN.items():
        if ours == name:
            return getattr(nn, theirs)()
    if name in ("gelu", "gelu_tanh"):
        return nn.GELU(approximate="tanh" if name == "gelu_tanh" else "none")
    if name == "softplus":
        return nn.Softplus(threshold=THRESHOLDS[dtype])
    if name == "softmax":
        return nn.Softmax(dim=-1)
    for theirs, (ours, attribute, number) in NUMBERS.items():
        if ours == name:
            return getattr(nn, theirs)(**{attribute: number})
    raise ValueError(
        f"layer {layer} has the activation {name}, for which PyTorch has no module; to_torch_state_dict gives the parameters"
    )
