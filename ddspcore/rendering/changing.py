"""What to play otherwise than a recording has it."""

import math

import torch
from attrs import frozen
from torch import Tensor

from ddspcore.controls import Control
from ddspcore.data.features import FeatureNode
from ddspcore.errors import UserError
from ddspcore.pipeline import Batch
from ddspcore.rendering.controls import F0, LEVELS, records, with_changed


@frozen
class Change:
    """How much higher and how much louder to play; what moves the pitch multiplies."""

    semitones: float = 0.0
    f0_scale: float = 1.0
    loudness_db: float = 0.0

    @property
    def in_semitones(self) -> float:
        """How far the pitch moves."""
        return self.semitones + 12.0 * math.log2(self.f0_scale)

    def apply(self, features: Batch, nodes: tuple[FeatureNode, ...]) -> Batch:
        """Return the features with pitch and loudness moved; silence stays silence.

        Raises UserError if the features do not provide what is to be moved.
        """
        by_name = records(nodes)
        changed: Batch = {}
        if self.in_semitones:
            _require(by_name, (F0,), "--transpose" if self.semitones else "--f0-scale")
            changed[F0] = features[F0] * 2.0 ** (self.in_semitones / 12.0)
        if self.loudness_db:
            for name in _require(by_name, LEVELS, "--loudness"):
                changed[name] = louder(features[name], self.loudness_db, by_name[name])
        return with_changed(features, changed, nodes)


def _require(by_name: dict[str, Control], names: tuple[str, ...], what: str) -> list[str]:
    found = [name for name in names if name in by_name]
    if not found:
        raise UserError(
            f"{what} needs a run whose features provide {' or '.join(names)}; "
            f"this one's provide {', '.join(by_name) or 'nothing'}"
        )
    return found


def louder(level_db: Tensor, by_db: float | Tensor, control: Control) -> Tensor:
    """Return levels that are moved, but for those at the floor; none falls below it."""
    if control.lo is None:
        return level_db + by_db
    return torch.where(level_db > control.lo, (level_db + by_db).clamp_min(control.lo), level_db)
