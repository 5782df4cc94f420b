"""A plugin without sound: pictures of soft discs, painted again with Gaussians.

Pixels lie on an axis of their own, as rows one after another; so do the Gaussians.
"""

import math

import torch
from attrs import frozen
from matplotlib import image as picture_file
from torch import nn

from ddspcore import (
    Control,
    Metric,
    backbone,
    evaluator,
    head,
    hookimpl,
    loss,
    option,
    source,
    synth,
)

PATCH, WIDTH = 4, 64


@source("discs")
class Discs:
    """Square pictures of coloured discs on black."""

    @frozen
    class Options:
        side: int = option(16, ge=8, help="rows and columns, a multiple of 4", unit="pixels")
        pictures: int = option(48, ge=2, help="how many pictures")
        held_out: int = option(8, ge=0, help="how many of them are held out")

    def __init__(self, opt):
        self.opt = opt
        draw = torch.Generator().manual_seed(11)
        self.place = places(opt.side)
        centre = 0.2 + 0.6 * torch.rand(opt.pictures, 2, 2, generator=draw)
        radius = 0.1 + 0.15 * torch.rand(opt.pictures, 2, 1, generator=draw)
        colour = torch.rand(opt.pictures, 2, 3, generator=draw)
        distance = torch.cdist(self.place.expand(opt.pictures, -1, -1), centre)
        inside = torch.sigmoid(40 * (radius.mT - distance))
        self.image = (inside @ colour).clamp(max=1)

    @staticmethod
    def provides(opt, ctx):
        return (
            Control("image", axis="pixel", channels=3, lo=0, hi=1),
            Control("place", unit="ratio", axis="pixel", channels=2, lo=0, hi=1),
        )

    @staticmethod
    def target(opt, ctx):
        return "image"

    @staticmethod
    def lengths(opt, ctx):
        return {"pixel": opt.side**2}

    def count(self, split):
        return self.opt.held_out if split == "val" else self.opt.pictures - self.opt.held_out

    def batch(self, split, indices):
        first = self.opt.pictures - self.opt.held_out if split == "val" else 0
        image = self.image[[first + index for index in indices]]
        return {"image": image, "place": self.place.repeat(len(indices), 1, 1)}


def places(side):
    """Return where the pixels of a square picture are, x and y in [0, 1]."""
    middle = (torch.arange(side) + 0.5) / side
    y, x = torch.meshgrid(middle, middle, indexing="ij")
    return torch.stack([x, y], dim=-1).flatten(0, 1)[None]


@backbone("patches")
class Patches(nn.Module):
    """Look at every patch of 4 by 4 pixels, and at where it is."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(PATCH * PATCH * 5, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH), nn.SiLU()
        )

    @staticmethod
    def needs(opt, ctx):
        return ("image", "place")

    @staticmethod
    def width(opt, ctx):
        return WIDTH

    def forward(self, features):
        seen = torch.cat([features["image"], features["place"]], dim=-1)
        across = math.isqrt(seen.shape[1]) // PATCH
        rows = seen.unflatten(1, (across, PATCH, across, PATCH))
        return self.layers(rows.transpose(2, 3).flatten(3).flatten(1, 2))


@head("splats")
class Splats(nn.Module):
    """A Gaussian for every patch: where, how wide, and its colour."""

    def __init__(self, width):
        super().__init__()
        self.layer = nn.Linear(width, 6)
        with torch.no_grad():
            self.layer.bias[2:] = -2.0  # small and dark: too much light would be taken all away

    @staticmethod
    def provides(opt, ctx):
        return (
            Control("centre", unit="ratio", axis="gaussian", channels=2, lo=0, hi=1),
            Control("spread", unit="ratio", axis="gaussian", lo=1 / 64, hi=1 / 4),
            Control("colour", axis="gaussian", channels=3, lo=0, hi=1),
        )

    def forward(self, hidden):
        unit = torch.sigmoid(self.layer(hidden))
        spread = 1 / 64 + (1 / 4 - 1 / 64) * unit[..., 2:3]
        return {"centre": unit[..., :2], "spread": spread, "colour": unit[..., 3:]}


@synth("painter")
class Painter(nn.Module):
    """Light of Gaussians, summed at every pixel."""

    @frozen
    class Options:
        grain: float = option(0.05, ge=0, scheduled=True, help="noise, as a share of the light")

    def __init__(self, opt):
        super().__init__()

    @staticmethod
    def needs(opt, ctx):
        return (
            Control("centre", unit="ratio", axis="gaussian", channels=2),
            Control("spread", unit="ratio", axis="gaussian", lo=1 / 1024),
            Control("colour", axis="gaussian", channels=3),
            Control("place", unit="ratio", axis="pixel", channels=2),
            Control("flicker", unit="noise", axis="pixel", channels=3),
        )

    @staticmethod
    def provides(opt, ctx):
        return Control("painted", axis="pixel", channels=3)

    def forward(self, controls):
        apart = controls["place"][:, :, None] - controls["centre"][:, None]
        near = torch.exp(-apart.square().sum(-1) / (2 * controls["spread"].mT.square()))
        return (near @ controls["colour"]) * (1 + self.grain * controls["flicker"])


@loss("squared")
class Squared(nn.Module):
    """Mean squared difference of pixels."""

    def forward(self, pred, target):
        return (pred - target).square().mean()


@evaluator("psnr")
class PSNR:
    """How small the error is beside the brightest pixel there can be; and a picture of both."""

    @staticmethod
    def metrics(opt, ctx):
        return (
            Metric("psnr", "dB", "higher", help="peak signal to noise", good=25, fair=18, lo=0),
        )

    def __call__(self, pipeline, batches, out_dir):
        errors = []
        for batch in batches:
            painted = pipeline(batch).signal
            errors.append((painted - batch["image"]).square().mean((1, 2)))
        for name, pixels in (("target", batch["image"]), ("prediction", painted)):
            side = math.isqrt(pixels.shape[1])
            shown = pixels[0].unflatten(0, (side, side)).clamp(0, 1).cpu().numpy()
            picture_file.imsave(out_dir / f"{name}.png", shown)
        error = torch.cat(errors).clamp(min=1e-10)
        return {"psnr": float((-10 * error.log10()).clamp(min=0).mean())}


@hookimpl
def ddsp_sources():
    return [Discs]


@hookimpl
def ddsp_backbones():
    return [Patches]


@hookimpl
def ddsp_heads():
    return [Splats]


@hookimpl
def ddsp_synths():
    return [Painter]


@hookimpl
def ddsp_losses():
    return [Squared]


@hookimpl
def ddsp_evaluators():
    return [PSNR]
