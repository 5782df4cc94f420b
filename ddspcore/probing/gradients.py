"""What each loss alone would do to the weights in one step: how hard it pulls, where, whereto.

Everything follows from one matrix a module: the inner products of the losses' gradients there.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from attrs import frozen
from torch import Tensor, nn

from ddspcore.randomness import forked
from ddspcore.train.learner import Learner

EVERYTHING = "everything"


@frozen
class Loss:
    """A loss of the batch, and what it counts in the step's sum."""

    name: str
    value: float
    weight: float


@frozen
class Module:
    """A part of the model and the inner products of the losses' gradients in it, [L,L] float64.

    `depth` is 0 for everything, 1 for a component, 2 for a part of a component.
    """

    name: str
    depth: int
    parameters: int
    products: Tensor

    @property
    def norms(self) -> Tensor:
        """The norm of each loss's gradient. Shape: [L]."""
        return self.products.diagonal().sqrt()

    @property
    def cosines(self) -> Tensor:
        """How far two gradients point the same way: 1, 0 or -1; NaN for one of no length."""
        return (self.products / self.norms.outer(self.norms)).clamp(-1.0, 1.0)


@frozen
class Gradients:
    """The gradients of one step's losses on one batch."""

    stage: str
    step: int
    items: tuple[int, ...]
    losses: tuple[Loss, ...]
    modules: tuple[Module, ...]

    @property
    def weights(self) -> Tensor:
        """What each loss counts. Shape: [L]."""
        return torch.tensor([loss.weight for loss in self.losses], dtype=torch.float64)

    def weighted_norms(self, module: Module) -> Tensor:
        """Return the norm of each loss's gradient as the step takes it. Shape: [L]."""
        return self.weights.abs() * module.norms

    def share_among_losses(self, module: Module) -> Tensor:
        """Return each loss's part of all the pull at a module, weighted; they sum to one."""
        pulls = self.weighted_norms(module)
        return pulls / pulls.sum()

    def share_of_gradient(self, module: Module) -> Tensor:
        """Return which part of each loss's gradient, squared, is here; modules sum to one."""
        return module.products.diagonal() / self.modules[0].products.diagonal()

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values; what is undefined is NaN."""
        return {
            "stage": self.stage,
            "step": self.step,
            "items": self.items,
            "losses": [
                {"name": loss.name, "value": loss.value, "weight": loss.weight}
                for loss in self.losses
            ],
            "modules": [
                {
                    "name": module.name,
                    "depth": module.depth,
                    "parameters": module.parameters,
                    "norm": self._by_loss(module.norms),
                    "weighted_norm": self._by_loss(self.weighted_norms(module)),
                    "share_among_losses": self._by_loss(self.share_among_losses(module)),
                    "share_of_gradient": self._by_loss(self.share_of_gradient(module)),
                    "cosine": {
                        loss.name: self._by_loss(row)
                        for loss, row in zip(self.losses, module.cosines, strict=True)
                    },
                }
                for module in self.modules
            ],
        }

    def _by_loss(self, values: Tensor) -> dict[str, float]:
        names = [loss.name for loss in self.losses]
        return dict(zip(names, values.tolist(), strict=True))


def probe_gradients(learner: Learner, step: int) -> Gradients:
    """Return the gradients of a step's losses, each alone, on what that step trains on.

    Schedules, noise and random numbers are those of the step; no weight is changed. Of a step of
    several batches, it is the first. What the stage freezes has no gradient.
    """
    lesson, stage = learner.lesson, learner.stage
    for scheduled in lesson.scheduled:
        scheduled.fill(step, stage.steps)
    trained = {n: p for n, p in learner.pipeline.named_parameters() if p.requires_grad}
    with forked(lesson.recipe.seed, stage.name, step):
        batch, prepared = learner.batch(step, 0)
        found = list(learner.values(step, batch, prepared))
    rows = [_gradient(value, list(trained.values())) for _, value in found]
    losses = (
        Loss(term.label, value.item(), float(term.weight(step, stage.steps)))
        for term, value in found
    )
    gradients = {
        name: torch.stack(row) for name, row in zip(trained, zip(*rows, strict=True), strict=True)
    }
    items = tuple(batch["item"].tolist())
    return Gradients(stage.name, step, items, tuple(losses), modules_of(gradients))


def _gradient(value: Tensor, parameters: Sequence[nn.Parameter]) -> list[Tensor]:
    """Return a loss's gradient by parameter, on the CPU in float64; zero where it has none."""
    found: Sequence[Tensor | None] = [None] * len(parameters)
    if value.requires_grad:
        found = torch.autograd.grad(value, parameters, retain_graph=True, allow_unused=True)
    return [
        (torch.zeros_like(p) if g is None else g).detach().flatten().cpu().double()
        for p, g in zip(parameters, found, strict=True)
    ]


def modules_of(gradients: Mapping[str, Tensor]) -> tuple[Module, ...]:
    """Return everything, every component and its parts, in the order of the parameters.

    Shape: gradients [L,n] by parameter, named as a pipeline names them.
    """
    found: dict[str, Module] = {}
    for parameter, rows in gradients.items():
        for depth, name in enumerate(_lineage(parameter)):
            before = found.get(name) or Module(name, depth, 0, rows.new_zeros(len(rows), len(rows)))
            found[name] = Module(
                name, depth, before.parameters + rows.shape[1], before.products + rows @ rows.T
            )
    return tuple(found.values())


def _lineage(parameter: str) -> tuple[str, str, str]:
    """Return what a parameter is part of: `everything`, `head.noise`, `head.noise.magnitudes`."""
    parts = parameter.split(".")
    component = 1 if parts[0] == "backbone" else 2
    return EVERYTHING, ".".join(parts[:component]), ".".join(parts[: component + 1])
