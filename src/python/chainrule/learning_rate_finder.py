"""Which learning rate to begin with: losses of updates whose rate rises from nearly nothing until the loss explodes.

>>> import chainrule as cr
>>> from chainrule.datasets import load_digits
>>> digits = load_digits()
>>> model = cr.MLP([64, 32, 10], output_activation="softmax", seed=0)
>>> trainer = cr.Trainer(model, loss="cross_entropy", optimizer=cr.SGD(momentum=0.9))
>>> found = cr.find_learning_rate(trainer, digits.data.astype("float32") / 16, digits.target)
>>> found.stopped_because, trainer.step
('exploded', 0)
>>> 0.01 < found.suggestion < 1
True
"""

from __future__ import annotations

import contextlib
import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ._checks_values import check_int, check_real, describe
from ._epochs import batch_size_for, make_update
from ._evaluation import Rows, as_rows, counts
from ._network import Array
from ._rules import rule_of
from ._summary import losses_html
from ._whole_batch import takes_all_rows
from .backend import core
from .schedules import Exponential

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .trainer import Trainer

STILL_HIGH = 0.7
"""Of the way down of the losses: what is above it belongs to the plain, where steep slopes are noise of the batches."""
BY_CHANCE = 4.0
"""Standard deviations of a smoothed loss: a fall by less is no fall. The first falls of networks on scikit-learn's data sets, with batches
of 8 rows, have 6 and more; those of networks that have learned them, mostly less than 3."""
REASONS = {
    "steps": "all steps were made",
    "exploded": "the loss exploded",
    "not_finite": "a loss, a gradient or a parameter was not finite",
}
"""Why a search ended: the values of `LearningRates.stopped_because`."""


@dataclass(frozen=True, eq=False)
class LearningRates:
    """What `find_learning_rate` measured; `chainrule.plots.learning_rates` draws it.

    Attributes
    ----------
    rates : ndarray, shape (steps,)
        The learning rate of each update that was made.
    losses : ndarray, shape (steps,)
        The loss of its batch before it.
    smoothed : ndarray, shape (steps,)
        The losses, each averaged with those of its neighbours.
    suggestion : float or None
        Where the smoothed loss falls most steeply over the logarithm of the rate; None if it falls nowhere, or by no more than
        the losses of batches differ.
    stopped_because : str
        "steps": all were made. "exploded": the loss rose far above its lowest. "not_finite": a number was none.
    """

    rates: Array
    losses: Array
    smoothed: Array
    suggestion: float | None
    stopped_because: str

    @property
    def lowest(self) -> float:
        """The rate at which the smoothed loss is lowest: training with it, or more, is on the edge of diverging."""
        return float(self.rates[np.argmin(self.smoothed)])

    def __str__(self) -> str:
        return "; ".join(self._said())

    def _repr_html_(self) -> str:
        return losses_html("\n".join(self._said()), self.losses, self.smoothed)

    def _said(self) -> tuple[str, str]:
        """Return what was found, and what was done."""
        first, last = (f"{rate:.3g}" for rate in self.rates[[0, -1]])
        found = (
            f"{self._why_none()}, so that no rate is suggested"
            if self.suggestion is None
            else f"learning rate {self.suggestion:.3g} (the loss falls most steeply; it is lowest at {self.lowest:.3g})"
        )
        return (
            found,
            f"{len(self.rates)} updates from {first} to {last}, until {REASONS[self.stopped_because]}",
        )

    def _why_none(self) -> str:
        if np.argmin(self.smoothed) == 0:
            return "the loss falls nowhere (begin with a higher highest, or look at the network)"
        return (
            "the loss falls by no more than batches differ (take larger batches or more steps; a network that has learned "
            "already has little left to fall)"
        )

    def __repr__(self) -> str:
        suggestion = "no suggestion" if self.suggestion is None else f"suggestion {self.suggestion:.3g}"
        return f"<LearningRates of {len(self.rates)} updates, {suggestion}>"


def find_learning_rate(
    trainer: Trainer, X: Any, y: Any, *, sample_weight: Any = None, class_weight: Any = None,
    lowest: float = 1e-6, highest: float = 10.0, steps: int = 200, explosion: float = 4.0,
) -> LearningRates:  # fmt: skip
    """Make updates with a copy of the trainer while the learning rate rises; suggest one. The trainer stays as it is.

    The rate rises exponentially: ``lowest * (highest / lowest)^(i / (steps - 1))`` in update i. The batches, with their dropout
    and noise, are those that ``trainer.fit(X, y)`` would make next; where an epoch is over, the next one begins. Momentum and
    all else that the optimizer remembers is the trainer's.

    Parameters
    ----------
    trainer : Trainer
        With an optimizer that has a learning rate: not `LBFGS`, `LevenbergMarquardt` or `RPROP`, which choose their steps.
    X, y : array-like
        As in `Trainer.fit`.
    sample_weight, class_weight : optional
        As in `Trainer.fit`.
    lowest : float, default 1e-6
        The first rate; greater than 0.
    highest : float, default 10.0
        The last one; greater than `lowest`.
    steps : int, default 200
        Updates; at least 10.
    explosion : float, default 4.0
        Stop where the loss, as a mean over the last twentieth of the steps, is above its lowest by more than
        ``explosion - 1`` times that; greater than 1.

    Returns
    -------
    LearningRates
        Its `suggestion` is a rate to begin with, for a constant one; a schedule with warm-up may rise to some times that.

    Raises
    ------
    ValueError, TypeError
        If an argument does not fit; the message names it.
    FloatingPointError
        If the very first updates, fewer than three, are not finite.

    Notes
    -----
    The losses are averaged with a triangular window of a tenth of the steps to both sides, cut at the ends. The slope is that of
    their central differences over the logarithm of the rate, where the last 70 % of the way down are made. Losses of batches of a
    few rows are noisy: take some thousand steps for them. A fall of less than four standard deviations of the averaged losses suggests
    nothing. Smith looks at the accuracy of held-out rows; the loss of the
    batches, which costs nothing, has become usual.

    References
    ----------
    Smith, "Cyclical learning rates for training neural networks", WACV 2017, section 3.3 (the range test).

    Examples
    --------
    >>> import chainrule as cr
    >>> trainer = cr.Trainer(cr.MLP([1, 1], seed=0, dtype="float64"), loss="mean_squared_error")
    >>> found = cr.find_learning_rate(trainer, [[-1.0], [0.0], [1.0], [2.0]], [-3.0, 0.0, 3.0, 6.0], steps=50)
    >>> found.stopped_because, 0.01 < found.suggestion < 1
    ('exploded', True)
    """
    lowest, highest, steps, explosion = _checked(trainer, lowest, highest, steps, explosion)
    rows = as_rows(
        X, y, trainer.model.network, trainer.objective, sample_weight=sample_weight, class_weight=class_weight
    )
    runner = _copy(trainer)
    schedule, start = Exponential(lowest, highest / lowest, steps - 1), runner.step
    rising = copy.copy(runner.optimizer)
    object.__setattr__(rising, "learning_rate", lambda step: schedule(step - start))  # optimizers are frozen
    runner.optimizer = rising
    rates, losses, reason = _run(runner, rows, steps, explosion, schedule)
    reach = max(steps // 10, 1)
    smoothed = _smooth(losses, reach)
    suggestion = _steepest(rates, smoothed) if _stands_out(losses, smoothed, reach) else None
    return LearningRates(rates, losses, smoothed, suggestion, reason)


def _checked(
    trainer: Any, lowest: Any, highest: Any, steps: Any, explosion: Any
) -> tuple[float, float, int, float]:
    from .trainer import Trainer

    if not isinstance(trainer, Trainer):
        raise TypeError(f"trainer must be a Trainer, but it is {describe(trainer)}")
    if takes_all_rows(trainer.optimizer) or rule_of(trainer.optimizer) == "rprop":
        raise TypeError(
            f"the trainer's optimizer is {type(trainer.optimizer).__name__}, which chooses its steps itself and needs no "
            "learning rate; use find_learning_rate with another optimizer"
        )
    lowest = check_real(lowest, "lowest", 0.0)
    highest = check_real(highest, "highest", 0.0)
    if not 0 < lowest < highest:
        raise ValueError(
            f"lowest must be greater than 0 and less than highest, but lowest is {lowest:g} and highest {highest:g}"
        )
    if not math.isfinite(highest / lowest):
        raise ValueError(
            f"highest is {highest:g} and lowest {lowest:g}, which are so far apart that their ratio is not finite"
        )
    explosion = check_real(explosion, "explosion", 1.0)
    if explosion == 1:
        raise ValueError(f"explosion must be greater than 1, but it is {explosion:g}")
    return lowest, highest, check_int(steps, "steps", 10), explosion


def _copy(trainer: Trainer) -> Trainer:
    """Return a copy that has a loss of its own, if that can be copied: one may hold a lock, or a file."""
    loss, optimizer = trainer.loss, trainer.optimizer
    own = loss
    with contextlib.suppress(Exception):
        own = copy.deepcopy(loss)
    return copy.deepcopy(trainer, {id(loss): own, id(optimizer): optimizer})  # its schedule is not called


def _run(
    trainer: Trainer, rows: Rows, steps: int, explosion: float, schedule: Exponential
) -> tuple[Array, Array, str]:
    """Make the updates; return rates and losses, without batches in which nothing counts, and why it ended."""
    rates: list[float] = []
    losses: list[float] = []
    least, window, reason = math.inf, max(steps // 20, 1), "steps"
    for i, batch in zip(range(steps), _batches(trainer, rows), strict=False):
        part = rows.part(batch)
        try:
            loss = make_update(trainer, part)
        except FloatingPointError:
            if len(losses) < 3:
                raise
            reason = "not_finite"
            break
        if loss is None or not counts(part, trainer.output_weights):
            continue  # it was a step, as in a fit, but its loss of 0 says nothing
        rates.append(schedule(i))
        losses.append(loss)
        recent = sum(losses[-window:]) / window
        least = min(least, recent) if len(losses) >= window else math.inf
        if least < math.inf and recent - least > (explosion - 1) * abs(least):
            reason = "exploded"
            break
    if not losses:
        raise ValueError(
            f"steps is {steps}, but in none of their batches a row counts: weights are 0, or targets are missing; make more steps"
        )
    return np.array(rates), np.array(losses), reason


def _batches(trainer: Trainer, rows: Rows) -> Iterator[Array]:
    """Yield the numbers of the rows of each batch, epoch after epoch, as a fit takes them."""
    n, size, epoch = len(rows.inputs), batch_size_for(trainer, rows), trainer.epoch
    while True:
        order = core().permutation(n, seed=trainer.seed, epoch=epoch) if trainer.shuffle else np.arange(n)
        yield from (order[i : i + size] for i in range(0, n, size))
        epoch += 1


def _smooth(losses: Array, reach: int) -> Array:
    """Return weighted means of the losses and their neighbours: weights fall evenly to 0 beyond ``reach`` of them."""
    window = 1.0 - np.abs(np.arange(-reach, reach + 1)) / (reach + 1)
    whole = np.convolve(losses, window)[reach : reach + len(losses)]
    present = np.convolve(np.ones(len(losses)), window)[reach : reach + len(losses)]
    return np.asarray(whole / present)


def _stands_out(losses: Array, smoothed: Array, reach: int) -> bool:
    """Return whether the smoothed losses fall by more than by chance: losses of different batches differ, too.

    How much they differ is seen where the rate is still next to nothing: from each loss to the next one.
    """
    end = int(np.argmin(smoothed))
    plain = losses[: (end + 1) // 2]
    if len(plain) < 3:
        return True  # too few to say
    window = 1.0 - np.abs(np.arange(-reach, reach + 1)) / (reach + 1)
    of_one = float(np.std(np.diff(plain))) / math.sqrt(2)
    of_means = of_one * float(np.sqrt((window**2).sum()) / window.sum())
    return float(plain.mean() - smoothed[end]) > BY_CHANCE * of_means


def _steepest(rates: Array, smoothed: Array) -> float | None:
    """Return the rate where the smoothed losses fall most steeply on the last way to where they are lowest."""
    end = int(np.argmin(smoothed))
    if end == 0 or len(rates) < 2:
        return None
    first, least = smoothed[: (end + 1) // 2].mean(), smoothed[end]
    still_high = np.flatnonzero(smoothed[:end] >= least + STILL_HIGH * (first - least))
    start = int(still_high[-1]) if len(still_high) else 0
    best = start + int(np.argmin(np.gradient(smoothed, np.log(rates))[start : end + 1]))
    return float(rates[best])
