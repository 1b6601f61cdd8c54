"""`Trainer.plan` says what would be done; that it is what is done shows in the numbers it is made of."""

from __future__ import annotations

import chainrule as cr
import pytest


def plan(sizes, rows=None, *, n_threads=None, **how):
    return cr.Trainer(cr.MLP(sizes), loss="mean_squared_error", n_threads=n_threads, **how).plan(rows)


@pytest.mark.usefixtures("backend")
def test_every_core_says_how_it_works_in_texts():
    made = plan([3, 5, 2], batch_size=7)
    assert {"backend", "batch", "way", "threads"} <= made.keys()
    assert made["backend"] == cr.get_backend()
    assert made["batch"] == "7 rows"
    assert all(isinstance(text, str) and text in str(made) for text in made.values())


@pytest.mark.usefixtures("backend")
def test_the_batch_is_no_larger_than_the_rows_there_are():
    assert plan([3, 5, 2], 4, batch_size=32)["batch"] == "4 rows"
    assert plan([3, 5, 2], 1000, batch_size=32)["batch"] == "32 rows"
    assert plan([3, 5, 2], 1000, batch_size="full")["batch"] == "1,000 rows"
    assert plan([3, 5, 2], batch_size=1)["batch"] == "1 row"


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("rows", [0, -1, 2.5, "3", True, 2**32, 2**63])
def test_rows_are_checked(rows):
    with pytest.raises((ValueError, TypeError), match=r"^rows must be"):
        plan([3, 5, 2], rows)


@pytest.mark.usefixtures("backend")
def test_a_full_batch_needs_the_number_of_rows():
    with pytest.raises(ValueError, match=r"^rows must be given where batch_size is 'full', but it is None"):
        plan([3, 5, 2], batch_size="full")


@pytest.mark.usefixtures("native")
def test_memory_is_counted_and_not_taken():
    with cr.backend("native"):
        made = plan([1000, 1000, 1000], 2**31, batch_size="full")["memory"]
    assert 2e7 < float(made.split()[0]) < 1e8  # MiB: some 2**31 rows of 5,000 numbers


@pytest.mark.usefixtures("native", "oversubscribed")
def test_the_native_core_names_the_way_each_network_goes():
    with cr.backend("native"):
        assert plan([2, 3, 1], batch_size=1)["way"].startswith("row by row")
        assert not plan([2, 17, 1], batch_size=1)["way"].startswith("row by row")
        assert plan([2, 3, 1], batch_size=1, n_threads=3)["threads"].startswith("1:")
        assert plan([64, 64], batch_size=500, n_threads=3)["threads"].startswith("3 at most")
        large = plan([1024, 1024, 1023, 7], batch_size=9)
        assert [large[f"layer_{i}"].split(": ")[0] for i in range(3)] == [
            "1024 x 1024",
            "1024 x 1023",
            "1023 x 7",
        ]
        assert ["large" in large[f"layer_{i}"] for i in range(3)] == [True, False, False]
        assert ["transposed" in large[f"layer_{i}"] for i in range(3)] == [False, True, True]
        assert "at a time" in plan([64, 128, 128, 2], batch_size=4096)["way"]
        # Threads own columns, but for one alone, uneven shares (64 columns are 2 to 8 panels) and many rows.
        for other, columns in (
            ({}, True),
            ({"n_threads": 1}, False),
            ({"n_threads": 7}, False),
            ({"batch_size": 1000}, False),
        ):
            way = plan([200, 150, 64, 3], **{"batch_size": 23, "n_threads": 2, **other})["way"]
            assert ("owns columns" in way) == columns, (other, way)


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize("on_inputs", [{"input_dropout": 0.1}, {"input_noise": 0.1}])
def test_a_tiny_network_whose_inputs_are_disturbed_does_not_go_row_by_row(on_inputs):
    def way(**how):
        return cr.Trainer(cr.MLP([3, 5, 2], **how), loss="mean_squared_error", batch_size=1).plan()["way"]

    with cr.backend("native"):
        assert "row by row" in way()
        assert "row by row" not in way(**on_inputs)
