"""An untrained run of the shipped recipe, loud enough to prove something, and recordings."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from torch import nn

from ddspcore.assemble import build_features, build_pipeline, declare
from ddspcore.catalog import Catalog
from ddspcore.plugins import discover
from ddspcore.recipe.reading import read
from ddspcore.recipe.structuring import structure
from ddspcore.train.device import DeviceChoice
from tests.desk import furnish

SHIPPED = Path(__file__).parents[2] / "recipes" / "best_low_loss.toml"


@pytest.fixture(scope="module")
def open_shipped():
    def build(*sets: str, data=None):
        recipe = structure(read(SHIPPED, sets), Catalog(discover()))
        pipeline, _ = build_pipeline(recipe, declare(recipe))
        for head in pipeline.head.values():  # a new head is so still that nothing would be proved
            for layer in (each for each in head.modules() if isinstance(each, nn.Linear)):
                nn.init.normal_(layer.weight, std=0.3)
        return SimpleNamespace(
            folder=Path("run"),
            recipe=recipe,
            pipeline=pipeline.eval(),
            features=build_features(recipe),
            device=DeviceChoice("cpu", "cpu", "cpu"),
            checkpoint=Path("run/A/best.safetensors"),
            data=data or {},
        )

    return build


@pytest.fixture
def melody(tmp_path):
    """Return a function that writes notes with rests between them, and their harmonics."""

    def write(seconds: float, rate: int = 16_000, name: str = "melody.wav", low=220.0, level=0.2):
        draw = np.random.default_rng(0)
        note = rate // 2
        parts = []
        for _ in range(round(seconds * 2)):
            hz = low * 2 ** (draw.integers(0, 12) / 12)
            t = np.arange(note) / rate
            sound = sum(np.sin(2 * np.pi * hz * k * t) / k for k in (1, 2, 3, 4))
            envelope = np.minimum(1, 20 * np.minimum(t, t[::-1])) * draw.uniform(0.3, 1.0)
            parts.append(level * sound * envelope * (draw.random() > 0.1))
        path = tmp_path / name
        soundfile.write(path, np.concatenate(parts).astype("f"), rate, subtype="FLOAT")
        return path

    return write


@pytest.fixture(autouse=True)
def _quiet_gradients():
    with torch.no_grad():
        yield


@pytest.fixture(scope="module")
def furnished_run(tmp_path_factory):
    """Return a run folder that was trained for a few steps."""
    return furnish(tmp_path_factory.mktemp("desk")) / "runs" / "mine"
