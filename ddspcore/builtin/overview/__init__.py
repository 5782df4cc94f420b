"""`overview.png`: how a run went and what came of it, in one picture."""

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ddspcore import curves
from ddspcore.builtin.overview import sound
from ddspcore.metric import PLACES
from ddspcore.style import MUTED, STYLE
from ddspcore.train.events import read_lines

SIZE_INCHES = (16.0, 14.0)
DPI = 110


def draw_overview(folder: Path, summary: Mapping[str, Any]) -> Path:
    """Draw `overview.png` into a run folder; what is missing leaves its panel empty.

    Training losses and the metric by stage; spectrograms of target and prediction on one scale;
    pitch and loudness of both; the level of every synth's part.
    """
    lines = read_lines(folder)
    take = sound.read_take(folder, summary.get("renders", {}))
    with rc_context(STYLE):
        figure = Figure(figsize=SIZE_INCHES, dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplot_mosaic(
            [["losses", "metric"], ["target", "prediction"], ["f0", "loudness"], ["parts"] * 2],
            height_ratios=[1.0, 1.35, 1.0, 0.8],
        )
        figure.suptitle(_title(summary), fontsize=17, fontweight="bold", x=0.012, ha="left")
        figure.text(0.988, 0.993, _result(summary), fontsize=15, ha="right", va="top", color=MUTED)
        curves.draw_losses(axes["losses"], lines)
        curves.draw_metric(axes["metric"], lines, summary)
        sound.draw_spectrograms(figure, axes["target"], axes["prediction"], take)
        sound.draw_f0(axes["f0"], take)
        sound.draw_loudness(axes["loudness"], take)
        sound.draw_parts(axes["parts"], take)
        path = folder / "overview.png"
        # Without the version of matplotlib that PNGs carry, equal runs have equal pictures.
        figure.savefig(path, metadata={"Software": None})
    return path


def _title(summary: Mapping[str, Any]) -> str:
    name = str(summary.get("title") or summary.get("recipe") or "run")
    return textwrap.shorten(name, 80, placeholder=" …")


def _result(summary: Mapping[str, Any]) -> str:
    metric = summary.get("metric") or {}
    value = metric.get("value")
    if value is None:
        return ""
    split = metric.get("split")
    where = f" {PLACES[split]}" if split in PLACES else ""
    return f"{metric['name']} {value:.4g}{where}, on {summary.get('device', '?')}"
