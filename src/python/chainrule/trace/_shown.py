"""From what a core computed of a whole batch to what a trace shows of it."""

from __future__ import annotations

from dataclasses import dataclass

from chainrule._losses import loss_rule
from chainrule._network import Array, Network, TrainingState
from chainrule._rules import Rule
from chainrule.reference.further_losses import smooth_labels
from chainrule.targets import one_hot

from ._compute import Batch, Found
from ._layer import TracedLayer
from ._step import TracedStep

_REMEMBERED = ("weight_velocity", "bias_velocity", "weight_square", "bias_square")


@dataclass
class Before:
    """A copy of all that the next step changes, and which rows it takes."""

    weights: list[Array]
    biases: list[Array]
    remembered: dict[str, list[Array]]
    numbers: Array
    places: list[int]
    epoch: int
    step: int

    @classmethod
    def of(cls, state: TrainingState, numbers: Array, places: list[int], epoch: int, step: int) -> Before:
        """Copy it from the state."""
        remembered = {name: _copies(getattr(state, name)) for name in _REMEMBERED}
        return cls(_copies(state.weights), _copies(state.biases), remembered, numbers, places, epoch, step)


def traced_step(
    network: Network, batch: Batch, found: Found, before: Before, state: TrainingState, rule: Rule,
    frozen: tuple[int, ...], total: float, has_square: bool
) -> TracedStep:  # fmt: skip
    """Return a step, with the rows that are to be shown; the state is as after it."""
    after = {name: _copies(getattr(state, name)) for name in _REMEMBERED}
    new_weights, new_biases = _copies(state.weights), _copies(state.biases)
    places, has_bias = before.places, network.bias is not None
    has_velocity = rule.kind != "adagrad"
    layers = []
    for i, each in enumerate(found.layers):

        def first(arrays: dict[str, list[Array]], name: str, i: int = i) -> Array | None:
            kept = has_velocity if name.endswith("velocity") else has_square
            return arrays[name][i] if kept and (has_bias or name.startswith("weight")) else None

        layers.append(
            TracedLayer(
                number=i + 1,
                activation=network.activations[i],
                given=each.given[places],
                W=before.weights[i],
                b=before.biases[i] if has_bias else None,
                z=each.z[places],
                a=each.a[places],
                mask=None if each.mask is None else each.mask[places],
                dL_da=each.dL_da[places],
                da_dz=each.da_dz,
                dL_dz=each.dL_dz[places],
                dL_dW=found.weight_gradients[i],
                dL_db=found.bias_gradients[i] if has_bias else None,
                velocity_W=first(after, "weight_velocity"),
                velocity_b=first(after, "bias_velocity"),
                new_W=new_weights[i],
                new_b=new_biases[i] if has_bias else None,
                previous_velocity_W=first(before.remembered, "weight_velocity"),
                previous_velocity_b=first(before.remembered, "bias_velocity"),
                square_W=first(after, "weight_square"),
                square_b=first(after, "bias_square"),
                previous_square_W=first(before.remembered, "weight_square"),
                previous_square_b=first(before.remembered, "bias_square"),
                batch_given=each.given,
                batch_dL_dz=each.dL_dz,
            )
        )
    rule_of_loss = loss_rule(batch.loss)
    target = smooth_labels(rule_of_loss, one_hot(batch.target, network.n_out, network.numpy_dtype))
    return TracedStep(
        epoch=before.epoch,
        step=before.step,
        rows=[int(before.numbers[place]) for place in places],
        batch_rows=len(batch.X),
        loss=float(found.loss),
        learning_rate=float(rule.learning_rate),
        target=target[places],
        weight=None if batch.weight is None else batch.weight[places],
        layers=layers,
        update=before.step - state.started + 1,
        frozen=tuple(sorted(i + 1 for i in frozen)),
        rule=rule,
        loss_rule=rule_of_loss,
        output_weights=batch.output_weights,
        total_weight=total,
        batch_target=target,
        batch_weight=batch.weight,
        places=places,
        numbers=[int(number) for number in before.numbers],
    )


def _copies(arrays: list[Array]) -> list[Array]:
    return [array.copy() for array in arrays]
