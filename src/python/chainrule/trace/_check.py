"""A trace against the reference core: each quantity recomputed from the recorded ones that it is computed from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chainrule import reference
from chainrule._losses import LossRule
from chainrule._network import Array, Network
from chainrule.reference import mathematics

from . import _bounds
from ._compute import Batch, loss_by_outputs, scale_of, slope
from ._formulas import TAKEN_DIRECTLY
from ._layer import TracedLayer
from ._step import TracedStep
from ._updated import updated

if TYPE_CHECKING:
    from ._trace import Trace


def check_trace(trace: Trace) -> dict[str, float]:
    """Do what `Trace.check` describes."""
    worst: dict[str, float] = {}
    with np.errstate(all="ignore"):
        for step in trace.steps:
            _Checked(trace.network, step, worst).run()
    return worst


class _Checked:
    def __init__(self, network: Network, step: TracedStep, worst: dict[str, float]) -> None:
        self.network, self.step, self.worst = network, step, worst

    def run(self) -> None:
        layers = self.step.layers
        for layer in layers:
            self._forward(layer)
        self._output(layers[-1])
        for layer in reversed(layers):
            self._back(layer)
        for layer in layers:
            self._gradients(layer)
        self._update()

    def compare(
        self, name: str, found: Array | float, expected: Array | float, bound: Array | float, number: int
    ) -> None:
        """Note how far a quantity is off, as a share of its bound."""
        actual, wanted = np.asarray(found, np.float64), np.asarray(expected, np.float64)
        same = (actual == wanted) | (np.isnan(actual) & np.isnan(wanted))
        off = np.where(same, 0.0, np.abs(actual - wanted))
        share = np.where(off == 0, 0.0, off / np.maximum(bound, np.finfo(np.float64).tiny))
        most = float(np.max(np.nan_to_num(share, nan=np.inf, posinf=np.inf), initial=0.0))
        self.worst[name] = max(self.worst.get(name, 0.0), most)
        if most > 1:
            place = tuple(
                int(i)
                for i in np.unravel_index(int(np.argmax(np.nan_to_num(share, nan=np.inf))), share.shape)
            )
            where = f"[{', '.join(map(str, place))}]" if place else ""
            raise ArithmeticError(
                f"{name}{where} of layer {number} in step {self.step.step} is {actual[place]:.17g}, but the reference core "
                f"comes to {wanted[place]:.17g}; they may differ by {np.broadcast_to(bound, share.shape)[place]:.3g}"
            )

    def _forward(self, layer: TracedLayer) -> None:
        n = layer.number
        if n > 1:
            before = self.step.layers[n - 2]
            given = before.a if before.mask is None else before.a * before.mask
            self.compare("given", layer.given, given, _bounds.eps_of(given) * np.abs(given), n)
        z = reference.matmul_bias(layer.given, layer.W, layer.b)
        self.compare("z", layer.z, z, _bounds.chain(layer.given, layer.W, layer.b), n)
        a = reference.activation(layer.activation, layer.z)
        self.compare("a", layer.a, a, _bounds.activated(layer.activation, layer.z, a), n)

    def _back(self, layer: TracedLayer) -> None:
        """Check the factors of a layer, and what they make."""
        n, name = layer.number, layer.activation
        slopes = slope(reference, name, layer.z, layer.a)
        self.compare("da_dz", layer.da_dz, slopes, _bounds.sloped(slopes, layer.z), n)
        if n < len(self.step.layers):
            after = self.step.layers[n]
            dA = after.dL_dz @ after.W.T
            bound = _bounds.chain(after.dL_dz, np.ascontiguousarray(after.W.T))
            if layer.mask is not None:
                dA, bound = dA * layer.mask, bound * layer.mask + _bounds.eps_of(dA) * np.abs(dA * layer.mask)
            self.compare("dL_da", layer.dL_da, dA, bound, n)
        if n == len(self.step.layers) and self.step.loss_rule.kind in TAKEN_DIRECTLY:
            return
        dZ = reference.activation_gradient(name, layer.a, layer.dL_da, Z=layer.z)
        size = np.abs(layer.dL_da).astype(np.float64)
        if name == "softmax":
            bound = (16 + layer.n_out) * _bounds.eps_of(dZ) * (size.max(axis=1, keepdims=True) + 0 * size)
            bound = bound + _bounds.smallest_of(dZ)
        else:
            bound = (
                size * _bounds.sloped(slopes, layer.z)
                + 4 * _bounds.eps_of(dZ) * np.abs(dZ)
                + _bounds.smallest_of(dZ)
            )
        self.compare("dL_dz", layer.dL_dz, dZ, bound, n)

    def _gradients(self, layer: TracedLayer) -> None:
        dZ, places = layer.batch_dL_dz, self.step.places
        self.compare("given", layer.given, layer.batch_given[places], 0.0, layer.number)
        self.compare("dL_dz", layer.dL_dz, dZ[places], 0.0, layer.number)
        dW = layer.batch_given.T @ dZ
        bound = _bounds.chain(np.ascontiguousarray(layer.batch_given.T), dZ)
        self.compare("dL_dW", layer.dL_dW, dW, bound, layer.number)
        if layer.dL_db is not None:
            db, bound = dZ.sum(axis=0), _bounds.column_sums(dZ)
            if self.network.bias == "layer":
                db, bound = db.sum(keepdims=True), np.asarray(_bounds.column_sums(dZ, layer.n_out).sum())
            self.compare("dL_db", layer.dL_db, db, bound, layer.number)

    def _output(self, layer: TracedLayer) -> None:
        """Check the loss's derivatives; a loss of the user's is not called again."""
        step, rule = self.step, self.step.loss_rule
        if rule.function is not None:
            return
        rule = rule._replace(label_smoothing=0.0)  # which is in the target already
        batch = _batch_of(step, rule)
        places = step.places
        shown = step.layers[-1]
        Z, A = np.zeros_like(step.batch_target), np.ones_like(step.batch_target)
        Z[places], A[places] = shown.z, shown.a
        dA = loss_by_outputs(reference, self.network, batch, Z, A)[places]
        entry = np.abs(scale_of(batch, self.network)).astype(np.float64)[places]
        scale = _bounds.ENTRY_UNITS * _bounds.eps_of(dA)
        bound = scale * np.maximum(np.abs(dA), entry) + _bounds.smallest_of(dA)
        self.compare("dL_da", shown.dL_da, dA, bound, layer.number)
        if rule.kind in TAKEN_DIRECTLY:
            dZ = self._loss(batch, Z)[1][places]
            size = np.abs(shown.a) + np.abs(np.nan_to_num(step.target)) + 1
            bound = (8 + layer.n_out) * _bounds.eps_of(dZ) * size * entry
            self.compare("dL_dz", shown.dL_dz, dZ, bound + _bounds.smallest_of(dZ), layer.number)
        if len(places) == step.batch_rows:
            loss, _ = self._loss(batch, Z)
            largest = float(np.max(np.abs(Z), initial=1.0))
            size = max(abs(loss), largest * largest)  # which may be infinite, where ** would raise
            self.compare("loss", step.loss, loss, 64 * _bounds.eps_of(Z) * size * layer.n_out, layer.number)

    def _loss(self, batch: Batch, Z: Array) -> tuple[float, Array]:
        return mathematics.loss_and_gradient(
            batch.loss, Z, batch.target, self.network.output_activation, batch.weight, batch.output_weights
        )

    def _update(self) -> None:
        for name, number, found, expected, bound in updated(self.step):
            self.compare(name, found, expected, bound, number)


def _batch_of(step: TracedStep, rule: LossRule) -> Batch:
    X = step.layers[0].batch_given
    return Batch(X, step.batch_target, step.batch_weight, rule, step.output_weights, 0, 0)
