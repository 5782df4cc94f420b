"""Controls as pictures: one step in four panels, and several steps beside each other."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ddspcore.builtin.controls.tables import Dump, Moment
from ddspcore.builtin.controls.tracks import Track
from ddspcore.data.features import VOICED
from ddspcore.dsp.partials import effective_number
from ddspcore.style import BLUE, GREEN, MUTED, ORANGE, PALE, STYLE, VERMILION

SIZE_INCHES = (15.0, 9.0)
DPI = 110
FLOOR_DB = -100.0
FLAT = 1e-3
MOST_INSIDE = 5
"""Names of more lines would hide the lines."""


def draw_controls(dump: Dump, title: str, path: Path) -> None:
    """Draw gains, the harmonics' sum, largest and number, three frames' harmonics, and periods."""
    with _four_panels(title, path) as (levels, statistics, harmonics, periods):
        _draw_levels(levels, dump)
        _draw_statistics(statistics, dump)
        for moment, colour in zip(dump.moments, (BLUE, ORANGE, GREEN), strict=False):
            label = f"{moment.time_s:.2f} s"
            _draw_harmonics(harmonics, moment, colour, label)
            _draw_period(periods, moment, colour, label)
        _finish_harmonics(harmonics, "Harmonics, inaudible ones shaded", dump.middle)
        _finish_periods(periods, "One period, all harmonics")


def draw_comparison(dumps: Mapping[str, Dump], title: str, path: Path) -> None:
    """Draw the same controls at several steps, by label: early ones dark, late ones light."""
    shades = colormaps["viridis"](np.linspace(0.0, 0.88, len(dumps)))
    with _four_panels(title, path) as (levels, statistics, harmonics, periods):
        flat = all(np.ptp(dump.columns["amp_sum"]) < FLAT for dump in dumps.values())
        for (label, dump), shade in zip(dumps.items(), shades, strict=True):
            levels.plot(dump.times_s, decibels(dump.columns["harmonic_gain"]), color=shade)
            shown = dump.columns["amp_max" if flat else "amp_sum"]
            statistics.plot(dump.times_s, shown, color=shade)
            _draw_harmonics(harmonics, dump.middle, shade, label)
            _draw_period(periods, dump.middle, shade, label)
        some = next(iter(dumps.values()))
        _shade_unvoiced(levels, some)
        _finish_times(levels, some, "Gain of the harmonics", "gain / dB")
        what = "Largest harmonic (the sum is always 1)" if flat else "Sum of the harmonics"
        _finish_times(statistics, some, what, "amplitude")
        statistics.set_ylim(bottom=0.0)
        moment = f"at {some.middle.time_s:.2f} s"
        _finish_harmonics(harmonics, f"Harmonics {moment}, inaudible ones shaded", some.middle)
        _finish_periods(periods, f"One period {moment}, all harmonics")


def decibels(amplitudes: Track) -> Track:
    """Return amplitudes in dB, silence at -100 dB."""
    found: Track = 20.0 * np.log10(np.maximum(amplitudes, 10.0 ** (FLOOR_DB / 20.0)))
    return found


@contextmanager
def _four_panels(title: str, path: Path) -> Iterator[tuple[Axes, Axes, Axes, Axes]]:
    with rc_context(STYLE):
        figure = Figure(figsize=SIZE_INCHES, dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(2, 2)
        figure.suptitle(title, fontsize=14, fontweight="bold", x=0.012, ha="left")
        yield tuple(axes.flat)
        figure.savefig(path, metadata={"Software": None})


def _draw_levels(axes: Axes, dump: Dump) -> None:
    for name, colour in (("harmonic_gain", BLUE), ("noise_gain", ORANGE)):
        if np.isfinite(dump.columns[name]).any():
            label = name.replace("_gain", "")
            axes.plot(dump.times_s, decibels(dump.columns[name]), color=colour, label=label)
    _shade_unvoiced(axes, dump)
    _finish_times(axes, dump, "Gains, unvoiced frames shaded", "gain / dB")
    _add_legend(axes)


def _draw_statistics(axes: Axes, dump: Dump) -> None:
    axes.plot(dump.times_s, dump.columns["amp_sum"], color=MUTED, label="sum")
    axes.plot(dump.times_s, dump.columns["amp_max"], color=BLUE, label="largest")
    _finish_times(axes, dump, "Harmonics", "amplitude")
    axes.set_ylim(bottom=0.0)
    number = axes.twinx()
    number.plot(
        dump.times_s,
        dump.columns["amp_argmax"],
        linestyle="",
        marker=".",
        markersize=4.0,
        color=VERMILION,
        label="number of the largest (right)",
    )
    number.spines["right"].set_visible(True)
    number.set_ylabel("harmonic", color=VERMILION)
    number.set_ylim(0.0, max(4.0, dump.columns["amp_argmax"].max() + 1.0))
    number.yaxis.set_major_locator(MaxNLocator(integer=True))
    number.grid(visible=False)
    _add_legend(axes, number)


def _draw_harmonics(axes: Axes, moment: Moment, colour: Any, label: str) -> None:
    k = np.arange(1, len(moment.harmonics) + 1)
    number = float(effective_number(torch.from_numpy(moment.harmonics[: moment.audible])))
    spread = f"{label}: as {number:.1f} equal ones"
    axes.plot(k, decibels(moment.harmonics), "o-", color=colour, markersize=3.0, label=spread)


def _draw_period(axes: Axes, moment: Moment, colour: Any, label: str) -> None:
    if moment.f0_hz <= 0.0:
        return
    milliseconds = np.linspace(0.0, 1e3 / moment.f0_hz, len(moment.wavetable), endpoint=False)
    axes.plot(milliseconds, moment.wavetable, color=colour, label=f"{label}, {moment.f0_hz:.0f} Hz")


def _finish_times(axes: Axes, dump: Dump, title: str, label: str) -> None:
    axes.set_title(title)
    axes.set_xlabel("time / s")
    axes.set_ylabel(label)
    axes.set_xlim(0.0, dump.seconds)


def _finish_harmonics(axes: Axes, title: str, middle: Moment) -> None:
    axes.set_title(title)
    axes.set_xlabel("harmonic")
    axes.set_ylabel("amplitude / dB")
    axes.set_xlim(0.5, len(middle.harmonics) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    _name_lines(axes)
    if middle.f0_hz > 0.0:
        khz = middle.f0_hz / 1e3
        below = axes.secondary_xaxis(
            -0.2, functions=(partial(_times, khz), partial(_times, 1 / khz))
        )
        below.set_xlabel(f"frequency at {middle.time_s:.2f} s / kHz")
    if middle.audible < len(middle.harmonics):
        axes.axvspan(middle.audible + 0.5, len(middle.harmonics) + 0.5, color=PALE, zorder=0)


def _times(factor: float, values: Any) -> Any:
    return factor * values


def _finish_periods(axes: Axes, title: str) -> None:
    axes.set_title(title)
    axes.set_xlabel("time / ms")
    axes.set_ylabel("amplitude")
    axes.set_xlim(left=0.0)
    if axes.lines:
        _name_lines(axes)


def _name_lines(axes: Axes) -> None:
    if len(axes.lines) > MOST_INSIDE:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    else:
        axes.legend(loc="upper right")


def _shade_unvoiced(axes: Axes, dump: Dump) -> None:
    axes.fill_between(
        dump.times_s,
        0.0,
        1.0,
        where=dump.columns["uv"] < VOICED,
        transform=axes.get_xaxis_transform(),
        color=PALE,
        step="mid",
        linewidth=0,
        zorder=0,
    )


def _add_legend(*axes: Axes) -> None:
    handles = [line for each in axes for line in each.lines]
    axes[0].legend(
        handles=handles,
        loc="lower right",
        bbox_to_anchor=(1.0, 0.985),
        ncols=len(handles),
        borderaxespad=0.1,
    )
