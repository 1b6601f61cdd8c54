"""What a fit does in each epoch, with its arguments checked once: where no code of the user's runs between the epochs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

from ._batches import Batches
from ._checks import Training, check_train_epochs
from ._epochs import Poll, batch_size_for
from ._evaluation import Evaluation, Rows, are_same
from ._fit_request import Request
from ._losses import loss_rule
from ._network import HealthRecord, MeasuredRows, TrainingState, _to_the_end
from ._plateau import at_present, plateau_of
from ._whole_batch import takes_all_rows
from .backend import core
from .history import Measurements
from .metrics import accuracy, direction

if TYPE_CHECKING:
    from .trainer import Trainer

_SETTINGS = ("loss", "output_weights", "optimizer", "batch_size", "shuffle", "seed", "frozen")
"""Of a trainer: what `check_train_epochs` looks at. Another thread may set them at any time."""
_LISTS = ("weights", "biases", "weight_velocity", "bias_velocity", "weight_square", "bias_square")


class Repeated:
    """The epochs of a fit and what is measured after each.

    Arrays keep their places and types, and targets their values, as only code of the user's could change them (see `is_closed`);
    the lists that hold the arrays and the settings of the trainer are compared each time.

    Attributes
    ----------
    is_measured_by_core : bool
        Whether all that is wanted after each epoch is the loss of the validation data and the accuracy: the core then
        measures them in the call that trains, and several epochs are one call.
    """

    def __init__(self, trainer: Trainer, request: Request) -> None:
        assert isinstance(request.rows, Rows)
        self._trainer, self._rows, self._request = trainer, request.rows, request
        self._prepare(trainer.state)
        self._measured = self._evaluations()
        self.is_measured_by_core = self._is_measured_by_core()

    def train(self, epochs: int, poll: Poll | None, health: HealthRecord | None = None) -> None:
        """Train for so many more epochs; where the core measures after each, put that into the trainer's history."""
        if self.is_measured_by_core:
            self._train_and_measure(epochs, poll, health)
        else:
            self._train(epochs, poll, health, ())

    def _is_measured_by_core(self) -> bool:
        request = self._request
        if not (request.validation or request.metrics) or request.checkpointing:
            return False
        if request._replace(validation=None, metrics={}).looks_at_each_epoch:
            return False
        has_classes = all(one is None or one.classes is not None for one in self._measured)
        return not request.metrics or ([*request.metrics.values()] == [accuracy] and has_classes)

    def _train_and_measure(self, epochs: int, poll: Poll | None, health: HealthRecord | None) -> None:
        self._look_again()
        trained, validated = self._measured
        mine = None if trained is None else trained.to_collect(loss=False, accuracy=True)
        share = bool(self._request.metrics)
        theirs = None if validated is None else validated.to_collect(loss=True, accuracy=share)
        history, first = self._trainer.history, self._trainer.epoch
        before = len(history)
        try:
            self._train(epochs, poll, health, [rows for rows in (mine, theirs) if rows is not None])
        finally:
            _to_the_end(lambda: history.put(before, self._found(first, mine, theirs)))

    def _found(
        self, first: int, mine: MeasuredRows | None, theirs: MeasuredRows | None
    ) -> list[Measurements]:
        """Return what was measured of epochs from number ``first`` on, as many as were finished."""
        accuracies = [rows and rows.accuracies for rows in (mine, theirs)]
        columns = [repeat(None) if one is None else one for one in (theirs and theirs.losses, *accuracies)]
        found = zip(self._trainer.state.losses[first:], *columns)  # noqa: B905 - no more than were measured
        return [
            Measurements(epoch, loss, of_others, self._named(share), self._named(share_of_others))
            for epoch, (loss, of_others, share, share_of_others) in enumerate(found, first)
        ]

    def _named(self, share: float | None) -> dict[str, float]:
        return {} if share is None else dict.fromkeys(self._request.metrics, share)

    def _train(
        self, epochs: int, poll: Poll | None, health: HealthRecord | None, rows: Sequence[MeasuredRows]
    ) -> None:
        trainer, state = self._trainer, self._trainer.state
        if plateau_of(trainer.optimizer) is not None or not are_same(self._seen, _seen(trainer)):
            self._prepare(state)
        given = self._given._replace(epochs=epochs, health=health)
        core().train_checked(trainer.model.network, state, given, trainer.n_threads, poll, measured=rows)

    def measure(self) -> tuple[float | None, dict[str, float], dict[str, float]]:
        """Return the loss of the validation data, the metrics of the rows and those of the validation data."""
        trainer, metrics = self._trainer, self._request.metrics
        self._look_again()
        trained, validated = (
            {} if one is None else one.measure(metrics, trainer.n_threads) for one in self._measured
        )
        trained.pop("loss", None)
        return validated.pop("loss", None), trained, validated

    def _look_again(self) -> None:
        """Check once more what is measured, if the model has other arrays of parameters."""
        if not all(one is None or one.is_of(self._trainer.model) for one in self._measured):
            self._measured = self._evaluations()

    def _prepare(self, state: TrainingState) -> None:
        trainer, rows = self._trainer, self._rows
        self._seen = _seen(trainer)
        self._given: Training = check_train_epochs(
            trainer.model.network, state, rows.inputs, rows.target, trainer.loss, rows.weight, trainer.output_weights,
            at_present(trainer.optimizer, state), batch_size_for(trainer, rows), trainer.shuffle, trainer.seed, 0,
            trainer.n_threads, None, False, trainer.frozen
        )  # fmt: skip

    def _evaluations(self) -> tuple[Evaluation | None, Evaluation | None]:
        """Return those of the rows, if there are metrics, and of the validation data, if there are any."""
        wanted = (self._rows if self._request.metrics else None, self._request.validation)
        model, objective = self._trainer.model, self._trainer.objective
        first, second = (None if rows is None else Evaluation(model, rows, objective) for rows in wanted)
        return first, second


def is_closed(trainer: Trainer, request: Request) -> bool:
    """Return whether all that runs between the epochs of a fit is this library's own, and updates are made batch by batch."""
    return not (
        request.callbacks
        or trainer.tracer is not None
        or request.display is not None
        or isinstance(request.rows, Batches)
        or takes_all_rows(trainer.optimizer)
        or loss_rule(trainer.loss).function is not None
        or (
            callable(getattr(trainer.optimizer, "learning_rate", None))
            and plateau_of(trainer.optimizer) is None
        )
        or any(direction(metric) is None for metric in request.metrics.values())
    )


def _seen(trainer: Trainer) -> list[Any]:
    """Return the settings of a trainer, the lists of its state, and what is in them."""
    state = trainer.state
    lists = [getattr(state, name) for name in _LISTS]
    arrays = chain.from_iterable(one for one in lists if isinstance(one, list))
    return [*(getattr(trainer, name) for name in _SETTINGS), state, *lists, *arrays]
