"""One step of a copy of a model, traced."""

from __future__ import annotations

from typing import Any

from chainrule.model import MLP
from chainrule.optimizers import SGD
from chainrule.passes import without_randomness
from chainrule.trainer import Trainer

from ._trace import Trace


def explain(model: MLP, X: Any, y: Any, loss: Any, optimizer: Any, sample_weight: Any) -> Trace:
    """Do what `MLP.explain` describes."""
    if loss is None:
        loss = "cross_entropy" if model.network.output_activation == "softmax" else "half_squared_error"
    copy = model.copy()
    copy._network = without_randomness(model.network)
    trainer = Trainer(copy, loss=loss, optimizer=SGD(0.01) if optimizer is None else optimizer)
    with trainer.trace() as trace:
        trainer.train_on_batch(X, y, sample_weight)
    return trace
