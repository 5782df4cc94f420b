"""Schedules that each break one promise."""

import random

import attrs
import torch

from ddspcore import hookimpl, option, schedule


@schedule("endless")
@attrs.frozen
class Endless:
    """Divides by the steps that are left."""

    breaks = "is_finite_everywhere"
    start: float = option(1.0, help="first value")

    def __call__(self, step, total):
        return self.start * total / (total - step) if step != total else float("inf")

    @staticmethod
    def example():
        return Endless()


@schedule("tensor")
@attrs.frozen
class ATensor:
    """Returns a tensor."""

    breaks = "is_finite_everywhere"
    value: float = option(1.0, help="the value")

    def __call__(self, step, total):
        return torch.tensor(self.value)

    @staticmethod
    def example():
        return ATensor()


@schedule("counting")
@attrs.frozen
class Counting:
    """Counts how often it was asked instead of looking at the step."""

    breaks = "depends_on_the_step_alone"
    rate: float = option(0.1, help="a call's worth")
    calls: tuple[float, ...] = option((), help="not for users")

    def __call__(self, step, total):
        object.__setattr__(self, "calls", (*self.calls, 1.0))
        return self.rate * len(self.calls)

    @staticmethod
    def example():
        return Counting()


@schedule("dice")
@attrs.frozen
class Dice:
    """Throws dice."""

    breaks = "depends_on_the_step_alone"
    value: float = option(1.0, help="the largest value")

    def __call__(self, step, total):
        return self.value * random.random()

    @staticmethod
    def example():
        return Dice()


@schedule("late-start")
@attrs.frozen
class LateStart:
    """Has left its start behind at step 0."""

    breaks = "begins_at_its_start"
    start: float = option(1.0, help="first value")
    end: float = option(0.0, help="last value")

    def __call__(self, step, total):
        return self.start + (self.end - self.start) * min(1.0, (step + 1) / total)

    @staticmethod
    def example():
        return LateStart()


@schedule("overshooting")
@attrs.frozen
class Overshooting:
    """Goes on beyond its end."""

    breaks = "ends_at_its_end"
    start: float = option(1.0, help="first value")
    end: float = option(0.5, help="last value")

    def __call__(self, step, total):
        return self.start + (self.end - self.start) * step / total

    @staticmethod
    def example():
        return Overshooting()


@hookimpl
def ddsp_schedules():
    return [value for value in globals().values() if hasattr(value, "breaks")]
