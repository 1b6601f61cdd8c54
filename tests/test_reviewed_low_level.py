"""What reviews of training by hand, of callbacks and of fits side by side have found, so that it stays mended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import chainrule as cr
import numpy as np
import pytest


def data(rows=20):
    rng = np.random.default_rng(0)
    return rng.normal(size=(rows, 3)).astype("float32"), rng.normal(size=(rows, 1)).astype("float32")


def a_trainer(**settings):
    how = {"loss": "mean_squared_error", "optimizer": cr.SGD(0.01, momentum=0.9), "batch_size": 5, **settings}
    return cr.Trainer(cr.MLP([3, 8, 1], seed=0), **how)


@pytest.mark.usefixtures("backend")
def test_an_end_says_error_also_where_the_error_came_before_any_update():
    seen = []

    class Begins(cr.Callback):
        def on_epoch_begin(self, fit):
            raise RuntimeError("no connection")

    class Ends(cr.Callback):
        def on_fit_end(self, fit):
            seen.append(fit.history.ending.reason)

    trainer = a_trainer()
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no connection"):
            trainer.fit(*data(), callbacks=[Begins(), Ends()])
        trainer.fit(*data())
    assert seen == ["error", "error"]


@pytest.mark.usefixtures("backend")
def test_only_callbacks_that_began_are_told_of_the_end_and_all_of_them_are():
    class Log(cr.Callback):
        def __init__(self, name, **raises):
            self.name, self.raises, self.seen = name, raises, []

        def on_fit_begin(self, fit):
            self.seen.append("begin")
            if "begin" in self.raises:
                raise self.raises["begin"]

        def on_fit_end(self, fit):
            self.seen.append("end")
            if "end" in self.raises:
                raise self.raises["end"]

    first, fails, never = Log("a"), Log("b", begin=ConnectionError("gone")), Log("c")
    with pytest.raises(ConnectionError, match="gone"):
        a_trainer().fit(*data(), callbacks=[first, fails, never])
    assert (first.seen, fails.seen, never.seen) == (["begin", "end"], ["begin"], [])
    first, second = Log("a", end=ValueError("late")), Log("b", end=KeyError("later"))
    with pytest.raises(ValueError, match="late"):
        a_trainer().fit(*data(), callbacks=[first, second])
    assert second.seen == ["begin", "end"]

    class Fails(cr.Callback):
        def on_epoch_end(self, fit):
            raise KeyError("its own")

    with pytest.raises(KeyError, match="its own"):
        a_trainer().fit(*data(), callbacks=[Log("a", end=ValueError("late")), Fails()])


def test_a_misspelt_method_of_a_callback_is_refused():
    class Misspelt(cr.Callback):
        def on_epoch_ends(self, fit):
            pass

    with pytest.raises(
        TypeError, match=r"callbacks\[0\] has a method on_epoch_ends, but the events are on_fit_begin"
    ):
        a_trainer().fit(*data(), callbacks=[Misspelt()])


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("keeps", [True, False])
def test_an_exception_that_refuses_attributes_is_handed_over_as_it_is(keeps):
    class StubbornError(Exception):
        __notes__ = None

        def __setattr__(self, name, value):
            raise AttributeError(name)

    class Fails(cr.Callback):
        def on_epoch_end(self, fit):
            raise StubbornError

    trainers = [a_trainer() for _ in range(3)]
    how = {"callbacks": cr.each([[Fails()], [], []]), "n_workers": 1}
    if not keeps:
        with pytest.raises(StubbornError):
            cr.fit_many(trainers, *data(), **how)
        return
    found = cr.fit_many(trainers, *data(), on_error="keep", **how)
    assert [type(one).__name__ for one in found] == ["StubbornError", "History", "History"]


@pytest.mark.usefixtures("backend")
def test_one_exception_of_several_fits_names_one_trainer():
    error = ValueError("boo")

    class Fails(cr.Callback):
        def on_epoch_end(self, fit):
            raise error

    found = cr.fit_many(
        [a_trainer() for _ in range(3)], *data(), on_error="keep", n_workers=1, callbacks=[Fails()]
    )
    assert all(one is error for one in found)
    assert str(error).count("trainers[") == 1


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGKILL on this system")
def test_settings_that_changed_between_two_fits_of_a_file_are_there_after_a_kill(tmp_path, backend):
    """The second fit is killed in its first epoch."""
    script = """
import os, signal, sys, numpy as np, chainrule as cr
path, backend = sys.argv[1:]
cr.set_backend(backend)
X, y = np.ones((20, 3), "float32"), np.ones((20, 1), "float32")
trainer = cr.Trainer(cr.MLP([3, 8, 1], seed=0), loss="mean_squared_error", optimizer=cr.SGD(0.01), batch_size=5)
trainer.fit(X, y, epochs=2, checkpoint=path)
trainer.freeze(0)
trainer.optimizer = cr.SGD(1e-4)
class Kill(cr.Callback):
    def on_batch_end(self, fit):
        os.kill(os.getpid(), signal.SIGKILL)
trainer.fit(X, y, epochs=2, checkpoint=path, callbacks=[Kill()])
"""
    path = tmp_path / "a.run"
    child = subprocess.run([sys.executable, "-c", script, str(path), backend], timeout=100, check=False)
    assert child.returncode == -signal.SIGKILL
    trainer = cr.Trainer.resume(path)
    assert (trainer.epoch, trainer.frozen, trainer.optimizer.learning_rate) == (2, (0,), 1e-4)
    with cr.Checkpoints(path) as run:
        assert run.epochs[-1] == 2
        run.verify()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_forked_child_goes_back_on_a_pass_that_another_thread_was_at(native):
    """That thread holds the pass at the moment of the fork. (NumPy's own products may hang in such a child.)"""
    if sys.version_info >= (3, 12):
        pytest.skip("Python 3.12 warns of every fork with threads")
    model = cr.MLP([64, 256, 256, 3], dtype="float64", seed=0)
    kept = native.forward_pass(model.network, model.weights, model.biases, np.ones((200, 64)), n_threads=1)
    d, over = np.ones((200, 3)), threading.Event()
    expected = kept.input_gradients(d).tobytes()

    def work():
        while not over.is_set():
            kept.input_gradients(d)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(5):
            time.sleep(0.002)
            child = os.fork()
            if child == 0:
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.alarm(30)  # ends a child that hangs
                os._exit(0 if kept.input_gradients(d).tobytes() == expected else 3)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        over.set()
        thread.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_forked_child_may_train_what_a_thread_of_its_parent_was_training(backend):
    trainer, begun, over = a_trainer(), threading.Event(), threading.Event()

    class Waits(cr.Callback):
        def on_batch_end(self, fit):
            begun.set()
            over.wait()
            fit.stop()

    thread = threading.Thread(target=trainer.fit, args=data(), kwargs={"callbacks": [Waits()]})
    thread.start()
    begun.wait()
    try:
        if sys.version_info >= (3, 12):
            pytest.skip("Python 3.12 warns of every fork with threads")
        child = os.fork()
        if child == 0:
            try:
                trainer.train_on_batch(*data())
            finally:
                os._exit(int(sys.exc_info()[0] is not None))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        over.set()
        thread.join()
