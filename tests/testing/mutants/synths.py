"""Synths that each break one promise."""

import torch
from torch import nn

from ddspcore import Control, hookimpl, synth

AMPLITUDE = Control("amplitude", lo=0.0, hi=1.0)
PITCH = Control("f0_hz", unit="hz")
WHITE = Control("white", unit="noise", axis="sample")


def tone(opt, ctx):
    """Declare an amplitude and a pitch."""
    return (AMPLITUDE, PITCH)


def hiss(opt, ctx):
    """Declare an amplitude and noise."""
    return (AMPLITUDE, WHITE)


def signal(opt, ctx):
    """Declare sound."""
    return Control("signal", unit="signal", axis="sample")


def upsample(x, hop):
    return nn.functional.interpolate(
        x.mT, size=(x.shape[1] - 1) * hop + 1, mode="linear", align_corners=True
    )[:, 0, :-1]


def sine(controls, hop, rate, harmonic=1):
    phase = (upsample(controls["f0_hz"], hop) * harmonic / rate).cumsum(1)
    return torch.sin(2 * torch.pi * phase.remainder(1))


class Player(nn.Module):
    """What the mutants have in common."""

    provides = staticmethod(signal)

    def __init__(self, ctx):
        super().__init__()
        self.rate = ctx.rate("sample")
        self.hop = ctx.ratio("sample", "frame")


@synth("folding")
class Folding(Player):
    """Adds a third harmonic, wherever that comes to lie."""

    breaks = "makes_nothing_above_nyquist"
    needs = staticmethod(tone)

    def forward(self, controls):
        sound = sine(controls, self.hop, self.rate) + sine(controls, self.hop, self.rate, 3)
        return upsample(controls["amplitude"], self.hop) * sound


@synth("humming")
class Humming(Player):
    """Is never silent."""

    breaks = "is_silent_at_zero"
    needs = staticmethod(tone)

    def forward(self, controls):
        level = upsample(controls["amplitude"], self.hop) + 1e-3
        return level * sine(controls, self.hop, self.rate)


@synth("dice")
class Dice(Player):
    """Draws noise of its own instead of what it is given."""

    breaks = "draws_no_noise_of_its_own"
    needs = staticmethod(hiss)

    def forward(self, controls):
        size = controls["white"].shape
        white = torch.rand(size, generator=torch.Generator().manual_seed(0)) * 2 - 1
        return upsample(controls["amplitude"], self.hop) * white


@synth("pitch-deaf")
class PitchDeaf(Player):
    """Takes its pitch as a number, so that no gradient reaches it."""

    breaks = "passes_gradients_on"
    needs = staticmethod(tone)

    def forward(self, controls):
        told = controls | {"f0_hz": controls["f0_hz"].detach()}
        return upsample(controls["amplitude"], self.hop) * sine(told, self.hop, self.rate)


@synth("normalising")
class Normalising(Player):
    """Brings the loudest item of a batch to full scale."""

    breaks = "treats_items_alone"
    needs = staticmethod(tone)

    def forward(self, controls):
        sound = upsample(controls["amplitude"], self.hop) * sine(controls, self.hop, self.rate)
        return sound / sound.abs().amax().clamp(min=1e-3)


@synth("short")
class Short(Player):
    """Forgets the last hop."""

    breaks = "returns_what_it_declares"
    needs = staticmethod(tone)

    def forward(self, controls):
        sound = upsample(controls["amplitude"], self.hop) * sine(controls, self.hop, self.rate)
        return sound[:, : -self.hop]


@synth("restarting")
class Restarting(Player):
    """Begins its phase anew with every block."""

    breaks = "streams_what_it_plays_offline"
    needs = staticmethod(tone)

    def forward(self, controls):
        return upsample(controls["amplitude"], self.hop) * sine(controls, self.hop, self.rate)

    def initial_state(self, batch, device):
        return None

    def step(self, controls, last):
        frames = {n: v if last is None else torch.cat([last[n], v], 1) for n, v in controls.items()}
        sound = self(frames) if frames["f0_hz"].shape[1] > 1 else controls["f0_hz"][:, :0, 0]
        return sound, {name: value[:, -1:] for name, value in controls.items()}


@synth("unasked")
class Unasked(Player):
    """Reads a control that nobody knows it needs."""

    breaks = "reads_what_it_needs"
    needs = staticmethod(tone)

    def forward(self, controls):
        level = controls.get("vibrato", controls["amplitude"])
        controls["gain"]
        return upsample(level, self.hop) * sine(controls, self.hop, self.rate)


@hookimpl
def ddsp_synths():
    return [value for value in globals().values() if hasattr(value, "breaks")]
