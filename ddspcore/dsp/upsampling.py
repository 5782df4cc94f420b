"""From frames to samples: sample t lies between frames t // hop and t // hop + 1."""

import functools

import torch
from torch import Tensor


def ramp(hop: int, like: Tensor) -> Tensor:
    """Return the weights 0, 1/hop, ... of the later frame, on the device and dtype of `like`.

    Not to be written to.
    From integers: `F.interpolate` derives its positions from a float32 ratio and is off by 1e-4.
    """
    return _ramp(hop, like.device, like.dtype)


@functools.lru_cache(maxsize=32)
def _ramp(hop: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    with torch.inference_mode(False), torch.no_grad():
        return torch.arange(hop, device=device).to(dtype) / hop


def linear(frames: Tensor, hop: int) -> Tensor:
    """Interpolate linearly between frames; the last frame is where the signal ends.

    Shape: frames [B,N,C] -> [B,(N-1)*hop,C].
    """
    earlier, later = frames[:, :-1, None], frames[:, 1:, None]
    return torch.lerp(earlier, later, ramp(hop, frames)[:, None]).flatten(1, 2)
