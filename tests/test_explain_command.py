"""`python -m chainrule explain`: the derivations of the worked examples, and of a user's own network and row."""

from __future__ import annotations

import html
import json
import re

import chainrule as cr
import numpy as np
import pytest
from chainrule.cli._main import main
from chainrule.cli._model import load_model
from chainrule.trace import EXAMPLES, worked_example
from command_shell import FLOWERS, PRICES, Shell


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with two tables, the networks that learned them, and one that was saved without a table."""
    place = tmp_path_factory.mktemp("explain")
    shell = Shell(place)
    for name, content, target in (("flowers", FLOWERS, "kind"), ("prices", PRICES, "price")):
        shell.write(content, f"{name}.csv")
        options = ("--target", target, "--layers", "4", "--epochs", 3, "--quiet", "--save", f"{name}.pkl")
        shell.run("train", f"{name}.csv", *options)
    cr.MLP([2, 3, 1], activation="sigmoid", seed=0).save(place / "plain.pkl")
    cr.MLP([2, 3, 3], output_activation="softmax", seed=0).save(place / "plain_classes.pkl")
    shell.write("a,b,c\n1.5,-2,0.25\n0.5,0.5,2\n", "plain.csv")
    return place


@pytest.fixture
def explain(folder, monkeypatch, capsys):
    """Run the command in this process; return what it printed."""

    def run(*arguments, code=0):
        monkeypatch.chdir(folder)
        assert main(["explain", *map(str, arguments)]) == code
        said = capsys.readouterr()
        assert code == 0 or said.out == ""
        return said.err if code else said.out

    return run


@pytest.mark.parametrize("core", ["native", "reference"])
def test_the_command_prints_an_example_on_either_core(folder, core):
    done = Shell(folder).run("explain", "two-inputs", "--backend", core, "--check")
    text = done.stdout
    assert "dL/dw111 = dL/dO * dO/do11 * do11/dh11 * dh11/dw111" in text
    assert "printed as -1.686" in text
    assert "checked against the reference core" in text
    assert done.stderr == ""


def test_an_example_without_a_step_says_that_there_is_nothing_to_check(explain):
    assert "nothing to check: everything-stored is about whole runs" in explain(
        "everything-stored", "--check"
    )
    assert "nothing to check" not in explain("everything-stored")


def test_json_stays_json_when_it_is_checked(explain):
    (first, second) = json.loads(explain("two-inputs", "--format", "json", "--check"))["derivations"]
    assert (first["name"], second["name"]) == ("w211", "w111")


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_printed(explain, name):
    assert explain(name) == worked_example(name).to_text(9)


@pytest.mark.parametrize(
    ("form", "words"),
    [("markdown", "| quantity |"), ("latex", r"\begin{align*}"), ("html", "<caption>The update</caption>")],
)
def test_examples_come_in_other_formats(explain, form, words):
    assert explain("shared-bias", "--format", form, "--digits", 5).count(words) >= 4


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_format_says_all_that_the_text_of_an_example_says(explain, name):
    example = worked_example(name)
    about = example.about.replace("\n", " ")
    blocks = [part() for part in (example.before, example.after) if part]
    results = [format(line.value, ".6g") for one in example.derivations() for line in one.lines]
    assert blocks or results

    record = json.loads(explain(name, "--format", "json"))
    assert record["name"] == name
    assert record["about"].replace("\n", " ").startswith(about)
    assert [record[part] for part in ("before", "after") if record[part]] == blocks
    assert record["derivations"] == [one.to_dict() for one in example.derivations()]

    for form, plain in (("markdown", as_markdown), ("latex", as_latex), ("html", as_html)):
        text = explain(name, "--format", form, "--digits", 6)
        read = plain(text)
        for part in (name, about, *(block.rstrip() for block in blocks)):
            assert part in read or " ".join(part.split()) in " ".join(read.split()), (form, part)
        assert "printed as: the figure" in read or not example.printed
        for result in results:
            assert result in read or result.split("e")[0] in read, (form, result)
        places = [read.index(block.splitlines()[0]) for block in blocks]
        assert places == sorted(places)


def as_markdown(text):
    return re.sub(r"\\(.)", r"\1", text)


def as_latex(text):
    escapes = {
        r"\textasciicircum{}": "^",
        r"\textless{}": "<",
        r"\textgreater{}": ">",
        r"\_": "_",
        r"\%": "%",
    }
    for written, meant in escapes.items():
        text = text.replace(written, meant)
    return text


def as_html(text):
    return html.unescape(re.sub(r"<[^>]*>", "", re.sub(r"<sup>(\w+)</sup>", r"^\1", text)))


@pytest.mark.parametrize("parameters", [(), ("--parameter", "W2[0,0]")])
def test_every_format_says_which_row_was_learned(explain, parameters):
    arguments = ("prices.pkl", "--row", "prices.csv:3", *parameters)
    said = explain(*arguments).splitlines()[0]
    assert said.startswith("prices.csv, line 3: x[0] is rooms")
    for form in ("markdown", "latex", "html"):
        read = html.unescape(explain(*arguments, "--format", form).splitlines()[0])
        assert said.replace("`", "") in read.replace("\\", "").replace("`", ""), form
    record = json.loads(explain(*arguments, "--format", "json"))
    assert (record[0] if parameters else record)["about"] == said


def test_a_parameter_of_a_network_is_derived_for_a_row_of_its_table(explain, folder):
    text = explain(
        "flowers.pkl", "--row", "flowers.csv:17", "--parameter", "W1[0,2]", "--parameter", "b2[1]", "--check"
    )
    line = FLOWERS.splitlines()[16].split(",")
    assert text.startswith(
        f"flowers.csv, line 17: x[0] is petal, x[1] is sepal, scaled as `train` did; y is kind: {line[2]}\n"
    )
    model, preprocessing = load_model(str(folder / "flowers.pkl"))
    X = preprocessing.inputs(np.array([[float(line[0]), float(line[1])]]), model.dtype)
    label = preprocessing.class_names.index(line[2])
    trace = model.explain(X, [label], loss="cross_entropy", optimizer=cr.SGD(0.01))
    assert trace.of("W1[0, 2]").to_text() in text
    assert trace.of("b2[1]").to_text() in text
    assert "new W1[0, 2]" in text
    assert "checked against the reference core" in text


def test_a_quantity_is_scaled_as_it_was_learned_and_the_loss_and_rate_may_be_chosen(explain, folder):
    options = (
        "--loss",
        "half_squared_error",
        "--learning-rate",
        0.5,
        "--format",
        "json",
        "--parameter",
        "b2[0]",
    )
    (record,) = json.loads(explain("prices.pkl", "--row", "prices.csv:2", *options))
    model, preprocessing = load_model(str(folder / "prices.pkl"))
    rooms, age, price = map(float, PRICES.splitlines()[1].split(","))
    X = preprocessing.inputs(np.array([[rooms, age]]), model.dtype)
    y = preprocessing.targets(np.array([price]), model.network)
    trace = model.explain(X, y, loss="half_squared_error", optimizer=cr.SGD(0.5))
    assert record["derivative"] == trace.of("b2[0]").derivative
    assert record["new_value"] == trace.of("b2[0]").new_value


def test_without_a_parameter_all_quantities_are_printed(explain):
    text = explain("prices.pkl", "--row", "prices.csv:3")
    assert "layer 2: 4 to 1, identity" in text
    record = json.loads(explain("prices.pkl", "--row", "prices.csv:3", "--format", "json"))
    assert record["format"] == "chainrule.trace"
    assert record["loss"] == "mean_squared_error"
    assert len(record["steps"][0]["layers"]) == 2
    assert r"W^{(1),\mathrm{new}} &= \begin{pmatrix}" in explain(
        "prices.pkl", "--row", "prices.csv:3", "--format", "latex"
    )
    assert "| `dL_dW` |" in explain("prices.pkl", "--row", "prices.csv:3", "--format", "markdown")
    assert "<caption>Layer 1: 2 to 4" in explain("prices.pkl", "--row", "prices.csv:3", "--format", "html")


def test_a_network_without_a_table_takes_the_columns_in_order(explain):
    text = explain("plain.pkl", "--row", "plain.csv:2", "--target", "c", "--parameter", "W2[0,0]")
    assert "x[0] is a, x[1] is b; y is c: 0.25" in text
    assert "loss mean_squared_error" in text
    text = explain("plain_classes.pkl", "--row", "plain.csv:3", "--target", "c", "--parameter", "W2[0,0]")
    assert "loss cross_entropy" in text
    assert re.search(r"y\[0\] \* log|y\[2\] \* log", text)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("nothing",),
            "there is no file nothing, and no such example; examples are three-inputs, two-inputs",
        ),
        (("nothing.pkl", "--row", "flowers.csv:2"), "nothing.pkl: No such file"),
        (
            ("two-inputs", "--row", "flowers.csv:2"),
            "--row is for a saved network, but two-inputs is an example",
        ),
        (("two-inputs", "--learning-rate", "1"), "--learning-rate is for a saved network"),
        (("flowers.pkl",), "--row is needed"),
        (
            ("flowers.pkl", "--row", "flowers.csv"),
            '--row must be a file and a line, as data.csv:17, not "flowers.csv"',
        ),
        (
            ("flowers.pkl", "--row", "flowers.csv:1"),
            "no row begins on line 1; there are 60 rows, on lines 2 to 61",
        ),
        (("flowers.pkl", "--row", "flowers.csv:99"), "no row begins on line 99"),
        (("flowers.pkl", "--row", "plain.csv:2"), "petal"),
        (
            ("flowers.pkl", "--row", "flowers.csv:2", "--parameter", "W3[0,0]"),
            "is of layer 3, but this MLP has 2 layers",
        ),
        (("flowers.pkl", "--row", "flowers.csv:2", "--loss", "poisson"), "poisson"),
        (("flowers.pkl", "--row", "flowers.csv:2", "--target", "petal"), "is no class of this network"),
        (("plain.pkl", "--row", "plain.csv:2"), "--target is needed"),
        (("plain.pkl", "--row", "prices.csv:2", "--target", "price", "--loss", "hinge"), "hinge"),
        (
            ("plain_classes.pkl", "--row", "plain.csv:2", "--target", "c", "--loss", "mean_squared_error"),
            "3 outputs",
        ),
    ],
)
def test_what_cannot_be_explained_is_refused_in_one_line(explain, arguments, words):
    said = explain(*arguments, code=1)
    assert said.startswith("chainrule: ")
    assert said.count("\n") == 1
    assert words in said


def test_options_are_checked_before_anything_is_read(explain):
    for wrong in (("--digits", "0"), ("--learning-rate", "-1"), ("--format", "word"), ("--loss", "none")):
        with pytest.raises(SystemExit) as end:
            explain("flowers.pkl", "--row", "flowers.csv:2", *wrong)
        assert end.value.code == 2


def test_names_of_a_table_say_nothing_to_the_terminal(folder, explain):
    header = "a\x1b[31m,b\u202e,c\n"
    (folder / "odd.csv").write_text(f"{header}1.5,-2,0.25\n", encoding="utf-8")
    first = explain("plain.pkl", "--row", "odd.csv:2", "--target", "c").splitlines()[0]
    assert r"x[0] is a\x1b[31m, x[1] is b\u202e" in first


def test_the_number_of_a_line_is_not_endless(explain):
    said = explain("plain.pkl", "--row", f"plain.csv:{'9' * 5000}", code=1)
    assert said.startswith("chainrule: --row must be a file and a line, as data.csv:17")
    assert len(said) < 200
