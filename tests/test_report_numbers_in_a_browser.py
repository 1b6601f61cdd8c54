"""The numbers that a report shows in a browser are those of the trace: in every phase, and in the chain rule of every weight."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from headless import Browser, browser, find_browser
from report_cases import CASES, digits_trainer, next_update, quantity_trainer
from report_pages import case, choose, tables, write

if find_browser() is None:
    pytest.skip("no chromium or chrome is installed (CHAINRULE_BROWSER names one)", allow_module_level=True)


@pytest.fixture(scope="module")
def page() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


@pytest.mark.parametrize("name", ["xor", "quantity"])
def test_every_number_of_every_phase_is_that_of_the_trace(page: Browser, tmp_path: Path, name: str) -> None:
    trainer, X, y = case(name)
    rows = [0, 2]
    step = next_update(trainer, X[rows], y[rows]).steps[0]
    page.open(write(tmp_path, trainer, X, y, rows=rows))
    for r in range(2):
        page.evaluate(
            f"(s => {{ s.value = {r}; s.dispatchEvent(new Event('change')); }})(document.getElementById('row'))"
        )
        page.evaluate("document.querySelector('[data-go=first]').click()")
        assert tables(page) == {
            "Inputs": [step.layers[0].given[r].tolist()],
            "Targets": [step.target[r].tolist()],
        }
        page.evaluate("document.querySelector('[data-go=next]').click()")
        for layer in step.layers:
            l = layer.number
            assert tables(page) == {
                "Given": [layer.given[r].tolist()], f"W{l}": layer.W.tolist(), f"b{l}": [layer.b.tolist()],
                "Weighted sums and activations": [layer.z[r].tolist(), layer.a[r].tolist()],
            }  # fmt: skip
            page.evaluate("document.querySelector('[data-go=next]').click()")
        assert tables(page)["Outputs and targets"] == [step.layers[-1].a[r].tolist(), step.target[r].tolist()]
        assert page.evaluate("Number(document.querySelector('#phase output').dataset.value)") == step.loss
        page.evaluate("document.querySelector('[data-go=next]').click()")
        for layer in reversed(step.layers):
            l = layer.number
            assert tables(page) == {
                "From activations to weighted sums": [layer.dL_da[r].tolist(), layer.da_dz[r].tolist(), layer.dL_dz[r].tolist()],
                f"∂L/∂W{l}": layer.dL_dW.tolist(), f"∂L/∂b{l}": [layer.dL_db.tolist()],
            }  # fmt: skip
            page.evaluate("document.querySelector('[data-go=next]').click()")
        for layer in step.layers:
            l, found = layer.number, tables(page)
            assert found[f"New W{l}"] == layer.new_W.tolist()
            assert found[f"New b{l}"] == [layer.new_b.tolist()]
            assert found[f"What SGD remembers of W{l}"] == layer.velocity_W.tolist()
            page.evaluate("document.querySelector('[data-go=next]').click()")


@pytest.mark.parametrize("name", ["xor", "quantity", "digits"])
def test_the_chain_rule_of_every_weight_that_is_shown_is_that_of_the_trace(
    page: Browser, tmp_path: Path, name: str
) -> None:
    trainer, X, y = case(name)
    trace = next_update(trainer, X[:1], y[:1])
    page.open(write(tmp_path, trainer, X, y))
    names = page.evaluate(
        "[...document.querySelectorAll('#diagram [data-weight]')].map((e) => e.dataset.weight)"
    )
    assert len(names) == {"xor": 9, "quantity": 30, "digits": 144 + 144 + 120}[name]
    for weight in names[:: 7 if name == "digits" else 1]:
        derivation, found = trace.of(weight), choose(page, weight)
        assert found["gradient"] == derivation.derivative
        assert found["new"] == derivation.new_value
        rounding = 4 * float(np.finfo(trainer.model.dtype).eps)
        assert found["product"] == pytest.approx(derivation.derivative, rel=rounding, abs=1e-37)
        number = int(weight[1]) - 1
        if number + 1 < len(trace.steps[0].layers):
            unit = int(weight.split(",")[1].rstrip("]"))
            assert found["dL_da"] == trace.steps[0].layers[number].dL_da[0, unit]


def test_the_chain_rule_of_biases_and_what_an_optimizer_remembers(page: Browser, tmp_path: Path) -> None:
    for trainer, X, y in (digits_trainer(), quantity_trainer()):
        trace = next_update(trainer, X[:2], y[:2])
        page.open(write(tmp_path, trainer, X, y, rows=[0, 1]))
        page.evaluate("document.querySelector('[data-go=next]').click()")
        name = page.evaluate(
            "[...document.querySelectorAll('#phase [data-weight^=b]')].at(-1).dataset.weight"
        )
        derivation, found = trace.of(name), choose(page, name)
        assert found["gradient"] == derivation.derivative
        assert found["new"] == derivation.new_value
        if isinstance(trainer.optimizer, cr.Adam):
            layer, unit = trace.steps[0].layers[0], int(name[3:-1])
            assert found["velocity"] == layer.velocity_b[unit]
            assert found["velocity before"] == layer.previous_velocity_b[unit] != 0
            assert found["square"] == layer.square_b[unit]
            assert found["total"] == pytest.approx(derivation.derivative, rel=1e-6, abs=1e-9)


def choose_all(page: Browser, trace: Any) -> None:
    """Choose everything that can be in every phase; the derivative and the new value must be those of the derivation."""
    rounding = float(np.finfo(trace.network.dtype).eps)
    seen = set()
    while True:
        for name in page.evaluate(
            "[...new Set([...document.querySelectorAll('#phase [data-weight]')].map((e) => e.dataset.weight))]"
        ):
            if name not in seen:
                found, derivation = choose(page, name), trace.of(name)
                assert found["gradient"] == derivation.derivative, name
                assert found["new"] == derivation.new_value, name
                products = page.evaluate(
                    "[...document.querySelectorAll('#chain [data-name=product]')].map((e) => Number(e.dataset.value))"
                )
                if len(products) == trace.steps[0].batch_rows:
                    size = sum(map(abs, products))
                    assert sum(products) == pytest.approx(derivation.derivative, abs=4 * rounding * size), (
                        name
                    )
                seen.add(name)
        if page.evaluate("document.querySelector('[data-go=next]').disabled"):
            break
        page.evaluate("document.querySelector('[data-go=next]').click()")
    expected = {f"W{l.number}" for l in trace.steps[0].layers} | {
        f"b{l.number}" for l in trace.steps[0].layers if l.b is not None
    }
    assert {name.split("[")[0] for name in seen} == expected
    assert page.complaints() == []


@pytest.mark.parametrize("name", CASES)
def test_every_kind_of_network_loss_and_optimizer_shows_the_numbers_of_its_trace(
    page: Browser, tmp_path: Path, name: str
) -> None:
    trainer, X, y = CASES[name]()
    page.open(write(tmp_path, trainer, X, y, rows=[1, 4]))
    choose_all(page, next_update(trainer, X[[1, 4]], y[[1, 4]]))


def test_a_traced_batch_with_dropout_shows_some_rows_and_the_sums_of_all(
    page: Browser, tmp_path: Path
) -> None:
    model = cr.MLP([3, 6, 2], activation="tanh", dropout=0.4, input_dropout=0.2, dtype="float64", seed=0)
    trainer = cr.Trainer(model, loss="mean_squared_error", optimizer=cr.SGD(0.1), batch_size=8)
    rng = np.random.default_rng(0)
    with trainer.trace() as trace:
        trainer.fit(rng.normal(size=(8, 3)), rng.normal(size=(8, 2)))
    page.open(write(tmp_path, trainer, trace=trace))
    step = trace.steps[0]
    page.evaluate("document.querySelector('[data-go=next]').click()")
    assert tables(page)["Weighted sums and activations"][2] == step.layers[0].mask[0].tolist()
    kept = int(np.flatnonzero(step.layers[0].mask[0])[0])
    found = choose(page, f"W1[0, {kept}]")
    assert found["gradient"] == step.layers[0].dL_dW[0, kept]
    part = sum(step.layers[0].given[:4, 0] * step.layers[0].dL_dz[:4, kept])
    assert found["total"] == pytest.approx(part, rel=1e-12)
    assert found["dL_da"] == step.layers[0].dL_da[0, kept]
    assert "the result is that of all 8 rows" in page.evaluate("document.getElementById('chain').textContent")
    choose_all(page, trace)


def test_what_is_left_out_of_a_sum_is_in_its_rest(page: Browser, tmp_path: Path) -> None:
    trainer, X, y = digits_trainer()
    layers = next_update(trainer, X[:1], y[:1]).steps[0].layers
    page.open(write(tmp_path, trainer, X, y))
    weight = page.evaluate("document.querySelector('#diagram [data-layer=\"1\"]').dataset.weight")
    unit = int(weight.split(",")[1].rstrip("]"))
    choose(page, weight)
    lines = page.evaluate("""[...[...document.querySelectorAll("#chain table")].find((t) => /terms/.test(t.caption.textContent))
        .tBodies[0].rows].map((r) => [r.cells[0].textContent, Number(r.cells[3].dataset.value)])""")
    assert [name for name, _ in lines][-1] == "10 further"
    assert sum(value for _, value in lines) == pytest.approx(layers[0].dL_da[0, unit], rel=1e-12)
    shown = [int(name.split("= ")[1]) for name, _ in lines[:-1]]
    terms = [float(layers[1].dL_dz[0, k]) * float(layers[1].W[unit, k]) for k in shown]
    np.testing.assert_allclose([value for _, value in lines[:-1]], terms, rtol=1e-12)
