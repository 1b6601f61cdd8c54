"""What `fit_many` is asked for: a fit for each trainer, its arguments checked."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from ._checkpointing import Keeper
from ._checks_values import check_sequence, count, describe
from ._evaluation import Objective, Rows, as_rows
from ._fit_request import Request, fit_request
from ._fitting import check_epochs, fit_epochs, watchers_of
from ._losses import loss_rule
from ._network import Array, Network
from ._watching import Halt
from .history import History
from .inputs import as_dtype

if TYPE_CHECKING:
    from .trainer import Trainer


class Each(NamedTuple):
    """Values of an argument, one for each trainer; made by `each`."""

    values: tuple[Any, ...]


class Job(NamedTuple):
    """A fit that is asked for.

    Parameters
    ----------
    number : int
        Which of the trainers it is of.
    trainer : Trainer
    arguments : dict
        Of `fit_request`.
    request : Request or None
        These, checked. None where it would hold copies of the rows: it is made again when the job begins.
    cost : float
        Multiply-adds, roughly.
    """

    number: int
    trainer: Trainer
    arguments: dict[str, Any]
    request: Request | None
    cost: float

    def fit(self, halt: Halt) -> History:
        """Train, until halted."""
        request = self.request
        if request is None:
            request = fit_request(self.trainer, **self.arguments)
        return fit_epochs(self.trainer, request._replace(halt=halt), is_checked=True)


def find_jobs(trainers: Any, arguments: Mapping[str, Any]) -> list[Job]:
    """Return the fits that are asked for, in the order of the trainers, when all are found to be good.

    Raises
    ------
    ValueError, TypeError, ImportError
        If an argument does not fit; the message names it, and the trainer.
    """
    trainers = _check_trainers(trainers)
    defaults = _defaults()
    unknown = [name for name in arguments if name not in defaults and name not in ("X", "y")]
    if unknown:
        raise TypeError(f"fit_many takes the arguments of Trainer.fit, which has none named {unknown[0]!r}")
    for name, value in arguments.items():
        if isinstance(value, Each) and len(value.values) != len(trainers):
            raise ValueError(
                f"{name} is each of {count(len(value.values), 'value')}, but there are {count(len(trainers), 'trainer')}"
            )
    shared, jobs = _Shared(), []
    for number, trainer in enumerate(trainers):
        own = {n: v.values[number] if isinstance(v, Each) else v for n, v in arguments.items()}
        try:
            jobs.append(_checked(number, trainer, shared.converted(trainer, {**defaults, **own}), shared))
        except Exception as error:
            say_which(error, number)
            raise
    _check_files(jobs)
    return jobs


def say_which(error: BaseException, number: int) -> None:
    """Say in an exception which of the trainers it is of: in its message, if it is of a kind that this library raises, else in a note."""
    if type(error) in (ValueError, TypeError, FloatingPointError) and len(error.args) == 1:
        if not str(error.args[0]).startswith("trainers["):  # one object may be raised by several
            error.args = (f"trainers[{number}]: {error.args[0]}",)
        return
    note = f"raised by the fit of trainers[{number}]"
    with contextlib.suppress(Exception):  # an exception of somebody's may refuse attributes
        notes = getattr(error, "__notes__", None) or ()
        error.__notes__ = [*notes, note]  # type: ignore[attr-defined] # since Python 3.11


def _checked(number: int, trainer: Trainer, arguments: dict[str, Any], shared: _Shared) -> Job:
    request = fit_request(trainer, rows_of=shared.rows, **arguments)
    request = check_epochs(trainer, request)
    if request.checkpointing is not None:
        Keeper(trainer, request.checkpointing, watchers_of(trainer, request), only_check=True)
    rows = float(len(cast(Rows, request.rows).inputs))
    if request.validation is not None:
        rows += len(request.validation.inputs) / 3
    cost = rows * request.epochs * trainer.model.n_parameters
    copies = arguments["validation_split"] is not None
    return Job(number, trainer, arguments, None if copies else request, cost)


def _defaults() -> dict[str, Any]:
    """Return the arguments of `Trainer.fit` that have a default, but for progress, which is that of all fits together."""
    from .trainer import Trainer

    return dict(Trainer.fit.__kwdefaults__ or {})


def _check_trainers(trainers: Any) -> tuple[Trainer, ...]:
    from .trainer import Trainer

    found = check_sequence(trainers, "trainers")
    for i, trainer in enumerate(found):
        if not isinstance(trainer, Trainer):
            raise TypeError(f"trainers[{i}] must be a Trainer, but it is {describe(trainer)}")
        if type(trainer).fit is not Trainer.fit:
            raise TypeError(
                f"trainers[{i}] is a {type(trainer).__name__} with a fit of its own, which fit_many does not call"
            )
    for same, things in (
        ("are the same trainer", found),
        ("train the same model", [trainer.model for trainer in found]),
    ):
        first: dict[int, int] = {}
        for i, thing in enumerate(things):
            before = first.setdefault(id(thing), i)
            if before != i:
                raise ValueError(f"trainers[{before}] and trainers[{i}] {same}; give each a model of its own")
    for before, i in _sharing(found):
        raise ValueError(
            f"the models of trainers[{before}] and trainers[{i}] have arrays of parameters in common; give each its own"
        )
    return found


def _sharing(trainers: tuple[Trainer, ...]) -> Iterator[tuple[int, int]]:
    """Give pairs of trainers whose models share memory."""
    arrays = [(a, i) for i, t in enumerate(trainers) for a in _arrays(t.model.weights, t.model.biases)]
    if all(a.flags.owndata for a, _ in arrays) and len({id(a) for a, _ in arrays}) == len(arrays):
        return  # as nearly always
    spans = [(a.ctypes.data, a.ctypes.data + a.nbytes, i) for a, i in arrays]
    end, owner = 0, -1  # of the span that reaches farthest so far; where others overlap, one was found before
    for start, stop, i in sorted(spans):
        if start < end and i != owner:
            yield min(i, owner), max(i, owner)
        if stop > end:
            end, owner = stop, i


def _arrays(*lists: Any) -> Iterator[Array]:
    """Give the contiguous arrays among what a model has as parameters; the core is yet to check them, and refuses others."""
    for arrays in lists:
        for array in arrays if isinstance(arrays, (list, tuple)) else ():
            if isinstance(array, np.ndarray) and array.flags.c_contiguous:
                yield array


def _check_files(jobs: list[Job]) -> None:
    first: dict[str, int] = {}
    for job in jobs:
        path = job.arguments["checkpoint"]
        if path is not None:
            name = os.path.normcase(os.path.realpath(os.fsdecode(path)))
            before = first.setdefault(name, job.number)
            if before != job.number:
                raise ValueError(
                    f"checkpoint is the same file for trainers[{before}] and trainers[{job.number}], {path}; "
                    "give each(...) of several"
                )


class _Shared:
    """What was made of the arguments that several fits share: arrays are converted and held once for a dtype, and checked once."""

    def __init__(self) -> None:
        self._made: dict[tuple[int, str], tuple[Any, Any]] = {}
        self._rows: dict[tuple[Any, ...], tuple[Any, Rows]] = {}

    def rows(
        self, X: Any, y: Any, network: Network, objective: Objective, *, sample_weight: Any, class_weight: Any
    ) -> Rows:
        """Return what `as_rows` does, which is the same for all networks and losses that take the same."""
        given, kind = (X, y, sample_weight, class_weight), loss_rule(objective.loss).kind
        takes = (network.n_in, network.n_out, network.dtype, kind, objective.output_weights)
        key = (*map(id, given), *takes)
        if key not in self._rows:
            rows = as_rows(X, y, network, objective, sample_weight=sample_weight, class_weight=class_weight)
            self._rows[key] = given, rows  # with what was given, whose ids are their own as long as they live
        return self._rows[key][1]

    def converted(self, trainer: Trainer, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments with their rows as arrays of the dtype of the model, where that changes nothing they mean."""
        dtype = trainer.model.dtype
        arguments["X"] = self._numbers(arguments["X"], "X", dtype)
        arguments["y"] = self._target(arguments["y"], "y", dtype)
        pair = arguments["validation_data"]
        if isinstance(pair, (list, tuple)) and len(pair) in (2, 3):
            names = [f"validation_data[{i}]" for i in range(2)]
            rows = self._numbers(pair[0], names[0], dtype), self._target(pair[1], names[1], dtype)
            arguments["validation_data"] = (*rows, *pair[2:])
        return arguments

    def _numbers(self, value: Any, name: str, dtype: str) -> Any:
        key = id(value), dtype
        if key not in self._made:
            self._made[key] = (
                value,
                as_dtype(value, name, dtype),
            )  # with the value, whose id is its own as long as it lives
        return self._made[key][1]

    def _target(self, value: Any, name: str, dtype: str) -> Any:
        """Return a target; only an array of numbers with a fraction is sure to hold no labels."""
        if type(value) is np.ndarray and value.dtype.kind == "f":
            return self._numbers(value, name, dtype)
        return value
