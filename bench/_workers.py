"""Rivals in processes of their own, each asked for one timing at a time.

A library's threads go on spinning for a while after its work is done, and would take the processor from the next
one's. So every rival lives in its own process, all but one of them wait in a read, and between two turns there is a
pause in which a team falls asleep. The processes stay alive, so that the rounds can alternate.
"""

from __future__ import annotations

import multiprocessing
import os
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
TOPOLOGY = Path("/sys/devices/system/cpu")
PAUSE = 0.06
"""Seconds between two turns on several threads: OpenBLAS spins for 26 ms at 2.6 GHz, libgomp for a few."""


class Unavailable(Exception):  # noqa: N818 (no error: the rival is left out, with this reason)
    """Why a rival cannot take part."""


class WorkerError(RuntimeError):
    """What went wrong in the process of a rival."""


class Worker:
    """A process with an object made by ``make(*arguments)`` in it; `ask` calls a method of that.

    Parameters
    ----------
    name : str
        For the tables and the errors.
    make : callable
        Of a module, not a lambda: the process imports it.
    threads : int
        Written into the variables of `THREAD_VARIABLES` before the process starts. It may run on so many processors,
        too: some libraries (XLA) make as many threads as there are processors, whatever they are told.
    has_children : bool
        Whether the process may start processes itself. It then does not end by itself where this one fails to close it.

    Raises
    ------
    Unavailable
        If ``make`` raises it.
    """

    def __init__(
        self, name: str, make: Callable[..., Any], *arguments: Any, threads: int, has_children: bool = False
    ) -> None:
        self.name, self.threads = name, threads
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, make, arguments), daemon=not has_children
        )
        with _environment({variable: str(threads) for variable in THREAD_VARIABLES}), _affinity(threads):
            self._process.start()
        theirs.close()
        self._receive()

    def ask(self, method: str, *arguments: Any) -> Any:
        """Return what the method returns; what it raises is a `WorkerError` with its traceback."""
        self._connection.send((method, arguments))
        return self._receive()

    def _receive(self) -> Any:
        try:
            kind, value = self._connection.recv()
        except EOFError:
            self._process.join()
            raise WorkerError(f"{self.name}: the process ended with {self._process.exitcode}") from None
        if kind == "unavailable":
            raise Unavailable(value)
        if kind == "error":
            raise WorkerError(f"{self.name}:\n{value}")
        return value

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.join()


def alternate(
    workers: Mapping[str, Worker], rounds: int, method: str, *arguments: Any
) -> dict[str, list[float]]:
    """Ask all workers in turn, in so many rounds; every other round goes the other way round."""
    found: dict[str, list[float]] = {name: [] for name in workers}
    for turn in range(rounds):
        for name in list(workers)[:: 1 if turn % 2 == 0 else -1]:
            if max(worker.threads for worker in workers.values()) > 1:
                time.sleep(PAUSE)
            found[name].append(workers[name].ask(method, *arguments))
    return found


def processors(n: int) -> set[int]:
    """Return n of the usable processors, or all if there are fewer; of a core's hyper-threads one, while that lasts."""
    ranked, seen = [], dict[str, int]()
    for processor in sorted(os.sched_getaffinity(0)):
        try:
            core = (TOPOLOGY / f"cpu{processor}/topology/thread_siblings_list").read_text(encoding="ascii")
        except OSError:
            core = str(processor)
        ranked.append((seen.setdefault(core, 0), processor))
        seen[core] += 1
    return {processor for _, processor in sorted(ranked)[:n]}


@contextmanager
def _affinity(n: int) -> Iterator[None]:
    """Let processes that start in this block run on n processors only, where the system can do that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, processors(n))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _serve(connection: Connection, make: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """Answer requests until the other side closes the pipe."""
    try:
        rival = make(*arguments)
    except Unavailable as reason:
        connection.send(("unavailable", str(reason)))
        return
    except Exception:  # noqa: BLE001 (whatever it is goes to the other side)
        connection.send(("error", traceback.format_exc()))
        return
    connection.send(("ready", None))
    while True:
        try:
            method, values = connection.recv()
        except (EOFError, KeyboardInterrupt):
            return
        try:
            connection.send(("value", getattr(rival, method)(*values)))
        except Exception:  # noqa: BLE001
            connection.send(("error", traceback.format_exc()))
