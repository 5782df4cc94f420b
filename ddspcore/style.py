"""The look of every picture: colours that the colour-blind can tell apart, panels, legends."""

from typing import Any

from matplotlib.axes import Axes

# M. Okabe and K. Ito, "Color universal design", 2008.
BLUE, ORANGE, GREEN, PINK = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
VERMILION, SKY = "#D55E00", "#56B4E9"
INK, MUTED, PALE = "#222222", "#6b6b6b", "#eef1f4"

TARGET, PREDICTION = INK, VERMILION
PARTS = (BLUE, ORANGE, GREEN, PINK, SKY)

STYLE: Any = {
    "font.size": 11,
    "axes.titlesize": 12.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "legend.frameon": False,
    "legend.fontsize": 10.5,
    "lines.linewidth": 1.5,
    "lines.solid_capstyle": "round",
    "savefig.facecolor": "white",
}


MOST_IN_A_LINE = 4
"""Entries of a legend that leave room for a title beside them."""


def add_legend(axes: Axes) -> None:
    """Put the legend on the title's line, where no curve runs; in the corner, if it is too long."""
    count = len(axes.lines)
    if count > MOST_IN_A_LINE:
        axes.legend(loc="upper right", ncols=2)
        return
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 0.985),
        ncols=count,
        borderaxespad=0.1,
        columnspacing=1.0,
        handlelength=1.2,
    )
