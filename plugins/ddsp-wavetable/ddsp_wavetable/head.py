"""From hidden frames to how loud wavetables sound, and how they are mixed."""

from collections.abc import Mapping

import torch
from attrs import frozen
from torch import Tensor, nn

from ddspcore import Context, Control, head, option
from ddspcore.dsp.scales import exp_sigmoid


@head("wavetable")
class WavetableHead(nn.Module):
    """Amplitude and mix of wavetables: an exp-sigmoid and a softmax of linear maps."""

    @frozen
    class Options:
        """Options of the head."""

        tables: int = option(16, ge=1, help="wavetables to mix, as many as the synth has")
        initial_bias: float = option(-2.0, help="what amplitude starts from; -2 gives 0.015")

    def __init__(self, opt: Options, ctx: Context, width: int):
        super().__init__()
        self.amplitude = nn.Linear(width, 1)
        self.mix = nn.Linear(width, opt.tables)
        nn.init.constant_(self.amplitude.bias, opt.initial_bias)

    @staticmethod
    def provides(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Declare amplitude and mix."""
        return (
            Control("wavetable_amplitude", unit="linear", lo=0.0, hi=2.0),
            Control("wavetable_mix", unit="simplex", channels=opt.tables, lo=0.0, hi=1.0),
        )

    def forward(self, hidden: Tensor) -> Mapping[str, Tensor]:
        """Return both controls. Shape: hidden [B,N,width] -> [B,N,1] and [B,N,tables]."""
        return {
            "wavetable_amplitude": exp_sigmoid(self.amplitude(hidden)),
            "wavetable_mix": torch.softmax(self.mix(hidden), -1),
        }
