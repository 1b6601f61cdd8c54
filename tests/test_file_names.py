"""Names of files and folders with peculiarities, when a model is saved."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import chainrule as cr
import pytest


def saved(path: Any) -> bool:
    """Save a model, load it, and say whether it is the same and alone in its folder."""
    model = cr.MLP([2, 3, 1], seed=7)
    model.save(path)
    return os.listdir(os.path.dirname(path)) == [os.path.basename(path)] and cr.load(path).seed == 7


@pytest.mark.parametrize("letter", ["m", "\u00e9", "\u6a21", "\U0001f600"])
def test_a_name_may_have_all_the_bytes_that_a_folder_allows(tmp_path: Path, letter: str) -> None:
    name = letter * (255 // len(letter.encode()))
    assert saved(os.fspath(tmp_path / name))


@pytest.mark.skipif(os.name != "posix", reason="names are text elsewhere")
def test_a_name_may_be_bytes_that_are_no_text(tmp_path: Path) -> None:
    assert saved(os.fsdecode(os.fsencode(tmp_path) + b"/" + b"\xff" * 200))


def test_a_name_that_ends_like_a_folder_is_refused(tmp_path: Path) -> None:
    for end in ("new", "missing/new"):
        with pytest.raises(OSError, match="it is a folder"):
            cr.MLP([2, 1]).save(f"{tmp_path / end}{os.sep}")
    assert not os.listdir(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="folders are not opened elsewhere")
@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_a_folder_that_may_be_written_but_not_read_will_do(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is there by then: an error would be a lie."""
    opened = os.open

    def refuse_folders(path: Any, flags: int, *mode: Any) -> int:
        if os.path.isdir(path):
            raise OSError(number, os.strerror(number), path)
        return opened(path, flags, *mode)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse_folders)
        assert saved(os.fspath(tmp_path / "model.pkl"))
