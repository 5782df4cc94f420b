"""Evaluators that watch over the training: their numbers in the log, their warnings said once."""

import json
from pathlib import Path

import pytest

from ddspcore.cli import main

TOY = Path(__file__).with_name("toy.py")
WATCHER = '''
from ddspcore import Metric, evaluator, hookimpl


@evaluator("drift")
class Drift:
    """How far predictions lie from zero."""

    @staticmethod
    def metrics(opt, ctx):
        return (Metric("drift", "", "lower", "distance from zero", lo=0.0),)

    def __call__(self, pipeline, batches, out_dir):
        values = [pipeline(batch).controls["guess"].abs().mean().item() for batch in batches]
        return {"drift": sum(values) / len(values)}

    def warnings(self, values):
        yield f"it drifts by {values['drift']:.3f}"


@hookimpl
def ddsp_evaluators():
    return [Drift]
'''
RECIPE = """
device = "cpu"
backbone = { use = "linear" }
head = { use = "gaussian" }
evaluator = { use = "drift", watch = true }
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
"""


@pytest.fixture
def run(tmp_path, capsys):
    (tmp_path / "watcher.py").write_text(WATCHER)
    (tmp_path / "toy.toml").write_text(RECIPE)

    def command(*more):
        plugins = ["--plugin", str(TOY), "--plugin", str(tmp_path / "watcher.py")]
        folder = tmp_path / "run"
        arguments = ["run", str(tmp_path / "toy.toml"), "--run-dir", str(folder), *plugins, *more]
        assert main(arguments) == 0
        lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
        summary = json.loads((folder / "summary.json").read_text())
        return list(lines), capsys.readouterr().out, summary

    return command


def test_numbers_stand_beside_the_metric(run):
    lines, _, _ = run()
    measured = [line for line in lines if line["kind"] == "metric"]
    assert [line["step"] for line in measured] == [0, 10, 20, 30, 40]
    assert all(line["drift"] >= 0 for line in measured)


def test_a_warning_is_said_once_a_stage_and_at_the_end(run):
    _, shown, summary = run()
    while_training, at_the_end = shown.split("A     40/40")
    assert while_training.count("warning: it drifts by") == 1
    assert while_training.index("A     10/40") > while_training.index("warning: it drifts")
    assert while_training.index("A      0/40") < while_training.index("warning: it drifts")
    assert "warning: it drifts by" in at_the_end
    assert summary["warnings"] == [f"it drifts by {summary['evaluation']['val']['drift']:.3f}"]


def test_who_does_not_watch_is_asked_at_the_end_alone(run):
    lines, shown, summary = run("--set", "evaluator.drift.watch=false")
    assert not any("drift" in line for line in lines)
    assert shown.count("warning: it drifts by") == 1
    assert len(summary["warnings"]) == 1


def test_who_warns_says_nothing_else(run):
    _, shown, summary = run()
    assert "distance from zero" not in shown
    assert summary["scores"]["drift"]["label"] == "distance from zero"
