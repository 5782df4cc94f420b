"""What a stage trains, and one step of it, in which the host never waits for the device.

Losses are summed on the device between two reports, and whether one was not finite is remembered
there, so the host prepares the next step while the device works on this one.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from types import TracebackType
from typing import Self

import torch
from torch import Tensor, nn

from ddspcore.assemble import Term
from ddspcore.data.order import indices
from ddspcore.data.supply import count_items
from ddspcore.errors import UserError
from ddspcore.gates import target_problem
from ddspcore.pipeline import Batch, Output, parameters_by_module
from ddspcore.randomness import derive_seed, forked
from ddspcore.recipe.problems import RecipeError
from ddspcore.train.averaging import Average
from ddspcore.train.checkpoint import load_weights
from ddspcore.train.guard import Guard
from ddspcore.train.lesson import Lesson
from ddspcore.train.optimiser import build_optimiser, load_optimiser, optimiser_tensors
from ddspcore.train.prefetch import Prefetch
from ddspcore.train.state import SavedStage

AHEAD = 2

Span = Callable[[str], AbstractContextManager[object]]
Groups = dict[str, Mapping[str, Tensor]]


class Learner:
    """The weights of a pipeline and of its losses, their optimiser and their average.

    Use as a context manager: on CUDA a thread loads the batches to come inside it. `span` is told
    which part of a step runs: `data`, `network`, `loss LABEL`, `backward`, `optimiser`.
    """

    def __init__(self, lesson: Lesson, span: Span = nullcontext):
        self.lesson = lesson
        self.span = span
        self.stage = lesson.stage
        self.feed = lesson.feed
        self.pipeline = lesson.feed.pipeline
        self.losses = nn.ModuleDict({t.label.replace(".", "_"): t.module for t in lesson.terms})
        self.trained = self._trained_parameters()
        self.optimiser = build_optimiser(lesson.recipe.optimiser, self.trained)
        self.average = Average(self.pipeline, self.stage.ema)
        self.sums: dict[str, Tensor] = {}
        self.guard = Guard(lesson.recipe.guards, self.optimiser, self.feed.device)
        self._fixed: dict[int, tuple[Batch, list[dict[str, Tensor]]]] = {}
        self._load: Callable[[int], Batch] = self._loaded
        self._open = ExitStack()

    def __enter__(self) -> Self:
        if self.feed.device.type == "cuda" and not self.stage.fixed_batch:
            self._load = self._open.enter_context(Prefetch(self._loaded, AHEAD)).take
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._open.close()

    def step(self, step: int) -> None:
        """Train on the batches of a step."""
        stage = self.stage
        for scheduled in self.lesson.scheduled:
            scheduled.fill(step, stage.steps)
        self.guard.begin(self.sums)
        with forked(self.lesson.recipe.seed, stage.name, step):
            for part in range(stage.accumulate):
                self._accumulate(step, part)
        with self.span("optimiser"):
            self.sums = self.guard.judge(self.trained, self.sums)
            if stage.clip_value is not None:
                nn.utils.clip_grad_value_(self.trained, stage.clip_value)
            if stage.clip is not None:
                nn.utils.clip_grad_norm_(self.trained, stage.clip)
            for group in self.optimiser.param_groups:
                group["lr"] = stage.lr.at(step, stage.steps)
            self.optimiser.step()
            self.optimiser.zero_grad(set_to_none=True)
            self.average.update(step)

    def batch(self, step: int, part: int) -> tuple[Batch, list[dict[str, Tensor]]]:
        """Return a batch of a step, and what each loss prepared from its target."""
        lesson, accumulate = self.lesson, self.stage.accumulate
        place = step * accumulate + part
        noise_step = lesson.steps_before * accumulate + place
        if part in self._fixed:
            batch, prepared = self._fixed[part]
            with self.span("data"):
                batch = self.pipeline.with_noise(batch, seed=self.feed.seed, step=noise_step)
            return batch, prepared
        with self.span("data"):
            items = self._load(part if self.stage.fixed_batch else place)
            batch = self.feed.place(items, noise_step)
        prepared = []
        for term in lesson.terms:
            with self.span(f"loss {term.label}"):
                prepared.append(term.prepare(batch[lesson.target]))
        if self.stage.fixed_batch:
            self._fixed[part] = batch, prepared
        return batch, prepared

    def values(
        self, step: int, batch: Batch, prepared: Sequence[dict[str, Tensor]]
    ) -> Iterator[tuple[Term, Tensor]]:
        """Yield each loss of a batch and its value, in the recipe's order; nothing is weighted."""
        lesson = self.lesson
        with self.span("network"):
            controls = lesson.predict(batch)
        output = self.pipeline.synthesise(batch | controls)
        signal, controls = output.signal, output.controls
        del output  # no loss reads its parts, and each is as large as the signal
        again = self._again(step, batch, controls)
        for term, ready in zip(lesson.terms, prepared, strict=True):
            with self.span(f"loss {term.label}"):
                value = term(
                    pred=signal,
                    target=batch[lesson.target],
                    controls=controls,
                    batch=batch,
                    step=step,
                    prepared=ready,
                    again=again,
                )
            yield term, value

    def first_output(self) -> Output:
        """Run the pipeline, in float32, on what the first step trains on.

        Raises RecipeError if the signal is not of the target's shape.
        """
        batch, _ = self.batch(0, 0)
        with torch.no_grad():
            output: Output = self.pipeline(batch)
        recipe, wiring = self.lesson.recipe, self.pipeline.wiring
        if problem := target_problem(recipe, wiring, batch, output.signal):
            raise RecipeError([problem], ran=True)
        return output

    def fault(self) -> str:
        """Say in which step a loss was no finite number, and which; nothing if all were."""
        first = int(self.guard.first_bad)
        if first < 0:
            return ""
        culprits = [name for name, total in self.sums.items() if not math.isfinite(float(total))]
        if not culprits:
            return f"step {first + 1}: loss is beyond guards.max_loss, {self.guard.max_loss:g}"
        return f"step {first + 1}: {', '.join(culprits)} is no finite number"

    def weights_are_finite(self) -> bool:
        """Whether everything that is trained still consists of numbers."""
        return bool(torch.stack([weight.isfinite().all() for weight in self.trained]).all())

    def groups(self) -> Groups:
        """Return all that training continues from: named tensors in named groups."""
        return {
            "model": self.pipeline.state_dict(),
            "loss": self.losses.state_dict(),
            "average": self.average.state,
            "sum": self.sums,
            "guard": {"skipped": self.guard.skipped},
            "optimiser": optimiser_tensors(self.optimiser),
        }

    def restore(self, saved: SavedStage) -> None:
        """Continue from what `groups` returned: weights, average, losses that wait for a report."""
        groups = saved.groups()
        load_weights(self.pipeline, groups.get("model", {}), saved.path)
        load_weights(self.losses, groups.get("loss", {}), saved.path)
        for name, value in self.average.state.items():
            value.copy_(groups["average"][name])
        self.sums = {name: t.to(self.feed.device) for name, t in groups.get("sum", {}).items()}
        self.guard.skipped.copy_(groups["guard"]["skipped"])
        load_optimiser(self.optimiser, groups.get("optimiser", {}))

    def _again(self, step: int, batch: Batch, controls: Batch) -> Tensor | None:
        """Return what the same controls sound like with other noise, if a loss asks for it."""
        lesson = self.lesson
        if not any("again" in term.asks for term in lesson.terms):
            return None
        seed = derive_seed(self.feed.seed, "again")
        with self.span("network"), torch.no_grad():
            noisy = self.pipeline.with_noise(batch, seed=seed, step=lesson.steps_before + step)
            others = {noise.key: noisy[noise.key] for noise in self.pipeline.noises}
            return self.pipeline.synthesise(controls | others).signal

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

    def _loaded(self, place: int) -> Batch:
        """Load the items of a place: batches are counted through the steps of the stage."""
        stage = self.stage
        count = count_items(self.feed.source, "train")
        size = min(stage.batch, count)
        seed = self.lesson.recipe.seed
        chosen = indices(seed, stage.name, place, size, count, shuffle=stage.shuffle)
        return self.feed.load("train", chosen)

    def _accumulate(self, step: int, part: int) -> None:
        total = self._total(step, part)
        with self.span("backward"):
            (total / self.stage.accumulate).backward()
        self.guard.watch(total, step)

    def _total(self, step: int, part: int) -> Tensor:
        """Return the weighted sum of losses; of their batch and target, nothing outlives this."""
        batch, prepared = self.batch(step, part)
        total = torch.zeros((), device=self.feed.device)
        for term, value in self.values(step, batch, prepared):
            total = total + term.weight(step, self.stage.steps) * value
            self._sum(f"loss/{term.label}", value)
        self._sum("loss", total)
        return total

    def _sum(self, name: str, value: Tensor) -> None:
        value = value.detach()
        self.sums[name] = self.sums[name] + value if name in self.sums else value
