"""Evaluators on a pipeline: eval mode, no gradients, no trace left in what is trained."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from attrs import frozen

from ddspcore.assemble import build, context_of, declared_metrics
from ddspcore.data.supply import first_with_items
from ddspcore.errors import Mistake
from ddspcore.metric import Metric
from ddspcore.pipeline import Pipeline
from ddspcore.randomness import forked
from ddspcore.recipe.schema import Recipe, Use
from ddspcore.train.feed import Batches, Feed

HELD_OUT_FIRST = ("val", "train")


@frozen
class Evaluator:
    """A built evaluator, its label and what it declares."""

    label: str
    call: Any
    metrics: tuple[Metric, ...]

    def metric(self, key: str) -> Metric:
        """Return the metric of a key."""
        return next(metric for metric in self.metrics if metric.name == key)

    def warnings(self, values: Mapping[str, float]) -> tuple[str, ...]:
        """Return in words what is wrong, given what was measured; most evaluators never say it."""
        if not self.warns:
            return ()
        said = self.call.warnings(values)
        sentences = tuple(said) if isinstance(said, Iterable) else (said,)
        if isinstance(said, str) or not all(isinstance(each, str) for each in sentences):
            raise self._mistake(f"warns with {said!r}, not with sentences")
        return sentences

    @property
    def warns(self) -> bool:
        """Whether it says in words what is wrong."""
        return hasattr(self.call, "warnings")

    def run(self, pipeline: Pipeline, batches: Batches, out_dir: Path) -> dict[str, float]:
        """Evaluate in eval mode, without gradients, under generators of its own.

        Raises Mistake if it returns anything but the numbers that it declares.
        """
        training = pipeline.training
        pipeline.eval()
        try:
            with torch.no_grad(), forked(batches.feed.seed, "evaluate", self.label):
                found = self.call(pipeline, batches, out_dir)
        finally:
            pipeline.train(training)
        try:
            numbers = {str(name): float(value) for name, value in found.items()}
        except (AttributeError, TypeError, ValueError, RuntimeError) as failure:
            raise self._mistake(f"returns {found!r}, not numbers by name") from failure
        declared = ", ".join(metric.name for metric in self.metrics)
        for name in numbers:
            if not any(metric.covers(name) for metric in self.metrics):
                raise self._mistake(f'returns "{name}", but it declares {declared}')
        return numbers

    def _mistake(self, what: str) -> Mistake:
        return Mistake("evaluator", self.label, type(self.call), what)


def build_evaluator(recipe: Recipe, use: Use) -> Evaluator:
    """Build an evaluator of the recipe."""
    ctx = context_of(recipe)
    call = build(use, recipe.seed, opt=use.options, ctx=ctx)
    return Evaluator(use.name, call, declared_metrics(use, ctx))


@frozen
class MetricPlan:
    """What decides "best": the evaluator, its metric, on which items, and how often."""

    evaluator: Evaluator
    metric: Metric
    split: str
    every: int
    items: int

    def decisive(self, found: Mapping[str, float]) -> float:
        """Return the number that decides; raises Mistake if it is not among what was found."""
        name, evaluator = self.metric.name, self.evaluator
        if name in found:
            return found[name]
        what = f"declares {name}, which decides what is best, but does not return it"
        raise Mistake("evaluator", evaluator.label, type(evaluator.call), what)


def plan_metric(recipe: Recipe, source: Any) -> MetricPlan:
    """Return what decides "best": on held-out items, on training items where none are."""
    use = recipe.metric
    evaluator = build_evaluator(recipe, use)
    split = first_with_items(source, HELD_OUT_FIRST)
    return MetricPlan(evaluator, evaluator.metric(use.key), split, use.every, use.items)


def declared_by(name: str, evaluators: Sequence[Evaluator]) -> tuple[Metric, str]:
    """Return the metric that a number of `evaluate` belongs to, and what to call it in a sentence.

    Raises KeyError if none of the evaluators declares it.
    """
    for evaluator in evaluators:
        for metric in evaluator.metrics:
            if metric.covers(name):
                return metric, metric.label(name)
    for evaluator in evaluators:
        own = name.removeprefix(f"{evaluator.label}/")
        for metric in evaluator.metrics:
            if own != name and metric.covers(own):
                return metric, f"{metric.label(own)}, {evaluator.label}"
    raise KeyError(name)


@frozen
class Evaluation:
    """What the evaluators found on one split, the files each of them wrote, and their warnings.

    `quiet` are the numbers of those evaluators that speak by warnings.
    """

    values: Mapping[str, float]
    files: Mapping[str, tuple[Path, ...]]
    warnings: tuple[str, ...]
    quiet: frozenset[str]


def evaluate(feed: Feed, evaluators: Sequence[Evaluator], split: str, out_dir: Path) -> Evaluation:
    """Run every evaluator on a split's items, whole ones where the source offers them.

    Each writes into a folder of its own, named by its label. Of two numbers with one name, the
    second is called `label/name`.
    """
    values: dict[str, float] = {}
    files: dict[str, tuple[Path, ...]] = {}
    warnings: list[str] = []
    quiet: set[str] = set()
    whole = f"{split}-items"
    items = whole if whole in getattr(feed.source, "splits", ()) else split
    for evaluator in evaluators:
        folder = out_dir / evaluator.label
        folder.mkdir(parents=True, exist_ok=True)
        found = evaluator.run(feed.pipeline, feed.in_order(items, size=1), folder)
        warnings += evaluator.warnings(found)
        named = {f"{evaluator.label}/{n}" if n in values else n: v for n, v in found.items()}
        values |= named
        quiet |= set(named) if evaluator.warns else set()
        written = tuple(sorted(path for path in folder.rglob("*") if path.is_file()))
        if written:
            files[evaluator.label] = written
        else:
            shutil.rmtree(folder)
    if not files:
        shutil.rmtree(out_dir, ignore_errors=True)  # absent if the recipe has no evaluator
    return Evaluation(values, files, tuple(warnings), frozenset(quiet))
