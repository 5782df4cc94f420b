"""How gradients become steps: the recipe's algorithm, each step one fused operation."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from ddspcore.recipe.schema import Optimiser

FUSED = ("cpu", "cuda", "mps")


def build_optimiser(options: Optimiser, parameters: Sequence[nn.Parameter]) -> torch.optim.Adam:
    """Return the optimiser; its learning rate is set before each step.

    Fused, it counts steps on the device, so a step never waits for it.
    """
    make = torch.optim.AdamW if options.kind == "adamw" else torch.optim.Adam
    return make(
        parameters,
        lr=0.0,
        betas=options.betas,
        eps=options.eps,
        weight_decay=options.weight_decay,
        fused=all(parameter.device.type in FUSED for parameter in parameters),
    )


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimiser's state as named tensors: `3.exp_avg` is of the parameter number 3."""
    return {
        f"{index}.{name}": value
        for index, state in optimiser.state_dict()["state"].items()
        for name, value in state.items()
    }


def load_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Continue from what `optimiser_tensors` returned."""
    state = optimiser.state_dict()
    for name, tensor in tensors.items():
        index, _, key = name.partition(".")
        state["state"].setdefault(int(index), {})[key] = tensor
    optimiser.load_state_dict(state)
