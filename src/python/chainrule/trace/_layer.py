"""What a trace holds of one layer in one step: its arrays, each under the name it has in the chain rule."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from chainrule._network import Array

from ._plain import plain

_IN_DICT = (
    "number", "activation", "given", "W", "b", "z", "a", "mask", "dL_da", "da_dz", "dL_dz", "dL_dW", "dL_db",
    "velocity_W", "velocity_b", "new_W", "new_b", "previous_velocity_W", "previous_velocity_b", "square_W", "square_b",
    "previous_square_W", "previous_square_b"
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class TracedLayer:
    """One layer in one step. Arrays have the dtype of the model; n_in and n_out are the inputs and units of the layer.

    Attributes
    ----------
    number : int
        From 1 on, counted from the inputs.
    activation : str
    given : ndarray, shape (rows, n_in)
        What the layer was given: X, with its noise and mask in training, or what the layer before gave on.
    W : ndarray, shape (n_in, n_out)
    b : ndarray, shape (n_out,) or (1,), or None
        Both before the step.
    z : ndarray, shape (rows, n_out)
        ``given W + b``.
    a : ndarray, shape (rows, n_out)
        ``f(z)``, before dropout.
    mask : ndarray, shape (rows, n_out), or None
        The factors of dropout; the next layer is given ``a mask``.
    dL_da : ndarray, shape (rows, n_out)
        The derivatives of the loss of the batch. What divides a mean loss, such as the number of rows, is in them.
    da_dz : ndarray, shape (rows, n_out); of softmax (rows, n_out, n_out)
        ``f'(z)``; of softmax the Jacobian of each row, ``[r, j, k]`` being da_j / dz_k.
    dL_dz : ndarray, shape (rows, n_out)
        ``dL_da da_dz``. The cross-entropies and poisson have it from ``a - y``, without a quotient by a.
    dL_dW : ndarray, shape (n_in, n_out)
    dL_db : ndarray of the shape of b, or None
        Both of all rows of the batch, without weight decay and clipping.
    velocity_W, velocity_b : ndarray or None
        What the optimizer remembers first, after the step: the velocity of SGD and RMSprop, Adam's mean of the gradients,
        the gradient RPROP went by. None where it remembers no such thing (Adagrad).
    new_W, new_b : ndarray or None
        The parameters after the step.
    previous_velocity_W, previous_velocity_b : ndarray or None
        Before the step.
    square_W, square_b, previous_square_W, previous_square_b : ndarray or None
        What it remembers second, after and before the step: the mean of the squared gradients of Adam and RMSprop, their sum of
        Adagrad, the step sizes of RPROP.
    batch_given, batch_dL_dz : ndarray
        `given` and `dL_dz` of all rows of the batch, shown or not.
    """

    number: int
    activation: str
    given: Array
    W: Array
    b: Array | None
    z: Array
    a: Array
    mask: Array | None
    dL_da: Array
    da_dz: Array
    dL_dz: Array
    dL_dW: Array
    dL_db: Array | None
    velocity_W: Array | None
    velocity_b: Array | None
    new_W: Array
    new_b: Array | None
    previous_velocity_W: Array | None
    previous_velocity_b: Array | None
    square_W: Array | None
    square_b: Array | None
    previous_square_W: Array | None
    previous_square_b: Array | None
    batch_given: Array = field(repr=False)
    batch_dL_dz: Array = field(repr=False)

    @property
    def n_in(self) -> int:
        """How many inputs the layer has."""
        return int(self.W.shape[0])

    @property
    def n_out(self) -> int:
        """How many units the layer has."""
        return int(self.W.shape[1])

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain numbers and lists; None stands for a number that is not finite, too."""
        return {name: plain(getattr(self, name)) for name in _IN_DICT}

    def __repr__(self) -> str:
        rows = len(self.given)
        return (
            f"TracedLayer({self.number}: {self.n_in} to {self.n_out}, {self.activation}, {rows} rows shown)"
        )
