"""The rules about a fit as a whole: its inputs, the learning rate, overfitting, an output that is always the same."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ._health_findings import Finding
from ._health_layers import GREW
from ._health_seen import Seen

LARGE_INPUTS, SMALL_INPUTS = 10.0, 0.01
HARDLY = 0.1
GROWN = 1.2
RISES = 0.1
LARGE_UPDATE = 0.3
SHORT_PATH = 0.05
OVERFIT, OVERFIT_RISE, FALLEN = 1.2, 0.1, 0.9
CONSTANT = 0.01
FEW = 5


def inputs_not_scaled(seen: Seen) -> Iterator[Finding]:
    """Find inputs that are far from the size that initial weights are made for."""
    began = seen.beginning
    large = began.feature_rms > LARGE_INPUTS
    if not large and not 0 < began.feature_rms < SMALL_INPUTS:
        return
    bound = f"more than {LARGE_INPUTS:g}" if large else f"less than {SMALL_INPUTS:g}"
    evidence = (
        f"Feature {began.feature}, the largest, has mean {began.feature_mean:.3g} and standard deviation {began.feature_std:.3g}: a root mean "
        f"square of {began.feature_rms:.3g}, and {bound} counts as not scaled."
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


def learning_rate_too_high(seen: Seen) -> Iterator[Finding]:
    """Find losses that end as not finite, grow, oscillate, or do not fall though the updates are large."""
    found = _too_high(seen)
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


def _too_high(seen: Seen) -> tuple[str, str] | None:
    if seen.reason == "not_finite":
        done = (
            f"epoch {seen.epochs[-1].epoch} was the last whole one"
            if seen.epochs
            else "not even one epoch was done"
        )
        return "the training diverged", f"A loss, a gradient or a parameter was not finite; {done}."
    losses = seen.losses
    if len(losses) < FEW:
        return None
    first, last = seen.first_loss, seen.last_loss
    if last > GROWN * first:
        return (
            "the loss grows",
            f"It was {first:.4g} at first and {last:.4g} in the last three ({GROWN:g} times as much counts).",
        )
    half = losses[len(losses) // 2 :]
    rises = np.maximum(np.diff(half), 0)
    if rises.mean() > RISES * first:
        return "the loss goes up and down", (
            f"In the second half of the epochs it rose by {rises.mean():.3g} an epoch, {rises.mean() / first:.0%} of what it was at first "
            f"(more than {RISES:.0%} counts)."
        )
    ratio = float(np.median(seen.update_ratios, axis=0).max())
    if seen.fall < HARDLY and ratio > LARGE_UPDATE:
        return "the updates are large, and the loss does not fall", (
            f"An update changes a layer by {ratio:.0%} of its weights (median; more than {LARGE_UPDATE:.0%} counts), and the loss has fallen by "
            f"{seen.fall:.0%} (less than {HARDLY:.0%} counts)."
        )
    grown = float(seen.growth.max())
    if seen.fall < HARDLY and grown >= GREW:
        return "the first updates have thrown the weights far away, and the loss does not fall", (
            f"The weights of a layer were {grown:.3g} times as large in the first epoch as at first ({GREW:g} times counts), and the loss has "
            f"fallen by {seen.fall:.0%} (less than {HARDLY:.0%} counts)."
        )
    return None


def learning_rate_too_low(seen: Seen) -> Iterator[Finding]:
    """Find losses that fall steadily and hardly at all, with weights that have hardly moved."""
    losses = seen.losses
    if len(losses) < FEW or seen.fall >= HARDLY or seen.path >= SHORT_PATH:
        return
    falls = float((np.diff(losses) < 0).mean())
    if falls >= 0.8:
        yield Finding(
            "learning_rate_too_low",
            None,
            "warning",
            "The learning rate is too low: the loss hardly falls, and the weights have hardly moved.",
            f"The loss fell by {seen.fall:.1%} in {len(losses)} epochs (less than {HARDLY:.0%} counts), in {falls:.0%} of the epochs; all updates "
            f"together moved no layer by more than {seen.path:.2%} of its weights (less than {SHORT_PATH:.0%} counts).",
            "Raise the learning rate, for instance tenfold; or use Adam, or SGD with momentum=0.9.",
        )


def overfitting(seen: Seen) -> Iterator[Finding]:
    """Find validation losses that rise while the loss of training falls on."""
    losses, validated = seen.losses, seen.validation_losses
    if len(losses) < FEW or not np.isfinite(validated).any() or seen.restored:
        return
    best = int(np.nanargmin(validated))
    if len(losses) - 1 - best < FEW:
        return
    last, lowest = float(np.nanmedian(validated[-3:])), float(validated[best])
    trained, then = float(np.median(losses[-3:])), float(losses[best])
    if last > OVERFIT * lowest and last - lowest > OVERFIT_RISE * seen.first_loss and trained < FALLEN * then:
        yield Finding(
            "overfitting",
            None,
            "warning",
            "The network overfits: the validation loss rises while the training loss still falls.",
            f"The validation loss was lowest in epoch {seen.epochs[best].epoch}, {lowest:.4g}, and is {last:.4g} now ({OVERFIT:g} times as much counts); "
            f"the training loss fell from {then:.4g} to {trained:.4g} meanwhile.",
            "Use early_stopping=EarlyStopping(), which goes back to the best epoch; dropout or weight_decay; fewer units; or more rows.",
        )


def constant_output(seen: Seen) -> Iterator[Finding]:
    """Find outputs that are the same for every row, though the targets are not."""
    if len(seen.losses) < FEW or seen.beginning.target_std == 0:
        return
    std, rms = (float(seen.late(name)[-1]) for name in ("activation_std", "activation_rms"))
    if std <= CONSTANT * rms:
        yield Finding(
            "constant_output",
            None,
            "critical",
            "The output is next to constant: the network gives the same for every row.",
            f"The standard deviation of its outputs over the rows is {std:.2g}, {std / rms if rms else 0:.1%} of their size (less than {CONSTANT:.0%} "
            f"counts), while that of the targets is {seen.beginning.target_std:.2g}.",
            "Scale inputs and targets, look for inputs that say nothing about the target, raise the learning rate or train for longer.",
        )
