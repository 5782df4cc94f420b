"""Whether as many harmonics make the tone as there are in the recording."""

from collections.abc import Iterable
from pathlib import Path

import torch
from attrs import frozen
from torch import Tensor

from ddspcore import Context, Metric, evaluator, option
from ddspcore.builtin.evaluators.measuring import TARGET, signal_of
from ddspcore.data.features import VOICED
from ddspcore.dsp.partials import effective_number, partial_amplitudes, window_in_hops
from ddspcore.dsp.pitch import track
from ddspcore.errors import UserError
from ddspcore.pipeline import Batch, Pipeline


@evaluator("effective-harmonics")
class EffectiveHarmonics:
    """Effective number of harmonics: in the controls, in what is heard, in the target.

    The exponential of the entropy of the harmonics' shares in the sum of amplitudes: K equal ones
    count as K, one alone as 1. The controls say it themselves; sounds are analysed at multiples of
    the target's pitch, less the noise between them. Averaged over the voiced frames that are half
    a window of 64 ms or more from either end, all 0 if there is none. A decoder that has collapsed
    on one harmonic shows as a number near 1 beside a larger one of the target. What a room or
    another synth adds is heard, but is not in the controls.
    """

    @frozen
    class Options:
        """What is compared, and the range of the tracker."""

        control: str = option("harmonic_distribution", help="the control that holds the shares")
        f0_min: float = option(50.0, help="lowest pitch to look for", gt=0.0, unit="Hz")
        f0_max: float = option(2000.0, help="highest pitch to look for", gt=0.0, unit="Hz")

    def __init__(self, opt: Options, ctx: Context):
        self.opt = opt
        self.rate = round(ctx.rate("sample"))
        self.hop = ctx.ratio("sample", "frame")

    @staticmethod
    def metrics(opt: Options, ctx: Context) -> tuple[Metric, ...]:
        """Return three numbers of harmonics, and the controls' relative error."""
        number = "effective number of harmonics"
        return (
            Metric("harmonics/controls", "", "higher", f"{number}, controls", lo=0.0),
            Metric("harmonics/heard", "", "higher", f"{number}, prediction", lo=0.0),
            Metric("harmonics/target", "", "higher", f"{number}, target", lo=0.0),
            Metric(
                "harmonics/error",
                "",
                "lower",
                f"{number}, relative error of the controls",
                lo=0.0,
                good=0.1,
                fair=0.3,
            ),
        )

    def __call__(
        self, pipeline: Pipeline, batches: Iterable[Batch], out_dir: Path
    ) -> dict[str, float]:
        """Measure over all batches; every voiced frame counts alike.

        Raises UserError if there is no such control, or it does not lie on the frames.
        """
        found = [torch.zeros(0, 3)]
        for batch in batches:
            output = pipeline(batch)
            if self.opt.control not in output.controls:
                raise UserError(f'effective-harmonics: there is no control "{self.opt.control}"')
            distribution = output.controls[self.opt.control]
            found.append(self._numbers(distribution, signal_of(output), batch[TARGET]).cpu())
        numbers = torch.cat(found)
        controls, heard, target = numbers.mean(0).tolist() if len(numbers) else (0.0, 0.0, 0.0)
        return {
            "harmonics/controls": controls,
            "harmonics/heard": heard,
            "harmonics/target": target,
            "harmonics/error": abs(controls / target - 1.0) if target else 0.0,
        }

    def _numbers(self, distribution: Tensor, pred: Tensor, target: Tensor) -> Tensor:
        """Return the numbers of voiced frames: controls, heard, target.

        Shape: [B,N,K], [B,T], [B,T] -> [frames,3].
        """
        f0_hz, voicing = track(
            target, self.rate, self.hop, f0_min=self.opt.f0_min, f0_max=self.opt.f0_max
        )
        if distribution.shape[1] != f0_hz.shape[1]:
            raise UserError(
                f'effective-harmonics: "{self.opt.control}" has {distribution.shape[1]} rows, '
                f"and the sound {f0_hz.shape[1]} frames"
            )
        partials = distribution.shape[2]
        heard, there = (
            partial_amplitudes(x, f0_hz, partials, self.hop, self.rate) for x in (pred, target)
        )
        first = window_in_hops(self.hop, self.rate) // 2
        frames = slice(first, first + there.shape[1])
        number = torch.arange(1, partials + 1, device=target.device)
        below = number * f0_hz[:, frames, None] < self.rate / 2
        controls = distribution[:, frames] * below
        numbers = [effective_number(each) for each in (controls, heard, there)]
        return torch.stack(numbers, dim=-1)[(voicing > VOICED)[:, frames]]
