"""Train and predict for a long time with random settings, from several processes and threads: ``python long_load.py SECONDS``.

Each of 3 processes goes through random jobs, a few of them at once in threads: networks, optimizers, losses, dtypes, batches, numbers of
threads, files. A job is a function of its number, and each number comes again and again: its bits must be those of the first time, in
every process. A process that does nothing for 120 seconds counts as hung. At each sixth of the time the jobs wait until all are between two
jobs; then the memory is read that the process has, and how much of it is in use: what Python and NumPy have asked malloc for and not
given back, after a collection of garbage. Memory that is lost at each job would show in both, and the same jobs come in each sixth.
Prints a table, and fails if bits drift, a job hangs or raises, or from the first sixth to the last what is in use grows by more
than 1 MB, or all that the process has by more than 8.
"""

from __future__ import annotations

import ctypes
import gc
import hashlib
import multiprocessing
import os
import queue
import random
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

import chainrule as cr
import numpy as np

JOBS, PROCESSES, THREADS = 60, 3, 3
HUNG = 120.0
READINGS = 6
GROWTH = 8 << 20  # of all the memory of a process
GROWTH_IN_USE = 1 << 20
ACTIVATIONS = ("relu", "tanh", "sigmoid", "gelu", "elu", "softplus", "mish", "leaky_relu")


def a_trainer(number):
    """Return the trainer of a job, and its rows."""
    rng = random.Random(number)
    dtype = rng.choice(["float32", "float64"])
    sizes = [
        rng.choice([1, 2, 5, 8, 17, 64]),
        *(rng.choice([1, 3, 8, 16, 33, 64, 130]) for _ in range(rng.randint(0, 3))),
    ]
    classes = rng.random() < 0.5
    n_out = rng.randint(2, 10) if classes else rng.randint(1, 3)
    model = cr.MLP(
        [*sizes, n_out],
        activation=rng.choice(ACTIVATIONS),
        output_activation="softmax" if classes else "identity",
        bias=rng.choice(["unit", "unit", "layer", None]),
        dropout=rng.choice([0.0, 0.0, 0.3]),
        input_noise=rng.choice([0.0, 0.0, 0.1]),
        dtype=dtype,
        seed=number,
    )
    rate = rng.choice([0.01, cr.schedules.Cosine(0.01, 50), cr.schedules.StepDecay(0.01, 20)])
    optimizer = rng.choice(
        [cr.SGD(rate, momentum=0.9), cr.Adam(rate), cr.RMSprop(rate), cr.AdamW(rate), cr.Adagrad(rate)]
    )
    batch = rng.choice([1, 7, 32, 100, "full"])
    trainer = cr.Trainer(
        model, loss="cross_entropy" if classes else "mean_squared_error", optimizer=optimizer, batch_size=batch, seed=number,
    )  # fmt: skip
    rows = rng.choice([1, 20, 150, 700])
    numbers = np.random.default_rng(number)
    X = numbers.normal(size=(rows, sizes[0])).astype(dtype)
    y = numbers.integers(0, n_out, rows) if classes else numbers.normal(size=(rows, n_out)).astype(dtype)
    return trainer, X, y


def do(number, n_threads, folder):
    """Do a job; return a checksum of all its results."""
    trainer, X, y = a_trainer(number)
    trainer.n_threads = n_threads
    path = Path(folder, f"{os.getpid()}-{threading.get_ident()}")
    if number % 3 == 0:
        trainer.fit(X, y, epochs=2, checkpoint=path, keep=2)
        trainer = cr.Trainer.resume(path)
        trainer.fit(X, y, epochs=1, checkpoint=path, keep=2)
        path.unlink()
    else:
        trainer.fit(X, y, epochs=3)
    model = trainer.model
    if number % 4 == 0:
        model.save(path.with_suffix(".safetensors"))
        model = cr.load(path.with_suffix(".safetensors"))
    found = hashlib.sha256()
    for array in (
        *model.weights,
        *model.biases,
        model.predict(X, n_threads=n_threads),
        model.predictor()(X[:1]),
    ):
        found.update(np.ascontiguousarray(array).tobytes())
    found.update(repr(trainer.history.loss).encode())
    return found.hexdigest()


class Mallinfo(ctypes.Structure):
    """What glibc says of its memory, over all arenas."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
    ]  # fmt: skip


def memory():
    """Return the bytes of memory that this process has."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def in_use():
    """Return the bytes that malloc has given away, and the blocks of Python's own allocator."""
    gc.collect()
    mallinfo2 = ctypes.CDLL(None).mallinfo2
    mallinfo2.restype = Mallinfo
    found = mallinfo2()
    return found.uordblks + found.hblkhd, sys.getallocatedblocks()


class Gate:
    """What jobs go through one by one, and what can be closed: then it waits until all are out."""

    def __init__(self):
        self._inside, self._open, self._changed = 0, True, threading.Condition()

    def __enter__(self):
        with self._changed:
            self._changed.wait_for(lambda: self._open)
            self._inside += 1

    def __exit__(self, *_):
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    def close(self):
        with self._changed:
            self._open = False
            self._changed.wait_for(lambda: self._inside == 0, HUNG)

    def open(self):
        with self._changed:
            self._open = True
            self._changed.notify_all()


def work(seed, seconds, reports, folder):
    """Do jobs in threads until the time is up; report what was wrong, and the memory."""
    warnings.simplefilter("ignore")
    os.environ["CHAINRULE_OVERSUBSCRIBE"] = "1"
    start, seen, lock, gate = time.monotonic(), {}, threading.Lock(), Gate()
    end = start + seconds
    counts, beats, problems = [0], [time.monotonic()] * THREADS, []

    def loop(thread):
        rng = random.Random(seed * 100 + thread)
        while time.monotonic() < end and not problems:
            number = rng.randrange(JOBS)
            try:
                with gate:
                    found = do(number, rng.randint(1, 3), folder)
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is reported
                problems.append(f"job {number}: {error!r}")
                return
            with lock:
                beats[thread] = time.monotonic()
                counts[0] += 1
                if seen.setdefault(number, found) != found:
                    problems.append(f"job {number} has other bits than before")

    threads = [threading.Thread(target=loop, args=(i,), daemon=True) for i in range(THREADS)]
    for thread in threads:
        thread.start()
    readings, peak = [], 0
    while any(thread.is_alive() for thread in threads):
        time.sleep(0.2)
        peak = max(peak, memory())
        if time.monotonic() - start > (len(readings) + 0.95) * seconds / READINGS:
            gate.close()
            readings.append((counts[0], memory(), *in_use()))
            gate.open()
        if any(
            time.monotonic() - beat > HUNG and thread.is_alive()
            for beat, thread in zip(beats, threads, strict=True)
        ):
            problems.append(f"nothing was done for {HUNG:g} seconds")
            break
    reports.put((seed, readings, peak, problems, seen))


def main(seconds):
    """Return 0 if all went well."""
    reports, bits, failures = multiprocessing.get_context("spawn").Queue(), {}, []
    with tempfile.TemporaryDirectory() as folder:
        processes = [
            multiprocessing.get_context("spawn").Process(target=work, args=(i, seconds, reports, folder))
            for i in range(PROCESSES)
        ]
        for process in processes:
            process.start()
        print("process  jobs done  MB of the process  MB in use by malloc  blocks of Python")
        for _ in processes:
            try:
                seed, readings, peak, problems, seen = reports.get(timeout=seconds + 2 * HUNG)
            except queue.Empty:
                failures.append("a process did not report: it hangs or has died")
                break
            for count, whole, used, blocks in readings:
                print(f"{seed:7}  {count:9}  {whole / 1e6:17.1f}  {used / 1e6:19.3f}  {blocks:16}")
            print(f"{seed:7}  {'at most':>9}  {peak / 1e6:17.1f}", flush=True)
            if len(readings) < READINGS:
                failures.append(f"process {seed} was read {len(readings)} times")
            failures += problems
            if len(readings) > 1:
                (_, whole, used, _), (_, last, last_used, _) = readings[0], readings[-1]
                if last - whole > GROWTH:
                    failures.append(f"the memory of process {seed} grew from {whole} to {last} bytes")
                if last_used - used > GROWTH_IN_USE:
                    failures.append(f"what process {seed} has in use grew from {used} to {last_used} bytes")
            for number, found in seen.items():
                if bits.setdefault(number, found) != found:
                    failures.append(f"job {number} has other bits in another process")
        left = os.listdir(folder)
        for process in processes:
            process.join(HUNG)
    if any("tmp" in name or ".run" in name for name in left):
        failures.append(f"files were left behind: {left}")
    print(f"{len(bits)} different jobs, {len(failures)} failures", *failures, sep="\n")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
