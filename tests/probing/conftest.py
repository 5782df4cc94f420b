"""A model of four weights whose gradients are known by hand."""

from pathlib import Path

import attrs
import pytest

from ddspcore.catalog import Catalog
from ddspcore.plugins import discover
from ddspcore.probing.gradients import probe_gradients
from ddspcore.probing.starts import find_start, with_losses
from ddspcore.train.device import choose_device

PULL = Path(__file__).with_name("toy_pull.py")
RECIPE = """
backbone = { use = "same" }
head = { use = "pair" }
[data]
use = "ones"
[metric]
use = "zero"
[[stage]]
name = "A"
steps = 10
lr = 1e-2
batch = 2
  [[stage.loss]]
  use = "along"
  name = "east"
  [[stage.loss]]
  use = "along"
  name = "north"
  x = 0.0
  y = 2.0
  weight = { use = "ramp", start = 0.0, end = 0.5, after = 2, over = 4 }
"""


@pytest.fixture(scope="module")
def pulling():
    return Catalog(discover(local=[PULL]))


@pytest.fixture
def recipe_file(tmp_path):
    path = tmp_path / "pull.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture
def probe(recipe_file, pulling):
    """Return a function that probes the gradients of the untrained model."""

    def run(*losses, step=None, sets=(), text=None):
        if text is not None:
            recipe_file.write_text(text)
        start = find_start(str(recipe_file), pulling, sets, None, step)
        if losses:
            start = attrs.evolve(start, stage=with_losses(start.stage, losses, pulling))
        return probe_gradients(start.learner(choose_device("cpu")), start.step)

    return run
