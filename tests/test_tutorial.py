"""The tutorial on the mathematics: every number that it shows is printed by its own code, on both cores."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "mathematics"
PAGES = [ROOT / "docs" / "mathematics.md", *sorted(FOLDER.glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def examples_of(page: Path) -> doctest.DocTest:
    """Return the ``>>>`` blocks of a page; what is printed may have empty lines, as a block ends with its fence."""

    def plain(block: re.Match[str]) -> str:
        return "\n" + re.sub(r"^$", "<BLANKLINE>", block[2].rstrip("\n"), flags=re.MULTILINE) + "\n\n"

    text = FENCE.sub(plain, page.read_text("utf-8"))
    return doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_of_each_page_prints_what_the_page_says(page, backend, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    failed, tried = doctest.DocTestRunner(verbose=False).run(examples_of(page), out=said.append)
    assert tried
    assert not failed, "".join(said)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_decimal_of_the_text_is_in_what_the_code_of_its_page_says(page):
    text = page.read_text("utf-8")
    code = " ".join(block[2] for block in FENCE.finditer(text) if block[1] == "pycon")
    known = set(re.findall(r"\d+\.\d+", code))
    words = re.sub(r"https?://\S+|\]\([^)]*\)", "", FENCE.sub("", text))
    found = set(re.findall(r"\d+\.\d{2,}", words))
    assert found <= known, f"{page.name} says {sorted(found - known)}, which its code does not print"
