"""From a profiler's events to the parts of a step: whose time it was, forward and backward.

Ranges around the recipe's parts lie beside torch's own events. The backward time of an operation
belongs to the part that ran it forward: autograd gives both the same number.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Literal

from attrs import frozen
from torch.autograd import DeviceType  # type: ignore[attr-defined]
from torch.autograd.profiler import record_function

Key = tuple[str, Literal["forward", "backward"]]

STEP, BACKWARD = "step", "backward"
_MARK = "ddsp: "
_EVALUATE = "autograd::engine::evaluate_function"

# What a step does beside its parts, and what the backward pass does that is no part's.
OTHER: Key = ("other", "forward")
GRADIENT: Key = ("gradient", "backward")


@frozen
class Part:
    """What one part of the recipe takes of a step, in ms; `share` is of the whole step."""

    name: str
    forward_ms: float
    backward_ms: float
    share: float

    @property
    def ms(self) -> float:
        """Both ways."""
        return self.forward_ms + self.backward_ms


def span(name: str) -> record_function:
    """Mark a block for `attribute`: `step`, `backward`, or the name of a part."""
    return record_function(_MARK + name)


def attribute(events: Sequence[Any], steps: int, step_ms: float, on_cuda: bool) -> list[Part]:
    """Divide a step of `step_ms` among its parts, the longest first; their shares sum to one.

    On CUDA the device's time counts, and `other` is when it waits for the host. Elsewhere the
    host's counts, which the profiler slows, so it is scaled to the step.
    """
    events = [event for event in events if event.device_type == DeviceType.CPU]
    spent = _spent(events, on_cuda)
    if on_cuda:
        ms = {key: us / 1e3 / steps for key, us in spent.items() if key != OTHER}
        ms[OTHER] = max(0.0, step_ms - sum(ms.values()))
    else:
        whole = sum(spent.values())
        ms = {key: us / whole * step_ms for key, us in spent.items()}
    total = sum(ms.values())
    parts = []
    for name in dict.fromkeys(name for name, _ in ms):
        forward, backward = (max(0.0, ms.get((name, way), 0.0)) for way in ("forward", "backward"))
        parts.append(Part(name, forward, backward, (forward + backward) / total))
    return sorted(parts, key=lambda part: -part.ms)


def _spent(events: Sequence[Any], on_cuda: bool) -> dict[Key, float]:
    """Return us by part and way; what lies within a span counts for the innermost one alone."""
    owners = _owners(events)
    spent: dict[Key, float] = defaultdict(float)
    for event in events:
        outer = _outer(event)
        around = None if outer is None else _key(outer)
        key = _key(event)
        if event.name.startswith(_EVALUATE) and (outer is None or around == GRADIENT):
            key = owners.get(event.sequence_nr, GRADIENT[0]), "backward"
        if key is None:
            continue
        us = event.device_time_total if on_cuda else event.time_range.elapsed_us()
        spent[key] += us
        if around is not None:
            spent[around] -= us
    return spent


def _owners(events: Sequence[Any]) -> dict[int, str]:
    """Return which part ran the operation of each of autograd's numbers."""
    owners = {}
    for event in sorted(events, key=lambda event: event.time_range.start):
        outer = _outer(event)
        around = None if outer is None else _key(outer)
        if event.sequence_nr >= 0 and around is not None and around[1] == "forward":
            owners[event.sequence_nr] = around[0]  # the last of those with a number has the node
    return owners


def _outer(event: Any) -> Any:
    """Return the innermost span, or operation of the backward pass, that an event lies in."""
    parent = event.cpu_parent
    while parent is not None and not parent.name.startswith((_MARK, _EVALUATE)):
        parent = parent.cpu_parent
    return parent


def _key(event: Any) -> Key | None:
    """Return the part and way that a span counts for; None for any other event."""
    if not event.name.startswith(_MARK):
        return None
    name: str = event.name.removeprefix(_MARK)
    return {STEP: OTHER, BACKWARD: GRADIENT}.get(name, (name, "forward"))
