"""The threads of `fit_many`: each takes the next fit that nobody has taken, until none is left or all are to end."""

from __future__ import annotations

import contextlib
import math
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import copy_context
from typing import Any

from ._many_jobs import Job, say_which
from ._network import _to_the_end
from ._threads import limit_threads
from ._watching import Halt, Halted
from .history import History, Measurements
from .progress import Display

LOOK = 0.1
"""Seconds until the waiting thread looks for Ctrl-C by itself, where the system does not wake it for that."""


def run_jobs(
    jobs: list[Job], workers: int, threads: int, display: Callable[[int, int], Display] | None, *, keeps: bool
) -> list[Any]:
    """Run them with so many at once, each on at most so many threads; return their histories in the order of the list.

    With ``keeps``, the exception of a fit is returned in its place, and else raised. Nothing of it runs any more when this
    returns or raises.
    """
    lines = None if display is None else display(len(jobs), 0)
    team = _Team(jobs, threads, keeps, lines is not None)

    def show(result: Any) -> None:
        if lines is not None:
            lines.epoch(_last(result))

    try:
        try:
            team.start(workers)
            team.watch(show)
        finally:
            team.end()
    finally:
        if lines is not None:
            lines.close()
    if team.error is not None:
        raise team.error
    return [team.results[job.number] for job in jobs]


class _Team:
    """Threads that work through a list of jobs.

    Attributes
    ----------
    results : dict
        By the numbers of the jobs: their histories, or the exceptions they ended with.
    error : BaseException or None
        The one that ended all of them: the first.
    """

    def __init__(self, jobs: Iterable[Job], threads: int, keeps: bool, shows: bool) -> None:
        self._left = deque(sorted(jobs, key=lambda job: -job.cost))  # no long one is to begin last
        self._threads, self._keeps, self._shows, self._halt = threads, keeps, shows, Halt()
        self._events: queue.SimpleQueue[None] = queue.SimpleQueue()  # wakes the thread that waits
        self._members: list[threading.Thread] = []
        self._ended: list[threading.Thread] = []
        self._new: deque[Any] = deque()
        self._lock = threading.Lock()
        self.results: dict[int, Any] = {}
        self.error: BaseException | None = None

    def start(self, workers: int) -> None:
        """Start the threads; fewer, where the system has no more."""
        for i in range(workers):
            context = copy_context()  # which core runs, for instance
            thread = threading.Thread(target=context.run, args=(self._work,), name=f"chainrule-fit-{i}")
            self._members.append(thread)
            try:
                thread.start()
            except RuntimeError:
                self._members.pop()
                if not self._members:
                    raise
                return

    def watch(self, show: Callable[[Any], object]) -> None:
        """Wait until all has been worked off or something ended it; show each result when it is there."""
        at_work = True
        while at_work:
            at_work = self._at_work()
            if at_work:
                self._pause()
            while self._new:
                show(self._new.popleft())

    def end(self) -> None:
        """Wait for the threads; what they are still at ends between two batches."""
        self._halt.is_wanted = True
        _to_the_end(self._wait)

    def _wait(self) -> None:
        came: BaseException | None = None
        while True:
            try:
                while self._at_work():
                    self._pause()
                for thread in self._members:
                    if thread.ident is not None:
                        thread.join()  # it is past all work. Ctrl-C in a longer one would make Python 3.9 to 3.12 believe in its end
                break
            except KeyboardInterrupt as error:  # once more: until they end, they change their models
                came = error
        if came is not None:
            raise came

    def _at_work(self) -> bool:
        """Whether a thread that began has not come to its end. One that is yet to begin when all are to end does nothing."""
        return bool([t for t in self._members if t.ident is not None and t not in self._ended])

    def _pause(self) -> None:
        with contextlib.suppress(queue.Empty):
            self._events.get(timeout=LOOK)

    # In the threads -------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        limit_threads(self._threads)
        try:
            while not self._halt.is_wanted:
                try:
                    job = self._left.popleft()
                except IndexError:
                    return
                self._do(job)
        finally:
            self._ended.append(threading.current_thread())
            self._events.put(None)

    def _do(self, job: Job) -> None:
        try:
            result: Any = job.fit(self._halt)
        except Halted:
            return
        except BaseException as error:  # noqa: BLE001 - handed over to the thread that waits
            say_which(error, job.number)
            if not (self._keeps and isinstance(error, Exception)):
                with self._lock:
                    self.error = error if self.error is None else self.error
                self._halt.is_wanted = True
            result = error
        self.results[job.number] = result
        if (
            self._shows
        ):  # else the thread that waits is let sleep: it would take the interpreter's lock from the others
            self._new.append(result)
            self._events.put(None)


def _last(result: Any) -> Measurements:
    """Return what was measured last in a fit; a loss of NaN for nothing."""
    nothing = Measurements(0, math.nan)
    return (result.last() or nothing) if isinstance(result, History) else nothing
