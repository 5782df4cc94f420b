"""The reference's two decoders, from conditioning to hidden rows."""

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from attrs import frozen
from ddspcore import Context, Control, backbone, option
from torch import Tensor, nn

from ddsp_dgen.layers import Affine, TrainedOptions, treat_gradients
from ddsp_dgen.randomness import SplitMix64


@backbone("mlp")
class Mlp(nn.Module):
    """Layers of tanh, row by row."""

    @frozen
    class Options(TrainedOptions):
        """Options of the MLP."""

        width: int = option(32, ge=1, help="channels of every layer")
        layers: int = option(1, ge=1, help="how many layers")

    def __init__(self, opt: Options, inputs: tuple[Control, ...]):
        super().__init__()
        stream = SplitMix64(opt.seed)
        widths = [inputs[0].channels] + [opt.width] * opt.layers
        self.layers = nn.ModuleList(
            Affine(stream, wide, opt.width, 0.5 * math.sqrt(2 / wide)) for wide in widths[:-1]
        )
        treat_gradients(self, opt)

    @staticmethod
    def needs(opt: Options, ctx: Context) -> tuple[str, ...]:
        """Name the conditioning."""
        return ("conditioning",)

    @staticmethod
    def width(opt: Options, ctx: Context) -> int:
        """Return the channels of the hidden rows."""
        return opt.width

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return hidden rows. Shape: conditioning [B,rows,5] -> [B,rows,width]."""
        hidden = features["conditioning"]
        for layer in self.layers:
            hidden = torch.tanh(layer(hidden))
        return hidden


@backbone("transformer")
class Transformer(nn.Module):
    """A small transformer: one attention head, layer norm first in each part, none at the end.

    It also sees the rows that pad the conditioning, and is told the number of every row.
    """

    @frozen
    class Options(TrainedOptions):
        """Options of the transformer."""

        width: int = option(64, ge=1, help="channels of the hidden rows")
        layers: int = option(2, ge=1, help="attention and feed-forward pairs")
        feedforward: int = option(2, ge=1, help="feed-forward channels, as a multiple of width")
        causal: bool = option(True, help="see no later rows")
        positions: bool = option(True, help="add sines that tell the rows apart")

    def __init__(self, opt: Options, inputs: tuple[Control, ...]):
        super().__init__()
        stream = SplitMix64(opt.seed)
        wide = inputs[0].channels
        self.positions = opt.positions
        self.embed = Affine(stream, wide, opt.width, 0.5 * math.sqrt(2 / wide))
        self.layers = nn.ModuleList(TransformerLayer(stream, opt) for _ in range(opt.layers))
        treat_gradients(self, opt)

    @staticmethod
    def needs(opt: Options, ctx: Context) -> tuple[str, ...]:
        """Name the conditioning."""
        return ("conditioning",)

    @staticmethod
    def width(opt: Options, ctx: Context) -> int:
        """Return the channels of the hidden rows."""
        return opt.width

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return hidden rows. Shape: conditioning [B,rows,5] -> [B,rows,width]."""
        hidden: Tensor = self.embed(features["conditioning"])
        if self.positions:
            hidden = hidden + row_sines(*hidden.shape[1:]).to(hidden)
        for layer in self.layers:
            hidden = layer(hidden)
        return hidden


class TransformerLayer(nn.Module):
    """Attention and a ReLU layer, each added to what it was given."""

    def __init__(self, stream: SplitMix64, opt: Transformer.Options):
        super().__init__()
        width, inner = opt.width, opt.feedforward * opt.width
        scale = 0.4 * math.sqrt(2 / width)
        self.causal = opt.causal
        self.query, self.key, self.value, self.out = (
            nn.Parameter(stream.weights(width, width, scale)) for _ in range(4)
        )
        self.up = Affine(stream, width, inner, scale)
        self.down = Affine(stream, inner, width, 0.4 * math.sqrt(2 / inner))
        self.norm_attention = nn.LayerNorm(width)
        self.norm_feedforward = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """Return the rows with both added. Shape: [B,rows,width] -> [B,rows,width]."""
        seen = self.norm_attention(x)
        heard = F.scaled_dot_product_attention(
            seen @ self.query, seen @ self.key, seen @ self.value, is_causal=self.causal
        )
        x = x + heard @ self.out
        out: Tensor = x + self.down(torch.relu(self.up(self.norm_feedforward(x))))
        return out


def row_sines(rows: int, width: int) -> Tensor:
    """Return sines and cosines of the row number, in turn over the channels.

    Shape: -> [rows,width]. Source: Vaswani et al., Attention is all you need (2017), section 3.5.
    """
    even = torch.arange(0, width, 2, dtype=torch.float32)
    angle = torch.arange(rows, dtype=torch.float32)[:, None] / 10000.0 ** (even / width)
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)[:, :width]
