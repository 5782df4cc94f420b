"""A pipeline that says a known harmonic model, on two items of ten frames."""

import math

import numpy as np
import pytest
import torch

from ddspcore import Context
from ddspcore.pipeline import Output

FRAMES, HOP, RATE, PARTIALS, BANDS = 11, 100, 8000, 20, 5


@pytest.fixture
def ctx():
    return Context({"sample": float(RATE), "frame": RATE / HOP})


@pytest.fixture
def batch():
    """Return one second and a quarter, of which 2 frames are unvoiced; harmonics fall as 1/k."""
    frames = torch.arange(FRAMES, dtype=torch.float32)
    shares = 1.0 / torch.arange(1, PARTIALS + 1)
    ramp = (0.1 * (1.0 + frames))[None, :, None].repeat(2, 1, 1)
    voicing = (frames > 1.5).float()[None, :, None].repeat(2, 1, 1)
    return {
        "audio": torch.zeros(2, (FRAMES - 1) * HOP),
        "item": torch.tensor([3, 4]),
        "f0_hz": torch.full((2, FRAMES, 1), 220.0),
        "loudness_db": torch.full((2, FRAMES, 1), -20.0),
        "voicing": voicing,
        "harmonic_amplitude": ramp,
        "harmonic_distribution": (shares / shares.sum()).expand(2, FRAMES, -1),
        "noise_magnitudes": torch.tensor([3.0, 0.0, 0.0, 4.0, 0.0]).expand(2, FRAMES, -1),
    }


@pytest.fixture
def pipeline():
    return lambda batch: Output(None, {}, batch)


@pytest.fixture
def harmonic_sum():
    return math.fsum(1.0 / k for k in range(1, PARTIALS + 1))


@pytest.fixture
def read_csv():
    """Return a function that reads a table: its header, and its rows as numbers."""

    def read(path):
        header, *rows = path.read_text().splitlines()
        return header, np.array([[float(x or "nan") for x in row.split(",")] for row in rows])

    return read
