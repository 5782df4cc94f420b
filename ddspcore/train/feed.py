"""From a source to a pipeline: items by index, on the device, with the noise of a step."""

from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Any

import torch
from attrs import field, frozen

from ddspcore.assemble import Scheduled
from ddspcore.data.supply import check_batch, count_items
from ddspcore.pipeline import EVALUATION_STEP, Batch, Pipeline, to_device


@frozen
class Feed:
    """A source, the pipeline that its batches are for, and what is scheduled in it."""

    source: Any
    pipeline: Pipeline
    scheduled: tuple[Scheduled, ...]
    seed: int
    device: torch.device
    _one_at_a_time: Lock = field(factory=Lock, init=False, repr=False, eq=False)

    def batch(self, split: str, indices: Sequence[int], step: int) -> Batch:
        """Return items of a split as one batch on the device, with the noise of (seed, step)."""
        return self.place(self.load(split, indices), step)

    def load(self, split: str, indices: Sequence[int]) -> Batch:
        """Return items of a split as one batch in memory; may run beside what the device does.

        For CUDA, the memory is pinned, so that copying it holds nothing up.
        """
        with self._one_at_a_time:
            batch = self.source.batch(split, list(indices))
        check_batch(self.source, batch, self.pipeline.wiring, len(indices))
        batch = {**batch, "item": torch.tensor(indices, dtype=torch.int64)}
        if self.device.type != "cuda":
            return batch
        return {n: value if value.is_cuda else value.pin_memory() for n, value in batch.items()}

    def place(self, batch: Batch, step: int) -> Batch:
        """Return a loaded batch on the device, with the noise of (seed, step)."""
        return self.pipeline.with_noise(to_device(batch, self.device), seed=self.seed, step=step)

    def in_order(self, split: str, size: int, limit: int | None = None) -> "Batches":
        """Return all items of a split in order, or at most `limit` spread evenly over it."""
        count = count_items(self.source, split)
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
