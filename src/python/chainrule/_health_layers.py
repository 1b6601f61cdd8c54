"""The rules about single layers: gradients that vanish or explode, units that are dead or saturated.

"Healthy fits" here are 1000 fits of scikit-learn's five packaged data sets, with standardised or min-max scaled inputs, 0 to 3
hidden layers of 8 to 64 units, relu, elu, tanh and sigmoid, SGD (0.01 to 0.1, with and without momentum), Adam (0.001, 0.01) and
RMSprop, batches of 16 rows to all, and 20 to 100 epochs. A bound lies well beyond what they came to.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ._health_findings import Finding
from ._health_seen import GREW, Seen

VANISHING = 1e-3
"""Of the derivative with respect to the sums of the lowest layer, beside that at the output. Each sigmoid layer leaves a quarter at most.
Healthy fits had 0.0027 and more (three hidden sigmoid layers), nine sigmoid layers 3e-6."""
EXPLODING = 1e2
"""The same, where gradients grow. Healthy fits had 3.5 and less in the first epochs."""
GAIN = 4.0
"""By how much initial weights enlarge independent inputs: 1.41 with He's weights. Healthy fits had 2.2 and less; weights of
the standard normal distribution have the root of the number of inputs, 4 from 16 inputs on."""
DEAD = 0.8
"""Of the units of a layer. Healthy fits had up to 0.63 (of 8 units), and learned; biases of -10 and learning rates that are much too high have 0.9
to 1."""
SATURATED = 0.5
"""Of the values of a layer, in the first epoch and in the last third: a network that has learned well for long may come to 0.75 then
(tanh, with Adam(0.01)), but had 0.2 and less in the first epoch. Inputs times 1000 have 0.95 and more from the beginning."""

_CAN_DIE = ("relu", "hard_sigmoid")
_SQUASHES = ("sigmoid", "hard_sigmoid", "tanh", "softsign")


def vanishing(seen: Seen) -> Iterator[Finding]:
    """Find gradients that have become next to nothing when they come to the lowest layer that learns."""
    ratio, layer = _delta_ratio(seen)
    if ratio >= VANISHING:
        return
    layers, names = seen.network.n_layers, seen.network.activations[:-1]
    hidden = ", ".join(dict.fromkeys(names))
    squashed = any(name in _SQUASHES for name in names)
    each = ratio ** (1 / (layers - 1 - layer))
    yield Finding(
        "vanishing_gradients",
        layer + 1,
        "critical",
        f"The gradients vanish on their way back through the {layers} layers ({hidden}): layer {layer + 1} learns next to nothing.",
        f"The derivative of the loss with respect to the sums of layer {layer + 1} is {ratio:.1e} times that at the output (median of the epochs; "
        f"less than {VANISHING:g} counts as vanishing): each layer leaves {each:.2g} of it.",
        "Use elu in the hidden layers, or relu with initializer='he_normal' and clip_norm=1 of the optimizer; or fewer layers."
        if squashed
        else "Begin with larger weights (initializer='he_normal'); or use fewer layers.",
    )


def exploding(seen: Seen) -> Iterator[Finding]:
    """Find initial weights that are too large, and gradients that grow on their way back."""
    gains, hidden = seen.beginning.gains, seen.network.activations[:-1]
    large = [i for i, name in enumerate(hidden) if name not in _SQUASHES and gains[i] >= GAIN]
    if not _began_badly(seen):
        large = []  # these are weights that were trained before
    ratio, layer = _delta_ratio(seen, first=True)
    grows = ratio > EXPLODING and seen.growth.max() < GREW  # else updates that are too large have made it so
    if not (large or grows):
        return
    evidence = []
    if large:
        layer = max(large, key=gains.__getitem__)
        evidence.append(
            f"The initial weights of layer {layer + 1} enlarge independent inputs {gains[layer]:.3g} times ({GAIN:g} and more count as too "
            "large; Glorot's and He's weights have 1 to 1.4)."
        )
    if grows:
        evidence.append(
            f"The derivative of the loss with respect to the sums of the lowest layer is {ratio:.3g} times that at the output in the first epochs (more "
            f"than {EXPLODING:g} counts as exploding)."
        )
    if seen.reason == "not_finite":
        evidence.append("The fit ended because a loss, a gradient or a parameter was not finite.")
    cause = ": the initial weights are too large, and" if large else ":"
    yield Finding(
        "exploding_gradients",
        layer + 1,
        "critical" if seen.reason == "not_finite" else "warning",
        f"The gradients explode{cause} each layer enlarges what comes back through it.",
        " ".join(evidence),
        "Use initializer='he_normal' (relu) or 'glorot_uniform'; or limit the gradient with clip_norm=1 of the optimizer.",
    )


def _began_badly(seen: Seen) -> bool:
    """Return whether the weights at the beginning were of no use: the loss has become another by far, or infinite."""
    return seen.reason == "not_finite" or not seen.epochs or not 0 <= seen.fall <= 0.9


def dead(seen: Seen) -> Iterator[Finding]:
    """Find layers of which a large part of the units is 0 for every row, which gradients do not come through.

    Not where every row is the same: a unit that is 0 for it may be of use for another one.
    """
    if seen.beginning.largest_std == 0:
        return
    for i, (name, share) in enumerate(zip(seen.network.activations, seen.quiet, strict=False)):
        if name in _CAN_DIE and share >= DEAD:
            width = seen.network.layer_sizes[i + 1]
            yield Finding(
                "dead_units",
                i + 1,
                "critical" if share == 1 else "warning",
                f"{share:.0%} of the units of layer {i + 1} are dead: they are 0 for every row, and no gradient comes through them.",
                f"{round(share * width)} of {width} {name} units were 0 in all of the last rows that were looked at (from {DEAD:.0%} on it counts)."
                + _growth(seen, i),
                "Lower the learning rate, begin with biases of 0 and initializer='he_normal', or use leaky_relu, elu or gelu, which let a "
                "gradient through everywhere.",
            )


def saturated(seen: Seen) -> Iterator[Finding]:
    """Find hidden layers whose values lie mostly at the flat ends of their activation, from the first epoch on."""
    if not seen.epochs:
        return
    share = np.minimum(seen.column("saturated")[0], seen.late("saturated"))
    for i, name in enumerate(seen.network.activations[:-1]):
        if name in _SQUASHES and share[i] >= SATURATED:
            gain, cause = seen.beginning.gains[i], _growth(seen, i)
            if gain >= GAIN:
                cause = f" Its initial weights are large: they enlarge independent inputs {gain:.3g} times."
            yield Finding(
                "saturated_units",
                i + 1,
                "warning",
                f"Layer {i + 1} is saturated: most of its values lie at the flat ends of {name}, where its slope is next to 0.",
                f"{share[i]:.0%} of its values are within 0.01 of an end, in the first epoch and in the last third of the epochs (from "
                f"{SATURATED:.0%} on it counts).{cause}",
                "Scale the inputs (StandardScaler, MinMaxScaler), begin with smaller weights (initializer='glorot_uniform'), lower the learning "
                "rate, or use relu.",
            )


def _growth(seen: Seen, layer: int) -> str:
    """Say that the weights of a layer grew in the first epoch, if they did by far."""
    growth = float(seen.growth[layer])
    return f" Its weights had grown {growth:.3g} times in the first epoch." if growth >= GREW else ""


def _delta_ratio(seen: Seen, first: bool = False) -> tuple[float, int]:
    """Return how large the derivative at the lowest layer that learns is beside that at the output, and which layer it is.

    The median over all epochs, or over the first quarter. 1 where that cannot be said.
    """
    deltas, n = seen.column("delta_rms"), seen.network.n_layers
    if first:
        deltas = deltas[: -(-len(deltas) // 4)]
    deltas = deltas[np.isfinite(deltas).all(axis=1) & (deltas[:, -1] > 0)]
    if not len(deltas):
        return 1.0, 0
    ratios = np.median(deltas / deltas[:, -1:], axis=0)
    lowest = int(np.flatnonzero(ratios > 0)[0])
    return (1.0, lowest) if lowest == n - 1 else (float(ratios[lowest]), lowest)
