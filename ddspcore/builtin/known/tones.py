"""A harmonic tone of which everything is known."""

import math
from collections.abc import Sequence

import torch
from attrs import evolve, frozen
from torch import Tensor

from ddspcore import Context, Control, option, source
from ddspcore.builtin.synths import audible
from ddspcore.controls import ANY
from ddspcore.dsp.oscillators import harmonic_bank
from ddspcore.dsp.scales import db_to_amplitude, raised
from ddspcore.pipeline import Batch
from ddspcore.randomness import derive_seed

LEVEL_DB, LEVEL_SWING_DB = -14.0, 3.0
PARTIAL_SWING_DB = 4.0
WAVES = 4
"""Cosines that a trajectory is made of."""
FASTEST_HZ = 2.0
F0 = Control("known_f0_hz", unit="hz")
AMPLITUDE = Control("known_harmonic_amplitude", unit="linear")
DISTRIBUTION = Control("known_harmonic_distribution", unit="simplex", channels=ANY)


@source("known-tones")
class KnownTones:
    """Harmonic tones, and the controls that they were made from.

    The pitch glides and has vibrato; the level and each harmonic of a sawtooth move smoothly, by 3
    and 4 dB (RMS), as `seed` and the number of the item draw it. Played by the project's own
    oscillators in double precision. All items are to train on: what is asked is whether their
    controls are found again.

    A batch has `audio` [B,T]; `f0_hz` [B,N,1], which is what a model is told, `detune` cents off;
    and `known_f0_hz`, `known_harmonic_amplitude` and `known_harmonic_distribution`, as a harmonic
    head would say them. A network must not listen to these: name its `inputs`.
    """

    @frozen
    class Options:
        """What is played."""

        tones: int = option(1, ge=1, help="how many tones there are")
        seconds: float = option(2.0, gt=0.0, le=60.0, unit="s", help="how long each lasts")
        partials: int = option(64, ge=1, help="harmonics; those above Nyquist are silent")
        f0: float = option(147.0, ge=20.0, le=2000.0, unit="Hz", help="pitch at the start")
        glide: float = option(500.0, unit="cents", help="how far it glides until the end")
        vibrato: float = option(30.0, ge=0.0, unit="cents", help="depth of the vibrato")
        vibrato_rate: float = option(5.5, ge=0.0, le=20.0, unit="Hz", help="rate of the vibrato")
        detune: float = option(0.0, unit="cents", help="how far off the pitch is that is told")
        seed: int = option(0, help="another number draws other levels")

    def __init__(self, opt: Options, ctx: Context):
        self.opt = opt
        self.sample_rate = round(ctx.rate("sample"))
        self.hop = ctx.ratio("sample", "frame")
        hops = max(1, round(opt.seconds * ctx.rate("frame")))
        self.times_s = torch.arange(hops + 1, dtype=torch.float64) / ctx.rate("frame")

    @staticmethod
    def provides(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Declare the sound, the pitch that is told, and what is known."""
        told = Control("f0_hz", unit="hz", lo=20.0, hi=ctx.rate("sample") / 2)
        known = F0, AMPLITUDE, evolve(DISTRIBUTION, channels=opt.partials)
        return (Control("audio", unit="signal", axis="sample"), told, *known)

    @staticmethod
    def target(opt: Options, ctx: Context) -> str:
        """Predictions are compared with the sound."""
        return "audio"

    def count(self, split: str) -> int:
        """Return how many items a split has: all are to train on."""
        return self.opt.tones if split == "train" else 0

    def batch(self, split: str, indices: Sequence[int]) -> Batch:
        """Return some of the tones."""
        items = [self._item(index) for index in indices]
        return {name: torch.cat([item[name] for item in items]).float() for name in items[0]}

    def _item(self, index: int) -> Batch:
        """Return one tone, in double precision."""
        opt, t = self.opt, self.times_s
        vibrato = opt.vibrato * torch.sin(2.0 * math.pi * opt.vibrato_rate * t)
        # A model is told float32, so that is what is played.
        f0_hz = raised(torch.full_like(t, opt.f0), opt.glide * t / opt.seconds + vibrato)
        f0_hz = f0_hz.float().double()[None, :, None]
        generator = torch.Generator().manual_seed(derive_seed(opt.seed, index))
        amplitude = db_to_amplitude(LEVEL_DB + LEVEL_SWING_DB * wander(t, 1, generator))[None]
        sawtooth = 1.0 / torch.arange(1, opt.partials + 1, dtype=torch.float64)
        moves = PARTIAL_SWING_DB * wander(t, opt.partials, generator)
        shares = (sawtooth * db_to_amplitude(moves))[None]
        shares = shares / shares.sum(-1, keepdim=True)
        partials = amplitude * audible(shares, f0_hz, self.sample_rate)
        return {
            "audio": harmonic_bank(f0_hz[..., 0], partials, self.hop, self.sample_rate),
            "f0_hz": raised(f0_hz, torch.full_like(f0_hz, opt.detune)),
            F0.name: f0_hz,
            AMPLITUDE.name: amplitude,
            DISTRIBUTION.name: shares,
        }


def wander(times_s: Tensor, channels: int, generator: torch.Generator) -> Tensor:
    """Return slow curves about zero: sums of a few cosines, of RMS 1 on average.

    Shape: times_s [N] -> [N,channels].
    """
    size = (WAVES, channels)
    rate_hz, turns = (torch.rand(size, generator=generator).double() for _ in range(2))
    sizes = torch.randn(size, generator=generator).double()
    angles = 2.0 * math.pi * (FASTEST_HZ * rate_hz * times_s[:, None, None] + turns)
    curves: Tensor = (sizes * angles.cos()).sum(1) * (2.0 / WAVES) ** 0.5
    return curves
