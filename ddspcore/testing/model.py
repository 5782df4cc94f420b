"""A small model on items that were never recorded, for evaluators to look at."""

from collections.abc import Sequence
from typing import Any

import torch
from attrs import frozen

from ddspcore import Context, Control, source
from ddspcore.assemble import build_pipeline, build_source, declare
from ddspcore.catalog import Catalog
from ddspcore.component import component_of
from ddspcore.hooks import declared_components, implementations
from ddspcore.pipeline import Batch
from ddspcore.plugins import CORE, Plugin, classify, find, load
from ddspcore.recipe.reading import read
from ddspcore.recipe.structuring import structure
from ddspcore.testing.setting import AUDIO_FEATURES, RECORDING, Setting, example
from ddspcore.train.feed import Feed

ITEMS, FRAMES = 3, 65


@source("made-up")
class MadeUp:
    """Tones in noise with features drawn at random, the same in every split."""

    splits = ("train", "val", "train-items", "val-items")

    def __init__(self, ctx: Context):
        """Make the items up."""
        self.items = {
            control.name: example(control, ctx, seed, ITEMS, FRAMES)
            for seed, control in enumerate(self.provides(None, ctx))
        }

    @staticmethod
    def provides(opt: object, ctx: Context) -> tuple[Control, ...]:
        """Sound, and what features say of it."""
        return (RECORDING, *AUDIO_FEATURES)

    @staticmethod
    def target(opt: object, ctx: Context) -> str:
        """Name the sound."""
        return RECORDING.name

    def count(self, split: str) -> int:
        """Count the items."""
        return ITEMS

    def batch(self, split: str, indices: Sequence[int]) -> Batch:
        """Return items."""
        return {name: value[list(indices)] for name, value in self.items.items()}


@frozen
class Widened:
    """A source that provides some controls more, made up too."""

    source: Any
    more: Batch

    @property
    def splits(self) -> tuple[str, ...]:
        """Return the source's."""
        return tuple(getattr(self.source, "splits", ()))

    def count(self, split: str) -> int:
        """Count the items."""
        return int(self.source.count(split))

    def batch(self, split: str, indices: Sequence[int]) -> Batch:
        """Return items, with the controls that they do not have by themselves."""
        own: Batch = self.source.batch(split, indices)
        return {name: value[list(indices)] for name, value in self.more.items()} | own


def feed_of(setting: Setting, needs: Sequence[Control] = ()) -> Feed:
    """Return the setting's model, untrained, and its source, which provides the `needs` too.

    Its recipe may name what the built-ins and the plugin under test bring, and the source
    `made-up`.
    """
    core = tuple(classify(load(plugin)) for plugin in find() if plugin.name == CORE)
    made_up = component_of(MadeUp)
    assert made_up is not None
    tested = declared_components(implementations(setting.module))
    plugins = (
        *core,
        Plugin("testing", __name__, components=(made_up,)),
        Plugin("tested", "", components=tuple(tested)),
    )
    recipe = structure(read(setting.recipe), Catalog(plugins))
    wiring = declare(recipe)
    pipeline, scheduled = build_pipeline(recipe, wiring)
    source = build_source(recipe)
    provided = {control.name for node in wiring.nodes for control in node.provides}
    more = {
        need.name: example(need, setting.ctx, seed, source.count("val"), FRAMES)
        for seed, need in enumerate(needs, start=100)
        if need.name not in provided
    }
    feed_source = Widened(source, more) if more else source
    return Feed(feed_source, pipeline, scheduled, recipe.seed, torch.device("cpu"))
