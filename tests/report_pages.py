"""What a page of a report shows in a browser: its tables, its chain rule, and how things in it are chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chainrule.report import write_report
from headless import Browser
from report_cases import XOR, digits_trainer, quantity_trainer, xor_trainer

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
