"""The n-th operation on files fails, for every n: what was there is whole, and the work can go on."""

from __future__ import annotations

import contextlib
import errno
import warnings

import chainrule as cr
import numpy as np
import pytest
from failing_files import failing
from run_cases import CASES, digest, fit

ONE_INSTRUCTION_SET_WILL_DO = True
pytestmark = pytest.mark.filterwarnings("ignore::chainrule.TornEntryWarning")


def every_failure(work, code=errno.EIO, at_least=4):
    """Do work(), with the first operation failing, then the second, until none fails; yield what failed and the error."""
    n, names = 0, []
    while True:
        n += 1
        error = None
        with failing(n, code) as state:
            try:
                work()
            except OSError as raised:
                error = raised
        if state.failed is None:
            assert error is None
            break
        names.append(state.failed)
        yield state.failed, error
    assert len(names) >= at_least, names


def a_model(seed):
    return cr.MLP([3, 4, 2], seed=seed)


def same(one, other):
    return one.seed == other.seed and all(map(np.array_equal, one.weights, other.weights))


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EROFS])
@pytest.mark.parametrize("suffix", [".pkl", ".safetensors"])
def test_a_model_that_cannot_be_saved_leaves_the_one_that_was_there(tmp_path, suffix, code):
    path = tmp_path / f"model{suffix}"
    old, new = a_model(1), a_model(2)
    old.save(path)
    for _, error in every_failure(lambda: new.save(path), code):
        loaded = cr.load(path)
        assert same(loaded, old) or same(loaded, new)
        if same(loaded, new):  # it failed behind the renaming, or where a failure does no harm
            old.save(path)
        else:
            assert error is not None
            assert error.errno == code
        for left in tmp_path.glob(".*.tmp"):  # only where the temporary file could not be taken away
            left.unlink()
    assert same(cr.load(path), new)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".pkl", ".safetensors", ".run"])
def test_a_file_that_cannot_be_read_says_so_and_is_read_later(tmp_path, suffix):
    path = tmp_path / f"some{suffix}"
    if suffix == ".run":
        fit("momentum and dropout", str(path), epochs=2)

        def read():
            with cr.Checkpoints(path) as run:
                run.verify()
    else:
        a_model(1).save(path)

        def read():
            cr.load(path)

    content = path.read_bytes()
    for name, error in every_failure(read):
        assert (
            error is not None or name == "lstat"
        )  # os.path.realpath takes what it cannot ask about for no link
        assert path.read_bytes() == content


@pytest.mark.parametrize("name", CASES)
def test_a_run_whose_writing_fails_anywhere_goes_on_to_the_same_bits(tmp_path, name, monkeypatch):
    """With an earlier run in the file, that is gone on with, and written anew after each epoch where few are kept."""
    monkeypatch.setattr("chainrule._checkpointing.GARBAGE", 0)
    path, begun = tmp_path / "some.run", tmp_path / "begun.run"
    fit(name, str(begun), epochs=2)
    expected = digest(fit(name, str(tmp_path / "whole.run"), 5, fit(name, str(tmp_path / "whole.run"), 2)))
    path.write_bytes(begun.read_bytes())
    trainers = []

    def work():
        trainers[:] = [cr.Trainer.resume(path)]
        fit(name, str(path), 5, trainers[0])

    for what, error in every_failure(work, at_least=20):
        for trainer in trainers:  # what was trained until then is whole
            assert len(trainer.history) == trainer.epoch
            assert all(np.isfinite(array).all() for array in trainer.model.weights)
        with cr.Checkpoints(path) as run:
            run.verify()
            assert run.epochs[-1] >= 2
            epochs = run.epochs
        if error is None:  # where a failure does no harm
            assert digest(trainers[0]) == expected, what
        else:
            again = cr.Trainer.resume(path, epoch=epochs[-1])
            assert again.epoch <= 5
        path.write_bytes(begun.read_bytes())
        for left in tmp_path.glob("*.tmp"):
            left.unlink()
    assert digest(trainers[0]) == expected
    with cr.Checkpoints(path) as run:
        run.verify()
        assert run.is_finished


def test_a_run_goes_on_to_the_same_bits_after_any_failure_of_a_first_fit(tmp_path):
    """From nothing: the file is not there yet, and few operations later it is."""
    name, path = "momentum and dropout", tmp_path / "some.run"
    expected = digest(fit(name, None, 4))
    for _ in every_failure(lambda: fit(name, str(path), 4), at_least=10):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", cr.TornEntryWarning)
            trainer = None
            with contextlib.suppress(FileNotFoundError, ValueError):  # nothing was kept: from the beginning
                trainer = cr.Trainer.resume(path)
            assert digest(fit(name, str(path), 4, trainer)) == expected
            with cr.Checkpoints(path) as run:
                run.verify()
                assert run.epochs[-1] == 4
        path.unlink()
