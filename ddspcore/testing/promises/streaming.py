"""What a component promises that can be run block by block."""

from typing import Any

import torch

from ddspcore.testing.distance import distance
from ddspcore.testing.promise import demand, promise
from ddspcore.testing.subject import Subject, Values, streams

CLOSE = 2e-6
BLOCKS = (1, 2, 5)
"""Frames in a block, one after another."""


@promise(when=streams)
def streams_what_it_plays_offline(subject: Subject) -> None:
    """Block by block it returns what it returns of the whole, later by its latency."""
    module, inputs = subject.build().eval(), subject.inputs()
    with torch.no_grad():
        whole = subject.run(module, inputs)
        streamed = _streamed(subject, module, inputs)
    late = _latency(subject, module)
    for name, offline in whole.items():
        live = streamed[name]
        silent = not live[:, :late].any()
        demand(silent, f"{name} is not silent while it waits for its latency, {late} samples")
        error = distance(live[:, late:], offline[:, : offline.shape[1] - late])
        demand(error <= CLOSE, f"streamed, {name} is another by {error:.1e}")


@promise(when=lambda subject: streams(subject) and subject.component.kind in ("backbone", "head"))
def hears_no_future(subject: Subject) -> None:
    """What it says of a frame does not depend on later ones; otherwise it could not be streamed."""
    module, inputs = subject.build().eval(), subject.inputs()
    later = subject.inputs(seed=2)
    known = subject.setting.frames // 2
    mixed = {n: torch.cat([v[:, :known], later[n][:, known:]], dim=1) for n, v in inputs.items()}
    with torch.no_grad():
        whole, other = subject.run(module, inputs), subject.run(module, mixed)
    for name, value in whole.items():
        error = distance(other[name][:, :known], value[:, :known])
        demand(error <= CLOSE, f"{name} of a frame changes with later frames, by {error:.1e}")


def _streamed(subject: Subject, module: Any, inputs: Values) -> Values:
    """Return what `step` makes of the inputs, cut into blocks of several sizes."""
    setting = subject.setting
    axes = {control.name: control.axis for control in subject.served}
    state = module.initial_state(setting.items, torch.device("cpu"))
    pieces: dict[str, list[torch.Tensor]] = {}
    at, turn = 0, 0
    while at < setting.frames:
        end = min(at + BLOCKS[turn % len(BLOCKS)], setting.frames)
        part = {name: _part(subject, value, axes[name], at, end) for name, value in inputs.items()}
        told = part["hidden"] if subject.component.kind == "head" else part
        made, state = module.step(told, state)
        if subject.component.kind == "backbone":
            made = {"hidden": made}
        elif subject.component.kind == "synth":
            made = {subject.provided[0].name: made}
        for name, value in made.items():
            pieces.setdefault(name, []).append(value.clone())
        at, turn = end, turn + 1
    return {name: torch.cat(values, dim=1) for name, values in pieces.items()}


def _part(subject: Subject, value: torch.Tensor, axis: str, at: int, end: int) -> torch.Tensor:
    """Cut frames, and the samples up to the last of them; the first frame has none before it."""
    if axis == "clip":
        return value
    if axis != "sample":
        return value[:, at:end]
    hop = subject.setting.ctx.ratio("sample", "frame")
    return value[:, max(0, at - 1) * hop : (end - 1) * hop]


def _latency(subject: Subject, module: Any) -> int:
    if not hasattr(module, "latency"):
        return 0
    return int(module.latency({control.name: control for control in subject.served}))


PROMISES = (streams_what_it_plays_offline, hears_no_future)
