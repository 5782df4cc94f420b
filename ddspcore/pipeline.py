"""batch -> backbone -> heads -> synths -> Output: the module that a recipe assembles."""

import math
from collections.abc import Mapping, Sequence

import torch
from attrs import frozen
from torch import Tensor, nn

from ddspcore.controls import Control
from ddspcore.randomness import white_noise
from ddspcore.wiring import Wiring

Batch = dict[str, Tensor]

EVALUATION_STEP = -1


@frozen
class Output:
    """What a pipeline makes of a batch.

    `signal` is the last synth's sum, None without synths. `parts` holds each synth's contribution
    to it by label; a synth that replaces the sum so far contributes the difference, so the parts
    of one signal always add up. `controls` holds the batch and everything that heads provide.
    """

    signal: Tensor | None
    parts: dict[str, Tensor]
    controls: Batch


@frozen
class SynthPorts:
    """Where a synth's needs come from and which signal it adds to or replaces."""

    needs: Mapping[str, str]
    signal: str
    replaces: bool


class Pipeline(nn.Module):
    """The trainable part of a recipe.

    Parameters are named as recipes name components: `backbone...`, `head.<label>...`,
    `synth.<label>...`; a dot within a label is written as an underscore.
    """

    def __init__(
        self,
        wiring: Wiring,
        backbone: nn.Module | None,
        heads: Mapping[str, nn.Module],
        synths: Mapping[str, nn.Module],
    ):
        """Take built components and their wiring."""
        super().__init__()
        self.backbone = backbone
        self.head = nn.ModuleDict({_key(label): module for label, module in heads.items()})
        self.synth = nn.ModuleDict({_key(label): module for label, module in synths.items()})
        self.labels = {_key(label): label for label in (*heads, *synths)}
        self.wiring = wiring
        self.inputs = {w.need: w.key for w in wiring.of("backbone", "backbone")}
        self.ports = {label: _ports(wiring, label) for label in synths}
        self.noises = tuple(w for w in wiring.wires if w.control.unit == "noise")
        self.lengths = _lengths_by_axis(wiring)

    def forward(self, batch: Batch) -> Output:
        """Predict controls and synthesise from features and the noise that the synths need."""
        return self.synthesise(batch | self.predict(batch))

    def predict(self, batch: Batch) -> Batch:
        """Return what the heads make of a batch's features: the network, and nothing else."""
        if self.backbone is None:
            return {}
        hidden = self.backbone({need: batch[key] for need, key in self.inputs.items()})
        return {
            self.wiring.key(self.labels[key], name): value
            for key, head in self.head.items()
            for name, value in head(hidden).items()
        }

    def synthesise(self, controls: Batch) -> Output:
        """Run the synths on a batch to which the controls that heads provide are added."""
        scope = dict(controls)
        parts: Batch = {}
        signal = None
        for key, synth in self.synth.items():
            label = self.labels[key]
            port = self.ports[label]
            made = synth({need: scope[at] for need, at in port.needs.items()})
            before = scope.get(port.signal)
            if before is None:
                parts[label] = signal = made
            elif port.replaces:
                parts[label], signal = made - before, made
            else:
                parts[label], signal = made, before + made
            scope[port.signal] = signal
        return Output(signal, parts, controls)

    def with_noise(self, batch: Batch, *, seed: int, step: int = EVALUATION_STEP) -> Batch:
        """Return the batch with every noise need filled from the counter hash of (seed, step).

        Training steps count from 0; negative steps belong to evaluation.
        """
        filled = dict(batch)
        for noise in self.noises:
            shape = self._noise_shape(noise.control, batch)
            values = white_noise(
                batch["item"], math.prod(shape), seed=seed, step=step, label=noise.key
            )
            filled[noise.key] = values.unflatten(1, shape) if len(shape) > 1 else values
        return filled

    def _noise_shape(self, control: Control, batch: Batch) -> tuple[int, ...]:
        """Return the shape of an item's noise: along an axis, as long as the data."""
        if control.axis == "clip":
            return (control.channels,)
        length = batch[self.lengths[control.axis]].shape[1]
        return (length,) if control.axis == "sample" else (length, control.channels)


def parameters_by_module(
    pipeline: Pipeline, prefixes: Sequence[str]
) -> tuple[list[nn.Parameter], list[str]]:
    """Return the parameters under the given prefixes, and the prefixes that match none."""
    found: list[nn.Parameter] = []
    missing: list[str] = []
    for prefix in prefixes:
        dotted = prefix.split(".", 1)
        path = ".".join([dotted[0], *(_key(rest) for rest in dotted[1:])])
        matches = [
            p for name, p in pipeline.named_parameters() if f"{name}.".startswith(f"{path}.")
        ]
        found += matches
        if not matches:
            missing.append(prefix)
    return found, missing


def _key(label: str) -> str:
    return label.replace(".", "_")


def _ports(wiring: Wiring, label: str) -> SynthPorts:
    node = next(n for n in wiring.nodes if (n.kind, n.label) == ("synth", label))
    needs = {w.need: w.key for w in wiring.of("synth", label)}
    signal = node.provides[0].name
    return SynthPorts(needs, signal, replaces=signal in needs.values())


def _lengths_by_axis(wiring: Wiring) -> dict[str, str]:
    """Return, for every axis of the batch, a control of source or features that runs along it."""
    return {control.axis: control.name for node in wiring.data for control in node.provides}


def to_device(batch: Batch, device: torch.device) -> Batch:
    """Move every tensor of a batch."""
    return {name: value.to(device, non_blocking=True) for name, value in batch.items()}
