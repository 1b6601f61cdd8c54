"""What a pickle of a trainer holds, beside its model: settings, velocities, counters and history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import _checks
from ._checks_values import check_choice, check_int, check_number, check_sequence, count
from ._network import Network, Plateau, TrainingState
from ._plain import array_to_record, arrays_from_records, check_record
from ._rules import ATTRIBUTES, HAS_SQUARE
from ._settings import LATER, SETTINGS
from ._version import __version__
from .history import History
from .model import MLP

_ARRAYS = ("weight_velocity", "bias_velocity", "weight_square", "bias_square")
_FIELDS = ("model", *SETTINGS, *_ARRAYS, "rule", "started", "plateau", "epoch", "step", "losses", "history")


def trainer_to_record(
    model: MLP, settings: dict[str, Any], state: TrainingState, history: History
) -> dict[str, Any]:
    """Return all of a trainer; the model as the object it is, so that one pickled beside its trainer stays its model."""
    return {
        "format": "chainrule.trainer",
        "version": 1,
        "chainrule": __version__,
        "model": model,
        **settings,
        **{name: [array_to_record(array) for array in getattr(state, name)] for name in _ARRAYS},
        "rule": state.rule,
        "started": state.started,
        "plateau": tuple(state.plateau),
        "epoch": state.epoch,
        "step": state.step,
        "losses": list(state.losses),
        "history": history.__getstate__(),
    }


def check_trainer_record(record: Any) -> dict[str, Any]:
    """Return the fields of what `trainer_to_record` returned.

    Raises
    ------
    ValueError
        If it is something else; the message says what.
    """
    if isinstance(record, dict):
        record = {**LATER, **record}
    return check_record(record, "chainrule.trainer", 1, _FIELDS)


def restore_progress(
    fields: dict[str, Any], network: Network, state: TrainingState, history: History
) -> None:
    """Put velocities, counters and history of a record into a new state and history.

    Raises
    ------
    ValueError, TypeError
        If they do not fit the network or each other.
    """
    state.rule = check_choice(fields["rule"], "rule", tuple(ATTRIBUTES))
    for name in _ARRAYS:
        shapes: Sequence[tuple[int, ...]] = (
            network.weight_shapes if name.startswith("weight") else network.bias_shapes
        )
        if name.endswith("square") and state.rule not in HAS_SQUARE:
            shapes = ()
        arrays = arrays_from_records(fields[name], name)
        setattr(state, name, _checks.check_parameters(network, arrays, name, shapes))
    state.epoch, state.step = check_int(fields["epoch"], "epoch", 0), check_int(fields["step"], "step", 0)
    state.started = check_int(fields["started"], "started", 0, state.step)
    factor, best, waited = check_sequence(fields["plateau"], "plateau", 3)
    state.plateau = Plateau(
        check_number(factor, "plateau[0]"),
        check_number(best, "plateau[1]"),
        check_int(waited, "plateau[2]", 0),
    )
    state.losses = list(check_sequence(fields["losses"], "losses"))
    history.__setstate__(fields["history"])
    for name, number in (("losses", len(state.losses)), ("history", len(history))):
        if number > state.epoch or (name == "losses" and number < state.epoch):
            raise ValueError(f"{name} has {count(number, 'entry')}, but epoch is {state.epoch}")
