"""The rules about single layers: gradients that vanish or explode, units that are dead or saturated."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ._health_findings import Finding
from ._health_seen import Seen

VANISHING = 1e-3
EXPLODING = 1e2
GAIN = 4.0
DEAD = 0.75
GREW = 4.0
SATURATED = 0.5

_CAN_DIE = ("relu", "hard_sigmoid")
_SQUASHES = ("sigmoid", "hard_sigmoid", "tanh", "softsign")


def vanishing(seen: Seen) -> Iterator[Finding]:
    """Find gradients that have become next to nothing when they come to the lowest layer that learns."""
    ratio, layer = _delta_ratio(seen)
    if ratio < VANISHING:
        layers = seen.network.n_layers
        hidden = ", ".join(dict.fromkeys(seen.network.activations[:-1]))
        yield Finding(
            "vanishing_gradients",
            layer + 1,
            "critical",
            f"The gradients vanish on their way back through the {layers} layers ({hidden}): layer {layer + 1} learns next to nothing.",
            f"The derivative of the loss by the sums of layer {layer + 1} is {ratio:.1e} times that at the output (median of the epochs; "
            f"below {VANISHING:g} counts as vanishing); each layer leaves {ratio ** (1 / (layers - 1 - layer)):.2g} of it.",
            "Use relu or another activation with a slope of 1 in the hidden layers, with initializer='he_normal'; or fewer layers.",
        )


def exploding(seen: Seen) -> Iterator[Finding]:
    """Find initial weights that are too large, and gradients that grow on their way back."""
    gains, hidden = seen.beginning.gains, seen.network.activations[:-1]
    large = [i for i, name in enumerate(hidden) if name not in _SQUASHES and gains[i] >= GAIN]
    ratio, layer = _delta_ratio(seen, first=True)
    grows = (
        ratio > EXPLODING and seen.growth.max() < GREW
    )  # else updates have made it so, which are too large
    if not (large or grows):
        return
    evidence = []
    if large:
        worst = max(large, key=gains.__getitem__)
        evidence.append(
            f"The initial weights of layer {worst + 1} enlarge independent inputs {gains[worst]:.3g} times ({GAIN:g} and more counts as too "
            "large; Glorot's and He's weights have 1 to 1.4)"
        )
    if grows:
        evidence.append(
            f"the derivative of the loss by the sums of layer {layer + 1} is {ratio:.2g} times that at the output in the first epochs "
            f"(more than {EXPLODING:g} counts as exploding)"
        )
    if seen.reason == "not_finite":
        evidence.append("the fit ended because a loss, a gradient or a parameter was not finite")
    yield Finding(
        "exploding_gradients",
        (max(large, key=gains.__getitem__) if large else layer) + 1,
        "critical" if seen.reason == "not_finite" or not large else "warning",
        "The gradients explode: each layer enlarges what comes back through it"
        + (", as the initial weights are too large." if large else "."),
        _sentence(evidence),
        "Use initializer='he_normal' (relu) or 'glorot_uniform'; or limit the gradient with clip_norm=1 of the optimizer.",
    )


def dead(seen: Seen) -> Iterator[Finding]:
    """Find layers of which a large part of the units is 0 for every row, which gradients do not come through."""
    for i, share in enumerate(seen.quiet):
        if seen.network.activations[i] in _CAN_DIE and share >= DEAD:
            width = seen.network.layer_sizes[i + 1]
            yield Finding(
                "dead_units",
                i + 1,
                "critical" if share == 1 else "warning",
                f"{share:.0%} of the {width} units of layer {i + 1} are dead: they are 0 for every row, and no gradient comes through them.",
                f"{round(share * width)} of {width} {seen.network.activations[i]} units were 0 in all of the last rows that were looked at "
                f"({DEAD:.0%} and more counts); the first update ratio of the layer was {_first(seen.update_ratios[:, i]):.1e}.",
                "Lower the learning rate, begin with biases of 0 and initializer='he_normal', or use leaky_relu, elu or gelu, which let a "
                "gradient through everywhere.",
            )


def saturated(seen: Seen) -> Iterator[Finding]:
    """Find hidden layers whose values lie mostly at the flat ends of their activation."""
    early, late = (
        (seen.column("saturated")[0], seen.late("saturated"))
        if seen.epochs
        else (np.zeros(seen.network.n_layers),) * 2
    )
    share = np.minimum(early, late)
    for i, name in enumerate(seen.network.activations[:-1]):
        if name in _SQUASHES and share[i] >= SATURATED:
            cause = ""
            if seen.beginning.gains[i] >= GAIN:
                cause = f" Its initial weights are large: they enlarge independent inputs {seen.beginning.gains[i]:.3g} times."
            yield Finding(
                "saturated_units",
                i + 1,
                "warning",
                f"Layer {i + 1} is saturated: most of its values lie at the flat ends of {name}, where its slope is next to 0.",
                f"{share[i]:.0%} of its values are within 0.01 of an end (median of the last third of the epochs; {SATURATED:.0%} and more counts)."
                + cause,
                "Scale the inputs (StandardScaler, MinMaxScaler), begin with smaller weights (initializer='glorot_uniform'), lower the learning "
                "rate, or use relu.",
            )


def _delta_ratio(seen: Seen, first: bool = False) -> tuple[float, int]:
    """Return how large the derivative at the lowest layer that learns is beside that at the output, and which layer it is.

    The median over all epochs, or over the first quarter. 1 where that cannot be said.
    """
    deltas, n = seen.column("delta_rms"), seen.network.n_layers
    if first:
        deltas = deltas[: -(-len(deltas) // 4)]
    deltas = (
        deltas[np.isfinite(deltas).all(axis=1) & (deltas[:, -1:] > 0).all(axis=1)] if len(deltas) else deltas
    )
    if not len(deltas):
        return 1.0, 0
    ratios = np.median(deltas / deltas[:, -1:], axis=0)
    learning = np.flatnonzero(ratios > 0)
    lowest = int(learning[0])
    return (1.0, lowest) if lowest == n - 1 else (float(ratios[lowest]), lowest)


def _first(values: np.ndarray) -> float:
    return float(values[0]) if len(values) else float("nan")


def _sentence(parts: list[str]) -> str:
    text = "; ".join(parts)
    return text[0].upper() + text[1:] + "."
