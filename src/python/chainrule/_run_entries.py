"""Entries of a run: what `Trainer.fit` writes of a trainer, and the trainer that can be made of it again.

The head of an entry is a dict of ``format``, ``version``, ``chainrule`` (the version that wrote it) and

==============  ==========================================================================================
kind            ``start`` (of a fit), ``epoch`` (after one), ``end`` (of a fit)
epoch, step     epochs and updates done
measured        a list for each epoch since the entry before: its number, loss, validation loss, metrics, and
                validation metrics
ending          of the kind end: the fields of `History.ending`; else None
watched         what early stopping and tolerance had seen of the unfinished fit, or None
has_state       whether there is a body: entries without a change, and those that were not to be kept, have none
==============  ==========================================================================================

and its body one of ``model`` (as in a model file), ``settings`` (of the trainer, by `_plain_settings`), ``rule``, ``started``,
``plateau``, and the arrays ``weight_velocity``, ``bias_velocity``, ``weight_square``, ``bias_square``. Random numbers are a function of
the seed, the epoch and the step: there is no other random state.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ._checks_values import check_choice, check_int, check_number, check_real, check_sequence, count
from ._plain import check_record
from ._plain_settings import from_plain, function_in, to_plain
from ._settings import LATER, SETTINGS, settings_of
from ._trainer_record import check_trainer_record, restore_progress, trainer_to_record
from ._version import __version__
from .history import History
from .model import MLP
from .stopping import EarlyStopping

if TYPE_CHECKING:
    from .trainer import Trainer

FORMAT, VERSION = "chainrule.run", 1
KINDS = ("start", "epoch", "end")
_HEAD = ("kind", "epoch", "step", "measured", "ending", "watched", "has_state")
_WATCHED = ("early_stopping", "tolerance", "stopper", "settled")
_ARRAYS = ("weight_velocity", "bias_velocity", "weight_square", "bias_square")
_BODY = {"model", "settings", "rule", "started", "plateau", *_ARRAYS}
_FROM_HEAD = ("epoch", "step", "losses", "history", "format", "version", "chainrule")


def head_of(
    trainer: Trainer, kind: str, since: int, watched: dict[str, Any] | None, has_state: bool
) -> dict[str, Any]:
    """Return the head of an entry that comes after one of epoch ``since``."""
    history = trainer.history
    ending = history.ending if kind == "end" else None
    return {
        "format": FORMAT,
        "version": VERSION,
        "chainrule": __version__,
        "kind": kind,
        "epoch": trainer.epoch,
        "step": trainer.step,
        "measured": history.since(since).__getstate__()["measured"],
        "ending": None if ending is None else list(ending),
        "watched": watched,
        "has_state": has_state,
    }


def body_of(trainer: Trainer) -> dict[str, Any]:
    """Return the body of an entry: all of the trainer but its counters and its history."""
    settings = {name: to_plain(value) for name, value in settings_of(trainer).items()}
    record = trainer_to_record(trainer.model, settings, trainer.state, History())
    body = {name: value for name, value in record.items() if name not in (*_FROM_HEAD, *SETTINGS)}
    return {
        **body,
        "model": trainer.model.__getstate__(),
        "settings": settings,
        "plateau": list(record["plateau"]),
    }


def check_head(head: Any, before: dict[str, Any] | None) -> dict[str, Any]:
    """Return the head of an entry, which must fit the one before it.

    Raises
    ------
    ValueError, TypeError
        If it does not; the message says why.
    """
    fields = check_record(head, FORMAT, VERSION, _HEAD)
    check_choice(fields["kind"], "kind", KINDS)
    epoch, step = check_int(fields["epoch"], "epoch", 0), check_int(fields["step"], "step", 0)
    if type(fields["has_state"]) is not bool:
        raise TypeError("has_state must be a bool")
    first = before["epoch"] if before else 0
    if before is not None and (epoch < first or step < before["step"]):
        raise ValueError(f"epoch {epoch}, step {step} comes after epoch {first}, step {before['step']}")
    ending = fields["ending"]
    measured = history_of([fields["measured"]], ending).epochs
    if len(measured) != epoch - first or measured != list(
        range(first, epoch)
    ):  # no list of a length that a file says
        raise ValueError(
            f"measured has {count(len(measured), 'epoch')}, but those from {first} to {epoch} must be in it"
        )
    _check_watched(fields["watched"], epoch)
    return fields


def history_of(measured: Iterable[Sequence[Any]], ending: Any) -> History:
    """Return the history of what some heads say was measured, and of how the last fit ended.

    Raises
    ------
    ValueError, TypeError
        If they do not say what a head says.
    """
    history = History()
    entries = [each for of_head in measured for each in check_sequence(of_head, "measured")]
    history.__setstate__({**history.__getstate__(), "measured": entries, "ending": ending})
    return history


def _check_watched(watched: Any, epoch: int) -> None:
    """Refuse what early stopping and tolerance cannot have seen after so many epochs."""
    if watched is None:
        return
    if not isinstance(watched, dict) or watched.keys() != set(_WATCHED):
        raise ValueError(f"watched must be None or a dict of {', '.join(_WATCHED)}")
    for asked, seen, n in (("early_stopping", "stopper", 5), ("tolerance", "settled", 2)):
        if (watched[asked] is None) != (watched[seen] is None):
            raise ValueError(f"watched.{asked} and watched.{seen} must both be None, or none of them")
        if watched[asked] is not None:
            numbers = [
                check_number(value, f"watched.{seen}")
                for value in check_sequence(watched[seen], f"watched.{seen}")
            ]
            counts = [numbers[i] for i in (1, 3, 4) if i < len(numbers)]
            if len(numbers) != n or not all(each.is_integer() and -1 <= each < 2**53 for each in counts):
                raise ValueError(
                    f"watched.{seen} must have {n} numbers, with whole ones for epochs and steps"
                )
            if n == 5 and numbers[3] >= epoch:
                raise ValueError(
                    f"watched.stopper has the best epoch {numbers[3]:g}, but only {epoch} are done"
                )
    if watched["early_stopping"] is not None:
        EarlyStopping(*check_sequence(watched["early_stopping"], "watched.early_stopping", 5))
    if watched["tolerance"] is not None:
        tolerance, epochs = check_sequence(watched["tolerance"], "watched.tolerance", 2)
        check_real(tolerance, "watched.tolerance", 0.0)
        check_int(epochs, "watched.tolerance[1]", 1)


def check_body(body: dict[str, Any]) -> None:
    """Refuse a body that lacks a field, or has one more.

    Raises
    ------
    ValueError
        The message names it.
    """
    for word, names in (("lacks", _BODY - body.keys()), ("has the unknown field", body.keys() - _BODY)):
        if names:
            raise ValueError(f"it {word} {', '.join(sorted(names))}")


def model_of(body: dict[str, Any]) -> MLP:
    """Return the model of an entry."""
    model = MLP.__new__(MLP)
    model.__setstate__(body["model"])
    return model


def restore(
    trainer_class: type[Trainer], heads: Sequence[dict[str, Any]], body: dict[str, Any], given: dict[str, Any]
) -> Any:
    """Return a trainer that goes on after the last of these heads, whose body this is.

    ``given`` are settings to be used instead of those in the body.

    Raises
    ------
    ValueError, TypeError
        If something does not fit; or if a setting is a function, which a file cannot hold, and is not given.
    """
    settings = dict(body["settings"]) if isinstance(body["settings"], dict) else {}
    if settings.keys() | LATER.keys() != SETTINGS.keys():
        raise ValueError(f"settings must be a dict of {', '.join(SETTINGS)}")
    for name, plain in settings.items():
        if name in given:
            settings[name] = given[name]
        elif (function := function_in(plain)) is not None:
            raise ValueError(
                f"{name} was the function {function} of yours, which a file cannot hold: give it, Trainer.resume(path, {name}=...)"
            )
        else:
            settings[name] = from_plain(plain, name)
    endings = [head["ending"] for head in heads if head["ending"] is not None]
    history = history_of((head["measured"] for head in heads), endings[-1] if endings else None)
    last = heads[-1]
    counters = {"epoch": last["epoch"], "step": last["step"], "losses": history.loss}
    rest = {name: value for name, value in body.items() if name != "settings"}
    head = {"format": "chainrule.trainer", "version": 1, "chainrule": last["chainrule"]}
    fields = check_trainer_record({**head, **rest, **settings, **counters, "history": history.__getstate__()})
    model = model_of(body)
    trainer = trainer_class(model, **settings)
    restore_progress(fields, model.network, trainer.state, trainer.history)
    return trainer
