"""A pipeline that plays while its features come: the offline render, a few frames at a time."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from attrs import define
from torch import Tensor

from ddspcore.context import Context
from ddspcore.controls import Control
from ddspcore.errors import UserError
from ddspcore.pipeline import EVALUATION_STEP, Batch, Pipeline, SynthPorts
from ddspcore.randomness import white_noise
from ddspcore.wiring import Wire

CPU = torch.device("cpu")
FRAMEWISE = object()
"""The state of what has none to carry, and no step."""
AHEAD = 32
"""Frames of noise hashed at a time: the hash of one hop is no faster than that of many."""


class Stream:
    """Plays a pipeline on new frames, with the state of every component carried along.

    What it plays is the offline output, later by what its synths hear ahead, with zeros before it.
    The first frame is where the signal starts: it only sets the state, and each frame after it
    gives one hop. Noise is that of `Pipeline.with_noise` for the items 0, 1, ... of the batch.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        ctx: Context,
        *,
        seed: int,
        batch: int = 1,
        device: torch.device = CPU,
        step: int = EVALUATION_STEP,
        predicted: bool = False,
    ):
        """Take a pipeline that is on `device` and in eval mode.

        `predicted` says that every push brings what the heads say, so that the synths alone have to
        stream. Raises UserError, naming the component, if one cannot, and why.
        """
        self.pipeline = pipeline
        self.frames = 0
        self.hop = ctx.ratio("sample", "frame")
        self.inputs = _inputs(pipeline, predicted)
        """What every push brings, on the frame axis."""
        self._noises = [
            _Noise(wire, torch.arange(batch, device=device), seed, step, self.hop)
            for wire in pipeline.noises
        ]
        self._listens = pipeline.backbone is not None and not predicted
        self._backbone: Any = None
        self._heads: list[_Head] = []
        if self._listens:
            self._backbone = _begin("backbone", pipeline.backbone, batch, device)
            self._heads = [_head(pipeline, key, batch, device) for key in pipeline.head]
        self._voices = list(_voices(pipeline, batch, device))
        if not self._voices:
            raise UserError("the pipeline has no synth, so there is nothing to stream")
        self.latency = self.hop + self._voices[-1].late
        """Samples from a frame to the sound at its centre; a feature's window adds its half."""

    @torch.inference_mode()
    def push(self, features: Mapping[str, Tensor], *, noise: bool = True) -> Tensor:
        """Play new frames.

        `features` holds the new frames of what lies on the frame axis, and the samples up to the
        last of them of what lies on the sample axis. Without noise, these frames are as if beyond
        the end of a render, where there is none.

        Shape: features [B,n,C] -> [B,n*hop]; (n - 1) * hop samples for the first frames of all.
        Raises UserError if a feature is missing or has another number of frames.
        """
        count = self._count(features)
        scope = dict(features)
        for each in self._noises:
            white = each.after(self.frames, count)
            scope[each.key] = white if noise else torch.zeros_like(white)
        self.frames += count
        if self._listens:
            self._control(scope)
        for voice in self._voices:
            voice.play(scope)
        return scope[self._voices[-1].port.signal]

    def _count(self, features: Mapping[str, Tensor]) -> int:
        counts = {name: features[name].shape[1] for name in self.inputs if name in features}
        if len(counts) < len(self.inputs):
            missing = ", ".join(name for name in self.inputs if name not in counts)
            raise UserError(f"the stream needs the features {missing}")
        if len(set(counts.values())) != 1 or 0 in counts.values():
            raise UserError(f"the features differ in their number of new frames: {counts}")
        return next(iter(counts.values()))

    def _control(self, scope: Batch) -> None:
        """Add to the scope what the heads say."""
        heard = {need: scope[key] for need, key in self.pipeline.inputs.items()}
        backbone: Any = self.pipeline.backbone
        hidden, self._backbone = backbone.step(heard, self._backbone)
        for head in self._heads:
            for name, value in head.say(hidden).items():
                scope[head.keys[name]] = value


@define
class _Head:
    """A head, and where the pipeline keeps what it says."""

    module: Any
    keys: Mapping[str, str]
    state: Any

    def say(self, hidden: Tensor) -> Mapping[str, Tensor]:
        """Return the controls of new frames; without a step, a head looks at one frame only."""
        said: Mapping[str, Tensor]
        if self.state is FRAMEWISE:
            said = self.module(hidden)
        else:
            said, self.state = self.module.step(hidden, self.state)
        return said


def _head(pipeline: Pipeline, key: str, batch: int, device: torch.device) -> _Head:
    head, label = pipeline.head[key], pipeline.labels[key]
    steps = hasattr(head, "step")
    state = _begin(f"head {label}", head, batch, device) if steps else FRAMEWISE
    (node,) = (n for n in pipeline.wiring.nodes if (n.kind, n.label) == ("head", label))
    keys = {each.name: pipeline.wiring.key(label, each.name) for each in node.provides}
    return _Head(head, keys, state)


class _Noise:
    """A need of noise, filled as `Pipeline.with_noise` fills it."""

    def __init__(self, wire: Wire, items: Tensor, seed: int, step: int, hop: int):
        self.key = wire.key
        self._items, self._seed, self._step = items, seed, step
        self._width = hop if wire.control.axis == "sample" else wire.control.channels
        self._on_samples = wire.control.axis == "sample"
        self._begin = self._end = 0
        self._ready = torch.empty(len(items), 0, device=items.device)
        if wire.control.axis not in ("sample", "frame"):
            raise UserError(f"{wire.node.title} cannot stream: its {wire.need} is {wire.control}")

    def after(self, frames: int, count: int) -> Tensor:
        """Return the noise of `count` frames that follow others; of their hops on the sample axis.

        Shape: [B,samples] on the sample axis, [B,count,channels] on the frame axis.
        """
        begin, end = frames, frames + count
        if self._on_samples:
            begin, end = max(begin - 1, 0), end - 1
        if end > self._end:
            self._begin, self._end = begin, max(end, begin + AHEAD)
            self._ready = white_noise(
                self._items,
                (self._end - begin) * self._width,
                seed=self._seed,
                step=self._step,
                label=self.key,
                offset=begin * self._width,
            )
        first, last = ((each - self._begin) * self._width for each in (begin, end))
        values = self._ready[:, first:last]
        return values if self._on_samples else values.unflatten(1, (count, self._width))


class _Delay:
    """Samples held back, zeros at first."""

    def __init__(self, batch: int, samples: int, device: torch.device):
        self._held = torch.zeros(batch, samples, device=device)

    def __call__(self, x: Tensor) -> Tensor:
        if not self._held.shape[1]:
            return x
        joined = torch.cat([self._held, x], dim=1)
        self._held = joined[:, x.shape[1] :]
        return joined[:, : x.shape[1]]


@define
class _Voice:
    """A synth that plays, and the delays that align it with the sum so far; `late` is the sum's."""

    synth: Any
    port: SynthPorts
    state: Any
    hold_made: _Delay
    hold_sum: _Delay
    late: int

    def play(self, scope: Batch) -> None:
        """Add the synth's new samples to its signal in the scope, or replace that by them."""
        needs = {need: scope[key] for need, key in self.port.needs.items()}
        made, self.state = self.synth.step(needs, self.state)
        before = None if self.port.replaces else scope.get(self.port.signal)
        made = self.hold_made(made)
        scope[self.port.signal] = made if before is None else self.hold_sum(before) + made


def _voices(pipeline: Pipeline, batch: int, device: torch.device) -> Iterator[_Voice]:
    """Yield the synths in order, each with what aligns it."""
    late: dict[str, int] = {}
    synth: Any
    for key, synth in pipeline.synth.items():
        label = pipeline.labels[key]
        port = pipeline.ports[label]
        state = _begin(f"synth {label}", synth, batch, device)
        heard = {late.get(source, 0) for source in port.needs.values()}
        if len(heard) > 1:
            raise UserError(
                f"synth {label} cannot stream: what it needs comes late by different numbers of "
                f"samples, {', '.join(map(str, sorted(heard)))}"
            )
        served = {w.need: w.control for w in pipeline.wiring.of("synth", label)}
        own = max(heard, default=0)
        own += synth.latency(served) if hasattr(synth, "latency") else 0
        before = own if port.replaces else late.get(port.signal, own)
        total = late[port.signal] = max(own, before)
        hold_made, hold_sum = (_Delay(batch, total - each, device) for each in (own, before))
        yield _Voice(synth, port, state, hold_made, hold_sum, total)


def _begin(title: str, module: Any, batch: int, device: torch.device) -> Any:
    if not hasattr(module, "step"):
        raise UserError(f"{title} cannot stream: {type(module).__name__} has no step")
    try:
        return module.initial_state(batch, device)
    except UserError as error:
        raise UserError(f"{title} cannot stream: {error}") from None


def _inputs(pipeline: Pipeline, predicted: bool) -> dict[str, Control]:
    """Return what has to be brought on the frame axis, and how it is wired."""
    outside, inside = {"source", "feature"}, {"backbone", "synth"}
    if predicted:
        outside, inside = outside | {"head"}, {"synth"}
    brought = [node.title for node in pipeline.wiring.nodes if node.kind in outside]
    return {
        wire.key: wire.control
        for wire in pipeline.wiring.wires
        if wire.node.kind in inside and wire.provider in brought and wire.control.axis == "frame"
    }
