"""What the reference hears in a chunk, and where its rows lie in time.

Two axes of its own: `window` for the analysis windows, which begin every hop and end within the
chunk, so they are not centred; and `row` for what the decoder sees, the windows padded to a
multiple of eight.
"""

from collections.abc import Mapping

import torch
from attrs import frozen
from ddspcore import Context, Control, feature, option
from torch import Tensor, nn
from torch.nn import functional as F

from ddsp_dgen.corpus import starts

AUDIO = Control("audio", unit="signal", axis="sample")
F0 = Control("f0_hz", unit="hz", axis="window", lo=0.0)
VOICING = Control("voicing", unit="probability", axis="window", lo=0.0, hi=1.0)
LOUDNESS = Control("loudness_db", unit="db", axis="window", lo=-120.0)
CONDITIONING = Control("conditioning", axis="row", channels=5)
PLAYHEAD = Control("playhead", unit="index", axis="sample", lo=0.0)

ROWS = 8
TINY_ENERGY = 1e-8
SLACK = 1e-4
"""How far from the last row the playhead stops."""


@frozen
class WindowOptions:
    """How a chunk is cut into windows."""

    window: int = option(1024, ge=2, unit="samples", help="length of an analysis window")
    hop: int = option(256, ge=1, unit="samples", help="from one window's start to the next")


def windows(audio: Tensor, opt: WindowOptions) -> Tensor:
    """Return the windows of a chunk; one shorter than a window is one, cut short.

    Shape: [B,T] -> [B,F,window].
    """
    length = audio.shape[1]
    size = min(opt.window, length)
    return torch.stack([audio[:, s : s + size] for s in starts(length, opt.window, opt.hop)], 1)


def padded(count: int) -> int:
    """Return the rows that the decoder sees for a number of windows."""
    return -(-count // ROWS) * ROWS


@feature("autocorrelation")
class Autocorrelation(nn.Module):
    """Pitch by the highest peak of the autocorrelation; 0 Hz where unvoiced.

    The autocorrelation is biased, so it prefers short lags, and nothing corrects octaves.
    """

    @frozen
    class Options(WindowOptions):
        """Range of the pitch, and what counts as voiced."""

        min_hz: float = option(50.0, gt=0, unit="Hz", help="lowest pitch")
        max_hz: float = option(1000.0, gt=0, unit="Hz", help="highest pitch")
        silence_rms: float = option(0.0005, ge=0, help="below this, a window is unvoiced")
        threshold: float = option(0.3, ge=0, le=1, help="correlation of a voiced window")

    def __init__(self, opt: Options, ctx: Context):
        super().__init__()
        self.opt = opt
        self.sample_rate = ctx.rate("sample")

    @staticmethod
    def needs(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Declare audio."""
        return (AUDIO,)

    @staticmethod
    def provides(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Declare pitch and voicing."""
        return (F0, VOICING)

    def forward(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Measure pitch and voicing. Shape: audio [B,T] -> [B,F,1] each."""
        opt = self.opt
        x = windows(batch["audio"], opt).double()
        size = x.shape[-1]
        shortest = max(1, int(self.sample_rate / opt.max_hz))
        longest = min(size - 2, int(self.sample_rate / opt.min_hz))
        loud = x.square().mean(-1).sqrt() >= opt.silence_rms
        if longest <= shortest:
            unvoiced = torch.zeros_like(loud, dtype=torch.float32)[..., None]
            return {"f0_hz": unvoiced, "voicing": unvoiced}
        x = x - x.mean(-1, keepdim=True)
        energy = x.square().sum(-1)
        spectrum = torch.fft.rfft(x, n=2 * size)
        power = spectrum.real.square() + spectrum.imag.square()
        correlation = torch.fft.irfft(power)[..., : longest + 2] / (energy + TINY_ENERGY)[..., None]
        height, at = correlation[..., shortest : longest + 1].max(-1)
        at = at + shortest
        lag = at + _vertex(correlation, at) * ((at > shortest) & (at < longest))
        voiced = loud & (energy > TINY_ENERGY) & (height >= opt.threshold)
        f0_hz = torch.where(voiced, self.sample_rate / lag.clamp(min=1.0), 0.0)
        return {"f0_hz": f0_hz.float()[..., None], "voicing": voiced.float()[..., None]}


def _vertex(correlation: Tensor, at: Tensor) -> Tensor:
    """Return how far from a peak the parabola through it and its neighbours is highest."""
    left, mid, right = (correlation.gather(-1, (at + n)[..., None])[..., 0] for n in (-1, 0, 1))
    curve = left - 2 * mid + right
    flat = curve.abs() <= TINY_ENERGY
    shift = 0.5 * (left - right) / torch.where(flat, 1.0, curve)
    return torch.where(flat, 0.0, shift.clamp(-1.0, 1.0))


@feature("rms")
class Rms(nn.Module):
    """RMS level of the raw windows in dB, no lower than -120."""

    Options = WindowOptions

    def __init__(self, opt: WindowOptions):
        super().__init__()
        self.opt = opt

    @staticmethod
    def needs(opt: WindowOptions, ctx: Context) -> tuple[Control, ...]:
        """Declare audio."""
        return (AUDIO,)

    @staticmethod
    def provides(opt: WindowOptions, ctx: Context) -> tuple[Control, ...]:
        """Declare the level."""
        return (LOUDNESS,)

    def forward(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Measure the level. Shape: audio [B,T] -> [B,F,1]."""
        rms = windows(batch["audio"], self.opt).square().mean(-1, keepdim=True).sqrt()
        return {"loudness_db": (20 * rms.clamp(min=1e-7).log10()).clamp(min=-120.0)}


def unit_loudness(loudness_db: Tensor) -> Tensor:
    """Return a level between -80 and 0 dB as 0 to 1, held beyond."""
    return ((loudness_db + 80.0) / 80.0).clamp(0.0, 1.0)


@feature("conditioning")
class Conditioning(nn.Module):
    """The decoder's five inputs: pitch, loudness, voicing, change of pitch, change of loudness.

    Pitch is in octaves from 440 Hz, -8.78 where unvoiced. Rows beyond the windows are zero.
    """

    @staticmethod
    def needs(opt: object, ctx: Context) -> tuple[Control, ...]:
        """Declare what is heard."""
        return (F0, VOICING, LOUDNESS)

    @staticmethod
    def provides(opt: object, ctx: Context) -> tuple[Control, ...]:
        """Declare the inputs."""
        return (CONDITIONING,)

    def forward(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Scale and pad. Shape: three times [B,F,1] -> [B,rows,5]."""
        octave = (batch["f0_hz"].clamp(min=1.0) / 440.0).log2()
        loudness = unit_loudness(batch["loudness_db"])
        moves = [x.diff(dim=1, prepend=x[:, :1]) for x in (octave, loudness)]
        columns = torch.cat([octave, loudness, batch["voicing"], *moves], dim=-1)
        count = columns.shape[1]
        return {"conditioning": F.pad(columns, (0, 0, 0, padded(count) - count))}


@feature("playhead")
class Playhead(nn.Module):
    """Which row is heard at every sample, with fractions: rows are stretched over the whole chunk.

    So row n is heard at sample n (T - 1) / (F - 1), while its window begins at n times the hop: at
    the usual sizes the controls come up to 32 ms early at the start and late at the end.
    """

    @frozen
    class Options:
        """What is stretched."""

        lanes: bool = option(
            False, help="stretch the padded rows too, as where several chunks make a batch"
        )

    def __init__(self, opt: Options):
        super().__init__()
        self.lanes = opt.lanes

    @staticmethod
    def needs(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Declare audio, for the samples, and pitch, for the windows."""
        return (AUDIO, F0)

    @staticmethod
    def provides(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Declare the playhead."""
        return (PLAYHEAD,)

    def forward(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the rows. Shape: audio [B,T], f0_hz [B,F,1] -> [B,T]."""
        audio, count = batch["audio"], batch["f0_hz"].shape[1]
        last = (padded(count) if self.lanes else count) - 1
        time = torch.arange(audio.shape[1], dtype=torch.float64) / max(audio.shape[1] - 1, 1)
        place = (time * last).clamp(max=max(last - SLACK, 0.0))
        return {"playhead": place.float().expand(audio.shape)}
