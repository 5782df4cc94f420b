"""A backbone of dilated convolutions: a memory that is long, and ends."""

from collections.abc import Mapping

import attrs
import torch
from torch import Tensor, nn

from ddspcore import Context, Control, backbone, option
from ddspcore.builtin.backbones import INPUTS, OfFeatures, channels, joined

Past = tuple[Tensor, ...]


@backbone("tcn")
class Tcn(OfFeatures):
    """Causal convolutions, gated, each layer's taps twice as far apart as those before.

    A frame is a function of the (taps - 1) * (2 ** layers - 1) frames before it, and of no others.
    Layers are pre-norm, with a norm at the end.

    Source: van den Oord et al., WaveNet (2016), sections 2.1 and 2.3.
    """

    @attrs.frozen
    class Options:
        """Options of the convolutions."""

        inputs: tuple[str, ...] = option((), help=INPUTS)
        width: int = option(64, ge=1, help="channels of every layer")
        layers: int = option(4, ge=1, le=16, help="how many layers; each doubles the memory")
        taps: int = option(3, ge=2, help="frames that a layer hears of: its own, and earlier ones")

    def __init__(self, opt: Options, ctx: Context, inputs: tuple[Control, ...]):
        super().__init__()
        self.inputs = inputs
        self.embed = nn.Linear(channels(inputs), opt.width)
        layers = [GatedConvolution(opt.width, opt.taps, 2**layer) for layer in range(opt.layers)]
        self.layers = nn.ModuleList(layers)
        self.heard = [(each.reach, opt.width) for each in layers]
        self.norm = nn.LayerNorm(opt.width)

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return hidden frames. Shape: features [B,N,C] -> [B,N,width]."""
        first = features[self.inputs[0].name]
        return self.step(features, self.initial_state(len(first), first.device))[0]

    def initial_state(self, batch: int, device: torch.device) -> Past:
        """Return what layers heard before the first frame: zeros."""
        return tuple(torch.zeros(batch, *each, device=device) for each in self.heard)

    def step(self, features: Mapping[str, Tensor], state: Past) -> tuple[Tensor, Past]:
        """Return hidden frames, and what the layers have heard by then."""
        x: Tensor = self.embed(joined(self.inputs, features))
        heard = []
        for layer, past in zip(self.layers, state, strict=True):
            x, latest = layer(x, past)
            heard.append(latest)
        normed: Tensor = self.norm(x)
        return normed, tuple(heard)


class GatedConvolution(nn.Module):
    """A convolution whose one half opens and closes the other, added to what it was given."""

    def __init__(self, width: int, taps: int, apart: int):
        super().__init__()
        self.starts = range(0, taps * apart, apart)
        self.reach = self.starts[-1]
        self.norm = nn.LayerNorm(width)
        self.mix = nn.Linear(taps * width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Return the frames with it added, and the end of what it has heard.

        Shape: x [B,N,width], past [B,reach,width] -> the same.
        """
        frames = x.shape[1]
        normed = self.norm(x)
        heard = torch.cat([past.to(normed.dtype), normed], dim=1)
        taps = torch.cat([heard[:, start : start + frames] for start in self.starts], dim=-1)
        content, gate = self.mix(taps).chunk(2, dim=-1)
        added: Tensor = x + self.out(torch.tanh(content) * torch.sigmoid(gate))
        return added, heard[:, frames:]
