"""The reference's learning rates: they warm up from the lowest rate, and a cosine never ends.

Its other schedules are the built-in `constant` and `ramp`.
"""

import math

from attrs import frozen
from ddspcore import OptionError, option, schedule


def _warm(step: int, warmup: int, high: float, low: float) -> float:
    return low + (high - low) * step / warmup


@schedule("cosine")
@frozen
class Cosine:
    """Half a cosine from start to end, one step short of the end at the last step."""

    start: float = option(help="value when the warm-up is over")
    end: float = option(1e-5, help="value before the warm-up, and after the last step")
    warmup: int = option(0, ge=0, unit="steps", help="steps of warm-up, from `end`")

    def __call__(self, step: int, total: int) -> float:
        """Return end + (start - end) * (1 + cos(pi * (step - warmup) / (total - warmup))) / 2."""
        if step < self.warmup:
            return _warm(step, self.warmup, self.start, self.end)
        if total <= self.warmup:
            return self.start
        angle = math.pi * min((step - self.warmup) / (total - self.warmup), 1.0)
        return self.end + (self.start - self.end) * (1 + math.cos(angle)) / 2

    @staticmethod
    def example() -> "Cosine":
        """Return an instance to try out."""
        return Cosine(start=1e-3, warmup=5)


@schedule("exponential")
@frozen
class Exponential:
    """A decay that halves its distance to the floor every half-life, after a warm-up from there."""

    start: float = option(help="value when the warm-up is over")
    floor: float = option(1e-5, help="value before the warm-up, and of the end")
    half_life: float = option(50.0, gt=0, unit="steps", help="steps in which what is above halves")
    warmup: int = option(0, ge=0, unit="steps", help="steps of warm-up, from `floor`")

    def __attrs_post_init__(self) -> None:
        """Refuse a start below the floor: this schedule only falls."""
        if self.start < self.floor:
            raise OptionError("start", f"{self.start:g} is below the floor, {self.floor:g}")

    def __call__(self, step: int, total: int) -> float:
        """Return floor + (start - floor) * 0.5 ** ((step - warmup) / half_life)."""
        if step < self.warmup:
            return _warm(step, self.warmup, self.start, self.floor)
        above: float = 0.5 ** ((step - self.warmup) / self.half_life)
        return self.floor + (self.start - self.floor) * above

    @staticmethod
    def example() -> "Exponential":
        """Return an instance to try out."""
        return Exponential(start=1e-3)
