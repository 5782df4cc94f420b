"""The chain of stages: keys, starting weights, what is skipped, reused or continued."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from ddspcore.errors import TrainingStopped
from ddspcore.observers import Observers
from ddspcore.recipe.resolving import canonical
from ddspcore.recipe.schema import Recipe, Stage
from ddspcore.train.checkpoint import load_tensors, load_weights
from ddspcore.train.device import DeviceChoice
from ddspcore.train.evaluation import Evaluator, MetricPlan
from ddspcore.train.events import LogRecord, RunInfo, StageResult
from ddspcore.train.feed import Feed
from ddspcore.train.folder import RunFolder, digest, file_digest
from ddspcore.train.interrupt import StopRequest
from ddspcore.train.learner import Learner
from ddspcore.train.lesson import build_feed, build_lesson, fit_components
from ddspcore.train.reuse import reuse_stage
from ddspcore.train.runlog import RunLog
from ddspcore.train.stage import BEST, LAST, StageSetup, StageTrainer
from ddspcore.train.state import Position, SavedStage, find_stage
from ddspcore.wiring import Wiring

NOT_OF_A_STAGE = frozenset({"stage", "evaluator"})


def stage_keys(recipe: Recipe, fingerprint: object) -> dict[str, str]:
    """Return each stage's key: what it is trained on, how, and what it starts from."""
    whole = canonical(recipe)
    shared = {name: value for name, value in whole.items() if name not in NOT_OF_A_STAGE}
    keys: dict[str, str] = {}
    for stage, table in zip(recipe.stages, whole["stage"], strict=True):
        earlier, _, which = stage.init.partition(":")
        if earlier in keys:
            start = f"{keys[earlier]}:{which}"
        else:
            start = stage.init if stage.init == "scratch" else file_digest(Path(stage.init))
        keys[stage.name] = digest([shared, fingerprint, table, start])
    return keys


def find_trained(
    folder: RunFolder, keys: Mapping[str, str], log: Any, accept: Callable[[Path], bool]
) -> Iterator[SavedStage]:
    """Yield the states of the stages that are done or begun, in order; others follow the first gap.

    A stage that a neighbouring run has finished under the same key is copied from it, if that run
    is one to `accept`.
    """
    for name, key in keys.items():
        saved = find_stage(folder.path / name, key)
        if saved is None:
            origin = reuse_stage(folder, name, key, accept)
            if origin is None:
                return
            log(f"stage {name}: already trained in {origin}, copied from there")
            saved = find_stage(folder.path / name, key)
        if saved is None:
            return
        yield saved
        if not saved.position.done:
            return


def cut_logs(folder: RunFolder, saved: Sequence[SavedStage]) -> None:
    """Drop log lines written after the last saved state, so that none is written twice."""
    for name, path in (("metrics", folder.metrics), ("log", folder.log)):
        if path.exists():
            # A log is not flushed to disk: a machine that lost power may have kept less of it.
            end = saved[-1].offsets[name] if saved else 0
            os.truncate(path, min(end, path.stat().st_size))


@frozen
class Chain:
    """What the stages of one run share."""

    recipe: Recipe
    wiring: Wiring
    folder: RunFolder
    source: Any
    device: DeviceChoice
    compiled: bool
    log: RunLog
    observers: Observers
    info: RunInfo
    plan: MetricPlan
    watchers: tuple[Evaluator, ...]
    stop: StopRequest

    def train(
        self, keys: Mapping[str, str], saved: Sequence[SavedStage]
    ) -> tuple[StageResult, ...]:
        """Train the stages in order, those with a saved state from there."""
        results: list[StageResult] = []
        steps_before = 0
        for index, stage in enumerate(self.recipe.stages):
            found = saved[index] if index < len(saved) else None
            if found is not None and found.position.done:
                position = found.position
            else:
                position = self._train_stage(stage, keys[stage.name], found, steps_before)
            steps_before += position.step
            results.append(self._result(stage, position))
            if found is None or not found.position.done:
                self.tell("ddsp_stage_end", stage=results[-1])
        return tuple(results)

    def feed(self) -> Feed:
        """Return the source feeding a freshly built pipeline."""
        return build_feed(self.recipe, self.wiring, self.source, self.device.torch)

    def tell(self, hook: str, **arguments: object) -> None:
        """Call the observers of a hook; what they raise is logged."""
        for failure in self.observers.call(hook, run=self.info, **arguments):
            self.log.say(f"warning: {failure}", style="yellow")

    def _train_stage(
        self,
        stage: Stage,
        key: str,
        found: SavedStage | None,
        steps_before: int,
    ) -> Position:
        feed = self.feed()
        if found is None:
            self._initialise(stage, feed)
        lesson = build_lesson(
            self.recipe, stage, feed, compiled=self.compiled, steps_before=steps_before
        )
        setup = StageSetup(
            key=key,
            folder=self.folder.stage(stage.name),
            plan=self.plan,
            watchers=self.watchers,
            log=self.log,
            observe=self._observe,
            stop=self.stop,
        )
        with Learner(lesson) as learner:
            trainer = StageTrainer(setup, learner)
            if found is not None:
                trainer.restore(found)
            return trainer.run()

    def _initialise(self, stage: Stage, feed: Feed) -> None:
        """Fit what components fit to data, or load the weights that the stage starts from."""
        if stage.init == "scratch":
            fit_components(feed, stage.batch)
            return
        path = self._checkpoint(stage.init)
        load_weights(feed.pipeline, load_tensors(path), path)

    def _checkpoint(self, init: str) -> Path:
        """Return the file that `A:best`, `A:last` or a path means."""
        name, _, which = init.partition(":")
        if name in self.info.stages and which in ("best", "last"):
            return self.folder.path / name / {"best": BEST, "last": LAST}[which]
        return Path(init)

    def _observe(self, record: LogRecord) -> None:
        self.folder.write_status(
            "running",
            stage=record.stage,
            step=record.step,
            values=record.values,
            best_checkpoint=f"{record.stage}/{BEST}",
        )
        self.tell("ddsp_log", record=record)

    def _result(self, stage: Stage, position: Position) -> StageResult:
        metric = self.plan.metric.name
        if position.best is None:
            raise TrainingStopped(
                f"stage {stage.name}: {metric} was never a number, so nothing is best"
            )
        return StageResult(
            name=stage.name,
            folder=self.folder.path / stage.name,
            steps=position.step,
            metric=metric,
            best=position.best,
            best_step=position.best_step,
            last=position.last,
            seconds=position.seconds,
        )
