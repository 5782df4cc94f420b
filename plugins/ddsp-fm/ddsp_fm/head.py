"""From hidden frames to the levels and indices of FM."""

from collections.abc import Mapping

import torch
from attrs import frozen
from torch import Tensor, nn

from ddspcore import Context, Control, head, option
from ddspcore.dsp.scales import exp_sigmoid


@head("fm")
class FmHead(nn.Module):
    """Level and modulation index of each pair: an exp-sigmoid and a sigmoid of linear maps."""

    @frozen
    class Options:
        """Options of the head."""

        pairs: int = option(4, ge=1, help="pairs of operators, as many as the synth has carriers")
        max_index: float = option(4.0, gt=0.0, unit="rad", help="modulation index at most")
        initial_bias: float = option(-2.0, help="what levels start from; -2 gives 0.015")

    def __init__(self, opt: Options, ctx: Context, width: int):
        super().__init__()
        self.max_index = opt.max_index
        self.levels = nn.Linear(width, opt.pairs)
        self.indices = nn.Linear(width, opt.pairs)
        nn.init.constant_(self.levels.bias, opt.initial_bias)

    @staticmethod
    def provides(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Declare levels and indices."""
        return (
            Control("fm_levels", unit="linear", channels=opt.pairs, lo=0.0, hi=2.0),
            Control("fm_indices", unit="radian", channels=opt.pairs, lo=0.0, hi=opt.max_index),
        )

    def forward(self, hidden: Tensor) -> Mapping[str, Tensor]:
        """Return both controls. Shape: hidden [B,N,width] -> [B,N,pairs] each."""
        return {
            "fm_levels": exp_sigmoid(self.levels(hidden)),
            "fm_indices": self.max_index * torch.sigmoid(self.indices(hidden)),
        }
