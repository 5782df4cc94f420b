"""The network as training runs it: in the recipe's precision, compiled where that is wanted.

Evaluation and rendering call the pipeline itself, in float32, so that what they find is a function
of the weights alone.
"""

from collections.abc import Callable

import torch

from ddspcore.compiling import tell_compiler
from ddspcore.errors import UserError
from ddspcore.pipeline import Batch, Pipeline
from ddspcore.recipe.schema import Compile, Precision

Predict = Callable[[Batch], Batch]

BACKEND = "inductor"


def training_network(
    pipeline: Pipeline, device: torch.device, precision: Precision, compiled: bool
) -> Predict:
    """Return `pipeline.predict` as a training step calls it.

    In bfloat16, backbone and heads run under autocast, and the controls that leave them are float32
    again. A step's shapes never change, so one graph serves them all.
    """

    predict: Predict = pipeline.predict
    if precision == "bfloat16":
        predict = _in_bfloat16(predict, device)
    if not compiled:
        return predict
    tell_compiler()
    compiled_predict: Predict = torch.compile(predict, backend=BACKEND, dynamic=False)
    return compiled_predict


def _in_bfloat16(predict: Predict, device: torch.device) -> Predict:
    def mixed(batch: Batch) -> Batch:
        with torch.autocast(device.type, torch.bfloat16):
            controls = predict(batch)
        return {name: value.float() for name, value in controls.items()}

    return mixed


def wants_compiling(choice: Compile, device: torch.device) -> tuple[bool, str]:
    """Decide whether to compile, and say why a recipe's wish for `auto` is not followed.

    Raises UserError if the recipe insists and this machine cannot.
    """
    if choice is False or (choice == "auto" and device.type != "cuda"):
        return False, ""
    fault = compiler_fault(device)
    if fault and choice is True:
        raise UserError(
            f"compile = true, but nothing can be compiled for {device.type} here: {fault}; "
            'install a compiler, or set compile to "auto" or false'
        )
    return not fault, fault


def compiler_fault(device: torch.device) -> str:
    """Compile a trivial function; returns why that fails, or nothing.

    What is missing (a C++ compiler, Triton, Python's headers) shows only when it is tried.
    """
    try:
        torch.compile(_double, backend=BACKEND, dynamic=False)(torch.zeros(8, device=device))
    except Exception as failure:  # whatever it is, the network could not be compiled either
        reason = getattr(failure, "inner_exception", failure)
        return str(reason).strip().partition("\n")[0] or type(reason).__name__
    return ""


def _double(x: torch.Tensor) -> torch.Tensor:
    return 2 * x
