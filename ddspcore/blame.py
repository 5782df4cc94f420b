"""Whose mistake it is: what a plugin's component does wrong is told by the line that uses it."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ddspcore.errors import PluginError
from ddspcore.hooks import one_line
from ddspcore.plugins import CORE
from ddspcore.recipe.problems import Problem, RecipeError
from ddspcore.recipe.schema import Recipe, Use


@contextmanager
def blamed(recipe: Recipe) -> Iterator[None]:
    """Turn what a plugin's component raises into a problem of the recipe.

    What the core raises is a bug of the core, and passes. Raises RecipeError.
    """
    try:
        yield
    except Exception as error:
        use = None if hasattr(error, "exit_code") else _culprit(error, recipe)
        if use is None:
            raise
        raise RecipeError(
            [fault(use, f"raises {one_line(error)} ({_place(error, use)})")]
        ) from error


def fault(use: Use, what: str) -> Problem:
    """Return the problem that a component does what it should not."""
    hint = () if use.plugin == CORE else (f"plugin {use.plugin}: ddsp plugins check {use.plugin}",)
    return Problem(f"{title(use)} {what}", use.origin, hint, PluginError.exit_code)


def title(use: Use) -> str:
    """Name a component of a recipe as messages do: a lone kind has no label."""
    kind = use.component.kind
    return kind if kind == "backbone" else f"{kind} {use.name}"


def _culprit(error: Exception, recipe: Recipe) -> Use | None:
    """Return whose own method, of those of plugins, the error passed through last."""
    uses = [use for use in _uses(recipe) if use.plugin != CORE]
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        for use in uses:
            if _is_of(frame, use.component.cls):
                return use
    return None


def _is_of(frame: FrameType, cls: type) -> bool:
    own = frame.f_code.co_qualname.startswith(f"{cls.__qualname__}.")
    return own and frame.f_globals.get("__name__") == cls.__module__


def _place(error: Exception, use: Use) -> str:
    """Return file and line of the innermost of the frames that belong to the plugin."""
    package = use.component.cls.__module__.partition(".")[0]
    places = [
        f"{frame.f_code.co_filename}:{line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__")).partition(".")[0] == package
    ]
    return places[-1]


def _uses(recipe: Recipe) -> Iterator[Use]:
    yield from (recipe.data, *recipe.features, *recipe.heads, *recipe.synths)
    if recipe.backbone is not None:
        yield recipe.backbone
    for stage in recipe.stages:
        yield from stage.losses
    yield from (recipe.metric, *recipe.evaluators)
