"""How close a trained run comes to its chunk, in one implementation for every recipe."""

import hashlib
from itertools import combinations
from pathlib import Path
from statistics import fmean

import torch
from attrs import frozen
from ddspcore.assemble import build_source
from ddspcore.builtin.evaluators import mss
from ddspcore.builtin.evaluators.dgen_probe import FIRST_STEP, probe
from ddspcore.catalog import Catalog
from ddspcore.dsp.frames import samples
from ddspcore.errors import UserError
from ddspcore.train.checkpoint import read_json
from ddspcore.train.feed import Feed
from ddspcore.train.opening import OpenRun, open_run
from torch import Tensor

from ddsp_dgen.compare.chunks import SAMPLE_RATE

REALISATIONS = 5
PUBLISHED_EPS = 1e-8
EPS = 1e-3


@frozen
class Score:
    """A trained run: its distance from the chunk, what noise alone costs, and the price.

    Distances are means over renders under noise that no training step has seen. `floor`, at the
    published eps, is the distance between two of these renders: what is left where everything is
    right, because noise never comes twice. It is 0 where noise is the same in every render.
    `seconds` are those of training and of the metric that chooses the checkpoint.
    """

    probe_1e_8: float
    probe_1e_3: float
    per_bin: float
    floor: float
    seconds: float
    parameters: int
    audio_sha256: str


@torch.no_grad()
def score(folder: Path, catalog: Catalog, device: str) -> Score:
    """Measure the best checkpoint of a run folder; UserError if there is none."""
    run = open_run(folder, catalog, device=device)
    renders, target = render(run)
    summary = read_json(folder / "summary.json")

    def mean_probe(eps: float) -> float:
        return fmean(probe(pred, target, eps).item() for pred in renders)

    return Score(
        probe_1e_8=mean_probe(PUBLISHED_EPS),
        probe_1e_3=mean_probe(EPS),
        per_bin=fmean(per_bin(pred, target) for pred in renders),
        floor=fmean(probe(a, b, PUBLISHED_EPS).item() for a, b in combinations(renders, 2)),
        seconds=sum(stage["seconds"] for stage in summary["stages"]),
        parameters=summary["parameters"],
        audio_sha256=hashlib.sha256(target.cpu().numpy().tobytes()).hexdigest(),
    )


def render(run: OpenRun) -> tuple[list[Tensor], Tensor]:
    """Return what a run makes of its one item under each noise, and the item. Shape: each [1,T].

    Raises UserError if it has more items than one, or no synth.
    """
    source = build_source(run.recipe)
    if source.count("train") != 1:
        raise UserError(f"{run.folder}: trains on more than the chunk; keep the recipe's data.pick")
    batch = Feed(source, run.pipeline, (), run.recipe.seed, run.device.torch).batch("train", [0], 0)
    renders = []
    for step in range(FIRST_STEP, FIRST_STEP - REALISATIONS, -1):
        signal = run.pipeline(run.pipeline.with_noise(batch, seed=0, step=step)).signal
        if signal is None:
            raise UserError(f"{run.folder}: its recipe has no synth, so there is nothing to hear")
        renders.append(signal)
    return renders, batch["audio"]


def per_bin(pred: Tensor, target: Tensor) -> float:
    """Return ddspcore's `mss`: another definition than the probe's, a mean per bin."""
    windows = [samples(seconds, SAMPLE_RATE) for seconds in mss.WINDOWS_S]
    return fmean(mss.distance(pred, target, window).mean().item() for window in windows)
