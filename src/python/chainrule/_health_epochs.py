"""What a history keeps of the health of a fit: of each epoch what the core measured, and of its beginning what it began with."""

from __future__ import annotations

from typing import Any, NamedTuple

from ._checks_values import check_int, check_number, check_sequence
from ._network import HEALTH_COLUMNS


class Beginning(NamedTuple):
    """What a fit began with: the scale of its inputs and targets, and of its weights.

    Parameters
    ----------
    rows : int
        Rows in an epoch; 0 where batches come one after another.
    feature : int
        The number, from 0 on, of the feature whose values are the largest by their root mean square.
    feature_rms, feature_mean, feature_std : float
        Of that feature.
    largest_std : float
        The largest standard deviation of a feature.
    loss : float
        The loss of these rows before the first update, without dropout and noise; NaN where a function of the user's gives it.
    target_std : float
        The root mean square, over the outputs, of the standard deviations of the targets; of labels as rows of 0 and 1.
    target_rms : float
        The root mean square of the targets of the output where that is largest; 0 of labels, and with a loss of the user's.
    beyond : float
        The share of the targets that the output activation cannot give, such as 7 after a sigmoid; 0 where the former is.
    gains : tuple of float
        For each layer the root mean square of its weights times the square root of the number of its inputs: by how much it
        enlarges independent inputs. Glorot's and He's initial weights have 1 to 1.4.
    """

    rows: int
    feature: int
    feature_rms: float
    feature_mean: float
    feature_std: float
    largest_std: float
    loss: float
    target_std: float
    target_rms: float
    beyond: float
    gains: tuple[float, ...]


class HealthOfEpoch(NamedTuple):
    """What was measured of an epoch.

    Parameters
    ----------
    values : list of list of float
        For each layer, what `HEALTH_COLUMNS` names.
    steps : int
        Updates in the epoch.
    quiet : tuple of float or None
        For each hidden layer the share of its units that were not active for long; None where only a later epoch knows it.
    beginning : Beginning or None
        Of the fit, with its first epoch.
    """

    values: list[list[float]]
    steps: int
    quiet: tuple[float, ...] | None = None
    beginning: Beginning | None = None

    def columns(self) -> dict[str, list[float]]:
        """Return each of `HEALTH_COLUMNS` with a number for each layer."""
        return {name: [layer[i] for layer in self.values] for i, name in enumerate(HEALTH_COLUMNS)}

    def to_plain(self) -> list[Any]:
        """Return it as lists and numbers."""
        beginning = None if self.beginning is None else [*self.beginning[:-1], list(self.beginning.gains)]
        quiet = None if self.quiet is None else list(self.quiet)
        return [[list(layer) for layer in self.values], self.steps, quiet, beginning]


def health_from_plain(value: Any, name: str) -> HealthOfEpoch:
    """Return what `HealthOfEpoch.to_plain` returned.

    Raises
    ------
    ValueError, TypeError
        If it is something else.
    """
    values, steps, quiet, beginning = check_sequence(value, name, 4)
    layers = [
        _numbers(layer, f"{name}[0]", len(HEALTH_COLUMNS)) for layer in check_sequence(values, f"{name}[0]")
    ]
    return HealthOfEpoch(
        [list(layer) for layer in layers],
        check_int(steps, f"{name}[1]", 0),
        None if quiet is None else _numbers(quiet, f"{name}[2]"),
        None if beginning is None else _beginning(beginning, f"{name}[3]"),
    )


def _beginning(value: Any, name: str) -> Beginning:
    rows, feature, *rest, gains = check_sequence(value, name, len(Beginning._fields))
    counts = check_int(rows, name, 0), check_int(feature, name, 0)
    rms, mean, std, largest_std, loss, target_std, target_rms, beyond = _numbers(rest, name, 8)
    return Beginning(
        *counts, rms, mean, std, largest_std, loss, target_std, target_rms, beyond, _numbers(gains, name)
    )


def _numbers(value: Any, name: str, number: int | None = None) -> tuple[float, ...]:
    entries = check_sequence(value, name) if number is None else check_sequence(value, name, number)
    return tuple(check_number(entry, name) for entry in entries)
