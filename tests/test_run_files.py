"""Files of epochs in a hard life: two writers, links, damage, a full disk, and those who write them to do harm."""

from __future__ import annotations

import hashlib
import os
import pickle
import struct
import warnings

import chainrule as cr
import numpy as np
import pytest
from chainrule._run_frames import encode
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
    link = tmp_path / "link.run"
    link.symlink_to(path)
    with open(f"{path}.tmp", "wb") as file:
        file.write(b"left")
    trainer = CASES["momentum and dropout"][0]()
    trainer.fit(X, y, epochs=4, checkpoint=link, keep=1)
    assert link.is_symlink()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link.run", "some.run"]
    assert cr.Checkpoints(path).epochs == [4]


def test_a_file_that_was_written_anew_while_it_was_opened_is_not_written(path, monkeypatch):
    pytest.importorskip("fcntl")
    fit("momentum and dropout", path, epochs=2)
    lock = cr.checkpoints.RunFile.__init__.__globals__["_lock"]

    def slow_lock(fd, name):
        os.rename(name, f"{name}.old")
        with open(f"{name}.old", "rb") as old, open(name, "wb") as new:
            new.write(old.read())
        lock(fd, name)

    monkeypatch.setattr("chainrule._run_file._lock", slow_lock)
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
