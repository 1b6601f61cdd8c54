"""The multiply-add peak of the machine, measured in the same rounds as what is compared with it."""

from __future__ import annotations

from _workers import Unavailable


class Peak:
    """Twelve independent accumulators in registers on each thread: a rival that does nothing but multiply-adds.

    Raises
    ------
    Unavailable
        If the native core has no such function.
    """

    def __init__(self, threads: int, dtype: str) -> None:
        from chainrule import _core

        if not hasattr(_core, "measure_peak"):
            raise Unavailable("this build of the native core has no measure_peak")
        self._threads, self._float64 = threads, dtype == "float64"

    def time(self) -> float:
        """Return GFLOP/s of all threads together, for the instruction set in use; a multiply-add is two operations."""
        from chainrule import _core

        return 1e-9 * _core.measure_peak(self._float64, self._threads)
