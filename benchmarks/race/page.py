"""The race as a page: a picture of the curves, and a table of where they end."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from benchmarks.race.audio import Audio
from benchmarks.race.scores import METRICS, Course
from benchmarks.report import fill, markdown
from ddspcore.style import BLUE, GREEN, ORANGE, STYLE, VERMILION

PAGE = "race.md"
COLOURS = (BLUE, GREEN, VERMILION, ORANGE)
DRAWN = {"mss": "multi-scale spectral distance", "mel-lsd": "mel log-spectral distance, dB"}
DPI = 130

Courses = Mapping[str, Course]


def write(name: str, command: str, audio: Audio, courses: Courses, rival: str, docs: Path) -> None:
    """Draw the curves and fill the page's region of that name."""
    image = f"race-{name}.png"
    with matplotlib.rc_context(STYLE):
        picture(courses).savefig(docs / "images" / image, dpi=DPI, metadata={"Software": None})
    text = (docs / PAGE).read_text(encoding="utf-8")
    facts = f"{audio.train_s:.0f} s to train on, {audio.held_out_s:.1f} s held out; `{command}`"
    shown = f"![Held-out quality against CPU time, {name}](images/{image})"
    blocks = [facts, shown, table(courses), verdict(courses, rival)]
    (docs / PAGE).write_text(fill(text, name, "\n\n".join(blocks)), encoding="utf-8")


def picture(courses: Courses) -> Figure:
    """Draw the first metrics of every entrant against its CPU time."""
    figure = Figure(figsize=(11.0, 4.2), layout="constrained")
    for place, (metric, label) in zip(figure.subplots(1, len(DRAWN)), DRAWN.items(), strict=True):
        for (name, course), colour in zip(courses.items(), COLOURS, strict=False):
            seconds = [point.cpu_s for point in course.points]
            values = [point.scores[metric] for point in course.points]
            place.plot(seconds, values, "o-", markersize=3.5, color=colour, label=name)
        place.set_xscale("log")
        place.set_xlabel("CPU time, s, preprocessing included")
        place.set_title(f"{label}, held out")
    figure.axes[0].legend()
    return figure


def table(courses: Courses) -> str:
    """Return a row for each entrant, at its best checkpoint."""
    head = ["", "before the first step, s", "at best after, s", *METRICS]
    rows = []
    for name, course in courses.items():
        best = course.best
        scores = [f"{best.scores[metric]:.3g}{unit}" for metric, unit in METRICS.items()]
        rows.append([name, f"{course.prepared_s:.1f}", f"{best.cpu_s:.0f}", *scores])
    return markdown(head, rows)


def verdict(courses: Courses, rival: str) -> str:
    """Say when the others reached the rival's best."""
    metric, best = next(iter(METRICS)), courses[rival].best
    goal = best.scores[metric]
    said = [f"{rival} has {metric} {goal:.3g} after {best.cpu_s:.0f} s of CPU time."]
    for name, course in courses.items():
        if name != rival:
            seconds = course.reached(goal)
            share = seconds and f"after {seconds:.0f} s, 1/{best.cpu_s / seconds:.0f} of that"
            said.append(f"{name} is as good {share or 'at no time'}.")
    return " ".join(said)
