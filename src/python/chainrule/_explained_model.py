"""A model that is looked into: the method of `MLP` that explains a step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from .model import MLP
    from .trace import Trace


class ExplainedModel:
    """Adds explanations to what a model is."""

    __slots__ = ()

    def explain(
        self, X: Any, y: Any, *, loss: Any = None, optimizer: Any = None, sample_weight: Any = None
    ) -> Trace:  # fmt: skip
        """Return one step of training with these rows, opened up: every factor of the chain rule; the model does not change.

        There is no dropout and no noise, as in a prediction; `Trainer.trace` has steps with them.

        Parameters
        ----------
        X, y : array-like
            As in `Trainer.fit`: at least one row. All rows are one batch.
        loss : str, object or function, optional
            As of `Trainer`: give the one that the model is trained with. None: "cross_entropy" after softmax, else
            "half_squared_error".
        optimizer : optional
            What makes the update of the gradient, as at its first step; ``SGD(0.01)`` by default.
        sample_weight : array-like, shape (rows,), optional

        Returns
        -------
        chainrule.trace.Trace
            Of one step.

        Raises
        ------
        ValueError, TypeError
            If an argument does not fit.
        FloatingPointError
            If the loss, a gradient or a new parameter is not finite.

        Examples
        --------
        >>> import chainrule as cr
        >>> model = cr.MLP([2, 3, 1], activation="sigmoid", dtype="float64", seed=0)
        >>> trace = model.explain([[1.0, 2.0]], [[3.0]])
        >>> layer = trace.steps[0].layers[0]
        >>> bool((layer.new_W == layer.W - 0.01 * layer.dL_dW).all())
        True
        """
        from .trace._explain import explain

        return explain(cast("MLP", self), X, y, loss, optimizer, sample_weight)
