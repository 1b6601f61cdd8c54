"""The figures of the documentation are drawn from the examples, and the documents show those that are there."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest
from picture_cases import saved_texts, with_dollar_signs

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def figures(monkeypatch):
    pytest.importorskip("matplotlib").use("svg")
    spec = importlib.util.spec_from_file_location("figures", ROOT / "docs" / "figures.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, "path", list(sys.path))
    spec.loader.exec_module(module)
    return module


def test_every_figure_of_the_examples_can_be_drawn(figures, tmp_path, capsys, monkeypatch):
    written = saved_texts(monkeypatch)
    figures.cart_pole(tmp_path, rounds=2)
    figures.emulator(tmp_path, rows=100, epochs=2)
    figures.drift(tmp_path, rows=90)
    figures.grid_search(tmp_path, epochs=1)
    figures.tutorials(tmp_path)
    assert written
    assert with_dollar_signs(written) == []
    drawn = {path.name for path in tmp_path.iterdir()}
    shown = set(re.findall(r"figures/(\w+\.svg)", (ROOT / "docs" / "examples.md").read_text("utf-8")))
    assert drawn == shown == {path.name for path in (ROOT / "docs" / "figures").iterdir()}
    for path in tmp_path.iterdir():
        assert path.read_text("utf-8").rstrip().endswith("</svg>")
    assert "poles stand" in capsys.readouterr().out
