"""Every component of a recipe, those that move its numbers among them."""

from collections.abc import Iterator

import attrs

from ddspcore.recipe.schema import Recipe, ScheduleUse, Use


def component_uses(recipe: Recipe) -> Iterator[Use | ScheduleUse]:
    """Yield every use of a component in the recipe: what computes first, the schedules after it."""
    uses = [recipe.data, *recipe.features, *recipe.heads, *recipe.synths]
    if recipe.backbone is not None:
        uses.append(recipe.backbone)
    uses += [loss for stage in recipe.stages for loss in stage.losses]
    uses += [recipe.metric, *recipe.evaluators]
    yield from uses
    for owner in (*recipe.stages, *uses, *(use.options for use in uses)):
        values = (getattr(owner, attribute.name) for attribute in attrs.fields(type(owner)))
        yield from (value for value in values if isinstance(value, ScheduleUse))
