"""An optimizer as a dict of its name and its numbers."""

from __future__ import annotations

from typing import Any

from chainrule._rules import ATTRIBUTES, NO_LIMIT, Rule


def describe_optimizer(optimizer: Any, rule: Rule) -> dict[str, Any]:
    """Return the name and the numbers of an optimizer, those that are no limit and no penalty left out."""
    found: dict[str, Any] = {"name": type(optimizer).__name__}
    found |= {name: getattr(rule, name) for name in ATTRIBUTES[rule.kind]}
    if rule.kind == "rprop":
        found["learning_rate"] = float(optimizer.learning_rate)
    limits = {name: getattr(rule, name) for name in ("clip_value", "clip_norm", "max_norm")}
    found |= {name: limit for name, limit in limits.items() if limit != NO_LIMIT}
    return found | ({"l1": rule.l1} if rule.l1 else {})
