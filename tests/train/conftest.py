"""A learner of the toy model, built from a recipe's text without a run around it."""

from pathlib import Path

import pytest
import torch

from ddspcore.assemble import build_source, declare
from ddspcore.catalog import Catalog
from ddspcore.plugins import discover
from ddspcore.recipe.reading import read
from ddspcore.recipe.structuring import structure
from ddspcore.train.learner import Learner
from ddspcore.train.lesson import build_feed, build_lesson

TOY = Path(__file__).with_name("toy.py")
RECIPE = """
backbone = { use = "linear" }
head = { use = "gaussian", reach = { use = "linear", start = 2.0, end = 5.0 } }
[data]
use = "walks"
[metric]
use = "miss"
[[stage]]
name = "A"
steps = 20
batch = 4
accumulate = 2
clip = 1.0
ema = 0.9
lr = { use = "exponential", start = 1e-1, half_life = 3, floor = 1e-4 }
  [[stage.loss]]
  use = "nll"
  floor = { use = "linear", start = 1.0, end = 0.0 }
  weight = { use = "ramp", start = 0.0, end = 0.5, after = 2, over = 5 }
"""


@pytest.fixture
def recipe_text():
    return RECIPE


@pytest.fixture(scope="session")
def catalog():
    return Catalog(discover(local=[TOY]))


@pytest.fixture
def structured(tmp_path, catalog):
    """Return a function that reads a recipe's text, the toy's by default, with settings."""

    def read_text(*sets, text=RECIPE):
        path = tmp_path / "recipe.toml"
        path.write_text(text)
        return structure(read(path, sets), catalog)

    return read_text


@pytest.fixture
def learner(structured):
    """Return a function that builds the learner of a recipe's first stage."""

    def build(*sets, text=RECIPE, device="cpu", compiled=False):
        recipe = structured(*sets, text=text)
        source = build_source(recipe)
        feed = build_feed(recipe, declare(recipe), source, torch.device(device))
        stage = recipe.stages[0]
        return Learner(build_lesson(recipe, stage, feed, compiled=compiled, steps_before=0))

    return build
