"""Pitch and voicing."""

from collections.abc import Mapping

import numpy as np
import torch
from attrs import frozen
from torch import Tensor, nn

from ddspcore import Context, Control, OptionError, feature, option
from ddspcore.builtin.features.audio import AUDIO
from ddspcore.dsp.pitch import bridge, track, window_size
from ddspcore.errors import UserError


def pitch_controls(f0_min: float, f0_max: float) -> tuple[Control, Control]:
    """Return the records of what every pitch feature provides."""
    return (
        Control("f0_hz", unit="hz", lo=f0_min, hi=f0_max),
        Control("voicing", unit="probability", lo=0.0, hi=1.0),
    )


@feature("f0")
class F0(nn.Module):
    """Pitch and voicing, by autocorrelation and the smoothest path through its peaks.

    `f0_hz` is always positive: interpolated in log frequency across unvoiced frames, held at the
    ends, `f0_min` where nothing is voiced. `voicing` above 0.5 is voiced.
    """

    @frozen
    class Options:
        """The range, and what the path prefers."""

        f0_min: float = option(
            50.0, ge=10.0, le=1000.0, unit="Hz", help="lowest pitch; the window is 3 periods of it"
        )
        f0_max: float = option(2000.0, ge=20.0, le=5000.0, unit="Hz", help="highest pitch")
        threshold: float = option(
            0.6, ge=0.0, le=1.0, help="periodic share of the power from which a frame is voiced"
        )
        octave_cost: float = option(
            0.05, ge=0.0, le=1.0, help="share that a pitch must gain to be preferred an octave down"
        )
        jump_cost: float = option(
            0.5, ge=0.0, help="share lost by a path that moves an octave in 10 ms"
        )
        silence_db: float = option(
            -70.0, le=0.0, unit="dB", help="level, below full scale, that halves the periodic share"
        )

        def __attrs_post_init__(self) -> None:
            if self.f0_max <= self.f0_min:
                raise OptionError("f0_max", f"{self.f0_max:g} is not above f0_min {self.f0_min:g}")

    def __init__(self, opt: Options, ctx: Context):
        super().__init__()
        self.opt = opt
        self.sample_rate = ctx.rate("sample")
        self.window = window_size(self.sample_rate, opt.f0_min)
        self.hop = ctx.ratio("sample", "frame")

    @staticmethod
    def needs(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Declare audio."""
        return AUDIO

    @staticmethod
    def provides(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Declare pitch and voicing."""
        return pitch_controls(opt.f0_min, opt.f0_max)

    def forward(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Track the pitch. Shape: audio [B,T] -> [B, T // hop + 1, 1] each."""
        f0_hz, voicing = track(
            batch["audio"],
            self.sample_rate,
            self.hop,
            f0_min=self.opt.f0_min,
            f0_max=self.opt.f0_max,
            octave_cost=self.opt.octave_cost,
            jump_cost=self.opt.jump_cost,
            threshold=self.opt.threshold,
            silence_db=self.opt.silence_db,
        )
        return {"f0_hz": f0_hz[..., None], "voicing": voicing[..., None]}


@feature("swift-f0")
class SwiftF0(nn.Module):
    """Pitch and voicing, by the neural tracker SwiftF0; needs `pip install ddspcore[swift-f0]`.

    It holds on to speech and singing through breath and creak; `f0` is finer on instruments. Runs
    on the CPU, hears 47 to 2094 Hz. Same contract as `f0`.
    """

    @frozen
    class Options:
        """The range."""

        f0_min: float = option(50.0, ge=47.0, le=1000.0, unit="Hz", help="lowest pitch")
        f0_max: float = option(2000.0, ge=60.0, le=2093.0, unit="Hz", help="highest pitch")

        def __attrs_post_init__(self) -> None:
            if self.f0_max < 1.25 * self.f0_min:
                raise OptionError(
                    "f0_max", f"{self.f0_max:g} is not well above f0_min {self.f0_min:g}"
                )

    def __init__(self, opt: Options, ctx: Context):
        super().__init__()
        try:
            import swift_f0  # noqa: PLC0415  an optional extra
        except ImportError:
            raise UserError(
                'feature swift-f0 needs the package swift-f0: pip install "ddspcore[swift-f0]"'
            ) from None
        self.detector = swift_f0.SwiftF0(threads=1)
        self.range = opt.f0_min, opt.f0_max
        self.sample_rate = round(ctx.rate("sample"))
        self.hop = ctx.ratio("sample", "frame")

    @staticmethod
    def needs(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Declare audio."""
        return AUDIO

    @staticmethod
    def provides(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Declare pitch and voicing."""
        return pitch_controls(opt.f0_min, opt.f0_max)

    def forward(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Track the pitch. Shape: audio [B,T] -> [B, T // hop + 1, 1] each."""
        tracks = [self._detect(item) for item in batch["audio"].cpu()]
        f0_hz, voicing = (torch.stack(values) for values in zip(*tracks, strict=True))
        device = batch["audio"].device
        return {"f0_hz": f0_hz[..., None].to(device), "voicing": voicing[..., None].to(device)}

    def _detect(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Bring the tracker's own frames, 16 ms apart, to the recipe's."""
        low, high = self.range
        found = self.detector.detect(x.numpy(), self.sample_rate, *self.range)
        octaves = torch.from_numpy(np.log2(found.pitch_hz.clip(low, high) / low)).float()
        voiced = torch.from_numpy(found.confidence > 0.5)
        bridged = bridge(octaves[None], voiced[None])[0]
        times = np.arange(len(x) // self.hop + 1) * (self.hop / self.sample_rate)
        octaves, voicing = (
            torch.from_numpy(np.interp(times, found.timestamps, values)).float()
            for values in (bridged.numpy(), found.confidence)
        )
        return (low * 2**octaves).clamp(low, high), voicing
