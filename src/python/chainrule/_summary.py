"""A network as a table of text."""

from __future__ import annotations

from math import prod

from ._network import Network


def layer_table(network: Network) -> str:
    """Return one line per layer: sizes, activation, dropout after it, number of parameters; what inputs get before them."""
    head = ("layer", "inputs", "outputs", "activation", "dropout", "parameters")
    rows = [head]
    counts = [prod(shape) for shape in network.weight_shapes]
    for i, (shape, name) in enumerate(zip(network.weight_shapes, network.activations, strict=True)):
        if network.bias is not None:
            counts[i] += network.bias_shapes[i][0]
        dropout = f"{network.dropout[i]:g}" if i < len(network.dropout) and network.dropout[i] else "-"
        rows.append((str(i + 1), str(shape[0]), str(shape[1]), name, dropout, str(counts[i])))
    rows.append(("total", "", "", "", "", str(sum(counts))))
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = [
        "  ".join(_align(cell, width, i) for i, (cell, width) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    ]
    bias = {"unit": "one bias per neuron", "layer": "one bias per layer", None: "no biases"}[network.bias]
    for name in ("input_dropout", "input_noise"):
        if value := getattr(network, name):
            bias += f", {name.replace('_', ' ')} {value:g}"
    return "\n".join([f"MLP, {network.dtype}, {bias}", *(line.rstrip() for line in lines)])


def _align(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column in (0, 3) else cell.rjust(width)
