"""`ddsp run --dry-run`: the first steps of a run, exactly, and nothing kept."""

import json
from pathlib import Path

import pytest

TOY = Path(__file__).parents[1] / "train" / "toy.py"
STAGES = """
backbone = { use = "linear" }
head = [{ use = "gaussian" }]
[data]
use = "walks"
[metric]
use = "miss"
every = 1
[[stage]]
name = "A"
steps = 3
lr = { use = "cosine", start = 1e-2, end = 1e-3 }
batch = 2
accumulate = 2
  [[stage.loss]]
  use = "nll"
[[stage]]
name = "B"
steps = 40
lr = 1e-2
freeze = ["head.gaussian"]
  [[stage.loss]]
  use = "nll"
  weight = { use = "ramp", start = 0.0, end = 1.0, after = 0, over = 4 }
"""


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("recipe.toml").write_text(STAGES)
    return tmp_path


def test_it_does_what_a_run_would_and_leaves_nothing(ddsp, desk):
    dry = ddsp("run", "recipe.toml", "--dry-run", "3", "--plugin", TOY, "--out", "dry.json")
    assert (dry.code, dry.err) == (0, "")
    assert {path.name for path in desk.iterdir()} == {"recipe.toml", "dry.json"}
    found = json.loads(Path("dry.json").read_text())
    a, b = found["stages"]
    assert [(leg["steps"], leg["planned"]) for leg in (a, b)] == [(3, 3), (3, 40)]
    assert set(found["parameters"]) == {"backbone", "head.gaussian"}
    assert b["trained"] < a["trained"] == sum(found["parameters"].values())
    assert a["lr"] == [pytest.approx(1e-2), pytest.approx(1e-3)]
    assert b["losses"]["loss"][0] == 0.0  # the ramp begins at nothing
    assert found["seconds_planned"] == pytest.approx((3 * a["step_ms"] + 40 * b["step_ms"]) / 1e3)

    real = ddsp("run", "recipe.toml", "--plugin", TOY, "--run-dir", "run")
    assert real.code == 0, real.err
    lines = [json.loads(line) for line in Path("run/metrics.jsonl").read_text().splitlines()]
    losses = [line["loss"] for line in lines if line["stage"] == "A" and line["kind"] == "train"]
    assert a["losses"]["loss"] == [losses[0], losses[-1]]
    metrics = [line["miss"] for line in lines if line["stage"] == "A" and line["kind"] == "metric"]
    assert a["metric"] == [metrics[0], metrics[-1]]


def test_the_table_says_what_moves(ddsp, desk):
    outcome = ddsp("run", "recipe.toml", "--dry-run", "2", "--plugin", TOY)
    lines = outcome.out.splitlines()
    assert lines[0].split()[:7] == ["stage", "steps", "of", "batch", "what", "first", "last"]
    assert lines[1].split()[:5] == ["A", "2", "3", "2", "lr"]
    assert "miss, held out" in outcome.out
    assert "; of them learn in stage B " in outcome.out.replace("\n", " ")
    assert lines[-1] == "nothing was written"


def test_a_loss_that_is_no_number_is_exit_code_3(ddsp, desk):
    outcome = ddsp(
        "run", "recipe.toml", "--dry-run", "3", "--plugin", TOY, "--set", "stage.A.lr=inf"
    )
    assert outcome.code == 1  # the recipe forbids it before anything runs
    outcome = ddsp(
        "run", "recipe.toml", "--dry-run", "40", "--plugin", TOY, "--set", "stage.A.lr=1e30"
    )
    assert outcome.code == 3
    assert outcome.err.startswith("error: stage A, step ")
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--dry-run", "0"), "Invalid value for '--dry-run'"),
        (("--out", "dry.json"), "--out goes with --dry-run"),
        (("--dry-run", "1", "--out", "no/dry.json"), "there is no folder no"),
    ],
)
def test_mistakes_are_said_in_a_line(ddsp, desk, arguments, said):
    outcome = ddsp("run", "recipe.toml", "--plugin", TOY, *arguments)
    assert outcome.code == 1
    assert said in outcome.err
    assert outcome.err.count("\n") == 1
