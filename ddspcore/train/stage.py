"""One stage: its loop, its best and last checkpoints, and its patience."""

import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
from attrs import frozen
from torch import Tensor, nn

from ddspcore.assemble import Scheduled, Term
from ddspcore.data.order import indices
from ddspcore.errors import Interrupted, PluginError, TrainingStopped, UserError
from ddspcore.gates import physical_faults
from ddspcore.metric import Metric
from ddspcore.pipeline import Batch, parameters_by_module
from ddspcore.randomness import forked
from ddspcore.recipe.schema import Recipe, Stage
from ddspcore.train.averaging import Average
from ddspcore.train.checkpoint import load_weights, save_tensors
from ddspcore.train.evaluation import Evaluator
from ddspcore.train.events import LogRecord
from ddspcore.train.feed import Feed
from ddspcore.train.interrupt import StopRequest
from ddspcore.train.runlog import RunLog
from ddspcore.train.state import Position, SavedStage, save_stage

BEST, LAST = "best.safetensors", "last.safetensors"


@frozen
class MetricPlan:
    """What decides "best": the evaluator, its metric, on which items, and how often."""

    evaluator: Evaluator
    metric: Metric
    split: str
    every: int
    items: int


@frozen
class StageSetup:
    """All that a stage needs and does not own."""

    recipe: Recipe
    stage: Stage
    key: str
    folder: Path
    terms: tuple[Term, ...]
    scheduled: tuple[Scheduled, ...]
    feed: Feed
    target: str
    plan: MetricPlan
    log: RunLog
    steps_before: int
    observe: Callable[[LogRecord], None]
    stop: StopRequest


class StageTrainer:
    """Trains one stage from its start, or from a saved state."""

    def __init__(self, setup: StageSetup):
        self.setup = setup
        self.stage = setup.stage
        self.pipeline = setup.feed.pipeline
        self.losses = nn.ModuleDict({t.label.replace(".", "_"): t.module for t in setup.terms})
        self.position = Position()
        self.trained = self._trained_parameters()
        self.optimiser = _optimiser(setup.recipe, self.trained)
        self.average = Average(self.pipeline, self.stage.ema)
        self.fixed: tuple[Batch, list[dict[str, Tensor]]] | None = None
        self.sums: dict[str, Tensor] = {}
        self.first_bad = torch.full((), -1, dtype=torch.int64, device=setup.feed.device)

    def run(self) -> Position:
        """Train to the stage's end; returns where it ended.

        Raises TrainingStopped when a loss is no longer finite, Interrupted after saving.
        """
        position, stage, every = self.position, self.stage, self.setup.plan.every
        save_every = stage.save_every or every
        started = time.monotonic() - position.seconds
        self.setup.log.begin_stage(stage.name, position.step, stage.steps)
        if position.last is None:
            self._check_first_batch()
            self._measure()
            self._save()
        while not position.done:
            self._step(position.step)
            position.step += 1
            position.seconds = time.monotonic() - started
            self.setup.log.advance(position.step)
            at_end = position.step == stage.steps
            if position.step % every == 0 or at_end:
                self._report()
                self._measure()
                exhausted = stage.patience is not None and position.waited >= stage.patience
                position.done = at_end or exhausted
            if position.done or position.step % save_every == 0:
                self._save()
            if self.setup.stop.asked and not position.done:
                self._save()
                raise Interrupted(
                    f"interrupted; stage {stage.name} is saved at step {position.step}, "
                    "and the same command continues from there"
                )
        return position

    def restore(self, saved: SavedStage) -> None:
        """Continue from a saved state: weights, averages, optimiser and unreported losses."""
        groups = saved.groups()
        load_weights(self.pipeline, groups.get("model", {}), saved.path)
        load_weights(self.losses, groups.get("loss", {}), saved.path)
        for name, value in self.average.state.items():
            value.copy_(groups["average"][name])
        device = self.setup.feed.device
        self.sums = {name: t.to(device) for name, t in groups.get("sum", {}).items()}
        state = self.optimiser.state_dict()
        for name, tensor in groups.get("optimiser", {}).items():
            index, _, key = name.partition(".")
            state["state"].setdefault(int(index), {})[key] = tensor
        self.optimiser.load_state_dict(state)
        self.position = saved.position

    def _save(self) -> None:
        self._stop_if_not_finite()
        if not torch.stack([weight.isfinite().all() for weight in self.trained]).all():
            raise TrainingStopped(
                f"stage {self.stage.name}, step {self.position.step}: weights are no finite "
                f"numbers, so a gradient was not; {self._remedy()}"
            )
        with self.average.swapped_in():
            save_tensors(self.setup.folder / LAST, self.pipeline.state_dict())
        groups = {
            "model": self.pipeline.state_dict(),
            "loss": self.losses.state_dict(),
            "average": self.average.state,
            "sum": self.sums,
            "optimiser": {
                f"{index}.{name}": value
                for index, state in self.optimiser.state_dict()["state"].items()
                for name, value in state.items()
            },
        }
        setup = self.setup
        save_stage(setup.folder, setup.key, self.position, groups, setup.log.offsets())

    def _trained_parameters(self) -> list[nn.Parameter]:
        still, missing = parameters_by_module(self.pipeline, self.stage.freeze)
        if missing:
            raise UserError(
                f"stage {self.stage.name}: freeze names no part of the model: {', '.join(missing)}"
            )
        frozen_ids = {id(parameter) for parameter in still}
        everything = [*self.pipeline.parameters(), *self.losses.parameters()]
        for parameter in everything:
            parameter.requires_grad_(id(parameter) not in frozen_ids)
        trained = [parameter for parameter in everything if parameter.requires_grad]
        if not trained:
            raise UserError(f"stage {self.stage.name}: nothing is left to train")
        return trained

    def _batch(self, step: int, part: int) -> tuple[Batch, list[dict[str, Tensor]]]:
        """Return a micro-batch and what each loss prepared from its target."""
        setup, stage, seed = self.setup, self.stage, self.setup.recipe.seed
        place = step * stage.accumulate + part
        noise_step = setup.steps_before * stage.accumulate + place
        if self.fixed is not None:
            batch, prepared = self.fixed
            return self.pipeline.with_noise(batch, seed=seed, step=noise_step), prepared
        count = setup.feed.source.count("train")
        size = min(stage.batch, count)
        chosen = indices(seed, stage.name, place, size, count, fixed=stage.fixed_batch)
        batch = setup.feed.batch("train", chosen, noise_step)
        prepared = [term.prepare(batch[setup.target]) for term in setup.terms]
        if stage.fixed_batch:
            self.fixed = batch, prepared
        return batch, prepared

    def _step(self, step: int) -> None:
        setup, stage = self.setup, self.stage
        for group in self.optimiser.param_groups:
            group["lr"] = stage.lr.value(step, stage.steps)
        for scheduled in setup.scheduled:
            scheduled.fill(step, stage.steps)
        with forked(setup.recipe.seed, stage.name, step):
            for part in range(stage.accumulate):
                self._accumulate(step, part)
        if stage.clip is not None:
            torch.nn.utils.clip_grad_norm_(self.trained, stage.clip)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.average.update(step)

    def _accumulate(self, step: int, part: int) -> None:
        setup, stage = self.setup, self.stage
        batch, prepared = self._batch(step, part)
        output = self.pipeline(batch)
        total = torch.zeros((), device=setup.feed.device)
        for term, ready in zip(setup.terms, prepared, strict=True):
            value = term(
                pred=output.signal,
                target=batch[setup.target],
                controls=output.controls,
                batch=batch,
                step=step,
                prepared=ready,
            )
            total = total + term.weight(step, stage.steps) * value
            self._sum(f"loss/{term.label}", value)
        self._sum("loss", total)
        (total / stage.accumulate).backward()
        bad = (self.first_bad < 0) & ~torch.isfinite(total.detach())
        self.first_bad = torch.where(bad, step, self.first_bad)

    def _sum(self, name: str, value: Tensor) -> None:
        value = value.detach()
        self.sums[name] = self.sums[name] + value if name in self.sums else value

    def _report(self) -> None:
        """Log the mean losses since the last report, which was at a multiple of `every`."""
        stage, step = self.stage, self.position.step
        every = self.setup.plan.every
        count = (step - (step - 1) // every * every) * stage.accumulate
        values = {name: float(total) / count for name, total in self.sums.items()}
        values["lr"] = float(stage.lr.value(step - 1, stage.steps))
        for term in self.setup.terms:
            values[f"weight/{term.label}"] = float(term.weight(step - 1, stage.steps))
        self._record("train", values)
        self._stop_if_not_finite()
        self.sums = {}

    def _stop_if_not_finite(self) -> None:
        bad = int(self.first_bad)
        if bad < 0:
            return
        culprits = [name for name, total in self.sums.items() if not math.isfinite(float(total))]
        raise TrainingStopped(
            f"stage {self.stage.name}, step {bad + 1}: {', '.join(culprits)} is no finite number; "
            f"{self._remedy()}"
        )

    def _remedy(self) -> str:
        last = self.setup.folder / LAST
        return f"the last good checkpoint is {last}; lower lr, or set clip = 1.0"

    def _measure(self) -> None:
        """Measure the metric; keep the weights if they are the best so far."""
        plan, position = self.setup.plan, self.position
        batches = self.setup.feed.in_order(plan.split, self.stage.batch, plan.items)
        with self.average.swapped_in():
            found = plan.evaluator.run(self.pipeline, batches, self.setup.folder)
            value = found.get(plan.metric.name)
            if value is None:
                raise PluginError(
                    f"evaluator {plan.evaluator.label} declares {plan.metric.name}, "
                    "which decides what is best, but does not return it"
                )
            is_best = plan.metric.better(value, position.best)
            if is_best:
                position.best, position.best_step = value, position.step
                save_tensors(self.setup.folder / BEST, self.pipeline.state_dict())
        position.last = value
        if plan.metric.better(value, position.reference, self.stage.min_delta):
            position.reference, position.waited = value, 0
        else:
            position.waited += 1
        self._record("metric", found, best=is_best)
        self.setup.log.say(
            f"{self.stage.name} {position.step:>6}/{self.stage.steps}  "
            f"{plan.metric.name} {value:.5g}{'  best' if is_best else ''}"
        )

    def _record(self, kind: str, values: dict[str, float], **marks: bool) -> None:
        stage, step = self.stage.name, self.position.step
        self.setup.log.record(
            kind=kind,
            stage=stage,
            step=step,
            total_step=self.setup.steps_before + step,
            seconds=round(self.position.seconds, 3),
            **values,
            **marks,
        )
        self.setup.log.show(values, step)
        self.setup.observe(LogRecord(stage, step, values))

    def _check_first_batch(self) -> None:
        batch, _ = self._batch(0, 0)
        with torch.no_grad():
            output = self.pipeline(batch)
        faults = physical_faults(output.controls, self.pipeline.wiring)
        if faults:
            raise UserError("the first batch breaks what is declared: " + "; ".join(faults))


def _optimiser(recipe: Recipe, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    options = recipe.optimiser
    make = torch.optim.AdamW if options.kind == "adamw" else torch.optim.Adam
    return make(
        parameters,
        lr=0.0,
        betas=options.betas,
        eps=options.eps,
        weight_decay=options.weight_decay,
    )
