"""A run as safetensors: the arrays of every entry that has a body, and all the rest as JSON.

Of entry 5, ``entries.5.layers.0.weight`` and so on are as in the file of a model, ``entries.5.weight_velocity.0`` (and
``weight_square``) have the shape of that weight, (n_out, n_in), and ``entries.5.bias_velocity.0`` (and ``bias_square``) that of
the biases. The metadata ``chainrule`` is a dict in JSON: ``format``, ``version``, ``chainrule``, and ``entries``, a list of the heads, each
with ``body``: None, or what is no array of it. JSON here has NaN, Infinity and -Infinity, as Python writes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ._model_tensors import model_tensors, signed
from ._network import Array
from ._plain import array_from_record
from ._version import __version__

_FORMAT = ("format", "version", "chainrule")
_OF_MODEL = ("weights", "biases")
_OF_OPTIMIZER = ("weight_velocity", "bias_velocity", "weight_square", "bias_square")
LONGEST_HEADER = 100_000_000
"""Bytes, beyond which the safetensors package reads nothing."""


def encode_run(entries: Iterable[tuple[dict[str, Any], dict[str, Any] | None]]) -> bytes:
    """Return the file of the heads and bodies of a run.

    Raises
    ------
    ValueError
        If there are too many entries for a header.
    """
    tensors: dict[str, Array] = {}
    plain = []
    for number, (head, body) in enumerate(entries):
        said = {name: value for name, value in head.items() if name not in _FORMAT}
        plain.append({**said, "body": None if body is None else _plain(body)})
        if body is not None:
            tensors.update({f"entries.{number}.{name}": array for name, array in _arrays(body).items()})
    text = json.dumps({"format": "chainrule.run", "version": 1, "chainrule": __version__, "entries": plain})
    return signed(tensors, text, LONGEST_HEADER)


def _plain(body: dict[str, Any]) -> dict[str, Any]:
    model = {name: value for name, value in body["model"].items() if name not in _OF_MODEL}
    return {**{name: value for name, value in body.items() if name not in _OF_OPTIMIZER}, "model": model}


def _arrays(body: dict[str, Any]) -> dict[str, Array]:
    arrays = model_tensors(body["model"])
    for kind in _OF_OPTIMIZER:
        for i, record in enumerate(body[kind]):
            arrays[f"{kind}.{i}"] = array_from_record(record, kind).T
    return arrays
