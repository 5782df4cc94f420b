"""Losses that each break one promise."""

import random

import numpy as np
import torch
from attrs import frozen
from torch import nn

from ddspcore import Control, hookimpl, loss, option


def spectrum(x, window):
    return torch.stft(x, 64, window=window, return_complex=True).abs()


@loss("plain-window")
class PlainWindow(nn.Module):
    """Keeps its window as a plain tensor, which stays where it was made."""

    breaks = "follows_to_a_device"

    def __init__(self):
        super().__init__()
        self.window = torch.hann_window(64)

    def forward(self, pred, target):
        return (spectrum(pred, self.window) - spectrum(target, self.window)).abs().mean()


@loss("global-draw")
class GlobalDraw(nn.Module):
    """Listens from a sample that torch's global generator draws."""

    breaks = "repeats_bit_for_bit"

    def forward(self, pred, target):
        start = int(torch.randint(len(pred[0]) // 2, ()))
        return (pred - target)[:, start:].square().mean()


@loss("restless")
class Restless(nn.Module):
    """Draws a number from every global generator, and uses none."""

    breaks = "leaves_global_state_alone"

    def forward(self, pred, target):
        torch.rand(()), np.random.rand(), random.random()
        return (pred - target).square().mean()


@loss("double-dtype")
class DoubleDtype(nn.Module):
    """Makes float64 everybody's default, to be precise."""

    breaks = "leaves_global_state_alone"

    def __init__(self):
        super().__init__()
        torch.set_default_dtype(torch.float64)

    def forward(self, pred, target):
        return (pred - target).square().mean()


@loss("detached")
class Detached(nn.Module):
    """Measures a copy that no gradient goes back from."""

    breaks = "passes_gradients_on"

    def forward(self, pred, target):
        return (pred.detach() - target).square().mean()


@loss("half-detached")
class HalfDetached(nn.Module):
    """Lets half of its gradient pass."""

    breaks = "has_the_gradient_of_its_value"

    def forward(self, pred, target):
        return ((pred - target) * (pred.detach() - target)).mean()


@loss("in-place")
class InPlace(nn.Module):
    """Subtracts in the caller's memory."""

    breaks = "leaves_inputs_alone"

    def forward(self, pred, target):
        return target.sub_(pred).square().mean()


@loss("float64-state")
class Float64State(nn.Module):
    """Keeps weights in float64, which MPS has not."""

    breaks = "holds_no_float64"

    def __init__(self):
        super().__init__()
        self.register_buffer("weight", torch.ones(1, dtype=torch.float64))

    def forward(self, pred, target):
        return ((pred - target).square() * self.weight.to(pred.dtype)).mean()


@loss("one-a-item")
class OneAnItem(nn.Module):
    """Returns a number for every item."""

    breaks = "is_one_number"

    def forward(self, pred, target):
        return (pred - target).square().mean(-1)


@loss("gain-hungry")
class GainHungry(nn.Module):
    """Likes it quieter than it should be."""

    breaks = "is_smallest_at_identity"

    def forward(self, pred, target):
        return (pred - 0.5 * target).square().mean()


@loss("logarithm")
class Logarithm(nn.Module):
    """Takes the logarithm of nothing."""

    breaks = "is_safe_at_silence"

    def forward(self, pred, target):
        levels = (x.square().mean(-1).log() for x in (pred, target))
        return (next(levels) - next(levels)).abs().mean()


@loss("square-root")
class SquareRoot(nn.Module):
    """Has a finite value at silence, and a gradient that is none."""

    breaks = "is_safe_at_silence"

    def forward(self, pred, target):
        return (pred.square().mean(-1).sqrt() - target.square().mean(-1).sqrt()).square().mean()


@loss("even-only")
class EvenOnly(nn.Module):
    """Takes whole blocks of 64 samples only."""

    breaks = "takes_any_length"

    def forward(self, pred, target):
        return (pred.reshape(len(pred), -1, 64) - target.reshape(len(pred), -1, 64)).square().mean()


@loss("sixteen-bits")
class SixteenBits(nn.Module):
    """Multiplies matrices of large numbers, which overflow in 16 bits."""

    breaks = "stands_mixed_precision"

    def forward(self, pred, target):
        difference = 1e30 * (pred - target)
        products = torch.einsum("bt,bt->b", difference.half().float(), difference)
        return (pred - target).square().mean() + 0 * products.mean() * torch.is_autocast_enabled(
            "cpu"
        )


@loss("no-default")
class NoDefault(nn.Module):
    """Cannot be used by its name alone."""

    breaks = "is_built_with_defaults"

    @frozen
    class Options:
        """Options."""

        power: float = option(help="exponent of the difference")

    def __init__(self, opt):
        super().__init__()
        self.power = opt.power

    def forward(self, pred, target):
        return (pred - target).abs().pow(self.power).mean()


@loss("sixty-four")
class SixtyFour(nn.Module):
    """Returns float64."""

    breaks = "returns_finite_float32"

    def forward(self, pred, target):
        return (pred.double() - target.double()).square().mean()


@loss("reads-more")
class ReadsMore(nn.Module):
    """Reads a control that it does not declare."""

    breaks = "reads_what_it_needs"

    @staticmethod
    def needs(opt, ctx):
        """Declare one of two."""
        return (Control("loudness_db", unit="db"),)

    def forward(self, controls):
        return (controls["loudness_db"] - controls["f0_hz"]).square().mean()


@loss("reads-less")
class ReadsLess(nn.Module):
    """Declares a control that it does not read."""

    breaks = "reads_what_it_needs"

    @staticmethod
    def needs(opt, ctx):
        """Declare two where one is read."""
        return (Control("loudness_db", unit="db"), Control("f0_hz", unit="hz"))

    def forward(self, controls):
        return controls["loudness_db"].square().mean()


@loss("hidden-weights")
class HiddenWeights(nn.Module):
    """Weighs by random numbers that its state does not hold."""

    breaks = "is_what_its_state_says"

    def __init__(self):
        super().__init__()
        self.register_buffer("weights", torch.rand(8), persistent=False)

    def forward(self, pred, target):
        return ((pred - target).square() * self.weights.sum()).mean()


@loss("idle-parameter")
class IdleParameter(nn.Module):
    """Has a parameter that nothing depends on."""

    breaks = "trains_all_its_parameters"

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, pred, target):
        return (pred - target).square().mean()


@hookimpl
def ddsp_losses():
    return [value for value in globals().values() if hasattr(value, "breaks")]
