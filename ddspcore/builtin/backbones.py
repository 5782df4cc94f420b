"""From features to hidden frames."""

from collections.abc import Mapping
from typing import Any, Literal

import attrs
import torch
from torch import Tensor, nn

from ddspcore import Context, Control, OptionError, backbone, option
from ddspcore.builtin.gru_recurrence import remember
from ddspcore.builtin.transformer_step import Listener
from ddspcore.dsp.attention import Attention, rotary_turns
from ddspcore.dsp.scales import to_unit
from ddspcore.dsp.transformer_layer import LayerWeights
from ddspcore.errors import UserError
from ddspcore.kernels import transformer_layer

INPUTS = "features to listen to; empty means every feature on the frame axis"


def scaled(inputs: tuple[Control, ...], features: Mapping[str, Tensor]) -> list[Tensor]:
    """Return the features in the order of `inputs`, each scaled to about [-1, 1].

    Centred, because a network learns slowly from inputs that all have one sign.
    """
    return [2 * to_unit(control, features[control.name]) - 1 for control in inputs]


def joined(inputs: tuple[Control, ...], features: Mapping[str, Tensor]) -> Tensor:
    """Return the scaled features side by side. Shape: features [B,N,C] -> [B,N,channels]."""
    return 2 * torch.cat([to_unit(each, features[each.name]) for each in inputs], dim=-1) - 1


def channels(inputs: tuple[Control, ...]) -> int:
    """Return how many channels the inputs have together."""
    return sum(control.channels for control in inputs)


def mlp(inputs: int, width: int, layers: int) -> nn.Sequential:
    """Return `layers` times linear, layer norm, leaky ReLU, as the DDSP paper stacks them."""
    steps: list[nn.Module] = []
    for layer in range(layers):
        steps += [nn.Linear(width if layer else inputs, width), nn.LayerNorm(width)]
        steps += [nn.LeakyReLU(inplace=True)]  # its result is all that its gradient needs
    return nn.Sequential(*steps)


class OfFeatures(nn.Module):
    """What backbones declare that take features by name, and whose layers are of one width."""

    @staticmethod
    def needs(opt: Any, ctx: Context) -> tuple[str, ...]:
        """Name the features."""
        inputs: tuple[str, ...] = opt.inputs
        return inputs

    @staticmethod
    def width(opt: Any, ctx: Context) -> int:
        """Return the channels of the hidden frames."""
        width: int = opt.width
        return width


@backbone("mlp")
class Mlp(OfFeatures):
    """Fully connected layers, frame by frame: no memory."""

    @attrs.frozen
    class Options:
        """Options of the MLP."""

        inputs: tuple[str, ...] = option((), help=INPUTS)
        width: int = option(128, ge=1, help="channels of every layer")
        layers: int = option(3, ge=1, help="how many layers")

    def __init__(self, opt: Options, ctx: Context, inputs: tuple[Control, ...]):
        super().__init__()
        self.inputs = inputs
        self.layers = mlp(channels(inputs), opt.width, opt.layers)

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return hidden frames. Shape: features [B,N,C] -> [B,N,width]."""
        hidden: Tensor = self.layers(joined(self.inputs, features))
        return hidden

    def initial_state(self, batch: int, device: torch.device) -> None:
        """Remember nothing."""

    def step(self, features: Mapping[str, Tensor], state: None) -> tuple[Tensor, None]:
        """Return hidden frames."""
        return self(features), None


@backbone("gru")
class Gru(OfFeatures):
    """The decoder of the DDSP paper: an MLP for each input, a GRU, and an MLP over both.

    Each input has an MLP of its own; the last MLP sees the GRU's output beside theirs.

    Source: Engel et al., DDSP (ICLR 2020), appendix B.2.
    """

    @attrs.frozen
    class Options:
        """Options of the GRU decoder."""

        inputs: tuple[str, ...] = option((), help=INPUTS)
        width: int = option(512, ge=1, help="channels of the GRU and of every layer")
        layers: int = option(3, ge=1, help="layers of each MLP")

    def __init__(self, opt: Options, ctx: Context, inputs: tuple[Control, ...]):
        super().__init__()
        self.inputs = inputs
        self.before = nn.ModuleList(mlp(c.channels, opt.width, opt.layers) for c in inputs)
        self.gru = nn.GRU(len(inputs) * opt.width, opt.width)
        self.after = mlp((len(inputs) + 1) * opt.width, opt.width, opt.layers)

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return hidden frames. Shape: features [B,N,C] -> [B,N,width]."""
        return self._run(features, None)[0]

    def initial_state(self, batch: int, device: torch.device) -> Tensor:
        """Return the silent memory. Shape: [1,B,width]."""
        return torch.zeros(1, batch, self.gru.hidden_size, device=device)

    def step(self, features: Mapping[str, Tensor], memory: Tensor) -> tuple[Tensor, Tensor]:
        """Return hidden frames, and the memory after them."""
        return self._run(features, memory)

    def _run(self, features: Mapping[str, Tensor], memory: Tensor | None) -> tuple[Tensor, Tensor]:
        each = scaled(self.inputs, features)
        heard = [layer(x) for layer, x in zip(self.before, each, strict=True)]
        seen = torch.cat([x.transpose(0, 1) for x in heard], dim=-1)  # time first, as a GRU reads
        remembered, memory = remember(self.gru, seen, memory)
        both = torch.cat([x.transpose(0, 1) for x in (seen, remembered)], dim=-1)
        hidden: Tensor = self.after(both)
        return hidden, memory


@backbone("transformer")
class Transformer(OfFeatures):
    """A transformer whose attention is local, so that it plays files of any length.

    A frame sees `span` frames a layer, to both sides or, causal, to the past only. Layers are
    pre-norm, with a norm at the end. Absolute positions count from the first frame of what it is
    given, so what is learnt with them holds for that length alone.

    Source of absolute positions: Vaswani et al., Attention Is All You Need (2017), section 3.5.
    """

    @attrs.frozen
    class Options:
        """Options of the transformer."""

        inputs: tuple[str, ...] = option((), help=INPUTS)
        width: int = option(64, ge=2, help="channels of the hidden frames")
        layers: int = option(2, ge=1, help="how many layers")
        heads: int = option(4, ge=1, help="attention heads; width / heads must be even")
        feedforward: int = option(2, ge=1, help="feed-forward channels, as a multiple of width")
        causal: bool = option(True, help="see no later frames")
        span: int = option(32, ge=1, help="frames that a layer sees back, and ahead if not causal")
        position: Literal["rotary", "absolute", "none"] = option(
            "rotary",
            help="how frames are told apart: by distance or, to overfit a chunk, by number",
        )

        def __attrs_post_init__(self) -> None:
            if self.width % (2 * self.heads):
                raise OptionError("heads", f"width {self.width} / {self.heads} is not even")

    def __init__(self, opt: Options, ctx: Context, inputs: tuple[Control, ...]):
        super().__init__()
        self.inputs = inputs
        self.causal = opt.causal
        self.numbered = opt.position == "absolute"
        self.embed = nn.Linear(channels(inputs), opt.width)
        self.layers = nn.ModuleList(TransformerLayer(opt) for _ in range(opt.layers))
        self.norm = nn.LayerNorm(opt.width)

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return hidden frames. Shape: features [B,N,C] -> [B,N,width]."""
        hidden: Tensor = self.embed(joined(self.inputs, features))
        if self.numbered:
            frames, width = hidden.shape[1:]
            cos, sin = rotary_turns(frames, width)
            hidden = hidden + torch.cat([sin, cos], dim=-1).to(hidden, non_blocking=True)
        for layer in self.layers:
            hidden = layer(hidden)
        normed: Tensor = self.norm(hidden)
        return normed

    def initial_state(self, batch: int, device: torch.device) -> Listener:
        """Return one that has heard nothing.

        Raises UserError if the transformer is not causal.
        """
        if not self.causal:
            raise UserError("it hears later frames; train it with causal = true")
        return Listener(self, batch)

    def step(self, features: Mapping[str, Tensor], state: Listener) -> tuple[Tensor, Listener]:
        """Return hidden frames, and the same state, which has heard them."""
        return state.hear(features), state


class TransformerLayer(nn.Module):
    """The weights of attention and of a feed-forward pair of maps, and how frames attend."""

    def __init__(self, opt: Transformer.Options):
        super().__init__()
        self.attends = Attention(opt.heads, opt.span, opt.causal, opt.position == "rotary")
        self.attention = nn.ModuleList([nn.LayerNorm(opt.width), AttentionMaps(opt.width)])
        self.feedforward = nn.Sequential(
            nn.LayerNorm(opt.width),
            nn.Linear(opt.width, opt.feedforward * opt.width),
            nn.GELU(),
            nn.Linear(opt.feedforward * opt.width, opt.width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the frames with both added. Shape: [B,N,width] -> [B,N,width]."""
        return transformer_layer(x, self.weights(), self.attends)

    def weights(self) -> LayerWeights:
        """Return the weights in their order."""
        attention: list[Any] = list(self.attention)
        feedforward: list[Any] = list(self.feedforward)
        (norm, maps), (norm_after, widen, _, narrow) = attention, feedforward
        return LayerWeights(
            norm=norm.weight,
            norm_bias=norm.bias,
            query_key_value=maps.query_key_value.weight,
            out=maps.out.weight,
            norm_after=norm_after.weight,
            norm_after_bias=norm_after.bias,
            widen=widen.weight,
            widen_bias=widen.bias,
            narrow=narrow.weight,
            narrow_bias=narrow.bias,
        )


class AttentionMaps(nn.Module):
    """The maps before and after attention."""

    def __init__(self, width: int):
        super().__init__()
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
