from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ._network import TrainingState

_Array: TypeAlias = npt.NDArray[Any]

__version__: str
ACTIVATIONS: tuple[str, ...]
LOSSES: tuple[str, ...]
RULES: tuple[str, ...]
plan_api: object

class Network:
    def __init__(
        self,
        layer_sizes: Sequence[int],
        activations: Sequence[int],
        bias: int,
        dropout: Sequence[float],
        input_dropout: float = ...,
        input_noise: float = ...,
    ) -> None: ...

def config() -> dict[str, Any]: ...
def resolve_threads(n_threads: int, work: float) -> int: ...
def random_words(n: int, seed: int, stream: int, step: int, start: int, /) -> npt.NDArray[np.uint32]: ...
def permutation(n: int, seed: int, epoch: int, /) -> npt.NDArray[np.int64]: ...
def dropout_mask(out: _Array, rate: float, seed: int, step: int, layer: int, /) -> None: ...
def gaussian_noise(out: _Array, seed: int, step: int, /) -> None: ...
def activation(kind: int, Z: _Array, out: _Array, /) -> None: ...
def activation_gradient(kind: int, A: _Array, Z: _Array | None, dA: _Array, out: _Array, /) -> None: ...
def loss_and_gradient(
    loss: tuple[Any, ...], kind: int, Z: _Array, target: _Array, sample_weight: _Array | None, /
) -> tuple[float, _Array]: ...
def update(
    w: _Array,
    v: _Array,
    g: _Array,
    learning_rate: float,
    momentum: float,
    nesterov: bool,
    weight_decay: float,
    /,
) -> None: ...
def apply_rule(
    w: _Array,
    velocity: _Array | None,
    square: _Array | None,
    g: _Array,
    kind: int,
    numbers: Sequence[float],
    rates: object,
    t: int,
    /,
) -> None: ...
def predict(
    network: Network,
    weights: Sequence[_Array],
    biases: Sequence[_Array],
    X: _Array,
    out: _Array,
    n_threads: int,
    /,
) -> None: ...
def predict_plain(
    network: Network,
    weights: object,
    biases: object,
    X: object,
    out: object,
    float32: bool,
    n_threads: int,
    /,
) -> _Array | None: ...
def make_plan(network: Network, weights: Sequence[_Array], biases: Sequence[_Array], /) -> object: ...
def plan_parameters(plan: object, /) -> tuple[list[_Array], list[_Array]]: ...
def gradients(
    network: Network,
    weights: Sequence[_Array],
    biases: Sequence[_Array],
    X: _Array,
    target: _Array,
    loss: tuple[Any, ...],
    sample_weight: _Array | None,
    seed: int,
    step: int,
    n_threads: int,
    weight_gradients: Sequence[_Array],
    bias_gradients: Sequence[_Array],
    /,
) -> float: ...
def matmul_gradients(
    X: _Array, W: _Array, dZ: _Array, n_threads: int, /
) -> tuple[_Array, _Array, _Array]: ...
def normal_equations(
    network: Network,
    weights: Sequence[_Array],
    biases: Sequence[_Array],
    X: _Array,
    target: _Array,
    JTJ: _Array,
    JTe: _Array,
    n_threads: int,
    /,
) -> float: ...
def damped_step(H: _Array, g: _Array, damping: float, out: _Array, n_threads: int, /) -> bool: ...
def choices(
    network: Network,
    single: bool,
    batch: int,
    n_threads: int,
    loss: tuple[Any, ...],
    kind: int,
    numbers: Sequence[float],
    rates: object,
    frozen: bool,
    /,
) -> dict[str, Any]: ...
def train_epochs(
    network: Network,
    state: TrainingState,
    weights: Sequence[_Array],
    biases: Sequence[_Array],
    weight_velocity: Sequence[_Array],
    bias_velocity: Sequence[_Array],
    weight_square: Sequence[_Array],
    bias_square: Sequence[_Array],
    X: _Array,
    target: _Array,
    loss: tuple[Any, ...],
    sample_weight: _Array | None,
    rule: int,
    numbers: Sequence[float],
    rates: Callable[[int, int], _Array] | None,
    batch_size: int,
    shuffle: bool,
    seed: int,
    epochs: int,
    n_threads: int,
    poll: Callable[[int, int, int, float], object] | None,
    poll_each_step: bool,
    frozen: Sequence[int],
    order: _Array | None,
    record: tuple[_Array, _Array] | None,
    health: tuple[_Array, _Array, _Array | None] | None,
    measured: tuple[
        tuple[_Array, _Array, _Array | None, list[float] | None, _Array | None, list[float] | None], ...
    ],
    /,
) -> tuple[bool, int]: ...

class KeptPass:
    def __init__(
        self,
        network: Network,
        weights: Sequence[_Array],
        biases: Sequence[_Array],
        X: _Array,
        seed: int,
        step: int,
        n_threads: int,
        /,
    ) -> None: ...
    def sums(self) -> _Array: ...
    def output(self) -> _Array: ...
    def hidden(self, layer: int, /) -> _Array: ...
    def backward(self, d: _Array, of_sums: bool, /) -> tuple[list[_Array], list[_Array]]: ...
    def input_gradients(self, d: _Array, of_sums: bool, /) -> _Array: ...

def apply_gradients(
    network: Network,
    state: TrainingState,
    arrays: Sequence[Sequence[_Array]],
    weight_gradients: Sequence[_Array],
    bias_gradients: Sequence[_Array],
    kind: int,
    numbers: Sequence[float],
    learning_rate: float,
    frozen: Sequence[int],
    n_threads: int,
    /,
) -> bool: ...
def measure_peak(float64: bool = ..., n_threads: int = ...) -> float: ...
