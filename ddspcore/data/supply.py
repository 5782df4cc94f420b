"""What a source returns while it is used, against what every source does."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from ddspcore.contracts import listed
from ddspcore.controls import Control
from ddspcore.declarations import returned
from ddspcore.errors import Mistake
from ddspcore.wiring import Wiring


def count_items(source: Any, split: str) -> int:
    """Return how many items a split has; raises Mistake if the source returns no such number."""
    count: object = source.count(split)
    if isinstance(count, int) and count >= 0:
        return count
    raise _mistake(source, f'counts {count!r} items in "{split}"')


def first_with_items(source: Any, splits: Iterable[str]) -> str:
    """Return the first of the splits that has items; raises Mistake if none of them has any."""
    for split in splits:
        if count_items(source, split):
            return split
    raise _mistake(source, f"has no items: nothing is in {listed(tuple(splits), 'or')}")


def check_batch(source: Any, batch: object, wiring: Wiring, items: int) -> None:
    """Raise Mistake if a batch of so many items is not what source and features declare."""
    if not isinstance(batch, Mapping):
        raise _mistake(source, f"returns {returned(batch)}, not a dict of tensors")
    lengths: dict[str, tuple[Control, int]] = {}
    for control in (control for node in wiring.data for control in node.provides):
        value = batch.get(control.name)
        if not isinstance(value, Tensor):
            raise _mistake(source, f"returns {returned(value)} as {control.name}, not a tensor")
        if value.dtype != torch.float32 and control.unit != "index":
            raise _mistake(source, f"returns {control.name} in {value.dtype}, not torch.float32")
        shape = list(value.shape)
        inner = [] if control.axis == "clip" else [shape[1] if len(shape) > 1 else "any"]
        wanted = [items, *inner, *([] if control.axis == "sample" else [control.channels])]
        if shape != wanted:
            raise _mistake(source, f"returns {shape} as {control}, which has to be {wanted}")
        if inner:
            first, length = lengths.setdefault(control.axis, (control, shape[1]))
            if length != shape[1]:
                what = f"returns {length} values along {control.axis} as {first.name}, "
                raise _mistake(source, f"{what}but {shape[1]} as {control.name}")


def _mistake(source: Any, what: str) -> Mistake:
    return Mistake("source", "", type(source), what)
