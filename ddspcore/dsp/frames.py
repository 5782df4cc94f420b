"""The time axis: durations in samples, and frames cut from a signal."""

import torch
from torch import Tensor
from torch.nn import functional as F


def samples(seconds: float, rate: float) -> int:
    """Return a duration in samples: a multiple of 16, at least 16.

    4, 8, 16, 32, 64 and 128 ms are 64, 128, 256, 512, 1024 and 2048 samples at 16 kHz.
    """
    return 16 * max(1, round(seconds * rate / 16))


def frame(x: Tensor, window: int, hop: int) -> Tensor:
    """Cut a signal into overlapping frames, frame n centred on sample n * hop.

    The ends are reflected, or padded with zeros where the signal is too short to be reflected.
    Index window // 2 of frame n is sample n * hop.

    Shape: x [..., T] -> [..., T // hop + 1, window], a view of the padded signal.
    """
    length = x.shape[-1]
    before = window // 2
    after = max(length // hop * hop + window - before - length, 0)
    if length > max(before, after):
        head, tail = x[..., 1 : before + 1], x[..., length - 1 - after : length - 1]
        padded = torch.cat((head.flip(-1), x, tail.flip(-1)), -1)
    else:
        padded = F.pad(x, (before, after))
    return padded.unfold(-1, window, hop)
