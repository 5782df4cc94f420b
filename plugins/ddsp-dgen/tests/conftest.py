"""What the tests of this package share: the signals of the published vectors, one thread."""

import math

import pytest
import torch
from hypothesis import settings

# The same examples in every run, however slow the machine is.
settings.register_profile("ddsp-dgen", derandomize=True, deadline=None)
settings.load_profile("ddsp-dgen")


@pytest.fixture(autouse=True)
def _alike() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture
def tones() -> tuple[torch.Tensor, torch.Tensor]:
    """Return a tone of one sine and its target of two, one chunk long."""
    t = torch.arange(16384, dtype=torch.float64) / 16000
    target = 0.5 * torch.sin(2 * math.pi * 220 * t) + 0.25 * torch.sin(2 * math.pi * 440 * t)
    pred = 0.4 * torch.sin(2 * math.pi * 220 * t + 0.3)
    return pred.float()[None], target.float()[None]
