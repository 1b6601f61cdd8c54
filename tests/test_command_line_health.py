"""The commands `health` and `train --health`."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import chainrule as cr
import pytest
from command_shell import FLOWERS, Shell, error_of
from health_cases import blobs, deep_sigmoid


@pytest.fixture
def shell(tmp_path: Any) -> Shell:
    return Shell(tmp_path)


def test_the_gradients_of_a_deep_sigmoid_network_fall_towards_the_input_and_those_of_relu_do_not(
    shell: Shell, backend: str
) -> None:
    done = shell.run("health", "--demo", "--backend", backend)
    rows = re.findall(r"^ +(\d) +(\S+) +\S+ +(\S+) +\S+$", done.stdout, re.MULTILINE)
    layers, sigmoid, relu = ([float(number) for number in column] for column in zip(*rows, strict=True))
    assert layers == list(range(1, 10))
    assert all(2 * lower < upper for lower, upper in pairwise(sigmoid))
    assert sigmoid[0] < 1e-4 * sigmoid[-1]
    assert all(0.3 * relu[-1] < norm < 3 * relu[-1] for norm in relu)
    assert (
        done.stdout.count("\ncritical: The gradients vanish on their way back through the 9 layers (sigmoid)")
        == 1
    )
    assert done.stdout.rstrip().endswith("health: nothing wrong in epochs 0 to 4")


def test_the_demonstration_can_be_drawn(shell: Shell, tmp_path: Any) -> None:
    pytest.importorskip("matplotlib")
    shell.run("health", "--demo", "--epochs", 1, "--hidden", 2, "--plot", "fall.svg")
    assert "norm of the gradient" in (tmp_path / "fall.svg").read_text()
    short = ("health", "--demo", "--epochs", 1, "--hidden", 2)
    assert "--plot fall.doc" in error_of(shell.run(*short, "--plot", "fall.doc", code=1))
    assert "--plot no/fall.svg" in error_of(shell.run(*short, "--plot", "no/fall.svg", code=1))
    assert "--plot is for --demo" in error_of(shell.run("health", "a.run", "--plot", "fall.svg", code=2))


def test_the_report_of_a_run_is_printed(shell: Shell, tmp_path: Any) -> None:
    trainer = deep_sigmoid(0)
    trainer.fit(*blobs(0), epochs=5, health=True, checkpoint=tmp_path / "deep.run")
    done = shell.run("health", "deep.run")
    assert done.stdout == f"{trainer.health()}\n"
    assert "The gradients vanish" in done.stdout


def test_what_has_no_record_is_refused_in_one_line(shell: Shell, tmp_path: Any) -> None:
    model = cr.MLP([8, 3], output_activation="softmax", dtype="float64")
    model.save(tmp_path / "m.pkl")
    assert "m.pkl is no run: a network holds no record" in error_of(shell.run("health", "m.pkl", code=1))
    cr.Trainer(model, loss="cross_entropy").fit(*blobs(0), checkpoint=tmp_path / "plain.run")
    assert "plain.run holds no record of the health" in error_of(shell.run("health", "plain.run", code=1))
    assert "give either a run or --demo" in error_of(shell.run("health", code=2))
    assert "give either a run or --demo" in error_of(shell.run("health", "plain.run", "--demo", code=2))
    assert "nothing.run: No such file" in error_of(shell.run("health", "nothing.run", code=1))


def test_train_says_at_the_end_what_was_wrong(shell: Shell) -> None:
    data = shell.write(FLOWERS)
    options = ("train", data, "--target", "kind", "--quiet", "--epochs", 40)
    assert "health: nothing wrong in epochs 0 to 39\n" in shell.run(*options, "--health").stdout
    assert "health" not in shell.run(*options).stdout
    done = shell.run(*options, "--health", "--learning-rate", "1e-7")
    assert "warning: The learning rate is too low" in done.stdout
    done = shell.run(*options, "--health", "--learning-rate", "1e38", code=1)
    assert "critical: The learning rate is too high: the training diverged" in done.stdout
    assert "is not finite" in error_of(done)
    message = error_of(shell.run(*options, "--health", "--optimizer", "lbfgs", code=2))
    assert "--health is not for --optimizer lbfgs" in message
