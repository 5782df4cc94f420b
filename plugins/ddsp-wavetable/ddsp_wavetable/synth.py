"""From amplitude and mix to sound: tables of harmonics, read at a phase."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from attrs import frozen
from torch import Tensor, nn

from ddspcore import Context, Control, option, synth
from ddspcore.dsp.oscillators import integer_phase, phase_after, phase_cycles
from ddspcore.dsp.precision import full_precision
from ddspcore.dsp.upsampling import ramp

OVERSAMPLING = 16
"""Points of a table for each of its harmonics: read by cubics, the last of them is right to -64 dB,
one an octave lower to -88 dB."""


@frozen
class Playing:
    """A tone in the middle of things: its last frame, and the phase of its next sample."""

    last: Mapping[str, Tensor]
    phase: Tensor


@synth("wavetable")
class WavetableSynth(nn.Module):
    """Trainable wavetables, mixed frame by frame and read at the pitch; nothing folds at Nyquist.

    A table is its harmonics, with phases, and has the power of a sine of amplitude 1. Those that
    reach Nyquist on the way from a frame to the next are left out there; the others are made a
    waveform, which is read by cubic interpolation.
    """

    @frozen
    class Options:
        """Options of the synth."""

        tables: int = option(16, ge=1, help="wavetables, as many as the head mixes")
        harmonics: int = option(64, ge=1, help="harmonics of a table, the fundamental included")

    def __init__(self, opt: Options, ctx: Context):
        super().__init__()
        self.sample_rate = round(ctx.rate("sample"))
        self.hop = ctx.ratio("sample", "frame")
        falling = 1.0 / torch.arange(1.0, opt.harmonics + 1)
        self.harmonics = nn.Parameter(torch.randn(opt.tables, 2, opt.harmonics) * falling)

    @staticmethod
    def needs(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Declare pitch, amplitude and mix."""
        return (
            Control("f0_hz", unit="hz"),
            Control("wavetable_amplitude", unit="linear"),
            Control("wavetable_mix", unit="simplex", channels=opt.tables),
        )

    @staticmethod
    def provides(opt: Options, ctx: Context) -> Control:
        """Declare the signal."""
        return Control("signal", unit="signal", axis="sample")

    def tables(self) -> Tensor:
        """Return cosines and sines of each table. Shape: -> [tables,2,harmonics]."""
        power = self.harmonics.square().sum((1, 2), keepdim=True)
        return self.harmonics * power.rsqrt()

    def forward(self, controls: Mapping[str, Tensor]) -> Tensor:
        """Return the tone. Shape: controls [B,N,C] -> [B,(N-1)*hop]."""
        phase = phase_cycles(controls["f0_hz"][..., 0], self.hop, self.sample_rate)
        return self._read(controls, phase)

    def initial_state(self, batch: int, device: torch.device) -> Playing:
        """Return a tone that has not begun."""
        return Playing({}, torch.zeros(batch, dtype=torch.int64, device=device))

    def step(self, controls: Mapping[str, Tensor], state: Playing) -> tuple[Tensor, Playing]:
        """Go on with the tone to the last frame."""
        needed = {name: controls[name] for name in _NAMES}
        if state.last:
            needed = {name: torch.cat((state.last[name], needed[name]), 1) for name in _NAMES}
        f0_hz = needed["f0_hz"][..., 0]
        phase = integer_phase(f0_hz, self.hop, self.sample_rate, state.phase).flatten(1)
        played = self._read(needed, phase * 2.0**-32)
        after = phase_after(f0_hz, self.hop, self.sample_rate, state.phase)
        return played, Playing({name: needed[name][:, -1:] for name in _NAMES}, after)

    def _read(self, controls: Mapping[str, Tensor], phase: Tensor) -> Tensor:
        if not phase.shape[1]:
            return phase  # the first frame has no hop before it
        f0_hz, amplitude, mix = (controls[name] for name in _NAMES)
        lines = harmonics_of_hops(f0_hz, amplitude * mix, self.tables(), self.sample_rate / 2)
        start, end = read(waves(lines), phase.view(len(phase), -1, 1, self.hop)).unbind(2)
        return torch.lerp(start, end, ramp(self.hop, start)).flatten(1)


_NAMES = ("f0_hz", "wavetable_amplitude", "wavetable_mix")


@full_precision
def harmonics_of_hops(f0_hz: Tensor, weights: Tensor, tables: Tensor, nyquist: float) -> Tensor:
    """Return the harmonics of the mix at the start and the end of each hop.

    Those that reach Nyquist at either end are 0.

    Shape: f0_hz [B,N,1], weights [B,N,M], tables [M,2,K] -> [B,N-1,2,2,K].
    """
    mixed = torch.einsum("bnm,mck->bnck", weights, tables)
    k = torch.arange(1, tables.shape[-1] + 1, device=f0_hz.device)
    audible = k * torch.maximum(f0_hz[:, :-1], f0_hz[:, 1:]) < nyquist
    return torch.stack((mixed[:, :-1], mixed[:, 1:]), 2) * audible[:, :, None, None]


@full_precision
def waves(harmonics: Tensor) -> Tensor:
    """Return one cycle of sums of cosines and sines. Shape: [...,2,K] -> [...,16*K]."""
    cosines, sines = F.pad(harmonics, (1, 0)).unbind(-2)
    points = OVERSAMPLING * harmonics.shape[-1]
    return torch.fft.irfft(torch.complex(cosines, -sines), points) * (points / 2)


@full_precision
def read(tables: Tensor, phase: Tensor) -> Tensor:
    """Return what tables hold at a phase, in cycles: cubics through the four points around it.

    Shape: tables [...,L], phase [...,T] -> [...,T]; leading axes are broadcast.
    """
    points = tables.shape[-1]
    at = phase * points
    first = at.detach().floor()
    x = at - first
    place = first.long().expand(*tables.shape[:-1], -1)
    before, here, after, beyond = (tables.gather(-1, (place + i) % points) for i in (-1, 0, 1, 2))
    # Lagrange's cubic, by Horner's rule.
    slope = after - before / 3 - here / 2 - beyond / 6
    bend = (before + after) / 2 - here
    twist = (beyond - before) / 6 + (here - after) / 2
    return ((twist * x + bend) * x + slope) * x + here
