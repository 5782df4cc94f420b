"""`gradients.png`: who pulls where, and whether they pull together."""

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from numpy.typing import NDArray

from ddspcore.probing.gradients import Gradients, Module
from ddspcore.style import INK, MUTED, PARTS, STYLE

DPI = 110
ROW_INCHES = 0.34
OPPOSED_TO_ALIGNED = "RdBu"
MOST_LEVEL = 5
"""How many names fit beside each other."""

Values = NDArray[np.float64]


def draw_gradients(gradients: Gradients, title: str, path: Path) -> None:
    """Draw cosines between losses, over all weights and by module, and norms and shares by module.

    A single loss has no cosines, and its bars say where its gradient is.
    """
    rows = len(gradients.modules)
    several = len(gradients.losses) > 1
    layout: Any = [["norms", "shares"]]
    heights = [rows]
    if several:
        layout.insert(0, ["cosines", "pairs"])
        heights.insert(0, max(rows, 2 * len(gradients.losses)))
    with rc_context(STYLE):
        figure = Figure(figsize=(15.0, 2.4 * len(layout) + ROW_INCHES * sum(heights)), dpi=DPI)
        figure.set_layout_engine("constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplot_mosaic(layout, height_ratios=heights)
        figure.suptitle(title, fontsize=13, fontweight="bold", x=0.012, ha="left")
        if several:
            _draw_cosines(figure, axes["cosines"], gradients)
            _draw_pairs(axes["pairs"], gradients)
        _draw_norms(axes["norms"], gradients)
        _draw_shares(axes["shares"], gradients)
        dots = axes["norms"].lines
        figure.legend(handles=dots, loc="outside upper right", ncols=len(dots), fontsize=12)
        figure.savefig(path, metadata={"Software": None})


def _draw_cosines(figure: Figure, axes: Axes, gradients: Gradients) -> None:
    names = [loss.name for loss in gradients.losses]
    drawn = _draw_map(axes, gradients.modules[0].cosines.numpy(), names, names)
    axes.set_title("Cosine between the gradients of two losses, all weights")
    figure.colorbar(drawn, ax=axes, pad=0.02, label="opposed  …  aligned")


def _draw_pairs(axes: Axes, gradients: Gradients) -> None:
    pairs = list(combinations(range(len(gradients.losses)), 2))
    columns = ["\n".join(gradients.losses[i].name for i in pair) for pair in pairs]
    cosines = [[float(m.cosines[pair]) for pair in pairs] for m in gradients.modules]
    _draw_map(axes, np.array(cosines), columns, _labels(gradients))
    axes.set_title("Cosine by module")
    _mute_parts(axes, gradients)


def _draw_map(axes: Axes, values: Values, columns: list[str], rows: list[str]) -> AxesImage:
    drawn = axes.imshow(values, cmap=OPPOSED_TO_ALIGNED, vmin=-1.0, vmax=1.0, aspect="auto")
    axes.set_xticks(range(len(columns)), columns)
    if len(columns) > MOST_LEVEL:
        for label in axes.get_xticklabels():
            label.set(ha="right", rotation=30, rotation_mode="anchor")
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    for (row, column), value in np.ndenumerate(values):
        text = f"{value:+.2f}".replace("-", "\N{MINUS SIGN}") if np.isfinite(value) else "undefined"
        colour = "white" if abs(value) > 0.6 else INK
        axes.text(column, row, text, ha="center", va="center", color=colour)
    return drawn


def _draw_norms(axes: Axes, gradients: Gradients) -> None:
    """Draw unweighted norms on a logarithmic axis; what is zero has no dot."""
    norms = np.stack([module.norms.numpy() for module in gradients.modules])
    at = np.arange(len(norms))
    for index, loss in enumerate(gradients.losses):
        values = np.where(norms[:, index] > 0.0, norms[:, index], np.nan)
        label = f"{loss.name} × {loss.weight:.4g}"
        axes.plot(values, at, "o", color=_colour(index), label=label, markersize=8)
    axes.set_title("Norm of the gradient, unweighted")
    alive = norms[norms > 0.0]
    if len(alive):
        axes.set_xscale("log")
        if alive.max() < 100.0 * alive.min():  # by default, labels would run into each other
            axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("norm")
    _name_rows(axes, gradients)


def _draw_shares(axes: Axes, gradients: Gradients) -> None:
    several = len(gradients.losses) > 1
    share = gradients.share_among_losses if several else gradients.share_of_gradient
    shares = np.nan_to_num(np.stack([share(module).numpy() for module in gradients.modules]))
    left = np.zeros(len(shares))
    at = np.arange(len(shares))
    for index, width in enumerate(shares.T):
        axes.barh(at, width, left=left, color=_colour(index), height=0.7)
        for row, (start, wide) in enumerate(zip(left, width, strict=True)):
            if wide > 0.06:
                text = f"{100 * wide:.0f}"
                axes.text(start + wide / 2, row, text, ha="center", va="center", color="white")
        left += width
    who = "Who pulls: share of the weighted norms" if several else "Where: share of the square"
    axes.set_title(who)
    axes.set_xlim(0.0, 1.0)
    axes.set_xticks([0.0, 0.25, 0.5, 0.75, 1.0], ["0", "25", "50", "75", "100"])
    axes.set_xlabel("share / %")
    _name_rows(axes, gradients)


def _name_rows(axes: Axes, gradients: Gradients) -> None:
    labels = _labels(gradients)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    _mute_parts(axes, gradients)


def _mute_parts(axes: Axes, gradients: Gradients) -> None:
    for label, module in zip(axes.get_yticklabels(), gradients.modules, strict=True):
        label.set_color(MUTED if module.depth == 2 else INK)


def _labels(gradients: Gradients) -> list[str]:
    return [spelled(module) for module in gradients.modules]


def spelled(module: Module) -> str:
    """Return a module's name; of a part of a component, that of the part alone."""
    return module.name.rpartition(".")[2] if module.depth == 2 else module.name


def _colour(index: int) -> str:
    return PARTS[index % len(PARTS)]
