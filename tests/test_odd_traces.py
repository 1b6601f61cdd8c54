"""Traces that are asked for in odd ways: endless ranges, digits and names that are none."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import chainrule as cr
import numpy as np
import pytest

X, y = [[1.0, 0.0], [0.0, 1.0], [0.5, 0.25]], [1.0, 0.0, 0.5]
WRITERS = ("to_text", "to_markdown", "to_latex", "to_html")


def new_trainer() -> cr.Trainer:
    model = cr.MLP([2, 3, 1], activation="tanh", dtype="float64", seed=0)
    return cr.Trainer(model, loss="half_squared_error", batch_size=1, shuffle=False)


def test_a_range_is_not_counted_out_however_long_it_is(backend: str) -> None:
    trainer = new_trainer()
    with trainer.trace(steps=range(2, 10**30, 3), rows=range(10**12, -1, -1)) as trace:
        trainer.fit(X, y, epochs=3)
    assert [(step.step, step.rows) for step in trace.steps] == [(2, [2]), (5, [2]), (8, [2])]


def test_a_range_that_is_done_is_looked_at_no_more() -> None:
    trainer = new_trainer()
    with trainer.trace(steps=range(1, 5, 2)) as trace:
        trainer.fit(X, y, epochs=3)
    assert [step.step for step in trace.steps] == [1, 3]


@pytest.mark.parametrize("name", ["steps", "rows"])
def test_a_range_below_zero_or_without_entries_is_refused_by_name(name: str) -> None:
    for wrong, words in ((range(0), "at least 1 entry"), (range(3, -2, -1), r"\[4\] must be at least 0, but it is -1"),
                         (range(-1, 10**20), r"\[0\] must be at least 0, but it is -1")):  # fmt: skip
        with pytest.raises(ValueError, match=f"{name}.*{words}"):
            new_trainer().trace(**{name: wrong})


@pytest.mark.parametrize("wrong", [0, -1, True, 2.5, "7", None, 10**30])
def test_digits_that_are_none_are_refused_by_name(wrong: Any) -> None:
    trace = cr.MLP([2, 1], seed=0).explain(X, y)
    derivation = trace.of("W1[0, 0]")
    example = cr.trace.worked_example("two-inputs")
    calls = [getattr(what, name) for what in (trace, derivation) for name in WRITERS] + [example.to_text]
    calls += [lambda digits: derivation.equations(derivation.lines[0], digits)]
    calls += [lambda digits: derivation.cells(derivation.lines[0], digits)]
    for call in calls:
        with pytest.raises((ValueError, TypeError), match="digits must be"):
            call(wrong)


@pytest.mark.parametrize(
    "name", ["W" + "9" * 5000 + "[0, 0]", "W1[0, " + "9" * 5000 + "]", "W1[٠,0]", "W١[0,0]"]
)
def test_numbers_of_a_name_are_those_of_ascii_and_not_endless(name: str) -> None:
    trace = cr.MLP([2, 1], seed=0).explain(X, y)
    with pytest.raises(ValueError, match='name must be like "W1') as caught:
        trace.of(name)
    assert len(str(caught.value)) < 300


def test_a_trace_names_each_core_that_computed_it() -> None:
    trainer = new_trainer()
    with trainer.trace(steps=3) as trace:
        with cr.backend("reference"):
            trainer.fit(X[:1], y[:1], epochs=1)
        assert trace.backend == "reference"
        trainer.fit(X[:1], y[:1], epochs=2)
    assert trace.backend == "reference, native"
    trace.check()


@pytest.mark.parametrize("loss", ["mean_absolute_error", "huber", "log_cosh"])
def test_sums_that_are_huge_are_checked_too(backend: str, loss: str) -> None:
    model = cr.MLP([2, 3, 1], activation="relu", dtype="float64", seed=0)
    trace = model.explain([[1e300, -1e300], [1e299, 1e300]], [0.0, 1.0], loss=loss)
    assert max(trace.check().values()) <= 1


class Changing:
    """Sets another optimizer after the second batch."""

    def __init__(self, optimizer: Any) -> None:
        self.optimizer = optimizer

    def on_batch_end(self, fit: Any) -> None:
        if fit.batch == 2 and fit.trainer.optimizer is not self.optimizer:
            fit.trainer.optimizer, fit.trainer.batch_size = self.optimizer, 7


@pytest.mark.parametrize(("first", "second"), [
    (cr.Adam(0.01), cr.SGD(0.1)), (cr.SGD(0.1, momentum=0.5), cr.Adam(0.01)), (cr.Adam(0.01), cr.RMSprop(0.01)),
    (cr.Adam(0.01), cr.LBFGS()),
], ids=["adam, sgd", "sgd, adam", "adam, rmsprop", "adam, lbfgs"])  # fmt: skip
def test_an_optimizer_that_is_set_between_two_batches_is_that_of_the_next_epoch(
    backend: str, first: Any, second: Any
) -> None:
    def trained(traced: bool, changing: bool) -> tuple[Any, Any]:
        trainer = new_trainer()
        trainer.optimizer = first
        with trainer.trace(steps="all") if traced else nullcontext() as trace:
            trainer.fit(X, y, epochs=1, callbacks=[Changing(second)] if changing else [])
        if traced:
            assert [step.update for step in trace.steps] == [1, 2, 3]
            trace.check()
        return trainer.model.weights, trainer.step

    expected = trained(False, False)
    for traced in (False, True):
        weights, steps = trained(traced, True)
        assert steps == expected[1]
        for one, other in zip(weights, expected[0], strict=True):
            np.testing.assert_array_equal(one, other)


def test_only_the_end_of_a_trace_itself_ends_it() -> None:
    trainer = new_trainer()
    never_begun = trainer.trace()
    with trainer.trace(steps="all") as trace:
        never_begun.__exit__(None, None, None)
        trainer.fit(X, y, epochs=1)
    assert len(trace.steps) == 3
    assert trainer.tracer is None


def test_names_of_a_derivation_say_nothing_to_markdown_and_latex() -> None:
    derivation = cr.MLP([2, 1], seed=0).explain(X, y).of("W1[0, 0]")
    for name, heading, cell, latex in (
        ("co`de", r"## co\`de = ", "`` dL/dco`de ``", None),
        ("<b>*x*", r"## \<b>\*x\* = ", "`dL/d<b>*x*`", None),
        ("a*b", r"## a\*b = ", "`dL/da*b`", r"a\cdot b"),
        ("a\\x", r"## a\\x = ", "`dL/da\\x`", r"a\backslash x"),
    ):
        named = derivation.named({"W1[0, 0]": name, "dL/dW1[0, 0]": f"dL/d{name}"})
        markdown = named.to_markdown()
        assert markdown.startswith(heading)
        assert cell in markdown
        assert latex is None or latex in named.to_latex()


@pytest.mark.parametrize(("names", "words"), [
    ("x", "names must be a mapping"), ({"W1[0, 0]": 5}, r"names\['W1\[0, 0\]'\] must be a text, but it is 5"),
    ({"W1[0, 0]": "a\nb"}, "must be a text of one line"), ({"W1[0, 0]": "\ud800"}, "that can be printed"),
])  # fmt: skip
def test_names_that_are_no_texts_of_one_line_are_refused(names: Any, words: str) -> None:
    derivation = cr.MLP([2, 1], seed=0).explain(X, y).of("W1[0, 0]")
    for call in (lambda: derivation.named(names), lambda: derivation.named({}, names)):
        with pytest.raises((ValueError, TypeError), match=words.replace("names", "(names|printed)")):
            call()
