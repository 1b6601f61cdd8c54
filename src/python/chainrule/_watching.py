"""What a fit looks at after each epoch to decide whether it goes on: improvement, the best epoch, the time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from time import monotonic

import numpy as np

from ._network import Array, TrainingState, _to_the_end
from .history import Ending, Measurements
from .stopping import EarlyStopping


class Watch:
    """Counts the epochs in a row in which a number did not fall by more than ``min_delta``."""

    def __init__(self, patience: int, min_delta: float) -> None:
        self._patience, self._min_delta = max(patience, 1), min_delta
        self._improved = math.inf  # the value of the last epoch that improved
        self._without = 0

    def look(self, value: float) -> None:
        """Take the value of an epoch. NaN is no improvement."""
        if value < self._improved - self._min_delta:
            self._improved, self._without = value, 0
        else:
            self._without += 1

    @property
    def has_enough(self) -> bool:
        """Whether so many in a row did not improve."""
        return self._without >= self._patience

    def seen(self) -> list[float]:
        """Return what `go_on` needs, to count on later as if nothing had been in between."""
        return [self._improved, float(self._without)]

    def go_on(self, seen: Sequence[float]) -> None:
        """Count on from what was `seen` before."""
        self._improved, self._without = float(seen[0]), int(seen[1])


class EarlyStopper:
    """Watches what is monitored; remembers the best epoch and, to go back to, the arrays of the state after it.

    Parameters
    ----------
    settings : EarlyStopping
        Its mode is min or max.
    state : TrainingState
        Memory for a copy of its arrays is taken here, before training, if they are to be restored.
    """

    def __init__(self, settings: EarlyStopping, state: TrainingState) -> None:
        self._settings = settings
        self._sign = -1.0 if settings.mode == "max" else 1.0
        self._watch = Watch(settings.patience, settings.min_delta)
        self._cost, self._epoch, self._step = math.inf, -1, -1  # of the best epoch; none yet
        self._kept = [np.empty_like(array) for array in state.arrays] if settings.restore_best else []
        self._of = (state.rule, state.started)  # whose memory is among them

    def look(self, measured: Measurements, state: TrainingState) -> None:
        """Take the measurements after an epoch and the state."""
        cost = self._sign * measured.value(self._settings.monitor)
        if cost < self._cost:

            def keep() -> None:
                self._keep(state)
                self._cost, self._epoch, self._step = cost, measured.epoch, state.step

            _to_the_end(keep)
        self._watch.look(cost)

    @property
    def has_enough(self) -> bool:
        """Whether the patience is used up."""
        return self._watch.has_enough

    @property
    def best_epoch(self) -> int | None:
        """The best epoch so far, None if there is none yet."""
        return None if self._epoch < 0 else self._epoch

    @property
    def restores(self) -> bool:
        """Whether the arrays of the best epoch come back in the end."""
        return self._settings.restore_best

    def seen(self) -> list[float]:
        """Return what `go_on` needs, but for the arrays of the best epoch."""
        return [*self._watch.seen(), self._cost, float(self._epoch), float(self._step)]

    def go_on(self, seen: Sequence[float], best: TrainingState | None) -> None:
        """Go on from what was `seen` before; ``best`` is the state after the best epoch, where there is one to go back to."""
        self._watch.go_on(seen[:2])
        self._cost, self._epoch, self._step = float(seen[2]), int(seen[3]), int(seen[4])
        if best is not None:
            self._keep(best)

    def end(self, reason: str, state: TrainingState) -> Ending:
        """Go back to the best epoch, if there is one and steps were made since; say how the fit ended.

        Doing it twice is doing it once: after an interruption it may be done again.
        """
        if self._epoch < 0:
            return Ending(reason, self._settings.monitor)
        restored = bool(self._kept) and self._step != state.step
        if restored:
            self._restore(state)
        return Ending(reason, self._settings.monitor, self._epoch, self._sign * self._cost, restored)

    def _restore(self, state: TrainingState) -> None:
        if self._of == (state.rule, state.started):
            self._copy(self._kept, state.arrays)
        else:  # another kind of optimizer came since; what that remembers is of steps that are undone
            parameters = [*state.weights, *state.biases]
            self._copy(self._kept[: len(parameters)], parameters)
            state.restart(state.rule, bool(state.weight_square))

    def _keep(self, state: TrainingState) -> None:
        if self._kept:
            if len(self._kept) != len(state.arrays):  # another kind of optimizer remembers more, or less
                self._kept = [np.empty_like(array) for array in state.arrays]
            self._copy(state.arrays, self._kept)
            self._of = (state.rule, state.started)

    @staticmethod
    def _copy(sources: list[Array], targets: list[Array]) -> None:
        for source, target in zip(sources, targets, strict=True):
            np.copyto(target, source)


class EndsEpoch(Exception):  # noqa: N818 - it never leaves this package
    """Ends an epoch between two of its batches, and the fit."""

    reason = ""


class Stopped(EndsEpoch):
    """Because a callback asked for it."""

    reason = "callback"


class TimeIsUp(EndsEpoch):
    """Because the time budget is used up."""

    reason = "time_budget"


class Clock:
    """The time budget of a fit, in seconds from now on."""

    def __init__(self, seconds: float) -> None:
        self._end = monotonic() + seconds

    def is_over(self) -> bool:
        """Return whether the time is up."""
        return monotonic() >= self._end

    def poll(self, epoch: int, step_in_epoch: int, steps_per_epoch: int, loss: float) -> None:
        """Raise TimeIsUp between two batches; not after the last one, whose epoch is yet to be counted."""
        if step_in_epoch != steps_per_epoch and self.is_over():
            raise TimeIsUp


class Halted(KeyboardInterrupt):
    """Ctrl-C for a fit in another thread than the one that gets it: ends the fit between two batches, as if it came there."""


class Halt:
    """What ends several fits at once, each between two of its batches."""

    def __init__(self) -> None:
        self.is_wanted = False

    def look(self) -> None:
        """Raise Halted if the end is wanted."""
        if self.is_wanted:
            raise Halted

    def poll(self, epoch: int, step_in_epoch: int, steps_per_epoch: int, loss: float) -> None:
        """Raise Halted between two batches; not after the last one, whose epoch is yet to be counted."""
        if step_in_epoch != steps_per_epoch:
            self.look()
