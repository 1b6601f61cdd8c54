"""The gallery shows every picture there is, drawn by its script: small files, the same bytes at each run."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
from picture_cases import saved_texts, with_dollar_signs

ROOT = Path(__file__).resolve().parents[1]
LARGEST = 60_000
"""Bytes of a picture: what a reader's browser loads, and what the repository keeps of every change."""


@pytest.fixture(scope="module")
def gallery() -> ModuleType:
    pytest.importorskip("matplotlib").use("svg")
    spec = importlib.util.spec_from_file_location("gallery", ROOT / "docs" / "gallery.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_picture_can_be_drawn_and_has_the_same_bytes_again(
    gallery: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = saved_texts(monkeypatch)
    gallery.main(tmp_path / "first", epochs=1)
    assert "positive weight" in written
    assert with_dollar_signs(written) == []
    names = {path.name for path in (tmp_path / "first").iterdir()}
    assert names == {f"{draw.__name__}.svg" for draw in gallery.PICTURES}
    # Lines, clipped lines, hatches and an image: all that matplotlib gives an identifier.
    again = (gallery.curves, gallery.wide_network, gallery.three_classes, gallery.two_classes)
    gallery.main(tmp_path / "second", epochs=1, pictures=again)
    assert len(list((tmp_path / "second").iterdir())) == len(again)
    for name in names:
        first, twin = (tmp_path / "first" / name).read_bytes(), tmp_path / "second" / name
        assert not twin.exists() or twin.read_bytes() == first, name
        assert first.rstrip().endswith(b"</svg>")
        assert len(first) < LARGEST, name


def test_the_page_shows_the_pictures_that_are_kept(gallery: ModuleType) -> None:
    shown = re.findall(r"\]\(gallery/(\w+)\.svg\)", (ROOT / "docs" / "gallery.md").read_text("utf-8"))
    assert sorted(shown) == sorted(draw.__name__ for draw in gallery.PICTURES)
    kept = list((ROOT / "docs" / "gallery").iterdir())
    assert sorted(shown) == sorted(path.stem for path in kept)
    assert not {path.name: path.stat().st_size for path in kept if path.stat().st_size > LARGEST}


def test_the_script_draws_with_every_function_of_the_package(gallery: ModuleType) -> None:
    script = (ROOT / "docs" / "gallery.py").read_text("utf-8")
    assert {name for name in gallery.plots.__all__ if f"plots.{name}(" in script} == set(
        gallery.plots.__all__
    )
