"""What a component may know of its surroundings: how fast the axes run, never how long they are."""

from collections.abc import Mapping
from types import MappingProxyType

from attrs import field, frozen

from ddspcore.errors import UserError


class RateError(UserError):
    """A component asks how fast an axis runs that the recipe gives no rate."""


def _read_only(rates: Mapping[str, float]) -> Mapping[str, float]:
    return MappingProxyType(dict(rates))


@frozen
class Context:
    """Rates of the axes, in values per second; empty for a recipe without `[audio]`."""

    rates: Mapping[str, float] = field(factory=dict, converter=_read_only)

    def rate(self, axis: str) -> float:
        """Return the values per second along `axis`; RateError if the recipe gives it none."""
        if axis not in self.rates:
            raise RateError(f'the axis "{axis}" has no rate; audio components need [audio]')
        return self.rates[axis]

    def ratio(self, fine: str, coarse: str) -> int:
        """Return how many values of `fine` fall on one of `coarse`: sample on frame is the hop."""
        return round(self.rate(fine) / self.rate(coarse))
