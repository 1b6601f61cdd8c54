"""Files of epochs in a hard life: two writers, links, damage, a full disk, and those who write them to do harm."""

from __future__ import annotations

import hashlib
import os
import pickle
import signal
import struct
import sys
import warnings

import chainrule as cr
import numpy as np
import pytest
from chainrule._run_disk import temporary_name
from chainrule._run_file import RunFile
from chainrule._run_frames import BEGINNING, encode
from run_cases import CASES, data, entries, fit


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "some.run")


def test_two_fits_cannot_write_one_file(path):
    pytest.importorskip("fcntl")
    X, y = data()
    inner = []

    def metric(target, prediction):
        if not inner:
            inner.append(None)
            with pytest.raises(ValueError, match="is being written by another fit"):
                CASES["momentum and dropout"][0]().fit(X, y, checkpoint=path)
            inner.append(None)
        return 0.0

    trainer = CASES["momentum and dropout"][0]()
    trainer.fit(X, y, epochs=1, checkpoint=path)
    trainer.fit(
        X,
        y,
        epochs=1,
        checkpoint=path,
        metrics=[lambda *given: metric(*given) if trainer.epoch == 2 else 0.0],
    )
    assert len(inner) == 2


def test_what_a_killed_process_left_is_taken_away_and_links_stay_links(path, tmp_path):
    X, y = data()
    link, left, other = tmp_path / "link.run", temporary_name(path), tmp_path / "some.run.tmp"
    link.symlink_to(path)
    for each in (left, other):
        with open(each, "wb") as file:
            file.write(b"left")
    trainer = CASES["momentum and dropout"][0]()
    trainer.fit(X, y, epochs=4, checkpoint=link, keep=1)
    assert link.is_symlink()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link.run", "some.run", "some.run.tmp"]
    assert other.read_bytes() == b"left"  # of the user's
    assert cr.Checkpoints(path).epochs == [4]


def test_a_name_may_be_as_long_as_the_system_allows(tmp_path):
    X, y = data()
    path = tmp_path / ("n" * 255)
    CASES["momentum and dropout"][0]().fit(X, y, epochs=3, checkpoint=path, keep=1)
    assert cr.Checkpoints(path).epochs == [3]


def test_two_new_fits_of_one_name_do_not_take_it_from_each_other(path):
    with RunFile(path, writing=True) as first, RunFile(path, writing=True) as second:
        first.append({"a": 1}, None)
        with pytest.raises(ValueError, match="is being written by another fit"):
            second.append({"a": 2}, None)
    with RunFile(path) as found:
        assert [entry.head for entry in found.entries] == [{"a": 1}]
    assert os.listdir(os.path.dirname(path)) == ["some.run"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_forked_during_a_fit_does_not_keep_its_file(path):
    X, y = data()
    children = []

    class Forks(cr.Callback):
        def on_epoch_end(self, fit):
            if not children:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads
                    child = os.fork()
                if child == 0:
                    signal.pause()
                    os._exit(0)
                children.append(child)

    trainer = CASES["momentum and dropout"][0]()
    try:
        trainer.fit(X, y, epochs=2, checkpoint=path, callbacks=[Forks()])
        trainer.fit(X, y, epochs=1, checkpoint=path)
    finally:
        os.kill(children[0], signal.SIGKILL)
        os.waitpid(children[0], 0)
    assert cr.Checkpoints(path).epochs == [0, 1, 2, 3]


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # Python has them of Ctrl-C in a __del__
@pytest.mark.parametrize("keep", ["all", 1])
def test_ctrl_c_at_any_line_leaves_the_file_and_the_trainer_together(path, keep, monkeypatch):
    """At every line of what writes the file, and every seventh where few epochs are kept."""
    monkeypatch.setattr("chainrule._checkpointing.GARBAGE", 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    X, y = np.ones((4, 2), "f4"), np.ones((4, 1), "f4")
    files = ("_run_file.py", "_checkpointing.py", "_run_disk.py", "_run_frames.py", "_run_entries.py")
    line = interrupted = 0
    while True:
        line += 1 if keep == "all" else 7
        trainer = cr.Trainer(cr.MLP([2, 1], seed=0), loss="mean_squared_error")
        left = [line]

        def trace(frame, event, _, left=left):
            if not frame.f_code.co_filename.endswith(files):
                return None
            if event == "line":
                left[0] -= 1
                if left[0] == 0:
                    signal.raise_signal(signal.SIGINT)
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            trainer.fit(X, y, epochs=3, checkpoint=path, keep=keep)
        except KeyboardInterrupt:
            interrupted += 1
        finally:
            sys.settrace(before)
        if left[0] > 0:
            break
        if os.path.exists(path):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", cr.TornEntryWarning)
                with cr.Checkpoints(path) as run:
                    run.verify()
                    assert trainer.epoch - run.epochs[-1] <= 1, line
                cr.Trainer.resume(path).fit(X, y, checkpoint=path, keep=keep)
            os.unlink(path)
        else:
            assert trainer.step == 0
        assert len(trainer.history) == trainer.epoch
    assert interrupted > 50


def test_a_file_that_was_written_anew_while_it_was_opened_is_not_written(path, monkeypatch):
    pytest.importorskip("fcntl")
    fit("momentum and dropout", path, epochs=2)
    lock = cr.checkpoints.RunFile.__init__.__globals__["lock"]

    def slow_lock(fd, name):
        os.rename(name, f"{name}.old")
        with open(f"{name}.old", "rb") as old, open(name, "wb") as new:
            new.write(old.read())
        lock(fd, name)

    monkeypatch.setattr("chainrule._run_file.lock", slow_lock)
    with pytest.raises(ValueError, match="is being written by another fit"):
        fit("momentum and dropout", path, epochs=3, trainer=cr.Trainer.resume(path))


def test_a_damaged_byte_is_found_wherever_it_is(path):
    """In any entry but the last the file is refused, and nothing after it is cut off; the last may count as cut short."""
    small = cr.Trainer(cr.MLP([2, 1], dtype="float64"), loss="mean_squared_error", batch_size=2)
    small.fit(np.ones((2, 2)), np.ones(2), epochs=2, checkpoint=path)
    with open(path, "rb") as file:
        content = file.read()
    with cr.Checkpoints(path) as run:
        last = run._file.entries[-1].frame.start
    for at in range(len(content)):
        changed = bytearray(content)
        changed[at] ^= 1 << at % 8
        with open(path, "wb") as file:
            file.write(changed)
        if at < last:
            with (
                pytest.raises(ValueError, match=r"damaged|no run of|cannot be read|entry"),
                cr.Checkpoints(path) as run,
            ):
                run.verify()
        else:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                try:
                    with cr.Checkpoints(path) as run:
                        assert not run.is_finished
                        run.verify()
                    assert [each.category for each in caught] == [cr.TornEntryWarning]
                except ValueError as error:
                    assert "no entry begins at byte" in str(error) or "is damaged" in str(error)  # noqa: PT017


def test_a_disk_that_is_full_leaves_the_epochs_before(path, monkeypatch):
    X, y = data()
    write, left = os.pwrite, [6]

    def full(fd, view, at):
        left[0] -= 1
        if left[0] < 0:
            write(fd, view[:10], at)
            raise OSError(28, "No space left on device")
        return write(fd, view, at)

    monkeypatch.setattr("chainrule._run_file.os.pwrite", full)
    trainer = CASES["momentum and dropout"][0]()
    with pytest.raises(OSError, match="No space left"):
        trainer.fit(X, y, epochs=20, checkpoint=path)
    monkeypatch.undo()
    assert trainer.epoch == 6
    assert np.isfinite(trainer.model.predict(X)).all()
    with cr.Checkpoints(path) as run:
        assert run.epochs == [0, 1, 2, 3, 4, 5]
        run.verify()


HOSTILE = [
    b"cos\nsystem\n(S'true'\ntR.", b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.", b"\x80\x04}\x94(h\x00h\x00u.",
    pickle.dumps([[[]]] * 2), pickle.dumps(3), b"", b"\x80\x04B\xff\xff\xff\x7f.", pickle.dumps({"format": "chainrule.run"}),
    b"\x80\x04" + b"]" * 100_000 + b"a" * 99_999 + b".",
]  # fmt: skip


@pytest.mark.parametrize("head", HOSTILE)
def test_hostile_entries_are_refused(path, head):
    """With checksums that are right: whoever writes such a file can compute them."""
    first = pickle.dumps(None) if head == b"" else head
    for body in (pickle.dumps(None, 4), first):
        numbers = struct.pack("<8sIQQ", b"chainrun", 0, len(first), len(body))
        sums = hashlib.sha256(numbers + first).digest() + hashlib.sha256(body).digest()
        with open(path, "wb") as file:
            file.write(b"\x80\x04C\x5c" + numbers + sums + b"." + first + body)
        for use in (cr.Checkpoints, cr.Trainer.resume):
            with pytest.raises((ValueError, TypeError), match=r"some\.run"):
                use(path)


def test_a_file_of_a_later_version_or_another_kind_says_so(path, tmp_path):
    small = cr.Trainer(cr.MLP([2, 1]), loss="mean_squared_error")
    small.fit(np.ones((2, 2), "f4"), np.ones(2, "f4"), checkpoint=path)
    heads = [(dict(head), body) for _, head, body in entries(path)]
    for change, message in (
        ({"version": 2}, "has version 2 of chainrule.run"), ({"more": 1}, "unknown field more"), ({"kind": "x"}, "kind"),
        ({"epoch": 7}, "must be in it"), ({"has_state": 1}, "has_state"),
    ):  # fmt: skip
        with open(path, "wb") as file:
            changed = [(heads[0][0] | change, heads[0][1]), *heads[1:]]
            file.writelines(encode(number, *each) for number, each in enumerate(changed))
        with pytest.raises(ValueError, match=message):
            cr.Checkpoints(path)
    model = str(tmp_path / "m.pkl")
    small.model.save(model)
    with pytest.raises(ValueError, match="it is no run of"):
        cr.Checkpoints(model)
    with pytest.raises(ValueError, match="cannot be loaded as a model"):
        cr.load(path)


def test_a_damaged_last_entry_is_no_torn_one_and_nothing_is_cut_off(path):
    small = cr.Trainer(cr.MLP([2, 1]), loss="mean_squared_error")
    small.fit(np.ones((2, 2), "f4"), np.ones(2, "f4"), epochs=2, checkpoint=path, keep=1)
    with open(path, "rb") as file:
        content = bytearray(file.read())
    content[-30] ^= 1
    with open(path, "wb") as file:
        file.write(content)
    for use in (
        cr.Checkpoints,
        cr.Trainer.resume,
        lambda path: small.fit([[0.0, 1.0]], [0.0], checkpoint=path),
    ):
        with pytest.raises(ValueError, match="is damaged"):
            use(path)
    with open(path, "rb") as file:
        whole = bytearray(file.read())
    whole[-30] ^= 1  # as it was
    last = whole.rindex(BEGINNING)
    for at in range(last + 16, last + 24):  # a body that is longer, and would go on behind the end
        changed = bytearray(whole)
        changed[at + 8] ^= 1
        with open(path, "wb") as file:
            file.write(changed)
        with pytest.raises(ValueError, match="is damaged"):
            cr.Checkpoints(path)
    with open(path, "wb") as file:
        file.write(content[:150])
    with pytest.warns(cr.TornEntryWarning), pytest.raises(ValueError, match="holds no whole entry"):
        small.fit(np.ones((2, 2), "f4"), np.ones(2, "f4"), checkpoint=path)
    assert os.path.getsize(path) == 150


def test_a_run_of_very_many_epochs_is_read(path):
    """All of them in one head."""
    small = cr.Trainer(cr.MLP([2, 1], seed=0), loss="mean_squared_error", optimizer=cr.SGD(1e-6))
    X, y = np.array([[0.0, 1.0]], "f4"), np.zeros(1, "f4")
    small.fit(X, y, epochs=200_000, checkpoint=path, checkpoint_every=200_000)
    assert cr.Trainer.resume(path).epoch == 200_000


def bomb(path, head=None, body=None):
    """Write a run of one entry, of what is shared in it."""
    small = cr.Trainer(cr.MLP([2, 1]), loss="mean_squared_error")
    if os.path.exists(path):
        os.unlink(path)
    small.fit(np.ones((2, 2), "f4"), np.ones(2, "f4"), epochs=0, checkpoint=path)
    (_, good_head, good_body), *_ = entries(path)
    with open(path, "wb") as file:
        file.write(encode(0, {**good_head, **(head or {})}, {**good_body, **(body or {})}))


def test_what_comes_again_by_reference_is_refused(path):
    """A few bytes would stand for gigabytes, or for hours."""
    record = {"dtype": "float32", "shape": [256, 256], "data": bytes(4 * 256 * 256)}
    bomb(path, body={"weight_velocity": [record] * 2000})
    with cr.Checkpoints(path) as run, pytest.raises(ValueError, match="the same dict is in it twice"):
        run.model()
    metrics = {str(i): 0.5 for i in range(3000)}
    bomb(path, {"epoch": 3000, "measured": [[i, 0.5, None, metrics, {}] for i in range(3000)]})
    with pytest.raises(ValueError, match="the same dict is in it twice"):
        cr.Checkpoints(path)


def test_a_file_of_holes_is_refused_at_once(path):
    with open(path, "wb") as file:
        file.truncate(20 << 30)
    with (
        pytest.raises(ValueError, match=r"holds no whole entry|it is no run"),
        pytest.warns(cr.TornEntryWarning),
    ):
        cr.Checkpoints(path)
    with open(path, "r+b") as file:
        file.write(b"\x80\x04C\x5c" + struct.pack("<8sIQQ", b"chainrun", 0, 19 << 30, 4) + bytes(64) + b".")
    with pytest.raises(ValueError, match="has a head of 20401094656 bytes"):
        cr.Checkpoints(path)
