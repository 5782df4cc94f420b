"""A plugin without audio: sequences of vectors, no synth, a loss on controls, a fitted scale.

It trains in milliseconds, so the tests of the runner can kill, continue and compare whole runs.
"""

import torch
from attrs import frozen
from torch import nn

from ddspcore import (
    Control,
    Metric,
    backbone,
    evaluator,
    head,
    hookimpl,
    loss,
    option,
    source,
)

WIDTH = 8


@source("walks")
class Walks:
    """Random walks in the plane: where one is, and where it goes next."""

    @frozen
    class Options:
        walks: int = option(12, ge=1, help="how many walks")
        held_out: int = option(3, ge=0, help="how many of them are held out")
        poison: bool = option(False, help="put a NaN where the walk goes next")

    def __init__(self, opt, ctx, features):
        self.opt = opt
        generator = torch.Generator().manual_seed(7)
        steps = torch.randn(opt.walks, 21, 2, generator=generator)
        self.walks = steps.cumsum(1) * torch.tensor([3.0, 0.5])
        if opt.poison:
            self.walks[:, -1] = torch.nan

    @staticmethod
    def provides(opt, ctx):
        return (
            Control("place", axis="frame", channels=2),
            Control("next", axis="frame", channels=2),
        )

    @staticmethod
    def target(opt, ctx):
        return "next"

    def count(self, split):
        return self.opt.held_out if split == "val" else self.opt.walks - self.opt.held_out

    def batch(self, split, indices):
        offset = self.opt.walks - self.opt.held_out if split == "val" else 0
        walks = self.walks[[offset + index for index in indices]]
        return {"place": walks[:, :-1], "next": walks[:, 1:]}


@backbone("linear")
class Linear(nn.Module):
    """One layer on standardised places; the mean and the scale are fitted to the data."""

    def __init__(self, opt, ctx, inputs):
        super().__init__()
        self.register_buffer("mean", torch.zeros(2))
        self.register_buffer("scale", torch.ones(2))
        self.layer = nn.Linear(2, WIDTH)

    @staticmethod
    def needs(opt, ctx):
        return ("place",)

    @staticmethod
    def width(opt, ctx):
        return WIDTH

    def fit(self, batches):
        places = torch.cat([batch["place"].flatten(0, 1) for batch in batches])
        self.mean.copy_(places.mean(0))
        self.scale.copy_(places.std(0))

    def forward(self, features):
        return self.layer((features["place"] - self.mean) / self.scale)


@head("gaussian")
class Gaussian(nn.Module):
    """Where the walk goes next, and how sure that is."""

    @frozen
    class Options:
        reach: float = option(5.0, gt=0, le=5, scheduled=True, help="bound of the log spread")

    def __init__(self, opt, ctx, width):
        super().__init__()
        self.layer = nn.Linear(width, 4)

    @staticmethod
    def provides(opt, ctx):
        return (
            Control("guess", axis="frame", channels=2),
            Control("log_spread", axis="frame", channels=2, lo=-5, hi=5),
        )

    def forward(self, hidden):
        guess, spread = self.layer(hidden).chunk(2, dim=-1)
        return {"guess": guess, "log_spread": self.reach * torch.tanh(spread / self.reach)}


@loss("nll")
class NegativeLogLikelihood(nn.Module):
    """How unlikely the next place is under the predicted Gaussian."""

    @frozen
    class Options:
        floor: float = option(0.0, scheduled=True, help="added to the spread")

    def __init__(self, opt, ctx):
        super().__init__()

    @staticmethod
    def needs(opt, ctx):
        return (Control("guess", channels=2), Control("log_spread", channels=2))

    def forward(self, target, controls):
        spread = torch.exp(controls["log_spread"]) + self.floor
        return (spread.log() + ((target - controls["guess"]) / spread) ** 2 / 2).mean()


@loss("jitter")
class Jitter(nn.Module):
    """Random, to prove that every step draws from generators of its own."""

    def __init__(self, opt, ctx):
        super().__init__()

    @staticmethod
    def needs(opt, ctx):
        return (Control("guess", channels=2),)

    def forward(self, controls):
        return (torch.randn(()) * controls["guess"]).mean()


@evaluator("miss")
class Miss:
    """How far the guess is from the next place."""

    def __init__(self, opt, ctx):
        pass

    @staticmethod
    def metrics(opt, ctx):
        return (Metric("miss", "m", "lower", help="distance to the next place", good=1, fair=9),)

    def __call__(self, pipeline, batches, out_dir):
        misses = [
            (pipeline(batch).controls["guess"] - batch["next"]).norm(dim=-1) for batch in batches
        ]
        return {"miss": float(torch.cat(misses).mean())}


@hookimpl
def ddsp_sources():
    return [Walks]


@hookimpl
def ddsp_backbones():
    return [Linear]


@hookimpl
def ddsp_heads():
    return [Gaussian]


@hookimpl
def ddsp_losses():
    return [NegativeLogLikelihood, Jitter]


@hookimpl
def ddsp_evaluators():
    return [Miss]
