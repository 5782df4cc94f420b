"""A few steps of every stage, in memory: what would be trained, whether it learns, how long."""

import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from attrs import frozen

from ddspcore.data.supply import count_items
from ddspcore.errors import TrainingStopped, UserError
from ddspcore.gates import physical_faults
from ddspcore.kernels.backends import Choice, choose
from ddspcore.pipeline import Pipeline
from ddspcore.recipe.schema import Recipe, Stage
from ddspcore.train.checkpoint import load_tensors, load_weights
from ddspcore.train.evaluation import MetricPlan, plan_metric
from ddspcore.train.feed import Feed
from ddspcore.train.learner import Learner
from ddspcore.train.lesson import build_feed, build_lesson, fit_components
from ddspcore.train.profile import finish, peak_memory_mb
from ddspcore.wiring import Wiring

Weights = dict[str, torch.Tensor]


@frozen
class Leg:
    """One stage: `steps` of its `planned` ones, and what moved over them.

    Each pair is of the first step and the last; the metric's, before the first and after the last.
    `step_ms` is the median.
    """

    name: str
    steps: int
    planned: int
    batch: int
    trained: int
    lr: tuple[float, float]
    losses: Mapping[str, tuple[float, float]]
    metric: tuple[float, float]
    step_ms: float


@frozen
class Rehearsal:
    """What a run would be.

    `parameters` are counted by part of the model; `seconds_planned` is of all training steps,
    without measurements.
    """

    device: str
    compiled: bool
    kernels: Choice
    parameters: Mapping[str, int]
    data: Sequence[str]
    items: Mapping[str, int]
    metric: str
    direction: str
    split: str
    stages: Sequence[Leg]
    memory_mb: float
    seconds_planned: float


def rehearse(
    recipe: Recipe,
    wiring: Wiring,
    source: Any,
    device: torch.device,
    *,
    compiled: bool,
    steps: int,
) -> Rehearsal:
    """Train the first steps of every stage as a run would, each from its init; keep nothing.

    A stage that starts from an earlier one's best or last starts from where that one was left.
    Raises UserError if the first batch breaks what is declared, TrainingStopped if a loss is no
    finite number.
    """
    plan = plan_metric(recipe, source)
    legs: list[Leg] = []
    ends: dict[str, Weights] = {}
    before = 0
    with TemporaryDirectory(prefix="ddsp-") as folder:
        for stage in recipe.stages:
            feed = build_feed(recipe, wiring, source, device)
            _initialise(stage, feed, ends)
            lesson = build_lesson(recipe, stage, feed, compiled=compiled, steps_before=before)
            with Learner(lesson) as learner:
                legs.append(_train(learner, plan, min(steps, stage.steps), Path(folder)))
            ends[stage.name] = {k: v.clone() for k, v in feed.pipeline.state_dict().items()}
            before += stage.steps
    report = source.report() if hasattr(source, "report") else {}
    return Rehearsal(
        device=device.type,
        compiled=compiled,
        kernels=choose(device.type),
        parameters=_sizes(feed.pipeline),
        data=tuple(report.get("in_words", ())),
        items={split: count_items(source, split) for split in ("train", "val")},
        metric=plan.metric.name,
        direction=plan.metric.direction,
        split=plan.split,
        stages=legs,
        memory_mb=peak_memory_mb(device),
        seconds_planned=sum(leg.planned * leg.step_ms for leg in legs) / 1e3,
    )


def _sizes(pipeline: Pipeline) -> dict[str, int]:
    """Return how many parameters each part has, named as `freeze` names it."""
    modules = {"backbone": pipeline.backbone} if pipeline.backbone is not None else {}
    for kind, parts in (("head", pipeline.head), ("synth", pipeline.synth)):
        modules |= {f"{kind}.{pipeline.labels[key]}": module for key, module in parts.items()}
    sizes = {name: sum(p.numel() for p in each.parameters()) for name, each in modules.items()}
    return {name: size for name, size in sizes.items() if size}


def _initialise(stage: Stage, feed: Feed, ends: Mapping[str, Weights]) -> None:
    earlier = stage.init.partition(":")[0]
    if stage.init == "scratch":
        fit_components(feed, stage.batch)
    elif earlier in ends:
        feed.pipeline.load_state_dict(ends[earlier])
    else:
        load_weights(feed.pipeline, load_tensors(Path(stage.init)), Path(stage.init))


def _train(learner: Learner, plan: MetricPlan, steps: int, folder: Path) -> Leg:
    stage, pipeline = learner.stage, learner.pipeline
    if faults := physical_faults(learner.first_output().controls, pipeline.wiring):
        raise UserError("the first batch breaks what is declared: " + "; ".join(faults))
    metrics = [_measure(learner, plan, folder)]
    losses: list[dict[str, float]] = []
    times = []
    for step in range(steps):
        started = time.perf_counter()
        learner.step(step)
        finish(learner.feed.device)
        times.append((time.perf_counter() - started) * 1e3)
        if fault := learner.fault():
            raise TrainingStopped(f"stage {stage.name}, {fault}; lower lr, or set clip = 1.0")
        losses.append({k: float(v) / stage.accumulate for k, v in learner.sums.items()})
        learner.sums = {}
    metrics.append(_measure(learner, plan, folder))
    first, last = losses[0], losses[-1]
    return Leg(
        name=stage.name,
        steps=steps,
        planned=stage.steps,
        batch=min(stage.batch, count_items(learner.feed.source, "train")),
        trained=sum(weight.numel() for weight in learner.trained),
        lr=(stage.lr.at(0, stage.steps), stage.lr.at(steps - 1, stage.steps)),
        losses={name: (first[name], last[name]) for name in first},
        metric=(metrics[0], metrics[1]),
        step_ms=statistics.median(times),
    )


def _measure(learner: Learner, plan: MetricPlan, folder: Path) -> float:
    batches = learner.feed.in_order(plan.split, learner.stage.batch, plan.items)
    with learner.average.swapped_in():
        return plan.decisive(plan.evaluator.run(learner.pipeline, batches, folder))
