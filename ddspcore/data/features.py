"""Features of whole items: run in the recipe's order, and checked against their records."""

import inspect
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib import metadata
from pathlib import Path

import torch
from attrs import frozen
from torch import Tensor, nn

from ddspcore.controls import Control
from ddspcore.data.files import content_hash
from ddspcore.declarations import returned
from ddspcore.errors import Mistake

VOICED = 0.5
"""A frame is voiced where `voicing` exceeds this."""


@frozen
class FeatureNode:
    """A feature in a recipe: its label, its module, and what it declares to provide.

    `key` changes with whatever its values depend on beside the item and the code: the component,
    its options and the rates.
    """

    label: str
    module: nn.Module
    key: str
    provides: tuple[Control, ...]
    needs: tuple[str, ...] = ()
    """Names of what it listens to."""

    @cached_property
    def identity(self) -> list[str]:
        """All that the values depend on beside the item, for a cache to be keyed by.

        The code counts by its distribution's version and by the file that defines the feature, so
        that a local plugin, which has no version, can be edited.
        """
        forward = type(self.module).forward
        try:
            version = metadata.version(forward.__module__.partition(".")[0])
        except metadata.PackageNotFoundError:
            version = ""
        file = content_hash(Path(inspect.getfile(forward)))
        return [self.key, version, file, *map(str, self.provides)]


def run_features(
    nodes: Sequence[FeatureNode], item: Mapping[str, Tensor], lengths: Mapping[str, int]
) -> dict[str, Tensor]:
    """Return everything that the features make of a whole item; each sees what earlier ones made.

    `lengths` says how many values lie along an axis of this item: T samples, T // hop + 1 frames.
    Raises Mistake if a feature returns something else than it declares.
    """
    scope = dict(item)
    made: dict[str, Tensor] = {}
    for node in nodes:
        with torch.no_grad():
            values = node.module.eval()(scope)
        if not isinstance(values, Mapping):
            raise _mistake(node, f"returns {returned(values)}, not a dict of tensors")
        for control in node.provides:
            _check(node, control, values.get(control.name), lengths)
            made[control.name] = scope[control.name] = values[control.name].float()
    return made


def _mistake(node: FeatureNode, what: str) -> Mistake:
    return Mistake("feature", node.label, type(node.module), what)


def _check(node: FeatureNode, control: Control, value: object, lengths: Mapping[str, int]) -> None:
    if not isinstance(value, Tensor):
        raise _mistake(node, f"declares {control}, but returns {returned(value)}")
    if control.axis == "clip":
        wanted = [1, control.channels]
    elif control.axis == "sample":
        wanted = [1, lengths["sample"]]
    else:
        found = 0 if value.dim() < 2 else value.shape[1]
        wanted = [1, lengths.get(control.axis, found), control.channels]
    if list(value.shape) != wanted:
        what = f"declares {control}, here {wanted}, but returns {list(value.shape)}"
        raise _mistake(node, what)


def cut(value: Tensor, control: Control, parts: Mapping[str, slice]) -> Tensor:
    """Return the part of a whole item's value along its axis; all of it if the axis has none."""
    part = parts.get(control.axis)
    return value if part is None else value[:, part]


def summarise(
    features: Mapping[str, Tensor], nodes: Sequence[FeatureNode]
) -> dict[str, dict[str, float]]:
    """Return min, median and max of every feature of one channel per frame.

    Frequencies count where they are heard: on voiced frames, if there is a `voicing` and it has
    any. Of probabilities the share of frames above one half is added.
    """
    summary = {}
    for control in (control for node in nodes for control in node.provides):
        if control.axis != "frame" or control.channels != 1:
            continue
        values = features[control.name].flatten()
        if control.unit == "hz" and "voicing" in features:
            voiced = features["voicing"].flatten() > VOICED
            values = values[voiced] if voiced.any() else values
        low, high = values.min(), values.max()
        facts = {"min": float(low), "median": float(values.median()), "max": float(high)}
        if control.unit == "probability":
            facts["share"] = float((values > VOICED).float().mean())
        summary[control.name] = facts
    return summary
