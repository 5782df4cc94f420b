"""Heads that each break one promise."""

import torch
from torch import nn

from ddspcore import Control, head, hookimpl

CHANNELS = 4


def one(opt, ctx):
    """Declare a level."""
    return (Control("level", channels=CHANNELS, lo=0.0, hi=1.0),)


def shares(opt, ctx):
    """Declare shares."""
    return (Control("shares", unit="simplex", channels=CHANNELS, lo=0.0, hi=1.0),)


@head("loud")
class Loud(nn.Module):
    """Stays in range as long as hidden values are small."""

    breaks = "keeps_to_its_range"
    provides = staticmethod(one)

    def __init__(self, width):
        super().__init__()
        self.layer = nn.Linear(width, CHANNELS)

    def forward(self, hidden):
        return {"level": 0.5 + 0.1 * self.layer(hidden)}


@head("lopsided")
class Lopsided(nn.Module):
    """Calls a simplex what sums to one and a half."""

    breaks = "keeps_to_its_range"
    provides = staticmethod(shares)

    def __init__(self, width):
        super().__init__()
        self.layer = nn.Linear(width, CHANNELS)

    def forward(self, hidden):
        return {"shares": (1.5 * self.layer(hidden).softmax(-1)).clamp(max=1)}


@head("overflow")
class Overflow(nn.Module):
    """Is a softmax by hand, which large hidden values overflow."""

    breaks = "keeps_to_its_range"
    provides = staticmethod(shares)

    def __init__(self, width):
        super().__init__()
        self.layer = nn.Linear(width, CHANNELS)
        nn.init.constant_(self.layer.weight, 1.0)

    def forward(self, hidden):
        powers = self.layer(hidden).exp()
        return {"shares": powers / powers.sum(-1, keepdim=True)}


@head("misnamed")
class Misnamed(nn.Module):
    """Returns its control by another name."""

    breaks = "returns_what_it_declares"
    provides = staticmethod(one)

    def __init__(self, width):
        super().__init__()
        self.layer = nn.Linear(width, CHANNELS)

    def forward(self, hidden):
        return {"levels": self.layer(hidden).sigmoid()}


@head("averaging")
class Averaging(nn.Module):
    """Divides by the loudest item of the batch."""

    breaks = "treats_items_alone"
    provides = staticmethod(one)

    def __init__(self, width):
        super().__init__()
        self.layer = nn.Linear(width, CHANNELS)

    def forward(self, hidden):
        level = self.layer(hidden).sigmoid()
        return {"level": level / level.amax()}


@head("smoothing")
class Smoothing(nn.Module):
    """Says that it streams, and leaves out in `step` what `forward` does."""

    breaks = "streams_what_it_plays_offline"
    provides = staticmethod(one)

    def __init__(self, width):
        super().__init__()
        self.layer = nn.Linear(width, CHANNELS)

    def forward(self, hidden):
        level = self.layer(hidden).sigmoid()
        before = torch.cat([level[:, :1], level[:, :-1]], 1)
        return {"level": (level + before) / 2}

    def initial_state(self, batch, device):
        return None

    def step(self, hidden, state):
        return {"level": self.layer(hidden).sigmoid()}, state


@head("stuck")
class Stuck(nn.Module):
    """Rounds, and has no gradient."""

    breaks = "passes_gradients_on"
    provides = staticmethod(one)

    def __init__(self, width):
        super().__init__()
        self.layer = nn.Linear(width, CHANNELS)

    def forward(self, hidden):
        return {"level": self.layer(hidden).sigmoid().round()}


@hookimpl
def ddsp_heads():
    return [value for value in globals().values() if hasattr(value, "breaks")]
