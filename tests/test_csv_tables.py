"""Reading CSV files: what is taken, and that each refusal says where and why."""

from __future__ import annotations

import re

import numpy as np
import pytest
from chainrule.cli._csv import CsvError, read_table
from chainrule.cli._target import read_target

GOOD = "height,weight,sex\n1.5,60,f\n1.75,80,m\n1.25,55,f\n2,90.5,m\n"


@pytest.fixture
def write(tmp_path):
    def write_csv(content):
        path = tmp_path / "data.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write_csv


def test_columns_of_numbers_and_the_target_are_read(write):
    table = read_table(write(GOOD), target="sex")
    assert table.feature_names == ["height", "weight"]
    np.testing.assert_array_equal(table.X, [[1.5, 60], [1.75, 80], [1.25, 55], [2, 90.5]])
    assert table.target == ["f", "m", "f", "m"]
    assert list(table.lines) == [2, 3, 4, 5]


def test_columns_are_found_by_name_in_the_order_asked_for(write):
    table = read_table(write(GOOD), features=["weight", "height"])
    np.testing.assert_array_equal(table.X[0], [60, 1.5])
    assert table.target == []


def test_columns_that_are_ignored_may_hold_anything(write):
    table = read_table(write("name,x,y\nAnn,1,2\n,3,4\n"), target="y", ignore=["name"])
    assert table.feature_names == ["x"]
    np.testing.assert_array_equal(table.X, [[1], [3]])


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + GOOD,  # a byte order mark, as Excel writes it
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\r"),
        GOOD.replace(",", " , "),
        GOOD.replace("60", '"60"').replace("height", '"height"'),
        GOOD.rstrip("\n"),
        GOOD.replace("\n", "\n\n"),
        GOOD.replace("1.5,", "15e-1,").replace("60", "+60.0"),
    ],
)
def test_the_dialects_of_csv_are_the_same_table(write, content):
    table = read_table(write(content), target="sex")
    np.testing.assert_array_equal(table.X, [[1.5, 60], [1.75, 80], [1.25, 55], [2, 90.5]])
    assert table.target == ["f", "m", "f", "m"]


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_the_delimiter_can_be_set(write, delimiter):
    table = read_table(write(GOOD.replace(",", delimiter)), target="sex", delimiter=delimiter)
    assert table.feature_names == ["height", "weight"]


def test_lines_are_counted_in_the_file_also_across_quoted_line_breaks_and_empty_lines(write):
    table = read_table(write('x,y\n\n1,"two\nlines"\n\n3,b\n'), target="y")
    assert list(table.lines) == [3, 6]


REFUSED = {
    "a missing value": (GOOD.replace("60", ""), 'line 2, column "weight": missing value'),
    "a missing value by name": (GOOD.replace("80", "NA"), 'line 3, column "weight": missing value ("NA")'),
    "NaN": (GOOD.replace("80", "nan"), 'line 3, column "weight": missing value ("nan")'),
    "text in a column of numbers": (
        GOOD.replace("2,", "tall,"),
        'line 5, column "height": "tall" is not a number',
    ),
    "an underscore": (GOOD.replace("60", "6_0"), 'line 2, column "weight": "6_0" is not a number'),
    "a decimal comma": (GOOD.replace("1.5", '"1,5"'), 'line 2, column "height": "1,5" is not a number'),
    "an infinite value": (GOOD.replace("60", "-inf"), 'line 2, column "weight": infinite value ("-inf")'),
    "infinity as a word": (GOOD.replace("60", "Infinity"), 'line 2, column "weight": infinite value'),
    "a value beyond float64": (GOOD.replace("60", "1e999"), 'line 2, column "weight": "1e999" is too large'),
    "a value beyond float32": (GOOD.replace("60", "1e39"), 'line 2, column "weight": "1e39" is too large'),
    "a row that is too short": (
        GOOD.replace("60,f", "60"),
        'line 2, column "sex": missing value: 2 fields, but the header has 3',
    ),
    "a row that is too long": (GOOD.replace("60", "60,1"), "line 2: 4 fields, but the header has 3"),
    "an empty file": ("", ": the file is empty"),
    "empty lines only": ("\n\n", ": the file is empty"),
    "no rows": ("height,sex\n", ": there is a header but no row below it"),
    "no header": ("1,2,0\n3,4,1\n", "line 1: there is no header: the first line must hold the names"),
    "a column without a name": (GOOD.replace("weight", " "), "line 1: column 2 has no name in the header"),
    "a column twice": (
        GOOD.replace("weight", "height"),
        'line 1, column "height": columns 1 and 2 have the same name',
    ),
    "an unknown target": (
        GOOD.replace("sex", "gender"),
        'line 1: there is no column "sex"; the columns are height, weight, gender',
    ),
    "another delimiter": (
        GOOD.replace(",", ";"),
        'line 1: there is no column "sex", only "height;weight;sex"; --delimiter sets',
    ),
    "the target alone": ("sex\nf\nm\n", "line 1: no column is left for the inputs"),
    "Latin-1 in a row": (
        GOOD.replace("80,m", "80,é").encode("latin-1"),
        'line 3, column "sex": byte 0xe9 is not UTF-8; save the file as UTF-8',
    ),
    "Latin-1 in the header": (
        GOOD.replace("height", "größe").encode("latin-1"),
        "line 1: the name of column 1 is not UTF-8; save the file as UTF-8",
    ),
    "UTF-16": (GOOD.encode("utf-16"), "line 1"),
    "an open quote": (GOOD.replace("60", '"60'), "line 2: this is not CSV: unexpected end of data"),
    "a quote inside a field": (GOOD.replace("60", '"6"0'), "line 2: this is not CSV"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_file_that_cannot_be_used_says_where_and_why(write, why):
    content, text = REFUSED[why]
    path = write(content)
    with pytest.raises(CsvError, match=re.escape(text)) as caught:
        read_table(path, target="sex")
    assert str(caught.value).startswith(path)
    assert "\n" not in str(caught.value)


def test_a_column_of_text_can_be_left_out_and_the_error_says_how(write):
    named = GOOD.replace("height", "name").replace("1.5,", "Ann,")
    with pytest.raises(
        CsvError, match=r'line 2, column "name": "Ann" is not a number; --ignore leaves it out$'
    ):
        read_table(write(named), target="sex")
    with pytest.raises(CsvError, match=r'"Ann" is not a number$'):
        read_table(write(named), features=["name"])


def test_a_long_text_is_shortened_in_the_error(write):
    with pytest.raises(CsvError, match=r'"x{37}\.\.\." is not a number'):
        read_table(write(GOOD.replace("60", "x" * 1000)), target="sex")


def target_of(write, texts, task="auto"):
    path = write("x,y\n" + "".join(f"0,{text}\n" for text in texts))
    return read_target(read_table(path, target="y"), "y", task)


@pytest.mark.parametrize(
    ("texts", "class_names", "labels"),
    [
        (["b", "a", "b", "c"], ("a", "b", "c"), [1, 0, 1, 2]),
        (["10", "9", "10", "9"], ("9", "10"), [1, 0, 1, 0]),
        (["1", "-1", "1", "+1", "-1", "1"], ("-1", "+1", "1"), [2, 0, 2, 1, 0, 2]),
        (["True", "False", "True"], ("False", "True"), [1, 0, 1]),
        (["none", "mild", "none"], ("mild", "none"), [1, 0, 1]),
        (["é", "ä", "ä"], ("ä", "é"), [1, 0, 0]),
    ],
)
def test_text_and_few_integers_are_classes_in_order(write, texts, class_names, labels):
    target = target_of(write, texts)
    assert target.class_names == class_names
    assert target.values.dtype == np.int64
    assert target.values.tolist() == labels


@pytest.mark.parametrize(
    "texts",
    [
        ["1.5", "2", "1.5", "2"],
        ["1.0", "0.0", "1.0", "0.0"],
        [str(value) for value in range(10)],
        [str(value % 21) for value in range(100)],
    ],
    ids=["decimals", "decimals of integers", "integers once each", "21 integers"],
)
def test_other_numbers_are_a_quantity(write, texts):
    target = target_of(write, texts)
    assert target.class_names is None
    assert target.values.tolist() == [float(text) for text in texts]


def test_the_task_can_be_given(write):
    assert target_of(write, ["1", "0", "1", "0"], "regression").class_names is None
    assert target_of(write, ["1.5", "2", "2"], "classification").class_names == ("1.5", "2")
    assert target_of(write, ["a", "1", "a"], "classification").class_names == ("1", "a")


@pytest.mark.parametrize(
    ("texts", "task", "text"),
    [
        (["a", "", "b", "a"], "auto", 'line 3, column "y": missing value'),
        (["a", "NA", "b", "a"], "auto", 'line 3, column "y": missing value'),
        (["1.5", "", "2"], "auto", 'line 3, column "y": missing value'),
        (["1.5", "inf", "2"], "auto", 'line 3, column "y": infinite value ("inf")'),
        (
            ["1.5", "2.x", "2"],
            "auto",
            'line 3, column "y": "2.x" is not a number; --task classification takes',
        ),
        (["1", "a", "1"], "regression", 'line 3, column "y": "a" is not a number'),
        (["a", "a"], "auto", 'column "y": every row has the class "a"; there is nothing to learn'),
        (["1", "1", "1"], "auto", 'column "y": every row has the class "1"'),
        (["a", "b", "c"], "auto", 'column "y": each of the 3 rows has a class of its own'),
    ],
)
def test_a_target_that_cannot_be_used_says_where_and_why(write, texts, task, text):
    with pytest.raises(CsvError, match=re.escape(text)):
        target_of(write, texts, task)
