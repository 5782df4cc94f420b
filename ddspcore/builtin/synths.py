"""From controls to sound."""

from collections.abc import Mapping

import attrs
import torch
import torch.nn.functional as F
from attrs import frozen
from torch import Tensor, nn

from ddspcore import Context, Control, OptionError, option, synth
from ddspcore.controls import ANY
from ddspcore.dsp.filters import fft_convolve
from ddspcore.dsp.frames import samples
from ddspcore.dsp.oscillators import phase_after
from ddspcore.dsp.partitioned_convolution import Past, convolve, partition, silence
from ddspcore.dsp.smoothing import smooth
from ddspcore.errors import UserError
from ddspcore.kernels import filtered_noise, harmonic_bank

SIGNAL = Control("signal", unit="signal", axis="sample")


@frozen
class Smoothed:
    """What a synth may do to its controls before it plays."""

    smoothing: tuple[float, ...] = option(
        (),
        ge=0.0,
        help="weights of the frames around each one, an odd number, in the mean that is played; "
        "none: frames as they are",
    )

    def __attrs_post_init__(self) -> None:
        """Refuse weights without a middle, and those that have no mean."""
        if self.smoothing and len(self.smoothing) % 2 == 0:
            raise OptionError("smoothing", f"{len(self.smoothing)} weights have no middle")
        if self.smoothing and sum(self.smoothing) == 0.0:
            raise OptionError("smoothing", "weights that are all zero have no mean")

    def mean(self, control: Tensor) -> Tensor:
        """Return a control as it is played. Shape: [B,N,C] -> [B,N,C]."""
        total = sum(self.smoothing)
        return smooth(control, [each / total for each in self.smoothing]) if total else control

    def refuse_to_stream(self) -> None:
        """Raise UserError if there is smoothing: it needs frames that have not come yet."""
        if self.smoothing:
            raise UserError(f"its smoothing hears {len(self.smoothing) // 2} frames ahead")


@frozen
class Sounding:
    """A tone in the middle of things: the phase of its next sample, and its last frame if any."""

    phase: Tensor
    f0_hz: Tensor | None = None
    amplitudes: Tensor | None = None


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

    Options = Smoothed

    def __init__(self, opt: Smoothed, ctx: Context):
        super().__init__()
        self.opt = opt
        self.sample_rate = round(ctx.rate("sample"))
        self.hop = ctx.ratio("sample", "frame")

    @staticmethod
    def needs(opt: Smoothed, ctx: Context) -> tuple[Control, ...]:
        """Declare pitch, amplitude and distribution."""
        return (
            Control("f0_hz", unit="hz"),
            Control("harmonic_amplitude", unit="linear"),
            Control("harmonic_distribution", unit="simplex", channels=ANY),
        )

    @staticmethod
    def provides(opt: Smoothed, ctx: Context) -> Control:
        """Declare the signal."""
        return SIGNAL

    def forward(self, controls: Mapping[str, Tensor]) -> Tensor:
        """Return the tone. Shape: controls [B,N,C] -> [B,(N-1)*hop]."""
        f0_hz, amplitudes = self._partials(controls)
        return harmonic_bank(f0_hz, amplitudes, self.hop, self.sample_rate)

    def initial_state(self, batch: int, device: torch.device) -> Sounding:
        """Return the phase of the first sample. Raises UserError if controls are smoothed."""
        self.opt.refuse_to_stream()
        return Sounding(torch.zeros(batch, dtype=torch.int64, device=device))

    def step(self, controls: Mapping[str, Tensor], state: Sounding) -> tuple[Tensor, Sounding]:
        """Go on with the tone from the last frame to the last of the new ones."""
        f0_hz, amplitudes = self._partials(controls)
        f0_hz, amplitudes = after(state.f0_hz, f0_hz), after(state.amplitudes, amplitudes)
        last = (f0_hz[:, -1:], amplitudes[:, -1:])
        if f0_hz.shape[1] == 1:
            return f0_hz.new_zeros(len(f0_hz), 0), Sounding(state.phase, *last)
        tone = harmonic_bank(f0_hz, amplitudes, self.hop, self.sample_rate, state.phase)
        phase = phase_after(f0_hz, self.hop, self.sample_rate, state.phase)
        return tone, Sounding(phase, *last)

    def _partials(self, controls: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        f0_hz = controls["f0_hz"]
        distribution = self.opt.mean(controls["harmonic_distribution"])
        shares = audible(distribution, f0_hz, self.sample_rate)
        return f0_hz[..., 0], self.opt.mean(controls["harmonic_amplitude"]) * shares


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
    """Noise in the middle of things: the last hops of it, and the frames around them, if any."""

    white: Tensor | None = None
    magnitudes: Tensor | None = None


@synth("noise")
class Noise(nn.Module):
    """White noise through a filter whose magnitudes move from frame to frame.

    Source: Engel et al., DDSP (ICLR 2020), section 3 and appendix B.5.
    """

    Options = Smoothed

    def __init__(self, opt: Smoothed, ctx: Context):
        super().__init__()
        self.opt = opt
        self.hop = ctx.ratio("sample", "frame")

    @staticmethod
    def needs(opt: Smoothed, ctx: Context) -> tuple[Control, ...]:
        """Declare the magnitudes and the noise itself."""
        return (
            Control("noise_magnitudes", unit="linear", channels=ANY),
            Control("white", unit="noise", axis="sample"),
        )

    @staticmethod
    def provides(opt: Smoothed, ctx: Context) -> Control:
        """Declare the signal."""
        return SIGNAL

    def forward(self, controls: Mapping[str, Tensor]) -> Tensor:
        """Return the noise. Shape: white [B,T], magnitudes [B,N,bands] -> [B,T]."""
        magnitudes = self.opt.mean(controls["noise_magnitudes"])
        return filtered_noise(controls["white"], magnitudes, self.hop)

    def latency(self, served: Mapping[str, Control]) -> int:
        """Return how far a zero-phase filter hears ahead, in samples."""
        return served["noise_magnitudes"].channels - 1

    def initial_state(self, batch: int, device: torch.device) -> Hissing:
        """Return no noise yet. Raises UserError if controls are smoothed."""
        self.opt.refuse_to_stream()
        return Hissing()

    def step(self, controls: Mapping[str, Tensor], state: Hissing) -> tuple[Tensor, Hissing]:
        """Filter the new noise, and the last of what was before it, which now hears its end."""
        white = after(state.white, controls["white"])
        magnitudes = after(state.magnitudes, controls["noise_magnitudes"])
        late = magnitudes.shape[-1] - 1
        hops = -(-2 * late // self.hop)
        past = Hissing(white[:, -hops * self.hop :], magnitudes[:, -hops - 1 :])
        count = controls["white"].shape[1]
        if count == 0:
            return white.new_zeros(len(white), 0), past
        filtered = filtered_noise(white, magnitudes, self.hop)
        return F.pad(filtered, (late, 0))[:, -late - count : -late], past


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
