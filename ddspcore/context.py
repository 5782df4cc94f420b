"""What a component may know of its surroundings: how fast the axes run, never how long they are."""

from collections.abc import Mapping
from types import MappingProxyType

from attrs import field, frozen


def _read_only(rates: Mapping[str, float]) -> Mapping[str, float]:
    return MappingProxyType(dict(rates))


@frozen
class Context:
    """Rates of the axes, in values per second; empty for a recipe without `[audio]`."""

    rates: Mapping[str, float] = field(factory=dict, converter=_read_only)

    def rate(self, axis: str) -> float:
        """Return the values per second along `axis`; LookupError if the recipe gives it no rate."""
        try:
            return self.rates[axis]
        except KeyError:
            raise LookupError(
                f'the recipe gives the axis "{axis}" no rate; audio components need [audio]'
            ) from None

    def ratio(self, fine: str, coarse: str) -> int:
        """Return how many values of `fine` fall on one of `coarse`: sample on frame is the hop."""
        return round(self.rate(fine) / self.rate(coarse))
