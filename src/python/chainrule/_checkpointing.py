"""What a fit writes into the file of a run while it trains, and how one that was ended from outside goes on."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ._checks_values import check_int
from ._files import check_path
from ._network import TrainingState
from ._run_entries import body_of, check_head, head_of
from ._run_file import Entry, RunFile
from ._watching import EarlyStopper, Watch
from ._whole_batch import takes_all_rows
from .history import Measurements
from .stopping import EarlyStopping

if TYPE_CHECKING:
    from .trainer import Trainer

_STATE = (
    "model",
    "rule",
    "started",
    "plateau",
    "weight_velocity",
    "bias_velocity",
    "weight_square",
    "bias_square",
)
GARBAGE = 4 << 20
"""Bytes. A file is not written anew for less than this; and never for less than what stays of it."""


class Checkpointing(NamedTuple):
    """The arguments of a fit about its file, checked; ``monitor`` and ``sign`` say which epoch is the best."""

    path: str
    keep: int | str
    every: int
    monitor: str
    sign: float


class Watched(NamedTuple):
    """What a fit that was ended from outside had seen: the settings it was seen with, the numbers, the best state."""

    step: int
    seen: dict[str, Any]
    best: TrainingState | None


def find_checkpointing(
    trainer: Trainer,
    checkpoint: Any,
    keep: Any,
    every: Any,
    early_stopping: EarlyStopping | None,
    validated: bool,
) -> Checkpointing | None:
    """Return the arguments of a fit about its file, None if it writes none.

    Raises
    ------
    ValueError, TypeError
        If one does not fit; the message names it.
    """
    every = check_int(every, "checkpoint_every", 1)
    if isinstance(keep, str):
        if keep not in ("all", "best"):
            raise ValueError(f"keep must be 'all', 'best' or a number of epochs, but it is {keep!r}")
    elif isinstance(keep, bool):
        raise TypeError(f"keep must be 'all', 'best' or a number of epochs, but it is {keep!r}")
    else:
        keep = check_int(keep, "keep", 1)
    if checkpoint is None:
        if keep != "all" or every != 1:
            raise ValueError("keep and checkpoint_every are about checkpoint, which is not given")
        return None
    path = check_path(checkpoint, "checkpoint")
    if takes_all_rows(trainer.optimizer):
        name = type(trainer.optimizer).__name__
        raise ValueError(
            f"checkpoint keeps what optimizers that go batch by batch remember, and {name} is none; use MLP.save after fit"
        )
    monitor, sign = ("validation_loss" if validated else "loss"), 1.0
    if early_stopping is not None:
        monitor, sign = early_stopping.monitor, -1.0 if early_stopping.mode == "max" else 1.0
    return Checkpointing(path, keep, every, monitor, sign)


class Watchers(NamedTuple):
    """What looks at the epochs of a fit: early stopping and tolerance, where there are such."""

    early_stopping: EarlyStopping | None
    stopper: EarlyStopper | None
    tolerance: tuple[float, int] | None
    settled: Watch | None
    went_on: bool = False

    def settings(self) -> dict[str, Any]:
        """Return what they were asked for, as builtins."""
        asked = self.early_stopping
        fields = None if asked is None else list(asked.__reduce__()[1])
        return {
            "early_stopping": fields,
            "tolerance": None if self.tolerance is None else list(self.tolerance),
        }

    def seen(self) -> dict[str, Any]:
        """Return what they were asked for and have seen, as builtins."""
        watching = {"stopper": self.stopper, "settled": self.settled}
        numbers = {name: None if each is None else each.seen() for name, each in watching.items()}
        return {**self.settings(), **numbers}

    def go_on(self, trainer: Trainer, watched: Watched | None) -> bool:
        """Go on from what a fit had seen that was ended from outside, if this one asks for the same and nothing came between.

        Return whether it does.
        """
        if watched is None or watched.step != trainer.step:
            return False
        if any(watched.seen[name] != value for name, value in self.settings().items()):
            return False
        if self.stopper is not None:
            self.stopper.go_on(watched.seen["stopper"], watched.best)
        if self.settled is not None:
            self.settled.go_on(watched.seen["settled"])
        return True


class Keeper:
    """Writes the entries of a fit.

    Parameters
    ----------
    trainer : Trainer
    settings : Checkpointing
    watchers : Watchers
    only_check : bool, default False
        Whether to let go of the file at once; nothing is written.

    Raises
    ------
    ValueError
        If the file is of another run, or this trainer is not where the run ends.
    OSError
        If it cannot be written.
    """

    def __init__(
        self, trainer: Trainer, settings: Checkpointing, watchers: Watchers, *, only_check: bool = False
    ) -> None:
        self._trainer, self._settings, self._watchers = trainer, settings, watchers
        self._file = RunFile(settings.path, writing=True)
        self._other_settings = False  # than those that the file ends with
        try:
            self._check_that_it_goes_on()
            if not only_check:
                self._write("start", has_state=not self._file.entries or self._other_settings)
        except BaseException:
            self._file.close()
            raise
        if only_check:
            self._file.close()

    def _check_that_it_goes_on(self) -> None:
        path, trainer, before = self._settings.path, self._trainer, None
        for entry in self._file.entries:
            try:
                before = check_head(entry.head, before)
            except (ValueError, TypeError) as error:
                raise ValueError(f"{path}, entry {entry.frame.number}: {error}") from error
        full = self._full()
        if not self._file.entries:
            return
        last = self._file.entries[-1].head
        if full:
            body, mine = self._file.body(self._file.entries[full[-1]]) or {}, body_of(trainer)
            for part in (body, mine):
                part["model"] = {
                    name: value for name, value in part.get("model", {}).items() if name != "chainrule"
                }
            same = all(body.get(name) == mine[name] for name in _STATE)
            self._other_settings = body.get("settings") != mine["settings"]
            if same and (last["epoch"], last["step"]) == (trainer.epoch, trainer.step):
                return
        raise ValueError(
            f"{path} holds a run up to epoch {last['epoch']}, update {last['step']}, and this trainer, at epoch {trainer.epoch}, "
            f"update {trainer.step}, is not what it ends with: go on with Trainer.resume({path!r}), which is at its end, or name another file"
        )

    def epoch(self) -> None:
        """Write the epoch that was just measured, where it is time: every so many, and each that is the best so far."""
        stopper, epoch = self._watchers.stopper, self._trainer.epoch
        best = stopper is not None and stopper.restores and stopper.best_epoch == epoch - 1
        if best or epoch - self._since >= self._settings.every:
            self._write("epoch", has_state=True)
            self._drop(at_once=False)

    def finish(self) -> None:
        """Write how the fit ended, and wait until all is on the disk."""
        try:
            last = self._file.entries[self._full()[-1]].head
            ending = self._trainer.history.ending
            moved = (last["epoch"], last["step"]) != (self._trainer.epoch, self._trainer.step)
            self._write("end", has_state=moved or (ending is not None and ending.restored))
            self._drop(at_once=True)
        finally:
            self._file.close()

    def abandon(self) -> None:
        """Write how the fit ended, with an error that is on its way to the user, as far as that is possible."""
        with contextlib.suppress(OSError, ValueError):
            self.finish()

    # Inside --------------------------------------------------------------------------------------------------------

    def _write(self, kind: str, has_state: bool) -> None:
        watched = None if kind == "end" else self._watchers.seen()
        head = head_of(self._trainer, kind, self._since, watched, has_state)
        self._file.append(head, body_of(self._trainer) if has_state else None)

    @property
    def _since(self) -> int:
        """The epoch up to which all that was measured is in the file."""
        return int(self._file.entries[-1].head["epoch"]) if self._file.entries else 0

    def _full(self) -> list[int]:
        return [i for i, entry in enumerate(self._file.entries) if entry.head["has_state"]]

    def _drop(self, at_once: bool) -> None:
        """Write the file without what is not to be kept, where that is much, or at once."""
        keep, entries = self._settings.keep, self._file.entries
        if keep == "all":
            return
        full = self._full()
        wanted = set(full[-keep:] if isinstance(keep, int) else full[-1:])
        stopper = self._watchers.stopper
        if stopper is not None and stopper.restores and entries[-1].head["kind"] != "end":
            wanted |= {i for i in full if entries[i].head["epoch"] - 1 == stopper.best_epoch}
        if keep == "best":
            wanted.add(min(full, key=lambda i: self._cost(entries[i])))
        dropped = [entries[i].frame for i in full if i not in wanted]
        garbage = sum(frame.end - frame.body_start for frame in dropped)
        rest = entries[-1].frame.end - garbage
        if garbage and (at_once or garbage > max(GARBAGE, rest)):
            self._file.rewrite(_merged(entries, wanted))

    def _cost(self, entry: Entry) -> float:
        """Return how good an entry is; less is better."""
        measured = entry.head["measured"]
        if not measured:
            return math.inf
        value = self._settings.sign * Measurements(*measured[-1]).value(self._settings.monitor)
        return math.inf if math.isnan(value) else value


def _merged(entries: Sequence[Entry], wanted: set[int]) -> list[tuple[dict[str, Any], Entry | None]]:
    """Return the heads and bodies that stay. What was measured before a dropped epoch goes to the entry after it."""
    kept: list[tuple[dict[str, Any], Entry | None]] = []
    measured: list[Any] = []
    for i, entry in enumerate(entries):
        measured += entry.head["measured"]
        if i in wanted or entry.head["kind"] == "end" or i == len(entries) - 1:
            head = {**entry.head, "measured": measured, "has_state": i in wanted}
            kept.append((head, entry if i in wanted else None))
            measured = []
    return kept
