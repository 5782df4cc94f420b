"""What the backbones of rung R4 came to: `python -m benchmarks.backbones RUNS`.

RUNS is the folder that `ddsp run recipes/ladder/r4_backbones.toml --runs-dir RUNS` trained in.
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import torch
from attrs import evolve, frozen

from benchmarks.recipes import SHORT
from benchmarks.report import markdown
from benchmarks.steadiness import course
from benchmarks.step import clips
from ddspcore.assemble import build_pipeline, declare
from ddspcore.catalog import Catalog
from ddspcore.plugins import discover
from ddspcore.recipe.reading import read
from ddspcore.recipe.schema import Recipe
from ddspcore.recipe.structuring import structure
from ddspcore.train.checkpoint import read_json
from ddspcore.train.learner import Learner
from ddspcore.train.lesson import build_feed, build_lesson

CPU = torch.device("cpu")
STEPS, WARM_UP = 30, 5
SIZE = evolve(SHORT, batch=4)


@frozen
class Run:
    """What a finished run says: which it is, its scores, and the metric along its steps."""

    backbone: str
    instrument: str
    mss: float
    mel_lsd: float
    values: Sequence[tuple[int, float]]

    def best_until(self, step: float) -> float:
        """Return the least that was measured up to a step."""
        return min(value for at, value in self.values if at <= step)


@frozen
class Cost:
    """What a backbone costs: weights of the whole network, and CPU time of a training step."""

    parameters: int
    milliseconds: float


def recipe_of(folder: Path, catalog: Catalog) -> Recipe:
    """Return the recipe of a run."""
    return structure(read(folder / "resolved.toml"), catalog)


def run_of(folder: Path, recipe: Recipe) -> Run:
    """Read a finished run."""
    assert recipe.backbone is not None
    found = read_json(folder / "summary.json")["evaluation"]["val"]
    instrument = recipe.data.options.root.stem.partition("_")[0]
    values = course(folder).values
    return Run(recipe.backbone.component.name, instrument, found["mss"], found["mel-lsd"], values)


def costs(recipes: Mapping[str, Recipe]) -> dict[str, Cost]:
    """Time steps of every backbone in turns, in one thread."""
    torch.set_num_threads(1)
    spent: dict[str, list[float]] = {name: [] for name in recipes}
    learners = {name: _learner(recipe) for name, recipe in recipes.items()}
    for step in range(WARM_UP + STEPS):
        for name, learner in learners.items():
            began = time.thread_time()
            learner.step(step)
            spent[name].append(time.thread_time() - began)
    return {
        name: Cost(_parameters(recipe), 1e3 * median(spent[name][WARM_UP:]))
        for name, recipe in recipes.items()
    }


def _learner(recipe: Recipe) -> Learner:
    feed = build_feed(recipe, declare(recipe), clips(SIZE, "cpu"), CPU)
    return Learner(build_lesson(recipe, recipe.stages[0], feed, compiled=False, steps_before=0))


def _parameters(recipe: Recipe) -> int:
    pipeline, _ = build_pipeline(recipe, declare(recipe))
    return sum(each.numel() for each in pipeline.parameters())


def table(runs: Sequence[Run], cost: Mapping[str, Cost]) -> str:
    """Return a row for each backbone and instrument: medians over the seeds.

    Equal time is what the cheapest backbone takes for all of its steps; others have done fewer.
    """
    head = [
        *("backbone", "parameters", "a step, ms", "instrument", "seeds"),
        *("`mss`", "`mel-lsd`, dB", "`mss` on the way, equal steps", "equal time"),
    ]
    cheapest = min(each.milliseconds for each in cost.values())
    last = max(step for run in runs for step, _ in run.values)
    rows = []
    for backbone, price in cost.items():
        own = [run for run in runs if run.backbone == backbone]
        for instrument in dict.fromkeys(run.instrument for run in own):
            same = [run for run in own if run.instrument == instrument]
            in_time = last * cheapest / price.milliseconds
            rows.append(
                [
                    *(backbone, f"{price.parameters:,}", f"{price.milliseconds:.1f}"),
                    *(instrument, str(len(same))),
                    f"{median(run.mss for run in same):.3f}",
                    f"{median(run.mel_lsd for run in same):.2f}",
                    f"{median(run.best_until(last) for run in same):.3f}",
                    f"{median(run.best_until(in_time) for run in same):.3f}",
                ]
            )
    return markdown(head, rows)


def parser() -> argparse.ArgumentParser:
    """Return what understands the command line."""
    made = argparse.ArgumentParser(prog="python -m benchmarks.backbones", description=__doc__)
    made.add_argument("runs", type=Path, metavar="RUNS", help="the folder that has the runs")
    return made


def main(words: Sequence[str] | None = None) -> int:
    """Print the table."""
    given = parser().parse_args(words)
    catalog = Catalog(discover())
    runs, recipes = [], {}
    for folder in sorted(path.parent for path in given.runs.glob("*/summary.json")):
        recipe = recipe_of(folder, catalog)
        runs.append(run_of(folder, recipe))
        recipes.setdefault(runs[-1].backbone, recipe)
    print(table(runs, costs(recipes)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
