"""The whole mathematics of chainrule in NumPy, from the forward pass to the update: the specification of the native core.

`mathematics` is all of it in one file, to be read from the top; it begins with the names and the shapes. In other files are
things of which there are more than one needs to understand the rest, each with the calls that lead there:

=====================  ==========================================================================================
`further_activations`  elu, gelu and so on: the table `FURTHER`
`further_losses`       Huber, hinge and so on: `value_and_slope`, `poisson`; `smooth_labels`; `leave_out_missing`
`further_rules`        Adam, RMSprop and so on: `step`; limits of gradients and weights: `clip`, `limit_norms`
`random_numbers`       the order of the rows: `permutation`; `dropout_mask`; noise of the inputs: `disturbed`
`least_squares`        the normal equations of a network, for Levenberg-Marquardt; it stands on `mathematics`
`kept`                 passes that are kept, `forward_pass`, and updates with any gradients, `apply_gradients`
`checked`              the functions of `mathematics` with their arguments checked: those that this package offers
=====================  ==========================================================================================

The native core has the same functions with the same arguments; `_checks` checks them, for both. ``n_threads`` is
checked here and not used. Weights begin as `initializers` says; `Network` (the shape) and `TrainingState` (what training
changes) hold data. All is computed in the dtype of the inputs, float32 or float64. Infinities and NaN pass through as
IEEE 754 says, without warnings.
"""

from __future__ import annotations

from .checked import (
    activation,
    activation_gradient,
    forward,
    forward_checked,  # noqa: F401 - for callers that have checked
    gradients,
    loss_and_gradient,
    loss_checked,  # noqa: F401
    matmul_bias,
    matmul_gradients,
    sgd_momentum_step,
    train_checked,  # noqa: F401
    train_epochs,
)
from .further_rules import adagrad_step, adam_step, rmsprop_step, rprop_step
from .kept import apply_gradients, forward_pass
from .least_squares import damped_step, normal_equations
from .random_numbers import dropout_mask, gaussian_noise, permutation, random_words

__all__ = [
    "activation",
    "activation_gradient",
    "adagrad_step",
    "adam_step",
    "apply_gradients",
    "damped_step",
    "dropout_mask",
    "forward",
    "forward_pass",
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
