"""What is known of a fit when its health is judged: the numbers of its epochs as arrays, and what it began with."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ._health_epochs import Beginning
from ._network import HEALTH_COLUMNS, Array, Network
from .history import History, Measurements

NOTHING = (
    "{what} holds no record of the health of a fit; train with fit(..., health=True), which measures gradients, activations "
    "and updates of each layer while it trains"
)
CUT = (
    "{what} holds a record of the health of some epochs, but not of the first one of their fit, with which its beginning was recorded; "
    "give a history from there on"
)

GREW = 4.0
"""By how much the weights of a layer grow in the first epoch, beside those of the usual size. Healthy fits had 1.6 and less, SGD(5)
on digits 4.9 and more, Adam(1) 28."""


@dataclass(frozen=True)
class Seen:
    """A fit as the rules see it.

    Parameters
    ----------
    network : Network
    epochs : list of Measurements
        The whole epochs of the fit, each with its health; none, if the first one was not finished.
    beginning : Beginning
    reason : str or None
        Why the fit ended, where that is known; see `History.stopped_because`.
    restored : bool
        Whether early stopping has put back the parameters of the best epoch.
    """

    network: Network
    epochs: list[Measurements]
    beginning: Beginning
    reason: str | None = None
    restored: bool = False

    @cached_property
    def values(self) -> Array:
        """What was measured, shape (epochs, layers, columns)."""
        found = [measured.health.values for measured in self.epochs if measured.health is not None]
        shape = (len(found), self.network.n_layers, len(HEALTH_COLUMNS))
        return np.array(found, np.float64).reshape(shape)

    @cached_property
    def losses(self) -> Array:
        """The loss of each epoch."""
        return np.array([measured.loss for measured in self.epochs], np.float64)

    @cached_property
    def validation_losses(self) -> Array:
        """The validation loss after each epoch, NaN where there is none."""
        losses = [measured.validation_loss for measured in self.epochs]
        return np.array([math.nan if loss is None else loss for loss in losses], np.float64)

    @property
    def quiet(self) -> tuple[float, ...]:
        """For each hidden layer the share of units that were not active for long, at the end of the fit."""
        return last_quiet(self.epochs) or (0.0,) * (self.network.n_layers - 1)

    def column(self, name: str) -> Array:
        """Return one of the columns, shape (epochs, layers)."""
        column: Array = self.values[:, :, HEALTH_COLUMNS.index(name)]
        return column

    def late(self, name: str) -> Array:
        """Return for each layer the median of a column over the last third of the epochs; NaN without any."""
        return median(self.column(name)[-math.ceil(len(self.epochs) / 3) :], self.network.n_layers)

    def usual(self, name: str) -> Array:
        """Return for each layer the median of a column over all epochs; NaN without any."""
        return median(self.column(name), self.network.n_layers)

    @cached_property
    def update_ratios(self) -> Array:
        """The norm of an update by that of the weights, (epochs, layers); 0 where a layer does not learn."""
        with np.errstate(all="ignore"):
            ratios = self.column("update_norm") / self.column("weight_norm")
        return np.where(np.isfinite(ratios), ratios, 0.0)

    @property
    def path(self) -> float:
        """How far the weights have gone: the sum of the update ratios of all updates, of the layer that went farthest."""
        steps = [0 if measured.health is None else measured.health.steps for measured in self.epochs]
        return float((self.update_ratios * np.array(steps)[:, None]).sum(axis=0).max(initial=0.0))

    @property
    def first_loss(self) -> float:
        """The loss before the first update; where that is not known, of the first epoch.

        With dropout or noise, which a loss before the first update is without, the larger one of both, if the first epoch has not
        thrown the weights far away; so too where batches come one after another, of which the first alone was looked at.
        """
        before, network = self.beginning.loss, self.network
        if not math.isfinite(before):
            return float(self.losses[0])
        is_random = any(network.dropout) or network.input_dropout or network.input_noise
        is_of_some = self.beginning.rows == 0
        return (
            max(before, float(self.losses[0]))
            if (is_random or is_of_some) and self.growth.max() < GREW
            else before
        )

    @property
    def has_shares(self) -> bool:
        """Whether shares of the losses say something: some losses may be less than 0."""
        return self.first_loss > 0 and float(self.losses.min()) >= 0

    @property
    def last_loss(self) -> float:
        """The median of the losses of the last three epochs."""
        return float(np.median(self.losses[-3:]))

    @property
    def fall(self) -> float:
        """By which share of the first loss the loss has fallen; 0 where that says nothing."""
        return (self.first_loss - self.last_loss) / self.first_loss if self.has_shares else 0.0

    @property
    def growth(self) -> Array:
        """By how much the weights of each layer have grown in the first epoch, beside those of the usual size or of the beginning."""
        gains = np.array(self.beginning.gains)
        if not self.epochs:
            return np.ones_like(gains)
        now = self.column("weight_norm")[0] / np.sqrt(self.network.layer_sizes[1:])
        growth: Array = now / np.maximum(gains, 1.0)
        return growth


def median(values: Array, layers: int) -> Array:
    """Return the median over the first axis, of the rows that are finite; NaN where none is."""
    rows = values[np.isfinite(values).all(axis=1)]
    found: Array = np.median(rows, axis=0) if len(rows) else np.full(layers, np.nan)
    return found


def seen_of(
    network: Network, history: History, began: tuple[int, Beginning] | None = None, what: str = "this history"
) -> Seen:
    """Return the last fit in a history whose health was recorded.

    Raises
    ------
    ValueError
        If there is none.
    """
    entries, ending = history.entries(), history.ending
    if began is None:
        began = last_beginning(entries)
    if began is None:
        later = any(measured.health is not None for measured in entries)
        raise ValueError((CUT if later else NOTHING).format(what=what))
    first, beginning = began
    epochs = [measured for measured in entries if measured.epoch >= first]
    whole = next((i for i, measured in enumerate(epochs) if measured.health is None), len(epochs))
    is_last = whole == len(epochs) and ending is not None
    reason = ending.reason if is_last and ending is not None else None
    restored = is_last and ending is not None and ending.restored
    epochs = epochs[:whole]
    if not epochs and reason != "not_finite":
        raise ValueError(NOTHING.format(what=what))
    for layers, without in _shapes(epochs, beginning):
        if layers + without != network.n_layers:
            raise ValueError(
                f"{what} is of a network with {layers + without} layers of weights, but the model has {network.n_layers}"
            )
    return Seen(network, epochs, beginning, reason, restored)


def is_judged(history: History) -> bool:
    """Return whether a history has what a fit began with that recorded its health."""
    return last_beginning(history.entries()) is not None


def _shapes(epochs: list[Measurements], beginning: Beginning) -> Iterator[tuple[int, int]]:
    """Give for each part of a record the layers it has, and how many it leaves out."""
    yield len(beginning.gains), 0
    for measured in epochs:
        if measured.health is not None:
            yield len(measured.health.values), 0
            if measured.health.quiet is not None:
                yield len(measured.health.quiet), 1


def last_beginning(entries: list[Measurements]) -> tuple[int, Beginning] | None:
    """Return the first epoch of the last fit that recorded its health, and what it began with; None if there is none."""
    for measured in reversed(entries):
        if measured.health is not None and measured.health.beginning is not None:
            return measured.epoch, measured.health.beginning
    return None


def last_quiet(entries: Sequence[Measurements]) -> tuple[float, ...] | None:
    """Return for each hidden layer the share of quiet units that was found last; None where none was."""
    for measured in reversed(entries):
        if measured.health is not None and measured.health.quiet is not None:
            return measured.health.quiet
    return None


def numbers_of_their_own(recorded: Sequence[object]) -> list[int]:
    """Return which entries of `History.health` differ from the one before: an epoch that was not measured has the same, and is
    no point of a line.
    """  # fmt: skip
    return [i for i, one in enumerate(recorded) if i == 0 or one != recorded[i - 1]]
