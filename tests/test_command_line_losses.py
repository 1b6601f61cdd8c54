"""Losses, label smoothing and class weights from the command line."""

from __future__ import annotations

import re

import numpy as np
import pytest
from command_shell import FLOWERS, PRICES, Shell, error_of


@pytest.fixture
def shell(tmp_path):
    return Shell(tmp_path)


@pytest.mark.parametrize(
    "loss", ["mean_absolute_error", "huber", "log_cosh", "quantile", "half_squared_error"]
)
def test_a_quantity_is_learned_with_each_loss(shell, loss):
    done = shell.run(
        "train", shell.write(PRICES), "--target", "price", "--loss", loss, "--layers", 16, "--optimizer", "adam",
        "--learning-rate", 0.01, "--epochs", 200,
    )  # fmt: skip
    assert f"identity output, loss {loss}" in done.stdout
    assert float(re.search(r"^R2 (-?[0-9.]+)", done.stdout, re.MULTILINE)[1]) > 0.8


def test_counts_are_learned_as_they_are(shell):
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 2, 200)
    counts = rng.poisson(np.exp(x))
    data = shell.write("x,visits\n" + "".join(f"{a:.4f},{n}\n" for a, n in zip(x, counts, strict=True)))
    options = (
        "--task",
        "regression",
        "--loss",
        "poisson",
        "--layers",
        8,
        "--epochs",
        300,
        "--save",
        "counts.pkl",
    )
    done = shell.run(
        "train", data, "--target", "visits", *options, "--optimizer", "adam", "--learning-rate", 0.01
    )
    assert "exponential output, loss poisson" in done.stdout
    shell.write("x\n0.5\n1.5\n", "new.csv")
    rows = shell.run("predict", "counts.pkl", "new.csv").stdout.splitlines()
    predicted = [float(row.split(",")[-1]) for row in rows[1:]]
    np.testing.assert_allclose(predicted, np.exp([0.5, 1.5]), rtol=0.3)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--loss", "hinge"], "identity output, loss hinge"),
        (["--label-smoothing", 0.1], "softmax output, loss cross_entropy"),
        (
            ["--loss", "binary_cross_entropy", "--label-smoothing", 0.1],
            "sigmoid output, loss binary_cross_entropy",
        ),
        (["--class-weight", "balanced"], "softmax output, loss cross_entropy"),
    ],
)
def test_classes_are_learned_with_each_loss(shell, options, said):
    done = shell.run(
        "train", shell.write(FLOWERS), "--target", "kind", "--layers", 16, "--epochs", 100, *options
    )
    assert said in done.stdout
    assert float(re.search(r"^accuracy ([0-9.]+)", done.stdout, re.MULTILINE)[1]) > 0.85


@pytest.mark.parametrize(
    ("data", "options", "text"),
    [
        (PRICES, ["--loss", "hinge"], "the loss hinge is for classes, but the target is a quantity"),
        (
            PRICES,
            ["--class-weight", "balanced"],
            "--class-weight is for losses of classes, but the loss is mean_squared_error",
        ),
        (
            PRICES,
            ["--label-smoothing", 0.1],
            "--label-smoothing is for cross_entropy and binary_cross_entropy, but the loss is",
        ),
        (
            FLOWERS,
            ["--loss", "hinge", "--label-smoothing", 0.1],
            "--label-smoothing is for cross_entropy and",
        ),
        (FLOWERS, ["--loss", "huber", "--output-activation", "softmax"], "loss huber is for quantities, but"),
    ],
)
def test_losses_that_do_not_fit_are_refused(shell, data, options, text):
    target = "kind" if data is FLOWERS else "price"
    usage = "--output-activation" in options  # what contradicts itself, whatever the data are
    done = shell.run("train", shell.write(data), "--target", target, *options, code=2 if usage else 1)
    assert text in error_of(done)
