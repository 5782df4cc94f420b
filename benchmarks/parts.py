"""Where the time of a training step goes: every part of it, forward and back, by itself."""

import functools
from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor

from benchmarks.calls import calling
from benchmarks.peers import DDSP_PYTORCH
from benchmarks.recipes import BANDS, Size
from benchmarks.setup import Setup, kernels_of
from benchmarks.step import ddsp_pytorch_model, learner_of
from benchmarks.timing import Case, Contender

SUBJECT = "parts of a training step"
WORK = "forward and back"
NETWORK, WHITE, HARMONIC, NOISE, REVERB, LOSS, ADAM = (
    "network",
    "white noise",
    "harmonic",
    "noise",
    "reverb",
    "loss",
    "Adam",
)

Calls = Mapping[str, Callable[[], object]]


def case(setup: Setup, size: Size, backbones: tuple[str, ...]) -> Case:
    """Return a case whose contenders are the parts of every model, named `model: part`."""
    entrants: dict[str, Callable[[], Contender]] = {}
    parts = [NETWORK, WHITE, HARMONIC, NOISE, *([REVERB] if size.reverb else []), LOSS, ADAM]
    for backbone in backbones:
        for name, which in kernels_of(setup).items():
            calls = functools.cache(functools.partial(_ours, setup, size, backbone))
            for part in parts:
                built = functools.partial(_contender, calls, part, which)
                entrants[f"{name}, {backbone}: {part}"] = built
    peer = functools.cache(functools.partial(_ddsp_pytorch, setup, size))
    for part in parts:
        if part != WHITE:  # its noise is drawn by the filter that uses it
            entrants[f"{DDSP_PYTORCH.name}: {part}"] = functools.partial(_contender, peer, part)
    return Case(SUBJECT, WORK, str(size), entrants)


def _contender(calls: Callable[[], Calls], part: str, which: str = "auto") -> Contender:
    return Contender(calls()[part], which)


def _ours(setup: Setup, size: Size, backbone: str) -> Calls:
    learner = learner_of(setup, size, backbone)
    pipeline, lesson = learner.pipeline, learner.lesson
    clips = learner.feed.load("train", range(size.batch))
    batch = learner.feed.place(clips, 0)
    controls = {k: v.detach() for k, v in (batch | pipeline.predict(batch)).items()}
    target, term = batch["audio"], lesson.terms[0]

    def network() -> Tensor:
        return total(lesson.predict(batch).values())

    def distance() -> Tensor:
        value: Tensor = term(pred=signal, prepared=term.prepare(target))
        return value

    def synth(label: str, leaf: str) -> Callable[[], object]:
        module, needs = pipeline.synth[label], pipeline.ports[label].needs
        given = {need: controls[at] for need, at in needs.items()}
        given[leaf] = given[leaf].clone()
        return calling(lambda: module(given), [given[leaf], *module.parameters()])

    learner.step(0)  # so that there are gradients and the optimiser has a state
    networks = (pipeline.backbone, pipeline.head)
    weights = [weight for each in networks if each is not None for weight in each.parameters()]
    controls["signal"] = target
    signal = target.clone()
    room = {REVERB: synth("reverb", "signal")} if size.reverb else {}
    return {
        NETWORK: calling(network, weights),
        WHITE: lambda: learner.feed.place(clips, 0),
        HARMONIC: synth("harmonic", "harmonic_distribution"),
        NOISE: synth("noise", "noise_magnitudes"),
        **room,
        LOSS: calling(distance, [signal]),
        ADAM: _adam(learner.optimiser),
    }


def _ddsp_pytorch(setup: Setup, size: Size) -> Calls:
    model = ddsp_pytorch_model(setup, size)
    core, network, pitch = model.core, model.network, model.pitch
    shape = (size.batch, size.frames)
    levels = torch.rand((*shape, size.harmonics), device=setup.device)
    bands = torch.rand((*shape, BANDS), device=setup.device)
    signal = model.target.clone()

    def controls() -> Tensor:
        inputs = (pitch, model.loudness)
        seen = torch.cat([mlp(x) for mlp, x in zip(network.in_mlps, inputs, strict=True)], -1)
        hidden = network.out_mlp(torch.cat([network.gru(seen)[0], *inputs], -1))
        return total(core.scale_function(head(hidden)) for head in network.proj_matrices)

    def harmonic() -> Tensor:
        audible = core.remove_above_nyquist(levels, pitch, size.sample_rate)
        shares = audible / audible.sum(-1, keepdim=True)
        upsampled = (core.upsample(x, size.hop) for x in (pitch, shares))
        made: Tensor = core.harmonic_synth(*upsampled, size.sample_rate)
        return made

    def noise() -> Tensor:
        impulse = core.amp_to_impulse_response(bands, size.hop)
        white = torch.rand((*shape, size.hop)).to(impulse) * 2.0 - 1.0
        made: Tensor = core.fft_convolve(white, impulse)
        return made

    model.distance(network(pitch, model.loudness)[..., 0], model.target).backward()
    room = {}
    if size.reverb:
        dry = signal.clone()[..., None]
        room = {REVERB: calling(lambda: network.reverb(dry), [dry, network.reverb.noise])}
    weights = [p for name, p in network.named_parameters() if not name.startswith("reverb")]
    return {
        NETWORK: calling(controls, weights),
        HARMONIC: calling(harmonic, [levels]),
        NOISE: calling(noise, [bands]),
        **room,
        LOSS: calling(lambda: model.distance(signal, model.target), [signal]),
        ADAM: _adam(model.optimiser),
    }


def _adam(optimiser: torch.optim.Optimizer) -> Callable[[], object]:
    """Return a step of an optimiser whose gradients stay."""
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
    return optimiser.step


def total(tensors: Iterable[Tensor]) -> Tensor:
    """Return the sum of everything, for a gradient of ones."""
    return torch.stack([x.sum() for x in tensors]).sum()
