"""Training that is looked into: the method of `Trainer` that traces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ._base_trainer import BaseTrainer

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from .trace import Trace
    from .trainer import Trainer


class TracedTrainer(BaseTrainer):
    """Adds traces to what a trainer is."""

    __slots__ = ()

    def trace(self, *, steps: Any = 1, rows: Any = None) -> AbstractContextManager[Trace]:
        """Trace steps of training, while a ``with`` block lasts: every factor of the chain rule, from the kernels that train.

        Training comes to the same bits. What is traced are the updates of `fit`, `fit_batches` and `train_on_batch`, those of
        `fit_many` too (each trainer has a trace of its own); `apply_gradients` is not, as its gradients come from elsewhere.
        A loss of yours is called three times more for each traced step. Memory: see `chainrule.trace.Trace`.

        Parameters
        ----------
        steps : int, range, list of int or "all", default 1
            So many of the next steps; or those with these numbers, as ``trainer.step`` counts them, from 0 on; or all.
        rows : int or list of int, optional
            The numbers of the rows to show, from 0 on: of X in a fit (of the part that is trained on, where rows are held out), else
            in their batch. A step whose batch has none of them is not traced. All rows of the batch by default.

        Returns
        -------
        context manager
            Of a `Trace`, which has the steps made so far at any time.

        Raises
        ------
        ValueError, TypeError
            If an argument does not fit, or the optimizer makes no updates from gradients (`LBFGS`, `LevenbergMarquardt`).
        RuntimeError
            If the trainer is traced already.

        Examples
        --------
        >>> import chainrule as cr
        >>> model = cr.MLP([2, 3, 1], activation="tanh", dtype="float64", seed=0)
        >>> trainer = cr.Trainer(model, loss="half_squared_error", optimizer=cr.SGD(0.1), batch_size=1, shuffle=False)
        >>> with trainer.trace(steps=2) as trace:
        ...     history = trainer.fit([[1.0, 0.0], [0.0, 1.0]], [1.0, 0.0], epochs=3)
        >>> [step.rows for step in trace.steps]
        [[0], [1]]
        """
        from .trace._tracer import OpenTrace

        return OpenTrace(cast("Trainer", self), steps, rows)
