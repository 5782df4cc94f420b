"""`ddsp components`: names as a recipe writes them, options with type, range and help."""

import json
from textwrap import dedent

PLUGIN = """
from pathlib import Path
from typing import Literal
import attrs
from torch import nn
from ddspcore import hookimpl, loss, option

@loss("mel-shape")
class MelShape(nn.Module):
    '''Compare shapes.'''

    @attrs.frozen
    class Options:
        bands: int = option(64, ge=8, le=512, help="mel bands")
        window: float = option(0.064, gt=0, unit="s", help="length of a window")
        gain: float = option(1.0, help="factor", scheduled=True)
        mode: Literal["soft", "hard"] = option("soft", help="how to clip")
        table: Path | None = option(None, help="file of weights")
        steps: tuple[int, ...] = option(help="when")

    def forward(self, pred):
        return pred.mean()

@hookimpl
def ddsp_losses():
    return [MelShape]
"""


def test_a_kind_is_listed_with_its_options(ddsp, site):
    site.add("ddsp-loss-outline", PLUGIN)
    outcome = ddsp("components", "loss", "--block", "core")
    assert outcome.out == dedent("""\
        mel-shape: Compare shapes.
            bands = 64
                mel bands (an integer, >= 8, <= 512)
            window = 0.064
                length of a window (a number, > 0, in s)
            gain = 1.0
                factor (a number or a schedule)
            mode = "soft"
                how to clip (one of "soft", "hard")
            table = ... (unset by default)
                file of weights (a path)
            steps = ... (required)
                when (an array of integers)

        """)


def test_programs_get_every_option(ddsp, site):
    site.add("ddsp-loss-outline", PLUGIN)
    (row,) = json.loads(ddsp("components", "loss", "--json", "--block", "core").out)
    assert (row["kind"], row["name"], row["qualified"], row["doc"]) == (
        "loss",
        "mel-shape",
        "outline:mel-shape",
        "Compare shapes.",
    )
    assert row["options"][0] == {
        "name": "bands",
        "type": "an integer",
        "required": False,
        "default": 64,
        "range": ">= 8, <= 512",
        "unit": None,
        "scheduled": False,
        "help": "mel bands",
    }
    assert row["options"][-1]["required"] is True


def test_without_a_kind_every_component_has_a_line(ddsp):
    outcome = ddsp("components")
    assert outcome.code == 0
    assert "\nschedule   constant " in outcome.out


def test_an_unknown_kind_is_a_usage_problem(ddsp):
    assert ddsp("components", "losses").code == 1


def test_an_empty_kind_says_so(ddsp):
    assert ddsp("components", "exporter").out == "no exporter is installed\n"
