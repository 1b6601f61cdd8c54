"""Epochs and single updates of a trainer, by the core in use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from ._evaluation import Rows
from ._network import HealthRecord, TrainingState
from ._plateau import at_present
from ._whole_batch import AfterEpoch, minimise, takes_all_rows
from .backend import core

if TYPE_CHECKING:
    from .trainer import Trainer

Poll = Callable[[int, int, int, float], object]


def train_epochs(
    trainer: Trainer, rows: Rows, epochs: int, poll: Poll | None = None, after: AfterEpoch | None = None,
    poll_each_step: bool = False, health: HealthRecord | None = None
) -> None:  # fmt: skip
    """Train for so many more epochs, with the settings of the trainer."""
    _run(
        trainer,
        trainer.state,
        rows,
        batch_size_for(trainer, rows),
        trainer.shuffle,
        epochs,
        poll,
        after,
        poll_each_step,
        health,
    )


def batch_size_for(trainer: Trainer, rows: Rows) -> int:
    """Return the rows in a batch."""
    return trainer.batch_size if isinstance(trainer.batch_size, int) else len(rows.inputs)


def make_update(trainer: Trainer, rows: Rows, health: HealthRecord | None = None) -> float | None:
    """Make one update with all the rows and count it; return their loss before it, None if nothing was to be done."""
    state = trainer.state
    one = replace(state, losses=[])
    try:
        _run(trainer, one, rows, len(rows.inputs), False, 1, None, None, health=health)
    finally:
        state.step = one.step
    return one.losses[0] if one.losses else None


def _run(
    trainer: Trainer, state: TrainingState, rows: Rows, batch_size: int, shuffle: bool, epochs: int,
    poll: Poll | None, after: AfterEpoch | None, poll_each_step: bool = False, health: HealthRecord | None = None
) -> None:  # fmt: skip
    network, optimizer = trainer.model.network, at_present(trainer.optimizer, state)
    if takes_all_rows(optimizer):
        if trainer.tracer is not None:
            trainer.tracer.refuse(optimizer)
        how = (trainer.objective, batch_size, trainer.n_threads)
        minimise(optimizer, core(), network, state, rows, *how, epochs, after)
        return
    if trainer.tracer is not None:
        watch = trainer.tracer.watch(state, rows, optimizer, batch_size, shuffle, epochs)
        if watch is not None:
            poll, poll_each_step = watch.poll(poll), True
    core().train_epochs(
        network,
        state,
        rows.inputs,
        rows.target,
        loss=trainer.loss,
        sample_weight=rows.weight,
        output_weights=trainer.output_weights,
        optimizer=optimizer,
        batch_size=batch_size,
        shuffle=shuffle,
        seed=trainer.seed,
        epochs=epochs,
        n_threads=trainer.n_threads,
        poll=poll,
        poll_each_step=poll_each_step,
        frozen=trainer.frozen,
        health=health,
    )
