"""`smoothing_analysis.png`: controls as predicted, and as means over their frames."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ddspcore.builtin.controls.pictures import decibels
from ddspcore.builtin.controls.tracks import Track
from ddspcore.style import MUTED, STYLE, VERMILION, add_legend

SIZE_INCHES = (13.0, 10.0)
DPI = 110
PANELS = {
    "harmonic_gain": "Gain of the harmonics",
    "noise_gain": "Gain of the noise",
    "amp_sum": "Sum of the harmonics",
}


def draw_smoothing(pairs: Mapping[str, tuple[Track, Track]], seconds: float, path: Path) -> None:
    """Draw three panels of a track each, raw and smoothed; gains are in dB.

    Shape: tracks [N].
    """
    with rc_context(STYLE):
        figure = Figure(figsize=SIZE_INCHES, dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(len(PANELS), 1, sharex=True)
        for panel, (name, title) in zip(axes, PANELS.items(), strict=True):
            panel.set_title(title)
            if name in pairs:
                _draw_pair(panel, *pairs[name], seconds, in_db=name.endswith("_gain"))
            else:
                panel.text(0.5, 0.5, "there is none", transform=panel.transAxes, color=MUTED)
            panel.set_ylabel("gain / dB" if name.endswith("_gain") else "amplitude")
        axes[-1].set_ylim(bottom=0.0)
        axes[-1].set_xlabel("time / s")
        axes[-1].set_xlim(0.0, seconds)
        figure.savefig(path, metadata={"Software": None})


def _draw_pair(axes: Axes, raw: Track, fir: Track, seconds: float, in_db: bool) -> None:
    times = np.linspace(0.0, seconds, len(raw))
    shown = decibels if in_db else np.asarray
    axes.plot(times, shown(raw), color=MUTED, label="as predicted", linewidth=1.0)
    axes.plot(times, shown(fir), color=VERMILION, label="means over frames")
    add_legend(axes)
