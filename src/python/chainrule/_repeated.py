"""What a fit does in each epoch, with its arguments checked once: where no code of the user's runs between the epochs."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from ._batches import Batches
from ._checks import Training, check_train_epochs
from ._epochs import Poll, batch_size_for
from ._evaluation import Evaluation, Rows, are_same
from ._fit_request import Request
from ._losses import loss_rule
from ._network import HealthRecord, TrainingState, Validation, _to_the_end
from ._plateau import at_present, plateau_of
from ._whole_batch import takes_all_rows
from .backend import core
from .history import Measurements
from .metrics import direction

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
    validates : bool
        Whether the loss of the validation data is all that is wanted after each epoch: the core then measures it in the call
        that trains, and several epochs are one call.
    """

    def __init__(self, trainer: Trainer, request: Request) -> None:
        assert isinstance(request.rows, Rows)
        self._trainer, self._rows, self._request = trainer, request.rows, request
        only_validates = not request._replace(validation=None).looks_at_each_epoch
        self.validates = bool(request.validation and only_validates and not request.checkpointing)
        self._prepare(trainer.state)
        self._measured = self._evaluations()

    def train(self, epochs: int, poll: Poll | None, health: HealthRecord | None = None) -> None:
        """Train for so many more epochs; where it ``validates``, put what was measured after each into the trainer's history."""
        if self.validates:
            self._train_and_validate(epochs, poll, health)
        else:
            self._train(epochs, poll, health, None)

    def _train_and_validate(self, epochs: int, poll: Poll | None, health: HealthRecord | None) -> None:
        trainer, evaluation = self._trainer, self._measured[1]
        if evaluation is None or not evaluation.is_of(trainer.model):
            self._measured = self._evaluations()
            evaluation = self._measured[1]
        assert evaluation is not None
        validation, state, history = evaluation.to_collect(), trainer.state, trainer.history
        first, before = state.epoch, len(history)
        try:
            self._train(epochs, poll, health, validation)
        finally:
            numbers = zip(state.losses[first:], validation.losses)  # noqa: B905 - no more than were measured
            measured = [Measurements(first + i, *pair) for i, pair in enumerate(numbers)]
            _to_the_end(lambda: history.put(before, measured))

    def _train(
        self, epochs: int, poll: Poll | None, health: HealthRecord | None, validation: Validation | None
    ) -> None:
        trainer, state = self._trainer, self._trainer.state
        if plateau_of(trainer.optimizer) is not None or not are_same(self._seen, _seen(trainer)):
            self._prepare(state)
        given = self._given._replace(epochs=epochs, health=health)
        core().train_checked(
            trainer.model.network, state, given, trainer.n_threads, poll, validation=validation
        )

    def measure(self) -> tuple[float | None, dict[str, float], dict[str, float]]:
        """Return the loss of the validation data, the metrics of the rows and those of the validation data."""
        trainer, metrics = self._trainer, self._request.metrics
        if not all(one is None or one.is_of(trainer.model) for one in self._measured):
            self._measured = self._evaluations()
        trained, validated = (
            {} if one is None else one.measure(metrics, trainer.n_threads) for one in self._measured
        )
        trained.pop("loss", None)
        return validated.pop("loss", None), trained, validated

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
