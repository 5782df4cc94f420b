"""What the modules of a pipeline return, against what their kinds do: watched in a dry run."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from ddspcore.assemble import context_of, declared_width
from ddspcore.blame import fault, title
from ddspcore.declarations import returned
from ddspcore.pipeline import Pipeline
from ddspcore.recipe.problems import RecipeError
from ddspcore.recipe.schema import Recipe, Use

Fault = Callable[[Any], str | None]


def watch_outputs(pipeline: Pipeline, recipe: Recipe) -> None:
    """Let each module raise RecipeError if it returns what no module of its kind returns."""
    if recipe.backbone is not None and pipeline.backbone is not None:
        width = declared_width(recipe.backbone, context_of(recipe))
        _watch(pipeline.backbone, recipe.backbone, lambda made: _hidden_fault(made, width))
    for use, head in zip(recipe.heads, pipeline.head.values(), strict=True):
        _watch(head, use, _controls_fault)
    made: dict[str, tuple[Use, Tensor]] = {}
    for use, synth in zip(recipe.synths, pipeline.synth.values(), strict=True):
        _watch(synth, use, _signal_fault(use, pipeline.ports[use.name].signal, made))


def _watch(module: nn.Module, use: Use, find: Fault) -> None:
    def check(_: nn.Module, inputs: object, made: object) -> None:
        if what := find(made):
            raise RecipeError([fault(use, what)])

    module.register_forward_hook(check)


def _hidden_fault(made: object, width: int) -> str | None:
    if not isinstance(made, Tensor):
        return f"returns {returned(made)}, not a tensor"
    if made.dim() == 0 or made.shape[-1] != width:
        return f"declares a width of {width}, but returns {list(made.shape)}"
    return None


def _controls_fault(made: object) -> str | None:
    if not isinstance(made, Mapping):
        return f"returns {returned(made)}, not a dict of tensors"
    odd = [name for name, value in made.items() if not isinstance(value, Tensor)]
    return f"returns {returned(made[odd[0]])} as {odd[0]}, not a tensor" if odd else None


def _signal_fault(use: Use, name: str, made: dict[str, tuple[Use, Tensor]]) -> Fault:
    """Return what looks at a signal beside the first of its name, which `made` remembers."""

    def find(signal: object) -> str | None:
        if not isinstance(signal, Tensor):
            return f"returns {returned(signal)}, not a tensor"
        first, earlier = made.setdefault(name, (use, signal))
        if signal.shape == earlier.shape:
            return None
        beside = f"but {title(first)} makes a {name} of {list(earlier.shape)}"
        return f"returns {list(signal.shape)}, {beside}"

    return find
