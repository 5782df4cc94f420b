"""What the pages presuppose: a folder with recipes, recordings, a plugin and a trained run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile

from ddspcore.cli import main
from tests.rendering.midi import save, tune

ROOT = Path(__file__).parents[1]
FOLDERS = ("recordings", "my-recordings", "FOLDER")
RECIPE = """
title    = "Mine"
device   = "cpu"
feature  = [{ use = "f0" }, { use = "loudness" }]
backbone = { use = "mlp", width = 8, layers = 1 }
head     = [{ use = "harmonic", partials = 8 }, { use = "noise", bands = 9 }]
synth    = [{ use = "harmonic" }, { use = "noise" }]
evaluator = [{ use = "mss" }, { use = "render" }]
[audio]
sample_rate = 16_000
[data]
use  = "wav-folder"
root = "recordings"
[metric]
use = "mss"
[[stage]]
name  = "A"
steps = 3
batch = 2
lr    = 1e-3
save_every = 2
  [[stage.loss]]
  use = "mrstft"
[[stage]]
name  = "B"
steps = 1
lr    = 1e-3
  [[stage.loss]]
  use = "mrstft"
[[stage]]
name  = "C"
steps = 1
lr    = 1e-3
  [[stage.loss]]
  use = "mrstft"
"""


def tone(hz: float) -> np.ndarray:
    t = np.arange(2 * 16_000) / 16_000
    return 0.3 * sum(np.sin(2 * np.pi * hz * k * t) / k for k in (1, 2, 3))


@contextmanager
def working_in(folder: Path) -> Iterator[Path]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield folder
    finally:
        os.chdir(before)


def furnish(folder: Path) -> Path:
    """Put on a desk what somebody has who has followed the pages, and return it."""
    (folder / "recipes").symlink_to(ROOT / "recipes")
    for name in FOLDERS:
        (folder / name).mkdir()
        for file, hz in (("a", 220), ("b", 330)):
            soundfile.write(folder / name / f"{file}.wav", tone(hz), 16_000)
    for name in ("humming", "in"):
        soundfile.write(folder / f"{name}.wav", tone(275), 16_000)
    save(folder / "tune.mid", tune((0, 1, 57, 64), (1, 2, 60, 90)))
    (folder / "my.toml").write_text(RECIPE)
    with working_in(folder):
        assert main(["recipes", "copy", "best_low_loss", "mine.toml"]) == 0
        assert main(["run", "my.toml", "--run-dir", "runs/mine"]) == 0
    return folder
