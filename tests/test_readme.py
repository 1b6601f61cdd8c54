"""The README does what it says: its commands and files exist, its example runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block_after(marker: str) -> str:
    """Give the first fenced block after ``<!-- marker -->``."""
    found = re.search(rf"<!-- {marker} -->\s*```\w*\n(.*?)```", README, re.DOTALL)
    assert found is not None, f"README.md has no block after <!-- {marker} -->"
    return found[1]


def test_two_commands_of_one_line_each_stand_on_the_first_screen() -> None:
    for marker in ("run-command", "test-command"):
        command = block_after(marker)
        assert len(command.splitlines()) == 1
        assert README[: README.index(command)].count("\n") < 30
        for name in re.findall(r"[\w./-]+\.(?:py|sh)\b", command):
            assert (ROOT / name).is_file(), f"README.md runs {name}, which does not exist"


def test_continuous_integration_runs_the_test_command_as_it_stands() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "README.md" in script
    assert "test-command" in script
    assert block_after("test-command").strip() not in script


def test_every_link_to_a_file_leads_somewhere() -> None:
    for document in ROOT.rglob("*.md"):
        if document.relative_to(ROOT).parts[0].startswith((".venv", "build")):
            continue
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
            if not link.startswith(("http:", "https:", "mailto:")):
                assert (document.parent / link).exists(), f"{document.relative_to(ROOT)} links to {link}"


def test_the_example_runs_and_is_about_fifteen_lines(tmp_path: Path) -> None:
    example = block_after("example")
    assert 8 <= len([line for line in example.splitlines() if line.strip()]) <= 18
    environment = {name: value for name, value in os.environ.items() if name != "CHAINRULE_BACKEND"}
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", example],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    accuracy = re.search(r"accuracy 0\.\d+", result.stdout)
    assert accuracy is not None, result.stdout
    assert float(accuracy[0].split()[1]) > 0.9
