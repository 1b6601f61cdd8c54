"""What a report is made of, checked, and in one place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule._evaluation import Objective, Rows, as_rows
from chainrule._network import Array, Network
from chainrule.history import History
from chainrule.model import MLP
from chainrule.trace import Trace

if TYPE_CHECKING:
    from chainrule.tabular import TablePreprocessing
    from chainrule.trace import TracedStep
    from chainrule.trainer import Trainer


@dataclass(frozen=True)
class Words:
    """How inputs and outputs are called, and how outputs become quantities of the user's unit.

    Parameters
    ----------
    inputs, outputs : tuple of str
        A name for each.
    classes : tuple of str, or None
        In the order of the labels, where the network tells classes apart; one output may stand for two.
    target : str
    preprocessing : TablePreprocessing, optional
        Of a network that the command line saved: the rows that are given are scaled already.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    classes: tuple[str, ...] | None
    target: str = "target"
    preprocessing: TablePreprocessing | None = None


@dataclass(frozen=True)
class Given:
    """Everything a page shows is taken from here.

    Parameters
    ----------
    model : MLP
    objective : Objective
        What is minimised, or what fits the output where nothing says it.
    words : Words
    trainer, history : optional
    rows : Rows, optional
        As the network takes them.
    trace : Trace, optional
        Its first step is shown.
    title : str
    n_threads : int, optional
        For predictions.
    notes : list of str
        What the page says about where its content comes from.
    """

    model: MLP
    objective: Objective
    words: Words
    trainer: Trainer | None = None
    history: History | None = None
    rows: Rows | None = None
    trace: Trace | None = None
    title: str = "Report"
    n_threads: int | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def network(self) -> Network:
        """The shape of the network."""
        return self.model.network

    @property
    def step(self) -> TracedStep | None:
        """The update that is shown."""
        return None if self.trace is None else self.trace.steps[0]


def words_of(network: Network, preprocessing: TablePreprocessing | None, rows: Rows | None) -> Words:
    """Return the names that were saved with a network, or numbers."""
    inputs = tuple(f"x[{i}]" for i in range(network.n_in))
    outputs = tuple(f"output {i}" for i in range(network.n_out))
    if preprocessing is not None:
        inputs, classes = preprocessing.feature_names, preprocessing.class_names
        outputs = (preprocessing.target_name,) if classes is None else classes[-network.n_out :]
        return Words(inputs, outputs, classes, preprocessing.target_name, preprocessing)
    n_classes = _classes_in(network, rows)
    classes = None if n_classes is None else tuple(f"class {i}" for i in range(n_classes))
    if classes is not None and network.n_out > 1:
        outputs = classes
    return Words(inputs, outputs, classes)


def default_loss(network: Network) -> str:
    """Return the loss that is usual with an output activation, for a network that comes without one."""
    return {
        "softmax": "cross_entropy",
        "sigmoid": "binary_cross_entropy",
        "exponential": "poisson",
    }.get(network.output_activation, "mean_squared_error")


def rows_of(X: Any, y: Any, sample_weight: Any, network: Network, objective: Objective) -> Rows | None:
    """Return X and y as the network takes them; None if neither is given.

    Raises
    ------
    ValueError, TypeError
        If they do not fit, or one is given without the other.
    """
    if X is None and y is None:
        if sample_weight is not None:
            raise ValueError("sample_weight is given without X and y; give the rows that it is of")
        return None
    if X is None or y is None:
        here, away = ("y", "X") if X is None else ("X", "y")
        raise ValueError(f"{here} is given without {away}; a report needs both, or neither")
    return as_rows(X, y, network, objective, sample_weight=sample_weight)


def _classes_in(network: Network, rows: Rows | None) -> int | None:
    """Return how many classes the targets are of; None for quantities, and for several labels of one row."""
    if network.output_activation == "softmax":
        return network.n_out
    if rows is None:
        return None
    target: Array = rows.target
    if target.ndim == 1:
        return network.n_out
    known = target[np.isfinite(target)]
    if not np.isin(known, (0, 1)).all():
        return None
    if network.n_out == 1:
        return 2 if network.output_activation == "sigmoid" else None
    return network.n_out if (np.nansum(target, axis=1) == 1).all() else None
