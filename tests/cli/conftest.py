"""A tiny run, trained once for all tests of what can be done with a run."""

import math
from pathlib import Path

import pytest
import soundfile
import torch

from ddspcore.cli import main

RECIPE = """
title    = "Tiny"
seed     = 1
device   = "cpu"
feature  = [{ use = "f0" }, { use = "loudness" }]
backbone = { use = "mlp", width = 8, layers = 1 }
head     = [{ use = "harmonic", partials = 8 }, { use = "noise", bands = 9 }]
synth    = [{ use = "harmonic" }, { use = "noise" }]
evaluator = [
  { use = "mss" }, { use = "energy-share" }, { use = "dgen-probe", realisations = 2 },
  { use = "render" },
]
[audio]
sample_rate = 8000
[data]
use  = "wav-folder"
root = "tone.wav"
[metric]
use = "mss"
[[stage]]
name  = "A"
steps = 3
batch = 2
lr    = 1e-3
  [[stage.loss]]
  use = "mrstft"
"""


def hooks(**classes: str) -> str:
    """Return the end of a plugin's text: a hook for each kind, which brings one class."""
    return "".join(
        f"\n@hookimpl\ndef ddsp_{kind}():\n    return [{name}]\n" for kind, name in classes.items()
    )


@pytest.fixture(scope="session")
def tone_file(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    t = torch.arange(6 * 8000) / 8000
    tone = 0.2 * sum(torch.sin(2 * math.pi * 220 * k * t) / k for k in (1, 2, 3))
    soundfile.write(folder / "tone.wav", tone.numpy(), 8000, subtype="FLOAT")
    return folder / "tone.wav"


@pytest.fixture(scope="session")
def trained(tone_file: Path) -> Path:
    """Return the folder of a finished run on six seconds of a tone."""
    recipe = tone_file.with_name("tiny.toml")
    recipe.write_text(RECIPE)
    folder = tone_file.with_name("run")
    assert main(["run", str(recipe), "--run-dir", str(folder)]) == 0
    return folder
