"""Files of epochs: everything is in them, and training goes on from them to the same bits."""

from __future__ import annotations

import os
import warnings

import chainrule as cr
import numpy as np
import pytest
from chainrule._run_file import RunFile
from run_cases import CASES, EPOCHS, data, digest, entries, fit, go_on


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "some.run")


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("done", [0, 1, 7, EPOCHS])
def test_a_run_that_was_split_has_the_bits_of_one_that_was_not(backend, name, done, path, tmp_path):
    """Each fit ends in good order here, and the next one begins to count its patience anew; so without such."""
    make, options = CASES[name]
    options = {key: value for key, value in options.items() if key not in ("early_stopping", "tolerance")}
    options.pop("tolerance_epochs", None)
    X, y = data()
    whole = make()
    whole.fit(
        X, y, epochs=EPOCHS, **{k: v for k, v in options.items() if k not in ("keep", "checkpoint_every")}
    )
    first = make()
    first.fit(X, y, epochs=done, checkpoint=path, **options)
    second = cr.Trainer.resume(path)
    assert second.epoch == done
    assert digest(second) == digest(first)
    second.fit(X, y, epochs=EPOCHS - done, checkpoint=path, **options)
    assert digest(second) == digest(whole)
    assert digest(cr.Trainer.resume(path)) == digest(whole)


def snapshots(name, path, monkeypatch):
    """Train a case; return what its file was after each write, in order, with the last bytes of some missing."""
    found = []

    def watch(method):
        def call(self, *given):
            method(self, *given)
            with open(path, "rb") as file:
                content = file.read()
            found.append(content)
            if len(found) % 3 == 0:
                found.append(content[: -int(1 + len(found) ** 2)])

        return call

    with monkeypatch.context() as patch:
        patch.setattr("chainrule._checkpointing.GARBAGE", 1000)
        for method in ("append", "rewrite"):
            patch.setattr(RunFile, method, watch(getattr(RunFile, method)))
        trainer = fit(name, path)
    return trainer, found


@pytest.mark.parametrize("name", CASES)
def test_a_run_that_was_killed_anywhere_goes_on_to_the_same_bits(name, path, tmp_path, backend, monkeypatch):
    whole, files = snapshots(name, path, monkeypatch)
    expected = digest(whole)
    assert digest(fit(name, None)) == expected
    assert len(files) > 12
    other = str(tmp_path / "other.run")
    for number, content in enumerate(files):
        with open(other, "wb") as file:
            file.write(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", cr.TornEntryWarning)
            trainer = go_on(name, other)
        assert digest(trainer) == expected, number
        assert digest(cr.Trainer.resume(other)) == expected
        with cr.Checkpoints(other) as run:
            run.verify()


def test_the_standard_library_reads_a_file(path):
    trainer = fit("momentum and dropout", path, epochs=3)
    found = entries(path)
    assert [head["kind"] for _, head, _ in found] == ["start", "epoch", "epoch", "epoch", "end"]
    assert [head["epoch"] for _, head, _ in found] == [0, 1, 2, 3, 3]
    assert all(header[:8] == b"chainrun" for header, _, _ in found)
    body = found[3][2]
    stored = body["model"]["weights"][1]
    weights = np.frombuffer(stored["data"], stored["dtype"]).reshape(stored["shape"])
    np.testing.assert_array_equal(weights, trainer.model.weights[1])
    assert body["settings"]["optimizer"]["kind"] == "SGD"
    assert found[4][1]["ending"][0] == "epochs"
    assert [entry[0] for _, head, _ in found for entry in head["measured"]] == [0, 1, 2]


def test_every_epoch_can_be_looked_at(path, backend):
    X, y = data()
    trainer = CASES["momentum and dropout"][0]()
    models = [trainer.model.copy()]
    for _ in range(4):
        trainer.fit(X, y)
        models.append(trainer.model.copy())
    fit("momentum and dropout", path, epochs=4)
    with cr.Checkpoints(path) as run:
        assert run.epochs == [0, 1, 2, 3, 4]
        assert len(run) == 5
        assert run.is_finished
        assert "epochs 0, 1, 2, 3, 4, finished" in repr(run)
        for epoch, model in enumerate(models):
            np.testing.assert_array_equal(run.model(epoch).weights[0], model.weights[0])
        np.testing.assert_array_equal(run.model().biases[2], models[4].biases[2])
        assert run.history.loss == trainer.history.loss
        moved = run.compare(1, 3)
        assert list(moved) == [
            "weights[0]",
            "biases[0]",
            "weights[1]",
            "biases[1]",
            "weights[2]",
            "biases[2]",
        ]
        step = models[3].weights[1].astype(float) - models[1].weights[1].astype(float)
        assert moved["weights[1]"]["distance"] == pytest.approx(np.sqrt((step**2).sum()))
        assert moved["weights[1]"]["largest"] == pytest.approx(np.abs(step).max())
        assert run.compare(2, 2)["weights[0]"] == {"distance": 0.0, "relative": 0.0, "largest": 0.0}
        with pytest.raises(
            ValueError, match=r"epoch must be one of 0, 1, 2, 3, 4, which .* holds, but it is 5"
        ):
            run.model(5)
    third = cr.Trainer.resume(path, epoch=3)
    assert third.epoch == 3
    third.fit(X, y)
    np.testing.assert_array_equal(third.model.weights[0], models[4].weights[0])
    with pytest.raises(
        ValueError,
        match="holds a run up to epoch 4, update 40, and this trainer, at epoch 3, update 30, is not",
    ):
        cr.Trainer.resume(path, epoch=3).fit(X, y, checkpoint=path)


def test_weights_are_drawn_over_the_epochs(path):
    pytest.importorskip("matplotlib").use("Agg")
    fit("momentum and dropout", path, epochs=3)
    with cr.Checkpoints(path) as run:
        ax = run.plot(most=7)
        assert len(ax.lines) == 3 * 7
        assert list(ax.lines[0].get_xdata()) == [0, 1, 2, 3]
        assert ax.lines[6].get_ydata()[2] == run.model(2).weights[0].ravel()[-1]
        with pytest.raises(ValueError, match="most"):
            run.plot(most=0)


@pytest.mark.parametrize(("keep", "kept"), [(1, [6]), (3, [4, 5, 6]), (9, [0, 1, 2, 3, 4, 5, 6])])
def test_so_many_are_kept(path, keep, kept):
    X, y = data()
    trainer = CASES["momentum and dropout"][0]()
    trainer.fit(X, y, epochs=6, checkpoint=path, keep=keep)
    with cr.Checkpoints(path) as run:
        assert run.epochs == kept
        assert len(run.history) == 6
        run.verify()
    assert digest(cr.Trainer.resume(path)) == digest(trainer)


def test_the_best_is_kept_and_the_last(path):
    X, y = data()
    trainer = CASES["RMSprop, the best kept, now and then"][0]()
    trainer.optimizer = cr.RMSprop(0.05)
    trainer.fit(X, y, epochs=15, validation_split=0.3, checkpoint=path, keep="best")
    best = int(np.argmin(trainer.history.validation_loss)) + 1
    assert best < 15
    with cr.Checkpoints(path) as run:
        assert run.epochs == [best, 15]


def test_a_large_file_is_made_smaller_while_it_grows(path, monkeypatch):
    monkeypatch.setattr("chainrule._checkpointing.GARBAGE", 10_000)
    sizes = []
    monkeypatch.setattr(
        "chainrule._run_file.RunFile.append",
        lambda self, *given, old=cr.checkpoints.RunFile.append: (old(self, *given), sizes.append(self._size)),
    )
    X, y = data()
    trainer = CASES["momentum and dropout"][0]()
    trainer.fit(X, y, epochs=60, checkpoint=path, keep=2)
    assert max(sizes) < 12 * sizes[0]
    assert len(cr.Checkpoints(path).history) == 60


def test_epochs_may_be_written_now_and_then(path):
    X, y = data()
    trainer = CASES["momentum and dropout"][0]()
    trainer.fit(X, y, epochs=10, checkpoint=path, checkpoint_every=4)
    with cr.Checkpoints(path) as run:
        assert run.epochs == [0, 4, 8, 10]
        assert run.history.loss == trainer.history.loss


def test_functions_of_the_user_are_given_again(path):
    X, y = data()

    def rate(step):
        return 0.1 / (1 + step)

    make = CASES["momentum and dropout"][0]
    trainer, whole = make(), make()
    trainer.optimizer = whole.optimizer = cr.SGD(rate)
    trainer.fit(X, y, epochs=2, checkpoint=path)
    with pytest.raises(
        ValueError, match=r"optimizer was the function .*rate of yours, which a file cannot hold: give it"
    ):
        cr.Trainer.resume(path)
    resumed = cr.Trainer.resume(path, optimizer=cr.SGD(rate))
    resumed.fit(X, y, epochs=2, checkpoint=path)
    whole.fit(X, y, epochs=4)
    np.testing.assert_array_equal(resumed.model.weights[0], whole.model.weights[0])


LOSSES = [
    ("mean_squared_error", "identity"), (cr.losses.Huber(0.5), "identity"), (cr.losses.Quantile([0.1, 0.5, 0.9]), "identity"),
    (cr.losses.CrossEntropy(0.1), "softmax"), (cr.losses.BinaryCrossEntropy(0.2), "sigmoid"),
]  # fmt: skip
OPTIMIZERS = [
    cr.SGD(0.01, momentum=0.5, clip_norm=1.0), cr.AdamW(cr.schedules.LinearWarmup(cr.schedules.Cosine(0.01, 9), 3)),
    cr.RMSprop(l1=1e-3), cr.Adagrad(cr.schedules.StepDecay(0.1, 3)), cr.Adam(cr.schedules.InverseScaling(0.1)),
    cr.SGD(cr.schedules.Exponential(0.1, 0.9)), cr.RPROP(0.02), cr.Adam(cr.schedules.ReduceOnPlateau(0.1)),
]  # fmt: skip


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize(("loss", "output"), LOSSES)
def test_settings_come_back(path, loss, output, optimizer):
    batch = "full" if isinstance(optimizer, cr.RPROP) else 7
    model = cr.MLP([6, 5, 3], output_activation=output, dtype="float64", seed=2**63)
    trainer = cr.Trainer(
        model,
        loss=loss,
        optimizer=optimizer,
        batch_size=batch,
        shuffle=False,
        seed=9,
        output_weights=None,
        n_threads=2,
    )
    trainer.fit(data()[0], np.eye(3)[data()[1]], epochs=1, checkpoint=path)
    again = cr.Trainer.resume(path)
    for name in ("loss", "optimizer", "batch_size", "shuffle", "seed", "n_threads", "output_weights"):
        assert getattr(again, name) == getattr(trainer, name)
    assert again.model.network == model.network
    assert digest(again) == digest(trainer)


def test_what_cannot_be_kept_is_refused_before_training(path, tmp_path):
    X, y = data()
    trainer = CASES["momentum and dropout"][0]()
    before = digest(trainer)
    for options, kind, message in [
        ({"keep": 3}, ValueError, "keep and checkpoint_every are about checkpoint, which is not given"),
        ({"checkpoint": path, "keep": 0}, ValueError, "keep"),
        (
            {"checkpoint": path, "keep": "some"},
            ValueError,
            "keep must be 'all', 'best' or a number of epochs, but it is 'some'",
        ),
        ({"checkpoint": path, "keep": 1.5}, TypeError, "keep"),
        ({"checkpoint": path, "checkpoint_every": 0}, ValueError, "checkpoint_every"),
        ({"checkpoint": 3}, TypeError, "checkpoint must be a str or a path"),
        ({"checkpoint": str(tmp_path / "none" / "x")}, FileNotFoundError, "none"),
        ({"checkpoint": str(tmp_path)}, IsADirectoryError, "folder"),
    ]:
        with pytest.raises(kind, match=message):
            trainer.fit(X, y, **options)
        assert digest(trainer) == before
    trainer = CASES["momentum and dropout"][0]()
    fit("momentum and dropout", path, epochs=1)
    size = os.path.getsize(path)
    with pytest.raises(
        ValueError,
        match="holds a run up to epoch 1, update 10, and this trainer, at epoch 0, update 0, is not",
    ):
        trainer.fit(X, y, checkpoint=path)
    assert os.path.getsize(path) == size
    model = cr.MLP([6, 4, 3], output_activation="softmax")
    lbfgs = cr.Trainer(model, loss="cross_entropy", optimizer=cr.LBFGS(), batch_size="full")
    with pytest.raises(ValueError, match=r"LBFGS is none; use MLP\.save after fit"):
        lbfgs.fit(X, y, checkpoint=str(tmp_path / "l.run"))


@pytest.mark.parametrize("what", [KeyboardInterrupt, RuntimeError])
def test_a_fit_that_is_interrupted_within_an_epoch_goes_on_from_there(path, what, backend):
    X, y = data()
    whole, calls = CASES["momentum and dropout"][0](), [0]

    def loss(prediction, target):
        calls[0] += 1
        if calls[0] == 33:
            raise what("now")
        return float(((prediction - target) ** 2).mean()), 2 * (prediction - target) / prediction.size

    whole.loss = loss
    with pytest.raises(what):
        whole.fit(X, y, epochs=5, checkpoint=path)
    assert whole.epoch == 3
    again = cr.Trainer.resume(path, loss=loss)
    assert digest(again) == digest(whole)
    assert again.history.stopped_because == {"KeyboardInterrupt": "interrupted"}.get(what.__name__, "error")
    for trainer in (whole, again):
        trainer.fit(X, y, epochs=2, checkpoint=path if trainer is again else None)
    np.testing.assert_array_equal(whole.model.weights[0], again.model.weights[0])


def test_a_fit_that_could_not_begin_leaves_what_was_to_go_on(path, tmp_path, monkeypatch):
    name = "plateau, tolerance, few kept"
    whole, files = snapshots(name, path, monkeypatch)
    other = tmp_path / "other.run"
    other.write_bytes(files[len(files) // 2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cr.TornEntryWarning)
        trainer = cr.Trainer.resume(other)
        with pytest.raises(FileNotFoundError):
            fit(name, str(tmp_path / "no folder" / "x.run"), trainer=trainer)
        fit(name, str(other), trainer=trainer)
    assert digest(trainer) == digest(whole)


def test_the_best_epoch_is_counted_as_epochs_done(path, backend):
    X, y = data()
    trainer = CASES["Adam, one-cycle, early stopping"][0]()
    history = trainer.fit(
        X, y, epochs=6, checkpoint=path, validation_split=0.3, early_stopping=cr.EarlyStopping()
    )
    with cr.Checkpoints(path) as run:
        assert run.best_epoch == history.best_epoch + 1
        best = run.model(run.best_epoch)
        assert all(map(np.array_equal, best.weights, trainer.model.weights))
        assert run.settings["batch_size"] == 16
    os.unlink(path)
    trainer = CASES["momentum and dropout"][0]()
    history = trainer.fit(X, y, epochs=6, checkpoint=path, keep="best")
    with cr.Checkpoints(path) as run:
        assert run.best_epoch == int(np.argmin(history.loss)) + 1
        assert run.best_epoch in run.epochs


def test_a_new_file_has_its_first_entry_when_it_has_its_name(path, tmp_path, monkeypatch):
    """Whoever finds the file can go on from it, even if the process is killed while it begins."""
    X, y = data()
    seen = []
    real = os.pwrite

    def watched(fd, view, at):
        seen.append((sorted(each.name for each in tmp_path.iterdir()), at))
        return real(fd, view, at)

    monkeypatch.setattr("chainrule._run_file.os.pwrite", watched)
    CASES["momentum and dropout"][0]().fit(X, y, epochs=2, checkpoint=path)
    assert seen[0][0] != [os.path.basename(path)]
    assert seen[0][0][0].endswith(".run.tmp")
    assert all(names == [os.path.basename(path)] for names, _ in seen[1:])


def test_a_run_is_read_while_it_is_written_without_a_word(path):
    X, y = data()
    looks = []

    def look(target, prediction):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with cr.Checkpoints(path) as run:
                looks.append(run.epochs[-1])
        if len(looks) > 1:  # the first look is before the fit opens the file
            with open(path, "ab") as file:  # an entry on its way
                file.write(b"\x80\x04C")
        return 0.0

    trainer = CASES["momentum and dropout"][0]()
    trainer.fit(X, y, epochs=3, checkpoint=path)
    trainer.fit(X, y, epochs=3, checkpoint=path, metrics=[look])
    assert looks[1:] == [3, 4, 5]


def test_a_closed_run_says_that_it_is_closed(path):
    fit("momentum and dropout", path, epochs=20)
    run = cr.Checkpoints(path)
    run.close()
    with pytest.raises(ValueError, match="was closed"):
        run.model()
    assert "0, 1, 2, 3, 4, ..., 18, 19, 20 (21 in all)" in repr(run)
