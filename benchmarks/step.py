"""A whole training step: forward, loss, backward, Adam."""

import functools
from collections.abc import Callable, Iterable
from typing import Any

import torch
from attrs import evolve, field, frozen
from torch import Tensor

from benchmarks import loss
from benchmarks.peers import DDSP_PYTORCH, load
from benchmarks.recipes import BANDS, SHORT, Size, recipe
from benchmarks.setup import Setup, kernels_of
from benchmarks.timing import Case, Contender
from ddspcore.assemble import declare
from ddspcore.pipeline import Batch
from ddspcore.train.learner import Learner
from ddspcore.train.lesson import build_feed, build_lesson
from ddspcore.train.network import wants_compiling

SUBJECT = "training step"
WORK = "forward, loss, backward, Adam"
HIDDEN = 512
PEER_NOTE = "its own model: GRU-512, frames repeated instead of interpolated"


@frozen
class Clips:
    """A source whose clips are at hand, so that a step is all there is to measure."""

    batch_size: int
    tensors: Batch = field(repr=False)

    def count(self, split: str) -> int:
        """Return how many items there are."""
        return self.batch_size

    def batch(self, split: str, indices: list[int]) -> Batch:
        """Return the items; always all of them."""
        return dict(self.tensors)


def clips(size: Size, device: str) -> Clips:
    """Return noise to imitate, at a steady pitch with every harmonic audible."""
    draw = torch.Generator().manual_seed(0)
    shape = (size.batch, size.frames + 1, 1)
    f0_hz = 0.469 * size.sample_rate / size.harmonics
    tensors = {
        "audio": torch.randn((size.batch, size.samples), generator=draw) * 0.1,
        "f0_hz": torch.full(shape, f0_hz) * (1.0 + 0.02 * torch.rand(shape, generator=draw)),
        "voicing": torch.ones(shape),
        "loudness_db": -20.0 - 20.0 * torch.rand(shape, generator=draw),
    }
    return Clips(size.batch, {name: value.to(device) for name, value in tensors.items()})


def case(setup: Setup, size: Size, backbones: Iterable[str]) -> Case:
    """Return a step of our models with these backbones, and of ddsp_pytorch's."""
    backbones = tuple(backbones)
    entrants: dict[str, Callable[[], Contender]] = {
        f"{name}, {backbone}": functools.partial(_ours, setup, size, which, backbone)
        for backbone in backbones
        for name, which in kernels_of(setup).items()
    }
    entrants[DDSP_PYTORCH.name] = functools.partial(_ddsp_pytorch, setup, size)
    tiny = evolve(SHORT, samples=8192)
    small = None if size == tiny else case(setup, tiny, backbones)
    return Case(SUBJECT, WORK, str(size), entrants, small=small)


def learner_of(setup: Setup, size: Size, backbone: str) -> Learner:
    """Return our training step itself, as `ddsp run` builds it, over synthetic clips."""
    ours = recipe(size, backbone)
    device = torch.device(setup.device)
    feed = build_feed(ours, declare(ours), clips(size, setup.device), device)
    compiled, _ = wants_compiling(ours.compile, device)
    return Learner(build_lesson(ours, ours.stages[0], feed, compiled=compiled, steps_before=0))


def _ours(setup: Setup, size: Size, which: str, backbone: str) -> Contender:
    learner = learner_of(setup, size, backbone)
    step = iter(range(learner.stage.steps))
    return Contender(lambda: learner.step(next(step)), which)


@frozen
class PeerModel:
    """ddsp_pytorch's model and functions, and what its training step is given."""

    core: Any
    network: Any
    pitch: Tensor
    loudness: Tensor
    target: Tensor
    distance: loss.Loss
    optimiser: torch.optim.Optimizer


def ddsp_pytorch_model(setup: Setup, size: Size) -> PeerModel:
    """Return its model at our sizes; PeerMissingError if it is not there."""
    module = load(setup.peers, DDSP_PYTORCH, "model")
    network = module.DDSP(HIDDEN, size.harmonics, BANDS, size.sample_rate, size.hop)
    if not size.reverb:
        network.reverb = torch.nn.Identity()
    network.to(setup.device)
    tensors = clips(size, setup.device).tensors
    return PeerModel(
        core=load(setup.peers, DDSP_PYTORCH, "core"),
        network=network,
        pitch=tensors["f0_hz"][:, :-1].contiguous(),
        loudness=tensors["loudness_db"][:, :-1].contiguous() / 20.0 + 1.5,
        target=tensors["audio"],
        distance=loss.ddsp_pytorch_loss(setup, size.windows),
        optimiser=torch.optim.Adam(network.parameters(), lr=1e-4),
    )


def _ddsp_pytorch(setup: Setup, size: Size) -> Contender:
    model = ddsp_pytorch_model(setup, size)

    def step() -> None:
        made = model.network(model.pitch, model.loudness)[..., 0]
        distance = model.distance(made, model.target)
        model.optimiser.zero_grad()
        distance.backward()
        model.optimiser.step()

    return Contender(step, note=PEER_NOTE)
