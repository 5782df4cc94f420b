import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import main, parser
from benchmarks.options import setup_of, setup_options

ROOT = Path(__file__).parents[2]


def run(*words):
    command = [sys.executable, "-m", "benchmarks", *map(str, words)]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ
    )


def test_a_quick_session_without_peers_measures_what_is_named(tmp_path):
    words = ["--quick", "--threads", 1, "--only", "filtered noise", "error of", "--out", tmp_path]
    done = run(*words)
    assert done.returncode == 0, done.stderr
    machine, *records = map(json.loads, (tmp_path / "quick-cpu.jsonl").read_text().splitlines())
    assert machine["machine"]["peers"]["auraloss"] == "no --peers folder was given"
    assert len(records) == 4
    for record in records:
        assert record["results"]["ddsp_pytorch"] == {"absent": "no --peers folder was given"}
        assert any("absent" not in result for result in record["results"].values())


def test_other_processes_are_given_the_same_setup():
    words = ["--quick", "--threads", "1", "--peers", "somewhere", "--tensorflow", "python"]
    setup = setup_of(parser().parse_args(words))
    assert setup_of(parser().parse_args(setup_options(setup))) == setup


def test_a_page_that_is_not_there_is_missed_before_anything_is_measured(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["--docs", str(tmp_path), "--out", str(tmp_path)])
    assert "there is no performance.md" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
