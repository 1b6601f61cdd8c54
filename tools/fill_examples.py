"""Write what the ``>>>`` lines of Markdown pages print into the pages: ``python tools/fill_examples.py docs/mathematics/*.md``.

It is for a change that alters many printed lines, and for a new page. What it wrote is not thereby right: read the diff.
Blocks begin with ```` ```pycon ````. A page runs from its beginning to its end, in an empty folder, with the core that the
environment chooses; `tests/test_tutorial.py` runs the same on both.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

BLOCK = re.compile(r"^```pycon\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def answer(source: str, names: dict[str, Any]) -> str:
    """Run one example, and return what Python would show, without spaces at the ends of lines."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        try:
            exec(compile(source, "<example>", "single"), names)  # noqa: S102 - the pages are our own
        except Exception as error:  # noqa: BLE001 - pages show errors, too
            said.write("Traceback (most recent call last):\n  ...\n")
            said.write("".join(traceback.format_exception_only(error)))
    lines = [line.rstrip() for line in said.getvalue().rstrip().split("\n")]
    return "".join(f"{line}\n" for line in lines) if lines != [""] else ""


def filled(text: str) -> str:
    """Return a page with the answers of now."""
    names: dict[str, Any] = {"__name__": "__main__"}

    def run(block: re.Match[str]) -> str:
        out = ""
        for example in doctest.DocTestParser().get_examples(block[1]):
            first, *others = example.source.splitlines()
            out += f">>> {first}\n" + "".join(f"... {line}".rstrip() + "\n" for line in others)
            out += answer(example.source, names)
        return f"```pycon\n{out}```"

    return BLOCK.sub(run, text)


def main(paths: list[Path]) -> None:
    """Fill pages, each in an empty folder of its own."""
    here = Path.cwd()
    for path in paths:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            text = filled((here / path).read_text("utf-8"))
            os.chdir(here)
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
