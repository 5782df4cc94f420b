"""Linear maps as the reference initialises them, and its treatment of gradients."""

import torch
from attrs import frozen
from ddspcore import option
from torch import Tensor, nn

from ddsp_dgen.randomness import SplitMix64


@frozen
class TrainedOptions:
    """Where weights start, and what is done to their gradients before the optimiser sees them."""

    seed: int = option(1337, ge=0, help="where the random weights start")
    grad_scale: float = option(
        1.0, gt=0, help="factor on gradients; the samples of a chunk, where they are not averaged"
    )
    grad_clip: float = option(1.0, gt=0, help="largest magnitude of a gradient, each by itself")


def treat_gradients(module: nn.Module, opt: TrainedOptions) -> None:
    """Scale the gradients of all parameters, replace what is not finite by 0, and clip each.

    The reference does so once a step, after averaging; here it is done in each backward, which is
    the same where a step has one batch.
    """

    def treat(gradient: Tensor) -> Tensor:
        scaled = (gradient * opt.grad_scale).nan_to_num(0.0, 0.0, 0.0)
        return scaled.clamp(-opt.grad_clip, opt.grad_clip)

    for parameter in module.parameters():
        parameter.register_hook(treat)


class Affine(nn.Module):
    """A linear map whose weights are stored [in, out], with a bias that starts at zero."""

    def __init__(self, stream: SplitMix64, inputs: int, outputs: int, scale: float):
        super().__init__()
        self.weight = nn.Parameter(stream.weights(inputs, outputs, scale))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Return x W + b. Shape: [...,in] -> [...,out]."""
        return x @ self.weight + self.bias
