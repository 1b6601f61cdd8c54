"""The processes that train the same work on one number of threads: checked together, then timed in turns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from typing import Any

import numpy as np
from _epoch_check import Distance, largest_distance
from _epoch_rivals import Chainrule
from _epoch_rivals_jax import JAX
from _epoch_rivals_sklearn import ScikitLearn
from _epoch_rivals_torch import CompiledPyTorch, PyTorch
from _peak import Peak
from _settings import Settings
from _workers import Unavailable, Worker, alternate
from _works import Array, Work

COMPILED = "PyTorch compiled"
RIVALS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "chainrule": (Chainrule, ("native",)),
    "NumPy": (Chainrule, ("reference",)),
    "scikit-learn": (ScikitLearn, ()),
    "PyTorch": (PyTorch, ()),
    COMPILED: (CompiledPyTorch, ()),
    "JAX": (JAX, ()),
}


class WrongAnswerError(AssertionError):
    """The parameters are not those of the reference, so the time means nothing."""


class Team:
    """The processes of one number of threads, those that can take part.

    Parameters
    ----------
    names : iterable of str
        Of `RIVALS`; who cannot take part is left out, with a line that says why.
    """

    def __init__(self, stack: ExitStack, names: Iterable[str], threads: int, dtype: str) -> None:
        self.threads, self.dtype = threads, dtype
        self.rivals: dict[str, Worker] = {}
        for name in names:
            make, arguments = RIVALS[name]
            self._add(stack, self.rivals, name, make, *arguments, threads)
        self.others: dict[str, Worker] = {}
        self._add(stack, self.others, "peak", Peak, threads, dtype)
        self._add(stack, self.others, "truth", Chainrule, "reference", threads)

    def _add(self, stack: ExitStack, group: dict[str, Worker], name: str, make: Any, *arguments: Any) -> None:
        try:
            group[name] = stack.enter_context(closing(Worker(name, make, *arguments, threads=self.threads)))
        except Unavailable as reason:
            print(f"skipped: {name} with {self.threads} threads: {reason}")

    def check(self, work: Work, bits: dict[str, list[Array]]) -> dict[str, Distance | str]:
        """Compare what each learns in a few steps with the truth, and chainrule's bits with other numbers of threads.

        Who cannot make these steps gets the reason in place of a distance; its own loss must fall.

        Raises
        ------
        WrongAnswerError
            If one is too far off, or the bits differ, or a loss does not fall.
        """
        before, after, undecided = self.others["truth"].ask("truth", work, self.dtype)
        found: dict[str, Distance | str] = {}
        for name, worker in self.rivals.items():
            who = f"{work.name}, {name}, {self.threads} threads, {self.dtype}"
            if reason := worker.ask("only_timed", work):
                must_fall(who, *worker.ask("losses", work, self.dtype))
                found[name] = str(reason)
                continue
            answer = worker.ask("answer", work, self.dtype)
            distance = largest_distance(answer, before, after, undecided, work, self.dtype)
            found[name] = distance
            if not distance.right:
                raise WrongAnswerError(
                    f"{who}: after {work.checked_steps} steps {distance.distance:.3g} from the reference, "
                    f"bound {distance.bound:.3g}"
                )
            if name == "chainrule":
                same = zip(answer, bits.setdefault(work.name, answer), strict=True)
                if not all(np.array_equal(a, b) for a, b in same):
                    raise WrongAnswerError(f"{work.name}: the bits depend on the number of threads")
        return found

    def measure(self, work: Work, errors: dict[str, Distance | str], use: Settings) -> list[dict[str, Any]]:
        """Time all in turns; return a row for each."""
        compiling = {
            name: worker.ask("load", work, self.dtype, use.seconds) for name, worker in self.rivals.items()
        }
        runners = {**self.rivals, **{name: w for name, w in self.others.items() if name == "peak"}}
        timings = alternate(runners, use.rounds, "time")
        peak = timings.pop("peak", None)
        return [
            {
                "work": work.name,
                "who": name,
                "threads": self.threads,
                "rows": work.rows,
                "flops": work.flops,
                "seconds": seconds,
                "compile_seconds": compiling[name],
                "peak": peak,
                **described(errors[name]),
            }
            for name, seconds in timings.items()
        ]


def must_fall(who: str, first: float, last: float) -> None:
    """Raise a `WrongAnswerError` unless the loss is lower at the end."""
    if not (math.isfinite(first) and last < first):
        raise WrongAnswerError(f"{who}: its loss went from {first:.6g} to {last:.6g}")


def described(error: Distance | str) -> dict[str, Any]:
    """Return what the record says of a check."""
    if isinstance(error, str):
        return {"error": None, "bound": None, "only_timed": error}
    return {"error": error.distance, "bound": error.bound, "only_timed": ""}
