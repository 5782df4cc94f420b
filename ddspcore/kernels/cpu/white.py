"""White noise by the compiled library."""

import torch
from torch import Tensor

from ddspcore.kernels.cpu.library import library, ready


def white_noise(items: Tensor, samples: int, key: int, offset: int) -> Tensor:
    """Return noise that is a hash of its arguments; see `ddspcore.dsp.white`.

    Shape: items [B] int64 -> [B, samples] float32.
    """
    items = ready(items.long())
    white = torch.empty(len(items), samples, dtype=torch.float32)
    library().ddsp_white_noise(
        items.data_ptr(),
        *white.shape,
        key,
        offset,
        white.data_ptr(),
        torch.get_num_threads(),
    )
    return white
