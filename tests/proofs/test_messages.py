"""What a user is told where axes that no sound has do not fit."""

import re

import pytest

WRONG = """
import torch
from torch import nn

from ddspcore import Control, head, hookimpl, synth


@head("uneven")
class Uneven(nn.Module):
    '''Say where Gaussians are, and of fewer of them what colour they have.'''

    def __init__(self, width):
        super().__init__()
        self.layer = nn.Linear(width, 6)

    @staticmethod
    def provides(opt, ctx):
        return (
            Control("centre", unit="ratio", axis="gaussian", channels=2),
            Control("spread", unit="ratio", axis="gaussian", lo=0.1),
            Control("colour", axis="gaussian", channels=3),
        )

    def forward(self, hidden):
        centre, spread, colour = self.layer(hidden).exp().split([2, 1, 3], dim=-1)
        return {"centre": centre, "spread": spread + 0.1, "colour": colour[:, 1:]}


@synth("shaken")
class Shaken(nn.Module):
    '''Shake every Gaussian.'''

    @staticmethod
    def needs(opt, ctx):
        return (Control("shock", unit="noise", axis="gaussian", channels=2),)

    @staticmethod
    def provides(opt, ctx):
        return Control("painted", axis="pixel", channels=3)

    def forward(self, controls):
        return controls["shock"]


@hookimpl
def ddsp_heads():
    return [Uneven]


@hookimpl
def ddsp_synths():
    return [Shaken]
"""


@pytest.fixture
def check(ddsp, proofs, tmp_path, monkeypatch):
    """Return a function that checks the recipe of pictures with something else in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrong.py").write_text(WRONG)

    def run(**parts):
        text = (proofs / "images.toml").read_text()
        for part, uses in parts.items():
            text = re.sub(rf"^{part} .*$", f"{part} = {uses}", text, flags=re.M)
        (tmp_path / "my.toml").write_text(text)
        return ddsp("check", "my.toml", "--plugin", proofs / "images.py", "--plugin", "wrong.py")

    return run


def test_a_head_whose_controls_differ_in_length(check, golden):
    done = check(head='{ use = "uneven" }')
    assert done.code == 1
    golden("uneven-axis", done.err)


def test_noise_along_what_no_data_has(check, golden):
    done = check(synth='{ use = "shaken" }')
    assert done.code == 1
    golden("noise-without-data", done.err)
