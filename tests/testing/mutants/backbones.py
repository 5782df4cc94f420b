"""Backbones that each break one promise."""

import torch
from torch import nn

from ddspcore import backbone, hookimpl

WIDTH = 8
FEATURES = ("f0_hz", "loudness_db")


def joined(features):
    return torch.cat([features["f0_hz"] / 1000, features["loudness_db"] / 80], dim=-1)


def needs(opt, ctx):
    """Name the features."""
    return FEATURES


def width(opt, ctx):
    """Return the channels."""
    return WIDTH


@backbone("leaky")
class Leaky(nn.Module):
    """Normalises over the batch, so that one item hears the others."""

    breaks = "treats_items_alone"
    needs, width = staticmethod(needs), staticmethod(width)

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, WIDTH)

    def forward(self, features):
        x = joined(features)
        return self.layer(x - x.mean((0, 1)))


@backbone("prophet")
class Prophet(nn.Module):
    """Offers to stream, and looks a frame ahead."""

    breaks = "hears_no_future"
    needs, width = staticmethod(needs), staticmethod(width)

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, WIDTH)

    def forward(self, features):
        x = joined(features)
        return self.layer(torch.cat([x, torch.cat([x[:, 1:], x[:, -1:]], 1)], -1))

    def initial_state(self, batch, device):
        return None

    def step(self, features, state):
        return self(features), state


@backbone("forgetful")
class Forgetful(nn.Module):
    """Sums what it heard, and forgets it between blocks."""

    breaks = "streams_what_it_plays_offline"
    needs, width = staticmethod(needs), staticmethod(width)

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, WIDTH)

    def forward(self, features):
        return self.layer(joined(features).cumsum(1))

    def initial_state(self, batch, device):
        return None

    def step(self, features, state):
        return self(features), state


@backbone("deaf")
class Deaf(nn.Module):
    """Names two features and listens to one."""

    breaks = "reads_what_it_needs"
    needs, width = staticmethod(needs), staticmethod(width)

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(1, WIDTH)

    def forward(self, features):
        return self.layer(features["f0_hz"] / 1000)


@backbone("numb")
class Numb(nn.Module):
    """Reads both features and lets the gradient of one pass."""

    breaks = "passes_gradients_on"
    needs, width = staticmethod(needs), staticmethod(width)

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, WIDTH)

    def forward(self, features):
        return self.layer(joined(features | {"f0_hz": features["f0_hz"].round()}))


@backbone("narrow")
class Narrow(nn.Module):
    """Declares another width than it has."""

    breaks = "returns_what_it_declares"
    needs, width = staticmethod(needs), staticmethod(width)

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, WIDTH // 2)

    def forward(self, features):
        return self.layer(joined(features))


@backbone("twins")
class Twins(nn.Module):
    """Writes `[layer] * 2` and means two layers."""

    breaks = "shares_no_parameter"
    needs, width = staticmethod(needs), staticmethod(width)

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, WIDTH)
        self.layers = nn.ModuleList([nn.Linear(WIDTH, WIDTH)] * 2)

    def forward(self, features):
        hidden = self.first(joined(features))
        for layer in self.layers:
            hidden = layer(hidden).tanh()
        return hidden


@backbone("dropout")
class Dropout(nn.Module):
    """Throws dice in training, by the global generator: a run continued is another run."""

    breaks = "repeats_bit_for_bit"
    needs, width = staticmethod(needs), staticmethod(width)

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, WIDTH)

    def forward(self, features):
        return nn.functional.dropout(self.layer(joined(features)), 0.5)


@hookimpl
def ddsp_backbones():
    return [value for value in globals().values() if hasattr(value, "breaks")]
