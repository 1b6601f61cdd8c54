"""`python -m chainrule export`: what a trained network predicts, its files predict too."""

from __future__ import annotations

import importlib.util
import runpy
import shutil
import subprocess

import chainrule as cr
import numpy as np
import pytest
from chainrule.cli._model import load_model
from chainrule.cli.export import MODELS, WRITERS, _parts
from chainrule.export._bound import row_bounds
from command_shell import FLOWERS, PRICES, Shell, error_of, read_csv

ONE_INSTRUCTION_SET_WILL_DO = True
CC = shutil.which("gcc") or shutil.which("cc")
NEW = {
    "kind": "note,sepal,petal\nx,3.1,7.1\ny,9.2,1.1\nz,6.3,4.2\n",
    "price": "age,rooms\n3,2\n44,8\n17.5,5\n",
}
COLUMNS = {"kind": ("petal", "sepal"), "price": ("rooms", "age")}
PROGRAM = """
#include <stdio.h>
#include "trained.h"
int main(void) {
    double x[TRAINED_N_INPUTS];
    @OUT@ y[TRAINED_N_OUTPUTS];
    if (trained_self_test() > TRAINED_ERROR_BOUND) return 1;
    while (scanf("%lf,%lf", x, x + 1) == 2) {
        trained_predict(x, y);
        for (size_t j = 0; j < TRAINED_N_OUTPUTS; ++j) printf("%s%.17g", j ? "," : "", (double)y[j]);
        puts("");
    }
    return 0;
}
"""


def with_c(folder, X, double_out):
    if CC is None:
        pytest.skip("no C compiler is installed")
    source, program = folder / "main.c", folder / "main"
    source.write_text(PROGRAM.replace("@OUT@", "double" if double_out else "float"), encoding="ascii")
    command = [CC, "-std=c99", "-Wall", "-Wextra", "-Werror", source, "-o", program, "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    text = "".join(",".join(map(repr, row)) + "\n" for row in X.tolist())
    done = subprocess.run([program], input=text, capture_output=True, text=True, check=True)
    return np.array([[float(number) for number in line.split(",")] for line in done.stdout.split()])


def with_numpy(folder, X, _):
    names = runpy.run_path(str(folder / "trained.py"))
    assert names["self_test"]() <= names["ERROR_BOUND"]
    return names["predict"](X)


def with_onnx(folder, X, _):
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    session = onnxruntime.InferenceSession(folder / "trained.onnx", providers=["CPUExecutionProvider"])
    return session.run(["Y"], {"X": X})[0]


PREDICTORS = {".h": with_c, ".py": with_numpy, ".onnx": with_onnx}


def test_each_ending_is_tested():
    assert PREDICTORS.keys() <= WRITERS.keys()


@pytest.mark.parametrize("suffix", PREDICTORS)
@pytest.mark.parametrize(("table", "target"), [(FLOWERS, "kind"), (PRICES, "price")])
def test_an_exported_network_predicts_what_the_command_predicts(tmp_path, table, target, suffix):
    if suffix == ".onnx" and importlib.util.find_spec("onnx") is None:
        pytest.skip("onnx is not installed")
    shell = Shell(tmp_path)
    options = ("--target", target, "--epochs", 30, "--save", "trained.pkl", "--quiet")
    shell.run("train", shell.write(table), *options)
    told = shell.run("export", "trained.pkl", f"trained{suffix}").stdout
    assert f"wrote trained{suffix}: 2 inputs (float64)" in told
    assert "largest error on its test vectors" in told

    header, *lines = read_csv(shell.run("predict", "trained.pkl", shell.write(NEW[target], "new.csv")).stdout)
    expected = np.array([[float(text) for text in row[target == "kind" :]] for row in lines])
    names, *rows = read_csv(NEW[target])
    X = np.array([[float(row[names.index(column)]) for column in COLUMNS[target]] for row in rows])
    found = PREDICTORS[suffix](tmp_path, X, target == "price")
    parts = _parts(*load_model(str(tmp_path / "trained.pkl")))
    printed = 5e-9 * np.abs(expected)  # nine digits
    assert found.shape == expected.shape
    assert (np.abs(found - expected) <= row_bounds(parts, X) + printed).all()
    assert parts.input_names == COLUMNS[target]
    classes = ("iris", "lily", "rose")
    assert parts.output_names == (classes if target == "kind" else ("price",))
    assert header[0] == target


def test_one_sigmoid_output_has_the_name_of_the_second_class(tmp_path):
    shell = Shell(tmp_path)
    table = FLOWERS.replace("lily", "rose")
    options = ("--output-activation", "sigmoid", "--epochs", 2, "--save", "two.pkl", "--quiet")
    shell.run("train", shell.write(table), "--target", "kind", *options)
    shell.run("export", "two.pkl", "two.py")
    assert runpy.run_path(str(tmp_path / "two.py"))["OUTPUT_NAMES"] == ("rose",)


def test_a_network_without_preprocessing_is_exported_as_it_is(tmp_path, backend):
    model = cr.MLP([3, 4, 2], seed=0)
    model.save(tmp_path / "plain.pkl")
    Shell(tmp_path).run("export", "plain.pkl", "PLAIN.PY", "--backend", backend)
    names = runpy.run_path(str(tmp_path / "PLAIN.PY"))
    X = np.ones((2, 3), "f4")
    np.testing.assert_allclose(names["predict"](X), model.predict(X), rtol=1e-6)
    assert names["INPUT_NAMES"] is None
    assert f"{backend} core" in names["__doc__"]


def test_a_network_of_a_table_goes_from_one_format_to_the_other_and_back(tmp_path):
    shell = Shell(tmp_path)
    options = ("--target", "kind", "--epochs", 3, "--save", "trained.pkl", "--quiet")
    shell.run("train", shell.write(FLOWERS), *options)
    assert "wrote it.safetensors" in shell.run("export", "trained.pkl", "it.safetensors").stdout
    shell.run("export", "it.safetensors", "back.pkl")
    rows = shell.write(NEW["kind"], "new.csv")
    expected = shell.run("predict", "trained.pkl", rows).stdout
    for name in ("it.safetensors", "back.pkl"):
        assert shell.run("predict", name, rows).stdout == expected
        shell.run("verify", name)


def test_wrong_names_are_refused_and_say_which_there_are(tmp_path):
    shell = Shell(tmp_path)
    cr.MLP([3, 2], seed=0).save(tmp_path / "plain.pkl")
    for name in ("plain.txt", "plain", "plain.h.gz"):
        error = error_of(shell.run("export", "plain.pkl", name, code=1))
        assert (
            error
            == f"{name}: the name must end with one of {', '.join((*WRITERS, *MODELS))}, which says what to write"
        )
    assert "No such file" in error_of(shell.run("export", "missing.pkl", "plain.h", code=1))
    assert "there is no folder" in error_of(shell.run("export", "plain.pkl", "no/plain.h", code=1))
    shutil.copy(tmp_path / "plain.pkl", tmp_path / "plain.h")
    assert "is read by this command" in error_of(shell.run("export", "plain.h", "plain.h", code=1))


def test_the_help_names_every_ending(tmp_path):
    text = Shell(tmp_path).run("export", "--help").stdout
    assert all(suffix in text for suffix in WRITERS)
