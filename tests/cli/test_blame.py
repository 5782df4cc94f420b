"""A plugin's mistake is told by the line of the recipe that uses it, before anything runs."""

import pytest

BEGIN = """
import torch
from attrs import frozen
from ddspcore import (
    Control, Metric, backbone, evaluator, head, hookimpl, loss, option, schedule, synth
)
"""
LOSS = """
@loss("mine")
class Mine(torch.nn.Module):
    '''Compare.'''

    def forward(self, pred, target):
        {body}

@hookimpl
def ddsp_losses():
    return [Mine]
"""
UNBUILT = LOSS.replace(
    "'''Compare.'''", "'''Compare.'''\n    def __init__(self):\n        open('')"
)
HEAD = """
@head("mine")
class Mine(torch.nn.Module):
    '''Say.'''

    @staticmethod
    def provides(opt, ctx):
        return {provides}

    def forward(self, hidden):
        return {body}

@hookimpl
def ddsp_heads():
    return [Mine]
"""
NOISE = 'Control("noise_magnitudes", unit="linear", channels=65, lo=0.0, hi=2.0)'
SYNTH = """
@synth("mine")
class Mine(torch.nn.Module):
    '''Play.'''

    @staticmethod
    def needs(opt, ctx):
        return (Control("harmonic_amplitude", unit="linear"),)

    @staticmethod
    def provides(opt, ctx):
        return Control("signal", unit="signal", axis="sample")

    def forward(self, controls):
        return {body}

@hookimpl
def ddsp_synths():
    return [Mine]
"""
BACKBONE = """
@backbone("mine")
class Mine(torch.nn.Module):
    '''Hear.'''

    def __init__(self, inputs):
        super().__init__()
        self.layer = torch.nn.Linear(1, 8)

    @staticmethod
    def needs(opt, ctx):
        return ()

    @staticmethod
    def width(opt, ctx):
        return 7

    def forward(self, features):
        return self.layer(features["f0_hz"])

@hookimpl
def ddsp_backbones():
    return [Mine]
"""
SCHEDULE = """
@schedule("mine")
@frozen
class Mine:
    '''Fall.'''
    start: float = option(1.0, help="where it begins")

    def __call__(self, step, total):
        return {body}

    @staticmethod
    def example():
        return Mine()

@hookimpl
def ddsp_schedules():
    return [Mine]
"""
EVALUATOR = """
@evaluator("mine")
class Mine:
    '''Measure.'''

    @staticmethod
    def metrics(opt, ctx):
        return {metrics}

    def __call__(self, pipeline, batches, out_dir):
        return {{}}

@hookimpl
def ddsp_evaluators():
    return [Mine]
"""
USES = {
    LOSS: '[[stage]]\nname = "A"\n  [[stage.loss]]\n  use = "mine"\n',
    HEAD: '[[head]]\nname = "noise"\nuse = "mine"\n',
    SYNTH: '[[synth]]\nuse = "mine"\n',
    BACKBONE: '[backbone]\nuse = "mine"\n',
    SCHEDULE: '[[stage]]\nname = "A"\nlr = { use = "mine" }\n',
    EVALUATOR: '[[evaluator]]\nuse = "mine"\n',
}
USES[UNBUILT] = USES[LOSS]
CASES = {
    "constructor-raises": (UNBUILT, {"body": "return pred.mean()"}),
    "forward-raises": (LOSS, {"body": "raise ValueError('no table')"}),
    "loss-is-no-tensor": (LOSS, {"body": "return 3.0"}),
    "loss-is-nothing": (LOSS, {"body": "pass"}),
    "provides-is-no-tuple": (HEAD, {"provides": NOISE, "body": "{}"}),
    "provides-is-names": (HEAD, {"provides": '("noise_magnitudes",)', "body": "{}"}),
    "provides-raises": (HEAD, {"provides": "1 / 0", "body": "{}"}),
    "head-is-no-dict": (HEAD, {"provides": f"({NOISE},)", "body": "hidden"}),
    "synth-is-no-tensor": (SYNTH, {"body": "(1, 2)"}),
    "synth-is-too-short": (SYNTH, {"body": 'controls["harmonic_amplitude"][..., 0]'}),
    "synth-reads-what-it-does-not-need": (SYNTH, {"body": 'controls["f0_hz"]'}),
    "backbone-is-wider": (BACKBONE, {}),
    "schedule-is-nothing": (SCHEDULE, {"body": "None"}),
    "schedule-raises": (SCHEDULE, {"body": "self.start / 0"}),
    "metrics-is-no-tuple": (EVALUATOR, {"metrics": 'Metric("mine", "dB", "lower", "distance")'}),
    "metric-goes-down": (EVALUATOR, {"metrics": '(Metric("mine", "dB", "down", "distance"),)'}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_in_a_plugin_names_the_line_and_the_plugin(
    ddsp, tmp_path, monkeypatch, golden, case
):
    monkeypatch.chdir(tmp_path)
    template, parts = CASES[case]
    (tmp_path / "mine.py").write_text(BEGIN + template.format(**parts))
    recipe = f'extends = "core:best_low_loss"\n\n{USES[template]}'
    (tmp_path / "recipe.toml").write_text(recipe)
    outcome = ddsp("check", "recipe.toml", "--plugin", "mine.py")
    assert outcome.code == 2
    golden(f"blame-{case}", outcome.err.replace(f"{tmp_path}/", ""))


def test_what_the_core_does_wrong_stays_a_bug(ddsp, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("ddspcore.builtin.losses.MultiResolutionSpectra.forward", fail)
    with pytest.raises(ZeroDivisionError):
        ddsp("check", "best_low_loss")
