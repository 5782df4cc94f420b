"""What a run plays from: its features, those of a recording or of a score, and changed ones."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ddspcore.controls import Control
from ddspcore.data.features import VOICED, FeatureNode, run_features
from ddspcore.pipeline import Batch, Pipeline
from ddspcore.wiring import Wire

F0, VOICING = "f0_hz", "voicing"
LEVELS = ("loudness_db", "rms_db")


def records(nodes: Sequence[FeatureNode]) -> dict[str, Control]:
    """Return the record of everything that features provide, by name."""
    return {control.name: control for node in nodes for control in node.provides}


def with_changed(
    features: Batch, changed: Mapping[str, Tensor], nodes: Sequence[FeatureNode]
) -> Batch:
    """Return features with some of them changed, and with them those that are made from these."""
    scope = features | dict(changed)
    new = set(changed)
    lengths = {"frame": max((value.shape[1] for value in changed.values()), default=0)}
    for node in nodes:
        provided, needs = {control.name for control in node.provides}, set(node.needs)
        if new & needs and needs <= scope.keys() and not provided & changed.keys():
            scope |= run_features([node], scope, lengths)
            new |= provided
    return scope


def bridged(f0_hz: Tensor, voicing: Tensor, longer_than: int = 0) -> Tensor:
    """Return a pitch that is interpolated in its logarithm where it is not voiced; the ends held.

    Gaps of no more frames than `longer_than` stay as they are, and so does what has no voiced frame
    at all. Shape: [1,N,1] each -> [1,N,1].
    """
    voiced = voicing.flatten().numpy() > VOICED
    if not voiced.any():
        return f0_hz
    octaves = np.log2(f0_hz.flatten().double().numpy())
    at = np.arange(len(voiced))
    between = np.exp2(np.interp(at, at[voiced], octaves[voiced]))
    edges = np.flatnonzero(np.diff(~voiced, prepend=False, append=False))
    kept = voiced.copy()
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        kept[start:stop] = stop - start <= longer_than
    return torch.where(
        torch.from_numpy(kept).view_as(f0_hz),
        f0_hz,
        torch.from_numpy(between).to(f0_hz).view_as(f0_hz),
    )


def heard_wires(pipeline: Pipeline) -> Iterator[Wire]:
    """Yield what network and synths are served by source and features."""
    outside = {node.title for node in pipeline.wiring.data}
    for wire in pipeline.wiring.wires:
        if wire.node.kind in ("backbone", "synth") and wire.provider in outside:
            yield wire
