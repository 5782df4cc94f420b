import contextlib
import io
import json
import subprocess
from types import SimpleNamespace

import pytest

from benchmarks.steadiness import Course, course, main, one_stage, table
from ddspcore.catalog import Catalog
from ddspcore.cli import main as ddsp
from ddspcore.plugins import discover
from ddspcore.recipe.reading import read
from ddspcore.recipe.shipped import resolve_recipe
from ddspcore.recipe.structuring import structure


def test_a_rebound_counts_from_the_least_so_far_and_after_the_first_steps():
    rough = Course([(0, 4.0), (50, 8.0), (100, 2.0), (150, 2.5), (200, 1.0), (250, 1.1)], 200)
    assert rough.rebound == pytest.approx(1.25)
    assert (rough.first_best, rough.best) == (1.0, 1.0)
    steady = Course([(0, 4.0), (100, 2.0), (200, 1.0)], 100)
    assert (steady.rebound, steady.first_best, steady.best) == (1.0, 2.0, 1.0)


def test_a_course_is_read_from_a_run(tmp_path):
    lines = [
        {"kind": "metric", "stage": "A", "total_step": 0, "mss": 3.0},
        {"kind": "train", "stage": "A", "total_step": 1, "loss": 9.0},
        {"kind": "metric", "stage": "A", "total_step": 4, "mss": 2.0},
        {"kind": "metric", "stage": "B", "total_step": 6, "mss": 2.5},
    ]
    (tmp_path / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    summary = {
        "metric": {"name": "mss"},
        "stages": [{"name": "A", "steps": 4}, {"name": "B", "steps": 2}],
    }
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    assert course(tmp_path) == Course([(0, 3.0), (4, 2.0), (6, 2.5)], 4)
    assert course(tmp_path, first_only=True) == Course([(0, 3.0), (4, 2.0)], 4)


def test_one_stage_has_all_steps_but_one_for_each_other():
    recipe = resolve_recipe("best_low_loss")
    catalog = Catalog(discover())
    written = structure(read(recipe), catalog).stages
    sets = one_stage(written)
    first, *others = structure(read(recipe, sets), catalog).stages
    assert [stage.steps for stage in others] == [1, 1]
    assert first.steps + 2 == sum(stage.steps for stage in written)
    assert first.lr.value(0, first.steps) == pytest.approx(4e-3)
    end = written[-1].lr.value(written[-1].steps - 1, written[-1].steps)
    assert first.lr.value(first.steps, first.steps) == pytest.approx(end)


def test_the_table_has_medians_over_seeds_and_the_worst_rebound():
    runs = [Course([(0, 4.0), (100, low), (200, 0.5 * low)], 100) for low in (2.0, 1.0, 3.0)]
    ones = [Course([(0, 4.0), (100, 1.0), (200, 1.2)], 200)] * 3
    lines = table({("violin", "as written"): runs, ("violin", "one"): ones}).splitlines()
    assert lines[2] == "| violin | as written | 1 | 2 | 1.000 | 1.000 |"
    assert lines[3] == "| violin | one | 1 | 1 | 1.200 | 1.000 |"


def in_this_process(command, **_):
    """Stand in for `subprocess.run`: to import everything anew takes most of a run of few steps."""
    with contextlib.redirect_stdout(io.StringIO()):
        return subprocess.CompletedProcess(command, ddsp(command[3:]))


@pytest.mark.slow
def test_the_command_trains_both_kinds(tmp_path, capsys, monkeypatch):
    here = SimpleNamespace(run=in_this_process, DEVNULL=None)
    monkeypatch.setattr("benchmarks.steadiness.subprocess", here)
    monkeypatch.setenv("DDSP_CACHE", str(tmp_path / "cache"))
    clip = resolve_recipe("best_low_loss").parent / "audio" / "violin" / "violin.flac"
    steps = (f"--set=stage.{stage}.steps=2" for stage in "ABC")
    words = ["--recipe", "probe_dry", "--seeds", "1", "--every", "1", "--out", str(tmp_path)]
    assert main([str(clip), *words, *steps]) == 0
    told = capsys.readouterr().out
    assert "| violin | as written |" in told
    assert "| violin | one |" in told
