"""How many threads a call uses: what is asked for, within what the user, the system and a surrounding program allow."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys

import numpy as np
import pytest
from processes import run_python
from threadpoolctl import threadpool_info, threadpool_limits

ONE_INSTRUCTION_SET_WILL_DO = True
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux says of threads and processors")
MUCH = 1e12  # multiply-adds: work for any number of threads


@pytest.fixture
def resolve(native, monkeypatch):
    """What n_threads (0: not given) comes to for so much work; no limit is set yet."""
    for name in ("OMP_NUM_THREADS", "CHAINRULE_OVERSUBSCRIBE"):
        monkeypatch.delenv(name, raising=False)
    return native._core.resolve_threads


@pytest.fixture
def two_processors(resolve):
    if resolve(0, MUCH) < 2:
        pytest.skip("needs two processors")


def test_small_work_gets_one_thread(resolve):
    for n_threads in (0, 1, 2, 1000):
        assert resolve(n_threads, 1.0) == 1


def test_more_threads_than_processors_are_never_used(resolve):
    assert 1 <= resolve(0, MUCH) <= resolve(10**6, MUCH) <= os.cpu_count()


@pytest.mark.usefixtures("two_processors")
def test_the_environment_is_read_at_each_call(resolve, monkeypatch):
    default = resolve(0, MUCH)
    for value, expected in (("1", 1), ("2", 2), ("1,2", 1), ("", default), ("0", default), ("many", default)):
        monkeypatch.setenv("OMP_NUM_THREADS", value)
        assert resolve(0, MUCH) == expected, value
        assert resolve(2, MUCH) == 2, "n_threads goes before OMP_NUM_THREADS"
    monkeypatch.setenv("CHAINRULE_OVERSUBSCRIBE", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert resolve(0, MUCH) == 5


@LINUX
@pytest.mark.usefixtures("two_processors")
def test_the_affinity_is_read_at_each_call(resolve):
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert (resolve(0, MUCH), resolve(2, MUCH)) == (1, 1)
    finally:
        os.sched_setaffinity(0, before)
    assert resolve(2, MUCH) == 2


@pytest.mark.usefixtures("two_processors")
def test_limits_of_threadpoolctl_are_read_at_each_call(resolve):
    assert any(pool["user_api"] == "openmp" for pool in threadpool_info())
    with threadpool_limits(1):
        assert resolve(0, MUCH) == 1
    with threadpool_limits(1, user_api="openmp"):
        assert resolve(0, MUCH) == 1
    assert resolve(0, MUCH) == resolve(10**6, MUCH)


def gnu_openmp(native):
    """The OpenMP runtime this build uses, if it is GNU's, as a library to call."""
    path = native._core.config()["openmp"].partition("(")[2].rstrip(")")
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(path or "libgomp.so.1")
        if "gomp" in path and library.GOMP_parallel:
            return library
    return pytest.skip(f"this build does not use GNU OpenMP by itself: {native._core.config()['openmp']}")


@pytest.mark.usefixtures("two_processors")
def test_inside_a_parallel_region_of_another_library_a_call_is_serial(native, resolve):
    gomp, seen = gnu_openmp(native), []
    X = np.ones((400, 300), np.float32)

    def body(_):
        seen.append((resolve(2, MUCH), float(native.matmul_bias(X, X[:300], n_threads=2).sum())))

    gomp.GOMP_parallel(ctypes.CFUNCTYPE(None, ctypes.c_void_p)(body), None, 2, 0)
    assert seen == [(1, 400 * 300 * 300.0)] * 2
    assert resolve(2, MUCH) == 2


THREADS_OF_THE_PROCESS = """
import os
from chainrule import native
from training_cases import make_case

before = len(os.listdir("/proc/self/task"))
case = make_case(4, "float32", "wide")
print(native._core.config()["threads"], end=" ")
for n_threads in (None, 2, 3):
    case.train(native, n_threads=n_threads)
    print(len(os.listdir("/proc/self/task")) - before, end=" ")
"""


@LINUX
def test_as_many_threads_run_as_are_asked_for(native):
    environment = {"OMP_NUM_THREADS": "1", "CHAINRULE_OVERSUBSCRIBE": "1"}
    assert run_python(THREADS_OF_THE_PROCESS, **environment).split() == ["1", "0", "1", "2"]
