"""When each hook is called, in the order of one whole run."""

from itertools import groupby
from pathlib import Path

import pytest

TOY = Path(__file__).with_name("toy.py")
RECIPE = """
title = "Two stages"
backbone = { use = "linear" }
head = { use = "gaussian" }
[data]
use = "walks"
[metric]
use = "miss"
every = 2
"""
STAGE = """
[[stage]]
name = "{0}"
steps = 4
batch = 4
lr = 1e-2
  [[stage.loss]]
  use = "nll"
"""
DIARY = """
from pathlib import Path
from ddspcore import hookimpl

def note(line):
    with Path(__file__).with_name("diary").open("a") as diary:
        diary.write(line + "\\n")

@hookimpl
def ddsp_backbones():
    note("ddsp_backbones")
    return []

@hookimpl
def ddsp_run_start(run):
    note(f"ddsp_run_start {run.title} {run.stages}")

@hookimpl
def ddsp_log(record):
    note(f"ddsp_log {record.stage}")

@hookimpl
def ddsp_stage_end(run, stage):
    assert (stage.folder / "best.safetensors").exists()
    note(f"ddsp_stage_end {stage.name} {stage.steps} {stage.metric}")

@hookimpl
def ddsp_run_end(run, summary):
    note(f"ddsp_run_end {'seconds' in summary}")
"""


@pytest.fixture
def diary(tmp_path, ddsp):
    """Return what an observer wrote down, with lines that repeat told once."""
    (tmp_path / "diary.py").write_text(DIARY)
    (tmp_path / "recipe.toml").write_text(RECIPE + STAGE.format("A") + STAGE.format("B"))
    plugins = [word for file in (TOY, tmp_path / "diary.py") for word in ("--plugin", file)]
    place = ("--run-dir", tmp_path / "run", "--device", "cpu")
    assert ddsp("run", tmp_path / "recipe.toml", *plugins, *place).code == 0
    return [line for line, _ in groupby((tmp_path / "diary").read_text().splitlines())]


def test_every_hook_has_its_moment(diary):
    assert diary == [
        "ddsp_backbones",
        "ddsp_run_start Two stages ('A', 'B')",
        "ddsp_log A",
        "ddsp_stage_end A 4 miss",
        "ddsp_log B",
        "ddsp_stage_end B 4 miss",
        "ddsp_run_end False",
    ]
