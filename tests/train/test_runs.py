"""Whole runs of a model without audio: repeated, killed, continued, edited, poisoned."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from ddspcore.cli import main
from ddspcore.train.checkpoint import load_tensors

TOY = Path(__file__).with_name("toy.py")
RECIPE = """
seed = 3
backbone = { use = "linear" }
head = { use = "gaussian" }
[data]
use = "walks"
[metric]
use = "miss"
every = 5
[[evaluator]]
use = "miss"
[[stage]]
name = "A"
steps = 40
batch = 4
ema = 0.9
lr = { use = "exponential", start = 1e-1, half_life = 20, floor = 1e-4 }
  [[stage.loss]]
  use = "nll"
  floor = { use = "linear", start = 1.0, end = 0.0 }
[[stage]]
name = "B"
steps = 30
batch = 4
clip = 1.0
lr = 1e-2
save_every = 7
  [[stage.loss]]
  use = "nll"
  [[stage.loss]]
  use = "jitter"
  weight = 0.1
"""
WALL_CLOCK = {"seconds"}


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "toy.toml"
    path.write_text(RECIPE)
    return path


def arguments(recipe, run_dir, *more):
    return ["run", str(recipe), "--run-dir", str(run_dir), "--plugin", str(TOY), *more]


def start(recipe, run_dir, *more):
    """Start the command as a process of its own, to be killed."""
    command = [sys.executable, "-m", "ddspcore.cli", *arguments(recipe, run_dir, *more)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ddsp(recipe, run_dir, *more, code=0):
    """Run the command in this process; returns what it printed."""
    output = io.StringIO()
    with redirect_stdout(output), redirect_stderr(output):
        found = main(arguments(recipe, run_dir, *more))
    assert found == code, output.getvalue()
    return output.getvalue()


def metric_lines(run_dir):
    lines = (run_dir / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(x).items() if k not in WALL_CLOCK} for x in lines]


def contents(run_dir):
    """Return everything that must repeat: every tensor file, every metric, the summary."""
    tensors = {
        str(path.relative_to(run_dir)): path.read_bytes()
        for path in sorted(run_dir.rglob("*.safetensors"))
    }
    summary = json.loads((run_dir / "summary.json").read_text())
    summary.pop("seconds")
    for stage in summary["stages"]:
        stage.pop("seconds")
    return tensors, metric_lines(run_dir), summary


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Return an uninterrupted run."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "toy.toml").write_text(RECIPE)
    ddsp(folder / "toy.toml", folder / "run")
    return folder / "run"


@pytest.fixture
def alone(finished, tmp_path):
    """Return the finished run in a folder where no other test leaves stages to reuse."""
    return shutil.copytree(finished, tmp_path / "runs" / "finished")


def test_training_helps(finished):
    summary = json.loads((finished / "summary.json").read_text())
    first = next(x for x in metric_lines(finished) if x["kind"] == "metric")
    assert summary["metric"]["value"] < 0.7 * first["miss"]
    assert summary["metric"]["split"] == "val"
    assert [stage["name"] for stage in summary["stages"]] == ["A", "B"]
    assert (finished / summary["best_checkpoint"]).is_file()
    assert summary["seconds"] > 0


def test_a_stage_starts_from_the_best_of_the_one_before(finished):
    lines = [x for x in metric_lines(finished) if x["kind"] == "metric"]
    best_of_a = min(x["miss"] for x in lines if x["stage"] == "A")
    assert next(x for x in lines if x["stage"] == "B")["miss"] == best_of_a


def test_the_same_command_repeats_every_number(recipe, finished, tmp_path):
    ddsp(recipe, tmp_path / "again")
    assert contents(tmp_path / "again") == contents(finished)


def test_a_repeat_beside_a_finished_run_trains_again(recipe, alone):
    output = ddsp(recipe, alone.parent / "beside")
    assert "already trained" not in output
    assert contents(alone.parent / "beside") == contents(alone)


def test_resolved_toml_repeats_the_run(finished, tmp_path):
    ddsp(finished / "resolved.toml", tmp_path / "again")
    tensors, metrics, _ = contents(tmp_path / "again")
    assert (tensors, metrics) == contents(finished)[:2]


@pytest.mark.slow
@pytest.mark.parametrize("kill_at", [("A", 5), ("A", 40), ("B", 5), ("B", 20)])
def test_a_killed_run_continues_bit_for_bit(recipe, finished, tmp_path, kill_at):
    """SIGKILL when a line of the given stage and step is on disk, whatever is being written."""
    run_dir = tmp_path / "killed"
    process = start(recipe, run_dir)
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if reached(run_dir, *kill_at):
            process.kill()
            break
        time.sleep(0.001)
    process.communicate()
    output = ddsp(recipe, run_dir)
    if process.returncode != 0:
        assert "continuing the unfinished run" in output
    assert contents(run_dir) == contents(finished)


def reached(run_dir, stage, step):
    try:
        text = (run_dir / "metrics.jsonl").read_text()
    except OSError:
        return False
    lines = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
    return any(line["stage"] == stage and line["step"] >= step for line in lines)


@pytest.mark.slow
def test_ctrl_c_saves_and_exits_130(recipe, finished, tmp_path):
    run_dir = tmp_path / "interrupted"
    process = start(recipe, run_dir, "--set", "stage.A.steps=100000")
    while not reached(run_dir, "A", 10):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in errors
    status = json.loads((run_dir / "status.json").read_text())
    assert status["state"] == "interrupted"
    state = json.loads((run_dir / "A" / "state.json").read_text())
    assert state["step"] >= 10


def test_a_log_that_lost_its_end_is_not_filled_up(recipe, tmp_path):
    """Logs are not flushed to disk: after a power cut they may be shorter than at the last save."""
    ddsp(recipe, tmp_path / "run")
    (tmp_path / "run" / "metrics.jsonl").write_bytes(b"")
    status = tmp_path / "run" / "status.json"
    status.write_text(status.read_text().replace("finished", "running"))
    assert "continuing" in ddsp(recipe, tmp_path / "run")
    assert b"\0" not in (tmp_path / "run" / "metrics.jsonl").read_bytes()


def test_a_finished_run_dir_says_so(recipe, finished):
    assert "this very run is finished already" in ddsp(recipe, finished)


def test_editing_the_last_stage_trains_only_that(recipe, alone):
    before = (alone / "A" / "best.safetensors").read_bytes()
    edited = alone.parent / "edited"
    output = ddsp(recipe, edited, "--set", "stage.B.steps=10")
    assert "stage A: already trained in" in output
    assert (edited / "A" / "best.safetensors").read_bytes() == before
    summary = json.loads((edited / "summary.json").read_text())
    assert [stage["steps"] for stage in summary["stages"]] == [40, 10]
    assert [x["stage"] for x in metric_lines(edited)].count("A") == 17


@pytest.mark.parametrize(
    "harm",
    [
        lambda stage: (stage / "best.safetensors").unlink(),
        lambda stage: (stage / "state.json").write_text("{"),
        lambda stage: (stage / "state.json").write_text('{"step": 1}'),
        lambda stage: (stage.parent / "metrics.jsonl").unlink(),
    ],
)
def test_a_damaged_neighbour_is_not_reused(recipe, alone, harm):
    harm(alone / "A")
    output = ddsp(recipe, alone.parent / "edited", "--set", "stage.B.steps=1")
    assert "already trained" not in output


def test_other_weights_to_start_from_are_another_run(recipe, finished, tmp_path):
    start = tmp_path / "start.safetensors"
    start.write_bytes((finished / "A" / "best.safetensors").read_bytes())
    sets = ("--set", f"stage.A.init={json.dumps(str(start))}", "--set", "stage.A.steps=5")
    ddsp(recipe, tmp_path / "run", *sets)
    assert "this very run" in ddsp(recipe, tmp_path / "run", *sets)
    start.write_bytes((finished / "B" / "best.safetensors").read_bytes())
    assert "holds another run" in ddsp(recipe, tmp_path / "run", *sets, code=1)
    start.unlink()
    output = ddsp(recipe, tmp_path / "missing", *sets, code=1)
    assert "start.safetensors: cannot be read: No such file" in output
    assert not (tmp_path / "missing").exists()


def test_patience_ends_a_stage(recipe, tmp_path):
    sets = ("--set", "stage.A.lr=0.0", "--set", "stage.A.patience=3")
    ddsp(recipe, tmp_path / "run", *sets)
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["stages"][0]["steps"] == 15
    assert summary["stages"][0]["best_step"] == 0


def test_a_loss_that_is_not_finite_stops_with_exit_code_3(recipe, tmp_path):
    sets = ("--set", "stage.A.lr=1e30", "--set", "stage.A.ema=0.99")
    output = ddsp(recipe, tmp_path / "run", *sets, code=3)
    assert "is no finite number; the last good checkpoint is" in output
    assert "Traceback" not in output
    status = json.loads((tmp_path / "run" / "status.json").read_text())
    assert status["state"] == "stopped"


def test_bad_data_is_found_on_the_first_batch(recipe, tmp_path):
    output = ddsp(recipe, tmp_path / "run", "--set", "data.poison=true", code=1)
    assert (
        "the first batch breaks what is declared: source walks provides next[B,N,2] linear, "
        "but it holds values that are not finite"
    ) in output


def test_nothing_held_out_is_measured_where_trained(recipe, tmp_path):
    output = ddsp(recipe, tmp_path / "run", "--set", "data.held_out=0")
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["metric"]["split"] == "train"
    assert list(summary["evaluation"]) == ["train"]
    assert "Nothing is held out" in output


def test_freezing_what_does_not_exist(recipe, tmp_path):
    output = ddsp(recipe, tmp_path / "run", "--set", 'stage.A.freeze=["head.noise"]', code=1)
    assert "stage A: freeze names no part of the model: head.noise" in output


def test_freezing_keeps_weights(recipe, tmp_path):
    ddsp(recipe, tmp_path / "run", "--set", 'stage.B.freeze=["backbone"]')
    best = load_tensors(tmp_path / "run" / "A" / "best.safetensors")
    last = load_tensors(tmp_path / "run" / "B" / "last.safetensors")
    same = {name for name in best if best[name].equal(last[name])}
    assert same == {name for name in best if name.startswith("backbone.")}


def test_an_unavailable_device(recipe, tmp_path):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    output = ddsp(recipe, tmp_path / "run", "--device", "cuda", code=1)
    assert 'the device "cuda" is not available here; available: cpu' in output
    assert not os.path.exists(tmp_path / "run")
