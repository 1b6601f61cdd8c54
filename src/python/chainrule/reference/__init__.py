"""The whole mathematics of chainrule in NumPy, from the forward pass to the update.

Read its files in this order: `random_numbers`, `activations`, `layers` (one layer), `losses`, `updates`, `rules`, `networks`
(forward and back through all layers), `training`, `least_squares`. Every step forward stands next to its gradient. They specify the
native core, which has the same functions with the same arguments; `_checks` checks them, for both. ``n_threads`` is
checked here and not used. Weights begin as `initializers` says; `Network` (the shape) and `TrainingState` (what training changes) hold data.

=======  =================================================================================================
rows     the samples of a batch: first axis of every array of data
X        (rows, n_in), what a layer is given
W        (n_in, n_out), its weights
b        (n_out,), its biases, one per neuron; or (1,), one for the whole layer; or None
Z        (rows, n_out), its weighted sums, ``Z = X W + b``
A        (rows, n_out), its activations, ``A = f(Z)``
target   (rows, n_out), what A should be; or (rows,), integer class labels
dQ       the derivative of the loss with respect to Q, of the shape of Q, for Q any of the above
noise    (rows, n_in), normal numbers times ``input_noise``, that are added to X in training
mask     (rows, n_in) or (rows, n_out), the factors of dropout for X or for the A of a hidden layer
=======  =================================================================================================

All is computed in the dtype of the inputs, float32 or float64. Infinities and NaN pass through as IEEE 754
says, without warnings. A name with a leading underscore does the work of the same name without, unchecked.
"""

from __future__ import annotations

from .activations import activation, activation_gradient
from .layers import matmul_bias, matmul_gradients
from .least_squares import damped_step, normal_equations
from .losses import loss_and_gradient
from .networks import forward, gradients
from .random_numbers import dropout_mask, gaussian_noise, permutation, random_words
from .rules import adagrad_step, adam_step, rmsprop_step, rprop_step
from .training import train_epochs
from .updates import sgd_momentum_step

__all__ = [
    "activation",
    "activation_gradient",
    "adagrad_step",
    "adam_step",
    "damped_step",
    "dropout_mask",
    "forward",
    "gaussian_noise",
    "gradients",
    "loss_and_gradient",
    "matmul_bias",
    "matmul_gradients",
    "normal_equations",
    "permutation",
    "random_words",
    "rmsprop_step",
    "rprop_step",
    "sgd_momentum_step",
    "train_epochs",
]
