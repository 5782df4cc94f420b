"""What torch's compiler has to know of this project; importing it to say so takes a second."""

from collections.abc import Callable
from typing import TypeVar

import torch

Made = TypeVar("Made", bound=Callable[..., object])

_constants: list[Callable[..., object]] = []


def constant(function: Made) -> Made:
    """Declare that a function's result follows from its arguments, which are no tensors."""
    _constants.append(function)
    return function


def tell_compiler() -> None:
    """Say before anything is compiled which results are constants of the graph."""
    for function in _constants:
        torch.compiler.assume_constant_result(function)
