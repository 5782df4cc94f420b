"""A room whose response is known, and sounds before and after it."""

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from attrs import frozen
from torch import Tensor

from ddspcore import Context, Control, option, source
from ddspcore.controls import ANY
from ddspcore.data.audio import UnreadableError, decode
from ddspcore.data.fates import DataError
from ddspcore.dsp.filters import fft_convolve
from ddspcore.pipeline import Batch
from ddspcore.randomness import white_noise

RESPONSE = Control("true_room_response", unit="ratio", axis="clip", channels=ANY)
EARLY_S = (0.011, 0.017, 0.023, 0.031, 0.041)
"""When the first reflections come; what is diffuse begins with the first."""
BURST_S, BURST_EVERY_S = 0.03, 0.5


@source("known-room")
class KnownRoom:
    """A dry recording, the same in a room, and the room's response.

    The response has a few early reflections and a diffuse tail of noise that falls by 60 dB in
    `decay`, above 2 kHz in half of that. It is what a room adds: the direct sound is not in it. Dry
    are bursts of noise, two a second, and beside them the recording under `root`, from its start,
    item after item. The last item is held out.
    """

    @frozen
    class Options:
        """What is played, and where."""

        root: Path | None = option(None, help="a recording to play beside the bursts of noise")
        seconds: float = option(2.0, gt=0, le=60, unit="s", help="length of an item")
        takes: int = option(8, ge=1, help="items to train on; one more is held out")
        length: float = option(0.5, gt=0.05, le=5, unit="s", help="how long the room rings")
        decay: float = option(0.45, gt=0, unit="s", help="time in which it falls by 60 dB")
        wet: float = option(1.0, gt=0, help="energy of the room, as an amplitude beside the dry 1")
        seed: int = option(1, help="another number is another room")

    def __init__(self, opt: Options, ctx: Context):
        self.opt = opt
        self.rate = round(ctx.rate("sample"))
        self.hop = ctx.ratio("sample", "frame")
        self.samples = max(1, round(opt.seconds * ctx.rate("frame"))) * self.hop
        self.response = self._response()
        self._recording: Tensor | None = None

    @staticmethod
    def provides(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Declare the sound in the room, the dry one, and the response."""
        taps = round(opt.length * ctx.rate("sample"))
        return (
            Control("audio", unit="signal", axis="sample"),
            Control("dry", unit="signal", axis="sample"),
            Control(RESPONSE.name, unit="ratio", axis="clip", channels=taps),
        )

    @staticmethod
    def target(opt: Options, ctx: Context) -> str:
        """Predictions are compared with the sound in the room."""
        return "audio"

    def count(self, split: str) -> int:
        """Return how many items a split has."""
        return self.opt.takes if split == "train" else 1

    def batch(self, split: str, indices: Sequence[int]) -> Batch:
        """Return items; DataError if the recording cannot be read."""
        first = 0 if split == "train" else self.opt.takes
        items = [self._item(first + index) for index in indices]
        return {name: torch.cat([item[name] for item in items]) for name in items[0]}

    def _item(self, number: int) -> Batch:
        dry = self._bursts(number) + self._stretch(number)
        room = self.response[None].clone()
        return {"audio": dry + fft_convolve(dry, room), "dry": dry, RESPONSE.name: room}

    def _bursts(self, number: int) -> Tensor:
        """Return bursts of noise that begin anew every half second. Shape: [1,T]."""
        noise = self._noise(number, self.samples, "bursts")
        since_s = torch.arange(self.samples) / self.rate % BURST_EVERY_S
        return 0.5 * noise * (since_s < BURST_S)

    def _stretch(self, number: int) -> Tensor:
        """Return a stretch of the recording, which begins again after its end. Shape: [1,T]."""
        if self.opt.root is None:
            return torch.zeros(1, self.samples)
        if self._recording is None:
            self._recording = self._read(self.opt.root)
        at = number * self.samples + torch.arange(self.samples)
        return self._recording[at % len(self._recording)][None]

    def _read(self, path: Path) -> Tensor:
        try:
            return torch.from_numpy(decode(path, self.rate).audio.copy())
        except (UnreadableError, OSError) as fault:
            raise DataError(f"known-room: {path}: {fault}") from fault

    def _response(self) -> Tensor:
        """Return what the room adds, from its first sample on. Shape: [taps]."""
        taps = round(self.opt.length * self.rate)
        time_s = torch.arange(taps) / self.rate
        bright, dull = (self._noise(0, taps, label)[0] for label in ("bright", "dull"))
        dull = torch.cumsum(dull, 0)  # falls by 6 dB an octave
        dull = (dull - F.avg_pool1d(dull[None], 65, 1, 32, count_include_pad=False)[0]) / 4.0
        fall = 10.0 ** (-3.0 * time_s / self.opt.decay)
        diffuse = (dull * fall + bright * fall.square()) * (time_s >= EARLY_S[0])
        for number, delay_s in enumerate(EARLY_S):
            diffuse[round(delay_s * self.rate)] += (-1) ** number * 4.0 * 0.8**number
        return diffuse * (self.opt.wet / diffuse.square().sum().sqrt())

    def _noise(self, number: int, samples: int, label: str) -> Tensor:
        item = torch.tensor([number])
        return white_noise(item, samples, seed=self.opt.seed, step=0, label=f"room/{label}")
