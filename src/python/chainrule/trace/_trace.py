"""A trace: what steps of training computed, number by number."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chainrule._network import Network

from ._plain import check_digits, plain
from ._step import TracedStep

if TYPE_CHECKING:
    from ._derivation import Derivation


class Trace:
    """Steps of training, opened up: every factor of the chain rule, for the rows that were asked for.

    `MLP.explain` makes one of a single step, `Trainer.trace` one of what is trained while it is open.

    Attributes
    ----------
    network : Network
        The shape of the network.
    loss : str
        The kind of the loss; "custom" for a function.
    optimizer : dict
        Its name, and its numbers by their names; of a schedule the learning rate is that of the first step traced.
    backend : str
        The core that computed it; "native, reference" where the core was changed meanwhile.
    steps : list of TracedStep

    Notes
    -----
    A step holds, in the dtype of the model, four to eight arrays of the size of all parameters, for each layer the inputs and
    the dL/dz of all rows of the batch, and six arrays (rows shown, units); of softmax one (rows shown, units, units).
    So 100 steps of a network of 100,000 parameters in float32 take some 200 MB; rows cost little beside that.

    Examples
    --------
    >>> import chainrule as cr
    >>> model = cr.MLP([2, 3, 1], activation="sigmoid", dtype="float64", seed=0)
    >>> trace = model.explain([[1.0, 2.0]], [[3.0]], optimizer=cr.SGD(0.01))
    >>> layer = trace.steps[0].layers[1]
    >>> bool(layer.dL_dW[0, 0] == layer.given[0, 0] * layer.dL_dz[0, 0])
    True
    """

    def __init__(self, network: Network, backend: str) -> None:
        self.network, self.backend = network, backend
        self.loss = ""
        self.optimizer: dict[str, Any] = {}
        self.steps: list[TracedStep] = []

    def of(self, name: str, step: int = 0, row: int | None = None) -> Derivation:
        """Return the derivation of one parameter: symbols first, then the numbers put in, then the result.

        Parameters
        ----------
        name : str
            "W1[0, 2]": the weight of layer 1 from its input 0 to its unit 2; "b2[0]": the bias of unit 0 of layer 2. Layers
            count from 1 on, indices from 0 on. The bias of a layer that has one for all of its units is "b1" or "b1[0]".
        step : int, default 0
            Which of `steps`.
        row : int, optional
            Whose factors are shown one by one, by its number; the first row that is shown, by default.

        Returns
        -------
        Derivation

        Raises
        ------
        ValueError, TypeError
            If there is no such parameter, step or row.
        """
        from ._chain import derive

        return derive(self, name, step, row)

    def check(self) -> dict[str, float]:
        """Recompute every number with `chainrule.reference` from what it was computed from.

        Returns
        -------
        dict
            By quantity ("z", "dL_dW", "new_W", ...) the largest deviation, as a share of the bound: at most 1.

        Raises
        ------
        ArithmeticError
            If a number is further off than its bound, which is derived from the number of its roundings; the message says
            which.
        """
        from ._check import check_trace

        return check_trace(self)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as dicts, lists, texts and numbers; None stands for a number that is not finite, too."""
        network = self.network
        shape = {
            "layer_sizes": list(network.layer_sizes),
            "activations": list(network.activations),
            "bias": network.bias,
            "dropout": list(network.dropout),
            "input_dropout": network.input_dropout,
            "input_noise": network.input_noise,
            "dtype": network.dtype,
        }
        return {
            "format": "chainrule.trace",
            "version": 1,
            "network": shape,
            "loss": self.loss,
            "optimizer": {name: plain(value) for name, value in self.optimizer.items()},
            "backend": self.backend,
            "steps": [step.to_dict() for step in self.steps],
        }

    def to_json(self, indent: int | None = None) -> str:
        """Return `to_dict` as JSON. Numbers are written so that they are read as the same floats."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    def to_text(self, digits: int = 7) -> str:
        """Return all quantities of all steps as text, layer by layer."""
        from ._text import trace_to_text

        return trace_to_text(self, check_digits(digits))

    def to_markdown(self, digits: int = 7) -> str:
        """Return all quantities as Markdown: a table for each layer of each step, of long arrays the beginning."""
        from ._tables import trace_to_markdown

        return trace_to_markdown(self, check_digits(digits))

    def to_latex(self, digits: int = 7) -> str:
        """Return all quantities as LaTeX: a matrix each, which needs the package amsmath; of long arrays the beginning."""
        from ._tables import trace_to_latex

        return trace_to_latex(self, check_digits(digits))

    def __str__(self) -> str:
        return self.to_text()

    def to_html(self, digits: int = 6) -> str:
        """Return all quantities of all steps as HTML: a table for each layer, of long arrays the beginning."""
        from ._html import trace_to_html

        return trace_to_html(self, check_digits(digits))

    def _repr_html_(self) -> str:
        return self.to_html()

    def __repr__(self) -> str:
        sizes = "-".join(map(str, self.network.layer_sizes))
        steps = f"{len(self.steps)} step{'s' * (len(self.steps) != 1)}"
        return f"Trace({steps} of {sizes}, loss {self.loss or 'not known yet'}, backend {self.backend})"
