"""The tutorial on the mathematics: every number that it shows is printed by its own code, on both cores."""

from __future__ import annotations

import doctest
import importlib.util
import re
from pathlib import Path

import pytest
from picture_cases import saved_texts, with_dollar_signs

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "mathematics"
PAGES = [ROOT / "docs" / "mathematics.md", *sorted(FOLDER.glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Checker(doctest.OutputChecker):
    """Compares what is printed, but for empty lines at its end, which a page does not show."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        return super().check_output(want.rstrip() + "\n", got.rstrip() + "\n", optionflags)


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
    failed, tried = doctest.DocTestRunner(Checker(), verbose=False).run(examples_of(page), out=said.append)
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


def test_the_first_page_names_every_chapter_and_each_chapter_the_next():
    chapters = sorted((page.name for page in FOLDER.glob("*.md")), key=lambda name: int(name.split("_")[0]))
    assert re.findall(r"\(mathematics/(\w+\.md)\)", PAGES[0].read_text("utf-8")) == chapters
    for name, following in zip(chapters, [*chapters[1:], "../mathematics.md"], strict=True):
        last = (FOLDER / name).read_text("utf-8").rstrip().splitlines()[-1]
        assert last.endswith(f"({following})"), name


def test_each_chapter_ends_with_exercises_whose_answers_run():
    for page in PAGES[1:]:
        exercises = page.read_text("utf-8").split("## Exercises")[1]
        answers = re.findall(
            r"<details><summary>Answer</summary>\n\n(.*?)\n\n</details>", exercises, re.DOTALL
        )
        assert len(answers) == len(re.findall(r"^\*\*\d\.\*\*", exercises, re.MULTILINE)) >= 1, page.name
        assert all(">>>" in answer for answer in answers), page.name


def test_the_figures_are_drawn_by_their_script_and_shown(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib").use("svg")
    written = saved_texts(monkeypatch)
    spec = importlib.util.spec_from_file_location("mathematics_figures", FOLDER.with_suffix(".py"))
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.main(tmp_path)
    assert "positive weight" in written
    assert with_dollar_signs(written) == []
    drawn = {path.name for path in tmp_path.iterdir()}
    shown = {
        name for page in PAGES for name in re.findall(r"\]\(figures/(\w+\.svg)\)", page.read_text("utf-8"))
    }
    assert drawn == shown == {path.name for path in (FOLDER / "figures").iterdir()}
    for path in tmp_path.iterdir():
        assert path.read_bytes().rstrip().endswith(b"</svg>"), path.name
        assert path.stat().st_size < 60_000, path.name
