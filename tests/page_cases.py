"""A page read as a parser reads it, and what makes it a sound one."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """The elements of a page: each with its attributes, its text, and the elements around it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.elements: list[tuple[str, dict[str, str], list[str]]] = []
        self._open: list[tuple[str, list[str]]] = []
        self.texts: list[str] = []
        self.feed(self.source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        text: list[str] = []
        self.elements.append((tag, {name: value or "" for name, value in attrs}, text))
        if tag not in VOID:
            self._open.append((tag, text))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}, []))

    def handle_endtag(self, tag: str) -> None:
        name, _ = self._open.pop()
        assert name == tag, self.getpos()

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        for _, text in self._open:
            text.append(data)

    def all(self, tag: str, **attributes: str) -> list[tuple[dict[str, str], str]]:
        """Return attributes and text of the elements of a kind."""
        wanted = {name.replace("_", "-").rstrip("-"): value for name, value in attributes.items()}
        return [
            (found, "".join(text))
            for name, found, text in self.elements
            if name == tag and wanted.items() <= found.items()
        ]

    def section(self, name: str) -> str:
        """Return the text of a section."""
        ((_, text),) = self.all("section", id=name)
        return text

    def table(self, caption: str) -> list[list[str]]:
        """Return the cells of the body of a table."""
        found = re.search(rf"<caption>{re.escape(caption)}.*?<tbody>(.*?)</tbody>", self.source, re.DOTALL)
        assert found is not None, caption
        return [
            [re.sub("<[^>]*>", "", cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)]
            for row in found[1].split("</tr>")[:-1]
        ]

    @property
    def data(self) -> dict[str, Any]:
        """What the script is given."""
        ((_, text),) = self.all("script", id="data")
        found: dict[str, Any] = json.loads(text)
        return found


def check_sound(page: Page) -> None:
    """Assert what every page must keep: names that are there once, headings in order, nothing from elsewhere."""
    ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes, _ in page.elements:
        for name in ("aria-labelledby", "aria-controls"):
            assert set(attributes.get(name, "").split()) <= set(ids)
        if attributes.get("href", "").startswith("#"):
            assert attributes["href"][1:] in ids
        for name in ("src", "href", "action", "xlink:href"):
            assert attributes.get(name, "#").startswith(("#", "data:")), attributes
        assert not [name for name in attributes if name.startswith("on")]
    levels = [int(tag[1]) for tag, _, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert not re.search(r"url\(|@import|https?://", page.source.replace("http://www.w3.org/", ""))
    ((policy, _),) = page.all("meta", http_equiv="Content-Security-Policy")
    assert "default-src 'none'" in policy["content"]
    assert page.all("html", lang="en")
    for attributes, _ in page.all("th"):
        assert attributes["scope"] in ("row", "col")
    for attributes, _ in page.all("svg", role="img"):
        assert attributes["aria-labelledby"]
