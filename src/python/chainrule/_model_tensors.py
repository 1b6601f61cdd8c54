"""A model as named arrays and a text: what a safetensors file holds of it.

The arrays are named and shaped as those of ``torch.nn.Linear``: ``layers.0.weight`` (n_out, n_in), ``layers.0.bias`` (n_out,),
``layers.1.weight``, ... A single bias of a layer is repeated for each of its units. The metadata are ``chainrule``, all the
rest of the model as JSON, and ``sha256``, the checksum of that text and of the arrays.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from . import _safetensors
from ._checks_values import check_sequence
from ._network import Array
from ._plain import array_from_record, array_to_record, check_record
from ._record_checksum import checksum

_ARRAYS = ("weights", "biases")


def model_tensors(record: Mapping[str, Any]) -> dict[str, Array]:
    """Return the arrays of the record of a model, by their names in a safetensors file."""
    tensors = {}
    for i, weights in enumerate(record["weights"]):
        tensors[f"layers.{i}.weight"] = array_from_record(weights, "weights").T
        if record["biases"]:
            bias = array_from_record(record["biases"][i], "biases")
            tensors[f"layers.{i}.bias"] = np.broadcast_to(bias, weights["shape"][1:])
    return tensors


def encode_model(record: Mapping[str, Any]) -> bytes:
    """Return the file of a record of a model.

    Raises
    ------
    TypeError, ValueError
        If its ``preprocessing`` holds what JSON cannot, or more of it than fits into a header.
    """
    text = json.dumps({name: value for name, value in record.items() if name not in _ARRAYS})
    return signed(model_tensors(record), text)


def signed(tensors: Mapping[str, Array], text: str, longest: int = _safetensors.LONGEST_HEADER) -> bytes:
    """Return the file of some arrays and a text, with their checksum; the header may have ``longest`` bytes."""
    return _safetensors.encode(tensors, {"chainrule": text, "sha256": _sum(tensors, text)}, longest)


def described(
    file: BinaryIO, size: int, longest: int = _safetensors.LONGEST_HEADER
) -> tuple[dict[str, Array], dict[str, str], dict[str, Any]]:
    """Return the arrays, the metadata and the description of a file that `signed` made; its checksum is yet to be looked at.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    tensors, metadata = _safetensors.decode(file, size, longest)
    for name in ("chainrule", "sha256"):
        if name not in metadata:
            raise ValueError(
                f"its metadata lack {name!r}, which files of chainrule have: another program wrote it"
            )
    return tensors, metadata, _safetensors.parse_json(metadata["chainrule"], "its description")


def check_signed(tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> None:
    """Refuse arrays and metadata whose checksum is not theirs."""
    if metadata["sha256"] != _sum(tensors, metadata["chainrule"]):
        raise ValueError("its checksum is wrong, so the file is damaged, or was changed by another program")
    if unknown := sorted(metadata.keys() - {"chainrule", "sha256"}):
        raise ValueError(f"it has the unknown field {unknown[0]:.60}")


def decode_model(file: BinaryIO, size: int, kind: str, version: int) -> dict[str, Any]:
    """Return the record that `encode_model` made this file of.

    Raises
    ------
    ValueError, TypeError
        If it is anything else, or damaged.
    """
    tensors, metadata, told = described(file, size)
    record = check_record(told, kind, version, ("network", "seed", "preprocessing"))
    check_signed(tensors, metadata)
    network = record["network"]
    if not isinstance(network, dict):
        raise ValueError("network must be a dict")  # noqa: TRY004
    layers = len(check_sequence(network.get("layer_sizes"), "layer_sizes")) - 1
    bias = network.get("bias")
    kinds = ("weight",) if bias is None else ("weight", "bias")
    expected = {f"layers.{i}.{kind}" for i in range(layers) for kind in kinds}
    if wrong := sorted(expected ^ tensors.keys()):
        raise ValueError(
            f"it {'has the unknown' if wrong[0] in tensors else 'lacks the'} array {wrong[0]:.60}"
        )
    biases = [tensors[f"layers.{i}.bias"] for i in range(layers if bias is not None else 0)]
    if bias == "layer":
        biases = [_only(array, i) for i, array in enumerate(biases)]
    record["weights"] = [array_to_record(tensors[f"layers.{i}.weight"].T) for i in range(layers)]
    record["biases"] = [array_to_record(array) for array in biases]
    return record


def _only(bias: Array, i: int) -> Array:
    """Return the one bias of a layer, of one for each unit."""
    if bias.ndim != 1 or not bias.size or np.broadcast_to(bias[0], bias.shape).tobytes() != bias.tobytes():
        raise ValueError(
            f"layers.{i}.bias must be the same for all units, as the network has one bias a layer"
        )
    return bias[:1]


def _sum(tensors: Mapping[str, Array], text: str) -> str:
    return checksum(
        {"text": text, "arrays": {name: array_to_record(array) for name, array in tensors.items()}}
    )
