"""Numbers that move with the step: rates of learning and weights of losses.

Each is a pure function of (step, total), exact at its ends. Step counts from 0 within the stage, so
the last step of a stage is total - 1; beyond it a schedule stays where it ended.
"""

import math
from bisect import bisect_right
from itertools import pairwise

from attrs import frozen

from ddspcore import OptionError, option, schedule


def _between(start: float, end: float, fraction: float) -> float:
    """Return the point that lies `fraction` (clamped to 0..1) of the way; exact at both ends."""
    fraction = min(max(fraction, 0.0), 1.0)
    return start * (1.0 - fraction) + end * fraction


def _progress(step: int, first: int, last: int) -> float:
    """Return how far `step` is from `first` to `last`; 0 where there is no way to go."""
    return (step - first) / (last - first) if last > first else 0.0


@schedule("constant")
@frozen
class Constant:
    """The same number at every step; a plain number in a recipe means this."""

    value: float = option(help="the number")

    def __call__(self, step: int, total: int) -> float:
        """Return `value`."""
        return self.value

    @staticmethod
    def example() -> "Constant":
        """Return an instance to try out."""
        return Constant(value=0.5)


@schedule("linear")
@frozen
class Linear:
    """A straight line over the stage."""

    start: float = option(help="value at the first step")
    end: float = option(help="value at the last step")

    def __call__(self, step: int, total: int) -> float:
        """Return start + (end - start) * step / (total - 1)."""
        return _between(self.start, self.end, _progress(step, 0, total - 1))

    @staticmethod
    def example() -> "Linear":
        """Return an instance to try out."""
        return Linear(start=1.0, end=0.1)


@schedule("exponential")
@frozen
class Exponential:
    """A decay that halves its distance to the floor every half-life, however long the stage."""

    start: float = option(help="value when the warm-up is over")
    half_life: float = option(gt=0, unit="steps", help="steps in which what is above floor halves")
    floor: float = option(0.0, help="value that is approached and never undershot")
    warmup: int = option(0, ge=0, unit="steps", help="steps of a straight rise before the decay")

    def __attrs_post_init__(self) -> None:
        """Refuse a start below the floor: this schedule only falls."""
        if self.start < self.floor:
            raise OptionError("start", f"{self.start:g} is below the floor, {self.floor:g}")

    def __call__(self, step: int, total: int) -> float:
        """Return floor + (start - floor) * 0.5 ** ((step - warmup) / half_life).

        In the warm-up, floor + (start - floor) * (step + 1) / (warmup + 1).
        """
        if step < self.warmup:
            return _between(self.floor, self.start, (step + 1) / (self.warmup + 1))
        above = 0.5 ** ((step - self.warmup) / self.half_life)
        return max(self.floor, _between(self.floor, self.start, above))

    @staticmethod
    def example() -> "Exponential":
        """Return an instance to try out."""
        return Exponential(start=1e-3, half_life=100.0, floor=1e-5, warmup=5)


@schedule("cosine")
@frozen
class Cosine:
    """A linear warm-up from just above zero, then half a cosine from start to end."""

    start: float = option(help="value when the warm-up is over")
    end: float = option(0.0, help="value at the last step")
    warmup: int = option(0, ge=0, unit="steps", help="steps of warm-up before the cosine")

    def __call__(self, step: int, total: int) -> float:
        """Return the value at `step`.

        In the warm-up, start * (step + 1) / (warmup + 1). From step `warmup` on,
        end + (start - end) * (1 + cos(pi * x)) / 2, where x runs from 0 to 1 at the last step.
        """
        if step < self.warmup:
            return self.start * (step + 1) / (self.warmup + 1)
        angle = math.pi * min(_progress(step, self.warmup, total - 1), 1.0)
        return _between(self.start, self.end, (1.0 - math.cos(angle)) / 2.0)

    @staticmethod
    def example() -> "Cosine":
        """Return an instance to try out."""
        return Cosine(start=1e-3, end=1e-5, warmup=5)


@schedule("ramp")
@frozen
class Ramp:
    """A wait at start, then a straight line to end, however long the stage."""

    start: float = option(help="value until the ramp begins")
    end: float = option(help="value from the end of the ramp on")
    after: int = option(0, ge=0, unit="steps", help="step at which the ramp begins")
    over: int = option(ge=1, unit="steps", help="steps that the ramp takes")

    def __call__(self, step: int, total: int) -> float:
        """Return start + (end - start) * (step - after) / over, held at both ends."""
        return _between(self.start, self.end, (step - self.after) / self.over)

    @staticmethod
    def example() -> "Ramp":
        """Return an instance to try out."""
        return Ramp(start=0.0, end=0.05, after=10, over=40)


@schedule("piecewise")
@frozen
class Piecewise:
    """Straight lines between points, held before the first and after the last."""

    steps: tuple[int, ...] = option(ge=0, help="steps of the points, rising")
    values: tuple[float, ...] = option(help="values at the points, one for each step")

    def __attrs_post_init__(self) -> None:
        """Refuse points that are missing, unpaired or out of order."""
        if not self.steps:
            raise OptionError("steps", "give at least one point")
        if any(after <= before for before, after in pairwise(self.steps)):
            raise OptionError("steps", f"{list(self.steps)} does not rise from point to point")
        if len(self.values) != len(self.steps):
            raise OptionError("values", f"{len(self.values)} values for {len(self.steps)} steps")

    def __call__(self, step: int, total: int) -> float:
        """Return the value at `step` on the line between the points around it."""
        right = bisect_right(self.steps, step)
        if right in (0, len(self.steps)):
            return self.values[0 if right == 0 else -1]
        fraction = _progress(step, self.steps[right - 1], self.steps[right])
        return _between(self.values[right - 1], self.values[right], fraction)

    @staticmethod
    def example() -> "Piecewise":
        """Return an instance to try out."""
        return Piecewise(steps=(0, 10, 50), values=(0.0, 1.0, 0.2))
