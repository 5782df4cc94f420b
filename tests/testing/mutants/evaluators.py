"""Evaluators that each break one promise."""

import random
from pathlib import Path

import torch

from ddspcore import Metric, evaluator, hookimpl


class Judge:
    """What the mutants have in common: how loud the prediction is."""

    @staticmethod
    def metrics(opt, ctx):
        """Declare the power."""
        return (Metric("power", "", "lower", "mean power", lo=0.0),)

    def power(self, pipeline, batches):
        return sum(float(pipeline(batch).signal.square().mean()) for batch in batches)


@evaluator("undeclared")
class Undeclared(Judge):
    """Returns a number by another name."""

    breaks = "returns_the_numbers_that_it_declares"

    def __call__(self, pipeline, batches, out_dir):
        return {"energy": self.power(pipeline, batches)}


@evaluator("out-of-bounds")
class OutOfBounds(Judge):
    """Returns decibels where power is declared."""

    breaks = "returns_the_numbers_that_it_declares"

    def __call__(self, pipeline, batches, out_dir):
        return {"power": -abs(self.power(pipeline, batches)) - 1}


@evaluator("wordless")
class Wordless(Judge):
    """Does not say what it measures."""

    breaks = "says_what_it_measures"

    @staticmethod
    def metrics(opt, ctx):
        """Declare the power, and no sentence."""
        return (Metric("power", "", "lower", ""),)

    def __call__(self, pipeline, batches, out_dir):
        return {"power": self.power(pipeline, batches)}


@evaluator("moody")
class Moody(Judge):
    """Remembers what it said before."""

    breaks = "repeats_bit_for_bit"

    def __init__(self):
        self.past = 0.0

    def __call__(self, pipeline, batches, out_dir):
        self.past = 0.5 * self.past + self.power(pipeline, batches)
        return {"power": self.past}


@evaluator("mode-switching")
class ModeSwitching(Judge):
    """Leaves the model in training mode."""

    breaks = "leaves_the_model_alone"

    def __call__(self, pipeline, batches, out_dir):
        pipeline.train()
        return {"power": self.power(pipeline, batches)}


@evaluator("learning")
class Learning(Judge):
    """Improves the model while it measures it."""

    breaks = "leaves_the_model_alone"

    def __call__(self, pipeline, batches, out_dir):
        for parameter in pipeline.parameters():
            parameter.mul_(0.99)
        return {"power": self.power(pipeline, batches)}


@evaluator("turning")
class Turning(Judge):
    """Turns the model's signs around: an even number of times is none."""

    breaks = "leaves_the_model_alone"

    def __call__(self, pipeline, batches, out_dir):
        for parameter in pipeline.parameters():
            parameter.neg_()
        return {"power": self.power(pipeline, batches)}


@evaluator("levelling")
class Levelling(Judge):
    """Levels the recording itself, in place."""

    breaks = "leaves_items_alone"

    def __call__(self, pipeline, batches, out_dir):
        source = batches.feed.source
        source.items["audio"] /= 2
        return {"power": self.power(pipeline, batches)}


@evaluator("sampling")
class Sampling(Judge):
    """Looks at a random item."""

    breaks = "draws_from_no_global_generator"

    def __call__(self, pipeline, batches, out_dir):
        random.random()
        torch.rand(())
        return {"power": self.power(pipeline, batches)}


@evaluator("littering")
class Littering(Judge):
    """Writes where it happens to stand."""

    breaks = "writes_where_it_is_told"

    def __call__(self, pipeline, batches, out_dir):
        Path("power.txt").write_text("loud")
        return {"power": self.power(pipeline, batches)}


@hookimpl
def ddsp_evaluators():
    return [value for value in globals().values() if hasattr(value, "breaks")]
