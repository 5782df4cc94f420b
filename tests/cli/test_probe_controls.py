"""`ddsp probe controls` and `ddsp probe smoothing` on the checkpoints of a tiny real run."""

import json
from pathlib import Path

import pytest

from ddspcore.cli import main

PULL = """
backbone = { use = "same" }
head = { use = "pair" }
data = { use = "ones" }
metric = { use = "zero" }
[[stage]]
name = "A"
steps = 1
lr = 1e-2
loss = { use = "along" }
"""


@pytest.fixture(autouse=True)
def _wide(ddsp, monkeypatch):
    """Paths of a test's folder are long; nothing is to be wrapped."""
    monkeypatch.setenv("COLUMNS", "500")


@pytest.fixture(scope="module")
def kept(trained):
    """Return a run that keeps every step."""
    folder = trained.with_name("kept")
    recipe = trained.with_name("tiny.toml")
    sets = ("--set", "stage.A.save_every=1")
    assert main(["run", str(recipe), "--run-dir", str(folder), *sets]) == 0
    return folder


def test_the_best_is_dumped_into_the_run(ddsp, trained):
    done = ddsp("probe", "controls", trained, "--device", "cpu")
    assert (done.code, done.err) == (0, "")
    folder = trained / "probe/controls/A/step_000003"
    assert done.out.splitlines()[1].split() == ["A:best", "(step", "3)", str(folder)]
    assert (folder / "control_summary.csv").is_file()
    assert (folder / "controls.png").stat().st_size > 50_000
    assert not (trained / "probe/controls/controls_compare.png").exists()


@pytest.mark.parametrize(
    ("words", "steps"),
    [("latest3", [1, 2, 3]), ("0,2", [0, 2]), ("A:best,A:1", [3, 1]), ("all", [0, 1, 2, 3])],
)
def test_several_steps_are_compared(ddsp, kept, tmp_path, words, steps):
    options = ("--steps", words, "--item", "0", "--item", "1", "--split", "train")
    done = ddsp("probe", "controls", kept, *options, "--out", tmp_path, "--device", "cpu")
    assert (done.code, done.err) == (0, "")
    folders = [Path(line.split()[-1]) for line in done.out.splitlines()[1 : len(steps) + 1]]
    assert folders == [tmp_path / f"A/step_{step:06d}" for step in steps]
    rows = (folders[0] / "control_summary.csv").read_text().splitlines()[1:]
    assert {row.split(",")[0] for row in rows} == {"0", "1"}
    picture = tmp_path / "controls_compare.png"
    assert picture.stat().st_size > 50_000
    assert done.out.splitlines()[-1] == f"{picture} shows them side by side"


def test_weights_of_another_step_say_something_else(ddsp, kept, tmp_path):
    done = ddsp("probe", "controls", kept, "--steps", "0,3", "--out", tmp_path, "--device", "cpu")
    assert done.code == 0
    first, last = ((tmp_path / f"A/step_00000{n}/control_summary.csv").read_text() for n in (0, 3))
    assert first != last


def test_smoothing_prints_variations(ddsp, trained, tmp_path):
    done = ddsp("probe", "smoothing", trained, "--out", tmp_path, "--device", "cpu")
    assert (done.code, done.err) == (0, "")
    header, *rows = (line.split() for line in done.out.splitlines()[:5])
    assert header == ["checkpoint", "control", "variation", "smoothed", "ratio"]
    assert [row[3] for row in rows] == ["harmonic_gain", "noise_gain", "amp_sum", "harmonic_amps"]
    analysis = json.loads((tmp_path / "A/step_000003/analysis.json").read_text())
    assert float(rows[0][4]) == pytest.approx(analysis["harmonicGainRawTV"], rel=1e-3)
    assert float(rows[0][5]) == pytest.approx(analysis["harmonicGainFirTV"], rel=1e-3)
    assert (tmp_path / "A/step_000003/smoothing_analysis.png").stat().st_size > 30_000


def test_both_are_evaluators_of_a_recipe(ddsp, trained, tmp_path):
    recipe = trained.with_name("tiny.toml")
    sets = ("--set", 'evaluator=[{ use = "controls", at = 0.1 }, { use = "smoothing" }]')
    assert ddsp("run", recipe, "--run-dir", tmp_path / "run", *sets).code == 0
    assert (tmp_path / "run/A/val/controls/controls.png").is_file()
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert "fir-variation/noise_gain" in summary["evaluation"]["train"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no-such-step", ("--steps", "A:2")),
        ("no-such-item", ("--item", "99", "--split", "train")),
        ("at-beyond-the-end", ("--at", "3600")),
        ("at-nowhere", ("--at", "nan")),
        ("controls-no-run", ()),
    ],
)
def test_what_is_not_there_is_said(ddsp, trained, monkeypatch, golden, name, words):
    monkeypatch.chdir(trained)
    target = ".." if name.endswith("no-run") else "."
    done = ddsp("probe", "controls", target, *words, "--device", "cpu")
    assert (done.code, done.out) == (1, "")
    golden(f"probe-{name}", done.err)


def test_controls_of_a_model_without_sound(ddsp, tmp_path, golden):
    recipe = tmp_path / "pull.toml"
    recipe.write_text(PULL)
    plugin = ("--plugin", Path(__file__).parents[1] / "probing/toy_pull.py")
    assert ddsp("run", recipe, "--run-dir", tmp_path / "run", *plugin).code == 0
    done = ddsp("probe", "controls", tmp_path / "run", *plugin)
    assert (done.code, done.out) == (1, "")
    golden("probe-controls-without-sound", done.err)
