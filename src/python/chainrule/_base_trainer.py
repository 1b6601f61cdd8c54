"""What a trainer is: a model, settings that are checked when they are set, and all that training changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _checks
from ._checkpointing import Watched
from ._checks_values import count, describe
from ._evaluation import Objective
from ._health_epochs import Beginning, HealthOfEpoch
from ._losses import check_output_weights, loss_rule
from ._network import NO_PLATEAU, TrainingState
from ._plateau import at_present
from ._rules import HAS_SQUARE, check_optimizer, rule_of
from ._settings import SETTINGS, settings_of
from ._summary import settings_html, settings_text
from ._trainer_record import check_trainer_record, restore_progress, trainer_to_record
from ._training_plan import training_plan
from ._whole_batch import takes_all_rows
from .history import History, measurements_of
from .model import MLP
from .optimizers import SGD

if TYPE_CHECKING:
    from .trace._tracer import Tracer

_SGD = SGD()


class BaseTrainer:
    """Holds what training changes, and the settings; `Trainer`, which describes them, adds what trains."""

    __slots__ = (
        "__weakref__",
        "_history",
        "_model",
        "_state",
        "health_began",
        "tracer",
        "unfinished",
        *SETTINGS,
    )

    loss: Any
    output_weights: tuple[float, ...] | None
    optimizer: Any
    batch_size: int | str
    shuffle: bool
    seed: int
    n_threads: int | None
    frozen: tuple[int, ...]

    def __init__(
        self,
        model: MLP,
        *,
        loss: Any,
        output_weights: Any = None,
        optimizer: Any = _SGD,
        batch_size: Any = 32,
        shuffle: bool = True,
        seed: int = 0,
        n_threads: int | None = None,
        frozen: Any = (),
    ) -> None:
        if not isinstance(model, MLP):
            raise TypeError(f"model must be an MLP, but it is {describe(model)}")
        network = model.network
        self._model, self._history = model, History()
        self.unfinished: Watched | None = None  # what `resume` found of a fit that was ended from outside
        self.tracer: Tracer | None = None  # what `trace` has open
        self.health_began: tuple[int, Beginning] | None = (
            None  # of the last fit that recorded its health: epoch, data
        )
        self._state = TrainingState(
            weights=model.weights,
            biases=model.biases,
            weight_velocity=[np.zeros(shape, network.dtype) for shape in network.weight_shapes],
            bias_velocity=[np.zeros(shape, network.dtype) for shape in network.bias_shapes],
        )
        object.__setattr__(self, "frozen", ())
        self.loss, self.output_weights, self.optimizer = loss, output_weights, optimizer
        self.batch_size, self.shuffle, self.seed, self.n_threads = batch_size, shuffle, seed, n_threads
        self.frozen = frozen

    def __setattr__(self, name: str, value: Any) -> None:
        check = SETTINGS.get(name)
        if check is not None:
            value = check(value)
        if name == "loss":
            rule = _checks.check_trainable(self._model.network, value)
            check_output_weights(getattr(self, "output_weights", None), rule, self._model.network.n_out)
        elif name == "output_weights":
            value = check_output_weights(value, loss_rule(self.loss), self._model.network.n_out)
        elif name == "frozen":
            value = _checks.check_frozen(self._model.network, value)
            _refuse_frozen(self.optimizer, value)
        elif name == "optimizer" and takes_all_rows(value):
            _refuse_frozen(value, self.frozen)
        elif name == "optimizer":
            if (kind := rule_of(value)) != self._state.rule:
                self.state.restart(kind, kind in HAS_SQUARE)
            self._state.plateau = NO_PLATEAU
        object.__setattr__(self, name, value)

    @property
    def model(self) -> MLP:
        """The model that is trained."""
        return self._model

    @property
    def state(self) -> TrainingState:
        """What the cores update: the parameters of the model (the same arrays), velocities, counters and losses."""
        self._state.weights, self._state.biases = self._model.weights, self._model.biases
        return self._state

    @property
    def epoch(self) -> int:
        """Whole epochs done so far."""
        return self._state.epoch

    @property
    def step(self) -> int:
        """Updates done so far."""
        return self._state.step

    @property
    def objective(self) -> Objective:
        """What is minimised: the loss, and the weights of the outputs."""
        return Objective(self.loss, self.output_weights)

    @property
    def learning_rate(self) -> float | None:
        """The learning rate of the next update; None where the optimizer chooses its steps itself."""
        if takes_all_rows(self.optimizer):
            return None
        return check_optimizer(at_present(self.optimizer, self._state)).rate_of(self.step)

    @property
    def history(self) -> History:
        """The measurements of all epochs so far, those of interrupted fits included."""
        self._complete_history(len(self._state.losses))
        self._history.belong_to(self)
        return self._history

    def put_health(self, first: int, found: Sequence[HealthOfEpoch]) -> None:
        """Put what is known of the health of the last epochs, from number ``first`` on, into the history."""
        history = self._history
        self._complete_history(first)
        entries = [one._replace(health=health) for one, health in zip(history.entries(first), found)]  # noqa: B905 - often none
        known = first + len(entries)
        losses = self._state.losses[known : first + len(found)]
        entries += measurements_of(known, losses, found[len(entries) :])
        history.put(first, entries)
        history.ending = (
            None  # that of an earlier fit would be taken for the end of this one, which is under way
        )

    def _complete_history(self, epochs: int) -> None:
        """Put those of so many epochs that have no measurements of their own into the history, with their loss."""
        known = len(self._history)
        if known < epochs:
            self._history.put(known, measurements_of(known, self._state.losses[known:epochs]))

    def plan(self, rows: int | None = None) -> dict[str, Any]:
        """Say how the core in use would train: which instruction set, blocks and threads, and why.

        Parameters
        ----------
        rows : int, optional
            Rows there are to learn from, where they may be fewer than `batch_size` or the batch is ``"full"``.

        Returns
        -------
        dict
            Texts by name, made to be printed: ``backend``, ``batch``, ``way``, ``threads``; of the native core also
            ``instruction_set``, ``update``, ``tile``, ``memory`` and, for each layer, ``layer_0``, ``layer_1``, ... The number of
            threads is a limit: while training, the native core measures whether one thread is faster.

        Raises
        ------
        ValueError, TypeError
            If `rows` is no whole number from 1 to 2^32 - 1, or is missing where the batch is ``"full"``.

        Examples
        --------
        >>> import chainrule as cr
        >>> with cr.backend("reference"):
        ...     cr.Trainer(cr.MLP([2, 3, 1]), loss="mean_squared_error").plan()
        backend  reference
        batch    32 rows
        way      each function of chainrule.reference in turn
        threads  as many as NumPy's own library of products takes
        """
        optimizer = at_present(self.optimizer, self._state)
        return training_plan(
            self._model.network, self.objective, optimizer, self.batch_size, self.n_threads, rows, self.frozen
        )

    def summary(self) -> str:
        """Return the layers of the model, the settings that are in use, what was done, and the memory that training needs.

        The bytes are those of what the optimizer remembers from update to update; activations of a batch come on top of it.
        """
        return f"{self._model.summary()}\n\n{settings_text(*self._shown())}"

    def _repr_html_(self) -> str:
        return f"<div>\n{self._model._repr_html_()}\n{settings_html(*self._shown())}\n</div>"

    def _shown(self) -> tuple[dict[str, Any], str, int]:
        last = self.history.last()
        done = f"{count(self.epoch, 'epoch')}, {count(self.step, 'update')}"
        done += f", loss {last.loss:.6g}" if last is not None else ""
        arrays = self.state.arrays[len(self._model.weights) + len(self._model.biases) :]
        return {name: getattr(self, name) for name in SETTINGS}, done, sum(a.nbytes for a in arrays)

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={getattr(self, name)!r}" for name in SETTINGS)
        return f"{type(self).__name__}({self._model!r}, {settings}) after {count(self.epoch, 'epoch')}"

    def __getstate__(self) -> dict[str, Any]:
        return trainer_to_record(self._model, settings_of(self), self._state, self.history)

    def __setstate__(self, record: dict[str, Any]) -> None:
        fields = check_trainer_record(record)
        BaseTrainer.__init__(self, fields["model"], **{name: fields[name] for name in SETTINGS})
        restore_progress(fields, self._model.network, self._state, self._history)


def _refuse_frozen(optimizer: Any, frozen: tuple[int, ...]) -> None:
    if frozen and takes_all_rows(optimizer):
        raise ValueError(
            f"frozen is {frozen}, but {type(optimizer).__name__} trains all layers; use an optimizer of another kind"
        )
