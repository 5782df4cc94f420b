"""What an evaluator declares about each number it returns."""

import math
from typing import Literal, get_args

from attrs import frozen

FAMILY = "/*"
PLACES = {"train": "where trained", "val": "held out"}
"""What people call the splits on which something is measured."""
Direction = Literal["lower", "higher"]


@frozen
class Metric:
    """One number of an evaluator: its key, unit, better direction, meaning and scale.

    A name that ends in `/*` declares a family: `share/*` covers `share/harmonic`. `good` and
    `fair` are the values from which a summary calls the number so.
    """

    name: str
    unit: str
    direction: Direction
    help: str
    lo: float | None = None
    hi: float | None = None
    good: float | None = None
    fair: float | None = None

    def __attrs_post_init__(self) -> None:
        if self.direction not in get_args(Direction):
            raise ValueError(f'direction is "{self.direction}", not "lower" or "higher"')

    def better(self, value: float, best: float | None, min_delta: float = 0.0) -> bool:
        """Whether `value` beats `best` by more than `min_delta`; a NaN never does."""
        if math.isnan(value):
            return False
        if best is None:
            return True
        gain = best - value if self.direction == "lower" else value - best
        return gain > min_delta

    def covers(self, name: str) -> bool:
        """Whether this record declares the number called `name`."""
        if self.name.endswith(FAMILY):
            return name.startswith(self.name.removesuffix("*"))
        return name == self.name

    def label(self, name: str) -> str:
        """Return what to call the number in a sentence."""
        member = name.removeprefix(self.name.removesuffix("*"))
        return f"{self.help}, {member}" if self.name.endswith(FAMILY) else self.help

    def grade(self, value: float) -> str:
        """Return `good`, `fair` or `poor`; an empty string where no scale is declared."""
        for word, limit in (("good", self.good), ("fair", self.fair)):
            if limit is not None and not self.better(limit, value):
                return word
        return "" if self.good is None else "poor"
