"""The rules about a fit as a whole: its inputs, the learning rate, overfitting, an output that is always the same.

What is said of healthy fits is of those that `_health_layers` describes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ._health_beginning import REACH
from ._health_findings import Finding
from ._health_seen import GREW, Seen

LARGE_INPUTS, SMALL_INPUTS = 10.0, 0.01
"""Root mean squares of the largest feature. Standardised inputs have 1, those between 0 and 1 less; of the five data sets as they
come, wine (805), breast cancer (1046) and digits (12) have a larger one, iris (5.9) and diabetes (0.05, all of them) learn well."""
LARGE_TARGETS = 100.0
"""Root mean square of the targets of an output. Standardised targets have 1. An output begins near 0, and has to go all the way."""
BEYOND = 0.1
"""Share of the targets that an output activation cannot give. The targets of healthy fits lie within its reach, but for noise."""
SHRUNK = 0.05
"""Norm of the weights of a layer, beside that at the beginning. Healthy fits with a weight decay of 0.01 keep more than half of it."""
FEW = 5
"""Fewer epochs say nothing about how a loss goes on."""
GROWN = 1.2
"""Times the loss before the first update. Healthy fits ended with 1.0 times and less."""
RISES = 0.15
"""Mean rise of the loss an epoch in the second half, beside the loss before. Healthy fits had 0.09 and less."""
HARDLY = 0.1
"""A fall of the loss by less than this share. Of the healthy fits a few fell by less: of few updates, or with three hidden sigmoid layers."""
LARGE_UPDATE = 0.3
"""Norm of an update beside that of the weights, median. Healthy fits had 0.18 and less (few features), mostly 0.001 to 0.01."""
SHORT_PATH = 0.05
"""Sum of all those of a fit. Healthy fits had more, but for those of 20 to 40 updates; learning rates of 1e-5 have 0.001."""
STEADY = 0.8
"""Share of the epochs in which the loss falls: a rate that is too low makes it fall in nearly all, one at its end in half of them."""
OVERFIT, OVERFIT_RISE, FALLEN = 1.2, 0.1, 0.9
"""The validation loss beside its lowest, and its rise beside the loss at the beginning (less is of no account); the training loss
beside what it was at that epoch."""
LEARNED, LOST = 0.5, 1 / 3
"""A loss that had fallen to less than this share of the first one, and the share of that fall that is lost again in the end. Healthy fits
lost a tenth and less; rates that are ten times too high for a deep network two thirds and more, sooner or later."""
CONSTANT = 0.01
"""Standard deviation of the outputs over the rows, beside their root mean square. Healthy fits whose loss fell by a fifth and more
had 0.013 and more, mostly above 0.3."""
NEGLIGIBLE = 0.1
"""A loss that is less than this share of the variance of the targets, or of their standard deviation, may double."""


def inputs_not_scaled(seen: Seen) -> Iterator[Finding]:
    """Find inputs that are far from the size that initial weights are made for."""
    began = seen.beginning
    large = began.feature_rms > LARGE_INPUTS
    if not large and not 0 < began.feature_rms < SMALL_INPUTS:
        return
    bound = f"more than {LARGE_INPUTS:g}" if large else f"less than {SMALL_INPUTS:g}"
    evidence = (
        f"Feature {began.feature} (from 0 on), the largest, has mean {began.feature_mean:.3g} and standard deviation "
        f"{began.feature_std:.3g}: a root mean square of {began.feature_rms:.3g}, and {bound} counts."
    )
    if seen.reason == "not_finite":
        evidence += " The fit ended because a loss, a gradient or a parameter was not finite."
    yield Finding(
        "inputs_not_scaled",
        1,
        "critical" if seen.reason == "not_finite" else "warning",
        f"The inputs are not scaled: they are far {'larger' if large else 'smaller'} than initial weights and learning rates are made for.",
        evidence,
        "Scale each feature with StandardScaler or MinMaxScaler of chainrule.preprocessing, fitted on the rows that are trained on.",
    )


def targets_not_scaled(seen: Seen) -> Iterator[Finding]:
    """Find targets that the output cannot give, or comes to only after a long way."""
    began, output = seen.beginning, seen.network.output_activation
    failed = (
        " The fit ended because a loss, a gradient or a parameter was not finite."
        if seen.reason == "not_finite"
        else ""
    )
    if began.beyond >= BEYOND:
        low, high = REACH[output]
        reach = "nothing below 0" if math.isinf(high) else f"only values from {low:g} to {high:g}"
        scaled = "to be 0 and more" if math.isinf(high) else f"with MinMaxScaler(({low:g}, {high:g}))"
        yield Finding(
            "targets_not_scaled",
            seen.network.n_layers,
            "critical",
            f"The output cannot give the targets: {output} gives {reach}.",
            f"{began.beyond:.0%} of the targets lie beyond (from {BEYOND:.0%} on it counts).{failed}",
            f"Leave the output activation away (output_activation='identity'), or scale the targets {scaled} and the predictions back.",
        )
    elif began.target_rms > LARGE_TARGETS and output != "exponential" and not _is_negligible(seen):
        yield Finding(
            "targets_not_scaled",
            seen.network.n_layers,
            "critical" if failed else "warning",
            "The targets are not scaled: they are far larger than the outputs of initial weights, and than learning rates are made for.",
            f"The root mean square of the targets of an output is {began.target_rms:.3g}, and more than {LARGE_TARGETS:g} counts.{failed}",
            "Scale the targets with StandardScaler or MinMaxScaler of chainrule.preprocessing, and the predictions back with its "
            "inverse_transform.",
        )


def weights_shrunk(seen: Seen) -> Iterator[Finding]:
    """Find weights that a penalty has made next to nothing."""
    if not seen.epochs:
        return
    first = np.array(seen.beginning.gains) * np.sqrt(seen.network.layer_sizes[1:])
    share = seen.late("weight_norm") / np.where(first > 0, first, np.inf)
    shrunk = np.flatnonzero((first > 0) & (share < SHRUNK))
    if len(shrunk):
        layer = int(shrunk[share[shrunk].argmin()])
        yield Finding(
            "weights_shrunk",
            layer + 1,
            "critical",
            f"The weights of layer {layer + 1} have shrunk to next to nothing: what they had to say is lost.",
            f"Their norm is {share[layer]:.2g} times what it was before (median of the last third of the epochs; less than {SHRUNK:g} counts).",
            "Lower the weight_decay, or the l1, of the optimizer, for instance to a hundredth; or raise its max_norm.",
        )


def learning_rate_too_high(seen: Seen) -> Iterator[Finding]:
    """Find losses that end as not finite, grow, oscillate, or do not fall though the updates are large."""
    found = _diverged(seen) or _grows(seen) or _collapses(seen) or _does_not_fall(seen)
    if found is not None:
        words, evidence = found
        yield Finding(
            "learning_rate_too_high",
            None,
            "critical",
            f"The learning rate is too high: {words}.",
            evidence,
            "Lower the learning rate, for instance to a tenth; limit the gradient with clip_norm=1 of the optimizer; or let a schedule with "
            "warm-up begin low.",
        )


def _diverged(seen: Seen) -> tuple[str, str] | None:
    if seen.reason != "not_finite":
        return None
    done = (
        f"epoch {seen.epochs[-1].epoch} was the last whole one"
        if seen.epochs
        else "not even one epoch was done"
    )
    return "the training diverged", f"A loss, a gradient or a parameter was not finite; {done}."


def _is_negligible(seen: Seen) -> bool:
    """Return whether next to nothing is left of the loss."""
    std = seen.beginning.target_std
    return bool(seen.epochs) and seen.last_loss <= NEGLIGIBLE * min(std, std * std)


def _grows(seen: Seen) -> tuple[str, str] | None:
    if len(seen.losses) < FEW or not seen.has_shares:
        return None
    first, last = seen.first_loss, seen.last_loss
    if _is_negligible(seen):
        return None
    if last > GROWN * first:
        return "the loss grows", (
            f"It was {first:.4g} before, and {last:.4g} in the last three epochs (median; more than {GROWN:g} times as much counts)."
        )
    half = seen.losses[len(seen.losses) // 2 :]
    rise = float(np.maximum(np.diff(half), 0).mean())
    if rise > RISES * first:
        return "the loss goes up and down", (
            f"In the second half of the epochs it rose by {rise:.3g} an epoch, {rise / first:.0%} of what it was before (more than "
            f"{RISES:.0%} counts)."
        )
    return None


def _collapses(seen: Seen) -> tuple[str, str] | None:
    if len(seen.losses) < FEW or not seen.has_shares or seen.restored or _is_negligible(seen):
        return None
    first, last, best = seen.first_loss, seen.last_loss, int(seen.losses.argmin())
    lowest = float(seen.losses[best])
    if lowest < LEARNED * first and last - lowest > LOST * (first - lowest):
        return "what was learned is lost again", (
            f"The loss had fallen from {first:.4g} to {lowest:.4g} in epoch {seen.epochs[best].epoch}, and is {last:.4g} in the last three "
            f"epochs (median; to have lost {LOST:.0%} of the fall counts)."
        )
    return None


def _does_not_fall(seen: Seen) -> tuple[str, str] | None:
    if len(seen.losses) < FEW or not seen.has_shares or seen.fall >= HARDLY:
        return None
    ratio, growth = float(np.median(seen.update_ratios, axis=0).max()), float(seen.growth.max())
    fall = f"the loss has fallen by {seen.fall:.0%} (less than {HARDLY:.0%} counts)"
    if ratio > LARGE_UPDATE:
        return "the updates are large, and the loss does not fall", (
            f"An update changes a layer by {ratio:.0%} of its weights (median; more than {LARGE_UPDATE:.0%} counts), and {fall}."
        )
    if growth >= GREW:
        return "the first updates have thrown the weights far away, and the loss does not fall", (
            f"The weights of a layer had grown {growth:.3g} times in the first epoch (from {GREW:g} times on it counts), and {fall}."
        )
    return None


def learning_rate_too_low(seen: Seen) -> Iterator[Finding]:
    """Find losses that fall steadily and hardly at all, with weights that have hardly moved."""
    losses, path = seen.losses, seen.path
    if len(losses) < FEW or not seen.has_shares or seen.fall >= HARDLY or path >= SHORT_PATH:
        return
    falls = float((np.diff(losses) < 0).mean())
    if falls >= STEADY:
        yield Finding(
            "learning_rate_too_low",
            None,
            "warning",
            "The learning rate is too low, or the fit too short: the loss hardly falls, and the weights have hardly moved.",
            f"The loss went from {losses[0]:.4g} to {seen.last_loss:.4g} in {len(losses)} epochs (a fall of less than {HARDLY:.0%} counts), and "
            f"fell in {falls:.0%} of them; all updates "
            f"together moved no layer by more than {100 * path:.2g}% of its weights (less than {SHORT_PATH:.0%} counts).",
            "Raise the learning rate, for instance tenfold; use Adam, or SGD with momentum=0.9; or train for longer.",
        )


def overfitting(seen: Seen) -> Iterator[Finding]:
    """Find validation losses that rise while the loss of training falls on."""
    losses, validated = seen.losses, seen.validation_losses
    if len(losses) < FEW or not seen.has_shares or not np.isfinite(validated).any() or seen.restored:
        return
    best = int(np.nanargmin(validated))
    if len(losses) - 1 - best < FEW:
        return
    last, lowest = float(np.median(validated[-3:])), float(validated[best])
    trained, then = seen.last_loss, float(losses[best])
    rises = last > OVERFIT * lowest and last - lowest > OVERFIT_RISE * seen.first_loss
    if rises and trained < FALLEN * then:
        yield Finding(
            "overfitting",
            None,
            "warning",
            "The network overfits: the validation loss rises while the training loss still falls.",
            f"The validation loss was lowest in epoch {seen.epochs[best].epoch}, {lowest:.4g}, and is {last:.4g} in the end (more than {OVERFIT:g} "
            f"times as much counts); the training loss fell from {then:.4g} to {trained:.4g} meanwhile.",
            "Use early_stopping=EarlyStopping(), which goes back to the best epoch; dropout or weight_decay; fewer units; or more rows.",
        )


def constant_output(seen: Seen) -> Iterator[Finding]:
    """Find outputs that are the same for every row, though the targets are not."""
    if len(seen.losses) < FEW or seen.beginning.target_std == 0:
        return
    std, rms = (float(seen.late(name)[-1]) for name in ("activation_std", "activation_rms"))
    if std <= CONSTANT * rms:
        same = seen.beginning.largest_std == 0
        yield Finding(
            "constant_output",
            None,
            "critical",
            "The output is next to constant: the network gives the same for every row"
            + (", and the inputs are the same for every row." if same else "."),
            f"The standard deviation of its outputs over the rows is {std:.2g}, {std / rms if rms else 0:.1%} of their root mean square (less "
            f"than {CONSTANT:.0%} counts; median of the last third of the epochs), while that of the targets is {seen.beginning.target_std:.2g}.",
            "Look for inputs that say something about the target; scale inputs and targets; begin with initializer='glorot_uniform', as weights of 0 "
            "stay alike; raise the learning rate, or train for longer.",
        )
