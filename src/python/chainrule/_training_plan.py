"""What a core would choose for a training run, in words."""

from __future__ import annotations

from typing import Any

from ._checks_values import check_int
from ._evaluation import Objective
from ._losses import loss_rule
from ._network import Network
from ._rules import NO_LIMIT, Rule, check_optimizer
from ._whole_batch import takes_all_rows
from .backend import get_backend
from .config import Config

MOST_ROWS = 2**32 - 1
"""More the native core does not train on."""


def training_plan(
    network: Network,
    objective: Objective,
    optimizer: Any,
    batch_size: int | str,
    n_threads: int | None,
    rows: int | None,
    frozen: tuple[int, ...] = (),
) -> Config:
    """Return the choices of the core in use; see `Trainer.plan`."""
    if rows is not None:
        rows = check_int(rows, "rows", 1, MOST_ROWS)
    elif isinstance(batch_size, str):
        raise ValueError(f"rows must be given where batch_size is {batch_size!r}, but it is None")
    batch = min(n for n in (rows, batch_size, MOST_ROWS) if isinstance(n, int))
    if takes_all_rows(optimizer):
        return Config(
            backend=get_backend(), batch=_rows(batch),
            way=f"{type(optimizer).__name__} minimises the loss of all rows, in float64; an epoch is one of its steps",
            threads="as many as each of its functions would take",
        )  # fmt: skip
    if get_backend() == "reference":
        return Config(
            backend="reference", batch=_rows(batch), way="each function of chainrule.reference in turn",
            threads="as many as NumPy's own library of products takes",
        )  # fmt: skip
    from . import _core, native

    rule = check_optimizer(optimizer)
    made = native.choices(
        network, batch, n_threads, rule, loss_rule(objective.loss), objective.output_weights, frozen
    )
    plan = Config(backend="native", instruction_set=_core.config()["instruction_set"], batch=_rows(batch))
    plan["way"] = _way(made, batch)
    plan["update"] = _update(rule)
    plan["threads"] = _threads(made, n_threads)
    if not made["row_by_row"]:
        plan["tile"] = "{} rows by {} columns of results in registers".format(*made["tile"])
    plan["memory"] = f"{made['bytes'] / 2**20:.3g} MiB beside parameters and data"
    if not made["row_by_row"]:
        plan.update({f"layer_{i}": _layer(i, *layer) for i, layer in enumerate(made["layers"])})
    return plan


def _rows(n: int) -> str:
    return f"{n:,} row{'s' if n > 1 else ''}"


def _way(made: dict[str, Any], batch: int) -> str:
    if made["row_by_row"]:
        return "row by row, all layers in registers and first-level cache: at most 16 wide, no dropout or noise, batches of one"
    if made["by_columns"]:
        return "a thread owns columns of each hidden layer, for all rows of the batch: their weights stay with its core"
    at_once = made["rows_at_once"]
    if at_once >= batch:
        return "all rows of a thread pass a layer together, then the next"
    return f"{_rows(at_once)} at a time pass all layers and back, so that activations stay in the second-level cache"


def _update(rule: Rule) -> str:
    if rule.is_plain:
        return "sgd: weights change while their gradient is in registers"
    text = f"{rule.kind}: weights change block by block, while their gradient is in cache"
    if rule.clip_norm != NO_LIMIT:
        text = f"{rule.kind}: weights change after all gradients are known, as their norm is limited"
    return text + ("; then units are shortened" if rule.max_norm != NO_LIMIT else "")


def _threads(made: dict[str, Any], n_threads: int | None) -> str:
    work = f"{made['work']:,.0f} multiply-adds a step"
    if made["row_by_row"]:
        return "1: a step is a chain of operations that wait for each other"
    if made["threads"] == 1:
        why = (
            "n_threads"
            if n_threads == 1
            else f"{work}, {made['least_work']:,.0f} for each thread; or no more processors"
        )
        return f"1 ({why})"
    return f"{made['threads']} at most ({work}); it is measured in between whether one is faster"


def _layer(i: int, K: int, N: int, large: bool, transposed: bool) -> str:
    if large:
        back = ", W^T made block by block on the way back" if i > 0 else ""
        return f"{K} x {N}: large, operands packed for the tiles{back}"
    return f"{K} x {N}: in panels" + (", with a transposed copy" if transposed else "")
