"""A layer of a transformer: attention and a feed-forward pair of maps, each added to its input."""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

from ddspcore.dsp.attention import Attention, attend


class LayerWeights(NamedTuple):
    """The weights of a layer; matrices are [outputs,inputs], as `torch.nn.Linear` keeps them.

    Shape: query_key_value [3*width,width], out [width,width], widen [wide,width], narrow
    [width,wide].
    """

    norm: Tensor
    norm_bias: Tensor
    query_key_value: Tensor
    out: Tensor
    norm_after: Tensor
    norm_after_bias: Tensor
    widen: Tensor
    widen_bias: Tensor
    narrow: Tensor
    narrow_bias: Tensor


def transformer_layer(x: Tensor, weights: LayerWeights, attention: Attention) -> Tensor:
    """Return the frames with what they attend to, and with what is made of that; pre-norm.

    Differentiable once.

    Shape: [B,N,width] -> [B,N,width].
    """
    width = x.shape[-1:]
    normed = F.layer_norm(x, width, weights.norm, weights.norm_bias)
    heard = attend(F.linear(normed, weights.query_key_value), attention)
    attended = x + F.linear(heard, weights.out)
    normed = F.layer_norm(attended, width, weights.norm_after, weights.norm_after_bias)
    wide = F.gelu(F.linear(normed, weights.widen, weights.widen_bias))
    return attended + F.linear(wide, weights.narrow, weights.narrow_bias)
