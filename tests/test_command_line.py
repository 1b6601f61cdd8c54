"""The command line, run as a user runs it: training, prediction, information."""

from __future__ import annotations

import re

import chainrule as cr
import numpy as np
import pytest
from chainrule._network import HIDDEN_ACTIVATIONS
from chainrule.cli._model import load_model
from chainrule.datasets import load_digits
from chainrule.preprocessing import train_test_split
from command_shell import FLOWERS, PRICES, Shell, error_of, read_csv


@pytest.fixture
def run(tmp_path):
    return Shell(tmp_path).run


@pytest.fixture
def write(tmp_path):
    return Shell(tmp_path).write


# The main job


def test_digits_are_learned_to_97_percent_of_the_held_out_rows(run, backend, tmp_path):
    done = run("train", "--dataset", "digits", "--save", "digits.pkl", "--backend", backend)
    assert "64-128-10 network, softmax output, loss cross_entropy" in done.stdout
    accuracy = re.search(
        r"^accuracy (0\.\d{4}|1\.0000) on 360 held-out rows \((\d+) right\)$", done.stdout, re.MULTILINE
    )
    assert accuracy is not None
    assert float(accuracy[1]) >= 0.97
    assert float(accuracy[1]) == round(int(accuracy[2]) / 360, 4)
    assert "saved digits.pkl and loaded it again" in done.stdout
    assert done.stderr.count("epoch ") >= 50

    model, preprocessing = load_model(str(tmp_path / "digits.pkl"))
    X, y = load_digits(return_X_y=True)
    _, X_test, _, y_test = train_test_split(X, y, test_size=0.2, seed=0, stratify=y)
    right = (preprocessing.labels(model.predict(preprocessing.inputs(X_test, model.dtype))) == y_test).sum()
    assert right == int(accuracy[2])
    assert model.network.dropout == (0.2,)


def test_the_same_command_gives_the_same_bits_and_another_seed_does_not(run, write, tmp_path):
    data = write(FLOWERS)
    for name, *options in (
        ("first.pkl", "--seed", 7),
        ("second.pkl", "--seed", 7, "--threads", 1, "--quiet"),
        ("third.pkl", "--seed", 8),
    ):
        run("train", data, "--target", "kind", "--epochs", 3, "--dropout", 0.5, "--save", name, *options)
    first, second, third = (cr.load(tmp_path / name) for name in ("first.pkl", "second.pkl", "third.pkl"))
    for layer in range(2):
        np.testing.assert_array_equal(first.weights[layer], second.weights[layer])
        assert (first.weights[layer] != third.weights[layer]).any()


# Tables of one's own


def test_classes_are_learned_and_predicted_by_name_and_columns_found_by_name(run, write, backend, tmp_path):
    data = write(FLOWERS)
    done = run(
        "train", data, "--target", "kind", "--save", "kind.pkl", "--backend", backend, "--layers", "16,8"
    )
    assert '60 rows, 12 of them held out; 2 inputs; target "kind": 3 classes' in done.stdout
    assert "2-16-8-3 network" in done.stdout
    assert "accuracy 1.0000 on 12 held-out rows (12 right)" in done.stdout

    new = write("note,sepal,petal\nx,3.1,7.1\n,9.2,1.1\nz,6.3,4.2\n", "new.csv")
    rows = read_csv(run("predict", "kind.pkl", new, "--backend", backend).stdout)
    assert rows[0] == ["kind", "probability_iris", "probability_lily", "probability_rose"]
    assert [row[0] for row in rows[1:]] == ["iris", "rose", "lily"]
    probabilities = np.array([row[1:] for row in rows[1:]], dtype=np.float32)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)

    model, preprocessing = load_model(str(tmp_path / "kind.pkl"))
    X = preprocessing.inputs(np.array([[7.1, 3.1], [1.1, 9.2], [4.2, 6.3]]), model.dtype)
    with cr.backend(backend):
        np.testing.assert_array_equal(probabilities, model.predict(X))  # the text gives the same bits


def test_predictions_go_to_a_file_whole(run, write, tmp_path):
    data = write(FLOWERS)
    run("train", data, "--target", "kind", "--save", "kind.pkl", "--epochs", 2, "--quiet")
    printed = run("predict", "kind.pkl", data).stdout
    done = run("predict", "kind.pkl", data, "--output", "out.csv")
    assert done.stdout == ""
    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == printed
    assert len(read_csv(printed)) == 61


def test_a_quantity_is_learned_and_predicted_in_its_own_unit(run, write, backend):
    data = write(PRICES)
    done = run(
        "train", data, "--target", "price", "--save", "p.pkl", "--backend", backend, "--scale", "standard"
    )
    assert 'target "price": a quantity' in done.stdout
    assert "identity output, loss mean_squared_error" in done.stdout
    found = re.search(r"^R2 (\S+), mean absolute error (\S+) on 16 held-out rows$", done.stdout, re.MULTILINE)
    assert found is not None
    assert float(found[1]) > 0.99
    assert float(found[2]) < 5000
    rows = read_csv(run("predict", "p.pkl", write("age,rooms\n10,4\n40,2\n", "new.csv")).stdout)
    assert rows[0] == ["price"]
    np.testing.assert_allclose([float(row[0]) for row in rows[1:]], [198000.5, 89000.5], rtol=0.05)


@pytest.mark.parametrize(
    "output", [name for name in HIDDEN_ACTIVATIONS if name not in ("step", "exponential")]
)
def test_a_quantity_is_scaled_to_where_the_output_reaches(run, write, output):
    data = write(PRICES)
    options = ("--output-activation", output, "--layers", 8, "--activation", "tanh", "--scale", "standard")
    done = run("train", data, "--target", "price", *options, "--epochs", 200, "--save", "p.pkl", "--quiet")
    assert float(re.search(r"^R2 (\S+),", done.stdout)[1]) > 0.95


def test_two_classes_with_a_sigmoid_output_share_one_output(run, write):
    data = write("x,y\n" + "".join(f"{i},{'no' if i < 20 else 'yes'}\n" for i in range(40)))
    done = run(
        "train", data, "--target", "y", "--output-activation", "sigmoid", "--epochs", 200, "--save", "b.pkl"
    )
    assert "1-128-1 network, sigmoid output, loss binary_cross_entropy" in done.stdout
    rows = read_csv(run("predict", "b.pkl", write("x\n2\n37\n", "new.csv")).stdout)
    assert rows[0] == ["y", "probability_yes"]
    assert [row[0] for row in rows[1:]] == ["no", "yes"]
    assert float(rows[1][1]) < 0.5 < float(rows[2][1])


def test_the_tutorials_ten_rows_are_learned_by_its_network(run):
    options = ("--layers", 4, "--activation", "sigmoid", "--output-activation", "sigmoid")
    training = ("--loss", "half_squared_error", "--batch-size", 1, "--learning-rate", 0.5, "--epochs", 2000)
    done = run("train", "--dataset", "three-inputs", *options, *training, "--quiet")
    assert re.fullmatch(r"R2 0\.9\d+, mean absolute error \S+ on 2 held-out rows\n", done.stdout)


@pytest.mark.parametrize(
    "options",
    [
        ("adam", "--learning-rate", 0.01, "--schedule", "cosine", "--clip-norm", 1),
        ("adamw", "--learning-rate", 0.01, "--weight-decay", 0.001),
        ("rmsprop", "--learning-rate", 0.005, "--momentum", 0.5, "--schedule", "one-cycle"),
        ("adagrad", "--learning-rate", 0.1, "--max-norm", 3),
        ("sgd", "--schedule", "cosine", "--l1", 0.0001),
        ("rprop",),
        ("lbfgs",),
    ],
    ids=lambda options: options[0],
)
def test_each_optimizer_learns(run, write, options):
    if options[0] == "lbfgs":
        pytest.importorskip("scipy", reason="SciPy is not installed")
    data = write(FLOWERS)
    done = run("train", data, "--target", "kind", "--optimizer", *options, "--quiet", "--epochs", 150)
    assert float(re.match(r"accuracy (\S+)", done.stdout)[1]) > 0.8


def test_least_squares_learn_a_quantity(run, write):
    options = ("--optimizer", "levenberg-marquardt", "--layers", 3, "--activation", "tanh", "--quiet")
    done = run("train", write(PRICES), "--target", "price", *options)
    assert float(re.search(r"^R2 (\S+),", done.stdout)[1]) > 0.99


def test_every_option_of_training_reaches_the_trainer(run, write, tmp_path):
    data = write(FLOWERS)
    numbers = (
        "--epochs",
        4,
        "--batch-size",
        7,
        "--learning-rate",
        0.02,
        "--momentum",
        0.8,
        "--weight-decay",
        0.001,
    )
    names = (
        "--activation",
        "tanh,leaky_relu",
        "--output-activation",
        "sigmoid",
        "--loss",
        "mean_squared_error",
    )
    rest = (
        "--nesterov",
        "--scale",
        "standard",
        "--dropout",
        "0.1,0.3",
        "--input-dropout",
        0.2,
        "--input-noise",
        0.05,
        "--layers",
        "6,5",
        "--seed",
        11,
        "--threads",
        1,
    )
    run(
        "train",
        data,
        "--target",
        "kind",
        *numbers,
        *names,
        *rest,
        "--test-size",
        0.3,
        "--save",
        "m.pkl",
        "--quiet",
    )

    rows = read_csv(FLOWERS)[1:]
    X = np.array([row[:2] for row in rows], dtype=np.float64)
    y = np.array([["iris", "lily", "rose"].index(row[2]) for row in rows])
    X_train, _, y_train, _ = train_test_split(X, y, test_size=0.3, seed=11, stratify=y)
    X_train = ((X_train - X_train.mean(axis=0)) / X_train.std(axis=0)).astype(np.float32)
    model = cr.MLP(
        [2, 6, 5, 3],
        activation=["tanh", "leaky_relu"],
        output_activation="sigmoid",
        dropout=[0.1, 0.3],
        input_dropout=0.2,
        input_noise=0.05,
        seed=11,
    )
    optimizer = cr.SGD(learning_rate=0.02, momentum=0.8, nesterov=True, weight_decay=0.001)
    trainer = cr.Trainer(model, loss="mean_squared_error", optimizer=optimizer, batch_size=7, seed=11)
    trainer.fit(X_train, y_train, epochs=4)
    saved = cr.load(tmp_path / "m.pkl")
    assert saved.network == model.network
    for got, expected in zip(saved.weights, model.weights, strict=True):
        # The scaled inputs may differ in their last bit; 4 epochs of small steps keep that small.
        np.testing.assert_allclose(got, expected, atol=1e-5)


def test_training_stops_early_with_the_best_network_the_same_when_quiet(run, write, backend, tmp_path):
    data = write(FLOWERS)
    options = ("--epochs", 400, "--validation-split", 0.25, "--early-stopping", 3, "--learning-rate", 0.5)
    common = ("train", data, "--target", "kind", "--backend", backend, "--seed", 3)
    done = run(*common, *options, "--save", "m.pkl")
    found = re.search(
        r"^trained (\d+) epochs of 48 rows in \S+ s; ended as the validation loss got no better; took the best, epoch (\d+)$",
        done.stdout,
        re.MULTILINE,
    )
    assert found, done.stdout
    epochs, best = int(found[1]), int(found[2])
    assert epochs == best + 3 < 400
    losses = [float(loss) for loss in re.findall(r"  validation loss (\S+)", done.stderr)]
    assert len(losses) == epochs
    assert losses[best - 1] == min(losses)
    run(*common, *options, "--save", "quiet.pkl", "--quiet")
    split = ("--epochs", best, "--validation-split", 0.25, "--learning-rate", 0.5)
    run(*common, *split, "--save", "short.pkl")
    first, *others = (cr.load(tmp_path / name) for name in ("m.pkl", "quiet.pkl", "short.pkl"))
    for other in others:
        for a, b in zip(first.weights, other.weights, strict=True):
            np.testing.assert_array_equal(a, b)


def test_training_keeps_to_a_time_budget(run, write):
    options = ("--epochs", 10**9, "--time-budget", 0.2)
    done = run("train", write(FLOWERS), "--target", "kind", *options)
    assert re.search(
        r"^trained \d+ epochs of 48 rows in \S+ s; ended as the time was up$", done.stdout, re.MULTILINE
    )
    assert "ended because the time_budget was used up" in done.stderr


def test_quiet_prints_the_result_only_and_no_held_out_rows_print_nothing(run, write):
    data = write(FLOWERS)
    done = run("train", data, "--target", "kind", "--quiet", "--epochs", 1)
    assert re.fullmatch(r"accuracy \d\.\d{4} on 12 held-out rows \(\d+ right\)\n", done.stdout)
    assert done.stderr == ""
    done = run("train", data, "--target", "kind", "--quiet", "--epochs", 1, "--test-size", 0)
    assert done.stdout == done.stderr == ""
    assert (
        "on 1 held-out row ("
        in run("train", data, "--target", "kind", "--epochs", 1, "--test-size", 1).stdout
    )


def test_no_hidden_layer_ignored_columns_and_another_delimiter(run, write):
    data = write(("id," + FLOWERS.replace("\n", "\nno. 1,")).removesuffix("no. 1,").replace(",", ";"))
    options = ("--layers", "none", "--ignore", "id", "--delimiter", ";", "--epochs", 1)
    assert "2-3 network" in run("train", data, "--target", "kind", *options).stdout


def test_info_tells_what_a_network_is(run, write):
    run("train", write(PRICES), "--target", "price", "--epochs", 1, "--save", "p.pkl", "--seed", 5, "--quiet")
    text = run("info", "p.pkl").stdout
    for line in (
        r"layer +inputs +outputs +activation +dropout +parameters",
        r"1 +2 +128 +relu +- +384",
        r"total +513",
        r"seed +5",
        r"task +regression",
        r"target +price, scaled by MinMaxScaler\(feature_range=\(0.0, 1.0\)\)",
        r"inputs +rooms, age",
        r"scaling +MinMaxScaler\(feature_range=\(0.0, 1.0\)\)",
    ):
        assert re.search(f"^{line}$", text, re.MULTILINE), line


def test_info_shortens_long_lists_and_names_the_classes(run):
    run("train", "--dataset", "digits", "--epochs", 1, "--save", "d.pkl", "--quiet")
    text = run("info", "d.pkl").stdout
    assert "classes       0, 1, 2, 3, 4, 5, 6, 7, 8, 9\n" in text
    assert "pixel_1_1, ... (64 in all)\n" in text


def test_a_network_saved_without_preprocessing_takes_all_columns_in_order(run, write, tmp_path):
    model = cr.MLP([2, 3, 2], seed=0)
    model.save(tmp_path / "plain.pkl")
    assert "preprocessing none" in run("info", "plain.pkl").stdout
    rows = read_csv(run("predict", "plain.pkl", write("a,b\n1,2\n0.5,-1\n")).stdout)
    assert rows[0] == ["output_0", "output_1"]
    X = np.array([[1, 2], [0.5, -1]], dtype=np.float32)
    np.testing.assert_array_equal(np.array(rows[1:], dtype=np.float32), model.predict(X))
    error = error_of(run("predict", "plain.pkl", write("a\n1\n"), code=1))
    assert error == "data.csv: 1 column, but the network has 2 inputs"


def test_show_config_names_version_core_instruction_set_and_threads(run):
    text = run("show-config").stdout
    assert re.search(rf"^version +{re.escape(cr.__version__)}$", text, re.MULTILINE)
    assert re.search(r"^numpy +\d", text, re.MULTILINE)
    assert re.search(r"^backend +(native|reference)$", text, re.MULTILINE)
    assert re.search(r"^(instruction set +\w+|native core +missing: .+)$", text, re.MULTILINE)


def test_version_and_help_are_there(run):
    assert run("--version").stdout == f"chainrule {cr.__version__}\n"
    for command in ((), ("train",), ("predict",), ("explain",), ("export",), ("info",), ("show-config",)):
        assert run(*command, "--help").stdout.startswith("usage: python -m chainrule")
