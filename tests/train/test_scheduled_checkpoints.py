"""What a checkpoint is evaluated with: the weights, and what was scheduled when they were kept."""

import json
from pathlib import Path

import pytest

from ddspcore.cli import main

RECIPE = """
backbone = { use = "linear" }
head = { use = "gaussian", reach = { use = "linear", start = 2.0, end = 5.0 } }
data = { use = "walks" }
metric = { use = "reach", every = 10 }
evaluator = { use = "reach" }
[[stage]]
name = "A"
steps = 20
lr = 1e-2
save_every = 10
loss = { use = "nll" }
"""
TOY = Path(__file__).with_name("toy.py")
PLUGIN = """
from ddspcore import Metric, evaluator, hookimpl

@evaluator("reach")
class Reach:
    '''The scheduled reach of the head.'''

    @staticmethod
    def metrics(opt, ctx):
        return (Metric("reach", "", "higher", "reach of the head"),)

    def __call__(self, pipeline, batches, out_dir):
        return {"reach": float(pipeline.head["gaussian"].reach)}

@hookimpl
def ddsp_evaluators():
    return [Reach]
"""


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    plugin = tmp_path_factory.mktemp("plugin") / "reach.py"
    plugin.write_text(PLUGIN)
    return ("--plugin", str(TOY), "--plugin", str(plugin))


@pytest.fixture(scope="module")
def run(tmp_path_factory, options):
    """Return a run whose last weights are the best: the reach rises from 2 to 5 in 20 steps."""
    folder = tmp_path_factory.mktemp("scheduled")
    (folder / "toy.toml").write_text(RECIPE)
    arguments = ["run", str(folder / "toy.toml"), "--run-dir", str(folder / "run")]
    assert main([*arguments, *options]) == 0
    return folder / "run"


def test_the_summary_and_the_metric_agree(run):
    summary = json.loads((run / "summary.json").read_text())
    assert summary["metric"]["value"] == pytest.approx(summary["evaluation"]["val"]["reach"])
    assert summary["metric"]["value"] > 4.0


@pytest.mark.parametrize("name", ["best", "step-00000000", "step-00000010", "step-00000020"])
def test_a_checkpoint_is_evaluated_as_it_was_trained(ddsp, run, options, name):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    measured = {line["step"]: line["reach"] for line in lines if line["kind"] == "metric"}
    step = 20 if name == "best" else int(name.removeprefix("step-"))
    file = run / "A" / f"{name}.safetensors"
    done = ddsp("eval", run, "--checkpoint", file, "--json", "--device", "cpu", *options)
    assert done.code == 0, done.err
    found = json.loads(done.out)["evaluation"]["val"]["reach"]
    assert found == pytest.approx(measured[step])
