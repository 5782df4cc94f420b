"""What a synth promises."""

import math

import torch

from ddspcore.testing.distance import distance
from ddspcore.testing.promise import demand, promise
from ddspcore.testing.subject import Subject

LOUDNESS_UNITS = ("linear",)
ALIAS_DB = -60.0
DIVISORS = (1, 2, 3)
"""Its partials are multiples of the pitch, or of a half or a third: an octave below, a fifth."""


def _levels(subject: Subject) -> list[str]:
    """Name the needs that say how loud it is: linear ones, and the signal that it changes."""
    own = subject.provided[0].name
    return [c.name for c in subject.served if c.unit in LOUDNESS_UNITS or c.name == own]


@promise(when=lambda subject: bool(_levels(subject)))
def is_silent_at_zero(subject: Subject) -> None:
    """Where its amplitudes are zero, or what it changes is silent, so is it."""
    inputs = subject.inputs()
    quiet = inputs | {name: torch.zeros_like(inputs[name]) for name in _levels(subject)}
    (made,) = subject.run(subject.build(), quiet).values()
    demand(not made.any(), f"it makes {float(made.detach().abs().max()):g} of zero amplitude")


def _pitch(subject: Subject) -> list[str]:
    return [control.name for control in subject.served if control.unit == "hz"]


@promise(when=lambda subject: bool(_pitch(subject)) and "sample" in subject.setting.ctx.rates)
def makes_nothing_above_nyquist(subject: Subject) -> None:
    """A high tone has its own partials only: none come back folded from above half the rate."""
    rate = subject.setting.ctx.rate("sample")
    module = subject.build()
    frames = 65
    worst = dict.fromkeys(DIVISORS, (-math.inf, 0.0))
    for share in (0.17, 0.31, 0.43):
        f0_hz = share * rate
        inputs = subject.inputs(items=1, frames=frames)
        for control in subject.served:
            if control.unit == "hz":
                inputs[control.name] = torch.full_like(inputs[control.name], f0_hz)
            elif control.unit != "noise":  # a steady tone: partials are lines
                inputs[control.name] = inputs[control.name][:, :1].expand_as(inputs[control.name])
        (sound,) = subject.run(module, {n: v.contiguous() for n, v in inputs.items()}).values()
        spectrum = _power(sound[0].detach().double())
        hz = torch.linspace(0, rate / 2, len(spectrum), dtype=torch.float64)
        for divisor in DIVISORS:
            lowest = f0_hz / divisor
            nearest = (hz / lowest).round().clamp(min=1) * lowest
            apart = (hz - nearest).abs() > 0.02 * rate
            folded = 10 * torch.log10(spectrum[apart].sum() / spectrum.sum().clamp(min=1e-30))
            worst[divisor] = max(worst[divisor], (float(folded), f0_hz))
    folded_db, f0_hz = min(worst.values())
    demand(
        folded_db <= ALIAS_DB,
        f"at {f0_hz:.0f} Hz, {folded_db:.0f} dB of it lies apart from its partials",
    )


@promise(when=lambda subject: "noise" in {control.unit for control in subject.served})
def draws_no_noise_of_its_own(subject: Subject) -> None:
    """Its noise is what it is given: other noise makes another sound, of the same level."""
    module, inputs = subject.build(), subject.inputs()
    other = subject.inputs(seed=2)
    noises = {c.name: other[c.name] for c in subject.served if c.unit == "noise"}
    (first,), (second,) = (subject.run(module, i).values() for i in (inputs, inputs | noises))
    demand(distance(first, second) > 0.01, "other noise makes the same sound")
    levels = [float(sound.detach().std()) for sound in (first, second)]
    demand(0.5 < levels[0] / levels[1] < 2, f"other noise changes its level: {levels}")


def _power(sound: torch.Tensor) -> torch.Tensor:
    window = torch.hann_window(len(sound), dtype=sound.dtype)
    power: torch.Tensor = torch.fft.rfft(sound * window).abs().square()
    return power


PROMISES = (is_silent_at_zero, makes_nothing_above_nyquist, draws_no_noise_of_its_own)
