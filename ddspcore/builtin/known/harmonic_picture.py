"""True and found controls of a tone over each other, and what is left between them."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from ddspcore.dsp.scales import amplitude_to_db, cents
from ddspcore.style import BLUE, INK, STYLE, VERMILION

if TYPE_CHECKING:
    from ddspcore.builtin.known.harmonic_error import Tone

SIZE_INCHES = (15.0, 9.0)
DPI = 110
SHOWN = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
LEAST_DB = 1e-5

Times = NDArray[np.float64]


def draw(found: "Tone", true: "Tone", off_db: Tensor, frame_rate: float, path: Path) -> None:
    """Draw the first item's pitch and harmonics, and how errors are spread, as a PNG."""
    times_s = np.arange(true.f0_hz.shape[1]) / frame_rate
    with rc_context(STYLE):
        figure = Figure(figsize=SIZE_INCHES, dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplot_mosaic([["pitch", "harmonics"], ["cents", "errors"]])
        _draw_pitch(axes["pitch"], axes["cents"], found, true, times_s)
        _draw_harmonics(axes["harmonics"], found, true, times_s)
        _draw_errors(axes["errors"], off_db)
        # Without the version of matplotlib that PNGs carry, equal runs have equal pictures.
        figure.savefig(path, metadata={"Software": None})


def _draw_pitch(pitch: Axes, error: Axes, found: "Tone", true: "Tone", times_s: Times) -> None:
    pitch.plot(times_s, true.f0_hz[0, :, 0].cpu(), color=INK, lw=4.0, alpha=0.3, label="true")
    pitch.plot(times_s, found.f0_hz[0, :, 0].cpu(), color=VERMILION, lw=1.2, label="found")
    pitch.set(title="Pitch", xlabel="time / s", ylabel="Hz")
    pitch.legend()
    error.plot(times_s, cents(found.f0_hz, true.f0_hz)[0, :, 0].cpu(), color=BLUE, lw=1.2)
    error.set(title="Error of the pitch", xlabel="time / s", ylabel="cents")


def _draw_harmonics(axes: Axes, found: "Tone", true: "Tone", times_s: Times) -> None:
    shown = [k for k in SHOWN if k <= true.partials.shape[-1]]
    for k, shade in zip(
        shown, colormaps["viridis"](np.linspace(0.0, 0.85, len(shown))), strict=True
    ):
        theirs, mine = (amplitude_to_db(t.partials[0, :, k - 1]).cpu() for t in (true, found))
        axes.plot(times_s, theirs, color=shade, lw=4.0, alpha=0.3)
        axes.plot(times_s, mine, color=shade, lw=1.2, label=f"{k}")
    loudest = float(amplitude_to_db(true.partials[0].max()))
    axes.set(title="Harmonics: true broad, found narrow", xlabel="time / s", ylabel="dB")
    axes.set_ylim(loudest - 80.0, loudest + 6.0)
    axes.legend(title="harmonic", ncols=2, fontsize=9)


def _draw_errors(axes: Axes, off_db: Tensor) -> None:
    errors = off_db.clamp(min=LEAST_DB).sort().values.numpy()
    axes.plot(errors, np.linspace(0.0, 100.0, len(errors)), color=BLUE)
    axes.set_xscale("log")
    axes.set(title="Harmonics that are that close", xlabel="error / dB", ylabel="%")
