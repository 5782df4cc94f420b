"""How training went: losses and the metric over all steps, stage by stage."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter
from numpy.typing import NDArray

from ddspcore.metric import PLACES
from ddspcore.style import (
    BLUE,
    INK,
    MUTED,
    PALE,
    PARTS,
    VERMILION,
    add_legend,
)

Lines = Sequence[Mapping[str, Any]]
Curve = tuple[NDArray[np.float64], NDArray[np.float64]]

TERM = "loss/"
MOST_DOTS = 150
COARSE = (1.0, 2.0, 5.0)
FINE = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)


def draw_losses(axes: Axes, lines: Lines) -> None:
    """Draw the weighted sum and every term of it."""
    train = [line for line in lines if line.get("kind") == "train"]
    axes.set_title("Training loss")
    _mark_stages(axes, lines)
    terms = sorted({key for line in train for key in line if key.startswith(TERM)})
    for index, key in enumerate(terms):
        colour = PARTS[index % len(PARTS)]
        _plot(axes, _curve(train, key), colour, key.removeprefix(TERM))
    if len(terms) != 1:
        _plot(axes, _curve(train, "loss"), INK, "weighted sum")
    _finish(axes, "loss")


def draw_metric(axes: Axes, lines: Lines, summary: Mapping[str, Any]) -> None:
    """Draw the metric that decides "best", with the best of each stage and of all."""
    metric = summary.get("metric") or {}
    name = metric.get("name", "metric")
    split = metric.get("split")
    where = f", {PLACES[split]}" if split in PLACES else ""
    axes.set_title(f"{name}{where} ({metric.get('direction', 'lower')} is better)")
    _mark_stages(axes, lines)
    measured = [line for line in lines if line.get("kind") == "metric"]
    steps, values = _curve(measured, name)
    _plot(axes, (steps, values), BLUE, "measured")
    if np.isfinite(values).any():
        pick = np.nanargmin if metric.get("direction") != "higher" else np.nanargmax
        at = int(pick(values))
        axes.plot(
            steps[at],
            values[at],
            linestyle="",
            marker="*",
            markersize=17,
            clip_on=False,
            color=VERMILION,
            markeredgecolor="white",
            label=f"best {values[at]:.4g} at {steps[at]:g}",
        )
    _finish(axes, name)


def _plot(axes: Axes, curve: Curve, colour: str, label: str) -> None:
    marker = "o" if len(curve[0]) <= MOST_DOTS else ""
    axes.plot(*curve, color=colour, label=label, marker=marker, markersize=3.0, linewidth=1.3)


def _curve(lines: Lines, key: str) -> Curve:
    """Return steps and values; a NaN between stages, so that no line joins them."""
    points: list[tuple[float, float]] = []
    stage = None
    for line in lines:
        if key not in line:
            continue
        if stage not in (None, line["stage"]):
            points.append((line["total_step"], np.nan))
        stage = line["stage"]
        points.append((line["total_step"], np.nan if line[key] is None else line[key]))
    steps, values = np.array(points, float).reshape(-1, 2).T
    return steps, values


def _mark_stages(axes: Axes, lines: Lines) -> None:
    """Give every panel all the steps; shade every other stage and write its name at the top."""
    ends = {line["stage"]: line["total_step"] for line in lines if "stage" in line}
    start = 0
    for index, (stage, end) in enumerate(ends.items()):
        if index % 2:
            axes.axvspan(start, end, color=PALE, linewidth=0, zorder=0)
        axes.text(
            (start + end) / 2,
            0.985,
            stage,
            transform=axes.get_xaxis_transform(),
            ha="center",
            va="top",
            color=MUTED,
            fontweight="bold",
        )
        start = end
    margin = 0.01 * max(start, 1)
    axes.set_xlim(-margin, max(start, 1) + margin)


def _finish(axes: Axes, label: str) -> None:
    """Name the axes; logarithmic where values differ by more than a factor of 2."""
    drawn = [np.asarray(line.get_ydata(), float) for line in axes.lines]
    values = np.concatenate([np.zeros(0), *drawn])
    values = values[np.isfinite(values)]
    if not len(values):
        axes.text(0.5, 0.5, "nothing logged", transform=axes.transAxes, ha="center", color=MUTED)
    elif 0.0 < 2.0 * values.min() < values.max():
        axes.set_yscale("log")
        fine = values.max() < 10.0 * values.min()
        axes.yaxis.set_major_locator(LogLocator(subs=FINE if fine else COARSE))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("step over all stages")
    axes.set_ylabel(label)
    axes.margins(y=0.12)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    if len(values):
        add_legend(axes)
