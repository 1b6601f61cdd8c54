"""Files of each released version, and what is in them: ``python golden_files.py`` writes those of the version that is installed.

A folder of ``data/golden`` is a version. What was written once is never written anew: later versions must read it as it is.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import chainrule as cr
import numpy as np
from chainrule import persistence
from chainrule.preprocessing import StandardScaler
from chainrule.tabular import TablePreprocessing

GOLDEN = Path(__file__).parent / "data" / "golden"
NETWORK = ("layer_sizes", "activations", "bias", "dropout", "input_dropout", "input_noise", "dtype")
"""What every version says of a network."""


def described(model):
    """Return all of a model, as JSON holds it: floats in hexadecimal."""
    network = {name: getattr(model.network, name) for name in NETWORK}
    arrays = {
        name: [[float(x).hex() for x in array.ravel()] for array in getattr(model, name)]
        for name in ("weights", "biases")
    }
    return json.loads(json.dumps({"network": network, "seed": model.seed, **arrays}))


def described_run(path):
    """Return what is in a run."""
    with cr.Checkpoints(path) as run:
        run.verify()
        history = run.history
        trainer = cr.Trainer.resume(path)
        return {
            "epochs": run.epochs,
            "finished": run.is_finished,
            "models": [described(run.model(epoch)) for epoch in run.epochs],
            "history": json.loads(json.dumps(history.__getstate__()["measured"])),
            "ending": json.loads(json.dumps(history.ending)),
            "trainer": [
                repr(trainer.loss), repr(trainer.optimizer), trainer.batch_size, trainer.shuffle, trainer.seed, trainer.epoch, trainer.step
            ],
            "velocity": [[float(x).hex() for x in array.ravel()] for array in trainer.state.weight_velocity],
        }  # fmt: skip


def found(path):
    """Return what is in a file of any kind."""
    if path.suffix == ".run":
        return described_run(path)
    model, preprocessing = persistence.load_with_preprocessing(path)
    return {**described(model), "preprocessing": preprocessing}


def write(folder):
    """Write one file of each kind."""
    for suffix in (".pkl", ".safetensors"):
        for bias in ("unit", "layer", None):
            model = cr.MLP(
                [2, 3, 2], activation="tanh", output_activation="softmax", bias=bias, dropout=0.25, input_dropout=0.125,
                input_noise=0.5, dtype="float64" if bias == "layer" else "float32", seed=7,
            )  # fmt: skip
            for i, array in enumerate(model.biases):
                array += i + 0.25
            model.save(folder / f"model-{bias}{suffix}")
        scaler = StandardScaler().fit(np.array([[1.0, 2.0], [3.0, -4.0], [5.0, 0.5]]))
        table = TablePreprocessing(("height", "größe"), scaler, "kind", ("a", "b", "c"))
        model = cr.MLP([2, 4, 3], output_activation="softmax", seed=8)
        persistence.save(model, folder / f"table{suffix}", preprocessing=table.to_record())
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 2)).astype("float32")
    y = (X[:, 0] > X[:, 1]).astype(int)
    runs = {
        "sgd": (cr.SGD(cr.schedules.StepDecay(0.1, 3), momentum=0.9, nesterov=True), {}),
        "adam": (cr.Adam(0.01), {"keep": 2, "validation_split": 0.2, "early_stopping": cr.EarlyStopping(patience=2), "metrics": ["accuracy"]}),
        "rmsprop": (cr.RMSprop(0.01), {"keep": "best", "tolerance": 1e-4, "tolerance_epochs": 2}),
    }  # fmt: skip
    for name, (optimizer, options) in runs.items():
        model = cr.MLP([2, 3, 2], output_activation="softmax", dropout=0.25, seed=3)
        trainer = cr.Trainer(model, loss="cross_entropy", optimizer=optimizer, batch_size=8, seed=4)
        trainer.fit(X, y, epochs=4, checkpoint=folder / f"{name}.run", **options)


if __name__ == "__main__":
    place = GOLDEN / cr.__version__
    place.mkdir(parents=True)  # fails where it is there
    write(place)
    content = {path.name: found(path) for path in sorted(place.iterdir())}
    lines = ",\n".join(
        f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in content.items()
    )
    (place / "expected.json").write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
    print(len(content), "files in", place, file=sys.stderr)
