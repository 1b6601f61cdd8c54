"""The plot of the comparison: how many times as long the other libraries take, on a logarithmic axis, as an SVG."""

from __future__ import annotations

from pathlib import Path

from _comparison import Row

MARKS = {
    "NumPy": ("o", "#4477aa"),
    "scikit-learn": ("s", "#ee7733"),
    "PyTorch": ("^", "#cc3311"),
    "PyTorch compiled": ("v", "#ee3377"),
    "JAX": ("D", "#009988"),
    "ONNX Runtime": ("P", "#aa3377"),
}
OTHER = ("X", "#777777")


def draw(rows: list[Row], file: Path) -> bool:
    """Write the plot; return whether that could be done.

    The same rows make the same file, so that the history of the file shows changes only.
    """
    try:
        import matplotlib
    except ImportError as error:
        print(f"skipped: the plot, as matplotlib is not installed ({error})")
        return False
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "chainrule"
    from matplotlib import pyplot

    places = list(dict.fromkeys((row.part, row.threads) for row in rows))
    panels = [[row for row in rows if (row.part, row.threads) == place] for place in places]
    figure, axes = pyplot.subplots(
        len(panels), 1, squeeze=False, sharex=True, figsize=(9, 1 + sum(0.6 + 0.3 * len(p) for p in panels)),
        gridspec_kw={"height_ratios": [len(panel) for panel in panels]}, layout="constrained",
    )  # fmt: skip
    handles = {}
    for axis, panel, (part, threads) in zip(axes[:, 0], panels, places, strict=True):
        for y, row in enumerate(panel):
            for name, ratio in row.rivals.items():
                marker, colour = MARKS.get(name, OTHER)
                (handles[name],) = axis.plot(
                    ratio, y, marker, color=colour, markersize=6, linestyle="", label=name
                )
        axis.axvline(1, color="black", linewidth=1)
        axis.set_xscale("log")
        axis.set_ylim(len(panel) - 0.5, -0.5)
        axis.set_yticks(range(len(panel)), [row.work for row in panel], fontsize=8)
        axis.set_title(f"{part.title}, {threads} thread{'s' if threads > 1 else ''}", loc="left", fontsize=9)
        axis.grid(visible=True, axis="x", alpha=0.4)
    axes[-1, 0].set_xlabel("times as long as chainrule; left of the line the other is faster")
    figure.legend(handles.values(), handles, loc="outside upper center", ncols=len(handles), fontsize=8)
    figure.savefig(file, metadata={"Date": None})
    pyplot.close(figure)
    return True
