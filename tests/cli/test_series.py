"""`ddsp run` of several: one table at the end, whatever happened on the way."""

import csv
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

TOY = Path(__file__).parents[1] / "train" / "toy.py"
RECIPE = """
device = "cpu"
backbone = { use = "linear" }
head = { use = "gaussian" }
evaluator = { use = "miss" }
[data]
use = "walks"
[metric]
use = "miss"
every = 5
[[stage]]
name = "A"
steps = 5
batch = 4
lr = 1e-1
  [[stage.loss]]
  use = "nll"
"""
GATES = """
[[gate]]
metric = "miss"
at_most = 1e9
[[gate]]
metric = "miss"
at_most = 1e9
over = "median"
[each]
seed = [1, 2]
"""


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("toy.toml").write_text(RECIPE + GATES)
    return tmp_path


@pytest.fixture
def run(ddsp, desk):
    return lambda what="toy.toml", *more: ddsp("run", what, "--plugin", TOY, *more)


def steady(text: str) -> str:
    """Replace what differs from run to run."""
    return re.sub(r"\d\.\d+", "NUMBER", text)


def state_of(folder: Path) -> dict:
    return json.loads((folder / "status.json").read_text())


def table(text: str) -> str:
    """Return the printed table, from its header on."""
    return steady(text[text.index("recipe  ") :])


def test_all_run_and_one_table_is_printed(run, golden):
    done = run()
    assert done.code == 0, done.err
    folders = [path for path in Path("runs").iterdir() if path.is_dir()]
    members = {json.loads((path / "summary.json").read_text())["member"] for path in folders}
    assert members == {"1", "2"}
    assert len(folders) == 2
    assert all(path.name.split("_")[2].startswith("toy-") for path in folders)
    golden("series-passed", table(done.out))
    assert Path("runs/toy.md").read_text().startswith("| recipe | gate | measured |")
    rows = list(csv.DictReader(Path("runs/toy.csv").read_text().splitlines()))
    assert [row["result"] for row in rows] == ["passed", "passed"]
    report = json.loads(Path("runs/toy.json").read_text())
    assert [row["gate"] for row in report] == ["miss, every", "miss, median"]
    assert all(isinstance(row["measured"], float) and row["runs"] == 2 for row in report)


def test_what_is_finished_is_found_finished(run):
    before = run()
    names = sorted(Path("runs").iterdir())
    again = run()
    assert again.code == 0
    assert again.out.count("finished already") == 2
    assert sorted(Path("runs").iterdir()) == names
    assert table(again.out) == table(before.out)


def test_a_missed_gate_names_the_run(run, golden):
    done = run("toy.toml", "--set", "gate.miss.at_most=0")
    assert done.code == 4
    golden("series-missed", table(done.out) + done.err)


def test_a_folder_is_a_series_and_recipes_without_gates_are_rows_too(run, desk, golden):
    (desk / "ladder").mkdir()
    (desk / "ladder" / "b_plain.toml").write_text(RECIPE)
    (desk / "ladder" / "a_gated.toml").write_text(
        f'{RECIPE}\n[[gate]]\nmetric = "miss"\nat_most = 1e9'
    )
    done = run("ladder", "--out", "out/table.md")
    assert done.code == 0, done.err
    golden("series-of-a-folder", table(done.out))
    assert (desk / "out" / "table.md").read_text() == (desk / "runs" / "ladder.md").read_text()


def test_a_run_that_fails_stops_no_other(run, desk, golden):
    text = RECIPE + GATES.replace("seed = [1, 2]", '"data.poison" = [true, false]')
    (desk / "toy.toml").write_text(text)
    done = run()
    assert done.code == 1
    finished = [p for p in Path("runs").iterdir() if p.is_dir()]
    assert sorted(state_of(path)["state"] for path in finished) == ["failed", "finished"]
    golden("series-failed", table(done.out) + done.err)


def test_mistakes_in_any_recipe_are_told_before_anything_runs(run, desk):
    (desk / "ladder").mkdir()
    (desk / "ladder" / "a.toml").write_text(RECIPE)
    (desk / "ladder" / "b.toml").write_text(RECIPE.replace("steps", "stpes"))
    (desk / "ladder" / "c.toml").write_text(RECIPE + '[each]\nseed = ["x"]')
    done = run("ladder")
    assert done.code == 1
    assert [line.partition(" ")[0] for line in done.err.splitlines()] == [
        "ladder/b.toml:13:1:",
        "ladder/c.toml:19:9:",
    ]
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    "option", [("--run-dir", "x"), ("--dry-run", "2"), ("--dump-kernels", "x"), ("--profile", "2")]
)
def test_what_is_for_one_run_is_refused(run, option, golden):
    done = run("toy.toml", *option)
    assert done.code == 1
    golden("series-option-of-one-run", done.err)


def test_an_empty_folder_is_a_mistake(run, desk, golden):
    (desk / "empty").mkdir()
    done = run("empty")
    assert done.code == 1
    golden("series-empty-folder", done.err)


def test_a_report_that_cannot_be_named_is_a_mistake(run, golden):
    done = run("toy.toml", "--out", "table.pdf")
    assert done.code == 1
    golden("series-report-of-no-kind", done.err)
    assert not Path("runs").exists()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_series_that_is_stopped_continues(run, desk, how):
    """The second of three runs is stopped in its middle; the same command does the rest."""
    text = f'{RECIPE}[each]\n"stage.A.steps" = [5, 400, 6]'
    (desk / "toy.toml").write_text(text)
    command = [sys.executable, "-m", "ddspcore.cli", "run", "toy.toml", "--plugin", str(TOY)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 100
    second = None
    while second is None and time.monotonic() < deadline:
        time.sleep(0.01)
        begun = list(Path("runs").glob("*_toy-400_*/A/state.json"))
        second = begun[0].parents[1] if begun else None
    process.send_signal(how)
    out, err = process.communicate(timeout=60)
    assert second is not None, out + err
    if how is signal.SIGINT:
        assert process.returncode == 130, out + err
        assert "the same command continues" in err
        assert state_of(second)["state"] == "interrupted"
        assert Path("runs/toy.md").is_file()
    done = run()
    assert done.code == 0, done.err
    assert done.out.count("finished already") == 1
    assert done.out.count("continuing the unfinished run") == 1
    folders = [path for path in Path("runs").iterdir() if path.is_dir()]
    assert [state_of(path)["state"] for path in folders] == ["finished"] * 3
