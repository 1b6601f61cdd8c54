"""What a trace is written as: JSON, text, HTML, Markdown and LaTeX."""

from __future__ import annotations

import json

import chainrule as cr
import numpy as np
from trace_cases import data, model


def test_a_trace_as_json_has_every_number(backend):
    X, y = data(3)
    for more, loss, output in (
        ({}, "half_squared_error", "identity"),
        ({"dropout": [0.3, 0.2], "input_dropout": 0.2, "input_noise": 0.1}, "cross_entropy", "softmax"),
    ):
        trainer = cr.Trainer(model("tanh", output, dtype="float32", **more), loss=loss, batch_size=4)
        with trainer.trace(steps=2) as trace:
            trainer.fit(X.astype("float32"), y.astype("float32"), epochs=2)
        read = json.loads(trace.to_json())
        assert read == trace.to_dict()
        assert (read["format"], read["version"], read["loss"]) == ("chainrule.trace", 1, loss)
        assert read["network"]["layer_sizes"] == [4, 8, 5, 3]
        assert read["optimizer"]["name"] == "SGD"
        for step, traced in zip(read["steps"], trace.steps, strict=True):
            assert step["rows"] == traced.rows
            for layer, kept in zip(step["layers"], traced.layers, strict=True):
                assert (layer["mask"] is None) == (kept.mask is None)
                for name in (
                    "given",
                    "W",
                    "b",
                    "z",
                    "a",
                    "dL_da",
                    "da_dz",
                    "dL_dz",
                    "dL_dW",
                    "dL_db",
                    "velocity_W",
                    "new_W",
                ):
                    np.testing.assert_array_equal(np.array(layer[name], "float32"), getattr(kept, name))


def test_numbers_that_are_not_finite_are_null_in_json(backend):
    y = data(3)[1]
    y[0, 0] = np.nan
    text = model().explain(data(3)[0], y).to_json()
    assert json.loads(text)["steps"][0]["target"][0][0] is None


def test_text_and_html_show_every_layer(backend):
    trace = model("relu").explain(*data(2))
    text, page = str(trace), trace._repr_html_()
    for layer in ("layer 1: 4 to 8, relu", "layer 3: 5 to 3, identity"):
        assert layer in text
        assert layer.capitalize() in page
    assert page.count("<caption>") == page.count("</table>") == 3 + 1  # of the layers, and of the targets
    assert '<th scope="row"><code>dL_dW</code></th>' in page
    assert "Trace(1 step of 4-8-5-3" in repr(trace)


def test_a_trace_as_markdown_and_latex_has_every_quantity_once_a_layer(backend):
    trace = model("relu", "softmax").explain(*data(9), loss="cross_entropy", optimizer=cr.Adam())
    text = trace.to_markdown()
    tables = [line for line in text.splitlines() if line.startswith("| `")]
    assert all(line.count("|") == 5 for line in tables)
    assert text.count("| `dL_dW` | dL/dW, of all rows |") == 3
    assert "; ...|" in text.replace(" |", "|")
    latex = trace.to_latex()
    assert latex.count(r"\begin{pmatrix}") == latex.count(r"\end{pmatrix}") == len(tables)
    assert latex.count("{") == latex.count("}")
    assert r"\partial L / \partial W^{(2)} &= \begin{pmatrix}" in latex
    assert r"\partial A^{(3)} / \partial Z^{(3)}" in latex
    assert r"\mathrm{square\_W}^{(1)}" in latex


def test_every_format_has_the_settings_the_targets_and_the_weights_of_the_rows(backend):
    X, y = data(2)
    y[:] = [[0.125, -7.5, 3.75], [0.5, 6.25, -1.625]]
    optimizer = cr.SGD(0.375, momentum=0.8125)
    trace = model("relu").explain(X, y, optimizer=optimizer, sample_weight=[0.6875, 2.125])
    for text in (trace.to_text(), trace.to_markdown(), trace.to_latex(), trace.to_html()):
        for written in ("float64", "0.8125", "0.125", "-7.5", "-1.625", "0.6875", "2.125"):
            assert written in text
    assert (
        "| `target` | what the outputs should be | 2x3 | 0.125 -7.5 3.75; 0.5 6.25 -1.625 |"
        in trace.to_markdown()
    )
    assert (
        r"y &= \begin{pmatrix} 0.125 & -7.5 & 3.75 \\ 0.5 & 6.25 & -1.625 \end{pmatrix}" in trace.to_latex()
    )
    unweighted = model("relu").explain(X, y)
    assert "weight` | of each row" not in unweighted.to_markdown()


def test_the_text_of_a_trace_without_steps_says_so_and_zeros_have_no_sign(backend):
    model = cr.MLP([2, 3, 2], dtype="float64", seed=0)
    trainer = cr.Trainer(model, loss="mean_squared_error", batch_size="full")
    with trainer.trace() as trace:
        assert (
            trace.to_text()
            == "2-3-2, float64: no step yet, as nothing was trained while this trace was open\n"
        )
        trainer.fit([[1.0, 2.0], [-1.0, 0.5]], [[1.0, 2.0], [0.5, 1.0]], sample_weight=[1.0, 0.25])
    assert np.signbit(trace.steps[0].layers[0].dL_dz[trace.steps[0].layers[0].dL_dz == 0]).any()
    for text in (trace.to_text(), trace.to_markdown(), trace.to_latex(), trace.to_html()):
        assert "-0 " not in text
        assert "-0]" not in text
        assert "-0<" not in text
    assert "weight (of each row)" in trace.to_text()
