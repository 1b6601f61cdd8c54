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

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ._checks_values import check_choice, check_int, check_sequence
from ._plain import check_record
from ._plain_settings import from_plain, function_in, to_plain
from ._settings import SETTINGS
from ._trainer_record import check_trainer_record, restore_progress, trainer_to_record
from ._version import __version__
from .history import History
from .model import MLP

if TYPE_CHECKING:
    from .trainer import Trainer

FORMAT, VERSION = "chainrule.run", 1
KINDS = ("start", "epoch", "end")
_HEAD = ("kind", "epoch", "step", "measured", "ending", "watched", "has_state")
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
    settings = {name: to_plain(getattr(trainer, name)) for name in SETTINGS}
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
    measured = check_sequence(fields["measured"], "measured")
    numbers = [check_sequence(entry, "measured[i]")[0] for entry in measured]
    if numbers != list(range(first, epoch)):
        raise ValueError(f"measured has the epochs {numbers}, but those from {first} to {epoch} are missing")
    return fields


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
    settings = dict(body["settings"]) if isinstance(body.get("settings"), dict) else {}
    if settings.keys() != SETTINGS.keys():
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
    measured = [entry for head in heads for entry in head["measured"]]
    endings = [head["ending"] for head in heads if head["ending"] is not None]
    history = {**History().__getstate__(), "measured": measured, "ending": endings[-1] if endings else None}
    last = heads[-1]
    counters = {"epoch": last["epoch"], "step": last["step"], "losses": [entry[1] for entry in measured]}
    rest = {name: value for name, value in body.items() if name != "settings"}
    head = {"format": "chainrule.trainer", "version": 1, "chainrule": last["chainrule"]}
    fields = check_trainer_record({**head, **rest, **settings, **counters, "history": history})
    model = model_of(body)
    trainer = trainer_class(model, **settings)
    restore_progress(fields, model.network, trainer.state, trainer.history)
    return trainer
