"""The command line, run as a user runs it: bad tables, bad files, wrong usage, Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import chainrule as cr
import pytest
from chainrule.persistence import load_with_preprocessing, save
from command_shell import COMMAND, FLOWERS, PRICES, Shell, error_of, read_csv


@pytest.fixture
def run(tmp_path):
    return Shell(tmp_path).run


@pytest.fixture
def write(tmp_path):
    return Shell(tmp_path).write


# Errors: files


BAD_TABLES = {
    "a missing value": (FLOWERS.replace("1.0,", ",", 1), 'line 2, column "petal": missing value'),
    "a named missing value": (
        FLOWERS.replace("4.0,", "NA,", 1),
        'line 3, column "petal": missing value ("NA")',
    ),
    "a missing target": (FLOWERS.replace("lily", "", 1), 'line 3, column "kind": missing value'),
    "text among numbers": (
        FLOWERS.replace("4.0,", "big,", 1),
        'line 3, column "petal": "big" is not a number',
    ),
    "a short row": (FLOWERS.replace(",lily", "", 1), 'line 3, column "kind": missing value: 2 fields'),
    "a long row": (FLOWERS.replace(",lily", ",lily,1", 1), "line 3: 4 fields, but the header has 3"),
    "an empty file": ("", "the file is empty"),
    "a header alone": ("petal,kind\n", "there is a header but no row below it"),
    "no header": ("1,2,3\n4,5,6\n", "line 1: there is no header"),
    "a header twice": (
        FLOWERS.replace("sepal", "petal"),
        'line 1, column "petal": columns 1 and 2 have the same name',
    ),
    "an unknown target": (
        FLOWERS.replace("kind", "sort"),
        'line 1: there is no column "kind"; the columns are petal',
    ),
    "a single class": ("x,kind\n1,a\n2,a\n", 'column "kind": every row has the class "a"'),
    "not UTF-8": (
        FLOWERS.replace("rose", "ros\xe9").encode("latin-1"),
        'line 2, column "kind": byte 0xe9 is not UTF-8',
    ),
    "infinity": (FLOWERS.replace("4.0,", "inf,", 1), 'line 3, column "petal": infinite value ("inf")'),
    "a huge number": (FLOWERS.replace("4.0,", "4e99,", 1), 'line 3, column "petal": "4e99" is too large'),
    "a constant quantity": ("x,kind\n1,2.5\n2,2.5\n", 'column "kind": every row has the value 2.5'),
    "no rows to hold out": ("x,kind\n1,2.5\n", "leaves 0 rows to train on and 1 to test on"),
}


@pytest.mark.parametrize("why", BAD_TABLES)
def test_a_table_that_cannot_be_used_says_where_and_why_and_nothing_is_saved(run, write, why, tmp_path):
    content, text = BAD_TABLES[why]
    data = write(content)
    error = error_of(run("train", data, "--target", "kind", "--save", "m.pkl", code=1))
    assert text in error
    assert [path.name for path in tmp_path.iterdir()] == [data]


@pytest.fixture
def kind_model(run, write):
    run("train", write(FLOWERS), "--target", "kind", "--save", "kind.pkl", "--epochs", 1, "--quiet")
    return "kind.pkl"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("petal\n1\n", 'line 1: there is no column "sepal"'),
        ("petal,sepal\n1,2\n3,\n", 'line 3, column "sepal": missing value'),
        ("petal,sepal\n1,x\n", 'line 2, column "sepal": "x" is not a number'),
        ("petal,sepal\n", "there is a header but no row below it"),
        ("petal,sepal\n1,2,3\n", "line 2: 3 fields, but the header has 2"),
    ],
)
def test_rows_that_cannot_be_predicted_say_where_and_why(run, write, kind_model, content, text, tmp_path):
    error = error_of(run("predict", kind_model, write(content, "new.csv"), "--output", "out.csv", code=1))
    assert error.startswith("new.csv")
    assert text in error
    assert not (tmp_path / "out.csv").exists()


def test_files_that_are_not_there_or_cannot_be_written_are_named(run, write, kind_model, tmp_path):
    (tmp_path / "folder").mkdir()
    assert "none.csv: No such file" in error_of(run("train", "none.csv", "--target", "y", code=1))
    assert "none.pkl: No such file" in error_of(run("predict", "none.pkl", "data.csv", code=1))
    assert "none.csv: No such file" in error_of(run("predict", kind_model, "none.csv", code=1))
    assert "none.pkl: No such file" in error_of(run("info", "none.pkl", code=1))
    for save_as, text in (("nowhere/m.pkl", "there is no folder"), ("folder", "folder is a folder")):
        assert text in error_of(run("train", "data.csv", "--target", "kind", "--save", save_as, code=1))
        assert text in error_of(run("predict", kind_model, "data.csv", "--output", save_as, code=1))


def test_an_input_is_never_overwritten(run, kind_model, tmp_path):
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    text = "is read by this command"
    assert text in error_of(run("train", "data.csv", "--target", "kind", "--save", "./data.csv", code=1))
    assert text in error_of(run("predict", kind_model, "data.csv", "--output", "data.csv", code=1))
    assert text in error_of(run("predict", kind_model, "data.csv", "--output", kind_model, code=1))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_file_that_is_no_model_or_damaged_is_refused(run, write, kind_model, tmp_path):
    whole = (tmp_path / kind_model).read_bytes()
    (tmp_path / "cut.pkl").write_bytes(whole[:-20])
    for name in ("cut.pkl", write(FLOWERS)):
        for command in (("info", name), ("predict", name, "data.csv")):
            assert f"{name} cannot be loaded as a model" in error_of(run(*command, code=1))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"format": "other"}, "it holds a 'other'"),
        ({"version": 2}, "version 2 of chainrule.table"),
        ({"more": 1}, "unknown field more"),
        ({"feature_names": ["petal"]}, "feature_names has 1 entries, but this MLP expects 2"),
        ({"feature_names": ["petal", "petal"]}, "feature_names must not repeat a name"),
        ({"feature_names": "ab"}, "feature_names must be a list of str"),
        ({"class_names": ["a", "b"]}, "class_names has 2 entries, but this MLP has 3 outputs"),
        ({"class_names": None}, "this MLP has 3 outputs; a quantity needs 1"),
        ({"target_name": ""}, "target_name must be a str that is not empty"),
        ({"scaler": {"kind": "log"}}, "scaler must be None or a dict whose kind is one of minmax, standard"),
        ({"scaler": {"kind": "minmax"}}, "scaler: the state of a MinMaxScaler"),
    ],
    ids=str,
)
def test_preprocessing_that_is_malformed_is_refused(run, kind_model, change, text, tmp_path):
    model, record = load_with_preprocessing(tmp_path / kind_model)
    save(model, tmp_path / "bad.pkl", preprocessing={**record, **change})
    error = error_of(run("predict", "bad.pkl", "data.csv", code=1))
    assert error.startswith("bad.pkl: the preprocessing saved with the model cannot be used: ")
    assert text in error


def test_info_describes_a_network_with_preprocessing_of_another_program(run, kind_model, tmp_path):
    model, _ = load_with_preprocessing(tmp_path / kind_model)
    save(model, tmp_path / "other.pkl", preprocessing={"units": "kg", "\x1b[31m": 1})
    text = run("info", "other.pkl").stdout
    assert "total" in text
    assert r"preprocessing of another program, with \x1b[31m, units" in text


def test_the_network_alone_loads_with_the_library_whatever_was_saved_beside_it(kind_model, tmp_path):
    assert cr.load(tmp_path / kind_model).layer_sizes == (2, 128, 3)


def test_training_that_diverges_says_so_and_leaves_the_old_file(run, write, tmp_path):
    data = write(PRICES)
    (tmp_path / "old.pkl").write_bytes(b"as it was")
    options = ("--scale", "none", "--learning-rate", 1e6, "--save", "old.pkl", "--quiet")
    error = error_of(run("train", data, "--target", "price", *options, code=1))
    assert re.match(r"training stopped in epoch 0, step \d+: .* is not finite", error)
    assert (tmp_path / "old.pkl").read_bytes() == b"as it was"


def test_a_backend_that_is_not_there_is_refused(tmp_path):
    environment = {**os.environ, "CHAINRULE_BACKEND": "fortran"}
    for command in (("train", "--dataset", "digits"), ("show-config",)):
        done = subprocess.run(
            [*COMMAND, *command], capture_output=True, text=True, cwd=tmp_path, env=environment, check=False
        )
        assert done.returncode == 1
        assert error_of(done) == "CHAINRULE_BACKEND must be one of native, reference, but it is 'fortran'"


def test_an_output_that_is_not_finite_is_an_error_with_its_line(run, write, tmp_path):
    model = cr.MLP([1, 1], seed=0)
    model.weights[0][:] = 3e38
    model.save(tmp_path / "m.pkl")
    error = error_of(run("predict", "m.pkl", write("x\n1\n2\n"), code=1))
    assert error == "data.csv, line 3: the output of the network for this row is not finite"


# Errors: usage


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((), "required: COMMAND"),
        (("learn",), "invalid choice: 'learn'"),
        (("train",), "give either a CSV file or --dataset"),
        (("train", "data.csv", "--dataset", "digits"), "give either a CSV file or --dataset"),
        (("train", "data.csv"), "--target is needed"),
        (("train", "--dataset", "letters"), "invalid choice: 'letters'"),
        (("train", "--dataset", "digits", "--target", "x"), "are for CSV files"),
        (("train", "data.csv", "--target", "x", "--ignore", "x"), "--ignore names the target"),
        (("train", "--dataset", "digits", "--layers", "8,0"), 'whole number at least 1, not "0"'),
        (("train", "--dataset", "digits", "--layers", "8,,8"), 'whole number at least 1, not ""'),
        (("train", "--dataset", "digits", "--dropout", "1"), 'at least 0 and less than 1, not "1"'),
        (("train", "--dataset", "digits", "--input-dropout", "1"), 'at least 0 and less than 1, not "1"'),
        (("train", "--dataset", "digits", "--input-noise", "-1"), '"-1"'),
        (
            ("train", "--dataset", "digits", "--dropout", "0.1,0.1"),
            "--dropout has 2 values, but there are 1 hidden",
        ),
        (("train", "--dataset", "digits", "--activation", "step"), "expected one of identity, sigmoid"),
        (("train", "--dataset", "digits", "--output-activation", "step"), "invalid choice: 'step'"),
        (("train", "--dataset", "digits", "--epochs", "0"), 'whole number at least 1, not "0"'),
        (("train", "--dataset", "digits", "--learning-rate", "nan"), 'a number at least 0, not "nan"'),
        (("train", "--dataset", "digits", "--momentum", "1"), "less than 1"),
        (("train", "--dataset", "digits", "--seed", "-1"), "--seed"),
        (("train", "--dataset", "digits", "--test-size", "1.5"), "less than 1"),
        (("train", "--dataset", "digits", "--threads", "0"), "at least 1"),
        (("train", "--dataset", "digits", "--backend", "fortran"), "invalid choice: 'fortran'"),
        (("train", "--dataset", "digits", "--loss", "smooth_l1"), "invalid choice: 'smooth_l1'"),
        (
            ("train", "--dataset", "digits", "--loss", "cross_entropy", "--output-activation", "sigmoid"),
            "loss cross_entropy needs",
        ),
        (
            ("train", "--dataset", "digits", "--early-stopping", "5"),
            "--early-stopping needs --validation-split",
        ),
        (("train", "--dataset", "digits", "--early-stopping", "0"), "whole number at least 1"),
        (("train", "--dataset", "digits", "--validation-split", "0"), "expected a number greater than 0"),
        (("train", "--dataset", "digits", "--validation-split", "1"), "less than 1"),
        (("train", "--dataset", "digits", "--time-budget", "-1"), "a number at least 0"),
        (("train", "--dataset", "digits", "--optimizer", "sophia"), "invalid choice: 'sophia'"),
        (
            ("train", "--dataset", "digits", "--optimizer", "adam", "--momentum", "0.5"),
            "--momentum is not for --optimizer adam",
        ),
        (
            ("train", "--dataset", "digits", "--optimizer", "lbfgs", "--learning-rate", "0.5"),
            "--learning-rate is not for --optimizer lbfgs",
        ),
        (
            ("train", "--dataset", "digits", "--optimizer", "rprop", "--batch-size", "8"),
            "--batch-size is not for --optimizer rprop, which takes all rows",
        ),
        (
            ("train", "--dataset", "digits", "--optimizer", "lbfgs", "--schedule", "cosine"),
            "--schedule is not for --optimizer lbfgs",
        ),
        (("train", "--dataset", "digits", "--clip-norm", "0"), "--clip-norm must be greater than 0"),
        (("predict", "m.pkl"), "required: data.csv"),
        (("predict", "m.pkl", "data.csv", "--delimiter", ",,"), "expected one character"),
        (("info",), "required: FILE"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_usage_ends_with_code_2_and_a_line_that_says_where_help_is(run, arguments, text):
    done = run(*arguments, code=2)
    error = error_of(done)
    assert text in error
    command = arguments[:1] if arguments[:1] in [("train",), ("predict",), ("info",)] else ()
    assert error.endswith(f"(see {' '.join(['python -m chainrule', *command])} --help)")
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            ("--loss", "cross_entropy"),
            "the output activation softmax is for classes, but the target is a quantity",
        ),
        (("--loss", "binary_cross_entropy"), "the loss binary_cross_entropy is for classes"),
        (("--validation-split", "0.9"), "--validation-split 0.9 of 8 rows leaves 0 rows to train on"),
        (("--test-size", "10"), "--test-size 10 of 10 rows leaves 0 rows to train on"),
    ],
)
def test_options_that_do_not_fit_the_data_are_refused(run, options, text):
    assert text in error_of(run("train", "--dataset", "three-inputs", *options, code=1))


# Interruptions


def interrupt(process):
    """Send Ctrl-C once a first epoch is done, and return the exit code and the rest of stderr."""
    line = process.stderr.readline()
    assert line.startswith("epoch 1/"), line
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=300)
    return process.returncode, rest


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent as a POSIX signal")
@pytest.mark.parametrize("old", [None, b"as it was"])
def test_ctrl_c_ends_with_code_130_and_never_leaves_half_a_model(write, backend, tmp_path, old):
    data = write(FLOWERS)
    if old is not None:
        (tmp_path / "m.pkl").write_bytes(old)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    options = ("--target", "kind", "--epochs", "1000000", "--save", "m.pkl", "--backend", backend)
    # What is run in the background ignores Ctrl-C; the test must work there too.
    start = "import signal, runpy; signal.signal(signal.SIGINT, signal.default_int_handler); "
    start += "runpy.run_module('chainrule', run_name='__main__', alter_sys=True)"
    process = subprocess.Popen(
        [sys.executable, "-c", start, "train", data, *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    code, rest = interrupt(process)
    assert code == 130
    assert re.search(
        r"^chainrule: interrupted after \d+ of 1000000 epochs; nothing was saved$", rest, re.MULTILINE
    )
    assert "Traceback" not in rest
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_stops_early_is_no_error_message(run, write, kind_model, unbuffered, tmp_path):
    data = write("petal,sepal\n" + "1,2\n" * 20000, "long.csv")
    process = subprocess.Popen(
        [*COMMAND, "predict", kind_model, data],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    )
    assert process.stdout.readline().startswith(b"kind,")
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=300) == 1


def test_names_beyond_ascii_are_learned_and_predicted_on_any_terminal(write, tmp_path):
    data = write("größe,art\n" + "".join(f"{i},{'łąka' if i < 10 else 'δέντρο'}\n" for i in range(20)))
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    for command in (
        ("train", data, "--target", "art", "--save", "m.pkl", "--epochs", "1"),
        ("info", "m.pkl"),
    ):
        subprocess.run([*COMMAND, *command], check=True, capture_output=True, cwd=tmp_path, env=environment)
    command = [*COMMAND, "predict", "m.pkl", data]
    done = subprocess.run(command, check=True, capture_output=True, cwd=tmp_path, env=environment)
    header = read_csv(done.stdout.decode("utf-8"))[0]
    assert header == ["art", "probability_łąka", "probability_δέντρο"]
