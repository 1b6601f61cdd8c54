"""The worked examples show every figure of their tutorials, exact and as printed there, by their own names."""

from __future__ import annotations

import re
from itertools import pairwise

import chainrule as cr
import numpy as np
import pytest
from chainrule.trace import EXAMPLES, worked_example
from chainrule.trace.worked._everything_stored import gradient_norms
from trace_cases import evaluated


def lines_of(name, parameter):
    (derivation,) = (one for one in worked_example(name).derivations() if one.name == parameter)
    return {line["symbol"]: line for line in derivation.to_dict()["lines"]}


def assert_line(line, value, printed="", digits=9):
    assert line["value"] == pytest.approx(value, rel=0, abs=0.6 * 10.0**-digits)
    assert line["printed"] == printed


def test_three_inputs(backend):
    hidden, output = lines_of("three-inputs", "W1[0, 0]"), lines_of("three-inputs", "W2[0, 0]")
    assert_line(hidden["net_h1"], 0.3)
    assert_line(hidden["h1"], 0.574442517, "0.57")
    assert_line(hidden["net_o"], 0.229777007, "0.228")
    assert_line(hidden["o"], 0.557192836, "0.56")
    assert_line(hidden["E"], 0.098039092, "0.0968")
    assert_line(hidden["do/dnet_o"], 0.246728979)
    assert_line(output["dE/dW2[0, 0]"], -0.062759775)
    assert output["dE/dW2[0, 0]"]["formulas"] == ["dE/do * do/dnet_o * dnet_o/dW2[0, 0]"]
    assert_line(hidden["dE/dW1[0, 0]"], -0.002670789, "-0.00265")
    assert hidden["dE/do"]["formulas"] == ["-(t - o)"]
    text = worked_example("three-inputs").to_text()
    for figure in ("0.574442517", "printed as 0.57", "0.229777007", "0.228", "0.557192836", "0.56", "0.0980390921", "0.0968",
                   "0.246728979", "-0.0627597748", "-0.00267078918", "-0.00265", "1, 0.888889, 0.777778", "0.111111, 0\n",
                   "(v - min) / (max - min)", "80:20 split: 8 rows to learn from, 2 to judge by", "until the loss settled"):  # fmt: skip
        assert figure in text
    assert "printed as: the figure of the tutorial, which rounds or cuts off along the way" in text
    found = re.findall(r"inputs (\d+), predicted ([\d.]+), target (\d+)", text)
    assert len(found) == 2
    for _, predicted, target in found:
        assert float(predicted) == pytest.approx(float(target), abs=6)


def test_two_inputs(backend):
    output, hidden = lines_of("two-inputs", "W2[0, 0]"), lines_of("two-inputs", "W1[0, 0]")
    assert_line(hidden["o11"], 0.89)
    assert_line(hidden["O"], 1.106)
    assert_line(output["dL/dO"], -1.894)
    assert output["dL/dO"]["numbers"].startswith("-(3 - 1.106")
    assert_line(output["dL/dw211"], -1.68566, "-1.686")
    assert_line(output["step"], 0.0168566)
    assert_line(output["new w211"], -0.2131434, "-0.213")
    assert_line(hidden["dL/dw111"], 0.0426472, "0.0426", digits=7)
    assert_line(hidden["new w111"], 0.4995735, "0.499", digits=7)
    assert hidden["dL/dw111"]["formulas"] == ["dL/dO * dO/do11 * do11/dh11 * dh11/dw111"]
    factors = [hidden[name]["value"] for name in ("dL/dO", "dO/do11", "do11/dh11", "dh11/dw111")]
    np.testing.assert_allclose(factors, [-1.894, -0.23, 0.89 * 0.11, 1], rtol=1e-12)
    text = worked_example("two-inputs").to_text(7)
    assert "= -1.894 * (-0.23) * 0.0979 * 1\n" in text
    for figure in ("-(3 - 1.106) = -1.894", "-1.68566", "-1.686", "-0.23 + 0.0168566", "-0.2131434", "-0.213", "0.0426472", "0.0426",
                   "0.5 + (-0.000426472)", "0.4995735", "0.499"):  # fmt: skip
        assert figure in text


def test_shared_bias(backend):
    text = worked_example("shared-bias").to_text()
    steps = [
        text.index(word)
        for word in ("1. initialise", "2. forward", "3. loss", "4. back-propagation", "5. update")
    ]
    assert steps == sorted(steps)
    names = ["da2", "dz2", "dw2", "db2", "da1", "dz1", "dw1", "db1"]
    places = [text.index(f"{name:>6} =") for name in names]
    assert places == sorted(places)
    # The same by hand.
    W1, W2 = np.array([[0.1, -0.2, 0.3], [0.4, 0.5, -0.6]]), np.array([0.7, -0.8, 0.9])
    a1 = 1 / (1 + np.exp(-(np.array([0.5, -1.5]) @ W1 + 0.25)))
    a2 = 1 / (1 + np.exp(-(a1 @ W2 - 0.15)))
    dz2 = (a2 - 1) * a2 * (1 - a2)
    dz1 = dz2 * W2 * a1 * (1 - a1)
    rows = {name: re.search(rf"^ *{name} = (.*)$", text, re.MULTILINE)[1].split() for name in names}
    for name, value in (("da2", [a2 - 1]), ("dz2", [dz2]), ("db2", [dz2]), ("da1", dz2 * W2), ("dz1", dz1),
                        ("dw1", 0.5 * dz1), ("db1", [dz1.sum()])):  # fmt: skip
        np.testing.assert_allclose([float(number) for number in rows[name]], value, rtol=1e-8)
    derivation = lines_of("shared-bias", "b1")
    assert derivation["dL/db1"]["formulas"][0] == "sum_j dL/dz1[j]"
    assert derivation["new b1"]["value"] == pytest.approx(0.25 - 0.5 * dz1.sum(), rel=1e-12)


def test_perceptron(backend):
    weight, bias = lines_of("perceptron", "W1[0, 0]"), lines_of("perceptron", "b1[0]")
    for name in ("z[0]", "yhat[0]", "C", "dC/dyhat[0]", "dyhat[0]/dz[0]", "dz[0]/dw[0]", "dC/dw[0]"):
        assert name in weight
    X, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1.0]]), np.array([0, 0, 0, 1.0])
    yhat = 1 / (1 + np.exp(-(X @ [0.5, -0.25] + 0.1)))
    factor = 2 * (yhat - y) / 4 * yhat * (1 - yhat)
    assert weight["C"]["value"] == pytest.approx(np.mean((y - yhat) ** 2), rel=1e-12)
    assert weight["dC/dw[0]"]["value"] == pytest.approx(X[:, 0] @ factor, rel=1e-12)
    assert bias["dC/db"]["value"] == pytest.approx(factor.sum(), rel=1e-12)
    assert bias["dz[0]/db"]["value"] == 1
    text = worked_example("perceptron").to_text()
    assert "answers 0, 0, 0, 1; the targets are 0, 0, 0, 1" in text
    assert "refused: output_activation is step, but the derivative of step is zero" in text


def test_everything_stored(backend):
    text = worked_example("everything-stored").to_text()
    for what in ("architecture          64-16-12-10", "perceptrons per layer 16, 12, 10", "sigmoid (from 0 to 1)",
                 "tanh (from -1 to 1)", "relu (0 and above, against vanishing gradients), dropout 0.2", "optimizer             SGD",
                 "learning rate         0.02", "momentum              0.9", "sum of squared errors over the outputs",
                 "batch size            10", "number of epochs      20", "metric                accuracy"):  # fmt: skip
        assert what in text
    assert len(re.findall(r"^  after epoch \d+: ", text, re.MULTILINE)) == 21
    sigmoid, relu = gradient_norms("sigmoid"), gradient_norms("relu")
    assert all(before < after for before, after in pairwise(sigmoid))
    assert sigmoid[0] < 1e-3 * sigmoid[-1]
    assert relu[0] > 0.1 * relu[-1]
    assert f"{sigmoid[0]:.3e}" in text
    assert (
        f"with sigmoid it is {sigmoid[-1] / sigmoid[0]:.3g} times smaller at the first layer than at the last"
        in " ".join(text.split())
    )
    assert f"with relu it is {relu[0] / relu[-1]:.3g} times as large there" in " ".join(text.split())
    assert "printed as" not in text
    with pytest.raises(ValueError, match="no single step"):
        worked_example("everything-stored").trace()


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name != "everything-stored"])
def test_every_formula_of_an_example_comes_to_its_number_and_the_check_passes(backend, name):
    example = worked_example(name)
    assert max(example.trace().check().values()) <= 1
    for derivation in example.derivations():
        found = [
            (evaluated(form, derivation.values), line.value)
            for line in derivation.lines
            for form in line.forms
        ]
        known = [(number, value) for number, value in found if number is not None]
        assert len(known) > 7
        for number, value in known:
            assert number == pytest.approx(value, rel=1e-9, abs=1e-14)


def test_an_example_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="name must be one of three-inputs, two-inputs"):
        worked_example("four-inputs")


def test_the_examples_are_the_same_on_both_cores():
    texts = []
    for core in ("native", "reference"):
        with cr.backend(core):
            texts.append(worked_example("two-inputs").to_text(9))
    assert texts[0] == texts[1]


@pytest.mark.parametrize("form", ["text", "markdown", "latex", "html"])
def test_digits_that_are_none_are_refused_by_examples_without_derivations_too(form):
    with pytest.raises(ValueError, match="digits"):
        getattr(worked_example("everything-stored"), f"to_{form}")(0)
