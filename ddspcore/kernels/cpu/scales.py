"""The scale of amplitudes by the compiled library, and its gradient."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ddspcore.kernels.cpu.library import library, ready


def exp_sigmoid(x: Tensor) -> Tensor:
    """Map any number to an amplitude; see `ddspcore.dsp.scales.exp_sigmoid`."""
    amplitude: Tensor = _ExpSigmoid.apply(x)
    return amplitude


class _ExpSigmoid(torch.autograd.Function):
    """Keeps what comes out and nothing else: what follows keeps that too."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        x = ready(x)
        y = torch.empty_like(x)
        library().ddsp_exp_sigmoid(x.data_ptr(), y.data_ptr(), x.numel(), torch.get_num_threads())
        ctx.save_for_backward(y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        grad, of_x = ready(grad), torch.empty_like(y)
        pointers = (each.data_ptr() for each in (y, grad, of_x))
        library().ddsp_exp_sigmoid_grad(*pointers, y.numel(), torch.get_num_threads())
        return of_x
