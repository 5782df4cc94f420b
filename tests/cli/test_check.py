"""`ddsp check`: the wiring it prints, and every gate's message with its place."""

from pathlib import Path

import pytest

RECIPES = Path(__file__).parents[2] / "recipes"
WHOLE = """
feature  = [{ use = "f0" }, { use = "loudness" }]
backbone = { use = "transformer" }
head     = [{ use = "harmonic" }, { use = "noise" }]
synth    = [{ use = "harmonic" }, { use = "noise" }]
[audio]
sample_rate = 16_000
[data]
use  = "wav-folder"
root = "audio"
[metric]
use = "mss"
[[stage]]
name  = "A"
steps = 5
lr    = 1e-3
  [[stage.loss]]
  use = "mrstft"
"""
BOUND = 'synth    = [{ use = "harmonic" }'
LIAR = """
import torch
from ddspcore import Control, head, hookimpl

@head("liar")
class Liar(torch.nn.Module):
    '''Promises one channel and returns two.'''

    def __init__(self, opt, ctx, width):
        super().__init__()
        self.layer = torch.nn.Linear(width, 2)

    @staticmethod
    def provides(opt, ctx):
        return (Control("mood", axis="frame", lo=0, hi=1),)

    def forward(self, hidden):
        return {"mood": self.layer(hidden)}

@hookimpl
def ddsp_heads():
    return [Liar]
"""


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    """Write a recipe with one place changed; checks run in its folder, so that paths are short."""
    monkeypatch.chdir(tmp_path)

    def write(old="", new=""):
        assert old in WHOLE
        (tmp_path / "my.toml").write_text(WHOLE.replace(old, new, 1))
        return "my.toml"

    return write


def test_the_wiring_of_the_main_recipe(ddsp, golden):
    done = ddsp("check", RECIPES / "best_low_loss.toml")
    assert done.code == 0, done.err
    golden("check-best-low-loss", done.out)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("nothing-provides", ('head     = [{ use = "harmonic" }, ', "head     = [ ")),
        ("no-audio", ("[audio]\nsample_rate = 16_000\n", "")),
        (
            "first-synth-replaces",
            ('synth    = [{ use = "harmonic" }', 'synth    = [{ use = "reverb" }'),
        ),
        (
            "bind-to-another-unit",
            (BOUND, BOUND.replace(" }", ', bind = { f0_hz = "loudness_db" } }', 1)),
        ),
        ("no-such-input", ('"transformer" }', '"transformer", inputs = ["f0_herz"] }')),
    ],
)
def test_controls_that_do_not_fit(ddsp, golden, recipe, name, change):
    done = ddsp("check", recipe(*change))
    assert done.code == 1
    assert done.out == ""
    golden(f"check-{name}", done.err)


@pytest.mark.parametrize(
    ("line", "problems"),
    [
        (
            'backbone = { use = "transformer" }\n',
            [
                "my.toml:3:21: head harmonic needs a backbone, but the recipe has none",
                "my.toml:3:43: head noise needs a backbone, but the recipe has none",
            ],
        ),
        (
            'synth    = [{ use = "harmonic" }, { use = "noise" }]\n',
            [
                "my.toml:17:9: loss A.mrstft compares what is predicted with what should be, "
                "but the recipe has no synth"
            ],
        ),
    ],
)
def test_a_part_that_others_need_is_missing(ddsp, recipe, line, problems):
    done = ddsp("check", recipe(line))
    assert (done.code, done.err.splitlines()) == (1, problems)


def test_options_that_contradict_each_other(ddsp, golden, recipe):
    heads = '{ use = "harmonic-softmax", min_db = -20.0 }, { use = "noise" }'
    synths = (
        'synth    = [{ use = "harmonic", smoothing = [1, 2] }, { use = "noise", smoothing = [0] }'
    )
    losses = """
  use = "noise-dominance"
  ratio = -1.0
  [[stage.loss]]
  use = "mrstft"
  distance = "L1"
"""
    path = recipe('{ use = "harmonic" }, { use = "noise" }', heads)
    text = (
        Path(path)
        .read_text()
        .replace('synth    = [{ use = "harmonic" }, { use = "noise" }', synths)
    )
    Path(path).write_text(text.replace('  use = "mrstft"\n', losses.lstrip("\n")))
    done = ddsp("check", path)
    assert done.code == 1
    golden("check-options-at-odds", done.err)


def test_a_loss_on_harmonics_needs_some(ddsp, golden, recipe):
    path = recipe('use = "mrstft"', 'use = "harmonic-entropy"')
    heads = 'head     = [{ use = "harmonic" }, { use = "noise" }]'
    synths = 'synth    = [{ use = "harmonic" }, { use = "noise" }]'
    text = Path(path).read_text().replace(heads, 'head     = { use = "noise" }')
    Path(path).write_text(text.replace(synths, 'synth    = { use = "noise" }'))
    done = ddsp("check", path)
    assert done.code == 1
    golden("check-loss-without-harmonics", done.err)


def test_an_evaluator_of_what_is_known_needs_a_source_that_knows(ddsp, golden, recipe):
    recipe('use = "mss"', 'use = "noise-error"')
    done = ddsp("check", "my.toml")
    assert done.code == 1
    golden("check-nothing-known", done.err)


def test_a_head_that_returns_other_shapes_than_it_declares(ddsp, golden, recipe, tmp_path):
    (tmp_path / "liar.py").write_text(LIAR)
    path = recipe('{ use = "noise" }]\nsynth', '{ use = "noise" }, { use = "liar" }]\nsynth')
    done = ddsp("check", path, "--plugin", "liar.py")
    assert done.code == 1
    golden("check-liar", done.err)


def test_a_broken_plugin_that_a_recipe_names_is_a_plugin_problem(ddsp, golden, recipe, tmp_path):
    (tmp_path / "broken.py").write_text("import nothing_of_this_name\n")
    path = recipe('use = "mrstft"', 'use = "broken:shape"')
    done = ddsp("check", path, "--plugin", "broken.py")
    assert done.code == 2
    golden("check-broken-plugin", done.err.replace(str(tmp_path), "."))


def test_a_stage_whose_losses_are_all_switched_off_is_refused(ddsp, golden, recipe):
    done = ddsp("check", recipe('use = "mrstft"', 'use = "mrstft"\n  weight = 0'))
    assert done.code == 1
    golden("check-nothing-learnt", done.err)


def test_a_broken_plugin_may_provide_an_unknown_name(ddsp, golden, recipe, tmp_path):
    (tmp_path / "broken.py").write_text("import nothing_of_this_name\n")
    done = ddsp("check", recipe('use = "mrstft"', 'use = "shape"'), "--plugin", "broken.py")
    assert done.code == 1
    golden("check-unknown-beside-broken", done.err.replace(str(tmp_path), "."))


def test_five_mistakes_are_five_located_problems(ddsp, golden, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (
        WHOLE.replace('"transformer"', '"transfomer"')
        .replace("sample_rate = 16_000", "sample_rat = 16_000")
        .replace("steps = 5", 'steps = "5"')
        .replace(
            '{ use = "harmonic" }, { use = "noise" }]\nsynth',
            '{ use = "harmonic", partials = 0 }]\nsynth',
        )
        + '[[stage]]\nname = "B"\ninit = "AA:best"\nsteps = 1\nlr = 1e-3\n'
        + '  [[stage.loss]]\n  use = "mrstft"\n'
    )
    (tmp_path / "my.toml").write_text(text)
    done = ddsp("run", "my.toml")
    assert done.code == 1
    assert len(done.err.splitlines()) == 5
    assert not (tmp_path / "runs").exists()
    golden("check-five-mistakes", done.err)
