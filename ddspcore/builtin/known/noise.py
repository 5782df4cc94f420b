"""Noise whose filter is known, so that what is recovered can be compared with what there was."""

import math
from collections.abc import Sequence

import torch
from attrs import frozen
from torch import Tensor

from ddspcore import Context, Control, option, source
from ddspcore.controls import ANY
from ddspcore.kernels import filtered_noise
from ddspcore.pipeline import Batch
from ddspcore.randomness import white_noise

MAGNITUDES = Control("true_noise_magnitudes", channels=ANY, lo=0.0)


@source("known-noise")
class KnownNoise:
    """One realisation of noise through a filter that moves, and the filter.

    Two broad resonances wander through a falling spectrum, and all of it swells twice a second;
    about 40 dB lie between the loudest band and the softest. Items differ in where the resonances
    are. Nothing is held out: what is to be learned is these items.
    """

    @frozen
    class Options:
        """How much noise there is, and how it is filtered."""

        seconds: float = option(2.0, gt=0, le=60, unit="s", help="length of an item")
        realisations: int = option(1, ge=1, help="how many items there are")
        bands: int = option(65, ge=2, help="magnitudes of the filter, from 0 to Nyquist")
        level: float = option(1.0, gt=0, help="what the noise is multiplied by; 1 is -17 dB RMS")
        seed: int = option(1, help="another number is another realisation")

    def __init__(self, opt: Options, ctx: Context):
        self.opt = opt
        self.hop = ctx.ratio("sample", "frame")
        self.hops = max(1, round(opt.seconds * ctx.rate("frame")))
        self.frame_s = 1.0 / ctx.rate("frame")

    @staticmethod
    def provides(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Declare the sound and the magnitudes that it was filtered by."""
        return (
            Control("audio", unit="signal", axis="sample"),
            Control(MAGNITUDES.name, channels=opt.bands, lo=0.0),
        )

    @staticmethod
    def target(opt: Options, ctx: Context) -> str:
        """Predictions are compared with the sound."""
        return "audio"

    def count(self, split: str) -> int:
        """Return how many items a split has: all are trained on."""
        return self.opt.realisations if split == "train" else 0

    def batch(self, split: str, indices: Sequence[int]) -> Batch:
        """Return items; each depends on its number and the seed alone."""
        items = [self._item(index) for index in indices]
        return {name: torch.cat([item[name] for item in items]) for name in items[0]}

    def _item(self, index: int) -> Batch:
        item = torch.tensor([index])
        white = white_noise(
            item, self.hops * self.hop, seed=self.opt.seed, step=0, label="known-noise"
        )
        magnitudes = self._magnitudes(index)
        audio = filtered_noise(white, magnitudes, self.hop)
        return {"audio": audio, MAGNITUDES.name: magnitudes}

    def _magnitudes(self, index: int) -> Tensor:
        """Return the filter's way. Shape: [1,N,bands]."""
        turns = torch.arange(self.hops + 1)[:, None] * self.frame_s + 0.37 * index
        height = torch.linspace(0.0, 1.0, self.opt.bands)
        low = 0.15 + 0.1 * torch.sin(2 * math.pi * 0.7 * turns)
        high = 0.6 - 0.15 * torch.cos(2 * math.pi * 0.45 * turns)
        db = (
            -24.0
            - 12.0 * height
            + 22.0 * torch.exp(-(((height - low) / 0.1) ** 2))
            + 18.0 * torch.exp(-(((height - high) / 0.14) ** 2))
            + 6.0 * torch.sin(2 * math.pi * 2.0 * turns)
        )
        magnitudes: Tensor = self.opt.level * 10.0 ** (db / 20.0)
        return magnitudes[None]
