"""From controls to sound."""

from collections.abc import Mapping

import attrs
import torch
import torch.nn.functional as F
from attrs import frozen
from torch import Tensor, nn

from ddspcore import Context, Control, option, synth
from ddspcore.builtin.smoothing import Smoothing, Waiting
from ddspcore.controls import ANY
from ddspcore.dsp.filters import fft_convolve
from ddspcore.dsp.frames import samples
from ddspcore.dsp.oscillators import phase_after
from ddspcore.dsp.partitioned_convolution import Past, convolve, partition, silence
from ddspcore.kernels import filtered_noise, harmonic_bank

SIGNAL = Control("signal", unit="signal", axis="sample")


@frozen
class Sounding:
    """A tone in the middle of things: the phase of its next sample, its last frame, and to come."""

    phase: Tensor
    f0_hz: Tensor | None = None
    amplitudes: Tensor | None = None
    waiting: Waiting | None = None


def lengthen(signal: Tensor, count: int) -> Tensor:
    """Return a signal of `count` samples, with silence before it where it has fewer."""
    return signal if signal.shape[1] == count else F.pad(signal, (count - signal.shape[1], 0))


def after(past: Tensor | None, new: Tensor) -> Tensor:
    """Return what is kept of the past, if anything, followed by the new."""
    return new if past is None else torch.cat([past, new], dim=1)


@synth("harmonic")
class Harmonic(nn.Module):
    """Sines at the multiples of a fundamental, silent from half the sample rate on.

    What is smoothed, where `smoothing` asks for it, is amplitude and distribution, not the pitch.

    Frame by frame, harmonics above Nyquist are removed and the others share their part, so that
    the amplitude stays what the head said; where none is left, the frame is silent. Between frames
    each harmonic ends at the very sample where it reaches Nyquist.

    Source: Engel et al., DDSP (ICLR 2020), section 3.
    """

    Options = Smoothing

    def __init__(self, opt: Smoothing, ctx: Context):
        super().__init__()
        self.opt = opt
        self.sample_rate = round(ctx.rate("sample"))
        self.hop = ctx.ratio("sample", "frame")

    @staticmethod
    def needs(opt: Smoothing, ctx: Context) -> tuple[Control, ...]:
        """Declare pitch, amplitude and distribution."""
        return (
            Control("f0_hz", unit="hz"),
            Control("harmonic_amplitude", unit="linear"),
            Control("harmonic_distribution", unit="simplex", channels=ANY),
        )

    @staticmethod
    def provides(opt: Smoothing, ctx: Context) -> Control:
        """Declare the signal."""
        return SIGNAL

    def forward(self, controls: Mapping[str, Tensor]) -> Tensor:
        """Return the tone. Shape: controls [B,N,C] -> [B,(N-1)*hop]."""
        f0_hz, amplitudes = self._partials(self.opt.means(controls))
        return harmonic_bank(f0_hz, amplitudes, self.hop, self.sample_rate)

    def latency(self, served: Mapping[str, Control]) -> int:
        """Return how far smoothing hears ahead, in samples."""
        return self.opt.ahead * self.hop

    def initial_state(self, batch: int, device: torch.device) -> Sounding:
        """Return the phase of the first sample."""
        return Sounding(torch.zeros(batch, dtype=torch.int64, device=device))

    def step(self, controls: Mapping[str, Tensor], state: Sounding) -> tuple[Tensor, Sounding]:
        """Go on with the tone from the last frame to the last of the new ones."""
        came = controls["f0_hz"].shape[1] - (state.f0_hz is None)
        controls, waiting = self.opt.means_of_known(controls, state.waiting, self.hop)
        f0_hz, amplitudes = self._partials(controls)
        f0_hz, amplitudes = after(state.f0_hz, f0_hz), after(state.amplitudes, amplitudes)
        last = (f0_hz[:, -1:], amplitudes[:, -1:], waiting)
        if f0_hz.shape[1] <= 1:
            return f0_hz.new_zeros(len(f0_hz), came * self.hop), Sounding(state.phase, *last)
        tone = harmonic_bank(f0_hz, amplitudes, self.hop, self.sample_rate, state.phase)
        phase = phase_after(f0_hz, self.hop, self.sample_rate, state.phase)
        return lengthen(tone, came * self.hop), Sounding(phase, *last)

    def _partials(self, controls: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        f0_hz = controls["f0_hz"]
        shares = audible(controls["harmonic_distribution"], f0_hz, self.sample_rate)
        return f0_hz[..., 0], controls["harmonic_amplitude"] * shares


def audible(distribution: Tensor, f0_hz: Tensor, sample_rate: int) -> Tensor:
    """Remove the harmonics at and above Nyquist and let the others sum to one, or to zero.

    Shape: distribution [B,N,K], f0_hz [B,N,1] -> [B,N,K].
    """
    k = torch.arange(1, distribution.shape[-1] + 1, device=f0_hz.device)
    left = distribution * (k * f0_hz < sample_rate / 2)
    total = left.sum(-1, keepdim=True)
    return left / (total + (total == 0.0))


@frozen
class Hissing:
    """Noise in the middle of things: the last hops of it, the frames around them, and to come."""

    white: Tensor | None = None
    magnitudes: Tensor | None = None
    waiting: Waiting | None = None


@synth("noise")
class Noise(nn.Module):
    """White noise through a filter whose magnitudes move from frame to frame.

    Source: Engel et al., DDSP (ICLR 2020), section 3 and appendix B.5.
    """

    Options = Smoothing

    def __init__(self, opt: Smoothing, ctx: Context):
        super().__init__()
        self.opt = opt
        self.hop = ctx.ratio("sample", "frame")

    @staticmethod
    def needs(opt: Smoothing, ctx: Context) -> tuple[Control, ...]:
        """Declare the magnitudes and the noise itself."""
        return (
            Control("noise_magnitudes", unit="linear", channels=ANY),
            Control("white", unit="noise", axis="sample"),
        )

    @staticmethod
    def provides(opt: Smoothing, ctx: Context) -> Control:
        """Declare the signal."""
        return SIGNAL

    def forward(self, controls: Mapping[str, Tensor]) -> Tensor:
        """Return the noise. Shape: white [B,T], magnitudes [B,N,bands] -> [B,T]."""
        magnitudes = self.opt.means(controls)["noise_magnitudes"]
        return filtered_noise(controls["white"], magnitudes, self.hop)

    def latency(self, served: Mapping[str, Control]) -> int:
        """Return how far smoothing and a zero-phase filter hear ahead, in samples."""
        return self.opt.ahead * self.hop + served["noise_magnitudes"].channels - 1

    def initial_state(self, batch: int, device: torch.device) -> Hissing:
        """Return no noise yet."""
        return Hissing()

    def step(self, controls: Mapping[str, Tensor], state: Hissing) -> tuple[Tensor, Hissing]:
        """Filter the new noise, and the last of what was before it, which now hears its end."""
        came = controls["white"].shape[1]
        controls, waiting = self.opt.means_of_known(controls, state.waiting, self.hop)
        white = after(state.white, controls["white"])
        magnitudes = after(state.magnitudes, controls["noise_magnitudes"])
        late = magnitudes.shape[-1] - 1
        hops = -(-2 * late // self.hop)
        past = Hissing(white[:, -hops * self.hop :], magnitudes[:, -hops - 1 :], waiting)
        count = controls["white"].shape[1]
        if count == 0:
            return white.new_zeros(len(white), came), past
        filtered = filtered_noise(white, magnitudes, self.hop)
        return lengthen(F.pad(filtered, (late, 0))[:, -late - count : -late], came), past


@frozen
class Ringing:
    """A room in the middle of things: its response in parts, and what still rings."""

    parts: Tensor
    past: Past


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
        self.hop = ctx.ratio("sample", "frame")
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
        return dry + F.pad(late, (1, 0))[:, :-1]

    def initial_state(self, batch: int, device: torch.device) -> Ringing:
        """Return the response in parts of a hop, and silence before them."""
        parts = partition(F.pad(self.wet.detach(), (1, 0)).to(device), self.hop)
        return Ringing(parts, silence(batch, parts))

    def step(self, controls: Mapping[str, Tensor], state: Ringing) -> tuple[Tensor, Ringing]:
        """Return dry and wet together, hop by hop."""
        dry, past = controls["signal"], state.past
        wet = []
        for block in dry.split(self.hop, dim=1):
            if block.shape[1]:
                late, past = convolve(block, state.parts, past)
                wet.append(late)
        return dry + torch.cat(wet, dim=1) if wet else dry, Ringing(state.parts, past)
