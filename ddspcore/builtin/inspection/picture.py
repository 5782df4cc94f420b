"""One picture of the data: which pitches, how loud, how much of each file, and the verdict."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ddspcore.builtin.inspection.quality import LOUDNESS_STEP_DB
from ddspcore.style import BLUE, MUTED, PALE, SKY, STYLE, VERMILION

SIZE_INCHES = (14.0, 10.0)
DPI = 110
MOST_FILES = 24
NAME_LETTERS = 28
TICKS_HZ = (25, 50, 100, 200, 400, 800, 1600, 3200)

Row = Mapping[str, Any]


def draw(found: Mapping[str, Any], path: Path) -> None:
    """Draw what `inspect` found as a PNG."""
    rows = [file for file in found["files"] if file["quality"]]
    with rc_context(STYLE):
        figure = Figure(figsize=SIZE_INCHES, dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplot_mosaic([["f0", "files"], ["loudness", "files"], ["words"] * 2])
        figure.suptitle(found["root"], fontsize=15, fontweight="bold", x=0.012, ha="left")
        _draw_f0(axes["f0"], rows, found["f0_range"])
        _draw_loudness(axes["loudness"], rows)
        _draw_files(axes["files"], rows)
        _write(axes["words"], found["verdict"])
        # Without the version of matplotlib that PNGs carry, equal data have equal pictures.
        figure.savefig(path, metadata={"Software": None})


def _draw_f0(axes: Axes, rows: Sequence[Row], f0_range: Sequence[float] | None) -> None:
    axes.set_title("Pitch, and the range of the synth")
    notes, seconds = _sum(row["quality"]["f0_notes"] for row in rows)
    if f0_range is None or not len(notes):
        axes.text(0.5, 0.5, "no pitch", transform=axes.transAxes, ha="center", color=MUTED)
        return
    low, high = (69 + 12 * np.log2(hz / 440) for hz in f0_range)
    axes.axvspan(low, high, color=PALE, zorder=0)
    outside = (notes < low - 0.5) | (notes > high + 0.5)
    axes.bar(notes, seconds, width=0.9, color=np.where(outside, VERMILION, BLUE))
    ticks = 69 + 12 * np.log2(np.array(TICKS_HZ) / 440)
    axes.set_xticks(ticks, [str(hz) for hz in TICKS_HZ])
    axes.set_xlim(min(low, notes.min()) - 2, max(high, notes.max()) + 2)
    axes.set_xlabel("f0 in Hz, by semitone")
    axes.set_ylabel("voiced seconds")


def _draw_loudness(axes: Axes, rows: Sequence[Row]) -> None:
    axes.set_title("Loudness of what is not silent")
    levels, seconds = _sum(row["quality"]["loudness_db"] for row in rows)
    axes.bar(levels, seconds, width=0.9 * LOUDNESS_STEP_DB, color=BLUE)
    axes.set_xlabel("A-weighted level in dB of full scale, after the gain")
    axes.set_ylabel("seconds")


def _draw_files(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw the longest files: what is voiced, what sounds otherwise, and what is silent."""
    longest = sorted(rows, key=lambda row: -row["kept_seconds"])[:MOST_FILES]
    more = f", the longest {MOST_FILES} of {len(rows)}" if len(rows) > MOST_FILES else ""
    axes.set_title(f"Files{more}")
    total = np.array([row["kept_seconds"] for row in longest])
    voiced = np.array([row["quality"]["voiced_seconds"] or 0.0 for row in longest])
    silent = total * np.array([row["quality"]["silent"] for row in longest])
    voiced = np.minimum(voiced, total - silent)
    names = [textwrap.shorten(row["name"], NAME_LETTERS, placeholder="…") for row in longest]
    places, start = np.arange(len(longest)), np.zeros(len(longest))
    parts = {"voiced": (voiced, BLUE), "unvoiced": (total - silent - voiced, SKY)}
    for label, (seconds, colour) in (parts | {"silent": (silent, PALE)}).items():
        axes.barh(places, seconds, left=start, color=colour, label=label, edgecolor="white")
        start += seconds
    axes.set_yticks(places, names)
    axes.set_ylim(max(len(longest), 4) - 0.4, -0.6)
    axes.set_xlabel("seconds")
    axes.grid(axis="y", visible=False)
    axes.legend(loc="lower right")


def _write(axes: Axes, verdict: Sequence[Mapping[str, Any]]) -> None:
    axes.axis("off")
    for line, finding in enumerate(verdict):
        text = "; ".join(filter(None, (finding["text"], finding["advice"])))
        colour, mark = (MUTED, "+") if finding["good"] else (VERMILION, "–")
        place = (0.0, 1.0 - line / max(len(verdict), 9))
        axes.annotate(
            f"{mark}  {text}", place, xycoords="axes fraction", va="top", color=colour, fontsize=12
        )


def _sum(histograms: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Add up the files' seconds by value; lowest value first."""
    total: dict[int, float] = {}
    for histogram in histograms:
        for value, seconds in (histogram or {}).items():
            total[int(value)] = total.get(int(value), 0.0) + seconds
    return np.array(sorted(total)), np.array([total[value] for value in sorted(total)])
