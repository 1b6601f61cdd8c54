"""The examples that tutorials on neural networks print, number by number: each a module of this folder."""

from __future__ import annotations

from ._example import WorkedExample
from ._named import EXAMPLES, worked_example

__all__ = ["EXAMPLES", "WorkedExample", "worked_example"]
