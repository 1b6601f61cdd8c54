"""`python -m chainrule report`, run as a user runs it."""

from __future__ import annotations

from pathlib import Path

import chainrule as cr
import numpy as np
import pytest
from chainrule.cli._main import main
from chainrule.cli._model import load_model
from command_shell import FLOWERS, PRICES, Shell, read_csv
from page_cases import Page, check_sound
from report_cases import XOR, xor_trainer


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    """A folder with a table of classes, one of quantities, a network of each, a bare network and a run."""
    folder = tmp_path_factory.mktemp("report")
    shell = Shell(folder)
    shell.write(FLOWERS, "flowers.csv")
    shell.write(PRICES, "prices.csv")
    shell.run("train", "flowers.csv", "--target", "kind", "--save", "flowers.pkl", "--quiet", "--epochs", 20)
    shell.run("train", "prices.csv", "--target", "price", "--save", "prices.pkl", "--quiet", "--epochs", 20)
    cr.MLP([2, 3, 1], dtype="float64", seed=0).save(folder / "bare.pkl")
    trainer = xor_trainer(epochs=2)
    trainer.fit(*XOR, epochs=3, checkpoint=folder / "xor.run")
    return shell


def page_of(shell: Shell, name: str = "report.html") -> Page:
    page = Page(Path(shell.folder, name))
    check_sound(page)
    return page


def test_a_network_of_classes_has_its_names_and_its_matrix(shell, backend):
    done = shell.run("report", "flowers.pkl", "--data", "flowers.csv", "--backend", backend, "--rows", "2,5")
    assert done.stdout == "wrote report.html\n"
    page = page_of(shell)
    assert page.all("title")[0][1] == "Report of flowers.pkl"
    assert page.data["names"][0] == ["petal", "sepal"]
    assert page.data["names"][-1] == ["iris", "lily", "rose"]
    assert page.data["step"]["rows"] == [2, 5]
    model, preprocessing = load_model(str(shell.folder / "flowers.pkl"))
    table = np.array([row[:2] for row in read_csv(FLOWERS)[1:]], float)
    kinds = [row[2] for row in read_csv(FLOWERS)[1:]]
    inputs = preprocessing.inputs(table, model.dtype)
    said = [preprocessing.class_names[i] for i in model.predict(inputs).argmax(axis=1)]
    matrix = {row[0]: [int(n) for n in row[1:]] for row in page.table("Confusion matrix")}
    for true, counts in matrix.items():
        expected = [sum(k == true and s == name for k, s in zip(kinds, said, strict=True)) for name in matrix]
        assert counts == expected
    np.testing.assert_array_equal(np.float32(page.data["step"]["layers"][0]["given"]), inputs[[2, 5]])


def test_a_quantity_is_judged_in_its_own_unit(shell):
    shell.run("report", "prices.pkl", "--data", "prices.csv", "--output", "prices.html", "--title", "Prices")
    page = page_of(shell, "prices.html")
    assert page.all("title")[0][1] == "Prices"
    predicted = read_csv(shell.run("predict", "prices.pkl", "prices.csv").stdout)[1:]
    true = [float(row[2]) for row in read_csv(PRICES)[1:]]
    residuals = np.array([float(row[0]) for row in predicted]) - true
    ((name, mean_absolute, *_),) = page.table("Residuals")
    assert name == "price"
    assert float(mean_absolute) == pytest.approx(np.abs(residuals).mean(), rel=1e-4)


def test_without_rows_the_page_says_what_would_show_more(shell):
    shell.run("report", "prices.pkl", "--output", "alone.html")
    assert "on the command line --data and --target" in page_of(shell, "alone.html").section("step")


def test_a_run_has_its_curves_and_its_loss(shell):
    shell.write("a,b,y\n0,1,1\n0,0,0\n1,0,1\n1,1,0\n", "xor.csv")
    shell.run("report", "xor.run", "--data", "xor.csv", "--target", "y", "--output", "run.html")
    page = page_of(shell, "run.html")
    assert len(page.table("What was measured")) == 5
    assert dict(page.table("Training"))["loss"] == "binary_cross_entropy"
    assert page.data["step"]["step"] == 5
    assert page.data["step"]["optimizer"]["momentum"] == 0.9


def test_a_bare_network_takes_all_columns_and_a_loss_by_its_name(shell):
    shell.write("x0,x1,y\n0,1,1.5\n1,1,2\n", "numbers.csv")
    shell.run(
        "report",
        "bare.pkl",
        "--data",
        "numbers.csv",
        "--target",
        "y",
        "--loss",
        "huber",
        "--output",
        "bare.html",
    )
    step = page_of(shell, "bare.html").data["step"]
    assert step["loss_name"] == "huber"
    assert step["target"] == [[1.5]]
    assert step["layers"][0]["given"] == [[0, 1]]


def test_rows_of_a_data_set_of_the_package(shell):
    cr.MLP([64, 4, 10], output_activation="softmax", seed=0).save(shell.folder / "digits.pkl")
    shell.run("report", "digits.pkl", "--dataset", "digits", "--output", "digits.html")
    assert "1,797 rows" in page_of(shell, "digits.html").section("judgement")


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (["bare.pkl", "--data", "prices.csv"], "--target is needed", 1),
        (["bare.pkl", "--data", "prices.csv", "--target", "rooms", "--loss", "mse2"], "mse2", 1),
        (["prices.pkl", "--data", "flowers.csv"], 'no column "rooms"', 1),
        (["flowers.pkl", "--data", "other.csv"], '"tulip" is none of the classes of the network, which are iris, lily, rose', 1),
        (["flowers.pkl", "--data", "flowers.csv", "--rows", "60"], "rows[0] is 60, but X has 60 rows", 1),
        (["flowers.pkl", "--dataset", "digits"], "digits has 64 columns, but the network has 2 inputs", 1),
        (["flowers.csv"], "flowers.csv", 1),
        (["flowers.pkl", "--output", "flowers.pkl"], "it will not be overwritten", 1),
        (["flowers.pkl", "--data", "flowers.csv", "--dataset", "digits"], "--data and --dataset exclude each other", 2),
        (["flowers.pkl", "--target", "kind"], "--target and --delimiter are for --data", 2),
        (["flowers.pkl", "--rows", "3"], "--rows needs --data or --dataset", 2),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_in_one_line_and_nothing_is_written(
    shell, arguments, words, code, monkeypatch, capsys
):
    shell.write("petal,sepal,kind\n1,2,rose\n1,3,tulip\n", "other.csv")
    before = sorted(path.name for path in shell.folder.iterdir())
    monkeypatch.chdir(shell.folder)
    try:
        ended = main(["report", *arguments, *([] if "--output" in arguments else ["--output", "no.html"])])
    except SystemExit as exit_:
        ended = exit_.code
    said = capsys.readouterr()
    assert (ended, said.out) == (code, "")
    assert said.err.startswith("chainrule: ")
    assert said.err.count("\n") == 1
    assert words in said.err
    assert sorted(path.name for path in shell.folder.iterdir()) == before
