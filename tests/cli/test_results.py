"""`ddsp results`: known runs in a table, and folders of garbage that are rows as well."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import filelock
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ddspcore.train.ledger import read_runs

TOY = Path(__file__).parents[1] / "train" / "toy.py"


def summary(recipe="low", value=0.5, **more):
    return {
        "recipe": recipe,
        "member": "",
        "metric": {"name": "mss", "value": value, "direction": "lower", "split": "val"},
        "evaluation": {"train": {"lsd": 1.0}, "val": {"lsd": 2.5, "share/noise": 0.25}},
        "gates": [{"passed": True}, {"passed": False}],
        "seconds": 12.5,
        "device": "cpu",
    } | more


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with eight runs of all kinds."""
    monkeypatch.chdir(tmp_path)

    def write(name, state, table=None):
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        (folder / "status.json").write_text(json.dumps({"key": "k", "state": state}))
        if table is not None:
            (folder / "summary.json").write_text(json.dumps(table))
        return folder

    write("2026-01-01_100000_low_aaaaaa", "finished", summary(value=0.5))
    write("2026-01-02_100000_low_bbbbbb", "finished", summary(value=0.4))
    write("2026-01-03_100000_low_cccccc", "finished", summary(value=0.6))
    up = {"name": "snr", "value": 3.0, "direction": "higher"}
    write("2026-01-01_100000_up_aaaaaa", "finished", summary("up", metric=up, gates=[]))
    up = {"name": "snr", "value": 9.0, "direction": "higher"}
    write("2026-01-01_100001_up_bbbbbb", "finished", summary("up", metric=up, member="horn"))
    write("2026-01-04_100000_low_dddddd", "interrupted")
    write("2026-01-05_100000_low-x_eeeeee", "running")
    write("2026-01-06_100000_low_ffffff", "finished")
    (tmp_path / "runs" / "notes").mkdir()
    (tmp_path / "runs" / "ladder.csv").write_text("recipe\n")
    return tmp_path


def test_finished_runs_are_compared_and_others_listed_apart(ddsp, desk, golden):
    done = ddsp("results", "--metric", "lsd")
    assert done.code == 0, done.err
    golden("results", done.out)


def test_markdown(ddsp, desk, golden):
    golden("results-markdown", ddsp("results", "runs", "--format", "markdown").out)


def test_csv_and_json_have_every_number(ddsp, desk):
    table = list(csv.DictReader(ddsp("results", "--format", "csv").out.splitlines()))
    report = json.loads(ddsp("results", "--format", "json").out)
    assert len(table) == len(report) == 8
    assert table[0]["share/noise"] == "0.25"
    assert report[0]["lsd"] == 2.5
    assert [row["state"] for row in report].count("finished") == 5


def test_the_best_and_the_latest_of_each_recipe(desk):
    found = {entry.folder.name: entry for entry in read_runs(desk / "runs")}
    assert [n for n, e in found.items() if e.best] == [
        "2026-01-02_100000_low_bbbbbb",
        "2026-01-01_100000_up_aaaaaa",
        "2026-01-01_100001_up_bbbbbb",
    ]
    assert found["2026-01-03_100000_low_cccccc"].latest
    assert not found["2026-01-02_100000_low_bbbbbb"].latest


def test_some_of_them(ddsp, desk):
    def runs(*options):
        rows = json.loads(ddsp("results", "--format", "json", *options).out)
        return [row["run"][-6:] for row in rows]

    assert runs("--best") == ["bbbbbb", "aaaaaa", "bbbbbb"]
    assert runs("--recipe", "up*") == ["aaaaaa", "bbbbbb"]
    assert runs("--recipe", "low", "--best") == ["bbbbbb"]
    assert runs("--sort", "latest")[:2] == ["ffffff", "eeeeee"]


def test_a_living_run_is_running_and_a_dead_one_crashed(desk):
    path = desk / "runs" / "2026-01-05_100000_low-x_eeeeee"

    def state():
        return next(entry.state for entry in read_runs(path))

    assert state() == "crashed"
    with filelock.FileLock(path / "lock"):
        assert state() == "running"
    assert state() == "crashed"


@pytest.mark.parametrize("folder", ["absent", "empty", "file"])
def test_nothing_to_compare(ddsp, desk, folder, golden):
    (desk / "empty").mkdir()
    (desk / "file").write_text("")
    done = ddsp("results", folder)
    assert done.code == 1
    golden(f"results-{folder}", done.err)


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("status.json", b"", "status.json is no JSON"),
        ("status.json", b'{"state": "finished"', "status.json is no JSON"),
        ("status.json", b"[1]", "status.json is no table"),
        (
            "status.json",
            b'{"state": "fine"}',
            "status.json says 'fine', which is no state of a run",
        ),
        ("summary.json", b"\xff\xfe", "summary.json is no JSON"),
        ("summary.json", b"[" * 100_000, "summary.json is no JSON"),
        ("summary.json", b"{}", "summary.json has no metric"),
        ("summary.json", b" " * (9 << 20), "summary.json is larger than 8 MiB"),
    ],
)
def test_a_broken_run_is_a_row_with_a_reason(desk, file, content, reason):
    folder = desk / "runs" / "2026-01-01_100000_low_aaaaaa"
    (folder / file).write_bytes(content)
    (entry,) = read_runs(folder)
    assert (entry.state, entry.reason) == ("broken", reason)


def test_files_that_are_folders_are_rows_too(desk):
    folder = desk / "runs" / "2026-01-01_100000_low_aaaaaa"
    (folder / "summary.json").unlink()
    (folder / "summary.json").mkdir()
    assert next(iter(read_runs(folder))).state == "broken"


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
KEYS = ("recipe", "member", "metric", "evaluation", "gates", "seconds", "device")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, plain)), plain)
def test_no_content_of_a_summary_is_a_crash(ddsp, desk, table, metric):
    folder = desk / "runs" / "2026-01-01_100000_low_aaaaaa"
    for content in (summary() | table, summary(metric={"name": metric, "value": metric}), metric):
        (folder / "summary.json").write_text(json.dumps(content))
        for form in ("table", "csv", "json"):
            assert ddsp("results", "--format", form, "--sort", "value").code == 0


@given(st.binary(max_size=40), st.binary(max_size=40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
def test_no_bytes_are_a_crash(desk, status, text):
    folder = desk / "runs" / "2026-01-01_100000_low_aaaaaa"
    (folder / "status.json").write_bytes(status)
    (folder / "summary.json").write_bytes(text)
    assert len(read_runs(desk / "runs")) == 8


def test_real_runs(ddsp, trained):
    done = ddsp("results", trained, "--format", "json")
    (row,) = json.loads(done.out)
    said = json.loads((trained / "summary.json").read_text())
    assert row["value"] == said["metric"]["value"]
    assert row["mark"] == "best, latest"
    assert row["mss"] == said["evaluation"][said["metric"]["split"]]["mss"]


def test_torch_is_not_imported(desk):
    code = (
        "import sys; from ddspcore.cli import main; assert main(['results']) == 0; "
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.search("crashed|running", done.stdout)
