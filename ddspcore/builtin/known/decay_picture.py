"""`decay_error.png`: the energy decay of two rooms, and their difference."""

from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from ddspcore.style import INK, MUTED, STYLE, VERMILION, add_legend

SIZE_INCHES = (11.0, 7.0)
DPI = 110
SHOWN_DB = 60.0


def draw_decay(true_db: Tensor, found_db: Tensor, rate: float, range_db: float, path: Path) -> None:
    """Draw both decays and the difference. Shape: both [L], a value a sample."""
    true, found = true_db.cpu().numpy(), found_db.cpu().numpy()
    time_s = np.arange(len(true)) / rate
    with rc_context(STYLE):
        figure = Figure(figsize=SIZE_INCHES, dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        curves, error = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
        curves.plot(time_s, true, color=INK, lw=4.0, alpha=0.3, label="there was")
        curves.plot(time_s, found, color=VERMILION, lw=1.2, label="found")
        curves.axhline(-range_db, color=MUTED, lw=0.8, ls=":")
        curves.set(title="Energy still to come", ylabel="dB", ylim=(-SHOWN_DB, 3.0))
        add_legend(curves)
        compared = true >= -range_db
        error.plot(time_s[compared], (found - true)[compared], color=VERMILION)
        error.set(title="Found less true", ylabel="dB", xlabel="time / s")
        figure.savefig(path, metadata={"Software": None})
