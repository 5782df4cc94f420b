"""What an evaluator declares about each number it returns."""

import math
from typing import Literal

from attrs import frozen


@frozen
class Metric:
    """One number of an evaluator: its key, unit, better direction, bounds and meaning."""

    name: str
    unit: str
    direction: Literal["lower", "higher"]
    help: str
    lo: float | None = None
    hi: float | None = None

    def better(self, value: float, best: float | None, min_delta: float = 0.0) -> bool:
        """Whether `value` beats `best` by more than `min_delta`; a NaN never does."""
        if math.isnan(value):
            return False
        if best is None:
            return True
        gain = best - value if self.direction == "lower" else value - best
        return gain > min_delta
