"""A Network says what a perceptron looks like, refuses what none can look like, and never changes."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import re

import numpy as np
import pytest
from chainrule._network import Network, TrainingState

GOOD = {
    "layer_sizes": (3, 5, 4, 2),
    "activations": ("relu", "tanh", "softmax"),
    "bias": "unit",
    "dropout": (0.0, 0.5),
    "dtype": "float32",
}


@pytest.mark.parametrize(
    ("name", "value", "kind", "text"),
    [
        ("layer_sizes", 3, TypeError, "layer_sizes must be a list or a tuple, but it is 3 (int)"),
        ("layer_sizes", (3,), ValueError, "layer_sizes needs at least 2 entries"),
        ("layer_sizes", (3, 0, 4, 2), ValueError, "layer_sizes[1] must be at least 1, but it is 0"),
        ("layer_sizes", (3, 5.0, 4, 2), TypeError, "layer_sizes[1] must be an int"),
        ("layer_sizes", (3, True, 4, 2), TypeError, "layer_sizes[1] must be an int"),
        ("layer_sizes", (3, 5, 2), ValueError, "activations has 3 entries, but 3 layer_sizes need 2"),
        ("activations", "relu", TypeError, "activations must be a list or a tuple"),
        ("activations", ("relu", "rellu", "softmax"), ValueError, "activations[1] must be one of identity"),
        ("activations", ("relu", None, "softmax"), TypeError, "activations[1] must be one of identity"),
        ("activations", ("relu", "softmax", "softmax"), ValueError, "activations[1] is softmax, which fits"),
        ("bias", "neuron", ValueError, "bias must be 'unit', 'layer' or None, but it is 'neuron' (str)"),
        ("bias", True, TypeError, "bias must be 'unit', 'layer' or None, but it is True (bool)"),
        ("bias", ["unit"], TypeError, "bias must be 'unit', 'layer' or None, but it is ['unit'] (list)"),
        ("dropout", (0.5,), ValueError, "dropout has 1 entry, but the number of hidden layers is 2"),
        ("dropout", (0.5, 1.0), ValueError, "dropout[1] must be at least 0 and less than 1, but it is 1.0"),
        ("dropout", (0.5, "0.5"), TypeError, "dropout[1] must be a real number"),
        ("input_dropout", 1.0, ValueError, "input_dropout must be at least 0 and less than 1, but it is 1.0"),
        ("input_dropout", (0.5,), TypeError, "input_dropout must be a real number"),
        ("input_noise", -0.1, ValueError, "input_noise must be finite and at least 0, but it is -0.1"),
        ("input_noise", float("inf"), ValueError, "input_noise must be finite and at least 0, but it is inf"),
        ("input_noise", None, TypeError, "input_noise must be a real number, but it is None"),
        ("dtype", "float16", ValueError, "dtype must be float32 or float64"),
        ("dtype", None, TypeError, "dtype must be float32 or float64, but it is None"),
    ],
)
def test_a_field_that_does_not_fit_is_refused_by_name(name, value, kind, text):
    with pytest.raises(kind, match=re.escape(text)):
        Network(**{**GOOD, name: value})


def test_fields_become_plain_values():
    network = Network(
        [np.int64(3), 5, 4, 2], ["relu", "tanh", "softmax"], "unit", [0, np.float32(0.5)], np.dtype("float32")
    )
    assert network == Network(**GOOD)
    assert hash(network) == hash(Network(**GOOD))
    assert [type(value) for value in (*network.layer_sizes, *network.dropout)] == [int] * 4 + [float] * 2
    disturbed = dataclasses.replace(network, input_dropout=0, input_noise=np.float32(0.5))
    assert (disturbed.input_dropout, disturbed.input_noise) == (0.0, 0.5)
    assert type(disturbed.input_dropout) is type(disturbed.input_noise) is float


def test_the_shapes_follow_from_the_sizes():
    network = Network(**GOOD)
    assert (network.n_in, network.n_out, network.n_layers) == (3, 2, 3)
    assert network.output_activation == "softmax"
    assert network.weight_shapes == ((3, 5), (5, 4), (4, 2))
    assert network.bias_shapes == ((5,), (4,), (2,))
    assert dataclasses.replace(network, bias="layer").bias_shapes == ((1,), (1,), (1,))
    assert dataclasses.replace(network, bias=None).bias_shapes == ()


def test_a_network_does_not_change_and_survives_copy_and_pickle():
    network = Network(**GOOD)
    assert network.weight_shapes == network.weight_shapes
    with pytest.raises(dataclasses.FrozenInstanceError):
        network.bias = None
    assert copy.deepcopy(network) == network
    assert pickle.loads(pickle.dumps(network)) == network


def test_a_training_state_starts_at_rest(dtype):
    weights, biases = [np.ones((2, 3), dtype)], [np.ones(3, dtype)]
    state = TrainingState.start(weights, biases)
    assert state.weights[0] is weights[0]
    assert state.biases[0] is biases[0]
    for velocity, parameter in ((state.weight_velocity[0], weights[0]), (state.bias_velocity[0], biases[0])):
        assert velocity.dtype == dtype
        assert velocity.shape == parameter.shape
        assert not velocity.any()
    assert (state.epoch, state.step, state.losses) == (0, 0, [])


def test_an_interrupt_in_the_middle_of_an_update_waits_for_its_end():
    class Interrupting(list):
        """A list of arrays at whose second entry Ctrl-C comes, once."""

        interrupted = False

        def __iter__(self):
            yield self[0]
            if not self.interrupted:
                self.interrupted = True
                raise KeyboardInterrupt
            yield from self[1:]

    state = TrainingState.start([np.zeros((1, 1)), np.zeros((1, 1))], [])
    new = Interrupting([np.ones((1, 1)), np.full((1, 1), 2.0)])
    with pytest.raises(KeyboardInterrupt):
        state.finish_step(state.weights, new)
    assert [w.item() for w in state.weights] == [1, 2]
    assert state.step == 1
