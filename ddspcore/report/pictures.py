"""The pictures of a report, as URIs that hold them: how training went, what the network said."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ddspcore.curves import draw_losses, draw_metric
from ddspcore.report.tracks import Controls, embed
from ddspcore.style import BLUE, STYLE

LINES_AT_MOST = 3
RANGE_DB = 80.0
ROW_INCHES = 1.9


def draw_course(lines: Sequence[Mapping[str, Any]], summary: Mapping[str, Any]) -> str:
    """Draw the losses and the deciding metric by stage; nothing if nothing was logged."""
    if not lines:
        return ""
    with rc_context(STYLE):
        figure = Figure(figsize=(16.0, 4.8), layout="constrained")
        losses, metric = figure.subplots(1, 2)
        draw_losses(losses, lines)
        draw_metric(metric, lines, summary)
        return _svg(figure)


def draw_controls(controls: Controls) -> str:
    """Draw every control along its time: few channels as lines, many as a map.

    Shape: `times_s` [M], the others [M,C].
    """
    tracks = {name: track for name, track in controls.items() if name != "times_s"}
    times_s = controls["times_s"]
    with rc_context(STYLE):
        figure = Figure(figsize=(13.0, ROW_INCHES * len(tracks)), layout="constrained")
        rows = figure.subplots(len(tracks), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (name, track) in zip(rows, tracks.items(), strict=True):
            axes.set_title(name)
            if track.shape[1] > LINES_AT_MOST:
                _draw_map(figure, axes, times_s, track)
            else:
                axes.plot(times_s, track, color=BLUE, linewidth=1.2)
                axes.margins(x=0.0)
        rows[-1].set_xlabel("time / s")
        return _svg(figure)


def _draw_map(
    figure: Figure, axes: Axes, times_s: NDArray[np.float32], track: NDArray[np.float32]
) -> None:
    """Draw channels over time; what is never negative in dB below its own peak."""
    shown, label, lowest, highest = track.T, "value", None, None
    if np.nanmin(track) >= 0.0 and np.nanmax(track) > 0.0:
        level = track.T / np.nanmax(track)
        shown = 20.0 * np.log10(np.maximum(level, 10.0 ** (-RANGE_DB / 20.0)))
        label, lowest, highest = "dB below the peak", -RANGE_DB, 0.0
    axes.grid(visible=False)
    axes.set_ylabel("channel")
    drawn = axes.imshow(
        shown,
        origin="lower",
        aspect="auto",
        cmap="magma",
        interpolation="nearest",
        extent=(0.0, float(np.nanmax(times_s)), 0.5, track.shape[1] + 0.5),
        vmin=lowest,
        vmax=highest,
    )
    figure.colorbar(drawn, ax=axes, pad=0.01, label=label)


def _svg(figure: Figure) -> str:
    """Return the picture as a URI; equal pictures have equal text."""
    FigureCanvasSVG(figure)
    file = io.BytesIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "ddspcore"}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return embed(file.getvalue(), "image/svg+xml")
