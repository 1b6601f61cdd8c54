"""A forked child works: it trains and predicts, to the same bits, and does not wait for threads that are not there."""

from __future__ import annotations

import os

import pytest
from processes import run_python
from test_thread_limits import gnu_openmp

ONE_INSTRUCTION_SET_WILL_DO = True
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

COMMON = """
import multiprocessing, os, sys, threading
from chainrule import native
from training_cases import make_case

def work(seed=0):
    case = make_case(seed, "float32", steps=20).train(native, n_threads=2)
    return case.digest(), case.forward(native, n_threads=2).tobytes()

def in_a_child(function=work):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.write(write, repr(function()).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(write)
    with open(read, "rb") as stream:
        text = stream.read().decode()
    assert os.waitpid(child, 0)[1] == 0
    return text

assert native._core.resolve_threads(2, 1.0) == 2
"""


def run(code):
    return run_python(COMMON + code, CHAINRULE_OVERSUBSCRIBE="1").splitlines()


def test_a_child_works_after_its_parent_used_threads(native):
    lines = run("""
before = repr(work())
print(in_a_child() == before)
print(repr(work()) == before)  # the parent goes on
print(in_a_child(in_a_child) == repr(before))  # and so does a child of a child
""")
    assert lines == ["True"] * 3


def test_a_child_works_before_its_parent_used_threads(native):
    lines = run("""
first = in_a_child()
print(first == repr(work()))
print(in_a_child() == first)
print(in_a_child(lambda: native._core.resolve_threads(2, 1.0)))
""")
    assert lines == ["True", "True", "2"]


def test_a_child_may_have_a_team_again_and_again(native):
    lines = run("""
expected = repr([work(seed) for seed in range(4)])
print(in_a_child(lambda: [work(seed) for seed in range(4)]) == expected)
""")
    assert lines == ["True"]


def test_a_pool_of_forked_processes_works(native):
    lines = run("""
expected = [work(seed) for seed in range(6)]
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(pool.map(work, range(6)) == expected)
""")
    assert lines == ["True"]


def test_a_child_works_that_was_forked_while_another_thread_trained(native):
    lines = run("""
expected = repr(work())
going, stop = threading.Event(), threading.Event()

def endless():
    def poll(*told):
        going.set()
        if stop.is_set():
            raise StopIteration
    try:
        make_case(3, "float32", "wide").train(native, epochs=10**6, n_threads=2, poll=poll)
    except StopIteration:
        pass

thread = threading.Thread(target=endless)
thread.start()
going.wait()
for _ in range(3):
    print(in_a_child() == expected)
stop.set()
thread.join()
print(repr(work()) == expected)
""")
    assert lines == ["True"] * 4


def test_a_child_works_after_another_library_used_the_same_threads(native):
    gnu_openmp(native)
    lines = run("""
import ctypes
from test_thread_limits import gnu_openmp
body = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _: None)
gnu_openmp(native).GOMP_parallel(body, None, 2, 0)
print(in_a_child() == repr(work()))
""")
    assert lines == ["True"]
