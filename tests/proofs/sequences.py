"""A plugin without sound and without a synth: which vector comes next, as a distribution.

One walks a circuit of four directions and turns left or right by chance, so that what comes next
lies in two places; no single Gaussian can say that.
"""

import math

import torch
from attrs import frozen
from torch import nn

from ddspcore import Control, Metric, backbone, evaluator, head, hookimpl, loss, option, source

WIDTH = 24
BLUR = 0.1


@source("turns")
class Turns:
    """Directions, of which each is the last one turned by a right angle, left or right."""

    @frozen
    class Options:
        walks: int = option(40, ge=2, help="how many sequences")
        held_out: int = option(8, ge=0, help="how many of them are held out")
        steps: int = option(24, ge=2, help="vectors in each", unit="vectors")

    def __init__(self, opt):
        self.opt = opt
        draw = torch.Generator().manual_seed(13)
        sides = torch.randint(0, 2, (opt.walks, opt.steps), generator=draw) * 2 - 1
        angle = torch.pi / 2 * sides.cumsum(1)
        blur = BLUR * torch.randn(opt.walks, opt.steps, 2, generator=draw)
        self.walks = torch.stack([angle.cos(), angle.sin()], dim=-1) + blur + torch.tensor([3, -2])

    @staticmethod
    def provides(opt, ctx):
        return (
            Control("vector", axis="turn", channels=2),
            Control("next", axis="turn", channels=2),
        )

    @staticmethod
    def target(opt, ctx):
        return "next"

    def count(self, split):
        return self.opt.held_out if split == "val" else self.opt.walks - self.opt.held_out

    def batch(self, split, indices):
        first = self.opt.walks - self.opt.held_out if split == "val" else 0
        walks = self.walks[[first + index for index in indices]]
        return {"vector": walks[:, :-1].clone(), "next": walks[:, 1:].clone()}


@backbone("recurrent")
class Recurrent(nn.Module):
    """A GRU on standardised vectors; their mean and scale are fitted to the data."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(2))
        self.register_buffer("scale", torch.ones(2))
        self.gru = nn.GRU(2, WIDTH, batch_first=True)

    @staticmethod
    def needs(opt, ctx):
        return ("vector",)

    @staticmethod
    def width(opt, ctx):
        return WIDTH

    def fit(self, batches):
        vectors = torch.cat([batch["vector"].flatten(0, 1) for batch in batches])
        self.mean.copy_(vectors.mean(0))
        self.scale.copy_(vectors.std(0))

    def forward(self, features):
        return self.step(features, None)[0]

    def initial_state(self, batch, device):
        return torch.zeros(1, batch, WIDTH, device=device)

    def step(self, features, state):
        return self.gru((features["vector"] - self.mean) / self.scale, state)


@head("mixture")
class Mixture(nn.Module):
    """The distribution of the next vector: round Gaussians, each with its share."""

    @frozen
    class Options:
        parts: int = option(4, ge=1, help="how many Gaussians")

    def __init__(self, opt, width):
        super().__init__()
        self.sizes = [opt.parts, 2 * opt.parts, opt.parts]
        self.layer = nn.Linear(width, sum(self.sizes))

    @staticmethod
    def provides(opt, ctx):
        return (
            Control("share", unit="simplex", axis="turn", channels=opt.parts, lo=0, hi=1),
            Control("means", axis="turn", channels=2 * opt.parts),
            Control("log_spread", axis="turn", channels=opt.parts, lo=-4, hi=4),
        )

    def forward(self, hidden):
        share, means, spread = self.layer(hidden).split(self.sizes, dim=-1)
        return {
            "share": share.softmax(-1),
            "means": means,
            "log_spread": 4 * torch.tanh(spread / 4),
        }


def surprise(target, controls):
    """Return how unlikely the target is under a mixture, in nats.

    Shape: target [B,N,D], share and log_spread [B,N,K], means [B,N,K*D] -> [B,N].
    """
    share, log_spread = controls["share"], controls["log_spread"]
    means = controls["means"].unflatten(-1, (share.shape[-1], -1))
    apart = (target[:, :, None] - means) * torch.exp(-log_spread)[..., None]
    size = target.shape[-1]
    each = -apart.square().sum(-1) / 2 - size * (log_spread + math.log(2 * math.pi) / 2)
    return -torch.logsumexp(share.clamp(min=1e-8).log() + each, dim=-1)


NEEDS = (
    Control("share", unit="simplex", axis="turn", channels=0),
    Control("means", axis="turn", channels=0),
    Control("log_spread", axis="turn", channels=0),
)


@loss("mixture-nll")
class MixtureNLL(nn.Module):
    """How unlikely the next vector is under the mixture."""

    @staticmethod
    def needs(opt, ctx):
        return NEEDS

    def forward(self, target, controls):
        return surprise(target, controls).mean()


@evaluator("surprise")
class Surprise:
    """How unlikely the next vectors are, and how often the likeliest Gaussian is the right one."""

    @staticmethod
    def metrics(opt, ctx):
        return (Metric("surprise", "nat", "lower", help="surprise at the next vector", good=0),)

    def __call__(self, pipeline, batches, out_dir):
        found = [surprise(batch["next"], pipeline(batch).controls) for batch in batches]
        return {"surprise": float(torch.cat(found).mean())}


@hookimpl
def ddsp_sources():
    return [Turns]


@hookimpl
def ddsp_backbones():
    return [Recurrent]


@hookimpl
def ddsp_heads():
    return [Mixture]


@hookimpl
def ddsp_losses():
    return [MixtureNLL]


@hookimpl
def ddsp_evaluators():
    return [Surprise]
