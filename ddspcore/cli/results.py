"""`ddsp results`: a table over runs, the best of each recipe marked."""

import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from ddspcore.cli.formats import FORMATS, Format, show_rows, written
from ddspcore.errors import UserError

if TYPE_CHECKING:
    from ddspcore.train.ledger import Entry

COLUMNS = ("recipe", "run", "mark", "metric", "value", "gates", "seconds", "device")
UNFINISHED = ("recipe", "run", "state", "reason")


@click.command()
@click.argument(
    "folder", metavar="[RUNS_DIR]", default=Path("runs"), type=click.Path(path_type=Path)
)
@click.option("--recipe", help="Only runs of this recipe; * stands for anything.")
@click.option("--best", is_flag=True, help="Only the best run of each recipe.")
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME",
    help="A column for this number of an evaluator too, such as mel-lsd; can be repeated.",
)
@click.option(
    "--sort",
    type=click.Choice(["recipe", "value", "latest"]),
    default="recipe",
    show_default=True,
    help="By recipe and the best first, by the deciding metric alone, or the latest first.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="How to print; csv and json have every number.",
)
def results(
    folder: Path,
    recipe: str | None,
    best: bool,
    metrics: tuple[str, ...],
    sort: str,
    form: Format,
) -> None:
    """Compare the runs in RUNS_DIR, by default runs: held-out numbers where anything is held out.

    The runs of a series are compared each with its like. What is not finished is listed apart.
    """
    from ddspcore.train.ledger import read_runs  # noqa: PLC0415

    try:
        entries = read_runs(folder)
    except OSError as failure:
        raise UserError(f"{folder}: cannot be read: {failure.strerror}") from failure
    entries = tuple(e for e in entries if _wanted(e, recipe) and (e.best or not best))
    if not entries:
        raise UserError(f"{folder}: there are no such runs here")
    if sort == "latest":
        entries = tuple(sorted(entries, key=lambda entry: entry.begun, reverse=True))
    elif sort == "value":
        entries = tuple(sorted(entries, key=lambda e: (e.value is None, e.value or 0.0)))
    finished = [entry for entry in entries if entry.state == "finished"]
    others = [entry for entry in entries if entry.state != "finished"]
    if form in ("csv", "json"):
        every = sorted({name for entry in entries for name in entry.values})
        columns = (*COLUMNS, "state", "reason", "begun", *every)
        click.echo(written(columns, [_row(entry) for entry in entries], form), nl=False)
        return
    tables = ((COLUMNS + metrics, finished), (UNFINISHED, others))
    for number, (columns, some) in enumerate((c, s) for c, s in tables if s):
        if number:
            click.echo()
        if form == "markdown":
            click.echo(written(columns, [_row(entry) for entry in some], form), nl=False)
        else:
            show_rows(columns, [_row(entry) for entry in some])


def _wanted(entry: "Entry", pattern: str | None) -> bool:
    return pattern is None or fnmatch.fnmatchcase(entry.name, pattern)


def _row(entry: "Entry") -> dict[str, Any]:
    marks = (("best", entry.best), ("latest", entry.latest))
    return {
        **entry.values,
        "recipe": entry.name,
        "run": entry.folder.name,
        "mark": ", ".join(name for name, is_so in marks if is_so),
        "metric": entry.metric,
        "value": entry.value,
        "gates": entry.gates,
        "seconds": entry.seconds,
        "device": entry.device,
        "state": entry.state,
        "reason": entry.reason,
        "begun": entry.begun,
    }
