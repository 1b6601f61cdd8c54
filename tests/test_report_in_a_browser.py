"""The report as a reader meets it, in a browser without a window: what it shows, says, and lets be done with keys."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import chainrule as cr
import pytest
from chainrule.tabular import TablePreprocessing
from headless import Browser, browser, find_browser
from report_cases import XOR, digits_trainer, quantity_trainer, xor_trainer
from report_pages import CONTRAST, case, choose, media, outputs, title, write

if find_browser() is None:
    pytest.skip("no chromium or chrome is installed (CHAINRULE_BROWSER names one)", allow_module_level=True)


@pytest.fixture(scope="module")
def page() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


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


def test_braces_and_underscores_of_a_name_are_not_set_below_the_line(page: Browser, tmp_path: Path) -> None:
    names = TablePreprocessing(("a_{1}", "b^{2}"), None, "y_{0}", ("no_{t}", "yes"))
    page.open(write(tmp_path, xor_trainer().model, *XOR, preprocessing=names))
    heads = page.evaluate("[...document.querySelectorAll('#phase th')].map((e) => e.textContent)")
    assert {"a_{1}", "b^{2}"} <= set(heads)
    page.click("[data-go=next]")
    heads = page.evaluate("[...document.querySelectorAll('#phase tbody th')].map((e) => e.innerHTML)")
    assert {"a_{1}", "b^{2}"} <= set(heads), heads
    page.click("[data-go=next]")
    assert page.complaints() == []
