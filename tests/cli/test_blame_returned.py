"""A plugin that returns on real data what it did not in the dry run is named, by its own line."""

from pathlib import Path

import pytest

from tests.cli.conftest import hooks

PLUGIN = """
from pathlib import Path

import torch
from attrs import frozen
from ddspcore import (
    Control, Metric, evaluator, feature, hookimpl, loss, option, schedule, source, synth
)

@source("mine")
class Source:
    '''Make tones.'''

    def __init__(self, features):
        pass

    @staticmethod
    def provides(opt, ctx):
        return (
            Control("audio", unit="signal", axis="sample"),
            Control("f0_hz", unit="hz", axis="frame"),
            Control("loudness_db", unit="db", axis="frame"),
        )

    @staticmethod
    def target(opt, ctx):
        return "audio"

    def count(self, split):
        return {count}

    def batch(self, split, indices):
        items = len(indices)
        audio = torch.sin(torch.arange(2048) * 0.1).repeat(items, 1)
        f0_hz = torch.full((items, 17, 1), 127.0)
        loudness_db = torch.full((items, 17, 1), -20.0)
        return {batch}

@feature("mine")
class Feature(torch.nn.Module):
    '''Hear.'''

    @staticmethod
    def needs(opt, ctx):
        return (Control("audio", unit="signal", axis="sample"),)

    @staticmethod
    def provides(opt, ctx):
        return (Control("heard", axis="frame"),)

    def forward(self, batch):
        return {feature}

@loss("mine")
class Loss(torch.nn.Module):
    '''Compare.'''

    def forward(self, pred, target):
        return (pred - target).abs().mean() if pred.is_meta else {loss}

@evaluator("mine")
class Evaluator:
    '''Measure.'''

    @staticmethod
    def metrics(opt, ctx):
        return (Metric("mine", "dB", "lower", "distance"),)

    def __call__(self, pipeline, batches, out_dir):
        next(iter(batches))
        return {evaluator}

    def warnings(self, values):
        return {warnings}

@schedule("mine")
@frozen
class Schedule:
    '''Fall.'''
    start: float = option(0.001, help="where it begins")

    def __call__(self, step, total):
        return self.start if (step, total) == (0, 1) else {schedule}

    @staticmethod
    def example():
        return Schedule()

@synth("mine")
class Synth(torch.nn.Module):
    '''Play noise.'''

    @staticmethod
    def needs(opt, ctx):
        return (Control("harmonic_amplitude", unit="linear"),)

    @staticmethod
    def provides(opt, ctx):
        return Control("signal", unit="signal", axis="sample")

    def forward(self, controls):
        level = controls["harmonic_amplitude"]
        signal = level[:, 1:].expand(-1, -1, 128).flatten(1)
        return signal if level.is_meta else {synth}
"""
PLUGIN += hooks(
    sources="Source",
    features="Feature",
    synths="Synth",
    losses="Loss",
    evaluators="Evaluator",
    schedules="Schedule",
)
GOOD = {
    "count": '2 if split == "train" else 0',
    "batch": '{"audio": audio, "f0_hz": f0_hz, "loudness_db": loudness_db}',
    "feature": "{}",
    "synth": "signal",
    "loss": "(pred - target).abs().mean()",
    "evaluator": '{"mine": 1.0}',
    "warnings": "()",
    "schedule": "self.start",
}
RECIPE = """
title    = "Mine"
device   = "cpu"
backbone = { use = "mlp", width = 8, layers = 1 }
head     = [{ use = "harmonic", partials = 8 }]
synth    = [{ use = "harmonic" }]
[data]
use = "mine"
[audio]
sample_rate = 8000
[metric]
use = "mine"
[[stage]]
name  = "A"
steps = 2
batch = 2
lr    = 1e-3
  [[stage.loss]]
  use = "mine"
    [stage.loss.weight]
    use = "mine"
"""
BATCH = GOOD["batch"]
CASES = {
    "count-is-nothing": {"count": "None"},
    "count-is-a-float": {"count": "2.5"},
    "no-items": {"count": "0"},
    "batch-is-nothing": {"batch": "None"},
    "batch-lacks-a-tensor": {"batch": '{"audio": audio, "f0_hz": f0_hz}'},
    "batch-holds-a-list": {"batch": BATCH.replace(" f0_hz,", " [127.0],")},
    "batch-is-double": {"batch": BATCH.replace(" f0_hz,", " f0_hz.double(),")},
    "batch-has-no-channels": {"batch": BATCH.replace(" f0_hz,", " f0_hz[..., 0],")},
    "batch-has-other-items": {"batch": BATCH.replace(" f0_hz,", " f0_hz[:1],")},
    "batch-has-other-frames": {"batch": BATCH.replace(" f0_hz,", " f0_hz[:, 1:],")},
    "batch-is-too-short": {"batch": BATCH.replace(" audio,", " audio[:, 9:],")},
    "loss-is-no-number": {"loss": "(pred - target).abs()"},
    "loss-is-nothing": {"loss": "None"},
    "evaluator-is-nothing": {"evaluator": "None"},
    "evaluator-holds-a-spectrum": {"evaluator": '{"mine": torch.zeros(2)}'},
    "evaluator-lacks-what-decides": {"evaluator": "{}"},
    "evaluator-names-another": {"evaluator": '{"mine": 1.0, "yours": 2.0}'},
    "schedule-ends-early": {"schedule": "self.start if step < 1 else None"},
    "schedule-breaks": {"schedule": "self.start if step < 1 else 1 / 0"},
}
FEATURES = {
    "is-a-tensor": 'batch["audio"]',
    "is-a-list": '{"heard": [1.0]}',
    "lacks-what-it-declares": "{}",
    "is-too-short": '{"heard": torch.zeros(1, 3, 1)}',
}
WATCH = '[[evaluator]]\nuse = "mine"\nwatch = true\n'


@pytest.fixture
def told(ddsp, tmp_path, monkeypatch):
    """Run a recipe with a plugin that is good but for one thing; return what is said."""
    monkeypatch.chdir(tmp_path)

    def tell(recipe: str, wrong: dict[str, str]) -> str:
        Path("recipe.toml").write_text(recipe)
        text = PLUGIN
        for name, body in (GOOD | wrong).items():
            text = text.replace(f"{{{name}}}", body)
        Path("mine.py").write_text(text)
        outcome = ddsp("run", "recipe.toml", "--run-dir", "run", "--plugin", "mine.py")
        assert outcome.code == (2 if wrong else 0), outcome.err
        return outcome.err.replace(f"{tmp_path}/", "")

    return tell


@pytest.mark.parametrize("case", CASES)
def test_what_a_component_returns_in_a_run_is_told_by_its_line(told, golden, case):
    golden(f"returned-{case}", told(RECIPE, CASES[case]))


@pytest.mark.parametrize("case", FEATURES)
def test_a_feature_is_told_with_the_file_that_it_heard(told, tone_file, golden, case):
    files = f'use = "wav-folder"\nroot = "{tone_file}"\n[audio]'
    heard = RECIPE.replace('use = "mine"\n[audio]', files)
    heard = f'feature = [{{ use = "mine" }}, {{ use = "f0" }}, {{ use = "loudness" }}]\n{heard}'
    golden(f"returned-feature-{case}", told(heard, {"feature": FEATURES[case]}))


def test_a_synth_of_another_length_is_told(told, golden):
    played = RECIPE.replace('{ use = "harmonic" }]', '{ use = "mine" }]')
    assert played != RECIPE
    golden("returned-synth-is-too-short", told(played, {"synth": "signal[:, 9:]"}))


@pytest.mark.parametrize("said", ["None", "'loud'", "(1,)"])
def test_who_watches_says_sentences(told, said):
    shown = f"evaluator mine warns with {said}, not with sentences; plugin mine"
    assert shown in told(RECIPE + WATCH, {"warnings": said})


def test_a_rehearsal_misses_what_decides(ddsp, told):
    told(RECIPE, {"evaluator": "{}"})
    outcome = ddsp("run", "recipe.toml", "--dry-run", "1", "--plugin", "mine.py")
    assert outcome.code == 2
    assert "evaluator mine declares mine, which decides what is best" in outcome.err


def test_a_good_one_trains(told):
    told(RECIPE + WATCH, {})
