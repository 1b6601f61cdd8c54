"""Dangers that reviewers found: labels that change meanwhile, interpreters that end, forks inside a poll, two trainings at once."""

import os
import subprocess
import sys
import textwrap
import threading

import chainrule as cr
import numpy as np
import pytest
from chainrule._network import Network, TrainingState
from core_arguments import good

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


def run_script(text, timeout=300):
    """Run a script in a process of its own; gives what it printed."""
    script = textwrap.dedent(text)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def training(core, poll, epochs=3, labels=None):
    """Train a small network with class labels; gives its state."""
    network = Network((4, 20, 3), ("relu", "softmax"), "unit", (0.0,))
    rng = np.random.default_rng(0)
    state = TrainingState.start(
        [rng.normal(size=shape).astype("f4") for shape in network.weight_shapes],
        [np.zeros(shape, "f4") for shape in network.bias_shapes],
    )
    target = np.arange(64) % 3 if labels is None else labels
    arguments = {
        **good("train_epochs"),
        "epochs": epochs,
        "poll": poll,
        "loss": "cross_entropy",
        "batch_size": 8,
    }
    for name in ("network", "state", "X", "target"):
        del arguments[name]
    X = rng.normal(size=(64, 4)).astype("f4")
    core.train_epochs(network, state, X, target, **arguments)
    return state


def test_labels_that_change_during_training_do_no_harm(native):
    labels = np.arange(64) % 3

    def spoil(*_):
        labels[:] = 10**9

    assert np.isfinite(training(native, spoil, labels=labels).weights[0]).all()


def test_a_state_is_trained_by_one_call_at_a_time(core):
    network = Network((2, 1), ("identity",), "unit", ())
    state = TrainingState.start([np.ones((2, 1), "f4")], [np.zeros(1, "f4")])
    arguments = {**good("train_epochs"), "epochs": 2, "loss": "half_squared_error", "batch_size": 2}
    for name in ("network", "state", "X", "target"):
        del arguments[name]
    X, y = np.ones((4, 2), "f4"), np.ones((4, 1), "f4")

    def again(*_):
        core.train_epochs(network, state, X, y, **{**arguments, "poll": None})

    with pytest.raises(RuntimeError, match="trained by another call"):
        core.train_epochs(network, state, X, y, **{**arguments, "poll": again})
    core.train_epochs(network, state, X, y, **{**arguments, "poll": None})


def test_a_poll_sees_subnormal_numbers(native):
    seen = []
    training(native, lambda *_: seen.append(float((np.array([1e-40], "f4") * np.float32(1))[0])), epochs=1)
    assert seen
    assert min(seen) > 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_poll_may_fork(native):
    def fork(*_):
        child = os.fork()
        if child == 0:
            training(native, None, epochs=1)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0

    training(native, fork, epochs=1)


@pytest.mark.parametrize(
    "work", ["model.predict(X)", "model.predictor()(X)", "trainer.fit(X, X[:, :1], epochs=50)"]
)
def test_the_interpreter_may_end_while_a_daemon_thread_works(native, work):
    for _ in range(3):
        run_script(f"""
            import threading, time
            import numpy as np, chainrule as cr
            X = np.ones((2000, 16), "f4")
            model = cr.MLP([16, 64, 1], seed=0)
            trainer = cr.Trainer(model, loss="mean_squared_error")
            def forever():
                while True:
                    {work}
            for _ in range(4):
                threading.Thread(target=forever, daemon=True).start()
            time.sleep(0.2)
            """)


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_NPROC counts threads on Linux")
def test_a_process_that_may_start_no_thread_works_alone(native):
    run_script("""
        import os, resource
        import numpy as np, chainrule as cr
        model = cr.MLP([64, 512, 512, 8], seed=0)
        if os.getuid() == 0:  # whom the limit does not bind
            os.setuid(54321)
        resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
        model.predict(np.ones((4000, 64), "f4"), n_threads=2)
        """)


def test_a_process_without_memory_for_a_thread_works_alone(native):
    out = run_script("""
        import os, resource
        os.environ["CHAINRULE_OVERSUBSCRIBE"] = "1"
        import numpy as np, chainrule as cr
        model = cr.MLP([64, 512, 512, 8], seed=0)
        X = np.ones((400, 64), "f4")
        alone = model.predict(X, n_threads=1)
        pages = int(open("/proc/self/statm").read().split()[0])
        limit = pages * resource.getpagesize() + (6 << 20)  # less than a thread's stack of 8 MB
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        print((model.predict(X, n_threads=4) == alone).all())
        """)
    assert out == ["True"]


def test_no_rows_give_zero_gradients(core):
    X, W, dZ = np.zeros((0, 16), "f4"), np.ones((16, 32), "f4"), np.zeros((0, 32), "f4")
    dX, dW, db = core.matmul_gradients(X, W, dZ)
    assert dX.shape == (0, 16)
    np.testing.assert_array_equal(dW, np.zeros((16, 32)))
    np.testing.assert_array_equal(db, np.zeros(32))


def test_small_sigmoids_are_not_flushed_early(core):
    z = np.array([[-87.3]], "f4")
    assert core.activation("sigmoid", z)[0, 0] == pytest.approx(np.exp(-87.3), rel=1e-5)


def test_two_threads_may_train_one_state_without_a_crash(native):
    network = Network((4, 20, 3), ("relu", "identity"), "unit", (0.0,))
    state = TrainingState.start(
        [np.ones(s, "f4") for s in network.weight_shapes], [np.ones(s, "f4") for s in network.bias_shapes]
    )
    arguments = {
        **good("train_epochs"),
        "epochs": 20,
        "loss": "half_squared_error",
        "batch_size": 8,
        "poll": None,
    }
    for name in ("network", "state", "X", "target"):
        del arguments[name]
    refused = []

    def train():
        try:
            native.train_epochs(network, state, np.ones((64, 4), "f4"), np.ones((64, 3), "f4"), **arguments)
        except RuntimeError as error:
            refused.append(error)

    threads = [threading.Thread(target=train) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert state.epoch == 20 * (4 - len(refused))
    assert state.step == 8 * state.epoch


@pytest.mark.parametrize(
    ("name", "value"), [("losses", []), ("losses", [1.0] * 3), ("epoch", 0), ("epoch", 3)]
)
def test_a_trainer_whose_record_contradicts_itself_is_refused(name, value):
    trainer = cr.Trainer(cr.MLP([2, 1], seed=0), loss="half_squared_error")
    trainer.fit(np.ones((4, 2), "f4"), np.ones(4, "f4"), epochs=2)
    record = {**trainer.__getstate__(), name: value}
    with pytest.raises(ValueError, match="entr"):
        cr.Trainer.__new__(cr.Trainer).__setstate__(record)
