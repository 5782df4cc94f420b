"""From a source to a pipeline: items by index, on the device, with the noise of a step."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from attrs import frozen

from ddspcore.assemble import Scheduled
from ddspcore.pipeline import EVALUATION_STEP, Batch, Pipeline, to_device


@frozen
class Feed:
    """A source, the pipeline that its batches are for, and what is scheduled in it."""

    source: Any
    pipeline: Pipeline
    scheduled: tuple[Scheduled, ...]
    seed: int
    device: torch.device

    def batch(self, split: str, indices: Sequence[int], step: int) -> Batch:
        """Return items of a split as one batch, with the noise of (seed, step)."""
        batch = to_device(self.source.batch(split, list(indices)), self.device)
        batch["item"] = torch.tensor(indices, device=self.device, dtype=torch.int64)
        return self.pipeline.with_noise(batch, seed=self.seed, step=step)

    def in_order(self, split: str, size: int, limit: int | None = None) -> "Batches":
        """Return all items of a split in order, or at most `limit` spread evenly over it."""
        count = self.source.count(split)
        kept = count if limit is None else min(count, limit)
        indices = tuple(index * count // kept for index in range(kept))
        return Batches(self, split, indices, size)


@frozen
class Batches:
    """Items of a split in order, with evaluation's noise; can be iterated again."""

    feed: Feed
    split: str
    indices: tuple[int, ...]
    size: int

    def __iter__(self) -> Iterator[Batch]:
        """Yield batches of at most `size` items."""
        for start in range(0, len(self.indices), self.size):
            yield self.feed.batch(
                self.split, self.indices[start : start + self.size], EVALUATION_STEP
            )
