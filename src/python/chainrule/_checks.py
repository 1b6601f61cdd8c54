"""The argument checks of the core functions: one per function, called by both cores.

Each takes the arguments of the core function of its name, raises before any work starts, and returns what the
core computes with: plain Python values, and arrays as `_checks_arrays` describes them. So the native core and
the reference accept the same things, and refuse the rest in the same words.
"""

from __future__ import annotations

from ._checks_layers import (
    MAX_64,
    MAX_WORDS,
    Update,
    check_activation,
    check_activation_gradient,
    check_dropout_mask,
    check_gaussian_noise,
    check_loss_and_gradient,
    check_mask_size,
    check_matmul_bias,
    check_matmul_gradients,
    check_permutation,
    check_random_words,
    check_rows,
    check_rule_step,
    check_sample_weight,
    check_seed,
    check_sgd_momentum_step,
    check_target,
    check_update,
)
from ._checks_least_squares import (
    NOT_POSITIVE_DEFINITE,
    check_damped_step,
    check_least_squares,
    check_normal_equations,
    check_nothing_random,
)
from ._checks_network import (
    Batch,
    Training,
    check_forward,
    check_frozen,
    check_gradients,
    check_inputs,
    check_network,
    check_parameters,
    check_train_epochs,
    check_trainable,
    find_nonfinite,
    find_nonfinite_parameter,
    nonfinite_error,
    nonfinite_update,
)
from ._checks_pass import (
    check_apply_gradients,
    check_forward_pass,
    check_output_gradient,
    check_output_number,
)
from ._losses import STEP_HAS_NO_GRADIENT, check_loss

__all__ = [
    "MAX_64",
    "MAX_WORDS",
    "NOT_POSITIVE_DEFINITE",
    "STEP_HAS_NO_GRADIENT",
    "Batch",
    "Training",
    "Update",
    "check_activation",
    "check_activation_gradient",
    "check_apply_gradients",
    "check_damped_step",
    "check_dropout_mask",
    "check_forward",
    "check_forward_pass",
    "check_frozen",
    "check_gaussian_noise",
    "check_gradients",
    "check_inputs",
    "check_least_squares",
    "check_loss",
    "check_loss_and_gradient",
    "check_mask_size",
    "check_matmul_bias",
    "check_matmul_gradients",
    "check_network",
    "check_normal_equations",
    "check_nothing_random",
    "check_output_gradient",
    "check_output_number",
    "check_parameters",
    "check_permutation",
    "check_random_words",
    "check_rows",
    "check_rule_step",
    "check_sample_weight",
    "check_seed",
    "check_sgd_momentum_step",
    "check_target",
    "check_train_epochs",
    "check_trainable",
    "check_update",
    "find_nonfinite",
    "find_nonfinite_parameter",
    "nonfinite_error",
    "nonfinite_update",
]
