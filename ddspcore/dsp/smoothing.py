"""Smoothing along the frames, and how much a track moves."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

FIVE_TAPS = (0.1, 0.2, 0.4, 0.2, 0.1)


def smooth(x: Tensor, taps: Sequence[float] = FIVE_TAPS) -> Tensor:
    """Weigh every frame with its neighbours by an odd number of taps; the ends are held.

    Taps that sum to one keep what is constant, and a simplex a simplex.

    Shape: [B,N,C] -> [B,N,C]. Raises ValueError for an even number of taps.
    """
    if len(taps) % 2 == 0:
        raise ValueError(f"{len(taps)} taps have no middle")
    held = F.pad(x.mT, (len(taps) // 2,) * 2, mode="replicate").mT
    shifts = (tap * held[:, i : i + x.shape[1]] for i, tap in enumerate(reversed(taps)))
    return sum(shifts, start=torch.zeros_like(x))


def total_variation(x: Tensor) -> Tensor:
    """Return the mean absolute difference of neighbouring frames; 0 for a single frame.

    Shape: [B,N,C] -> [B,C], in the unit of `x`.
    """
    return x.diff(dim=1).abs().sum(1) / max(1, x.shape[1] - 1)
