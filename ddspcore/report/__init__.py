"""`report.html`: a run on one page that needs nothing but itself."""

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from ddspcore.metric import PLACES
from ddspcore.report.pictures import draw_controls, draw_course
from ddspcore.report.reading import Story, duration, read_story, spell
from ddspcore.report.tracks import SECONDS, Take, read_takes
from ddspcore.train.checkpoint import write_bytes

REPORT = "report.html"


def write_report(folder: Path, out: Path | None = None) -> Path:
    """Write what a run folder tells: scores in words, curves, sounds to compare, data, recipe.

    Everything is inside the page, which opens from a disk and fetches nothing. A run that has not
    finished is told as far as it went. Raises UserError if the folder is no run's.
    """
    story = read_story(folder)
    takes = read_takes(folder, story.summary)
    path = out or folder / REPORT
    write_bytes(path, _render(story, takes).encode())
    return path


def _render(story: Story, takes: tuple[Take, ...]) -> str:
    page = Environment(
        loader=PackageLoader("ddspcore.report", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template("report.html.jinja")
    shown = {
        "scores": story.scores,
        "sounds": takes,
        "training": story.lines,
        "data": story.data,
        "provenance": story.provenance,
    }
    return page.render(
        story=story,
        takes=takes,
        sections=["verdict", *(name for name, there in shown.items() if there), "recipe"],
        course=draw_course(story.lines, story.summary),
        controls={take.name: draw_controls(take.controls) for take in takes if take.controls},
        places=PLACES,
        seconds=round(SECONDS),
        spell=spell,
        duration=duration,
    )
