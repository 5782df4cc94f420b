"""Whose mistake it is: what a plugin's component does wrong is told by the line that uses it."""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from attrs import evolve

from ddspcore.errors import Mistake, PluginError, is_refusal
from ddspcore.hooks import one_line
from ddspcore.plugins import CORE
from ddspcore.recipe.problems import Problem, RecipeError
from ddspcore.recipe.schema import Recipe, ScheduleUse, Use
from ddspcore.recipe.uses import component_uses

VARIABLE = "DDSP_TRACEBACK"


@contextmanager
def blamed(recipe: Recipe, *, ran: bool = True) -> Iterator[None]:
    """Turn what a plugin's component raises into a problem of the recipe, which `ran` until then.

    So is what a component returns and the core calls a Mistake. What else the core raises is a bug
    of the core, and passes, as does what the machine refuses. With DDSP_TRACEBACK in the
    environment the traceback is printed too. Raises RecipeError.
    """
    try:
        yield
    except Mistake as mistake:
        use = _meant(mistake, recipe)
        if use is None:
            raise
        problem = fault(use, mistake.what)
        hints = (*getattr(mistake, "__notes__", ()), *problem.hints)
        raise RecipeError([evolve(problem, hints=hints)], ran=ran) from mistake
    except Exception as error:
        mendable = hasattr(error, "exit_code") or is_refusal(error)
        found = None if mendable else _culprit(error, recipe)
        if found is None:
            raise
        use, who = found
        if os.environ.get(VARIABLE):
            traceback.print_exception(error, file=sys.stderr)
        problem = fault(use, f"raises {one_line(error)} ({_place(error, use)})", who)
        notes = getattr(error, "__notes__", ())
        hints = (*notes, *problem.hints, f"{VARIABLE}=1 in the environment shows the traceback")
        raise RecipeError([evolve(problem, hints=hints)], ran=ran) from error


def fault(use: Use | ScheduleUse, what: str, who: str = "") -> Problem:
    """Return the problem that a component, or who is named, does what it should not."""
    hint = () if use.plugin == CORE else (f"plugin {use.plugin}: ddsp plugins check {use.plugin}",)
    return Problem(f"{who or title(use)} {what}", use.origin, hint, PluginError.exit_code)


def title(use: Use | ScheduleUse) -> str:
    """Name a component of a recipe as messages do: a lone kind has no label."""
    kind = use.component.kind
    return kind if kind == "backbone" else f"{kind} {use.name}"


def _meant(mistake: Mistake, recipe: Recipe) -> Use | ScheduleUse | None:
    for use in component_uses(recipe):
        if use.component.cls is mistake.cls and mistake.label in ("", use.name):
            return use
    return None


def _culprit(error: Exception, recipe: Recipe) -> tuple[Use | ScheduleUse, str] | None:
    """Return whose own method, of those of plugins, the error passed through last, and its title.

    Where it passed through none, as in a function's backward, nobody knows which of its plugin's
    components called it: the first stands for the plugin.
    """
    uses = [use for use in component_uses(recipe) if use.plugin != CORE]
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)][::-1]
    for frame in frames:
        for use in uses:
            if _is_of(frame, use.component.cls):
                return use, title(use)
    for frame in frames:
        for use in uses:
            if _is_beside(frame, use.component.cls):
                return use, f"plugin {use.plugin}"
    return None


def _is_of(frame: FrameType, cls: type) -> bool:
    own = frame.f_code.co_qualname.startswith(f"{cls.__qualname__}.")
    return own and frame.f_globals.get("__name__") == cls.__module__


def _is_beside(frame: FrameType, cls: type) -> bool:
    module = str(frame.f_globals.get("__name__"))
    return module.partition(".")[0] == cls.__module__.partition(".")[0]


def _place(error: Exception, use: Use | ScheduleUse) -> str:
    """Return file and line of the innermost of the frames that belong to the plugin."""
    places = [
        f"{frame.f_code.co_filename}:{line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if _is_beside(frame, use.component.cls)
    ]
    return places[-1]
