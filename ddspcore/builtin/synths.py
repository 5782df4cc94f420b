"""From controls to sound."""

from collections.abc import Mapping

import attrs
import torch
import torch.nn.functional as F
from attrs import frozen
from torch import Tensor, nn

from ddspcore import Context, Control, option, synth
from ddspcore.builtin.harmonic_step import Tone
from ddspcore.builtin.noise_step import Hiss
from ddspcore.builtin.smoothing import Smoothing
from ddspcore.controls import ANY
from ddspcore.dsp.filters import fft_convolve
from ddspcore.dsp.frames import samples
from ddspcore.dsp.partitioned_convolution import Past, convolve, partition, silence
from ddspcore.kernels import filtered_noise, harmonic_bank

SIGNAL = Control("signal", unit="signal", axis="sample")


def joined(parts: list[Tensor], like: Tensor, samples: int) -> Tensor:
    """Return parts one after another, with silence before them where they are too few samples.

    Shape: parts [B,n] -> [B,samples].
    """
    missing = samples - sum(part.shape[1] for part in parts)
    if not missing and len(parts) == 1:
        return parts[0]
    return torch.cat([like.new_zeros(len(like), missing), *parts], dim=1)


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

    def initial_state(self, batch: int, device: torch.device) -> Tone:
        """Return a tone that has not begun."""
        return Tone(batch, self.hop, self.sample_rate)

    def step(self, controls: Mapping[str, Tensor], state: Tone) -> tuple[Tensor, Tone]:
        """Go on with the tone to the last frame whose neighbours have come."""
        came = controls["f0_hz"].shape[1] - (state.frames == 0)
        state.frames += controls["f0_hz"].shape[1]
        known, state.waiting = self.opt.means_of_known(controls, state.waiting, self.hop)
        amplitude, distribution = known["harmonic_amplitude"], known["harmonic_distribution"]
        pitches = known["f0_hz"][..., 0].cpu().numpy().T
        frames = list(zip(pitches, amplitude.unbind(1), distribution.unbind(1), strict=True))
        if frames and not state.begun:
            state.begin(*frames.pop(0))
        return joined([state.play(*frame) for frame in frames], amplitude, came * self.hop), state

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

    def initial_state(self, batch: int, device: torch.device) -> Hiss:
        """Return a hiss that has not begun."""
        return Hiss(self.hop)

    def step(self, controls: Mapping[str, Tensor], state: Hiss) -> tuple[Tensor, Hiss]:
        """Filter the new noise, and play what nothing to come rings into."""
        came = controls["white"].shape[1]
        known, state.waiting = self.opt.means_of_known(controls, state.waiting, self.hop)
        white, frames = known["white"], list(known["noise_magnitudes"].unbind(1))
        if frames and not state.begun:
            state.begin(frames.pop(0))
        hops = [white[:, at : at + self.hop] for at in range(0, white.shape[1], self.hop)]
        played = [state.play(*each) for each in zip(hops, frames, strict=True)]
        return joined(played, white, came), state


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
