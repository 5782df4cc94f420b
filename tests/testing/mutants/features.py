"""Features that each break one promise."""

import torch
from torch import nn

from ddspcore import Control, feature, hookimpl

WINDOW = 1024


class Listener(nn.Module):
    """What the mutants have in common: the level of the sound, frame by frame."""

    def __init__(self, ctx):
        super().__init__()
        self.hop = ctx.ratio("sample", "frame")

    @staticmethod
    def needs(opt, ctx):
        """Declare the sound."""
        return (Control("audio", unit="signal", axis="sample"),)

    @staticmethod
    def provides(opt, ctx):
        """Declare a level."""
        return (Control("level_db", unit="db", lo=-100.0, hi=20.0),)

    def frames(self, audio, left=WINDOW // 2):
        padded = nn.functional.pad(audio, (left, WINDOW - left))
        return padded.unfold(1, WINDOW, self.hop)

    def db(self, frames):
        power = frames.square().mean(-1, keepdim=True)
        return 10 * power.clamp(min=1e-10).log10()


@feature("late")
class Late(Listener):
    """Lets frame n begin at sample n * hop."""

    breaks = "centres_its_frames"

    def forward(self, batch):
        return {"level_db": self.db(self.frames(batch["audio"], left=0))}


@feature("bottomless")
class Bottomless(Listener):
    """Takes the logarithm of silence."""

    breaks = "is_safe_at_silence"

    def forward(self, batch):
        power = self.frames(batch["audio"]).square().mean(-1, keepdim=True)
        return {"level_db": 10 * power.log10()}


@feature("short")
class Short(Listener):
    """Has no frame at the end."""

    breaks = "returns_what_it_declares"

    def forward(self, batch):
        return {"level_db": self.db(self.frames(batch["audio"]))[:, :-1]}


@feature("relative")
class Relative(Listener):
    """Is relative to the loudest item that happens to be in the batch."""

    breaks = "treats_items_alone"

    def forward(self, batch):
        audio = batch["audio"]
        return {"level_db": self.db(self.frames(audio / audio.abs().amax().clamp(min=1e-6)))}


@feature("scribbling")
class Scribbling(Listener):
    """Takes the mean away in place."""

    breaks = "leaves_inputs_alone"

    def forward(self, batch):
        audio = batch["audio"]
        audio -= audio.mean(-1, keepdim=True)
        return {"level_db": self.db(self.frames(audio))}


@feature("adding")
class Adding(Listener):
    """Writes its result into the batch that it is given."""

    breaks = "leaves_inputs_alone"

    def forward(self, batch):
        batch["level_db"] = self.db(self.frames(batch["audio"]))
        return {"level_db": batch["level_db"]}


@feature("dithering")
class Dithering(Listener):
    """Adds a little noise, so that silence has a level."""

    breaks = "repeats_bit_for_bit"

    def forward(self, batch):
        audio = batch["audio"] + 1e-4 * torch.randn_like(batch["audio"])
        return {"level_db": self.db(self.frames(audio))}


@feature("offset")
class Offset(Listener):
    """Says more decibels than it declares."""

    breaks = "keeps_to_its_range"

    def forward(self, batch):
        return {"level_db": self.db(self.frames(batch["audio"])) + 96}


@hookimpl
def ddsp_features():
    return [value for value in globals().values() if hasattr(value, "breaks")]
