"""Fits with a known fault get the right verdict, healthy ones on real data none."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.health import KINDS, Finding, HealthReport, diagnose
from chainrule.history import Ending, History
from chainrule.preprocessing import MinMaxScaler, StandardScaler
from health_cases import FAULTS, SEEDS, blobs, fitted, learned_by_heart, network

REAL = ("iris", "wine", "breast_cancer", "digits", "diabetes")
SCALERS = {"standardised": StandardScaler, "from 0 to 1": MinMaxScaler}
HEALTHY: dict[str, tuple[list[int], str, Any, int, int, float]] = {
    "relu, SGD": ([32], "relu", cr.SGD(0.1), 40, 16, 0.0),
    "relu, momentum, dropout": ([64, 32], "relu", cr.SGD(0.01, momentum=0.9), 30, 16, 0.2),
    "tanh, Adam": ([32], "tanh", cr.Adam(0.003), 30, 32, 0.0),
    "sigmoid, RMSprop": ([16], "sigmoid", cr.RMSprop(0.003), 60, 16, 0.0),
    "elu, Adam, three layers": ([32, 32, 32], "elu", cr.Adam(0.001), 25, 32, 0.0),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_known_fault_is_found_and_no_other(fault: str, backend: str) -> None:
    fit, kinds, others = FAULTS[fault]
    for seed in SEEDS if backend == "native" else SEEDS[:2]:
        report = fit(seed).health()
        found = set(report.kinds)
        assert set(kinds) <= found <= {*kinds, *others}, (seed, str(report))


def real(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of one of scikit-learn's packaged data sets; a quantity standardised, and a third of the digits."""
    X, y = getattr(pytest.importorskip("sklearn.datasets"), f"load_{name}")(return_X_y=True)
    if name == "diabetes":
        y = (y - y.mean()) / y.std()
    return (X[::3], y[::3]) if name == "digits" else (X, y)


@pytest.mark.parametrize("scaling", SCALERS)
@pytest.mark.parametrize("name", REAL)
def test_nothing_is_found_in_healthy_fits_of_real_data(name: str, scaling: str, backend: str) -> None:
    X, y = real(name)
    X = SCALERS[scaling]().fit(X).transform(X)
    settings = list(HEALTHY.values())[
        slice(None, None if backend == "native" else 2)
    ]  # the reference takes its time
    for seed, (layers, activation, optimizer, epochs, batch_size, dropout) in enumerate(settings):
        sizes = [X.shape[1], *layers, 1 if name == "diabetes" else int(y.max()) + 1]
        model = network(seed, sizes, activation, dropout=dropout, dtype="float32")
        loss = "mean_squared_error" if name == "diabetes" else "cross_entropy"
        trainer = cr.Trainer(model, loss=loss, optimizer=optimizer, batch_size=batch_size, seed=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", cr.DtypeConversionWarning)
            split = 0.2 if name != "diabetes" else None  # which overfits, as it should be found
            trainer.fit(X, y, epochs=epochs, validation_split=split, health=True)
        assert trainer.health().is_healthy, (seed, str(trainer.health()))


@pytest.mark.parametrize("name", ["wine", "breast_cancer"])
def test_real_data_that_are_not_scaled_are_found(name: str, backend: str) -> None:
    X, y = real(name)
    for seed in range(3):
        model = network(seed, [X.shape[1], 16, int(y.max()) + 1], "sigmoid")
        report = fitted(model, cr.SGD(0.05), X, y).health()
        assert {"inputs_not_scaled", "saturated_units"} == set(report.kinds)
        assert f"Feature {np.abs(X).mean(axis=0).argmax()} " in str(report)


def test_a_fit_that_goes_on_with_a_trained_network_is_healthy(backend: str) -> None:
    X, y = blobs(0)
    model = network(0, [8, 32, 3], "relu", dropout=0.3)
    for optimizer in (cr.Adam(0.01), cr.SGD(0.01), cr.Adam(0.001)):
        trainer = fitted(model, optimizer, X, y, epochs=30)
        assert trainer.health().is_healthy, str(trainer.health())


def test_overfitting_that_early_stopping_undid_is_not_reported(backend: str) -> None:
    assert learned_by_heart(0).health().kinds == ["overfitting"]
    model = network(0, [20, 64, 2], "relu")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 20))
    y = (X[:, 0] + rng.normal(size=150) > 0).astype(int)
    stopping = cr.EarlyStopping(patience=40)
    trainer = fitted(model, cr.Adam(0.01), X, y, epochs=60, validation_split=0.3, early_stopping=stopping)
    assert trainer.history.ending is not None
    assert trainer.history.ending.restored
    assert trainer.health().is_healthy


def test_losses_that_may_be_negative_are_not_judged_by_shares(backend: str) -> None:
    X, _ = blobs(0)
    X = np.abs(X)
    model = cr.MLP([8, 8, 1], output_activation="exponential", dtype="float64", seed=0)
    trainer = cr.Trainer(model, loss="poisson", optimizer=cr.SGD(0.01), batch_size=16)
    trainer.fit(X, 5 * X[:, 0], epochs=10, health=True)
    assert min(trainer.history.loss) < 0
    assert trainer.health().is_healthy


def test_remedies_of_scales_and_penalties_help(backend: str) -> None:
    X, y = blobs(0)[0], 200_000 + 50_000 * blobs(0)[0][:, [0]]
    for output, scaler in (("identity", StandardScaler()), ("sigmoid", MinMaxScaler())):
        model = cr.MLP([8, 16, 1], output_activation=output, dtype="float64", seed=0)
        trainer = cr.Trainer(model, loss="mean_squared_error", optimizer=cr.Adam(0.01), batch_size=16)
        trainer.fit(X, scaler.fit(y).transform(y), epochs=20, health=True)
        assert trainer.health().is_healthy, str(trainer.health())
        found = scaler.inverse_transform(model.predict(X))
        assert ((found - y) ** 2).mean() < 0.05 * y.var()
    trainer = fitted(network(0, [8, 32, 32, 1], "relu"), cr.SGD(0.05, weight_decay=0.05), X, X[:, 0])
    assert trainer.health().is_healthy, str(trainer.health())


@pytest.mark.parametrize("fewer", [False, True])
def test_remedies_of_gradients_that_vanish_help(fewer: bool) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 5))
    y = np.sin(X[:, 0]) + 0.3 * X[:, 1] * X[:, 2]
    sizes = [5, *[16] * (2 if fewer else 8), 1]
    remedies: dict[str, tuple[cr.MLP, Any]] = {}
    for seed in range(4):
        (finding,) = fitted(network(seed, [5, *[16] * 8, 1], "sigmoid"), cr.SGD(0.1), X, y).health().findings
        assert finding.remedy.startswith(
            "Use elu in the hidden layers, or relu with initializer='he_normal' and clip_norm=1"
        )
        if fewer:
            remedies["fewer layers"] = network(seed, sizes, "sigmoid"), cr.SGD(0.1)
        else:
            relu = network(
                seed, sizes, "relu", initializer="he_normal"
            )  # which diverges without clip_norm, from some seeds
            remedies["elu"] = network(seed, sizes, "elu"), cr.SGD(0.1)
            remedies["relu"] = relu, cr.SGD(0.1, clip_norm=1.0)
        for name, (model, optimizer) in remedies.items():
            trainer = fitted(model, optimizer, X, y, epochs=30)
            assert trainer.health().is_healthy, (name, seed, str(trainer.health()))
            assert trainer.history.loss[-1] < 0.4 * y.var(), (name, seed)


def test_the_cause_of_targets_that_do_not_fit_is_said(backend: str) -> None:
    (finding,) = FAULTS["quantity behind a sigmoid"][0](0).health().findings
    assert (finding.layer, finding.severity) == (2, "critical")
    assert "sigmoid gives only values from 0 to 1" in finding.words
    y = 50 * blobs(0)[0][:, 0]  # 200 of the 400 rows are looked at
    share = re.match(r"(\d+)% of the targets lie beyond", finding.evidence)
    assert share
    assert int(share[1]) == pytest.approx(100 * ((y < 0) | (y > 1)).mean(), abs=2)
    assert "scale the targets with MinMaxScaler((0, 1))" in finding.remedy
    (finding,) = FAULTS["negative behind a relu"][0](0).health().findings
    assert "relu gives nothing below 0" in finding.words
    (finding,) = FAULTS["prices by Adam"][0](0).health().findings
    assert finding.severity == "warning"
    rms = np.sqrt(((200_000 + 50_000 * blobs(0)[0][:, 0]) ** 2).mean())
    said = re.search(r"is (\S+), and more than 100 counts", finding.evidence)
    assert said
    assert float(said[1]) == pytest.approx(rms, rel=0.03)
    assert FAULTS["prices"][0](0).health().findings[0].severity == "critical"


def test_targets_that_fit_their_output_or_have_a_loss_of_the_users_are_left_alone(backend: str) -> None:
    X, y = blobs(0)
    counts = np.random.default_rng(0).poisson(300 * np.exp(0.2 * X[:, :1])).astype(float)
    model = cr.MLP([8, 16, 1], output_activation="exponential", dtype="float64", seed=0)
    model.biases[-1][...] = np.log(300)
    trainer = cr.Trainer(model, loss="poisson", optimizer=cr.Adam(0.003), batch_size=16)
    trainer.fit(X, counts, epochs=10, health=True)
    assert "targets_not_scaled" not in trainer.health().kinds

    def loss(prediction: np.ndarray, target: np.ndarray) -> tuple[float, np.ndarray]:
        error = prediction - target / 1000  # whose targets are what the user takes them for
        return float((error**2).mean()), 2 * error / error.size

    model = cr.MLP([8, 16, 1], dtype="float64", seed=0)
    trainer = cr.Trainer(model, loss=loss, optimizer=cr.Adam(0.01), batch_size=16)
    trainer.fit(X, counts, epochs=10, health=True)
    assert trainer.health().is_healthy
    linear = cr.Trainer(
        cr.MLP([8, 1], dtype="float64", seed=0), loss="mean_squared_error", optimizer=cr.SGD(0.1)
    )
    linear.fit(X, 1000 * X[:, 0], epochs=30, health=True)  # which is learned, however large it is
    assert linear.history.loss[-1] < 1
    assert linear.health().is_healthy, str(linear.health())
    several = np.eye(3)[y]
    several[::5, 1] = np.nan
    model = cr.MLP([8, 16, 3], output_activation="sigmoid", dtype="float64", seed=0)
    trainer = cr.Trainer(model, loss="binary_cross_entropy", optimizer=cr.Adam(0.01), batch_size=16)
    trainer.fit(X, several, epochs=10, health=True)
    assert trainer.health().is_healthy


def test_how_little_the_weights_have_moved_is_said_however_little_it_is(backend: str) -> None:
    trainer = fitted(network(0, [8, 32, 3], "relu"), cr.SGD(1e-8), *blobs(0))
    (finding,) = trainer.health().findings
    moved = re.search(r"no layer by more than (\S+)% of its weights", finding.evidence)
    assert moved is not None
    assert 0 < float(moved[1]) < 0.001


def test_gradients_that_vanish_behind_relus_are_no_reason_to_take_relus(backend: str) -> None:
    X, y = blobs(0)
    model = network(0, [8, 16, 16, 16, 3], "relu")
    for array in model.weights:
        array *= 0.03
    (finding,) = fitted(model, cr.SGD(0.01), X, y).health().findings
    assert finding.kind == "vanishing_gradients"
    assert "Use relu" not in finding.remedy
    assert "he_normal" in finding.remedy


# What a report says


def test_a_report_says_what_was_found_in_words_as_a_dict_and_in_html(backend: str) -> None:
    trainer = FAULTS["deep sigmoid"][0](0)
    report = trainer.health()
    (finding,) = report.findings
    assert (finding.kind, finding.layer, finding.severity) == ("vanishing_gradients", 1, "critical")
    text = str(report)
    assert text.startswith("health: 1 finding in epochs 0 to 19\ncritical: The gradients vanish")
    for part in (finding.words, "evidence: " + finding.evidence, "remedy:   " + finding.remedy):
        assert part in text
    assert json.loads(json.dumps(report.to_dict())) == {
        "epochs": list(range(20)),
        "findings": [finding._asdict()],
    }
    assert repr(report) == "<HealthReport of 20 epochs: vanishing_gradients>"
    assert not report.is_healthy
    html = report._repr_html_()
    assert "<th>remedy</th>" in html
    assert "initializer=&#x27;he_normal&#x27;" in html

    # its evidence is what was measured
    deltas = np.array([epoch["delta_rms"] for epoch in trainer.history.health or [] if epoch])
    assert f"{np.median(deltas[:, 0] / deltas[:, -1]):.1e} times" in finding.evidence


def test_severe_findings_come_first_and_kinds_come_once() -> None:
    one, two = (Finding("dead_units", i, "critical", "w", "e", "r") for i in (1, 2))
    report = HealthReport([one, two], [3])
    assert report.kinds == ["dead_units"]
    assert str(report).startswith("health: 2 findings in epoch 3\n")
    assert str(HealthReport([], range(2))) == "health: nothing wrong in epochs 0 to 1"
    assert HealthReport([], [0])._repr_html_() == "<div><p>health: nothing wrong in epoch 0</p></div>"
    trainer = FAULTS["huge rate"][0](0)
    severities = [finding.severity for finding in trainer.health().findings]
    assert severities == sorted(severities)
    assert all(finding.kind in KINDS for finding in trainer.health().findings)


def test_a_fit_whose_first_epoch_is_not_finite_is_judged(backend: str) -> None:
    X, _ = blobs(0)
    trainer = fitted(network(0, [8, 32, 1], "relu"), cr.SGD(1e6), X, X[:, 0])
    assert trainer.epoch == 0
    report = trainer.health()
    assert report.kinds == ["learning_rate_too_high"]
    assert str(report).startswith("health: 1 finding before the first epoch was done\n")
    assert "not even one epoch was done" in str(report)


def test_a_fit_under_way_is_judged_without_the_end_of_the_one_before(backend: str) -> None:
    X, y = blobs(0)
    model = network(0, [8, 32, 3], "elu")
    trainer = fitted(model, cr.SGD(1e30), X, y)
    assert trainer.health().kinds == ["learning_rate_too_high"]
    seen = []

    class Look(cr.Callback):
        def on_epoch_end(self, fit: Any) -> None:
            seen.append(fit.trainer.health().kinds)

    fresh = cr.MLP([8, 32, 3], activation="elu", output_activation="softmax", dtype="float64", seed=0)
    for old, new in zip(model.weights + model.biases, fresh.weights + fresh.biases, strict=True):
        old[...] = new
    trainer.optimizer = cr.SGD(0.1)
    trainer.fit(X, y, epochs=6, callbacks=[Look()], health=True)
    assert seen == [[]] * 6


def test_few_epochs_are_not_judged_by_their_loss(backend: str) -> None:
    trainer = FAULTS["low rate"][0](0)
    short = fitted(network(0, [8, 32, 3], "relu"), cr.SGD(1e-5), *blobs(0), epochs=4)
    assert trainer.health().kinds == ["learning_rate_too_low"]
    assert short.health().is_healthy


def test_what_has_no_record_is_refused(backend: str) -> None:
    X, y = blobs(0)
    model = network(0, [8, 4, 3], "relu")
    trainer = cr.Trainer(model, loss="cross_entropy")
    for _ in range(2):
        with pytest.raises(
            ValueError, match=r"^this trainer holds no record .*; train with fit\(\.\.\., health=True\)"
        ):
            trainer.health()
        history = trainer.fit(X, y)
    assert history.health is None
    with pytest.raises(ValueError, match=r"^this history holds no record of the health of a fit"):
        diagnose(history, model)
    with pytest.raises(TypeError, match=r"^history must be of History, but it is 3"):
        diagnose(3, model)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^model must be of MLP, but it is None"):
        diagnose(history, None)  # type: ignore[arg-type]
    history = trainer.fit(X, y, health=True)
    with pytest.raises(
        ValueError, match=r"^this history is of a network with 2 layers of weights, but the model has 1$"
    ):
        diagnose(history, cr.MLP([8, 3]))


def test_every_kind_has_a_line_in_the_document_and_a_fit_with_that_fault() -> None:
    document = (Path(__file__).resolve().parents[1] / "docs" / "health.md").read_text("utf-8")
    assert sorted(KINDS) == sorted(re.findall(r"^\| `(\w+)` \|", document, re.MULTILINE))
    assert {kind for _, kinds, _ in FAULTS.values() for kind in kinds} == set(KINDS)


@pytest.mark.parametrize(
    ("end", "restored", "kinds"),
    [(0.6, False, ["learning_rate_too_high"]), (0.3, False, []), (0.6, True, []), (0.15, False, [])],
)
def test_what_was_learned_and_is_lost_again_is_a_rate_that_is_too_high(
    end: float, restored: bool, kinds: list[str], backend: str
) -> None:
    trainer = fitted(network(0, [8, 32, 3], "tanh"), cr.SGD(0.1), *blobs(0), epochs=20)
    entries = trainer.history.entries()
    first = entries[0].health.beginning.loss  # type: ignore[union-attr]
    losses = first * np.array([*np.linspace(0.9, 0.1, 13), *[end] * 7])
    changed = [entry._replace(loss=float(loss)) for entry, loss in zip(entries, losses, strict=True)]
    ending = Ending("epochs", restored=restored)
    report = diagnose(History(changed, ending), trainer.model)
    assert report.kinds == kinds
    if kinds:
        assert "what was learned is lost again" in report.findings[0].words
        assert "in epoch 12, and is" in report.findings[0].evidence
