"""White noise in one pass over its memory."""

import torch
import triton
from torch import Tensor

from ddspcore.dsp.white import to_int32
from ddspcore.kernels.cuda.programs import white as programs

SAMPLES = 1024
"""Samples of one program."""


def white_noise(items: Tensor, samples: int, key: int, offset: int) -> Tensor:
    """Return noise that is a hash of its arguments; see `ddspcore.dsp.white`.

    Shape: items [B] int64 -> [B, samples] float32.
    """
    white = torch.empty(len(items), samples, dtype=torch.float32, device=items.device)
    if white.numel():
        with torch.cuda.device_of(items):
            programs.hash_counters[(triton.cdiv(samples, SAMPLES), len(items))](
                items.long().contiguous(),
                white,
                samples,
                *(to_int32(part) for part in (key, key >> 31, offset)),
                BLOCK=SAMPLES,
            )
    return white
