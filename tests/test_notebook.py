"""What notebooks and readers see of models, trainers and histories: HTML that is whole and escaped, and tables of text."""

from __future__ import annotations

import math
import re
from html.parser import HTMLParser
from typing import Any

import chainrule as cr
import pytest
from chainrule._html import Svg, sparkline, table
from chainrule.history import Ending, History, Measurements


class Page(HTMLParser):
    """Elements, each closed where it must be; text and attributes by element."""

    EMPTY = ("br",)

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.text: dict[str, list[str]] = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.text.setdefault(self.open[-1], []).append(data)
            if self.open[-1] in ("td", "th"):
                self.rows[-1][-1] += data


def page(shown: Any) -> Page:
    """The HTML of something; it names no colours and runs nothing, so that it is safe, and readable on light and dark."""
    text = shown if isinstance(shown, str) else shown._repr_html_()
    found = Page(text)
    assert not re.search(r"#[0-9a-f]{3}|rgb|white|black", text)
    assert not {"script", "style", "link", "img"} & {tag for tag, _ in found.found}
    for tag, attributes in found.found:
        assert not [name for name in attributes if name.startswith("on")]
        if tag == "th":
            assert attributes["scope"] in ("col", "row")
    return found


def a_model(**changes: Any) -> cr.MLP:
    return cr.MLP(
        [3, 40, 2], **{"activation": "tanh", "dropout": 0.5, "input_dropout": 0.25, "seed": 1, **changes}
    )


def a_history(epochs: int = 3, **changes: Any) -> History:
    entries = [
        Measurements(i, 1.0 / (i + 1), 2.0 - i / epochs, {"r2": i / 4}, {"r2": math.nan if i else 0.5})
        for i in range(epochs)
    ]
    return History(entries, changes.get("ending"))


def test_a_model_is_a_table_of_its_layers() -> None:
    found = page(a_model())
    assert found.rows[0] == ["layer", "inputs", "outputs", "activation", "dropout", "parameters", "bytes"]
    assert found.rows[1] == ["1", "3", "40", "tanh", "0.5", "160", "640"]
    assert found.rows[2] == ["2", "40", "2", "identity", "-", "82", "328"]
    assert found.rows[3] == ["total", "", "", "", "", "242", "968"]
    assert found.text["caption"] == ["MLP, float32, one bias per neuron, input dropout 0.25"]


@pytest.mark.parametrize("bias", ["unit", "layer", None])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_summary_counts_what_the_model_holds(bias: str | None, dtype: str) -> None:
    model = cr.MLP([64, 128, 128, 10], bias=bias, dtype=dtype)
    total = model.summary().splitlines()[-1].split()
    arrays = [*model.weights, *model.biases]
    assert total == ["total", f"{model.n_parameters:,}", f"{sum(a.nbytes for a in arrays):,}"]
    assert page(model).rows[-1][-2:] == total[1:]


def test_a_trainer_shows_its_settings_what_it_did_and_what_it_remembers(backend: str) -> None:
    model = a_model()
    optimizer = cr.Adam(0.5, weight_decay=1e-3)
    trainer = cr.Trainer(model, loss="mean_squared_error", optimizer=optimizer, frozen=[0], batch_size=2)
    trainer.fit([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]], [[0.0, 1], [1, 2], [2, 3]], epochs=2)
    text = trainer.summary()
    assert text.startswith(model.summary())
    lines = dict(re.split(r"  +", line, maxsplit=1) for line in text.partition("\n\n")[2].splitlines())
    assert lines["loss"] == "mean_squared_error"
    assert lines["optimizer"] == "Adam(learning_rate=0.5, weight_decay=0.001)"
    assert lines["frozen"] == "(0,)"
    assert lines["batch size"] == "2"
    assert lines["done"] == f"2 epochs, 4 updates, loss {trainer.history.loss[-1]:.6g}"
    assert lines["optimizer's memory"] == f"{2 * 968:,} bytes"  # a mean and a mean square for each parameter
    assert "n threads" not in lines
    found = page(trainer)
    assert found.rows[4:] == [[name, value] for name, value in lines.items()]


def test_what_users_named_is_escaped() -> None:
    class Odd:
        """A loss whose name is HTML."""

        kind = "huber"
        delta = 1.0

        def __repr__(self) -> str:
            return "<script>alert('&')</script>"

    trainer = cr.Trainer(a_model(), loss=Odd(), optimizer=cr.SGD(lambda step: 0.1))
    html = trainer._repr_html_()
    assert "<script>" not in html
    found = page(trainer)
    assert ["loss", "<script>alert('&')</script>"] in found.rows
    assert ["optimizer", "SGD(learning_rate=<lambda>)"] in found.rows
    history = History([Measurements(0, 1.0, None, {"<b>&\"'": 2.0})])
    assert page(history).rows[2][0] == "<b>&\"'"
    assert page(history).text["title"][1].startswith("<b>&\"'")


def test_a_history_shows_the_course_and_the_ends_of_each_number() -> None:
    found = page(a_history(ending=Ending("early_stopping", "validation_loss", 1, 1.5, True)))
    assert found.text["caption"] == [
        "History of 3 epochs: what early_stopping monitors got no better; best epoch 1"
    ]
    assert found.rows[0] == ["measured", "course", "first", "last", "lowest", "highest"]
    assert [row[0] for row in found.rows[1:]] == ["loss", "validation loss", "r2", "validation r2"]
    assert found.rows[1][2:] == ["1", "0.3333", "0.3333", "1"]
    assert found.rows[4][2:] == ["0.5", "nan", "0.5", "0.5"]
    svgs = [attributes for tag, attributes in found.found if tag == "svg"]
    assert [svg["role"] for svg in svgs] == ["img"] * 4
    assert len(found.text["title"]) == 4


def test_a_history_stays_short_however_long_it_is() -> None:
    assert len(a_history(5000)._repr_html_()) < 12_000
    empty = page(History())
    assert empty.text["caption"] == ["History of 0 epochs"]
    assert len(empty.rows) == 1


def test_the_line_goes_through_the_values_from_left_to_right() -> None:
    def places(values: list[float]) -> list[tuple[str, float, float]]:
        path = re.search(r' d="([^"]*)"', sparkline(values, "x"))
        assert path is not None
        return [(pen, float(x), float(y)) for pen, x, y in re.findall(r"([ML])([\d.]+) ([\d.]+)", path[1])]

    assert places([0.0, 1.0, 0.5]) == [("M", 2.0, 22.0), ("L", 60.0, 2.0), ("L", 118.0, 12.0)]
    assert [pen for pen, _, _ in places([1.0, math.nan, 2.0, math.inf, 3.0, 4.0])] == ["M", "M", "M", "L"]
    assert places([7.0, 7.0]) == [("M", 2.0, 12.0), ("L", 118.0, 12.0)]
    assert places([-1.7e308, 1.7e308]) == [("M", 2.0, 22.0), ("L", 118.0, 2.0)]
    assert places([math.nan]) == places([]) == []
    assert "h0.1" in sparkline([1.0], "x")
    long = places([float(i) for i in range(10_000)])
    assert len(long) == 120
    assert (long[0][1:], long[-1][1:]) == ((2.0, 22.0), (118.0, 2.0))


def test_cells_are_escaped_unless_they_were_made_here() -> None:
    found = table("a < b", ("<i>", "n"), [("x & y", Svg("<br>")), ("sum", "3")], foot=True)
    assert page(found).rows[1][0] == "x & y"
    assert found.count("<br>") == 1
    assert "&lt;i&gt;" in found
    assert found.count("border-top") == 1


def test_a_search_for_a_learning_rate_shows_its_verdict_and_the_course_of_the_losses(backend: str) -> None:
    X = [[0.1 * i, 1.0 - 0.2 * i] for i in range(20)]
    trainer = cr.Trainer(cr.MLP([2, 4, 1], dtype="float64", seed=0), loss="mean_squared_error", batch_size=20)
    found = cr.find_learning_rate(trainer, X, [row[0] for row in X], highest=1e3)
    assert found.suggestion is not None
    shown = page(found)
    assert "; ".join(shown.text["caption"]) == str(found)
    assert shown.rows[0] == ["measured", "course", "first", "last", "lowest", "highest"]
    for row, name, values in zip(
        shown.rows[1:], ("loss of each batch", "smoothed"), (found.losses, found.smoothed), strict=True
    ):
        assert row[0] == name
        assert row[2:] == [f"{value:.4g}" for value in (values[0], values[-1], values.min(), values.max())]
    assert [attributes["role"] for tag, attributes in shown.found if tag == "svg"] == ["img"] * 2
    # The explosion does not flatten the rest: in the middle of the search the line is far below its top, and not at its foot.
    heights = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", found._repr_html_())]
    assert len({round(height) for height in heights}) > 10


def test_a_search_that_suggests_nothing_says_why(backend: str) -> None:
    trainer = cr.Trainer(
        cr.MLP([1, 1], bias=None, dtype="float64", initializer=cr.initializers.constant(2.0), seed=0),
        loss="mean_squared_error",
    )
    found = cr.find_learning_rate(trainer, [[1.0]], [2.0], steps=10)
    assert found.suggestion is None
    assert "the loss falls nowhere" in page(found).text["caption"][0]
