"""The worked examples by their names."""

from __future__ import annotations

from collections.abc import Callable

from chainrule._checks_values import check_choice

from ._everything_stored import everything_stored
from ._example import WorkedExample
from ._perceptron import perceptron
from ._shared_bias import shared_bias
from ._three_inputs import three_inputs
from ._two_inputs import two_inputs

_MADE: dict[str, Callable[[], WorkedExample]] = {
    "three-inputs": three_inputs,
    "two-inputs": two_inputs,
    "shared-bias": shared_bias,
    "perceptron": perceptron,
    "everything-stored": everything_stored,
}
EXAMPLES = tuple(_MADE)
"""Their names."""


def worked_example(name: str) -> WorkedExample:
    """Return an example that tutorials print: its network, its names and its figures.

    Parameters
    ----------
    name : "three-inputs", "two-inputs", "shared-bias", "perceptron" or "everything-stored"

    Returns
    -------
    WorkedExample
        ``print`` shows its derivations.

    Raises
    ------
    ValueError, TypeError
        If there is none of that name.

    Examples
    --------
    >>> from chainrule.trace import worked_example
    >>> example = worked_example("two-inputs")
    >>> round(example.derivations()[0].derivative, 6)
    -1.68566
    """
    return _MADE[check_choice(name, "name", EXAMPLES)]()
