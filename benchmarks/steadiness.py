"""How steadily a recipe learns, and what its stages buy: `python -m benchmarks.steadiness CLIP...`.

Trains a recipe as it is, and as many steps in one stage while the learning rate falls from and to
the same values, on every clip with every seed. What was trained before is not trained again.
"""

import argparse
import json
import math
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median

from attrs import frozen

from benchmarks.report import markdown
from ddspcore.catalog import Catalog
from ddspcore.plugins import discover
from ddspcore.recipe.reading import read
from ddspcore.recipe.schema import Stage
from ddspcore.recipe.shipped import resolve_recipe
from ddspcore.recipe.structuring import structure
from ddspcore.train.events import read_lines

SETTLED = 100
"""Steps after which the metric shall not rise again."""
HEAD = ("clip", "stages", "best", "after the first stage", "rebound", "of one stage's best")


@frozen
class Course:
    """A run's metric along its steps, and the number of steps of the first stage."""

    values: Sequence[tuple[int, float]]
    first_stage: int

    @property
    def best(self) -> float:
        return min(value for _, value in self.values)

    @property
    def first_best(self) -> float:
        return min(value for step, value in self.values if step <= self.first_stage)

    @property
    def rebound(self) -> float:
        """The largest ratio of a value to the least before it, from step SETTLED on."""
        least, largest = float("inf"), 1.0
        for step, value in self.values:
            if step >= SETTLED:
                largest = max(largest, value / least)
            least = min(least, value)
        return largest


def course(run: Path, first_only: bool = False) -> Course:
    """Read what a finished run measured, in all its stages or in the first."""
    measured = [line for line in read_lines(run) if line["kind"] == "metric"]
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    name = summary["metric"]["name"]
    first = summary["stages"][0]
    values = [
        (line["total_step"], line[name])
        for line in measured
        if not first_only or line["stage"] == first["name"]
    ]
    return Course(values, first["steps"])


def one_stage(stages: Sequence[Stage]) -> list[str]:
    """Return the overrides that leave one step to every stage but the first.

    The learning rate falls on a curve of the first stage's kind from the highest of all to the
    last. ValueError if that is neither a cosine nor an exponential.
    """
    first, *others = stages
    rates = [stage.lr.value(step, stage.steps) for stage in stages for step in range(stage.steps)]
    steps = len(rates) - len(others)
    end = rates[-1]
    ends = {
        "cosine": {"end": end},
        "exponential": {"floor": 0.0, "half_life": steps / math.log2(max(rates) / end)},
    }
    kind = first.lr.component.name
    if kind not in ends:
        raise ValueError(f"no such curve in one piece: {kind}")
    return [
        *(f"stage.{stage.name}.steps=1" for stage in others),
        f"stage.{first.name}.steps={steps}",
        *(f"stage.{first.name}.lr.{name}={value}" for name, value in ends[kind].items()),
    ]


def train(recipe: str, sets: Iterable[str], run: Path) -> None:
    """Run a recipe, unless that is done."""
    command = [sys.executable, "-m", "ddspcore.cli", "run", recipe, f"--run-dir={run}"]
    subprocess.run(
        [*command, "--device=cpu", *(f"--set={each}" for each in sets)],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def table(courses: Mapping[tuple[str, str], Sequence[Course]]) -> str:
    """Return a row for each clip and kind: medians over the seeds, and the worst rebound."""
    rows = []
    for (clip, kind), runs in courses.items():
        pairs = zip(runs, courses[clip, "one"], strict=True)
        rows.append(
            [
                clip,
                kind,
                f"{median(run.best for run in runs):.4g}",
                f"{median(run.first_best for run in runs):.4g}",
                f"{max(run.rebound for run in runs):.3f}",
                f"{median(run.best / one.best for run, one in pairs):.3f}",
            ]
        )
    return markdown(HEAD, rows)


def parser() -> argparse.ArgumentParser:
    """Return what understands the command line."""
    made = argparse.ArgumentParser(prog="python -m benchmarks.steadiness", description=__doc__)
    made.add_argument("clips", nargs="+", type=Path, metavar="CLIP")
    made.add_argument("--recipe", default="best_low_loss")
    made.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    made.add_argument("--every", type=int, default=25, help="steps between measurements")
    made.add_argument("--set", action="append", default=[], dest="sets", metavar="PATH=VALUE")
    made.add_argument("--out", type=Path, default=Path("build/steadiness"))
    return made


def main(words: Sequence[str] | None = None) -> int:
    """Train, and print the table."""
    given = parser().parse_args(words)
    catalog = Catalog(discover())
    courses: dict[tuple[str, str], list[Course]] = {}
    for seed in given.seeds:
        for clip in given.clips:
            sets = [f"data.root={clip.absolute()}", f"seed={seed}", f"metric.every={given.every}"]
            sets += given.sets
            stages = structure(read(resolve_recipe(given.recipe), sets), catalog).stages
            patient = [f"stage.{stage.name}.patience=1000" for stage in stages]
            for kind, more in (("as written", []), ("one", one_stage(stages))):
                run = given.out / f"{given.recipe}_{clip.stem}_{seed}_{kind.replace(' ', '_')}"
                train(given.recipe, [*sets, *patient, *more], run)
                # a first step at a new rate, with an optimiser that knows nothing, is a leap
                done = course(run, first_only=kind == "one")
                courses.setdefault((clip.stem, kind), []).append(done)
                print(f"{run}: {done.best:.4g}, rebound {done.rebound:.3f}", file=sys.stderr)
    print(table(courses))
    return 0


if __name__ == "__main__":
    sys.exit(main())
