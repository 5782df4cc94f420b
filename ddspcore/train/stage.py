"""One stage: its loop, its best and last checkpoints, and its patience."""

import math
import re
import time
from collections.abc import Callable
from pathlib import Path

from attrs import frozen

from ddspcore.errors import Interrupted, TrainingStopped, UserError
from ddspcore.gates import physical_faults
from ddspcore.train.checkpoint import save_tensors
from ddspcore.train.evaluation import Evaluator, MetricPlan
from ddspcore.train.events import LogRecord
from ddspcore.train.feed import Batches
from ddspcore.train.interrupt import StopRequest
from ddspcore.train.learner import Learner
from ddspcore.train.runlog import RunLog
from ddspcore.train.state import Position, SavedStage, save_stage

DIGITS = re.compile(r"[\d.]+")
BEST, LAST, KEPT = "best.safetensors", "last.safetensors", "step-{:08d}.safetensors"


@frozen
class StageSetup:
    """All that a stage needs and does not own."""

    key: str
    folder: Path
    plan: MetricPlan
    watchers: tuple[Evaluator, ...]
    log: RunLog
    observe: Callable[[LogRecord], None]
    stop: StopRequest


class StageTrainer:
    """Trains one stage from its start, or from a saved state."""

    def __init__(self, setup: StageSetup, learner: Learner):
        self.setup = setup
        self.learner = learner
        self.stage = learner.stage
        self.pipeline = learner.pipeline
        self.position = Position()
        self.warned: set[str] = set()

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
            self.learner.step(position.step)
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
        """Continue from a saved state."""
        self.learner.restore(saved)
        self.position = saved.position

    def _save(self) -> None:
        self._stop_if_not_finite()
        if not self.learner.weights_are_finite():
            raise TrainingStopped(
                f"stage {self.stage.name}, step {self.position.step}: weights are no finite "
                f"numbers, so a gradient was not; {self._remedy()}"
            )
        setup = self.setup
        names, step, every = [LAST], self.position.step, self.stage.save_every
        if every is not None and step % every == 0:
            names.append(KEPT.format(step))
        with self.learner.average.swapped_in():
            for name in names:
                save_tensors(setup.folder / name, self.pipeline.state_dict())
        groups = self.learner.groups()
        save_stage(setup.folder, setup.key, self.position, groups, setup.log.offsets())

    def _report(self) -> None:
        """Log the mean losses since the last report, which was at a multiple of `every`."""
        stage, step, learner = self.stage, self.position.step, self.learner
        every = self.setup.plan.every
        skipped = learner.guard.take_count()
        taken = step - (step - 1) // every * every - skipped
        count = taken * stage.accumulate or math.nan
        values = {name: float(total) / count for name, total in learner.sums.items()}
        values["lr"] = stage.lr.at(step - 1, stage.steps)
        for term in learner.lesson.terms:
            values[f"weight/{term.label}"] = term.weight(step - 1, stage.steps)
        if learner.guard.skips:
            self.position.skipped += skipped
            values["skipped"] = self.position.skipped
        self._record("train", values)
        self._stop_if_not_finite()
        self._stop_if_too_many(skipped)
        learner.sums = {}

    def _stop_if_too_many(self, skipped: int) -> None:
        """Say that steps were left out since the last report; stop where it is one too many."""
        position, allowed = self.position, self.learner.lesson.recipe.guards.max_skipped
        if not skipped:
            return
        said = (
            f"stage {self.stage.name}, step {position.step}: {position.skipped} steps were left "
            "out, whose loss or gradient was no finite number"
        )
        if position.skipped > allowed:
            raise TrainingStopped(f"{said}; max_skipped is {allowed}; {self._remedy()}")
        self.setup.log.say(f"warning: {said}", style="yellow")

    def _stop_if_not_finite(self) -> None:
        fault = self.learner.fault()
        if fault:
            raise TrainingStopped(f"stage {self.stage.name}, {fault}; {self._remedy()}")

    def _remedy(self) -> str:
        last = self.setup.folder / LAST
        return f"the last good checkpoint is {last}; lower lr, or set clip = 1.0"

    def _measure(self) -> None:
        """Measure the metric; keep the weights if they are the best so far."""
        plan, position = self.setup.plan, self.position
        batches = self.learner.feed.in_order(plan.split, self.stage.batch, plan.items)
        with self.learner.average.swapped_in():
            found = plan.evaluator.run(self.pipeline, batches, self.setup.folder)
            value = plan.decisive(found)
            found |= self._watch(batches)
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

    def _watch(self, batches: Batches) -> dict[str, float]:
        """Let the watchers measure; say what they warn of, once a stage and not before it began."""
        values: dict[str, float] = {}
        for watcher in self.setup.watchers:
            found = watcher.run(self.pipeline, batches, self.setup.folder)
            for warning in watcher.warnings(found) if self.position.step else ():
                what = DIGITS.sub("", warning)  # the numbers in it move from time to time
                if what not in self.warned:
                    self.setup.log.say(f"warning: {warning}", style="yellow")
                self.warned.add(what)
            values |= found
        return values

    def _record(self, kind: str, values: dict[str, float], **marks: bool) -> None:
        stage, step = self.stage.name, self.position.step
        self.setup.log.record(
            kind=kind,
            stage=stage,
            step=step,
            total_step=self.learner.lesson.steps_before + step,
            seconds=round(self.position.seconds, 3),
            **values,
            **marks,
        )
        self.setup.log.show(values, step)
        self.setup.observe(LogRecord(stage, step, values))

    def _check_first_batch(self) -> None:
        output = self.learner.first_output()
        faults = physical_faults(output.controls, self.pipeline.wiring)
        if faults:
            raise UserError("the first batch breaks what is declared: " + "; ".join(faults))
