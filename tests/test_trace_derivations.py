"""Derivations: the formulas come to the numbers beside them, and the derivative is that of finite differences."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import chainrule as cr
import numpy as np
import pytest
from chainrule.trace._symbols import to_html
from trace_cases import OPTIMIZERS, OUTPUTS, TRAINABLE, data, evaluated, model

NAMES = ("W1[3, 6]", "W1[0, 2]", "W2[1, 4]", "W3[4, 0]", "b1[2]", "b2[0]", "b3[1]")


def explained(loss, output, activation="tanh", rows=3, optimizer=None, weight=None, **more):
    X, y = data(rows)
    return model(activation, output, **more).explain(
        X, y, loss=loss, optimizer=optimizer, sample_weight=weight
    )


def assert_formulas_give_their_numbers(derivation, rtol=1e-9):
    """Evaluate every formula whose terms are all there; return how many these were."""
    done = 0
    for line in derivation.lines:
        for form in line.forms:
            found = evaluated(form, derivation.values)
            if found is not None:
                assert found == pytest.approx(line.value, rel=rtol, abs=1e-14), (line.symbol, form)
                done += 1
    return done


@pytest.mark.parametrize(("loss", "output"), OUTPUTS)
def test_a_derivative_is_that_of_finite_differences(backend, loss, output):
    X, y = data(5)
    weight = np.array([0.5, 1, 2, 1, 0.25])
    network = model("softplus", output)
    trainer = cr.Trainer(network, loss=loss)
    trace = network.explain(X, y, loss=loss, sample_weight=weight)
    for name in NAMES:
        derivation = trace.of(name)
        kind, layer, *place = re.findall(r"[Wb]|\d+", name)
        array = (network.weights if kind == "W" else network.biases)[int(layer) - 1]
        place, h, losses = tuple(map(int, place)), 1e-5, []
        for sign in (1, -1):
            array[place] += sign * h
            losses.append(trainer.evaluate(X, y, sample_weight=weight)["loss"])
            array[place] -= sign * h
        assert derivation.derivative == pytest.approx((losses[0] - losses[1]) / (2 * h), rel=1e-5, abs=1e-8)
        assert derivation.derivative == derivation.values[f"dL/d{name}"]


@pytest.mark.parametrize("activation", TRAINABLE)
def test_formulas_of_activations_come_to_their_numbers(backend, activation):
    trace = explained("half_squared_error", activation, activation, rows=1)
    for name in ("W1[0, 2]", "W2[1, 4]", "b3[1]"):
        assert assert_formulas_give_their_numbers(trace.of(name)) > 6


@pytest.mark.parametrize(("loss", "output"), OUTPUTS)
@pytest.mark.parametrize("rows", [1, 4])
def test_formulas_of_losses_come_to_their_numbers(backend, loss, output, rows):
    weight = None if rows == 1 else np.linspace(0.5, 2, rows)
    for given in (None, weight):
        trace = explained(loss, output, rows=rows, weight=given)
        for name in ("W3[4, 0]", "W2[1, 4]"):
            assert assert_formulas_give_their_numbers(trace.of(name)) > 6


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_formulas_of_updates_come_to_their_numbers(backend, optimizer):
    X, y = data()
    trainer = cr.Trainer(model(), loss="half_squared_error", optimizer=optimizer, batch_size="full")
    with trainer.trace(steps=3) as trace:
        trainer.fit(X, y, epochs=3)
    for step in (0, 2):
        for name in ("W1[0, 2]", "b2[0]"):
            derivation = trace.of(name, step=step)
            updates = [line for line in derivation.lines if line.section == "update"]
            assert updates[-1].symbol == f"new {name}"
            assert derivation.new_value == updates[-1].value
            if not updates[-1].note:  # shortened to max_norm, which the formula does not have
                assert assert_formulas_give_their_numbers(derivation, rtol=1e-7) > len(updates)
    layer = trace.steps[2].layers[0]
    assert trace.of("W1[0, 2]", step=2).new_value == layer.new_W[0, 2]


@pytest.mark.parametrize("bias", ["unit", "layer", None])
def test_dropout_is_a_factor_and_one_bias_is_a_sum(backend, bias):
    X, y = data()
    trainer = cr.Trainer(
        model(dropout=0.4, bias=bias, input_dropout=0.2), loss="half_squared_error", batch_size=1
    )
    with trainer.trace(rows=[4]) as trace:
        trainer.fit(X, y)
    names = {"unit": ["b1[2]"], "layer": ["b1", "b2[0]", "b3"], None: []}[bias]
    for name in ["W1[0, 2]", "W2[1, 3]", *names]:
        derivation = trace.of(name)
        assert assert_formulas_give_their_numbers(derivation) > 5
        assert ("m1[" in derivation.to_text()) or name.startswith("b3")
    if bias == "layer":
        assert "sum_j dL/dz1[j]" in trace.of("b1").to_text()
        assert trace.of("b1").derivative == trace.steps[0].layers[0].dL_db[0]


def test_a_hidden_weight_sums_over_its_paths_and_a_batch_over_its_rows():
    one, several = (
        explained("half_squared_error", "identity", rows=1),
        explained("half_squared_error", "identity"),
    )
    text = one.of("W2[1, 4]").to_text()
    assert "dL/da2[4] = sum_k dL/dz3[k] * dz3[k]/da2[4]" in text
    assert "= dL/dz3[0] * W3[4, 0] + dL/dz3[1] * W3[4, 1] + dL/dz3[2] * W3[4, 2]" in text
    assert "dL/dW2[1, 4] = dL/da2[4] * da2[4]/dz2[4] * dz2[4]/dW2[1, 4]" in text
    text = several.of("W1[0, 2]", row=1).to_text()
    assert "= dL/dz1[0, 2] * x[0, 0] + dL/dz1[1, 2] * x[1, 0] + dL/dz1[2, 2] * x[2, 0]" in text
    assert "dL/da3[1, 0] = -(y[1, 0] - a3[1, 0]) / n" in text


def test_long_sums_are_shortened_and_their_value_given():
    trace = explained("half_squared_error", "identity", rows=1)
    z = next(line for line in trace.of("W2[1, 4]").lines if line.symbol == "z2[4]")
    assert z.forms[0].count("*") == 4
    assert " + ... + a1[7] * W2[7, 4] + b2[4]" in z.forms[0]
    assert z.value == trace.steps[0].layers[1].z[0, 4]


def test_a_cross_entropy_says_why_it_is_a_minus_y():
    derivation = explained("cross_entropy", "softmax", rows=1).of("W3[0, 1]")
    (line,) = (line for line in derivation.lines if line.symbol == "dL/dz3[1]")
    assert line.forms == ("a3[1] - y[1]",)
    assert "f' cancels" in line.note


def test_a_missing_target_and_a_row_without_weight_count_nothing_and_say_so(backend):
    X, y = data(3)
    y[1, 2] = np.nan
    for loss, output, symbol in (
        ("huber", "identity", "dL/da3[1, 2]"),
        ("binary_cross_entropy", "sigmoid", "dL/dz3[1, 2]"),
    ):
        trace = model("tanh", output).explain(X, y, loss=loss)
        (line,) = (line for line in trace.of("W3[0, 2]", row=1).lines if line.symbol == symbol)
        assert (line.forms, line.value) == (("0",), 0)
        assert "missing" in line.note
    trace = model().explain(*data(3), sample_weight=[1, 0, 2])
    derivation = trace.of("W3[0, 2]", row=1)
    (line,) = (line for line in derivation.lines if line.symbol == "dL/da3[1, 2]")
    assert line.value == 0
    assert line.forms[0].endswith("* w[1] / total")
    assert_formulas_give_their_numbers(derivation)


@pytest.mark.parametrize(
    ("loss", "output"), [("mean_squared_error", "identity"), ("binary_cross_entropy", "sigmoid")]
)
def test_a_missing_target_is_left_out_of_the_loss_of_its_row(backend, loss, output):
    X, y = data(1)
    y[0, 1] = np.nan
    derivation = model("tanh", output).explain(X, y, loss=loss).of("W3[0, 0]")
    (line,) = (line for line in derivation.lines if line.symbol == "L")
    assert "y[0]" in line.forms[0]
    assert "y[1]" not in line.forms[0]
    assert evaluated(line.forms[0], derivation.values) == pytest.approx(line.value, rel=1e-12)
    assert "missing" in line.note
    assert "nan" not in derivation.to_text()


def test_the_sum_of_weights_is_a_number_in_every_form():
    derivation = model().explain(*data(3), sample_weight=[1, 0.5, 2]).of("W3[0, 2]", row=1)
    (line,) = (line for line in derivation.to_dict()["lines"] if line["symbol"] == "dL/da3[1, 2]")
    assert line["numbers"].endswith("* 0.5 / 3.5")
    assert "total is the sum of the weights" in line["note"]
    assert r"\operatorname{total}" in derivation.to_latex()


def test_weights_of_rows_and_outputs_are_named_where_they_count():
    derivation = model().explain(*data(3), sample_weight=[1, 0.5, 2]).of("W3[0, 2]", row=1)
    (line,) = (line for line in derivation.lines if line.symbol == "L")
    assert line.note == "half_squared_error, the mean of 3 rows by their weights"
    trainer = cr.Trainer(model(), loss="half_squared_error", output_weights=[1, 2, 0.5])
    with trainer.trace() as trace:
        trainer.train_on_batch(*data(1))
    (line,) = (line for line in trace.of("W3[0, 1]").lines if line.symbol == "dL/da3[1]")
    assert line.forms[0].endswith("* c[1]")
    assert "c[1] is the weight of the output" in line.note


@pytest.mark.parametrize(
    ("loss", "output"), [("cross_entropy", "softmax"), ("binary_cross_entropy", "sigmoid")]
)
def test_a_logarithm_of_an_output_that_was_rounded_is_not_taken_for_the_loss(backend, loss, output):
    model = cr.MLP([1, 2], output_activation=output, dtype="float64", bias=None)
    model.weights[0][:] = [[-800.0, 800.0]]
    for x, rounded in ((1.0, True), (0.001, False)):
        derivation = model.explain([[x]], [[1.0, 0.0]], loss=loss).of("W1[0, 0]")
        (line,) = (line for line in derivation.lines if line.symbol == "L")
        assert ("computed from the sums" in line.note) == rounded
        assert bool(line.forms) != rounded
        expected = 1600 if rounded else evaluated(line.forms[0], derivation.values)
        assert line.value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("more", [{"input_dropout": 0.2}, {"input_noise": 0.1}, {}])
def test_inputs_that_training_changed_are_said_to_be_changed(backend, more):
    X, y = data()
    trainer = cr.Trainer(model(**more), loss="half_squared_error", batch_size=1)
    with trainer.trace(rows=[4]) as trace:
        trainer.fit(X, y)
    derivation = trace.of("W1[0, 2]")
    notes = [line.note for line in derivation.lines if line.symbol == "z1[2]"]
    assert notes == (["x after its noise and dropout"] if more else [""])
    assert "x after" not in trace.of("W2[0, 2]").to_text()


class Structure(HTMLParser):
    """Whether tags are closed in their order, and what they are."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_html_is_closed_labelled_and_escaped():
    derivation = explained("hinge", "identity", "relu", rows=1, optimizer=cr.Adam()).of("W2[0, 3]")
    hostile = derivation.named({"x[0]": "<b>&", "W2[0, 3]": '<script>alert("1")</script>'})
    for page in (derivation._repr_html_(), hostile._repr_html_()):
        structure = Structure()
        structure.feed(page)
        assert structure.open == []
        tags = [tag for tag, _ in structure.seen]
        assert tags.count("table") == tags.count("caption") == 3
        assert {attributes.get("scope") for tag, attributes in structure.seen if tag == "th"} == {
            "col",
            "row",
        }
        assert "script" not in tags
        assert "color:#" not in page.replace(" ", "")


def test_html_raises_exponents(backend):
    X, y = data(2)
    trainer = cr.Trainer(model("tanh"), loss="half_squared_error", optimizer=cr.Adam(0.01), batch_size="full")
    with trainer.trace(steps=[11]) as trace:
        trainer.fit(X, y, epochs=12)
    page = trace.of("W2[0, 2]").to_html()
    assert "^" not in page
    assert "<i>a</i><sup>(2)</sup><sub>0, 2</sub><sup>2</sup>" in page  # 1 - a^2
    assert "<sup>12</sup>" in page  # 0.9^12
    assert "<sup><i>t</i></sup>" in page  # beta1^t
    shown = explained("half_squared_error", "identity", "gelu_tanh", rows=1).of("W1[0, 2]").to_html()
    assert "0.044715 z<sup>3</sup>" in shown  # in a note
    assert "^" not in shown


def test_what_is_raised_ends_with_the_exponent():
    assert to_html("(1 - a)^2 / 3") == "(1 - <i>a</i>)<sup>2</sup> / 3"
    assert to_html("x^-2 + 1") == "<i>x</i><sup>-2</sup> + 1"
    assert to_html("2^(1 - (a + b)) * c") == "2<sup>(1 - (<i>a</i> + <i>b</i>))</sup> &middot; <i>c</i>"
    assert to_html("a^(b") == "<i>a</i>^(<i>b</i>"  # no formula: left as it is
    assert to_html("a^") == "<i>a</i>^"


def test_latex_is_balanced_and_escaped():
    for optimizer in OPTIMIZERS:
        for loss, output in (("cross_entropy", "softmax"), ("half_squared_error", "identity")):
            text = explained(loss, output, "gelu", optimizer=optimizer).of("W1[0, 2]").to_latex()
            depth = 0
            for c in re.sub(r"\\[{}]", "", text):
                depth += (c == "{") - (c == "}")
                assert depth >= 0
            assert depth == 0
            assert text.count(r"\begin{align*}") == text.count(r"\end{align*}") == 3
            for outside in re.sub(r"\\[_&%#$]", "", text).split("\n"):
                assert outside.count("&") <= 3
            assert not re.search(r"(?<!\\)[%#$]", text)
            assert r"\frac{\partial L}{\partial W^{(1)}_{0,2}}" in text
    assert r"\text{(half\_squared\_error, the mean of 3 rows)}" in text


def test_latex_has_one_exponent_each_and_its_digits_together():
    X, y = data(2)
    trainer = cr.Trainer(model("tanh"), loss="half_squared_error", optimizer=cr.Adam(0.01), batch_size="full")
    with trainer.trace(steps=[11]) as trace:
        trainer.fit(X, y, epochs=12)
    text = trace.of("W2[0, 2]").to_latex()
    assert r"1 - {a^{(2)}_{0,2}}^{2}" in text
    assert r"{0.9}^{12}" in text


def test_latex_can_be_set():
    mathtext = pytest.importorskip("matplotlib.mathtext").MathTextParser("path")
    derivation = explained("cross_entropy", "softmax", rows=1, optimizer=cr.AdamW()).of("W3[0, 2]")
    for line in derivation.to_latex().splitlines():
        if not line.startswith((r"\begin", r"\end", r"\noindent", r"\paragraph")):
            formula = line.split("&&")[0].replace(r"\\", "").replace("&", "").strip()
            mathtext.parse(f"${formula}$")


def test_markdown_has_tables_of_four_columns():
    text = explained("log_cosh", "identity", "softsign", rows=1).of("W1[0, 2]").to_markdown()
    for line in text.splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 5
    assert text.count("| quantity | formula | with numbers | result |") == 3


def test_a_derivation_as_a_dict_is_json_and_has_all_of_it():
    derivation = explained("half_squared_error", "identity").of("W1[0, 2]")
    record = json.loads(json.dumps(derivation.to_dict()))
    assert record["parameter"] == "W1[0, 2]"
    assert record["derivative"] == derivation.derivative
    assert len(record["lines"]) == len(derivation.lines)
    assert record["lines"][-1]["value"] == derivation.new_value
    assert str(derivation) == derivation.to_text()


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("W1", ValueError, r'W1 needs two indices, its input and its unit, as in "W1\[0, 7\]"'),
        ("W4[0, 0]", ValueError, "is of layer 4, but this MLP has 3 layers"),
        ("W0[0, 0]", ValueError, "is of layer 0"),
        ("W1[4, 0]", ValueError, r"W1 has the shape \(4, 8\)"),
        ("b1[8]", ValueError, "b1 has 8 entries"),
        ("b1[0, 1]", ValueError, "has two indices, but a bias has one"),
        ("b1", ValueError, r'needs an index, as in "b1\[0\]"'),
        ("weights", ValueError, r'name must be like "W1\[0, 2\]" or "b2\[0\]", but it is \'weights\''),
        (3, TypeError, "name must be a text"),
    ],
)
def test_a_parameter_that_is_not_there_is_refused(name, kind, words):
    with pytest.raises(kind, match=words):
        explained("half_squared_error", "identity").of(name)


def test_steps_rows_and_biases_that_are_not_there_are_refused():
    trace = explained("half_squared_error", "identity")
    with pytest.raises(ValueError, match="step is 1, but this trace has 1 step"):
        trace.of("W1[0, 0]", step=1)
    with pytest.raises(ValueError, match="row is 3, but the rows shown in this step are 0, 1, 2"):
        trace.of("W1[0, 0]", row=3)
    with pytest.raises(ValueError, match="this MLP has no biases"):
        explained("half_squared_error", "identity", bias=None).of("b1[0]")
    with pytest.raises(ValueError, match="layer 1 has one bias for all of its units"):
        explained("half_squared_error", "identity", bias="layer").of("b1[1]")
    trainer = cr.Trainer(model(), loss="half_squared_error")
    with trainer.trace() as empty, pytest.raises(ValueError, match="no steps yet"):
        empty.of("W1[0, 0]")
