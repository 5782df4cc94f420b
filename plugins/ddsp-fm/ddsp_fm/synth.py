"""From levels and indices to sound."""

import math
from collections.abc import Mapping

import torch
from attrs import frozen
from torch import Tensor, nn

from ddspcore import Context, Control, option, synth
from ddspcore.dsp.oscillators import integer_phase, phase_after, phase_cycles
from ddspcore.dsp.precision import full_precision
from ddspcore.dsp.upsampling import linear

FOLDED = 5e-4
"""Amplitude, beside a level of 1, that a sideband above Nyquist may have: -66 dB."""


@frozen
class Playing:
    """A tone in the middle of things: its last frame, and the phases of its next sample."""

    last: Mapping[str, Tensor]
    phases: Tensor | None


@synth("fm")
class FmSynth(nn.Module):
    """Pairs of operators: carriers at multiples of the pitch, each with a modulator of its own.

    With c a carrier's ratio and m that of the modulators, L and I level and index of a pair,

        signal = sum of L sin(2 pi c phase + I sin(2 pi m phase)).

    The sidebands of a pair lie at c + n m times the pitch. An index is lowered, frame by frame,
    until those beyond half the sample rate are as good as silent; a carrier beyond it is silent.

    Source: Chowning (JAES 1973), equation 1; Caspe et al., DDX7 (ISMIR 2022), section 3.
    """

    @frozen
    class Options:
        """Options of the synth."""

        carriers: tuple[float, ...] = option(
            (1.0, 2.0, 5.0, 9.0), gt=0.0, help="ratios of the carriers to the pitch"
        )
        modulator: float = option(
            1.0, gt=0.0, help="ratio of the modulators to the pitch; 1 makes harmonics, 1.4 bells"
        )

    def __init__(self, opt: Options, ctx: Context):
        super().__init__()
        self.sample_rate = round(ctx.rate("sample"))
        self.hop = ctx.ratio("sample", "frame")
        self.modulator = opt.modulator
        ratios = torch.tensor([*opt.carriers, opt.modulator])
        self.register_buffer("ratios", ratios, persistent=False)

    @staticmethod
    def needs(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Declare pitch, levels and indices."""
        pairs = len(opt.carriers)
        return (
            Control("f0_hz", unit="hz"),
            Control("fm_levels", unit="linear", channels=pairs),
            Control("fm_indices", unit="radian", channels=pairs),
        )

    @staticmethod
    def provides(opt: Options, ctx: Context) -> Control:
        """Declare the signal."""
        return Control("signal", unit="signal", axis="sample")

    def forward(self, controls: Mapping[str, Tensor]) -> Tensor:
        """Return the tone. Shape: controls [B,N,C] -> [B,(N-1)*hop]."""
        phases = phase_cycles(self._operators_hz(controls), self.hop, self.sample_rate)
        return self._play(controls, phases)

    def initial_state(self, batch: int, device: torch.device) -> Playing:
        """Return a tone that has not begun."""
        return Playing({}, None)

    def step(self, controls: Mapping[str, Tensor], state: Playing) -> tuple[Tensor, Playing]:
        """Go on with the tone to the last frame."""
        known = {name: controls[name] for name in _NAMES}
        if state.last:
            known = {name: torch.cat((state.last[name], known[name]), 1) for name in _NAMES}
        hz = self._operators_hz(known)
        phases = integer_phase(hz, self.hop, self.sample_rate, state.phases).flatten(1)
        played = self._play(known, phases * 2.0**-32)
        after = phase_after(hz, self.hop, self.sample_rate, state.phases)
        return played, Playing({name: known[name][:, -1:] for name in _NAMES}, after)

    def _operators_hz(self, controls: Mapping[str, Tensor]) -> Tensor:
        """Return the frequencies of all operators. Shape: -> [B*(pairs+1),N]."""
        return (controls["f0_hz"] * self.ratios).mT.flatten(0, 1)

    @full_precision
    def _play(self, controls: Mapping[str, Tensor], phases: Tensor) -> Tensor:
        f0_hz, levels, indices = (controls[name] for name in _NAMES)
        pairs = levels.shape[-1]
        nyquist = self.sample_rate / 2
        carriers_hz = f0_hz * self.ratios[:pairs]
        highest = highest_index((nyquist - carriers_hz) / (f0_hz * self.modulator))
        indices = linear(indices.clamp(-highest, highest), self.hop)
        levels = linear(levels, self.hop) * (linear(carriers_hz, self.hop) < nyquist)
        angles = 2 * math.pi * phases.unflatten(0, (-1, pairs + 1)).mT
        modulators = torch.sin(angles[..., -1:])
        return (levels * torch.sin(angles[..., :-1] + indices * modulators)).sum(-1)


_NAMES = ("f0_hz", "fm_levels", "fm_indices")


def highest_index(sidebands: Tensor) -> Tensor:
    """Return the index at which a pair's sidebands beyond the given number are as good as silent.

    Carson's rule, an index of one less than `sidebands`, leaves 2 % of the power beyond them. This
    is stricter: it solves (index / 2) ** n / n! = 5e-4, which no sideband from n on exceeds.

    Source: NIST Digital Library of Mathematical Functions, 10.14.4: a bound of Bessel functions.
    """
    n = sidebands.clamp(min=0.1)
    return 2 * torch.exp((torch.lgamma(n + 1) + math.log(FOLDED)) / n)
