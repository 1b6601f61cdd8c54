"""Kill fits at random moments, also while they write, and let them go on: ``python kill_runs.py 1000`` counts to 1000 kills."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from run_cases import CASES, digest, fit

EPOCHS = 300


def kill_and_go_on(kills, folder, seed=0):
    """Make so many kills; return how many fits came to their end, each with the bits of one that nothing ended.

    Raises
    ------
    AssertionError
        If one did not, or did not go on.
    """
    moments, path, environment = (
        random.Random(seed),
        Path(folder, "killed.run"),
        dict(os.environ, CHAINRULE_OVERSUBSCRIBE="1"),
    )
    names = list(CASES)
    expected, length = {}, {}
    for name in names:
        started = time.monotonic()
        expected[name] = digest(fit(name, str(Path(folder, "whole.run")), EPOCHS, n_threads=1))
        length[name] = time.monotonic() - started
        Path(folder, "whole.run").unlink()
    made, ended = 0, 0
    while made < kills or not ended:
        name = names[ended % len(names)]
        command = [
            sys.executable,
            str(Path(__file__).with_name("run_cases.py")),
            name,
            str(path),
            str(EPOCHS),
        ]
        with subprocess.Popen(
            [*command, str(moments.randint(1, 3))],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr.readline() == "training\n", process.stderr.read()
            try:
                out, err = process.communicate(timeout=moments.uniform(0, 3 * length[name]))
            except subprocess.TimeoutExpired:
                process.kill()
                out, err = process.communicate()
        if process.returncode == -9:
            made += 1
            continue
        assert (process.returncode, err, out.strip()) == (0, "", expected[name]), (name, made, ended)
        path.unlink()
        ended += 1
    return ended


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print(kill_and_go_on(int(sys.argv[1]), place), "fits came to the bits of one that nothing ended")
