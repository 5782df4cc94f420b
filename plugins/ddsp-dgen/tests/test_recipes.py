"""The shipped recipes, and one of everything that they leave out."""

import json
from pathlib import Path

import pytest

pytest.importorskip("ddsp_dgen", reason="ddsp-dgen is not installed")

from ddspcore.cli import main

SHORT = [
    *("--device", "cpu", "--set", "metric.every=2"),
    *(word for stage in "ABC" for word in ("--set", f"stage.{stage}.steps=2")),
]
OTHERS = """
extends = "dgen:published"
seed = 2

[[feature]]
use   = "dgen:playhead"
lanes = true

[backbone]
use    = "dgen:mlp"
layers = 2

[[head]]
name  = "exp-sigmoid"
use   = "dgen:softmax-db"
temperature = { use = "core:ramp", start = 2.0, end = 1.0, over = 4 }
floor = 0.1
taps  = 9
skip  = 1184

[[synth]]
use      = "dgen:harmonic"
smooth   = true
clamp_f0 = false

[[synth]]
use    = "dgen:noise"
smooth = true

[data]
pick    = "all"
hop     = 4096
chunk   = 4096
shuffle = true

[metric]
name = "dgen-probe"
use  = "dgen:best-metric"

[[stage]]
name  = "A"
batch = 2
lr    = { use = "dgen:cosine", start = 1e-3, warmup = 2 }

  [[stage.loss]]
  use = "dgen:spectral"
  distance = "l2"

  [[stage.loss]]
  use = "dgen:mse"

  [[stage.loss]]
  use = "dgen:loudness-linear"

  [[stage.loss]]
  use = "dgen:entropy"

  [[stage.loss]]
  use = "dgen:concentration"

  [[stage.loss]]
  use = "dgen:noise-dominance"
"""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DDSP_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("name", ["published", "exact"])
def test_a_shipped_recipe_passes_the_gates(name, capsys):
    assert main(["check", f"dgen:{name}"]) == 0
    assert "72,081 parameters; proved by a dry run on meta" in capsys.readouterr().out


def summary(recipe: str, folder: Path) -> dict:
    assert main(["run", recipe, "--run-dir", str(folder), *SHORT]) == 0
    return json.loads((folder / "summary.json").read_text())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["published", "exact"])
def test_a_shipped_recipe_trains(name, tmp_path):
    found = summary(f"dgen:{name}", tmp_path / "run")
    assert [stage["steps"] for stage in found["stages"]] == [2, 2, 2]
    evaluation = found["evaluation"]["train"]
    assert {"dgen-probe/1e-08", "dgen-probe/0.001", "best-metric"} <= set(evaluation)
    # from E(0) everywhere, loud tones and a constant: a hundred times what training ends at
    assert 1e-4 < evaluation["dgen-probe/0.001"] < 1e-2


@pytest.mark.slow
def test_everything_else_trains(tmp_path):
    recipe = tmp_path / "others.toml"
    recipe.write_text(OTHERS)
    found = summary(str(recipe), tmp_path / "run")
    assert found["metric"]["name"] == "best-metric"
    assert set(found["evaluation"]) == {"train", "val"}
