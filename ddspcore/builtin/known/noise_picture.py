"""`noise_error.png`: the filter that there was, the one that was found, and their difference."""

from pathlib import Path

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from ddspcore.style import STYLE

SIZE_INCHES = (15.0, 4.6)
DPI = 110
RANGE_DB, ERROR_DB = 60.0, 6.0


def draw_noise(true_db: Tensor, found_db: Tensor, extent: tuple[float, float], path: Path) -> None:
    """Draw levels over time and frequency. Shape: both [M,F]; `extent` in seconds and Hz."""
    seconds, nyquist_hz = extent
    top = true_db.max().item()
    panels = {
        "There was, dB": (true_db, "viridis", top - RANGE_DB, top),
        "Found, dB": (found_db, "viridis", top - RANGE_DB, top),
        "Found less true, dB": (found_db - true_db, "RdBu_r", -ERROR_DB, ERROR_DB),
    }
    with rc_context(STYLE):
        figure = Figure(figsize=SIZE_INCHES, dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(1, len(panels), sharey=True)
        for panel, (title, (levels, colours, low, high)) in zip(axes, panels.items(), strict=True):
            image = panel.imshow(
                levels.cpu().numpy().T,
                origin="lower",
                aspect="auto",
                extent=(0.0, seconds, 0.0, nyquist_hz / 1000.0),
                cmap=colours,
                vmin=low,
                vmax=high,
            )
            panel.grid(visible=False)
            panel.set(title=title, xlabel="time / s")
            figure.colorbar(image, ax=panel)
        axes[0].set_ylabel("frequency / kHz")
        figure.savefig(path, metadata={"Software": None})
