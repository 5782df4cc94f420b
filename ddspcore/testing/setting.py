"""Where components are tested: rates, what surrounds them, and inputs a real batch could hold."""

import math
from collections.abc import Mapping
from pathlib import Path

import torch
from attrs import field, frozen
from torch import Tensor

from ddspcore.context import Context
from ddspcore.controls import Control

CHANNELS = 16
"""Channels of a need that takes any number, and of the hidden frames that a head is given."""

LOW_HZ, HIGH_HZ = 100.0, 800.0
"""Where pitches lie, as far as a control's own bounds allow."""


RECORDING = Control("audio", unit="signal", axis="sample")

AUDIO_FEATURES = (
    Control("f0_hz", unit="hz", lo=50.0, hi=2000.0),
    Control("loudness_db", unit="db", lo=-80.0, hi=0.0),
    Control("voicing", unit="probability", lo=0.0, hi=1.0),
)

HIDDEN = Control("hidden", channels=CHANNELS, lo=-1.0, hi=1.0)


@frozen
class Setting:
    """What stands around a component under test.

    `signal` is what synths make and losses compare; `features` are what a backbone is given that
    names none, and `source` what a source provides beside them; `recipe` is a model for evaluators,
    of the built-ins and of what the plugin under test brings; `items` and `frames` say how large a
    batch is, `lengths` how many values lie along axes that do not run with the frames, such as the
    pixels of a picture; `hidden` is what goes from a backbone to heads; `options` gives a
    component, by name, values for its options, as a recipe would.
    """

    ctx: Context
    signal: Control
    features: tuple[Control, ...]
    recipe: Path
    source: tuple[Control, ...] = ()
    items: int = 2
    frames: int = 17
    lengths: Mapping[str, int] = field(factory=dict)
    hidden: Control = HIDDEN
    options: Mapping[str, Mapping[str, object]] = field(factory=dict)
    module: object = None

    def shape(self, control: Control, items: int, frames: int) -> tuple[int, ...]:
        """Return the shape of a control's values in a batch."""
        return shape(control, self.ctx, items, self.lengths.get(control.axis, frames))

    def example(
        self, control: Control, seed: int, items: int | None = None, frames: int | None = None
    ) -> Tensor:
        """Return values that a batch of this setting could hold."""
        length = self.lengths.get(control.axis, frames or self.frames)
        return example(control, self.ctx, seed, items or self.items, length)


AUDIO = Setting(
    ctx=Context({"sample": 16_000.0, "frame": 62.5}),
    signal=Control("signal", unit="signal", axis="sample"),
    features=AUDIO_FEATURES,
    recipe=Path(__file__).with_name("model.toml"),
    source=(RECORDING,),
)
"""Sound at 16 kHz with a frame every 256 samples, and the features of a pitched instrument."""


def shape(control: Control, ctx: Context, items: int, frames: int) -> tuple[int, ...]:
    """Return the shape of a control's values: frame 0 is about the first sample."""
    channels = control.channels or CHANNELS
    if control.axis == "clip":
        return (items, channels)
    if control.axis == "sample":
        return (items, (frames - 1) * ctx.ratio("sample", "frame"))
    return (items, frames, channels)


def example(control: Control, ctx: Context, seed: int, items: int, frames: int) -> Tensor:
    """Return values that a batch could hold: of the control's unit, in its range, seeded."""
    generator = torch.Generator().manual_seed(seed)
    size = shape(control, ctx, items, frames)
    if control.axis == "sample" and control.unit == "signal":
        return _sound(size, ctx.rate("sample"), generator)
    return _values(control, size, generator)


def _sound(size: tuple[int, ...], rate: float, generator: torch.Generator) -> Tensor:
    """Return a tone in noise: a generic point, where no loss sits on its floor."""
    items, samples = size
    f0_hz = LOW_HZ * (1 + torch.rand(items, 1, generator=generator))
    tone = 0.3 * torch.sin(2 * math.pi * f0_hz * torch.arange(samples) / rate)
    return tone + 0.03 * torch.randn(items, samples, generator=generator)


def _values(control: Control, size: tuple[int, ...], generator: torch.Generator) -> Tensor:
    uniform = torch.rand(size, generator=generator)
    if control.unit == "simplex":
        weights: Tensor = uniform + 0.1
        return weights / weights.sum(-1, keepdim=True)
    if control.unit == "noise":
        return 2 * uniform - 1
    if control.unit == "index":
        return (uniform * ((control.hi or 1.0) + 1)).long()
    low, high = _range(control)
    if control.unit == "hz":
        return low * (high / low) ** uniform
    return low + (high - low) * uniform


def _range(control: Control) -> tuple[float, float]:
    """Return where values of a control lie, narrowed to what is usual for its unit."""
    usual = {
        "hz": (LOW_HZ, HIGH_HZ),
        "db": (-60.0, -6.0),
        "linear": (0.05, 0.5),
        "ratio": (0.05, 0.95),
        "probability": (0.05, 0.95),
        "radian": (-math.pi, math.pi),
    }.get(control.unit, (-1.0, 1.0))
    low = usual[0] if control.lo is None else max(usual[0], control.lo)
    high = usual[1] if control.hi is None else min(usual[1], control.hi)
    if low < high:
        return low, high
    return (
        control.lo if control.lo is not None else low,
        control.hi if control.hi is not None else high,
    )
