"""A plugin that breaks only on real data is named too, by whichever command runs into it."""

import re
from pathlib import Path

import pytest

from tests.cli.conftest import RECIPE, hooks

PLUGIN = """
from pathlib import Path

import torch
from ddspcore import (
    Control, Metric, evaluator, feature, head, hookimpl, loss, source, synth
)

def breaks(what, value=None):
    return Path(f"break-{what}").exists() and not (value is not None and value.is_meta)

class Scale(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        if breaks("backward"):
            raise ValueError("no way back")
        return gradient

@source("mine")
class Source:
    '''Read.'''

    def __init__(self, features):
        pass

    @staticmethod
    def provides(opt, ctx):
        return (Control("audio", unit="signal", axis="sample"),)

    @staticmethod
    def target(opt, ctx):
        return "audio"

    def count(self, split):
        raise ValueError("no count")

    def batch(self, split, indices):
        return {}

@feature("mine")
class Feature(torch.nn.Module):
    '''Hear.'''

    @staticmethod
    def needs(opt, ctx):
        return (Control("audio", unit="signal", axis="sample"),)

    @staticmethod
    def provides(opt, ctx):
        return ()

    def forward(self, batch):
        if breaks("feature"):
            raise ValueError("no ear")
        return {}

@head("mine")
class Head(torch.nn.Module):
    '''Say.'''

    @staticmethod
    def provides(opt, ctx):
        return (Control("gain", unit="linear", lo=0.0, hi=1.0),)

    def forward(self, hidden):
        if breaks("head", hidden):
            raise ValueError("no mouth")
        return {"gain": hidden[..., :1].sigmoid()}

@synth("mine")
class Synth(torch.nn.Module):
    '''Play.'''

    @staticmethod
    def needs(opt, ctx):
        return (Control("gain", unit="linear"),)

    @staticmethod
    def provides(opt, ctx):
        return Control("played", unit="signal", axis="sample")

    def __init__(self, ctx):
        super().__init__()
        self.hop = ctx.ratio("sample", "frame")

    def forward(self, controls):
        if breaks("synth", controls["gain"]):
            raise ValueError("no hand")
        return controls["gain"][:, 1:, 0].repeat_interleave(self.hop, 1)

@loss("mine")
class Loss(torch.nn.Module):
    '''Compare.'''

    def forward(self, pred, target):
        if breaks("loss", pred):
            raise ValueError("no table")
        return (Scale.apply(pred) - target).abs().mean()

@evaluator("mine")
class Evaluator:
    '''Measure.'''

    @staticmethod
    def metrics(opt, ctx):
        return (Metric("mine", "dB", "lower", "distance"),)

    def __call__(self, pipeline, batches, out_dir):
        if breaks("evaluator"):
            raise ValueError("no ruler")
        return {"mine": 1.0}
"""
PLUGIN += hooks(
    sources="Source",
    features="Feature",
    heads="Head",
    synths="Synth",
    losses="Loss",
    evaluators="Evaluator",
)
MINE = """
[[feature]]
use = "mine"
[[head]]
use = "mine"
[[synth]]
use = "mine"
[[evaluator]]
use = "mine"
[[stage]]
name = "A"
  [[stage.loss]]
  use = "mine"
"""
PARTS = ["feature", "head", "synth", "loss", "backward", "evaluator"]


@pytest.fixture
def desk(tone_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DDSP_CACHE", str(tmp_path / "cache"))
    Path("mine.py").write_text(PLUGIN)
    tiny = RECIPE.replace("tone.wav", str(tone_file))
    Path("base.toml").write_text(tiny)
    Path("recipe.toml").write_text(f'extends = "base.toml"\n{MINE}')


@pytest.fixture
def told(ddsp, desk, tmp_path):
    """Run a command that has to fail; return what it says, without what differs."""

    def tell(*words: str) -> str:
        outcome = ddsp(*words, "--plugin", "mine.py")
        assert outcome.code == 2, outcome.err
        said = outcome.err.replace(f"{tmp_path}/", "")
        return re.sub(r"resolved.toml:\d+", "resolved.toml:LINE", said)

    return tell


@pytest.mark.parametrize("part", PARTS)
def test_a_run_names_what_breaks_in_it(told, golden, part):
    Path(f"break-{part}").touch()
    golden(f"run-blame-{part}", told("run", "recipe.toml", "--run-dir", "run"))
    if part != "feature":
        assert '"failed"' in Path("run/status.json").read_text()


def test_a_source_is_named_too(told, golden):
    words = ("run", "recipe.toml", "--set", "data={use='mine'}", "--run-dir", "run")
    golden("run-blame-source", told(*words))


def test_what_a_run_holds_is_played_and_measured_later(ddsp, told, tone_file, golden):
    trained = ddsp("run", "recipe.toml", "--run-dir", "run", "--plugin", "mine.py")
    assert trained.code == 0, trained.err
    Path("break-evaluator").touch()
    golden("eval-blame-evaluator", told("eval", "run"))
    Path("break-synth").touch()
    golden("render-blame-synth", told("render", "run", str(tone_file), "out.wav"))
    Path("take").mkdir()
    Path("take/one.wav").write_bytes(tone_file.read_bytes())
    golden("render-blame-folder", told("render", "run", "take", "--out", "played"))
    assert "no hand" in told("render", "run", "--split", "train")
    assert "no hand" in told("probe", "gradients", "run")


def test_a_series_tells_it_in_a_line_and_goes_on(told, golden):
    Path("break-loss").touch()
    with Path("recipe.toml").open("a") as file:
        file.write("[each]\nseed = [1, 2]\n")
    assert told("run", "recipe.toml").startswith("error: these runs failed")
    golden("series-blame", Path("runs/recipe.md").read_text().replace(str(Path.cwd()), "."))


def test_the_whole_traceback_is_shown_on_demand(told, monkeypatch):
    Path("break-loss").touch()
    monkeypatch.setenv("DDSP_TRACEBACK", "1")
    shown = told("run", "recipe.toml", "--run-dir", "run")
    assert shown.startswith("Traceback (most recent call last):")
    assert 'raise ValueError("no table")' in shown
    assert "recipe.toml:" in shown.splitlines()[-1]


def test_what_the_machine_refuses_is_no_fault_of_the_plugin(ddsp, desk):
    text = Path("mine.py").read_text()
    refused = "raise PermissionError(13, 'Permission denied', 'closed')"
    Path("mine.py").write_text(text.replace('raise ValueError("no ruler")', refused))
    Path("break-evaluator").touch()
    outcome = ddsp("run", "recipe.toml", "--run-dir", "run", "--plugin", "mine.py")
    assert outcome.code == 1
    assert outcome.err == "error: Permission denied: closed\n"
