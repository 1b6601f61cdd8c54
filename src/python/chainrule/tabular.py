"""A model for tables: what turns named columns into a network's inputs, and its outputs into answers."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ._checks_values import describe
from ._network import Array, Network
from ._plain import check_record
from ._version import __version__
from .preprocessing import MinMaxScaler, StandardScaler

SCALERS: dict[str, type[MinMaxScaler | StandardScaler]] = {
    "minmax": MinMaxScaler,
    "standard": StandardScaler,
}
Scaler = MinMaxScaler | StandardScaler

FORMAT = "chainrule.table"


@dataclass(frozen=True)
class TablePreprocessing:
    """How the rows of a table were prepared for a network. Saved with it, so that prediction prepares them alike.

    Parameters
    ----------
    feature_names : tuple of str
        The columns that are the inputs, in order.
    scaler : MinMaxScaler, StandardScaler or None
        The scaling of the inputs, fitted to the training rows.
    target_name : str
        What is predicted.
    class_names : tuple of str, or None
        The classes in the order of their labels; None where a quantity is predicted. Two classes may share one
        sigmoid output, which is the probability of the second; otherwise each has an output.
    target_scaler : MinMaxScaler, StandardScaler or None
        The scaling of the quantity.
    """

    feature_names: tuple[str, ...]
    scaler: Scaler | None
    target_name: str
    class_names: tuple[str, ...] | None
    target_scaler: Scaler | None = None

    @property
    def task(self) -> str:
        """``"classification"`` or ``"regression"``."""
        return "regression" if self.class_names is None else "classification"

    def inputs(self, X: Array, dtype: str) -> Array:
        """Return the inputs of the network, shape (rows, features) and of its dtype, for unscaled rows.

        Raises
        ------
        ValueError
            If a scaled value is too large for the dtype: it is very far from the rows that were learned.
        """
        scaled = X if self.scaler is None else self.scaler.transform(X)
        with np.errstate(over="ignore"):
            inputs = np.ascontiguousarray(scaled, dtype=dtype)
        if not np.isfinite(inputs).all():
            row, column = np.argwhere(~np.isfinite(inputs))[0]
            raise ValueError(
                f"{self.feature_names[column]} of row {row} is {X[row, column]}, too far from the rows that were learned"
            )
        return inputs

    def targets(self, values: Array, network: Network) -> Array:
        """Return what the network learns: labels (rows,) or a column of numbers (rows, 1) of its dtype.

        `values` are int64 labels, or the quantity, shape (rows,).
        """
        if self.class_names is not None and network.n_out > 1:
            return values
        column = values.astype(np.float64)[:, np.newaxis]
        scaled: Array = column if self.target_scaler is None else self.target_scaler.transform(column)
        return scaled.astype(network.dtype, copy=False)

    def labels(self, outputs: Array) -> Array:
        """Return the label of the class that each row of outputs, shape (rows, outputs), speaks for: int64."""
        if outputs.shape[1] == 1:
            return np.asarray(outputs[:, 0] >= 0.5, dtype=np.int64)
        return np.asarray(outputs.argmax(axis=1), dtype=np.int64)

    def quantities(self, outputs: Array) -> Array:
        """Return the predicted quantity of each row in its own unit, float64 of shape (rows,)."""
        column = outputs.astype(np.float64)
        return (column if self.target_scaler is None else self.target_scaler.inverse_transform(column))[:, 0]

    # The file

    def to_record(self) -> dict[str, Any]:
        """Return the same as a dict of plain Python values, for `persistence.save`."""
        return {
            "format": FORMAT,
            "version": 1,
            "chainrule": __version__,
            "feature_names": list(self.feature_names),
            "scaler": _scaler_to_record(self.scaler),
            "target_name": self.target_name,
            "class_names": None if self.class_names is None else list(self.class_names),
            "target_scaler": _scaler_to_record(self.target_scaler),
        }

    @classmethod
    def from_record(cls, record: Any, network: Network) -> TablePreprocessing:
        """Return what `to_record` described.

        Raises
        ------
        ValueError
            If the record is malformed, of another kind or a later version, or does not fit the network.
        """
        state = check_record(record, FORMAT, 1, [field.name for field in fields(cls)])
        features = _names(state["feature_names"], "feature_names")
        if len(features) != network.n_in:
            raise ValueError(
                f"feature_names has {len(features)} entries, but this MLP expects {network.n_in}"
            )
        target = state["target_name"]
        if not isinstance(target, str) or not target:
            raise ValueError(f"target_name must be a str that is not empty, but it is {describe(target)}")
        classes = None if state["class_names"] is None else _names(state["class_names"], "class_names")
        _check_outputs(classes, network)
        scaler = _scaler_from_record(state["scaler"], "scaler", len(features))
        target_scaler = _scaler_from_record(state["target_scaler"], "target_scaler", 1)
        if classes is not None and target_scaler is not None:
            raise ValueError("target_scaler must be None where there are class_names")
        return cls(features, scaler, target, classes, target_scaler)


def _check_outputs(classes: tuple[str, ...] | None, network: Network) -> None:
    n_out = network.n_out
    if classes is None:
        if n_out != 1:
            raise ValueError(f"class_names is None, but this MLP has {n_out} outputs; a quantity needs 1")
    elif n_out == 1:
        if len(classes) != 2 or network.output_activation != "sigmoid":
            raise ValueError(f"{len(classes)} class_names do not fit one {network.output_activation} output")
    elif len(classes) != n_out:
        raise ValueError(f"class_names has {len(classes)} entries, but this MLP has {n_out} outputs")


def _names(value: Any, name: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ValueError(f"{name} must be a list of str, but it is {describe(value)}")
    if len(set(value)) != len(value):
        raise ValueError(f"{name} must not repeat a name")
    return tuple(value)


def _scaler_to_record(scaler: Scaler | None) -> dict[str, Any] | None:
    if scaler is None:
        return None
    kind = next(name for name, known in SCALERS.items() if type(scaler) is known)
    return {"kind": kind, **scaler.__getstate__()}


def _scaler_from_record(state: Any, name: str, n_features: int) -> Scaler | None:
    if state is None:
        return None
    if not isinstance(state, dict) or not isinstance(state.get("kind"), str) or state["kind"] not in SCALERS:
        raise ValueError(f"{name} must be None or a dict whose kind is one of {', '.join(SCALERS)}")
    scaler = SCALERS[state["kind"]]()
    try:
        scaler.__setstate__({key: value for key, value in state.items() if key != "kind"})
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from None
    if getattr(scaler, "n_features_in_", None) != n_features:
        raise ValueError(f"{name} must be fitted to {n_features} column{'s' * (n_features != 1)}")
    return scaler
