"""A pipeline that predicts what it is told to, and items to give it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ddspcore import Context
from ddspcore.pipeline import Batch, Output
from ddspcore.randomness import white_noise


class Told:
    """Stands for a trained pipeline: its parts are functions of the batch."""

    def __init__(self, **parts: Callable[[Batch], Tensor]):
        self.parts = parts
        self.steps: list[int] = []

    def __call__(self, batch: Batch) -> Output:
        made = {label: part(batch) for label, part in self.parts.items()}
        return Output(sum(made.values()), made, batch)

    def with_noise(self, batch: Batch, *, seed: int, step: int) -> Batch:
        self.steps.append(step)
        samples = batch["audio"].shape[1]
        return batch | {
            "white": white_noise(batch["item"], samples, seed=seed, step=step, label="white")
        }


@pytest.fixture
def ctx() -> Context:
    return Context({"sample": 16000.0, "frame": 62.5})


@pytest.fixture
def told() -> type[Told]:
    return Told


@pytest.fixture
def as_batches() -> Callable[..., list[Batch]]:
    """Make batches of one item from signals of any length."""

    def make(*signals: Tensor) -> list[Batch]:
        return [{"audio": x[None], "item": torch.tensor([i])} for i, x in enumerate(signals)]

    return make


@pytest.fixture
def evaluate(ctx: Context, tmp_path: Path) -> Callable[..., dict[str, float]]:
    """Run an evaluator and check that it returns what it declares and leaves generators alone."""

    def run(cls: type, pipeline: Told, batches: list[Batch], **options: object) -> dict[str, float]:
        component = cls.__ddsp__
        opt = component.options(**options)
        before = torch.get_rng_state()
        with torch.no_grad():
            found = component.build(opt=opt, ctx=ctx)(pipeline, batches, tmp_path)
        assert torch.equal(torch.get_rng_state(), before)
        declared = cls.metrics(opt, ctx)
        for key, value in found.items():
            assert isinstance(value, float)
            (metric,) = [m for m in declared if m.covers(key)]
            assert metric.lo is None or value >= metric.lo
            assert metric.hi is None or value <= metric.hi
        return found

    return run
