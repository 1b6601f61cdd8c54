"""The report as a reader meets it, in a browser without a window: what it shows, says, and lets be done with keys."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import chainrule as cr
import numpy as np
import pytest
from chainrule.report import write_report
from chainrule.tabular import TablePreprocessing
from headless import Browser, browser, find_browser
from report_cases import CASES, XOR, digits_trainer, next_update, quantity_trainer, xor_trainer

if find_browser() is None:
    pytest.skip("no chromium or chrome is installed (CHAINRULE_BROWSER names one)", allow_module_level=True)

CONTRAST = """(() => {
  const parse = (text) => {
    const n = text.match(/-?[\\d.]+/g).map(Number), unit = text.startsWith("color(") ? 255 : 1;
    return [...n.slice(0, 3).map((c) => c * unit), n[3] ?? 1];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const ground = (e) => {
    const layers = [];
    for (; e; e = e.parentElement) layers.push(parse(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const light = (c) => {
    const [r, g, b] = c.map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const seen = [];
  for (const e of document.querySelectorAll("body *")) {
    const text = [...e.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data.trim()).join("");
    if (!text || !e.checkVisibility() || e.closest("script, title, style")) continue;
    const style = getComputedStyle(e), below = ground(e);
    const color = over(parse(e.closest("svg") ? style.fill : style.color), below);
    const [a, b] = [light(color), light(below)].sort((x, y) => y - x);
    seen.push([(a + 0.05) / (b + 0.05), text]);
  }
  return seen;
})()"""


@pytest.fixture(scope="module")
def page() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


def media(page: Browser, **features: str) -> None:
    wanted = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
    page.call("Emulation.setEmulatedMedia", media="", features=wanted)


def tables(page: Browser) -> dict[str, list[list[float]]]:
    """Return the numbers of each table of the phase that is shown, by its caption."""
    return dict(
        page.evaluate("""[...document.querySelectorAll("#phase table")].map((t) => [t.caption.textContent,
        [...t.tBodies[0].rows].map((r) => [...r.querySelectorAll("[data-value]")].map((e) => Number(e.dataset.value)))])""")
    )


def outputs(page: Browser) -> dict[str, float]:
    """Return the numbers of the chain rule that is shown, by their names: of the last, where several have one."""
    code = '[...document.querySelectorAll("#chain output")].map((e) => [e.dataset.name, Number(e.dataset.value)])'
    return dict(page.evaluate(code))


def title(page: Browser) -> str:
    return str(page.evaluate('document.querySelector("#phase h3").textContent'))


def choose(page: Browser, name: str) -> dict[str, float]:
    """Click the first thing that stands for a parameter; return the numbers of its chain rule."""
    page.evaluate(
        f"document.querySelector('[data-weight=\"{name}\"]').dispatchEvent(new MouseEvent('click', {{bubbles: true}}))"
    )
    assert name in page.evaluate("document.getElementById('chain-title').textContent")
    return outputs(page)


def write(tmp_path: Path, trainer: Any, X: Any = None, y: Any = None, **arguments: Any) -> Path:
    path = tmp_path / "report.html"
    write_report(path, trainer, X, y, **arguments)
    return path


def case(name: str) -> tuple[Any, Any, Any]:
    return {"xor": lambda: (xor_trainer(), *XOR), "digits": digits_trainer, "quantity": quantity_trainer}[
        name
    ]()


@pytest.mark.parametrize("name", ["xor", "digits", "quantity"])
def test_it_opens_without_an_error_and_asks_for_nothing_but_itself(
    page: Browser, tmp_path: Path, name: str
) -> None:
    path = write(tmp_path, *case(name))
    page.open(path)
    for _ in range(20):
        page.evaluate("document.querySelector('[data-go=next]').click()")
    page.evaluate(
        "document.querySelectorAll('[data-weight]').forEach((e, i) => i % 7 || e.dispatchEvent(new MouseEvent('click', {bubbles: true})))"
    )
    assert page.complaints() == []
    assert page.requests() == [path.as_uri()]


def test_a_model_alone_and_a_run_without_rows_open_too(page: Browser, tmp_path: Path) -> None:
    for what in (cr.MLP([3, 30, 2], seed=0), xor_trainer()):
        page.open(write(tmp_path, what))
        page.click("[data-weight]")
        name = page.evaluate("document.querySelector('[data-weight]').dataset.weight")
        assert page.evaluate("document.getElementById('chain-title').textContent") == name
        weights = (what if isinstance(what, cr.MLP) else what.model).weights[0]
        i, j = json.loads(name[2:])
        assert outputs(page)["value"] == weights[i, j]
        assert page.complaints() == []


def test_a_request_from_the_page_would_be_refused(page: Browser, tmp_path: Path) -> None:
    page.open(write(tmp_path, xor_trainer()))
    refused = page.evaluate("""new Promise((done) => {
        addEventListener("securitypolicyviolation", (event) => done(event.effectiveDirective));
        fetch("http://127.0.0.1:9/").catch(() => {}); })""")
    assert refused == "connect-src"


def test_buttons_and_arrow_keys_go_through_all_phases_in_order(page: Browser, tmp_path: Path) -> None:
    page.open(write(tmp_path, xor_trainer(), *XOR))
    page.click("[data-go=next]")
    titles = [title(page)]
    while not page.evaluate("document.querySelector('[data-go=next]').disabled"):
        page.key("ArrowRight")
        titles.append(title(page))
        said = page.evaluate("document.getElementById('said').textContent")
        assert said.startswith(f"Step {len(titles) + 1} of 8: {titles[-1].split('. ')[1]}")
    words = [text.split(". ")[1] for text in titles]
    assert words == ["Forward, layer 1", "Forward, layer 2", "Loss", "Backward, layer 2", "Backward, layer 1",
                     "Update, layer 1", "Update, layer 2"]  # fmt: skip
    page.key("ArrowLeft")
    assert title(page) == titles[-2]
    page.key("Home")
    assert title(page).startswith("1. ")
    assert page.evaluate("document.querySelector('[data-go=back]').disabled")
    page.key("End")
    assert title(page) == titles[-1]


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


def test_a_weight_is_chosen_with_the_mouse_and_with_keys_and_the_choice_is_seen_and_closed(
    page: Browser, tmp_path: Path
) -> None:
    page.open(write(tmp_path, xor_trainer(), *XOR))
    page.click("[data-go=next]")
    page.click('#phase button[data-weight="W1[1, 2]"]')
    chosen = 'document.getElementById("chain-title").textContent'
    assert page.evaluate(chosen) == "Chain rule of W1[1, 2]"
    pressed = "[...document.querySelectorAll('[aria-pressed=true]')].map((e) => e.dataset.weight)"
    assert page.evaluate("document.getElementById('chain-said').textContent").startswith(
        "W1[1, 2]: its derivative is "
    )
    assert page.evaluate(pressed) == ["W1[1, 2]"] * 2  # in the diagram and in the table
    inside = "(b => b.top >= 0 && b.bottom <= innerHeight + 1)(document.getElementById('chain').getBoundingClientRect())"
    assert page.evaluate(inside)
    page.key("ArrowUp")
    page.key("ArrowLeft")
    page.key("Enter")
    assert page.evaluate(chosen) == "Chain rule of W1[0, 1]"
    page.evaluate("document.querySelector('#diagram [data-weight][tabindex=\"0\"]').focus()")
    page.key("ArrowDown")
    page.key("ArrowRight")
    page.key(" ")
    assert page.evaluate(chosen) == "Chain rule of W1[0, 2]"
    assert page.evaluate("document.querySelectorAll('#diagram [tabindex=\"0\"]').length") == 1
    page.click("#chain-close")
    assert page.evaluate(pressed) == []
    assert page.complaints() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(page: Browser, tmp_path: Path, scheme: str) -> None:
    media(page, prefers_color_scheme=scheme)
    page.open(write(tmp_path, *quantity_trainer()))
    page.evaluate(
        "document.querySelector('details').open = true, document.querySelector('[data-go=next]').click()"
    )
    choose(page, "W1[0, 0]")
    quantities = page.evaluate(CONTRAST)
    page.open(write(tmp_path, *digits_trainer()))
    seen = quantities + page.evaluate(CONTRAST)
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (dark == "rgb(255, 255, 255)") == (scheme == "light")
    media(page)
    assert len(seen) > 500
    assert [text for text in seen if text[0] < 4.5] == []


def test_the_measure_of_contrast_sees_what_is_too_faint(page: Browser, tmp_path: Path) -> None:
    media(page, prefers_color_scheme="light")
    page.open(write(tmp_path, xor_trainer()))
    page.evaluate("document.querySelector('h2').style.color = '#999'")
    assert min(page.evaluate(CONTRAST))[1] == "Configuration"
    media(page)


def test_on_paper_all_phases_stand_and_no_buttons(page: Browser, tmp_path: Path) -> None:
    media(page, prefers_color_scheme="dark")
    page.open(write(tmp_path, xor_trainer(), *XOR))
    page.evaluate("""addEventListener("beforeprint", () => {
        window.seen = [document.querySelectorAll("#all-phases > .phase").length]; })""")
    pdf = base64.b64decode(page.call("Page.printToPDF", printBackground=True)["data"])
    assert pdf.startswith(b"%PDF")
    assert page.evaluate("window.seen") == [8]
    page.call("Emulation.setEmulatedMedia", media="print")
    style = "getComputedStyle(document.querySelector('{}')).display"
    assert page.evaluate(style.format(".controls")) == page.evaluate(style.format("#phase")) == "none"
    assert page.evaluate(style.format("#all-phases")) == "block"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    media(page)
    assert page.evaluate("document.querySelectorAll('#all-phases > *').length") == 0


def test_nothing_moves_where_that_is_not_wanted(page: Browser, tmp_path: Path) -> None:
    moving = "[getComputedStyle(document.documentElement).scrollBehavior, getComputedStyle(document.querySelector('.seen')).transitionDuration]"
    for wish, found in (("reduce", ["auto", "0s"]), ("no-preference", ["smooth", "0.15s"])):
        media(page, prefers_reduced_motion=wish)
        page.open(write(tmp_path, xor_trainer(), *XOR))
        assert page.evaluate(moving) == found
    media(page)


def test_what_can_be_used_has_a_name_for_those_who_hear_the_page(page: Browser, tmp_path: Path) -> None:
    page.open(write(tmp_path, *digits_trainer(), rows=[0, 1]))
    page.click("[data-go=next]")
    choose(page, page.evaluate("document.querySelector('[data-weight]').dataset.weight"))
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    roles: dict[str, list[str]] = {}
    for node in nodes:
        if not node["ignored"]:
            roles.setdefault(node["role"]["value"], []).append(node.get("name", {}).get("value", ""))
    for role in ("button", "link", "region", "image", "combobox", "heading", "toolbar"):
        assert roles[role], role
        assert all(roles[role]), role
    assert len(roles["main"]) == len(roles["navigation"]) == len(roles["banner"]) == 1


def test_the_first_key_leads_past_the_links_and_focus_is_seen(page: Browser, tmp_path: Path) -> None:
    page.open(write(tmp_path, xor_trainer(), *XOR))
    page.key("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left >= 0")
    page.key("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_names_are_text_whatever_is_in_them(page: Browser, tmp_path: Path) -> None:
    bad = "</script><script>window.hurt = 1</script><img src=x onerror='window.hurt = 1'>{{DATA}}"
    names = TablePreprocessing((bad, "b\u2028"), None, bad + "y", (bad + "0", bad + "1"))
    page.open(write(tmp_path, xor_trainer().model, *XOR, preprocessing=names, title=bad))
    page.click("[data-go=next]")
    choose(page, "W1[0, 0]")
    assert page.evaluate("window.hurt === undefined && document.images.length === 0")
    assert page.evaluate("document.title") == bad
    assert page.evaluate("document.querySelector('#phase tbody th, #diagram text title') !== null")
    assert page.complaints() == []
