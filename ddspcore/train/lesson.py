"""What a stage's training is made of: a fresh pipeline with its feed, and the stage's losses."""

from typing import Any

import torch
from attrs import frozen

from ddspcore.assemble import (
    Scheduled,
    Term,
    build_losses,
    build_pipeline,
    counts,
    target_of,
)
from ddspcore.recipe.schema import Recipe, Stage
from ddspcore.train.feed import Feed
from ddspcore.train.network import Predict, training_network
from ddspcore.wiring import Wiring


@frozen
class Lesson:
    """What a step reads and does not own; `steps_before` counts those of the stages before.

    `terms` are the losses of the sum.
    """

    recipe: Recipe
    stage: Stage
    terms: tuple[Term, ...]
    scheduled: tuple[Scheduled, ...]
    feed: Feed
    predict: Predict
    target: str
    steps_before: int


def build_feed(recipe: Recipe, wiring: Wiring, source: Any, device: torch.device) -> Feed:
    """Return the source feeding a freshly built pipeline."""
    pipeline, scheduled = build_pipeline(recipe, wiring)
    return Feed(source, pipeline.to(device), scheduled, recipe.seed, device)


def build_lesson(
    recipe: Recipe,
    stage: Stage,
    feed: Feed,
    *,
    compiled: bool,
    steps_before: int,
    idle: bool = False,
) -> Lesson:
    """Build a stage's losses and the network as it trains.

    Losses that count for nothing are left out, unless `idle` ones are asked for.
    """
    terms, scheduled = build_losses(recipe, stage)
    if not idle:
        uses = zip(terms, stage.losses, strict=True)
        terms = tuple(term for term, use in uses if counts(use))
    for term in terms:
        term.module.to(feed.device)
    return Lesson(
        recipe=recipe,
        stage=stage,
        terms=terms,
        scheduled=(*feed.scheduled, *scheduled),
        feed=feed,
        predict=training_network(feed.pipeline, feed.device, recipe.precision, compiled),
        target=target_of(recipe),
        steps_before=steps_before,
    )


def fit_components(feed: Feed, size: int) -> None:
    """Let the components that fit themselves to data see all of it, in batches of `size`."""
    for module in feed.pipeline.modules():
        fit: Any = getattr(module, "fit", None)
        if fit is not None:
            fit(feed.in_order("train", size))
