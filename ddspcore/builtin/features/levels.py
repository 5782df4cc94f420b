"""How loud it is."""

from collections.abc import Mapping

from attrs import frozen
from torch import Tensor, nn

from ddspcore import Context, Control, feature, option
from ddspcore.builtin.features.audio import AUDIO
from ddspcore.dsp.frames import samples
from ddspcore.dsp.loudness import FLOOR_DB, a_weighted_db, rms_db


@frozen
class LevelOptions:
    """How a level is measured."""

    window: float = option(0.064, gt=0.0, le=1.0, unit="s", help="length of the Hann window")
    floor_db: float = option(FLOOR_DB, lt=0.0, unit="dB", help="level at which silence is held")


@feature("loudness")
class Loudness(nn.Module):
    """A-weighted loudness in dB, 0 for a full-scale sine at 1 kHz.

    Source: IEC 61672-1:2013.
    """

    Options = LevelOptions

    def __init__(self, opt: LevelOptions, ctx: Context):
        super().__init__()
        self.floor_db = opt.floor_db
        self.sample_rate = ctx.rate("sample")
        self.window = samples(opt.window, self.sample_rate)
        self.hop = ctx.ratio("sample", "frame")

    @staticmethod
    def needs(opt: LevelOptions, ctx: Context) -> tuple[Control, ...]:
        """Declare audio."""
        return AUDIO

    @staticmethod
    def provides(opt: LevelOptions, ctx: Context) -> tuple[Control, ...]:
        """Declare the loudness."""
        return (Control("loudness_db", unit="db", lo=opt.floor_db, hi=0.0),)

    def forward(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Measure the loudness. Shape: audio [B,T] -> [B, T // hop + 1, 1]."""
        level = a_weighted_db(
            batch["audio"], self.sample_rate, self.hop, self.window, self.floor_db
        )
        return {"loudness_db": level.clamp_max(0.0)[..., None]}


@feature("rms")
class Rms(nn.Module):
    """RMS level in dB, 0 for a full-scale sine."""

    Options = LevelOptions

    def __init__(self, opt: LevelOptions, ctx: Context):
        super().__init__()
        self.floor_db = opt.floor_db
        self.window = samples(opt.window, ctx.rate("sample"))
        self.hop = ctx.ratio("sample", "frame")

    @staticmethod
    def needs(opt: LevelOptions, ctx: Context) -> tuple[Control, ...]:
        """Declare audio."""
        return AUDIO

    @staticmethod
    def provides(opt: LevelOptions, ctx: Context) -> tuple[Control, ...]:
        """Declare the level."""
        return (Control("rms_db", unit="db", lo=opt.floor_db, hi=0.0),)

    def forward(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Measure the level. Shape: audio [B,T] -> [B, T // hop + 1, 1]."""
        level = rms_db(batch["audio"], self.hop, self.window, self.floor_db)
        return {"rms_db": level.clamp_max(0.0)[..., None]}
