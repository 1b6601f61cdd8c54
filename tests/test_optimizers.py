"""Optimizers and schedules as a trainer uses them: what is remembered, what is refused, what a fit does with them."""

from __future__ import annotations

import pickle
from types import SimpleNamespace

import chainrule as cr
import numpy as np
import pytest
from chainrule import schedules
from conftest import load_core
from optimizer_cases import OPTIMIZERS

NAMED = pytest.mark.parametrize("name", OPTIMIZERS)


@pytest.fixture(autouse=True, params=["native", "reference"])
def backend(request: pytest.FixtureRequest):
    load_core(request.param)
    with cr.backend(request.param):
        yield request.param


def data(rows: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(rows, 3))
    return X, np.sin(X[:, :1]) + X[:, 1:2] * X[:, 2:]


def trainer(optimizer, **settings) -> cr.Trainer:
    model = cr.MLP(
        [3, 20, 1], activation="tanh", dtype="float64", seed=2, dropout=settings.pop("dropout", 0.1)
    )
    if isinstance(optimizer, cr.RPROP):
        settings["batch_size"] = "full"
    return cr.Trainer(model, loss="mean_squared_error", optimizer=optimizer, **{"batch_size": 16, **settings})


def everything(one: cr.Trainer) -> list[bytes]:
    state = one.state
    lists = (state.weights, state.biases, state.weight_velocity, state.bias_velocity, state.weight_square)
    return [array.tobytes() for arrays in (*lists, state.bias_square) for array in arrays]


@NAMED
def test_it_learns(name: str) -> None:
    one, (X, y) = trainer(OPTIMIZERS[name], dropout=0.0), data()
    losses = one.fit(X, y, epochs=60).loss
    assert losses[-1] < 0.9 * losses[0]


@NAMED
def test_epochs_may_be_trained_in_one_fit_or_in_several(name: str) -> None:
    X, y = data()
    whole, parts = trainer(OPTIMIZERS[name]), trainer(OPTIMIZERS[name])
    whole.fit(X, y, epochs=6)
    for epochs in (1, 3, 2):
        parts.fit(X, y, epochs=epochs)
    assert everything(whole) == everything(parts)


@NAMED
def test_batches_one_by_one_are_those_of_an_epoch(name: str) -> None:
    X, y = data(48)
    whole, parts = (trainer(OPTIMIZERS[name], shuffle=False) for _ in range(2))
    whole.fit(X, y, epochs=2)
    size = 48 if name == "rprop" else 16
    for _ in range(2):
        for at in range(0, 48, size):
            parts.train_on_batch(X[at : at + size], y[at : at + size])
    assert everything(whole) == everything(parts)


@NAMED
def test_a_pickled_trainer_goes_on_to_the_same_bits(name: str) -> None:
    X, y = data()
    one = trainer(OPTIMIZERS[name])
    one.fit(X, y, epochs=3)
    again = pickle.loads(pickle.dumps(one))
    assert again.optimizer == one.optimizer
    one.fit(X, y, epochs=2)
    again.fit(X, y, epochs=2)
    assert everything(one) == everything(again)
    assert one.learning_rate == again.learning_rate


def test_another_kind_of_optimizer_starts_anew_and_the_same_kind_goes_on() -> None:
    X, y = data()
    one = trainer(cr.SGD(0.1, momentum=0.9))
    one.fit(X, y, epochs=2)
    velocity = [v.copy() for v in one.state.weight_velocity]
    one.optimizer = cr.SGD(0.01, momentum=0.5)
    assert all(np.array_equal(a, b) for a, b in zip(velocity, one.state.weight_velocity, strict=True))
    one.optimizer = cr.Adam()
    state = one.state
    assert state.rule == "adam"
    assert state.started == one.step > 0
    assert not any(
        array.any() for array in (*state.weight_velocity, *state.weight_square, *state.bias_square)
    )
    fresh = trainer(cr.Adam(), dropout=0.0)
    fresh.model.weights[:] = [w.copy() for w in one.model.weights]
    fresh.model.biases[:] = [b.copy() for b in one.model.biases]
    plain = trainer(cr.SGD(), dropout=0.0)
    plain.fit(X, y, epochs=1)
    plain.model.weights[:] = [w.copy() for w in one.model.weights]
    plain.model.biases[:] = [b.copy() for b in one.model.biases]
    plain.optimizer = cr.Adam()
    assert fresh.train_on_batch(X, y) == plain.train_on_batch(X, y)
    assert all(np.array_equal(a, b) for a, b in zip(fresh.model.weights, plain.model.weights, strict=True))
    plain.optimizer = cr.SGD()
    assert plain.state.weight_square == []


def test_early_stopping_restores_what_adam_remembers() -> None:
    X, y = data()
    one, other = trainer(cr.Adam(0.05)), trainer(cr.Adam(0.05))
    history = one.fit(X, y, epochs=60, early_stopping=cr.EarlyStopping("loss", patience=3))
    assert history.best_epoch is not None
    other.fit(X, y, epochs=history.best_epoch + 1)
    assert everything(one) == everything(other)


def test_max_norm_and_penalties_hold_for_weights_alone() -> None:
    X, y = data()
    one = trainer(cr.SGD(0.3, max_norm=0.5), dropout=0.0)
    one.model.biases[0][...] = 3.0
    one.fit(X, y, epochs=5)
    for W in one.model.weights:
        assert (np.linalg.norm(W, axis=0) <= 0.5 * (1 + 1e-12)).all()
    assert abs(one.model.biases[0]).max() > 0.5
    for optimizer in (cr.SGD(0.1, l1=0.5), cr.AdamW(0.1, weight_decay=0.5), cr.SGD(0.1, weight_decay=0.5)):
        dead = trainer(optimizer, dropout=0.0)
        dead.model.weights[1][...] = 0.0  # so that nothing but the penalty moves the first layer
        dead.model.weights[0][...] = 1.0
        dead.model.biases[0][...] = 1.0
        dead.train_on_batch(X, np.zeros((40, 1)) + dead.model.biases[1])
        assert (dead.model.weights[0] < 1).all()
        assert (dead.model.biases[0] == 1).all()


def test_l1_makes_weights_that_do_not_matter_small() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 10))
    y = X[:, :1] * 2
    model = cr.MLP([10, 1], dtype="float64", seed=0)
    cr.Trainer(model, loss="mean_squared_error", optimizer=cr.SGD(0.005, l1=0.2)).fit(X, y, epochs=300)
    assert abs(model.weights[0][1:]).max() < 0.01
    assert model.weights[0][0] == pytest.approx(1.9, abs=0.05)  # 2, less l1 / 2 for inputs of variance 1


def test_any_function_of_the_step_is_a_schedule() -> None:
    X, y = data()
    asked = []

    def rate(step: int) -> float:
        asked.append(step)
        return 0.1 / (1 + step)

    one, other = trainer(cr.SGD(rate)), trainer(cr.SGD(schedules.InverseScaling(0.1, 1.0)))
    one.fit(X, y, epochs=4)
    other.fit(X, y, epochs=4)
    assert set(asked) == set(range(12))
    assert everything(one) == everything(other)
    assert one.learning_rate == pytest.approx(0.1 / 13)


@pytest.mark.parametrize("wrong", [-0.1, float("nan"), float("inf"), None, "0.1"])
def test_a_wrong_rate_stops_before_its_step_and_is_named(wrong) -> None:
    X, y = data(48)
    one, other = trainer(cr.SGD(lambda step: wrong if step == 4 else 0.1)), trainer(cr.SGD(0.1))
    with pytest.raises((ValueError, TypeError), match=r"learning_rate\(4\) must be"):
        one.fit(X, y, epochs=3)
    assert one.step == 4
    assert one.epoch == 1
    other.fit(X, y, epochs=1)
    order = cr.reference.permutation(48, seed=0, epoch=1)[:16]
    other.train_on_batch(X[order], y[order])
    assert everything(one) == everything(other)


def test_an_error_in_a_schedule_comes_through() -> None:
    X, y = data()
    with pytest.raises(KeyError, match="no rate"):
        trainer(cr.SGD(lambda step: {}["no rate"])).fit(X, y)


def test_a_plateau_is_seen_in_what_is_monitored() -> None:
    X, y = data()
    schedule = schedules.ReduceOnPlateau(0.1, factor=0.5, patience=1, monitor="validation_r2", min_delta=10.0)
    one = trainer(cr.SGD(schedule))
    one.fit(X, y, epochs=7, validation_split=0.3, metrics=["r2"])
    assert one.learning_rate == pytest.approx(0.1 * 0.5**3)  # after epochs 2, 4 and 6: none is better by 10
    with pytest.raises(
        ValueError, match="ReduceOnPlateau monitors validation_r2, but there are no validation data"
    ):
        one.fit(X, y, metrics=["r2"])
    one.optimizer = cr.SGD(schedule)
    assert one.learning_rate == 0.1


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: cr.Adam(-1.0), "learning_rate must be finite and at least 0"),
        (lambda: cr.Adam(beta1=1.0), "beta1 must be at least 0 and less than 1"),
        (lambda: cr.Adam(epsilon=0), "epsilon must be greater than 0"),
        (lambda: cr.RMSprop(momentum=1.5), "momentum"),
        (lambda: cr.RPROP(eta_minus=0.0), "eta_minus must be greater than 0"),
        (lambda: cr.RPROP(eta_plus=0.9), "eta_plus"),
        (lambda: cr.RPROP(smallest=2.0, largest=1.0), "smallest must not be greater than largest"),
        (lambda: cr.RPROP(schedules.Constant(0.1)), "learning_rate of RPROP is the first size"),
        (lambda: cr.SGD(clip_norm=0), "clip_norm must be greater than 0"),
        (lambda: cr.SGD(clip_value=-1.0), "clip_value"),
        (lambda: cr.SGD(max_norm=float("inf")), "max_norm must be finite"),
        (lambda: cr.SGD(l1=-1.0), "l1"),
        (lambda: schedules.Cosine(0.1, 0), "steps must be at least 1"),
        (lambda: schedules.Cosine(0.1, 5, growth=2), "growth is about restarts"),
        (lambda: schedules.OneCycle(0.1, 5, warm_up=1.0), "warm_up"),
        (lambda: schedules.StepDecay(0.1, 0), "every"),
        (lambda: schedules.ReduceOnPlateau(0.1, factor=1.0), "factor"),
        (lambda: schedules.ReduceOnPlateau(0.1, mode="up"), "mode must be one of auto, min, max"),
        (lambda: schedules.InverseScaling(-0.1), "learning_rate"),
    ],
)
def test_bad_settings_are_refused(make, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make()


def test_kinds_of_bad_settings_are_named() -> None:
    with pytest.raises(TypeError, match="learning_rate must be a real number"):
        cr.Adam("fast")
    with pytest.raises(TypeError, match="then must be a rate or a function"):
        schedules.LinearWarmup(schedules.ReduceOnPlateau(0.1), 5)
    with pytest.raises(ValueError, match=r"optimizer.kind must be one of sgd, adam"):
        trainer(SimpleNamespace(kind="sophia"))


def test_rprop_refuses_batches() -> None:
    X, y = data()
    one = trainer(cr.RPROP())
    one.batch_size = 16
    with pytest.raises(
        ValueError, match="RPROP takes all rows at once, but batch_size is 16 and there are 40 rows"
    ):
        one.fit(X, y)
    assert one.step == 0


@pytest.mark.parametrize(
    "schedule",
    [schedules.Constant(0.1), schedules.StepDecay(0.1, 3), schedules.Exponential(0.1, 0.5, 10),
     schedules.Cosine(0.1, 9, 0.01), schedules.Cosine(0.1, 3, restarts=True, growth=3), schedules.OneCycle(0.1, 20),
     schedules.OneCycle(0.1, 1), schedules.OneCycle(0.1, 7, warm_up=0.0), schedules.LinearWarmup(schedules.Cosine(0.1, 9), 4)],
    ids=repr,
)  # fmt: skip
def test_rates_are_within_their_limits_and_survive_a_pickle(schedule) -> None:
    rates = [schedule(step) for step in range(60)]
    assert all(0 <= rate <= 0.1 * (1 + 1e-12) for rate in rates)
    again = pickle.loads(pickle.dumps(schedule))
    assert again == schedule
    assert [again(step) for step in range(60)] == rates


def test_the_plan_says_how_weights_change(backend: str) -> None:
    plan = trainer(cr.Adam(clip_norm=1.0, max_norm=2.0)).plan()
    if backend == "native":
        assert plan["update"].startswith("adam: weights change after all gradients are known")
        assert "units are shortened" in plan["update"]
        assert trainer(cr.SGD()).plan()["update"].startswith("sgd: weights change while")
        assert "block by block" in trainer(cr.RMSprop()).plan()["update"]
    least = trainer(cr.LevenbergMarquardt(), batch_size="full").plan(rows=40)
    assert "LevenbergMarquardt minimises the loss of all rows" in least["way"]
