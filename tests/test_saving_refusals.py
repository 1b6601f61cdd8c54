"""What is refused when a model is saved, so that the file that was there stays."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import chainrule as cr
import pytest
from chainrule import persistence
from test_persistence import a_model


@pytest.mark.parametrize("suffix", ["pkl", "safetensors"])
@pytest.mark.parametrize(
    "wrong", [[1], 5, {"n": 1 << 3000}, {"x": {1: "a"}}, {"x": {None: 1}}, {"x": object()}, "deep", "twice"]
)  # fmt: skip
def test_preprocessing_that_could_not_be_read_again_is_not_written(
    tmp_path: Path, suffix: str, wrong: Any
) -> None:
    if wrong == "deep":
        wrong = {"x": []}
        for _ in range(2000):
            wrong = {"x": wrong}
    elif wrong == "twice":
        wrong = {"x": [[]] * 2}
    path = tmp_path / f"m.{suffix}"
    a_model().save(path)
    with pytest.raises((ValueError, TypeError), match=r"preprocessing|model file"):
        persistence.save(a_model(seed=8), path, preprocessing=wrong)
    assert cr.load(path).seed == 7


def test_a_name_of_an_exported_file_is_refused_with_the_way_to_write_one(tmp_path: Path) -> None:
    for name in ("m.onnx", "m.h", "m.PY"):
        with pytest.raises(ValueError, match="python -m chainrule export"):
            a_model().save(tmp_path / name)
    assert not os.listdir(tmp_path)
