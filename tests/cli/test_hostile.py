"""Six hostile packages are installed at once: every command works, and says who is what."""

import importlib
import json
from pathlib import Path

import click
import pytest

from ddspcore.cli import COMMANDS

# A loss of each: the one that a user would have wanted.
GOOD = """
from torch import nn
from ddspcore import hookimpl, loss

@loss("{name}")
class Wanted(nn.Module):
    '''Compare.'''

    def forward(self, pred, target):
        return (pred - target).abs().mean()

@hookimpl
def ddsp_losses():
    return [Wanted]
"""
THIEF = """
from torch import nn
from ddspcore import hookimpl, loss

@loss("mrstft")
class BuiltIn(nn.Module):
    '''Take the name of a built-in.'''

    def forward(self, pred, target):
        return 0 * pred.mean()

@loss("mel-shape")
class Other(nn.Module):
    '''Take the name of another plugin's loss.'''

    def forward(self, pred, target):
        return 0 * pred.mean()

@hookimpl
def ddsp_losses():
    return [BuiltIn, Other]
"""
RUDE = """
print("hello from a plugin")
import torch
torch.set_default_dtype(torch.float64)
torch.set_num_threads(torch.get_num_threads() + 1)
torch.set_grad_enabled(False)
torch.manual_seed(1)
""" + GOOD.format(name="rude-shape")


@pytest.fixture
def hostile(site, tmp_path):
    """Install them beside a plugin that means well."""
    site.add("ddsp-loss-melshape", GOOD.format(name="mel-shape"))
    site.add("ddsp-loss-raiser", "raise RuntimeError('not today')\n" + GOOD)
    site.add("ddsp-loss-leaver", "raise SystemExit(3)")
    site.add("ddsp-loss-garbled", "def f(:\n")
    site.add("ddsp-loss-rude", RUDE)
    sentinel = tmp_path / "imported"
    site.add("ddsp-loss-future", f"open({str(sentinel)!r}, 'w')", group="ddspcore.v2")
    site.add("ddsp-loss-thief", THIEF, name="melshape")
    yield site
    assert not sentinel.exists()


def test_each_is_one_row_with_its_reason(ddsp, hostile, golden):
    outcome = ddsp("plugins", "list", "--block", "ddspcore")
    assert outcome.code == 0
    assert outcome.err == "hello from a plugin\n"
    golden("hostile-list", outcome.out.partition("\n")[0] + "\n" + _others(outcome.out))


def _others(table):
    """Leave core's own row out: it is long, and its version changes."""
    rows = table.splitlines(keepends=True)[1:]
    first = next(index for index, row in enumerate(rows) if row.startswith("ddsp-loss"))
    return "".join(rows[first:])


@pytest.fixture
def needing(tone_file, tmp_path, monkeypatch):
    """Return a function that writes the tiny recipe with a loss."""
    monkeypatch.chdir(tone_file.parent)

    def write(use):
        text = Path("tiny.toml").read_text()
        assert 'use = "mrstft"' in text
        Path("needing.toml").write_text(text.replace('use = "mrstft"', f'use = "{use}"'))
        return "needing.toml"

    return write


@pytest.mark.parametrize(
    ("use", "code"),
    [
        ("raiser:raiser-shape", 2),
        ("leaver:shape", 2),
        ("garbled:shape", 2),
        ("future:shape", 2),
        ("raiser-shape", 1),
        ("mel-shape", 1),
        ("melshape:mel-shape", 1),
    ],
)
def test_a_recipe_that_needs_one_is_told_its_name(
    ddsp, hostile, needing, trained, golden, use, code
):
    outcome = ddsp("check", needing(use))
    assert outcome.code == code
    golden(f"hostile-{use.replace(':', '-of-')}", outcome.err.replace("hello from a plugin\n", ""))


@pytest.mark.parametrize(
    "use", ["mrstft", "ddsp-loss-melshape:mel-shape", "rude-shape", "ddsp-loss-thief:mrstft"]
)
def test_a_recipe_that_needs_none_is_as_it_was(ddsp, hostile, needing, trained, use):
    outcome = ddsp("check", needing(use))
    assert outcome.code == 0, outcome.err
    assert f"loss A.{use.rpartition(':')[2]}" in outcome.out


def test_to_block_the_thief_gives_the_other_its_name_back(ddsp, hostile, needing, trained):
    for use in ("mel-shape", "melshape:mel-shape"):
        outcome = ddsp("check", needing(use), "--block", "ddsp-loss-thief")
        assert outcome.code == 0, outcome.err


def test_a_plugin_that_names_nothing_else_is_known_by_its_package(ddsp, hostile):
    assert json.loads(ddsp("plugins", "show", "ddsp-loss-rude", "--json").out)["name"] == "rude"


def test_a_built_in_keeps_its_name_and_its_numbers(ddsp, hostile, trained, tmp_path):
    """The run that was trained in peace is repeated bit for bit among the hostile."""
    import torch

    folder = tmp_path / "again"
    outcome = ddsp("run", trained / "resolved.toml", "--run-dir", folder)
    assert outcome.code == 0, outcome.err
    assert torch.get_default_dtype() == torch.float32
    for file in ("A/best.safetensors", "A/last.safetensors"):
        assert (folder / file).read_bytes() == (trained / file).read_bytes()


WORDS = {
    "run": "{recipe} --run-dir {out}/run",
    "check": "{recipe}",
    "eval": "{run} --split val --out {out}/eval",
    "render": "{run} {sound} {out}/sound.wav",
    "report": "{run}",
    "results": "{run}",
    "probe gradients": "{run} --out {out}/probe",
    "probe controls": "{run} --out {out}/probe",
    "probe smoothing": "{run} --out {out}/probe",
    "bench": "{run} --seconds 0.1 --blocks 64",
    "data prepare": "{recipe}",
    "data inspect": "{recipe}",
    "recipes list": "",
    "recipes show": "best_low_loss",
    "recipes copy": "best_low_loss {out}/copy.toml",
    "plugins list": "",
    "plugins show": "melshape --block ddsp-loss-thief",
    "plugins doctor": "rude",
    "plugins check": "rude",
    "plugins new": "loss another --into {out}",
    "components": "loss",
    "doctor": "",
    "completion": "bash",
}


def _commands():
    for name, where in COMMANDS.items():
        module, _, attribute = where.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        if isinstance(command, click.Group):
            yield from (f"{name} {each}" for each in command.commands)
        else:
            yield name


@pytest.mark.parametrize("command", sorted(_commands()))
def test_every_command_works_among_them(ddsp, hostile, trained, tone_file, tmp_path, command):
    places = {
        "recipe": tone_file.with_name("tiny.toml"),
        "run": trained,
        "sound": tone_file,
        "out": tmp_path,
    }
    words = [word.format(**places) for word in WORDS[command].split()]
    outcome = ddsp(*command.split(), *words)
    assert outcome.code == 0, outcome.err
    assert "hello from a plugin" not in outcome.out
