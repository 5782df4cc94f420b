import json

import pytest

from ddspcore.cli import main
from ddspcore.errors import UserError
from ddspcore.train.checkpoint import load_tensors
from ddspcore.train.snapshots import find_snapshots, select

STAGES = ("A", "B")
KEPT = {"A": {"step-00000000": 0, "step-00000100": 100, "best": 120, "last": 150}, "B": {}}
KEPT["B"] = {"step-00000100": 100, "best": 100, "last": 130}


@pytest.fixture
def run(tmp_path):
    """Return a folder with the files of two stages, the second of which is the better one."""
    for stage, files in KEPT.items():
        (tmp_path / stage).mkdir()
        for name in files:
            (tmp_path / stage / f"{name}.safetensors").touch()
        (tmp_path / stage / "state-00000150.safetensors").touch()
        state = {"best_step": files["best"], "step": files["last"]}
        (tmp_path / stage / "state.json").write_text(json.dumps(state))
    status = {"state": "finished", "best_checkpoint": "B/best.safetensors"}
    (tmp_path / "status.json").write_text(json.dumps(status))
    return tmp_path


def test_they_are_listed_in_the_order_of_training(run):
    found = find_snapshots(run, STAGES)
    assert [each.name for each in found] == [
        *("A:0", "A:100", "A:best", "A:last"),
        *("B:100", "B:best", "B:last"),
    ]
    assert [each.step for each in found] == [0, 100, 120, 150, 100, 100, 130]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("best", ["B:best"]),
        ("latest", ["B:last"]),
        ("latest3", ["A:last", "B:best", "B:last"]),
        ("latest99", ["A:0", "A:100", "A:best", "A:last", "B:best", "B:last"]),
        ("all", ["A:0", "A:100", "A:best", "A:last", "B:best", "B:last"]),
        ("B:last, A:best", ["B:last", "A:best"]),
        ("0,A:100,B:100", ["A:0", "A:100", "B:100"]),
        ("A:best,A:best", ["A:best"]),
    ],
)
def test_words_mean_checkpoints(run, words, names):
    assert [each.name for each in select(find_snapshots(run, STAGES), words, run)] == names


@pytest.mark.parametrize("words", ["A:300", "100", "last", "C:best", ""])
def test_what_words_do_not_mean(run, words, golden):
    with pytest.raises(UserError) as refused:
        select(find_snapshots(run, STAGES), words, run)
    name = words.replace(":", "-") or "nothing"
    golden(f"snapshots-{name}", str(refused.value).replace(str(run), "RUN") + "\n")


def test_a_run_without_a_checkpoint(tmp_path):
    (tmp_path / "status.json").write_text('{"state": "failed"}')
    with pytest.raises(UserError, match=r"has no checkpoint yet \(its state is failed\)"):
        find_snapshots(tmp_path, STAGES)


def test_save_every_keeps_what_was_trained(tmp_path, recipe_text):
    from pathlib import Path

    recipe = tmp_path / "toy.toml"
    recipe.write_text(recipe_text.replace("ema = 0.9", "save_every = 8"))
    plugin = Path(__file__).with_name("toy.py")
    folder = tmp_path / "run"
    assert main(["run", str(recipe), "--run-dir", str(folder), "--plugin", str(plugin)]) == 0
    steps = [each.step for each in find_snapshots(folder, ["A"]) if each.which.isdigit()]
    assert steps == [0, 8, 16]
    first, last = (load_tensors(folder / "A" / f"step-{n:08d}.safetensors") for n in (0, 16))
    assert any((first[name] != last[name]).any() for name in first)
