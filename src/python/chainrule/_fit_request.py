"""What a fit is asked for: its arguments, checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ._batches import Batches, find_batches
from ._checkpointing import Checkpointing, find_checkpointing
from ._checks_values import check_bool, check_int, check_real, check_sequence, count
from ._evaluation import Rows, as_rows
from ._health_recorder import Recorder, check_health
from ._plateau import plateau_of
from ._split import split_rows
from ._watching import Halt
from .callbacks import Callbacks, find_callbacks
from .metrics import Metric, find_metrics
from .progress import Display, RowCount, find_display
from .stopping import EarlyStopping, find_early_stopping, find_mode

if TYPE_CHECKING:
    from .trainer import Trainer


class Request(NamedTuple):
    """What a fit is asked for, checked; ``early_stopping`` has its mode found out."""

    rows: Rows | Batches
    epochs: int
    validation: Rows | None
    metrics: dict[str, Metric]
    display: Callable[[int, RowCount], Display] | None
    early_stopping: EarlyStopping | None
    time_budget: float | None
    target_loss: float | None
    tolerance: float | None
    tolerance_epochs: int
    plateau_mode: str | None
    checkpointing: Checkpointing | None
    callbacks: Callbacks
    halt: Halt | None = None
    repeated: object = None
    """What was checked of it for all epochs, if that can be: a `Repeated`."""
    health: bool = False
    recorder: Recorder | None = None

    @property
    def looks_at_each_epoch(self) -> bool:
        """Whether something is to be done after each epoch, so that they are trained one by one."""
        wanted = (
            self.validation, self.display, self.early_stopping, self.target_loss, self.tolerance, self.plateau_mode
        )  # fmt: skip
        called = self.callbacks.has("on_epoch_begin", "on_batch_end", "on_epoch_end")
        return bool(self.metrics) or called or any(each is not None for each in wanted)

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing to look at, not even the clock or a wish to end, and nothing to write."""
        rest = (self.time_budget, self.checkpointing, self.halt)
        return not self.looks_at_each_epoch and all(each is None for each in rest)


def fit_request(
    trainer: Trainer, X: Any, y: Any, *, sample_weight: Any, class_weight: Any, validation_split: Any, stratify: Any,
    rows_of: Callable[..., Rows] = as_rows, **asked: Any
) -> Request:  # fmt: skip
    """Return the arguments of `Trainer.fit`, checked; ``rows_of`` does what `as_rows` does.

    Raises
    ------
    ValueError, TypeError
        If one does not fit; the message names it.
    """
    epochs = check_int(asked["epochs"], "epochs", 0)
    if asked["validation_data"] is not None and validation_split is not None:
        raise ValueError("validation_data and validation_split exclude each other; give one of them")
    if check_bool(stratify, "stratify") and validation_split is None:
        raise ValueError("stratify is about validation_split, which is not given")
    judged = asked["validation_data"] is not None or validation_split is not None
    checked = _checked(trainer, judged, **{**asked, "epochs": epochs})
    network, objective = trainer.model.network, trainer.objective
    rows = rows_of(X, y, network, objective, sample_weight=sample_weight, class_weight=class_weight)
    validation = _validation(trainer, asked["validation_data"])
    if validation_split is not None:
        rows, validation = _split(trainer, rows, validation_split, stratify)
    return Request(rows=rows, validation=validation, **checked)


def batches_request(trainer: Trainer, batches: Any, **asked: Any) -> Request:
    """Return the arguments of `Trainer.fit_batches`, checked; nothing is read of the batches.

    Raises
    ------
    ValueError, TypeError
        If one does not fit; the message names it.
    """
    epochs = check_int(asked["epochs"], "epochs", 0)
    source = find_batches(batches, epochs, trainer.optimizer)
    judged = asked["validation_data"] is not None
    checked = _checked(trainer, judged, by_batches=True, **{**asked, "epochs": epochs})
    measures = checked["metrics"]
    if measures and not judged:
        raise ValueError(
            "metrics are measured on validation_data, which is not given: the rows of batches are gone once they were "
            "trained on"
        )
    for name, what in (
        ("early_stopping", checked["early_stopping"]),
        ("the learning_rate ReduceOnPlateau", plateau_of(trainer.optimizer)),
    ):
        if what is not None and what.monitor in measures:
            raise ValueError(
                f"{name} monitors {what.monitor}, but fit_batches measures metrics on validation_data only; monitor "
                f"validation_{what.monitor}"
            )
    return Request(rows=source, validation=_validation(trainer, asked["validation_data"]), **checked)


def _checked(
    trainer: Trainer, judged: bool, *, epochs: int, validation_data: Any, metrics: Any, progress: Any, early_stopping: Any,
    time_budget: Any, target_loss: Any, tolerance: Any, tolerance_epochs: Any, checkpoint: Any, keep: Any,
    checkpoint_every: Any, callbacks: Any, health: Any, by_batches: bool = False
) -> dict[str, Any]:  # fmt: skip
    """Return what both kinds of fit are asked for, but for the rows; ``judged`` is whether there are validation data."""
    measures, display, called = find_metrics(metrics), find_display(progress), find_callbacks(callbacks)
    early_stopping = find_early_stopping(early_stopping, measures, judged, by_batches)
    plateau, plateau_mode = plateau_of(trainer.optimizer), None
    if plateau is not None:
        name = "the learning_rate ReduceOnPlateau"
        plateau_mode = find_mode(plateau.monitor, plateau.mode, measures, judged, name, by_batches)
    reals = {"time_budget": time_budget, "target_loss": target_loss, "tolerance": tolerance}
    reals = {name: None if value is None else check_real(value, name, 0.0) for name, value in reals.items()}
    tolerance_epochs = check_int(tolerance_epochs, "tolerance_epochs", 1)
    checkpointing = find_checkpointing(trainer, checkpoint, keep, checkpoint_every, early_stopping, judged)
    return {
        **reals,
        "epochs": epochs,
        "metrics": measures,
        "display": display,
        "early_stopping": early_stopping,
        "tolerance_epochs": tolerance_epochs,
        "plateau_mode": plateau_mode,
        "checkpointing": checkpointing,
        "callbacks": called,
        "health": check_health(health, trainer.optimizer),
    }


def _validation(trainer: Trainer, given: Any) -> Rows | None:
    """Return the rows of ``validation_data``."""
    if given is None:
        return None
    pair = check_sequence(given, "validation_data")
    if len(pair) not in (2, 3):
        raise ValueError(
            f"validation_data must be (X, y) or (X, y, sample_weight), but it has {count(len(pair), 'entry')}"
        )
    names = [f"validation_data[{i}]" for i in range(3)]
    return as_rows(
        pair[0], pair[1], trainer.model.network, trainer.objective, names[0], names[1],
        pair[2] if len(pair) == 3 else None, weight_name=names[2]
    )  # fmt: skip


def _split(trainer: Trainer, rows: Rows, share: Any, stratify: bool) -> tuple[Rows, Rows]:
    """Return the rows to train on and those to validate with: the parts of `train_test_split` with the same seed."""
    share = check_real(share, "validation_split", 0.0, 1.0)
    if share == 0:
        raise ValueError("validation_split must be greater than 0; leave it away for no validation rows")
    classes = None
    if stratify:
        if not trainer.shuffle:
            raise ValueError("stratify draws rows at random, but the trainer has shuffle=False")
        target = rows.target
        if target.ndim == 2 and not ((target == 0) | (target == 1)).all():
            raise ValueError("stratify needs classes, but y holds other numbers than 0 and 1")
        classes = target if target.ndim == 1 else np.unique(target, axis=0, return_inverse=True)[1].ravel()
    parts = split_rows(
        len(rows.inputs), share, trainer.seed, trainer.shuffle, classes, "validation_split", "y"
    )
    train, held_out = (rows.part(part) for part in parts)
    for part, name in ((train, "training"), (held_out, "validation")):
        if part.weight is not None and not part.weight.any():
            raise ValueError(f"sample_weight is 0 for all {name} rows that validation_split leaves")
    return train, held_out
