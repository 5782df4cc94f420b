"""How good a run is: as JSON for programs, in plain words for people."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ddspcore.metric import PLACES, Metric
from ddspcore.train.evaluation import HELD_OUT_FIRST, Evaluation, Evaluator, declared_by
from ddspcore.train.events import StageResult
from ddspcore.train.stage import BEST

RENDER = "render"


def best_stage(stages: Sequence[StageResult], metric: Metric) -> StageResult:
    """Return the stage whose best checkpoint is best; of equals, the latest."""
    chosen = stages[0]
    for stage in stages[1:]:
        if not metric.better(chosen.best, stage.best):
            chosen = stage
    return chosen


def describe_stage(stage: StageResult, run: Path) -> dict[str, Any]:
    """Return a stage's entry in `summary.json`; paths are relative to the run folder."""
    return {
        "name": stage.name,
        "steps": stage.steps,
        "best": stage.best,
        "best_step": stage.best_step,
        "last": stage.last,
        "best_checkpoint": (stage.folder / BEST).relative_to(run).as_posix(),
        "seconds": round(stage.seconds, 3),
    }


def course_of(lines: Sequence[Mapping[str, Any]], metric: Metric) -> dict[str, float | None]:
    """Return how the deciding metric went, over all stages, from the lines of a run's log.

    `fall` is how much better the best measurement is than the first, as a share of it; `rebound`
    the largest ratio of a measurement to the best before it. Where higher is better, ratios are
    turned over. None where a ratio has no meaning.
    """
    values: list[Any] = [line.get(metric.name) for line in lines if line.get("kind") == "metric"]
    if not values or any(value is None or value <= 0 for value in values):
        return {"fall": None, "rebound": None}
    if metric.direction == "higher":
        values = [1 / value for value in values]
    least, rebound = math.inf, 0.0
    for value in values:
        rebound = max(rebound, value / least)
        least = min(least, value)
    return {"fall": 1 - least / values[0], "rebound": rebound}


def renders_of(evaluations: Mapping[str, Evaluation], run: Path) -> dict[str, str]:
    """Return what the evaluator labelled `render` made like its `target`, held out if possible."""
    for split in ("val", "train"):
        if split in evaluations and RENDER in evaluations[split].files:
            files = evaluations[split].files[RENDER]
            kinds = {file.suffix for file in files if file.stem == "target"}
            return {f.stem: f.relative_to(run).as_posix() for f in files if f.suffix in kinds}
    return {}


def describe_scores(
    evaluations: Mapping[str, Evaluation], evaluators: Sequence[Evaluator]
) -> dict[str, dict[str, str]]:
    """Return, by number, what it is called, its unit, which way is better, and how good it is.

    It is judged where it is held out, if it is.
    """
    scores = {}
    for name in dict.fromkeys(name for one in evaluations.values() for name in one.values):
        metric, label = declared_by(name, evaluators)
        judged = [found.values[name] for found in evaluations.values() if name in found.values][-1]
        scores[name] = {
            "label": label,
            "unit": metric.unit,
            "direction": metric.direction,
            "grade": metric.grade(judged),
        }
    return scores


def warnings_of(evaluations: Mapping[str, Evaluation]) -> list[str]:
    """Return what evaluators warn of, on held-out items if there are any."""
    split = next((split for split in HELD_OUT_FIRST if split in evaluations), None)
    return list(evaluations[split].warnings) if split else []


def in_words(
    evaluations: Mapping[str, Evaluation], scores: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    """Yield one sentence a number: where trained, where held out, and whether that is good.

    Evaluators that speak by warnings do so at the end, and their numbers stand in the summary.
    """
    quiet = frozenset[str]().union(*(evaluation.quiet for evaluation in evaluations.values()))
    for name, score in scores.items():
        if name in quiet:
            continue
        found = [
            f"{evaluation.values[name]:.4g} {score['unit']} {PLACES[split]}".replace("  ", " ")
            for split, evaluation in evaluations.items()
            if name in evaluation.values
        ]
        grade = f" ({score['grade']})" if score["grade"] else ""
        yield f"{score['label']}: {', '.join(found)}{grade}"
    for warning in warnings_of(evaluations):
        yield f"warning: {warning}"
    if "val" not in evaluations:
        yield "Nothing is held out: there is too little data, so all numbers are where trained."
