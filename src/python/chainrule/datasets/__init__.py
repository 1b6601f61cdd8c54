"""Small data sets that come with the package: real ones to learn on, and the tutorial's ten rows.

Source, licence and changes of each are in the file DATA.md beside this one.
"""

from __future__ import annotations

from ._dataset import Dataset
from ._digits import load_digits
from ._three_inputs import load_three_inputs

__all__ = ["Dataset", "load_digits", "load_three_inputs"]
