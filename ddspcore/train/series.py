"""Several runs one after another: what each came to, and what the gates say of all of them."""

import statistics
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from ddspcore.blame import blamed
from ddspcore.catalog import Catalog
from ddspcore.errors import Interrupted, PluginError, TrainingStopped, UserError
from ddspcore.gates import check_recipe
from ddspcore.recipe.problems import RecipeError, collect, render
from ddspcore.recipe.reading import read
from ddspcore.recipe.schema import Device, Gate
from ddspcore.recipe.series import members
from ddspcore.recipe.structuring import structure
from ddspcore.train.runner import Outcome, Request, run
from ddspcore.train.verdict import judge


@frozen
class Series:
    """A recipe's runs, and the gates that judge all of them."""

    recipe: str
    gates: tuple[Gate, ...]
    requests: tuple[Request, ...]


@frozen
class Result:
    """What became of a run: its outcome, or why it has none and the exit code of that."""

    recipe: str
    member: str
    outcome: Outcome | None
    failure: str = ""
    exit_code: int = 0


@frozen
class Row:
    """A line of the table: a gate; the deciding metric where there is none; a run that failed."""

    recipe: str
    gate: str
    measured: float | None
    wanted: str
    result: str
    runs: int


def plan(
    paths: Sequence[Path],
    sets: Sequence[str],
    device: Device | None,
    catalog: Catalog,
    ask: Callable[..., Request],
) -> tuple[Series, ...]:
    """Check every run of every recipe, and `ask` for it: document, recipe, wiring and member.

    Raises RecipeError with the problems of all of them.
    """
    planned = []
    with collect() as problems:
        for path in paths:
            with problems.part():
                document = read(path, sets)
                gates = structure(document, catalog).gates
                requests = []
                for member in members(document):
                    recipe = structure(member.document, catalog)
                    own = tuple(g for g in gates if not member.label or g.over == "every")
                    recipe = attrs.evolve(recipe, gates=own, device=device or recipe.device)
                    wiring = check_recipe(recipe).wiring
                    requests.append(ask(member.document, recipe, wiring, member=member.label))
                planned.append(Series(path.stem, gates, tuple(requests)))
    return tuple(planned)


def run_all(planned: Sequence[Series]) -> Iterator[Result]:
    """Run one after another, each continued or found finished; one that fails stops no other.

    What failed is told when it does, a bug with its traceback. Raises Interrupted.
    """
    count, number = sum(len(series.requests) for series in planned), 0
    for series in planned:
        for request in series.requests:
            number += 1
            heading = f"\n{number}/{count} {series.recipe} {request.member}".rstrip()
            request.console.print(heading, style="bold", highlight=False, markup=False)
            yield _run_one(series.recipe, request)


def _run_one(recipe: str, request: Request) -> Result:
    say = request.console.print
    try:
        with blamed(request.recipe):
            outcome = run(attrs.evolve(request, started=time.monotonic()))
    except (UserError, PluginError, TrainingStopped) as failure:
        say(f"failed: {failure}", style="red", highlight=False, markup=False, soft_wrap=True)
        why = _short(failure)
        return Result(recipe, request.member, None, why, int(failure.exit_code))
    except Interrupted:
        raise
    except Exception as bug:
        traceback.print_exception(bug, file=sys.stderr)
        return Result(recipe, request.member, None, f"{type(bug).__name__}: {bug}", 1)
    if outcome.found_finished:
        say(f"{outcome.folder}: finished already", highlight=False, markup=False, soft_wrap=True)
    return Result(recipe, request.member, outcome)


def _short(failure: Exception) -> str:
    """Return an error as a table's cell has it, in a line if it is about the recipe."""
    if isinstance(failure, RecipeError):
        return render(failure.problems, short=True)
    return str(failure)


def rows_of(series: Series, results: Sequence[Result]) -> Iterator[Row]:
    """Yield the rows of a recipe, some of whose runs may have failed or not begun.

    A gate is missed as long as a run is missing.
    """
    recipe = series.recipe
    finished = [result.outcome.summary for result in results if result.outcome is not None]
    whole: list[dict[str, Any]] = [*finished, *[{}] * (len(series.requests) - len(finished))]
    several = len(whole) > 1
    for verdict in judge(series.gates, whole):
        gate = verdict.gate
        name = f"{gate.metric}, {gate.over}" if several else gate.metric
        said = "passed" if verdict.passed else "missed"
        if verdict.measured is None:
            said = f"missed: {len(finished)} of {len(whole)} measured"
        elif several and gate.over == "every" and not verdict.passed:
            said = f"missed by {results[verdict.worst].member}"
        yield Row(recipe, name, verdict.measured, gate.wanted, said, len(finished))
    if not series.gates and finished:
        values = [summary["metric"]["value"] for summary in finished]
        name = finished[0]["metric"]["name"]
        median = statistics.median(values)
        yield Row(recipe, f"{name}, median" if several else name, median, "", "", len(finished))
    for result in results:
        if result.outcome is None:
            said = " ".join(filter(None, ("failed:", result.member, result.failure)))
            yield Row(recipe, "", None, "", said, 0)
