"""Training in the user's own hands: the parts of an update one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ._base_trainer import BaseTrainer
from ._checks_values import check_bool, check_int, describe
from ._network import Array
from ._plateau import at_present
from ._whole_batch import takes_all_rows
from .backend import core
from .inputs import as_dtype
from .passes import ForwardPass


class ManualTrainer(BaseTrainer):
    """The methods of `Trainer` that make a part of an update: forward, backward (of what that returns), and the update."""

    __slots__ = ()

    def forward(self, X: Any, keep: bool = False) -> Array | ForwardPass:
        """Take rows through the network as the next update would: with its dropout masks and its noise; nothing changes.

        Parameters
        ----------
        X : array-like, shape (rows, features)
            At least one row.
        keep : bool, default False
            Whether to keep what the way back needs.

        Returns
        -------
        ndarray, shape (rows, outputs), or ForwardPass
            The outputs; with ``keep=True`` a pass that has them as ``output``, and whose ``backward(d_output)`` returns the
            gradients of any loss from its derivatives with respect to them.

        Raises
        ------
        ValueError, TypeError
            If X does not fit.

        Examples
        --------
        A step of policy gradient, which makes what was done (1 of 2) more likely by its advantage:

        >>> import numpy as np
        >>> import chainrule as cr
        >>> policy = cr.MLP([3, 8, 2], activation="tanh", output_activation="softmax", seed=0)
        >>> trainer = cr.Trainer(policy, loss="cross_entropy", optimizer=cr.Adam(0.01))
        >>> states, advantage = np.ones((4, 3), "float32"), np.full((4, 1), 0.5, "float32")
        >>> kept = trainer.forward(states, keep=True)
        >>> done = np.eye(2, dtype="float32")[[1, 1, 1, 1]]
        >>> before = kept.output[0, 1]
        >>> trainer.apply_gradients(kept.backward(d_sums=(kept.output - done) * advantage / 4))
        >>> bool(trainer.forward(states)[0, 1] > before)
        True
        """
        model = self._model
        kept: ForwardPass = core().forward_pass(
            model.network,
            model.weights,
            model.biases,
            as_dtype(X, "X", model.dtype),
            seed=self.seed,
            step=self._state.step,
            n_threads=self.n_threads,
        )
        return kept if check_bool(keep, "keep") else kept.output

    def apply_gradients(self, gradients: Any) -> None:
        """Make one update with these gradients; it counts as a step.

        Velocities, the schedule, penalties and limits of the optimizer are those of any update, so that
        ``apply_gradients(gradients(X, y))`` gives the bits of ``train_on_batch(X, y)``.

        Parameters
        ----------
        gradients : Gradients, or pair of lists
            Or the derivatives with respect to all weights and to all biases, in two lists of arrays of their shapes and the
            dtype of the model.

        Raises
        ------
        ValueError, TypeError
            If they do not fit the model, or the optimizer makes no updates from single gradients.
        FloatingPointError
            If a gradient, or a parameter after the update, is not finite. Nothing has changed.
        """
        optimizer = at_present(self.optimizer, self._state)
        if takes_all_rows(optimizer):
            raise TypeError(
                f"{type(optimizer).__name__} minimises the loss of all rows in steps of its own; apply_gradients needs "
                "another optimizer"
            )
        if not isinstance(gradients, (tuple, list)) or len(gradients) not in (2, 3):
            raise TypeError(
                f"gradients must be Gradients, or lists for the weights and the biases, but it is {describe(gradients)}"
            )
        weights, biases = gradients[-2:]
        core().apply_gradients(
            self._model.network,
            self.state,
            weights,
            biases,
            optimizer=optimizer,
            frozen=self.frozen,
            n_threads=self.n_threads,
        )

    def freeze(self, layers: int | Sequence[int]) -> None:
        """Let layers stay as they are in all updates to come, their weights, biases and velocities.

        What lies before the first one that learns is not differentiated any more, which saves time. `gradients` still returns
        the derivatives of all.

        Parameters
        ----------
        layers : int or list of int
            Numbers of layers of weights, from 0 on, as in ``model.weights``; beside those that are frozen already, which the
            attribute ``frozen`` has. At least one layer must be left.

        Raises
        ------
        ValueError, TypeError
            If there is no such layer, or the optimizer trains all layers (`LBFGS`, `LevenbergMarquardt`).
        """
        self.frozen = (*self.frozen, *_several(layers))

    def unfreeze(self, layers: int | Sequence[int] | None = None) -> None:
        """Let layers learn again, all by default.

        Raises
        ------
        ValueError, TypeError
            If there is no such layer.
        """
        if layers is None:
            self.frozen = ()
            return
        n = self._model.network.n_layers
        given = [check_int(layer, "layers", 0, n - 1) for layer in _several(layers)]
        self.frozen = tuple(layer for layer in self.frozen if layer not in given)


def _several(layers: Any) -> tuple[Any, ...]:
    return tuple(layers) if isinstance(layers, (list, tuple, range)) else (layers,)
