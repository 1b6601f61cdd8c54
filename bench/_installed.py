"""How large something is on the disk: a wheel, or an installed distribution with all that it needs."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
from pathlib import Path

from _record import ROOT


def find_wheel(given: Path | None) -> Path | None:
    """Return the given wheel, or the newest one in CHAINRULE_DIST_DIR or dist/, if there is one."""
    if given is not None:
        return given
    folder = Path(os.environ.get("CHAINRULE_DIST_DIR", ROOT / "dist"))
    return max(folder.glob("chainrule-*.whl"), key=lambda path: path.stat().st_mtime, default=None)


def requirements(name: str) -> set[str]:
    """Return the distribution and all installed ones that it needs, extras left out, by their normalised names."""
    found, waiting = set[str](), [name]
    while waiting:
        current = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if current in found:
            continue
        try:
            lines = importlib.metadata.requires(current) or []
        except importlib.metadata.PackageNotFoundError:  # for another system or version of Python
            continue
        found.add(current)
        waiting += [re.split(r"[^\w.-]", line)[0] for line in lines if "extra ==" not in line]
    return found


def size(name: str) -> int:
    """Return the bytes of a distribution's files; of a package that is only on the path, of its folder."""
    try:
        files = importlib.metadata.files(name) or []
        paths = [Path(str(file.locate())) for file in files]
    except importlib.metadata.PackageNotFoundError:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise
        paths = list(Path(spec.origin).parent.rglob("*"))
    return sum(path.stat().st_size for path in paths if path.suffix != ".pyc" and path.is_file())


def size_beyond_numpy(name: str) -> int:
    """Return the bytes of a distribution and of all that it needs, except NumPy."""
    return sum(size(part) for part in (requirements(name) or {name}) - {"numpy"})
