"""The time axis: durations in samples, and frames cut from a signal and added up to one."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

CPU_BLOCK = 1 << 18
"""Samples of frames worked on at a time: with what is made of them, 4 MB; a cache holds that."""
GPU_BLOCK = 1 << 26


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
    around = ends(x.shape[-1], window, hop)
    return around.cut(around.pad(x), window, hop)


class Ends(NamedTuple):
    """How many samples frames need before and after a signal, and if they are reflected or zero.

    Frames of several windows can share the widest ends, and with them one padded signal.
    """

    before: int
    after: int
    reflected: bool

    def pad(self, x: Tensor) -> Tensor:
        """Return a signal with its ends. Shape: x [..., T]."""
        if not self.reflected:
            return F.pad(x, (self.before, self.after))
        last = x.shape[-1] - 1
        head, tail = x[..., 1 : self.before + 1], x[..., last - self.after : last]
        return torch.cat((head.flip(-1), x, tail.flip(-1)), -1)

    def cut(self, padded: Tensor, window: int, hop: int) -> Tensor:
        """Return the frames of a padded signal, as a view. Shape: [..., T // hop + 1, window]."""
        count = (padded.shape[-1] - self.before - self.after) // hop + 1
        start = self.before - window // 2
        return padded[..., start:].unfold(-1, window, hop)[..., :count, :]

    def fold(self, padded: Tensor) -> Tensor:
        """Return what is left of a padded gradient, after its ends are added. Shape: [B,T]."""
        length = padded.shape[1] - self.before - self.after
        parts: tuple[Tensor, Tensor, Tensor] = padded.split((self.before, length, self.after), 1)
        head, signal, tail = parts
        if self.reflected:
            signal[:, 1 : self.before + 1].add_(head.flip(1))
            signal[:, length - 1 - self.after : length - 1].add_(tail.flip(1))
        return signal


class Unframing:
    """The adjoint of `frame`: gradients of frames, added up to the gradient of their signal.

    Shape: x [B,T], of which nothing but the form is used.
    """

    def __init__(self, x: Tensor, window: int, hop: int):
        self.hop, self.ends = hop, ends(x.shape[1], window, hop)
        self.padded = x.new_zeros(len(x), self.ends.before + x.shape[1] + self.ends.after)
        self.slots = self.ends.cut(self.padded, window, hop)

    def add(self, frames: Tensor, weights: Tensor, first: int) -> None:
        """Add weights times the gradients of frames `first` and on.

        Shape: frames [B,n,window], weights [window].
        """
        overlap_add(self.slots[:, first : first + frames.shape[1]], frames, weights, self.hop)

    def signal(self) -> Tensor:
        """Return the gradient of the signal; nothing can be added afterwards. Shape: [B,T]."""
        return self.ends.fold(self.padded)


def overlap_add(slots: Tensor, frames: Tensor, weights: Tensor, hop: int) -> None:
    """Add weights times frames to a signal that is `unfold`ed at `hop`.

    Shape: slots and frames [B,n,window], weights [window] or scalar.
    """
    # Frames that far apart do not overlap, so they can be added at once.
    apart = -(-frames.shape[2] // hop)
    for start in range(min(apart, frames.shape[1])):
        every = slice(start, None, apart)
        slots[:, every].addcmul_(frames[:, every], weights)


def ends(length: int, window: int, hop: int) -> Ends:
    """Return what frames need around a signal."""
    before = window // 2
    after = max(length // hop * hop + window - before - length, 0)
    return Ends(before, after, reflected=length > max(before, after))


def at_a_time(batch: int, window: int, device: torch.device) -> int:
    """Return how many frames of each item to work on together.

    What is made of them stays in a CPU's cache; a GPU wants few large kernels instead.
    """
    block = CPU_BLOCK if device.type == "cpu" else GPU_BLOCK
    return max(1, block // (batch * window))
