"""A run with gates: finished whatever they say, and its exit code tells."""

import json
import re
from pathlib import Path

import pytest

from ddspcore.cli import main

TOY = Path(__file__).with_name("toy.py")
RECIPE = """
device = "cpu"
backbone = { use = "linear" }
head = { use = "gaussian" }
evaluator = { use = "miss" }
[data]
use = "walks"
[metric]
use = "miss"
every = 10
[[stage]]
name = "A"
steps = 40
batch = 4
lr = 1e-1
  [[stage.loss]]
  use = "nll"
[[gate]]
metric  = "miss"
at_most = 1e9
"""


@pytest.fixture
def run(tmp_path, capsys):
    recipe = tmp_path / "toy.toml"
    recipe.write_text(RECIPE)

    def command(*more):
        arguments = ["--run-dir", str(tmp_path / "run"), "--plugin", str(TOY), *more]
        code = main(["run", str(recipe), *arguments])
        printed = capsys.readouterr()
        shown = (printed.out + printed.err).replace(str(tmp_path), "FOLDER")
        return code, shown, json.loads((tmp_path / "run" / "summary.json").read_text())

    return command


def test_a_gate_is_passed(run):
    code, shown, summary = run()
    assert code == 0
    assert "gate passed: miss" in shown
    assert [gate["passed"] for gate in summary["gates"]] == [True]
    assert 0 < summary["course"]["fall"] < 1
    assert summary["course"]["rebound"] > 0


def test_every_key_of_the_summary_is_documented(run):
    page = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text()
    table = page.partition("| key | holds |")[2].partition("\n\n")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`(\w+)`", " ".join(cells))) == set(run()[2])


def test_a_missed_gate_is_exit_code_4_and_takes_nothing_away(run, tmp_path):
    code, shown, summary = run("--set", "gate.miss.at_most=1e-9")
    assert code == 4
    assert "error: the run is finished and saved, but gate missed: miss" in shown
    assert "wanted at most 1e-09" in shown
    assert [gate["passed"] for gate in summary["gates"]] == [False]
    assert json.loads((tmp_path / "run" / "status.json").read_text())["state"] == "finished"


def test_another_limit_finds_the_run_finished_and_judges_it_anew(run):
    assert run()[0] == 0
    code, shown, _ = run("--set", "gate.miss.at_most=1e-9")
    assert code == 4
    assert "this very run is finished already" in shown
