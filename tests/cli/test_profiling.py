"""`ddsp run --profile`: every part of the recipe has a row, and nothing else happens."""

import json
from pathlib import Path

import pytest
import torch

from ddspcore.train import network

TOY = Path(__file__).parents[1] / "train" / "toy.py"
RECIPE = """
backbone = { use = "linear" }
head = [{ use = "gaussian" }]
[data]
use = "walks"
[metric]
use = "miss"
[[stage]]
name = "A"
steps = 4
lr = 1e-2
  [[stage.loss]]
  use = "nll"
  [[stage.loss]]
  use = "jitter"
  name = "shake"
"""
AUDIO = """
feature  = [{{ use = "f0" }}, {{ use = "loudness" }}]
backbone = {{ use = "mlp", width = 8, layers = 1 }}
head     = [{{ use = "harmonic", partials = 8 }}, {{ use = "noise", bands = 9 }}]
synth    = [{{ use = "harmonic" }}, {{ use = "noise", name = "breath" }}]
audio    = {{ sample_rate = 8000 }}
data     = {{ use = "wav-folder", root = {root} }}
metric   = {{ use = "mss" }}
[[stage]]
name  = "A"
steps = 3
batch = 2
lr    = 1e-3
  [[stage.loss]]
  use = "mrstft"
"""
ALWAYS = {"data", "optimiser", "gradient", "other", "network"}


@pytest.fixture
def profiled(ddsp, tmp_path, monkeypatch):
    """Return a function that profiles a recipe and returns the output and what was written."""
    monkeypatch.chdir(tmp_path)

    def run(text, *more):
        Path("recipe.toml").write_text(text)
        outcome = ddsp("run", "recipe.toml", "--profile", "2", "--plugin", TOY, *more)
        assert (outcome.code, outcome.err) == (0, "")
        trace = json.loads(Path("profile/trace.json").read_text())
        assert any(str(event.get("name")).startswith("ddsp: ") for event in trace["traceEvents"])
        return outcome.out, json.loads(Path("profile/profile.json").read_text())

    return run


def test_every_part_has_a_row(profiled):
    output, found = profiled(RECIPE)
    names = {part["name"] for part in found["parts"]}
    assert names == ALWAYS | {"backbone", "head gaussian", "loss nll", "loss shake"}
    assert sum(part["share"] for part in found["parts"]) == pytest.approx(1)
    milliseconds = sum(part["forward_ms"] + part["backward_ms"] for part in found["parts"])
    assert milliseconds == pytest.approx(found["step_ms"])
    backward = {part["name"]: part["backward_ms"] for part in found["parts"]}
    assert min(backward[name] for name in ("backbone", "head gaussian", "loss nll")) > 0
    lines = output.splitlines()
    assert lines[0].startswith("a step takes ")
    assert "; the process held at most " in lines[0]
    assert {line.split("  ")[0] for line in lines} >= names
    assert not Path("runs").exists()


def test_synths_are_named_as_the_recipe_names_them(profiled, tone_file):
    _, found = profiled(AUDIO.format(root=json.dumps(str(tone_file))))
    names = {part["name"] for part in found["parts"]}
    assert names == ALWAYS | {
        "backbone",
        "head harmonic",
        "head noise",
        "synth harmonic",
        "synth breath",
        "loss mrstft",
    }


def test_a_compiled_network_is_one_part(profiled, monkeypatch, tone_file):
    torch.compiler.reset()
    monkeypatch.setattr(network, "BACKEND", "eager")
    recipe = AUDIO.format(root=json.dumps(str(tone_file)))
    output, found = profiled(recipe, "--set", "compile=true")
    names = {part["name"] for part in found["parts"]}
    assert names == ALWAYS | {"synth harmonic", "synth breath", "loss mrstft"}
    assert next(p["backward_ms"] for p in found["parts"] if p["name"] == "network") > 0
    assert "backbone and heads, compiled" in output


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_cuda_the_device_s_time_counts(profiled, tone_file):
    text = AUDIO.format(root=json.dumps(str(tone_file)))
    output, found = profiled(text, "--device", "cuda", "--set", "compile=false")
    assert sum(part["share"] for part in found["parts"]) == pytest.approx(1)
    assert {p["name"]: p["backward_ms"] for p in found["parts"]}["synth harmonic"] > 0
    assert "the device waits for the host" in output


@pytest.mark.parametrize("steps", ["0", "recipe.toml"])
def test_steps_that_are_none(ddsp, tmp_path, steps):
    outcome = ddsp("run", tmp_path / "recipe.toml", f"--profile={steps}")
    assert outcome.code == 1
    assert outcome.err.startswith("error: Invalid value for '--profile': ")


def test_a_folder_that_is_a_file(ddsp, tmp_path):
    (tmp_path / "file").write_text("")
    outcome = ddsp("run", "best_low_loss", "--profile", "--profile-dir", tmp_path / "file")
    assert outcome.code == 1
    assert "is a file" in outcome.err


def test_one_thing_at_a_time(ddsp):
    outcome = ddsp("run", "best_low_loss", "--dry-run", "1", "--profile", "1")
    assert outcome.code == 1
    assert outcome.err.startswith("error: --dry-run and --profile: one at a time")
