"""Nothing above half the rate: whose partials are fractions of the pitch is not accused of it."""

import pytest
import torch

from ddspcore import Control, synth
from ddspcore.component import component_of
from ddspcore.dsp.upsampling import linear
from ddspcore.kernels import harmonic_bank
from ddspcore.testing.promise import Broken
from ddspcore.testing.promises.synths import makes_nothing_above_nyquist
from ddspcore.testing.setting import AUDIO
from ddspcore.testing.subject import Subject


class Player(torch.nn.Module):
    """A sine at a multiple of the pitch."""

    ratio = 1.0

    def __init__(self, ctx):
        super().__init__()
        self.rate, self.hop = round(ctx.rate("sample")), ctx.ratio("sample", "frame")

    @staticmethod
    def needs(opt, ctx):
        return (Control("f0_hz", unit="hz"), Control("amplitude", unit="linear"))

    @staticmethod
    def provides(opt, ctx):
        return Control("signal", unit="signal", axis="sample")

    def forward(self, controls):
        f0_hz = self.ratio * controls["f0_hz"]
        return harmonic_bank(f0_hz[..., 0], controls["amplitude"], self.hop, self.rate)


class Folding(Player):
    """The same, without looking where half the rate is."""

    def forward(self, controls):
        turns = self.ratio * linear(controls["f0_hz"], self.hop)[..., 0] / self.rate
        return linear(controls["amplitude"], self.hop)[..., 0] * torch.sin(
            2 * torch.pi * turns.cumsum(1)
        )


def subject(base, ratio):
    """Return the synth that plays at such a multiple of the pitch, ready to be asked."""
    cls = synth("player")(type("Player", (base,), {"ratio": ratio, "__doc__": base.__doc__}))
    return Subject(component_of(cls), AUDIO)


@pytest.mark.parametrize("ratio", [1, 2, 0.5, 1.5, 1 / 3, 4 / 3])
def test_a_partial_at_a_fraction_of_the_pitch_is_its_own(ratio):
    makes_nothing_above_nyquist.check(subject(Player, ratio))


@pytest.mark.parametrize("ratio", [3, 4, 5, 7])
def test_a_partial_that_comes_back_from_above_is_found(ratio):
    with pytest.raises(Broken, match="apart from its partials"):
        makes_nothing_above_nyquist.check(subject(Folding, ratio))
