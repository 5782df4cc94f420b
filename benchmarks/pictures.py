"""Pictures of the measurements, legible where a README shows them."""

from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from benchmarks import goals, growth, loss, parts
from benchmarks.recipes import TRANSFORMER
from benchmarks.setup import NATIVE, PLAIN

Records = Mapping[str, Mapping[str, Any]]

COLOURS = {
    NATIVE: "#0b6e4f",
    PLAIN: "#6bbf59",
    "ddsp_pytorch": "#c0392b",
    "DDSP-SVC": "#e08e0b",
    "auraloss": "#7d4fa0",
    "magenta/ddsp": "#34679a",
}
PART_COLOURS = {
    parts.NETWORK: "#34679a",
    parts.HARMONIC: "#c0392b",
    parts.NOISE: "#e08e0b",
    parts.WHITE: "#f2cf7a",
    parts.REVERB: "#7d4fa0",
    parts.LOSS: "#0b6e4f",
    parts.ADAM: "#888888",
}
AXES = {
    "batch": "clips in a batch",
    "seconds": "length of a clip, s",
    "harmonics": "harmonics",
    "sample rate": "sample rate, kHz",
}
PIECES = {
    "oscillator bank": (goals.BANK, ""),
    "filtered noise": (goals.NOISE, ""),
    "spectral loss": (goals.LOSS, loss.CACHED),
    "training step": (goals.STEP, f", {TRANSFORMER}"),
}
"""What the first picture shows: measurements, and which variant of ours."""
DPI = 130


def draw(records: Records, folder: Path, device: str) -> list[str]:
    """Draw what there are measurements for; returns the names of the files."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    pieces = {title: records[key] for title, (key, _) in PIECES.items() if key in records}
    if pieces:
        drawn.append(f"pieces-{device}.png")
        _save(pieces_figure(pieces), folder / drawn[-1])
    curves = growth_curves(records)
    if curves:
        drawn.append(f"growth-{device}.png")
        _save(growth_figure(curves), folder / drawn[-1])
    steps = [r for r in records.values() if r.get("subject") == parts.SUBJECT]
    if steps:
        drawn.append(f"step-{device}.png")
        _save(parts_figure(steps[0]), folder / drawn[-1])
    return drawn


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, dpi=DPI, metadata={"Software": None})


def pieces_figure(pieces: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw who needs how long for each piece, all on one line of bars."""
    figure = Figure(figsize=(2.75 * len(pieces) + 0.4, 2.3), layout="constrained")
    places = figure.subplots(1, len(pieces), squeeze=False)[0]
    for place, (title, record) in zip(places, pieces.items(), strict=True):
        times = _milliseconds(record, PIECES[title][1])
        place.barh(list(times), list(times.values()), color=[COLOURS[name] for name in times])
        for y, value in enumerate(times.values()):
            place.text(
                value, y, f" {value:.3g} ms" if value < 1e3 else f" {value:.0f} ms", va="center"
            )
        place.margins(x=0.42)
        place.set_title(title, fontsize=11)
        place.set_xticks([])
        place.tick_params(length=0)
        place.spines[["top", "right", "bottom"]].set_visible(False)
        place.invert_yaxis()
    return figure


def _milliseconds(record: Mapping[str, Any], suffix: str) -> dict[str, float]:
    """Return the medians of a variant of ours and of the peers that did the same work."""
    times = {}
    for label in COLOURS:
        name = label + suffix if label in (NATIVE, PLAIN) else label
        result = record["results"].get(name, {})
        if "seconds" in result and goals.same_work(result):
            times[label] = 1e3 * median(result["seconds"])
    return times


Curve = list[tuple[float, float]]


def growth_curves(records: Records) -> dict[str, dict[str, dict[str, Curve]]]:
    """Return points (x, seconds) by subject, axis and contender."""
    curves: dict[str, dict[str, dict[str, Curve]]] = {}
    for record in records.values():
        if not record.get("subject", "").startswith(growth.SUBJECT):
            continue
        subject = record["subject"].removeprefix(f"{growth.SUBJECT} of ")
        axis = record["work"].removeprefix("with ")
        for name, result in record["results"].items():
            if "seconds" in result:
                by_name = curves.setdefault(subject, {}).setdefault(axis, {})
                point = record["facts"]["x"], median(result["seconds"])
                by_name.setdefault(name, []).append(point)
    return curves


def growth_figure(curves: Mapping[str, Mapping[str, Mapping[str, Curve]]]) -> Figure:
    """Draw a row of log-log axes for every subject, one for every axis of growth."""
    axes = [axis for axis in AXES if any(axis in of for of in curves.values())]
    figure = Figure(figsize=(2.5 * len(axes) + 0.6, 2.2 * len(curves) + 1.0), layout="constrained")
    grid = figure.subplots(len(curves), len(axes), squeeze=False, sharey="row")
    lines: dict[str, Any] = {}
    for places, (subject, of) in zip(grid, curves.items(), strict=True):
        places[0].set_ylabel(f"{subject}\nms")
        for place, axis in zip(places, axes, strict=True):
            if axis not in of:
                place.set_axis_off()
                continue
            for name, curve in of[axis].items():
                style, label = _style(name)
                factor = 1e-3 if axis == "sample rate" else 1.0
                xs, ys = zip(*sorted(curve), strict=True)
                (line,) = place.loglog([x * factor for x in xs], [1e3 * y for y in ys], **style)
                lines.setdefault(label, line)
            place.set_xlabel(AXES[axis])
            place.set_xticks([x * factor for x in xs])
            _plain_numbers(place)
    figure.legend(
        list(lines.values()), list(lines), loc="outside upper center", ncols=4, handlelength=3.0
    )
    return figure


def _style(name: str) -> tuple[dict[str, Any], str]:
    """Return how to draw a contender, and its name in the legend."""
    label = name.removesuffix(f", {TRANSFORMER}")
    colour = COLOURS[label.removesuffix(loss.CACHED)]
    dashed = "--" if label.endswith(loss.CACHED) else "-"
    width = 2.2 if label.startswith((NATIVE, PLAIN)) else 1.5
    marks = {"marker": "o", "markersize": 3.5, "color": colour}
    return {"linestyle": dashed, "linewidth": width, **marks}, label


def _plain_numbers(place: Any) -> None:
    """Write 0.1, 1 and 10 instead of powers of ten, and lighten the frame."""
    for axis in (place.xaxis, place.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    place.tick_params(which="minor", length=0)
    place.grid(visible=True, which="major", color="#dddddd", linewidth=0.7)
    place.spines[["top", "right"]].set_visible(False)


def parts_by_model(record: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Return the seconds of every part by model; the peer last."""
    models: dict[str, dict[str, float]] = {}
    for name, result in record["results"].items():
        if "seconds" in result:
            model, _, part = name.partition(": ")
            models.setdefault(model, {})[part] = median(result["seconds"])
    return models


def parts_figure(record: Mapping[str, Any]) -> Figure:
    """Draw a step of every model as a bar of its parts, in time and in shares."""
    models = parts_by_model(record)
    labels = sorted(models, key=lambda model: sum(models[model].values()))  # from below
    figure = Figure(figsize=(11.0, 0.5 * len(models) + 1.6), layout="constrained")
    in_time, in_shares = figure.subplots(1, 2, sharey=True)
    handles = {}
    for place, shares in ((in_time, False), (in_shares, True)):
        left = [0.0] * len(labels)
        for part, colour in PART_COLOURS.items():
            widths = [_width(models[label], part, shares) for label in labels]
            if any(widths):
                handles[part] = place.barh(labels, widths, left=left, color=colour, height=0.62)
                left = [a + b for a, b in zip(left, widths, strict=True)]
        place.spines[["top", "right"]].set_visible(False)
    for y, label in enumerate(labels):
        total = 1e3 * sum(models[label].values())
        in_time.text(total, y, f" {total:.0f} ms", va="center")
    in_time.margins(x=0.15)
    in_time.set_xlabel("time, ms")
    in_shares.set_xlabel("share, %")
    figure.suptitle(f"A training step, {record['size']}", fontsize=11)
    figure.legend(
        list(handles.values()), list(handles), loc="outside lower center", ncols=len(handles)
    )
    return figure


def _width(times: Mapping[str, float], part: str, shares: bool) -> float:
    """Return a part in milliseconds, or in per cent of the whole."""
    unit = sum(times.values()) / 100.0 if shares else 1e-3
    return times.get(part, 0.0) / unit
