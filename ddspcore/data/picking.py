"""The one chunk that an overfitting probe trains on."""

from collections.abc import Sequence

import torch

from ddspcore.data.features import VOICED
from ddspcore.data.items import Item
from ddspcore.data.splits import Stretch


def most_voiced(items: Sequence[Item], chunk: int, hop: int) -> Stretch:
    """Return the chunk, among all that start on a hop, with the most voiced frames.

    Of several the one with the most energy, and of these the first. `chunk` is in hops, `hop` in
    samples; items have the feature `voicing`.
    """
    best = [_best(item, chunk, hop) for item in items]
    number = max(range(len(items)), key=lambda n: best[n][:2])
    start = best[number][2]
    return Stretch(number, start, start + chunk)


def _best(item: Item, chunk: int, hop: int) -> tuple[int, float, int]:
    hops = max(item.hops(hop), chunk)
    frames = (item.features["voicing"][0, :, 0] > VOICED).to(torch.int64)
    squares = item.samples(0, hops * hop)[0].double().square().view(hops, hop).sum(1)
    voiced = frames.unfold(0, chunk + 1, 1).sum(1)
    energy = squares.unfold(0, chunk, 1).sum(1)
    candidates = torch.nonzero(voiced == voiced.max())[:, 0]
    start = int(candidates[energy[candidates].argmax()])
    return int(voiced[start]), float(energy[start]), start
