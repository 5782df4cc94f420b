"""Short-time magnitudes by the compiled library, where no gradient is asked for."""

import torch
from torch import Tensor

from ddspcore.dsp import stft
from ddspcore.kernels.cpu.library import library, ready


def magnitude(x: Tensor, window: int, hop: int) -> Tensor:
    """Return magnitudes of centred frames; see `ddspcore.dsp.stft`.

    Shape: x [B,T] -> [B, T // hop + 1, window // 2 + 1].
    """
    if not _fits(x, window, hop) or (torch.is_grad_enabled() and x.requires_grad):
        return stft.magnitude(x, window, hop)
    x = ready(x)
    magnitudes = x.new_empty(len(x), x.shape[1] // hop + 1, window // 2 + 1)
    library().ddsp_magnitude(
        x.data_ptr(), *x.shape, window, hop, magnitudes.data_ptr(), torch.get_num_threads()
    )
    return magnitudes


def _fits(x: Tensor, window: int, hop: int) -> bool:
    if x.dim() != 2 or hop < 1 or len(x) == 0:
        return False
    return window % 16 == 0 and 0 < window // 2 < x.shape[1]
