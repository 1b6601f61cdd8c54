"""What a report holds, in every case there is; test_report_in_a_browser.py opens it."""

from __future__ import annotations

import gc
import math
import pickle
import re
from pathlib import Path
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule._losses import LOSSES, NEEDS_OUTPUT
from chainrule._network import HIDDEN_ACTIVATIONS
from chainrule.history import Measurements
from chainrule.passes import without_randomness
from chainrule.report import write_report
from page_cases import Page, check_sound
from report_cases import XOR, digits_trainer, quantity_trainer, xor_trainer

PARTS = ["configuration", "curves", "health", "judgement", "diagram", "step"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "report.html"


def written(path: Path, what: Any, *arguments: Any, **more: Any) -> Page:
    write_report(path, what, *arguments, **more)
    page = Page(path)
    check_sound(page)
    return page


def test_a_report_has_its_parts_in_order_each_with_a_heading_and_a_link(backend: str, path: Path) -> None:
    page = written(path, xor_trainer(), *XOR)
    assert [attributes["id"] for attributes, _ in page.all("section")] == PARTS
    assert [attributes["href"][1:] for attributes, _ in page.all("a")][1:] == PARTS
    assert not page.all("p", class_="missing")[2:]  # of the health, and where there are no scripts
    assert page.all("title")[0][1] == "Report of a 2-3-1 network"


def test_what_is_not_there_is_left_out_with_a_line_that_says_what_would_show_it(path: Path) -> None:
    page = written(path, cr.MLP([2, 3, 1], seed=0))
    assert [attributes["id"] for attributes, _ in page.all("section")] == PARTS
    for name, how in (("configuration", "A report of the trainer"), ("curves", "checkpoint="), ("health", "health=True"),
                      ("judgement", "--data"), ("step", "Give X and y")):  # fmt: skip
        assert how in page.section(name)
    assert page.data["step"] is None


def test_the_numbers_of_the_configuration_and_the_curves_are_those_of_the_trainer(path: Path) -> None:
    trainer = xor_trainer(epochs=7)
    page = written(path, trainer, *XOR)
    settings = dict(page.table("Training"))
    assert settings["loss"] == "binary_cross_entropy"
    assert settings["momentum"] == "0.9"
    assert settings["done"] == "7 epochs, 7 updates"
    assert page.table("Layers")[0] == ["layer 1", "tanh", "2", "3", "0", "9"]
    rows = page.table("What was measured")
    assert [row[0] for row in rows] == [str(i) for i in range(7)]
    for i, name in enumerate((trainer.history.loss, trainer.history.validation_loss), 1):
        assert [float(row[i]) for row in rows] == [float(f"{value:.6g}") for value in name]


def test_the_update_is_the_next_one_of_the_trainer_and_changes_nothing(backend: str, path: Path) -> None:
    trainer, X, y = digits_trainer()
    before = pickle.dumps(trainer)
    page = written(path, trainer, X, y, rows=[3, 1])
    assert pickle.dumps(trainer) == before
    copy = pickle.loads(before)
    copy.model._network = without_randomness(copy.model.network)
    loss = copy.train_on_batch(X[[3, 1]], y[[3, 1]])
    step, units = page.data["step"], page.data["units"]
    assert step["rows"] == [3, 1]
    assert step["loss"] == loss
    for layer, weights, biases, i, j in zip(
        step["layers"], copy.model.weights, copy.model.biases, units[:-1], units[1:], strict=True
    ):
        np.testing.assert_array_equal(np.array(layer["new_W"], np.float32), weights[np.ix_(i, j)])
        np.testing.assert_array_equal(np.array(layer["new_b"], np.float32), biases[j])


def test_a_trace_of_training_can_be_shown_instead(path: Path) -> None:
    trainer, X, y = digits_trainer()
    with trainer.trace() as trace:
        trainer.fit(X, y)
    page = written(path, trainer, X, y, trace=trace)
    assert page.data["step"]["batch_rows"] == 64
    assert page.data["step"]["layers"][0]["mask"] is not None
    assert "Update 51, with 64 rows, 4 of which are shown" in page.section("step")
    other = cr.MLP([3, 1]).explain([[1.0, 2.0, 3.0]], [1.0])
    with pytest.raises(
        ValueError, match=r"trace is of a network \[3, 1\], but this one is \[64, 20, 16, 10\]"
    ):
        trainer.report(path, trace=other)


def test_the_confusion_matrix_counts_what_is_predicted(path: Path) -> None:
    trainer, X, y = digits_trainer()
    page = written(path, trainer, X, y)
    predicted = trainer.model.predict(X).argmax(axis=1)
    matrix = np.zeros((10, 10), int)
    np.add.at(matrix, (y, predicted), 1)
    assert [[int(n) for n in row[1:]] for row in page.table("Confusion matrix")] == matrix.tolist()
    recall = [row[2] for row in page.table("Each class")]
    assert recall == [f"{matrix[i, i] / matrix[i].sum():.3f}" for i in range(10)]
    assert f"accuracy {(predicted == y).mean():.4f}" in page.section("judgement")


def test_residuals_are_those_of_each_output(path: Path) -> None:
    trainer, X, y = quantity_trainer()
    page = written(path, trainer, X, y)
    residual = trainer.model.predict(X) - y
    for row, r, target in zip(page.table("Residuals"), residual.T, y.T, strict=True):
        expected = [
            np.abs(r).mean(),
            math.sqrt((r**2).mean()),
            r.mean(),
            1 - (r**2).sum() / ((target - target.mean()) ** 2).sum(),
        ]
        assert [float(cell.replace("\N{MINUS SIGN}", "-")) for cell in row[1:]] == pytest.approx(
            expected, rel=1e-5
        )
    assert len(page.all("path", class_="points")) == 4


def test_labels_of_which_a_row_may_have_several_and_targets_that_are_missing(path: Path) -> None:
    model = cr.MLP([2, 3], output_activation="sigmoid", dtype="float64", seed=0)
    X, y = (
        np.array([[0.0, 1], [1, 0], [2, 2], [1, 1]]),
        np.array([[1.0, 1, 0], [0, 0, 0], [1, 0, 1], [np.nan, 1, 1]]),
    )
    page = written(path, model, X, y)
    yes = model.predict(X[:3]) >= 0.5
    for i, row in enumerate(page.table("Each label")):
        assert int(row[1]) == (yes[:, i] & (y[:3, i] == 1)).sum()
    assert "1 of them have a target that is missing" in page.section("judgement")


def test_many_classes_have_pairs_instead_of_a_matrix(path: Path) -> None:
    model = cr.MLP([3, 300], output_activation="softmax", seed=0)
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(90, 3)).astype(np.float32), rng.integers(0, 300, 90)
    page = written(path, model, X, y)
    pairs = page.table("Confused most")
    assert len(pairs) == 30
    assert len(page.table("Each class (the first 200 of 300)")) == 200
    predicted = model.predict(X).argmax(axis=1)
    for true, said, n in pairs:
        assert int(n) == ((y == int(true[6:])) & (predicted == int(said[6:]))).sum() > 0


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_has_a_page(path: Path, loss: str) -> None:
    output = NEEDS_OUTPUT.get(loss, ("identity",))[0]
    model = cr.MLP([2, 4, 3], output_activation=output, dtype="float64", seed=0)
    y = np.eye(3)[[0, 2, 1]]
    page = written(path, model, np.ones((3, 2)), y, loss=loss, rows=[0, 1])
    assert page.data["step"]["loss_name"] == loss


@pytest.mark.parametrize("bias", ["unit", "layer", None])
def test_every_activation_and_kind_of_bias_has_a_page(path: Path, bias: str | None) -> None:
    names = [name for name in HIDDEN_ACTIVATIONS if name != "step"]
    model = cr.MLP([2, *[3] * len(names), 1], activation=names, bias=bias, dtype="float64", seed=0)
    page = written(path, model, np.ones((2, 2)), np.ones(2), loss="half_squared_error")
    assert len(page.data["step"]["layers"]) == len(names) + 1
    assert (page.data["step"]["layers"][0]["b"] is None) == (bias is None)


@pytest.mark.parametrize("optimizer", [cr.SGD(0.1, nesterov=True, momentum=0.5, weight_decay=0.1), cr.AdamW(0.01), cr.RMSprop(0.01),
                                       cr.Adagrad(0.1), cr.RPROP(0.1), cr.SGD(cr.schedules.Cosine(0.1, steps=50))])  # fmt: skip
def test_every_optimizer_has_a_page(path: Path, optimizer: Any) -> None:
    page = written(path, xor_trainer(epochs=2, optimizer=optimizer), *XOR)
    assert page.data["step"]["optimizer"]["name"] == type(optimizer).__name__


def test_an_optimizer_of_all_rows_and_a_loss_of_ones_own(path: Path) -> None:
    X, y = XOR
    model = cr.MLP([2, 3, 1], activation="tanh", dtype="float64", seed=0)
    trainer = cr.Trainer(
        model, loss="mean_squared_error", optimizer=cr.LevenbergMarquardt(), batch_size="full"
    )
    trainer.fit(X, y, epochs=2)
    assert "LevenbergMarquardt takes all rows at once" in written(path, trainer, X, y).section(
        "configuration"
    )

    def own(prediction: Any, target: Any) -> Any:
        return float(((prediction - target) ** 2).sum()), 2 * (prediction - target)

    page = written(path, cr.Trainer(model, loss=own), X, y)
    assert dict(page.table("Training"))["loss"] == "own"


def test_numbers_that_are_not_finite_do_not_end_a_report(path: Path) -> None:
    trainer = xor_trainer()
    trainer.model.weights[0][0, 0] = np.nan
    page = written(path, trainer, *XOR)
    assert "There is no update to show" in page.section("configuration")
    assert page.data["weights"][0][0][0] is None


def test_the_findings_of_the_health_of_a_fit_are_those_of_the_trainer(backend: str, path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(200, 4))
    model = cr.MLP([4, *[16] * 8, 1], activation="sigmoid", dtype="float64", seed=0)
    trainer = cr.Trainer(model, loss="mean_squared_error", optimizer=cr.SGD(0.05))
    trainer.fit(X, X[:, 0], epochs=1)
    trainer.fit(X, X[:, 0], epochs=6, health=True)
    findings = trainer.health().findings
    assert findings
    page = written(path, trainer, X, X[:, 0])
    for finding in findings:
        for text in (finding.words, finding.evidence, finding.remedy):
            assert text in page.section("health")
    last = trainer.history.health[-1]
    rows = page.table("The layers")
    for name, values in zip(last, zip(*(row[1:] for row in rows), strict=True), strict=True):
        shown = [float(value.replace("\N{MINUS SIGN}", "-")) for value in values]
        assert shown == pytest.approx(last[name], rel=1e-3), name
    assert len(page.all("path", class_="line s0")) == 5  # the loss; of two charts a line, and its sample


def test_epochs_have_the_numbers_that_the_history_and_the_findings_have(path: Path) -> None:
    losses = [1.0, 0.5, 0.3, 0.4, 0.6]
    history = cr.History(Measurements(i, loss, loss) for i, loss in enumerate(losses))
    page = written(path, xor_trainer(), history=history)
    assert [int(row[0]) for row in page.table("What was measured")] == history.epochs == [0, 1, 2, 3, 4]
    assert "epochs count from 0 on" in page.section("curves")
    trainer = xor_trainer()
    stopping = cr.EarlyStopping(patience=2)
    trainer.fit(*XOR, epochs=30, validation_data=(XOR[0], 1 - XOR[1]), early_stopping=stopping)
    best = trainer.history.best_epoch
    assert best is not None
    assert f"Its best epoch was {best}." in written(path, trainer).section("curves")


def test_a_fit_that_nothing_is_wrong_with_is_said_to_be_so(path: Path) -> None:
    digits = cr.datasets.load_digits()
    X, y = (digits.data[:600] / 16).astype(np.float32), digits.target[:600]
    model = cr.MLP([64, 32, 10], output_activation="softmax", seed=0)
    trainer = cr.Trainer(model, loss="cross_entropy", optimizer=cr.SGD(0.05, momentum=0.9))
    trainer.fit(X, y, epochs=6, health=True)
    assert trainer.health().is_healthy
    assert "No fault was found" in written(path, trainer, X, y).section("health")


def test_a_large_network_and_a_long_history_make_a_small_page(path: Path) -> None:
    model = cr.MLP([784, 512, 256, 10], output_activation="softmax", seed=0)
    rng = np.random.default_rng(0)
    X, y = rng.random((700, 784), np.float32), rng.integers(0, 10, 700)
    history = cr.History(Measurements(i, 1 / (i + 1), 2 / (i + 1), {"accuracy": 0.5}) for i in range(20_000))
    page = written(path, model, X, y, history=history)
    assert path.stat().st_size < 600_000
    assert len(page.table("What was measured")) == 60
    assert "… 772 more" in page.section("diagram")
    assert all(len(units) <= 12 for units in page.data["units"])
    with cr.backend("reference"):
        given = model.forward(X[:1], keep=True)
    assert page.data["step"]["layers"][1]["given"] == [
        pytest.approx(given.hidden[0][0, page.data["units"][1]].tolist(), rel=1e-5)
    ]


@pytest.mark.parametrize("layers", [20, 60])
def test_a_deep_network_shows_fewer_units_of_each_layer(path: Path, layers: int) -> None:
    model = cr.MLP([32] * layers, activation="tanh", dtype="float64", seed=0)
    page = written(path, model, np.ones((2, 32)), np.ones((2, 32)))
    assert path.stat().st_size < 2_000_000
    units = page.data["units"]
    assert len(units) == layers
    assert {len(shown) for shown in units} == {math.isqrt(1500 // (layers - 1))}
    assert f"more than {len(units[0])} units" in page.section("diagram")


def test_the_same_report_has_the_same_bytes(path: Path) -> None:
    trainer = xor_trainer()
    trainer.report(path, *XOR)
    first = path.read_bytes()
    trainer.report(path, *XOR)
    assert path.read_bytes() == first


def test_a_history_knows_its_trainer_as_long_as_that_lives(path: Path) -> None:
    trainer = xor_trainer(epochs=3)
    history = trainer.fit(*XOR, epochs=2)
    history.report(path, *XOR, title="Two epochs")
    page = Page(path)
    assert [row[0] for row in page.table("What was measured")] == ["3", "4"]
    assert page.all("title")[0][1] == "Two epochs"
    loaded = pickle.loads(pickle.dumps(history))
    with pytest.raises(ValueError, match="trainer is needed: this history does not know whose it is"):
        loaded.report(path)
    loaded.report(path, model=trainer.model)
    loaded.report(path, trainer=trainer)
    with pytest.raises(ValueError, match="trainer and model exclude each other"):
        history.report(path, trainer=trainer, model=trainer.model)
    del trainer
    gc.collect()
    assert history.owner() is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"X": XOR[0]}, "X is given without y"),
        ({"y": XOR[1]}, "y is given without X"),
        ({"X": XOR[0][:, :1], "y": XOR[1]}, "X has 1 feature, but this MLP expects 2"),
        ({"sample_weight": [1.0]}, "sample_weight is given without X and y"),
        ({"X": XOR[0], "y": XOR[1], "rows": [4]}, r"rows\[0\] is 4, but X has 4 rows"),
        ({"X": XOR[0], "y": XOR[1], "rows": []}, "rows must name at least one row of X"),
        ({"trace": 3}, "trace must be a Trace, but it is 3"),
        ({"title": 3}, "title must be a str, but it is 3"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_name_and_the_file_stays(
    path: Path, arguments: dict[str, Any], words: str
) -> None:
    path.write_text("old", encoding="utf-8")
    with pytest.raises((ValueError, TypeError), match=words):
        xor_trainer(epochs=1).report(path, **arguments)
    assert path.read_text(encoding="utf-8") == "old"


def test_what_is_neither_trainer_nor_model_is_refused(path: Path) -> None:
    with pytest.raises(TypeError, match="what must be a Trainer or an MLP, but it is"):
        write_report(path, "model")
    with pytest.raises(TypeError, match="history must be a History"):
        write_report(path, xor_trainer(epochs=1), history=[])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="loss is given, but the trainer has one"):
        write_report(path, xor_trainer(epochs=1), loss="huber")
    assert not path.exists()


def test_scripts_and_style_are_short_files_that_use_nothing_from_elsewhere() -> None:
    folder = Path(cr.report.__file__).parent
    found = [path for path in folder.iterdir() if path.suffix in (".js", ".css", ".html")]
    assert len(found) >= 7
    for path in found:
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 400
        assert not re.search(
            r"innerHTML|document\.write|\beval\b|import\(|fetch\(|XMLHttpRequest|://", text
        ), path.name
