import json
import shutil

import pytest

QUICK = ("--seconds", "0.2", "--blocks", "64,100")


def test_it_measures_every_size_of_block(ddsp, trained):
    outcome = ddsp("bench", trained, *QUICK, "--json")
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    assert [pace["block"] for pace in found["paces"]] == [64, 100]
    for pace in found["paces"]:
        assert pace["seconds"] == pytest.approx(0.2, abs=pace["block"] / 8000)
        assert pace["seconds"] == pace["blocks"] * pace["block"] / 8000
        assert 0 < pace["median_us"] <= pace["p99_us"] <= pace["worst_us"]
        assert pace["cpu_us"] > 0
        total = pace["mean_us"] * pace["blocks"] / 1e6
        assert pace["realtime"] == pytest.approx(pace["seconds"] / total)
    assert found["offline_seconds"] == 30
    assert found["offline_realtime"] > 0
    assert (found["device"], found["threads"]) == ("cpu", 1)
    assert found["kernels"].startswith(("native (", "reference ("))
    assert found["features"] == "the run's own data (train)"


def test_the_latency_adds_up(ddsp, trained):
    """A hop of 128 samples, 8 of a filter of 9 bands, half of a window of 64 ms, at 8 kHz."""
    outcome = ddsp("bench", trained, *QUICK)
    assert outcome.code == 0, outcome.err
    assert "latency 49.0 ms: hop 16.0, synths 1.0, half the features' window 32.0" in outcome.out


def test_it_prints_a_row_a_size(ddsp, trained):
    outcome = ddsp("bench", trained, *QUICK)
    assert [line.split()[0] for line in outcome.out.splitlines()[:3]] == ["block", "64", "100"]
    assert "x real time" in outcome.out
    assert "on cpu, 1 thread, kernels " in outcome.out


def test_without_the_data_features_are_drawn(ddsp, trained, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    resolved = run / "resolved.toml"
    text = resolved.read_text()
    assert "tone.wav" in text
    resolved.write_text(text.replace("tone.wav", "gone.wav"))
    outcome = ddsp("bench", run, *QUICK, "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["features"] == "drawn within bounds"


def test_what_cannot_stream_is_said(ddsp, trained, tmp_path):
    outcome = ddsp("bench", tmp_path, *QUICK)
    assert outcome.code == 1
    assert "no run folder" in outcome.err


@pytest.mark.parametrize("blocks", ["0", "64,", "few", "-64"])
def test_sizes_that_are_none_are_refused(ddsp, trained, blocks):
    outcome = ddsp("bench", trained, "--blocks", blocks)
    assert outcome.code == 1
    assert f'"{blocks}" is not like 64,128,256' in outcome.err
