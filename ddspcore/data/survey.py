"""What a model heard in training: how its frequencies and levels were spread."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from attrs import asdict, frozen
from torch import Tensor

from ddspcore.controls import Control
from ddspcore.data.features import VOICED, FeatureNode

LEAST_SECONDS = 0.25
"""What is heard for less says little of an instrument, and nothing of a stretch."""
STEPS = 20
UNITS = ("hz", "db")


@frozen
class Spread:
    """How the values of a control lie in what was heard of it.

    `quantiles` has the least value, then every twentieth part up to the greatest. Of the stretches
    of a recording that it is made of, each taken for itself, `low` is the least of their 5 %
    quantiles and `high` the greatest of their 95 %; `middle` are the least and the greatest of
    their medians, `width` those of the ways from their 5 % to their 95 % quantile.
    """

    frames: int
    quantiles: tuple[float, ...]
    low: float
    high: float
    middle: tuple[float, float]
    width: tuple[float, float]

    def at(self, share: float) -> float:
        """Return the value below which that share of the frames lies, a multiple of 1/20."""
        return self.quantiles[round(share * STEPS)]


def heard(features: Mapping[str, Tensor], control: Control) -> Tensor:
    """Return a control's values where it is heard: on voiced frames, or else above its floor.

    Shape: features [B,N,1] -> [n].
    """
    values = features[control.name].flatten()
    if "voicing" in features:
        return values[features["voicing"].flatten() > VOICED]
    return values if control.lo is None else values[values > control.lo]


def survey(
    stretches: Sequence[Mapping[str, Tensor]], nodes: Sequence[FeatureNode], frame_rate: float
) -> dict[str, dict[str, Any]]:
    """Return the spread of every frequency and level over stretches of recordings, as plain values.

    A control that is never heard for long enough has none.
    """
    found = {}
    controls = (control for node in nodes for control in node.provides)
    for control in controls:
        if control.unit in UNITS and (control.axis, control.channels) == ("frame", 1):
            parts = [heard(features, control) for features in stretches]
            spread = spread_of([part for part in parts if len(part) >= LEAST_SECONDS * frame_rate])
            if spread is not None:
                found[control.name] = _plain(spread)
    return found


def _plain(spread: Spread) -> dict[str, Any]:
    """Return it as JSON has it."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(spread).items()}


def spread_of(parts: Sequence[Tensor]) -> Spread | None:
    """Return how the values of several stretches lie, None if there are none. Shape: [n] each."""
    if not parts:
        return None
    each = [_quantiles(part) for part in parts]
    lows, middles, highs = ([q[at] for q in each] for at in (1, STEPS // 2, STEPS - 1))
    widths = [high - low for low, high in zip(lows, highs, strict=True)]
    return Spread(
        frames=sum(map(len, parts)),
        quantiles=_quantiles(torch.cat(list(parts))),
        low=min(lows),
        high=max(highs),
        middle=(min(middles), max(middles)),
        width=(min(widths), max(widths)),
    )


def _quantiles(values: Tensor) -> tuple[float, ...]:
    """Return values of the data, none between; those next outwards, so that no tail is longer."""
    ordered = values.sort().values
    last = len(ordered) - 1
    lower = [step * last // STEPS for step in range(STEPS // 2 + 1)]
    upper = [-(-step * last // STEPS) for step in range(STEPS // 2 + 1, STEPS + 1)]
    return tuple(ordered[lower + upper].tolist())
