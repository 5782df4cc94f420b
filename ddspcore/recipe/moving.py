"""Numbers that move: whether a schedule stays where the number that it stands for has to be."""

from collections.abc import Iterator
from numbers import Real
from typing import Any

import attrs

from ddspcore.component import option_spec
from ddspcore.hooks import one_line
from ddspcore.recipe.problems import collect
from ddspcore.recipe.schema import Recipe, ScheduleUse, Stage
from ddspcore.recipe.tree import Node

LOOKS = 100
"""About so many steps of a stage are looked at, the first and the last among them."""


def check_moving(recipe: Recipe, stages: list[Node]) -> None:
    """Refuse schedules that leave the range of their option in a stage, written in `stages`.

    Raises RecipeError.
    """
    model = [use for use in (recipe.backbone, *recipe.heads, *recipe.synths) if use is not None]
    with collect() as problems:
        for stage, table in zip(recipe.stages, stages, strict=True):
            for message in _strays(stage, stage):
                problems.add(message, table.value["lr"].at)
            for use in (*model, *stage.losses):
                for message in _strays(use.options, stage):
                    problems.add(f'{use.component.kind} "{use.name}": {message}', use.origin)


def _strays(options: Any, stage: Stage) -> Iterator[str]:
    """Say of every scheduled option that leaves its range when it does first."""
    for attribute in attrs.fields(type(options)):
        moving = getattr(options, attribute.name)
        if isinstance(moving, ScheduleUse):
            for step in (*range(0, stage.steps, -(-stage.steps // LOOKS)), stage.steps - 1):
                if fault := _fault(moving, attribute, step, stage.steps):
                    yield f'at step {step} of stage "{stage.name}", {attribute.name} {fault}'
                    break


def _fault(moving: ScheduleUse, attribute: Any, step: int, steps: int) -> str | None:
    spec = option_spec(attribute)
    try:
        value = moving.value(step, steps)
    except Exception as error:  # whatever a plugin's schedule raises
        return f"cannot be told: {moving.qualified} raises {one_line(error)}"
    if not isinstance(value, Real):
        return f"is {value!r}, which is no number"
    if spec.allows(float(value)):
        return None
    return f"is {value:g}, which is out of range: {spec.range() or 'a finite number'}"
