"""SIGKILL at random moments costs no more than the epoch under way, and no bit of the result."""

from __future__ import annotations

import os

import pytest
from kill_runs import kill_and_go_on


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGKILL on this system")
def test_a_fit_that_is_killed_again_and_again_comes_to_the_same_bits(tmp_path):
    assert kill_and_go_on(50, tmp_path) >= 1
