"""Every test that the documents name is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").glob("test_*.py"))


def missing(text):
    """Return the tests and files that a document names and that are not there."""
    names = set(re.findall(r"`(test_\w+)`", text))
    files = set(re.findall(r"`(tests/[\w./]+)`", text))
    return sorted(
        [name for name in names if f"def {name}(" not in TESTS]
        + [name for name in files if not (ROOT / name).exists()]
    )


def test_every_test_that_a_document_names_is_there():
    for document in (ROOT / "docs").glob("*.md"):
        assert missing(document.read_text("utf-8")) == [], document.name
    promises = (ROOT / "docs" / "promises.md").read_text("utf-8")
    assert len(set(re.findall(r"`(test_\w+)`", promises))) > 40


def test_a_name_that_is_not_there_would_be_found():
    assert missing("`test_that_nobody_wrote` and `tests/none.py`") == [
        "test_that_nobody_wrote",
        "tests/none.py",
    ]
