"""A model of one weight vector, and losses that pull at it in known directions."""

import torch
from attrs import frozen
from torch import nn

from ddspcore import Control, Metric, backbone, evaluator, head, hookimpl, loss, option, source


@source("ones")
class Ones:
    """One item that is always one."""

    @staticmethod
    def provides(opt, ctx):
        return (Control("one"),)

    @staticmethod
    def target(opt, ctx):
        return "one"

    def count(self, split):
        return 2

    def batch(self, split, indices):
        return {"one": torch.ones(len(indices), 3, 1)}


@backbone("same")
class Same(nn.Module):
    """Two hidden numbers that are weights."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))

    @staticmethod
    def needs(opt, ctx):
        return ("one",)

    @staticmethod
    def width(opt, ctx):
        return 2

    def forward(self, features):
        return features["one"] * self.weight


@head("pair")
class Pair(nn.Module):
    """Both numbers, each times a weight of its own."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(2))

    @staticmethod
    def provides(opt, ctx):
        return (Control("pair", channels=2),)

    def forward(self, hidden):
        return {"pair": hidden * self.scale}


@loss("along")
class Along(nn.Module):
    """The mean of the pair along a direction: its gradient is that direction."""

    @frozen
    class Options:
        x: float = option(1.0, help="of the first number")
        y: float = option(0.0, help="of the second number")

    def __init__(self, opt):
        super().__init__()
        self.opt = opt

    @staticmethod
    def needs(opt, ctx):
        return (Control("pair", channels=2),)

    def forward(self, controls):
        first, second = controls["pair"].mean((0, 1))
        return self.opt.x * first + self.opt.y * second


@loss("none")
class Nothing(nn.Module):
    """A loss that no weight changes."""

    def forward(self, target):
        return target.mean()


@evaluator("zero")
class Zero:
    """Always zero."""

    @staticmethod
    def metrics(opt, ctx):
        return (Metric("zero", "", "lower", "nothing"),)

    def __call__(self, pipeline, batches, out_dir):
        return {"zero": 0.0}


@hookimpl
def ddsp_sources():
    return [Ones]


@hookimpl
def ddsp_backbones():
    return [Same]


@hookimpl
def ddsp_heads():
    return [Pair]


@hookimpl
def ddsp_losses():
    return [Along, Nothing]


@hookimpl
def ddsp_evaluators():
    return [Zero]
