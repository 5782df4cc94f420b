"""From controls to sound."""

from collections.abc import Mapping

import attrs
import torch
from torch import Tensor, nn

from ddspcore import Context, Control, option, synth
from ddspcore.controls import ANY
from ddspcore.dsp.filters import fft_convolve
from ddspcore.dsp.frames import samples
from ddspcore.kernels import filtered_noise, harmonic_bank

SIGNAL = Control("signal", unit="signal", axis="sample")


@synth("harmonic")
class Harmonic(nn.Module):
    """Sines at the multiples of a fundamental, silent from half the sample rate on.

    Frame by frame, harmonics above Nyquist are removed and the others share their part, so that
    the amplitude stays what the head said; where none is left, the frame is silent. Between frames
    each harmonic ends at the very sample where it reaches Nyquist.

    Source: Engel et al., DDSP (ICLR 2020), section 3.
    """

    def __init__(self, ctx: Context):
        super().__init__()
        self.sample_rate = round(ctx.rate("sample"))
        self.hop = ctx.ratio("sample", "frame")

    @staticmethod
    def needs(opt: object, ctx: Context) -> tuple[Control, ...]:
        """Declare pitch, amplitude and distribution."""
        return (
            Control("f0_hz", unit="hz"),
            Control("harmonic_amplitude", unit="linear"),
            Control("harmonic_distribution", unit="simplex", channels=ANY),
        )

    @staticmethod
    def provides(opt: object, ctx: Context) -> Control:
        """Declare the signal."""
        return SIGNAL

    def forward(self, controls: Mapping[str, Tensor]) -> Tensor:
        """Return the tone. Shape: controls [B,N,C] -> [B,(N-1)*hop]."""
        f0_hz = controls["f0_hz"]
        shares = audible(controls["harmonic_distribution"], f0_hz, self.sample_rate)
        amplitudes = controls["harmonic_amplitude"] * shares
        return harmonic_bank(f0_hz[..., 0], amplitudes, self.hop, self.sample_rate)


def audible(distribution: Tensor, f0_hz: Tensor, sample_rate: int) -> Tensor:
    """Remove the harmonics at and above Nyquist and let the others sum to one, or to zero.

    Shape: distribution [B,N,K], f0_hz [B,N,1] -> [B,N,K].
    """
    k = torch.arange(1, distribution.shape[-1] + 1, device=f0_hz.device)
    left = distribution * (k * f0_hz < sample_rate / 2)
    total = left.sum(-1, keepdim=True)
    return left / torch.where(total > 0.0, total, 1.0)


@synth("noise")
class Noise(nn.Module):
    """White noise through a filter whose magnitudes move from frame to frame.

    Source: Engel et al., DDSP (ICLR 2020), section 3 and appendix B.5.
    """

    def __init__(self, ctx: Context):
        super().__init__()
        self.hop = ctx.ratio("sample", "frame")

    @staticmethod
    def needs(opt: object, ctx: Context) -> tuple[Control, ...]:
        """Declare the magnitudes and the noise itself."""
        return (
            Control("noise_magnitudes", unit="linear", channels=ANY),
            Control("white", unit="noise", axis="sample"),
        )

    @staticmethod
    def provides(opt: object, ctx: Context) -> Control:
        """Declare the signal."""
        return SIGNAL

    def forward(self, controls: Mapping[str, Tensor]) -> Tensor:
        """Return the noise. Shape: white [B,T], magnitudes [B,N,bands] -> [B,T]."""
        return filtered_noise(controls["white"], controls["noise_magnitudes"], self.hop)


@synth("reverb")
class Reverb(nn.Module):
    """A room, as one trainable impulse response; what is dry passes unchanged.

    The response starts as faint noise that falls by 60 dB within `decay`, so that every tap has a
    gradient and none is heard yet.

    Source: Engel et al., DDSP (ICLR 2020), section 3.
    """

    @attrs.frozen
    class Options:
        """Options of the reverb."""

        length: float = option(0.5, gt=0.0, unit="s", help="how long the room can ring")
        decay: float = option(0.3, gt=0.0, unit="s", help="time in which the start falls by 60 dB")
        initial_gain: float = option(
            1e-3, ge=0.0, help="energy of the untrained room, as an amplitude beside the dry 1"
        )

    def __init__(self, opt: Options, ctx: Context):
        super().__init__()
        rate = ctx.rate("sample")
        taps = samples(opt.length, rate) - 1
        envelope = 10.0 ** (-3.0 * torch.arange(1, taps + 1) / (opt.decay * rate))
        noise = torch.randn(taps) * envelope
        self.wet = nn.Parameter(noise * (opt.initial_gain / envelope.square().sum().sqrt()))

    @staticmethod
    def needs(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Declare the dry signal."""
        return (SIGNAL,)

    @staticmethod
    def provides(opt: Options, ctx: Context) -> Control:
        """Declare the signal, which replaces the dry one."""
        return SIGNAL

    def forward(self, controls: Mapping[str, Tensor]) -> Tensor:
        """Return dry and wet together. Shape: [B,T] -> [B,T]."""
        dry = controls["signal"]
        late = fft_convolve(dry, self.wet[None])
        return dry + torch.nn.functional.pad(late, (1, 0))[:, :-1]
