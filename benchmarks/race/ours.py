"""Our side of the race: what a recipe is told besides, and how its checkpoints are played."""

from pathlib import Path

import torch
from torch.nn import functional as F

from benchmarks.race.clock import CLOCK, times
from ddspcore.catalog import Catalog
from ddspcore.data.audio import Samples, decode
from ddspcore.data.features import run_features
from ddspcore.data.wav import encode_wav
from ddspcore.plugins import discover
from ddspcore.recipe.reading import read
from ddspcore.recipe.schema import Recipe
from ddspcore.recipe.shipped import resolve_recipe
from ddspcore.recipe.structuring import structure
from ddspcore.rendering.hearing import audio_of
from ddspcore.train.opening import OpenRun, open_run

OBSERVER = Path(__file__).with_name("observer.py")
RUN = "run"
KEEP_EVERY = 25
"""Steps from checkpoint to checkpoint."""


def recipe_of(name: str) -> Recipe:
    """Return a shipped recipe."""
    return structure(read(resolve_recipe(name)), Catalog(discover()))


def keeping(name: str) -> list[str]:
    """Return the settings that keep checkpoints along the way."""
    stages = recipe_of(name).stages
    each = [f"stage.{stage.name}.save_every={KEEP_EVERY}" for stage in stages]
    return [f"metric.every={KEEP_EVERY}", *each]


def lengthened(name: str, times: float) -> tuple[str, ...]:
    """Return the settings that make every stage so many times as long, its decay included."""
    sets = []
    for stage in recipe_of(name).stages:
        half_life = times * stage.lr.value.half_life
        sets += [f"stage.{stage.name}.steps={round(times * stage.steps)}"]
        sets += [f"stage.{stage.name}.lr.half_life={half_life}"]
    return tuple(sets)


def play(folder: Path, held_out: Path, out: Path) -> None:
    """Play the files of a folder with every checkpoint, as they are: nothing is matched."""
    catalog = Catalog(discover())
    for checkpoint in times(folder / CLOCK):
        path = folder / RUN / checkpoint
        if not path.exists():
            continue  # of this step only numbers were logged
        run = open_run(folder / RUN, catalog, device="cpu", checkpoint=path)
        (out / checkpoint).mkdir(parents=True, exist_ok=True)
        for heard in sorted(held_out.glob("*.wav")):
            rate = audio_of(run).sample_rate
            wav = encode_wav(resynthesised(run, decode(heard, rate).audio), rate)
            (out / checkpoint / heard.name).write_bytes(wav)


def resynthesised(run: OpenRun, signal: Samples) -> Samples:
    """Return what a run makes of the pitch and loudness of a signal. Shape: [n] -> [n]."""
    hop, gain = audio_of(run).hop, float(run.data["gain"])
    hops = -(-len(signal) // hop)
    padded = F.pad(gain * torch.from_numpy(signal)[None], (0, hops * hop - len(signal)))
    item = {"audio": padded, "item": torch.zeros(1, dtype=torch.int64)}
    batch = item | run_features(run.features, item, {"sample": hops * hop, "frame": hops + 1})
    with torch.no_grad():
        made = run.pipeline(run.pipeline.with_noise(batch, seed=run.recipe.seed)).signal
    assert made is not None
    played: Samples = (made[0, : len(signal)] / gain).numpy()
    return played
