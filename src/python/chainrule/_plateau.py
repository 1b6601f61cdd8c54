"""The learning rate that falls when nothing gets better: what a trainer remembers for it from epoch to epoch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ._network import NO_PLATEAU, Plateau, TrainingState
from .history import Measurements
from .schedules import ReduceOnPlateau


def plateau_of(optimizer: Any) -> ReduceOnPlateau | None:
    """Return the schedule of an optimizer, if it is one that looks at epochs."""
    rate = getattr(optimizer, "learning_rate", None)
    return rate if isinstance(rate, ReduceOnPlateau) else None


def at_present(optimizer: Any, state: TrainingState) -> Any:
    """Return the optimizer as the cores take it: with the rate that such a schedule has come to."""
    schedule = plateau_of(optimizer)
    if schedule is None:
        return optimizer
    return replace(optimizer, learning_rate=_rate(schedule, state.plateau.factor))


def look(schedule: ReduceOnPlateau, mode: str, measured: Measurements, state: TrainingState) -> None:
    """Count the epoch that was measured, and lower the rate where it is time."""
    cost = measured.value(schedule.monitor) * (-1 if mode == "max" else 1)
    factor, best, waited = state.plateau
    if cost < best - schedule.min_delta:
        state.plateau = Plateau(factor, cost, 0)
    elif waited < schedule.patience:
        state.plateau = Plateau(factor, best, waited + 1)
    else:
        state.plateau = Plateau(factor * schedule.factor, best, 0)


def _rate(schedule: ReduceOnPlateau, factor: float) -> float:
    if factor == NO_PLATEAU.factor:
        return schedule.learning_rate
    return min(max(schedule.learning_rate * factor, schedule.lowest), schedule.learning_rate)
