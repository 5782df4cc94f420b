"""Register and loudness of what is played, brought to those that a run was trained with."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from attrs import field, frozen
from torch import Tensor

from ddspcore.controls import Control
from ddspcore.data.features import FeatureNode
from ddspcore.data.survey import LEAST_SECONDS, Spread, heard, spread_of
from ddspcore.pipeline import Batch
from ddspcore.rendering.changing import louder
from ddspcore.rendering.controls import F0, LEVELS, records, with_changed

FARTHEST = 6
CAP_OCTAVES = 2.0
PER_OCTAVE = 0.2
"""What an octave's move must bring the pitch nearer by, of an octave, in the mean of all frames.

A stretch that was trained on has at most a tenth of its frames outside, each counted for at most
two octaves: no move brings it nearer by more than that.
"""
LEVEL_SLACK_DB = 3.0
WIDTH_SLACK_DB = 6.0
SCALES = (0.5, 2.0)

NO_STATISTICS = (
    "register and loudness are not matched: the run has no statistics of what it was trained on; "
    "an earlier version trained it, or its source gives none"
)


@frozen
class LevelMatch:
    """A level that is moved from `middle` to `target`, its distance from there times `scale`.

    What is softer than `soft`, the breath between notes, is moved and not scaled.
    """

    middle: float
    target: float
    scale: float
    soft: float

    @property
    def louder_db(self) -> float:
        """How much louder the middle becomes."""
        return self.target - self.middle

    def apply(self, level_db: Tensor, control: Control) -> Tensor:
        """Return the level as it is to be played; silence stays silence."""
        stretched = (level_db.clamp_min(self.soft) - self.middle) * (self.scale - 1.0)
        moved = louder(level_db, self.louder_db + stretched, control)
        return moved if control.hi is None else moved.clamp_max(control.hi)


@frozen
class Match:
    """What is done to features so that they lie where those of the training lay."""

    octaves: int = 0
    levels: Mapping[str, LevelMatch] = field(factory=dict)

    def apply(self, features: Batch, nodes: tuple[FeatureNode, ...]) -> Batch:
        """Return the features as they are to be played."""
        by_name = records(nodes)
        changed = {
            name: match.apply(features[name], by_name[name]) for name, match in self.levels.items()
        }
        if self.octaves:
            changed[F0] = features[F0] * 2.0**self.octaves
        return with_changed(features, changed, nodes)

    def in_words(self) -> Iterator[str]:
        """Yield what is done, a line each."""
        if self.octaves:
            way = "up" if self.octaves > 0 else "down"
            count = abs(self.octaves)
            yield f"moved {way} by {count} octave{'s' if count > 1 else ''}"
        for match in list(self.levels.values())[:1]:
            if abs(match.louder_db) >= 0.5:
                way = "louder" if match.louder_db > 0 else "softer"
                yield f"made {abs(match.louder_db):.0f} dB {way}"
            if match.scale != 1.0:
                way = "wider" if match.scale > 1 else "narrower"
                yield f"dynamics made {way}, by a factor of {match.scale:.2g}"

    def to_json(self) -> dict[str, Any]:
        """Return what is done as plain values."""
        levels = {
            name: {"louder_db": match.louder_db, "scale": match.scale}
            for name, match in self.levels.items()
        }
        return {"octaves": self.octaves, "levels": levels}


def statistics_of(data: Mapping[str, Any]) -> dict[str, Spread]:
    """Return the spreads that a run's `data.json` records; empty if it has none."""
    return {name: Spread(**spread) for name, spread in data.get("statistics", {}).items()}


def find_match(
    features: Batch,
    nodes: tuple[FeatureNode, ...],
    trained: Mapping[str, Spread],
    frame_rate: float,
    *,
    register: bool = True,
    loudness: bool = True,
) -> Match:
    """Find what brings features to where those of the training lay; nothing, if they lie there.

    The pitch moves by whole octaves, to the register that was trained. A level whose median no
    stretch of the training comes near is moved to the training's median; if it is spread more
    narrowly or more widely than any, it is stretched towards that one. What is heard for less than
    a quarter of a second is not matched.
    """
    by_name = records(nodes)
    spreads = {}
    for name in trained.keys() & by_name.keys():
        values = heard(features, by_name[name])
        if len(values) >= LEAST_SECONDS * frame_rate:
            spreads[name] = values
    octaves = 0
    if register and F0 in spreads:
        octaves = _octaves(spreads[F0], trained[F0])
    levels = {}
    for name in LEVELS if loudness else ():
        if name in spreads:
            found = spread_of([spreads[name]])
            match = found and _level(found, trained[name])
            if match:
                levels[name] = match
    return Match(octaves, levels)


def _octaves(f0_hz: Tensor, trained: Spread) -> int:
    """Return the least move after which the pitch lies nearest the register that was trained."""
    octaves = f0_hz.log2()
    low, high = (torch.tensor(each).log2() for each in (trained.low, trained.high))
    best, least = 0, float("inf")
    for move in sorted(range(-FARTHEST, FARTHEST + 1), key=abs):
        outside = (low - octaves - move).clamp_min(0.0) + (octaves + move - high).clamp_min(0.0)
        cost = float(outside.clamp_max(CAP_OCTAVES).mean()) + PER_OCTAVE * abs(move)
        if cost < least - 1e-3:
            best, least = move, cost
    return best


def _level(played: Spread, trained: Spread) -> LevelMatch | None:
    """Return how a level moves, None if it stays."""
    middle, width = played.middle[0], played.width[0]
    low, high = trained.middle
    within = low - LEVEL_SLACK_DB <= middle <= high + LEVEL_SLACK_DB
    target = middle if within else trained.at(0.5)
    narrow, wide = trained.width
    scale = 1.0
    if not narrow - WIDTH_SLACK_DB <= width <= wide + WIDTH_SLACK_DB:
        wanted = min(max(width, narrow), wide)
        scale = min(max(wanted / max(width, 1e-3), SCALES[0]), SCALES[1])
    if within and scale == 1.0:
        return None
    return LevelMatch(middle, target, scale, soft=played.low)
