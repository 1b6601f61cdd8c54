"""Limits of files and memory, folders that cannot be written, Ctrl-C at any moment, other processes, the end of the interpreter."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from processes import TESTS, run_python

ONE_INSTRUCTION_SET_WILL_DO = True
pytestmark = pytest.mark.skipif(os.name != "posix", reason="limits, signals and users of POSIX")

COMMON = """
import os, resource, signal, sys, threading, time, warnings
import numpy as np
import chainrule as cr
from run_cases import CASES, data, digest, fit
warnings.simplefilter("ignore", cr.TornEntryWarning)
NAME = "momentum and dropout"
X, y = data()

def refused(kind, function):
    try:
        function()
    except kind as error:
        return str(error)
    raise SystemExit(f"{function} did not raise {kind}")

def whole(trainer):
    assert len(trainer.history) == trainer.epoch == len(trainer.state.losses)
    assert all(np.isfinite(array).all() for array in (*trainer.model.weights, *trainer.model.biases))
    assert np.isfinite(trainer.model.predict(X)).all()

os.chdir({folder!r})
"""


def run(code, folder, **environment):
    return run_python(COMMON.replace("{folder!r}", repr(str(folder))) + code, **environment).splitlines()


def test_a_limit_of_the_size_of_files_leaves_what_was_there(tmp_path):
    """Also Ctrl-C's neighbour SIGXFSZ, which Python ignores: the write fails with EFBIG."""
    lines = run("""
old = cr.MLP([3, 2], seed=1)
for name in ("m.pkl", "m.safetensors"):
    old.save(name)
first = fit(NAME, "some.run", 3)
size = os.path.getsize("some.run")
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10_000, resource.RLIM_INFINITY))
for name in ("m.pkl", "m.safetensors"):
    print(refused(OSError, lambda: cr.MLP([300, 300]).save(name)))
    print(cr.load(name).seed)
trainer = cr.Trainer.resume("some.run")
print(refused(OSError, lambda: fit(NAME, "some.run", 9, trainer)))
whole(trainer)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
with cr.Checkpoints("some.run") as saved:
    saved.verify()
    print(saved.epochs[-1] >= 3)
print(digest(fit(NAME, "some.run", 9, cr.Trainer.resume("some.run"))) == digest(fit(NAME, None, 9)))
print(sorted(os.listdir()))
""", tmp_path)  # fmt: skip
    assert [line for line in lines if "File too large" in line] == [lines[0], lines[2], lines[4]]
    assert lines[1] == lines[3] == "1"
    assert lines[5:] == ["True", "True", "['m.pkl', 'm.safetensors', 'some.run']"]


def test_a_folder_that_cannot_be_written_is_named_and_what_is_in_it_is_read(tmp_path):
    lines = run("""
cr.MLP([3, 2], seed=1).save("m.pkl")
fit(NAME, "some.run", 2)
os.chmod(".", 0o555)
for name in os.listdir():
    os.chmod(name, 0o444)
if os.geteuid() == 0:  # to whom permissions mean nothing
    import chainrule.persistence, hashlib, json
    cr.load("m.pkl")
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
print(refused(OSError, lambda: cr.MLP([3, 2], seed=2).save("m.pkl")))
print(refused(OSError, lambda: cr.MLP([3, 2], seed=2).save("new.pkl")))
print(refused(OSError, lambda: fit(NAME, "new.run", 2)))
print(refused(OSError, lambda: fit(NAME, "some.run", 3, cr.Trainer.resume("some.run"))))
print(cr.load("m.pkl").seed, cr.Checkpoints("some.run").epochs)
print(sorted(os.listdir()))
""", shared(tmp_path))  # fmt: skip
    assert all("Permission denied" in line for line in lines[:4]), lines
    assert lines[4:] == ["1 [0, 1, 2]", "['m.pkl', 'some.run']"]


def shared(folder):
    """Let every user reach a folder of pytest's, as far as it is one of ours."""
    made = folder / "shared"
    made.mkdir()
    for each in (made, *made.parents):
        if each.stat().st_uid == os.geteuid() and each.name.startswith(
            ("pytest-", "popen-", "test_", "shared")
        ):
            each.chmod(0o755 if each != made else 0o777)
    return made


def test_memory_that_is_refused_is_an_error_and_nothing_is_lost(tmp_path):
    lines = run("""
old = cr.MLP([3, 2], seed=1)
old.save("m.pkl")
big = cr.MLP([3000, 3000, 10], seed=2)
big.save("big.pkl")
big.save("big.safetensors")
trainer = fit(NAME, None, 2)
before = digest(trainer)
big_trainer = cr.Trainer(big, loss="mean_squared_error", optimizer=cr.Adam())
rows = np.zeros((400, 3000), "float32")
weights = [array.tobytes() for array in big.weights]
cr.Trainer(cr.MLP([5, 4, 1]), loss="mean_squared_error").fit(rows[:, :5].copy(), rows[:, :1].copy())
with open("/proc/self/statm") as file:
    now = int(file.read().split()[0]) * resource.getpagesize()

def limit(more):
    resource.setrlimit(resource.RLIMIT_AS, (now + more, resource.RLIM_INFINITY))

for more in (1 << 20, 8 << 20, 24 << 20, 32 << 20):
    limit(more)
    for name, work in {
        "load": lambda: cr.load("big.pkl"), "load safetensors": lambda: cr.load("big.safetensors"), "make": lambda: cr.MLP([6000, 6000]),
        "save": lambda: big.save("m.pkl"), "copy": big.copy, "fit": lambda: big_trainer.fit(rows, rows[:, :10]),
        "predict": lambda: big.predict(np.broadcast_to(rows[:1], (400_000, 3000))),
        "checkpoint": lambda: big_trainer.fit(rows, rows[:, :10], checkpoint="big.run"),
    }.items():
        refused(MemoryError, work)
    limit(1 << 35)
    assert cr.load("m.pkl").seed == 1
    assert [array.tobytes() for array in big.weights] == weights
    assert digest(trainer) == before
print(digest(fit(NAME, None, 5, trainer)) == digest(fit(NAME, None, 5)))
big_trainer.fit(rows, rows[:, :10])
print(big_trainer.epoch, cr.load("big.pkl").seed)
""", tmp_path, OMP_NUM_THREADS="1", MALLOC_ARENA_MAX="1")  # fmt: skip
    assert lines == ["True", "1 2"]


def test_ctrl_c_at_any_moment_of_a_fit_leaves_it_whole_and_its_file_too(tmp_path):
    lines = run("""
import random
signal.signal(signal.SIGINT, signal.default_int_handler)
moments, interrupted, torn = random.Random(0), 0, 0
started = time.monotonic()
fit(NAME, "first.run", 12)
length = time.monotonic() - started
for i in range(60):
    path = f"{i}.run"
    trainer = CASES[NAME][0]()
    timer = threading.Timer(moments.uniform(0, 1.2 * length), lambda: os.kill(os.getpid(), signal.SIGINT))
    try:
        timer.start()
        try:
            fit(NAME, path, 12, trainer)
        finally:
            timer.cancel()
            timer.join()
        length *= 0.8  # the machine is not as busy as it was
    except KeyboardInterrupt:
        interrupted += 1
        length *= 1.1
    whole(trainer)
    if not os.path.exists(path) or not os.path.getsize(path):
        assert trainer.step == 0
        continue
    try:
        saved = cr.Checkpoints(path)
    except ValueError as error:
        assert "nothing was kept" in str(error)
        continue
    with saved:
        saved.verify()
        whole(cr.Trainer.resume(path))
    trainer.fit(X, y, epochs=1)  # and the one in memory goes on
    whole(trainer)
print(interrupted > 10)
""", tmp_path)  # fmt: skip
    assert lines == ["True"]


WORK = """
def work(seed):
    trainer = CASES[NAME][0]()
    trainer.seed = seed
    trainer.n_threads = 2
    trainer.fit(X, y, epochs=2)
    return digest(trainer)
"""
MAIN = (
    COMMON.replace("os.chdir({folder!r})", "")
    + WORK
    + """
import multiprocessing

if __name__ == "__main__":
    expected = [work(seed) for seed in range(4)] if sys.argv[2] == "after threads" else None
    if sys.argv[1] == "joblib":
        import joblib
        found = joblib.Parallel(n_jobs=2)(joblib.delayed(work)(seed) for seed in range(4))
    else:
        with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
            found = pool.map(work, range(4))
    print(found == (expected or [work(seed) for seed in range(4)]))
"""
)


@pytest.mark.parametrize("when", ["before threads", "after threads"])
@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn", "joblib"])
def test_processes_of_every_kind_train_to_the_same_bits(tmp_path, method, when):
    if method == "joblib":
        pytest.importorskip("joblib")
    program = tmp_path / "program.py"
    program.write_text(MAIN)
    path = os.pathsep.join([str(TESTS), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]).rstrip(
        os.pathsep
    )
    done = subprocess.run(
        [sys.executable, program, method, when], capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "PYTHONPATH": path, "CHAINRULE_OVERSUBSCRIBE": "1"},
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, "True"), done.stderr


def test_32_threads_predict_while_one_trains_a_copy(tmp_path):
    lines = run("""
model = cr.MLP([6, 64, 64, 3], output_activation="softmax", seed=0)
expected, one = model.predict(X), model.predictor()
copy, wrong, stop = model.copy(), [], threading.Event()
trainer = cr.Trainer(copy, loss="cross_entropy", n_threads=2)

def look():
    while not stop.is_set():
        if model.predict(X, n_threads=2).tobytes() != expected.tobytes() or one(X[:1]).tobytes() != expected[:1].tobytes():
            wrong.append(None)

threads = [threading.Thread(target=look) for _ in range(32)]
for thread in threads:
    thread.start()
trainer.fit(X, y, epochs=30)
stop.set()
for thread in threads:
    thread.join()
alone = cr.Trainer(model.copy(), loss="cross_entropy", n_threads=1)
alone.fit(X, y, epochs=30)
print(len(wrong), digest(alone) == digest(trainer))
""", tmp_path, CHAINRULE_OVERSUBSCRIBE="1")  # fmt: skip
    assert lines == ["0 True"]


@pytest.mark.parametrize("daemon", [True, False])
@pytest.mark.parametrize("core", ["native", "reference"])
def test_the_interpreter_may_end_while_a_thread_trains(tmp_path, core, daemon):
    """A daemon is given up in the middle; any other is waited for. What was written is whole."""
    lines = run(f"""
going = threading.Event()

def train():
    def metric(target, prediction):
        going.set()
        return 0.0
    trainer = CASES[NAME][0]()
    trainer.n_threads = 2
    trainer.fit(X, y, epochs={10**6 if daemon else 20}, checkpoint="some.run", keep=3, metrics=[metric])
    print("trained to the end", flush=True)

threading.Thread(target=train, daemon={daemon}).start()
going.wait()
time.sleep(0.05)
print("the end", flush=True)
""", tmp_path, CHAINRULE_OVERSUBSCRIBE="1", CHAINRULE_BACKEND=core)  # fmt: skip
    assert lines == ["the end"] if daemon else sorted(lines) == ["the end", "trained to the end"]
    lines = run("""
with cr.Checkpoints("some.run") as saved:
    saved.verify()
    print(len(saved) >= 1)
whole(cr.Trainer.resume("some.run"))
""", tmp_path)  # fmt: skip
    assert lines == ["True"]


@pytest.mark.parametrize("options", [["-O"], ["-OO"], ["-W", "error"], ["-X", "dev"], ["-I"]])
def test_options_of_the_interpreter_change_nothing(tmp_path, options):
    """Checks are no assertions, docstrings are not needed, and nothing warns."""
    program = tmp_path / "program.py"
    program.write_text("""
import chainrule as cr
import numpy as np
from chainrule.datasets import load_digits

digits = load_digits()
X, y = digits.data[:300] / 16, digits.target[:300]
model = cr.MLP([64, 16, 10], output_activation="softmax", dropout=0.1, seed=0)
trainer = cr.Trainer(model, loss="cross_entropy", optimizer=cr.SGD(0.05, momentum=0.9))
trainer.fit(X, y, epochs=2, checkpoint="some.run", validation_split=0.2, early_stopping=cr.EarlyStopping())
trainer = cr.Trainer.resume("some.run")
trainer.fit(X, y, epochs=1, checkpoint="some.run")
model.save("m.pkl")
model.save("m.safetensors")
assert_same = [np.array_equal(cr.load(name).predict(X), model.predict(X)) for name in ("m.pkl", "m.safetensors")]
if not all(assert_same):
    raise SystemExit("not the same")
for wrong in (lambda: cr.MLP([0, 1]), lambda: model.predict(X[:, :3]), lambda: trainer.fit(X, y, epochs=-1), lambda: cr.load("some.run")):
    try:
        wrong()
    except ValueError:
        continue
    raise SystemExit("not refused")
with cr.backend("reference"):
    print(abs(model.predict(X) - cr.load("m.pkl").predict(X)).max() == 0)
""")
    done = subprocess.run(
        [sys.executable, *options, program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")
