"""Full precision inside a mixed-precision step: signals are float32 whatever autocast says."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

P = ParamSpec("P")
R = TypeVar("R")


def full_precision(function: Callable[P, R]) -> Callable[P, R]:
    """Run `function` outside autocast, with tensors of 16 bits raised to float32.

    A phase, a spectrum or a logarithm has no business in bfloat16: 8 bits are 0.4 %.
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        raised: list[Any] = [_raise(a) for a in args]
        device = next((a.device.type for a in raised if isinstance(a, Tensor)), "cpu")
        if not torch.amp.is_autocast_available(device) or not torch.is_autocast_enabled(device):
            return function(
                *raised, **kwargs
            )  # a context for nothing takes longer than an operation
        with torch.autocast(device, enabled=False):
            return function(*raised, **kwargs)

    return run


def _raise(value: object) -> object:
    if isinstance(value, Tensor) and value.dtype in (torch.bfloat16, torch.float16):
        return value.float()
    return value
