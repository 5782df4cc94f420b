"""What a synth may do to its controls before it plays: means of frames, live so much later."""

from collections.abc import Mapping

import torch
from attrs import frozen
from torch import Tensor

from ddspcore import OptionError, option
from ddspcore.dsp.smoothing import smooth

MOVING = ("harmonic_amplitude", "harmonic_distribution", "noise_magnitudes")
"""Controls that are smoothed; pitch and noise are what they are."""

Controls = Mapping[str, Tensor]


@frozen
class Waiting:
    """Frames that came last, samples that wait for theirs, and how many frames were passed on."""

    frames: Controls
    samples: Controls
    passed: int


@frozen
class Smoothing:
    """How a synth smooths its controls."""

    smoothing: tuple[float, ...] = option(
        (),
        ge=0.0,
        help="weights of the frames around each one, an odd number, in the mean that is played; "
        "none: frames as they are",
    )

    def __attrs_post_init__(self) -> None:
        """Refuse weights without a middle, and those that have no mean."""
        if self.smoothing and len(self.smoothing) % 2 == 0:
            raise OptionError("smoothing", f"{len(self.smoothing)} weights have no middle")
        if self.smoothing and sum(self.smoothing) == 0.0:
            raise OptionError("smoothing", "weights that are all zero have no mean")

    @property
    def ahead(self) -> int:
        """How many frames a mean hears ahead."""
        return len(self.smoothing) // 2

    def means(self, controls: Controls) -> Controls:
        """Return controls as they are played; the ends are held. Shape: [B,N,C] as before."""
        if not self.smoothing:
            return controls
        taps = [each / sum(self.smoothing) for each in self.smoothing]
        return {n: smooth(x, taps) if n in MOVING else x for n, x in controls.items()}

    def means_of_known(
        self, controls: Controls, waiting: Waiting | None, hop: int
    ) -> tuple[Controls, Waiting | None]:
        """Return the means of the frames whose neighbours have come by now, and who waits for them.

        Over all calls this is what `means` returns for all frames, but for the last `ahead`.
        """
        ahead = self.ahead
        if not ahead:
            return self.means(controls), None
        new = {name: x for name, x in controls.items() if x.dim() == 3}
        if waiting is None:
            held = {name: x[:, :1].expand(-1, ahead, -1) for name, x in new.items()}
            waiting = Waiting(held, {n: x[:, :0] for n, x in controls.items() if n not in new}, 0)
        frames = {name: torch.cat([waiting.frames[name], x], 1) for name, x in new.items()}
        known = {name: x[:, ahead:-ahead] for name, x in self.means(frames).items()}
        passed = waiting.passed + next(iter(known.values())).shape[1]
        count = (max(passed - 1, 0) - max(waiting.passed - 1, 0)) * hop
        samples = {n: torch.cat([x, controls[n]], 1) for n, x in waiting.samples.items()}
        held = {name: x[:, -2 * ahead :] for name, x in frames.items()}
        later = Waiting(held, {name: x[:, count:] for name, x in samples.items()}, passed)
        return known | {name: x[:, :count] for name, x in samples.items()}, later
